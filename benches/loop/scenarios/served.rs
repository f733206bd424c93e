//! From a save until the new version has answered a request: hotrun, the floor and the peers, in turn.

use super::turns;
use crate::project::{App, Yard};
use crate::report::Section;
use crate::tools::{Answer, BEFORE, Floor, Hotrun, Socket, Tool, edit, found};

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    // The short form has nothing compiled that it would have to download.
    let apps = yard.plan.size(&[App::Tiny, App::Web][..], &[App::Tiny]);
    apps.iter().map(|&app| follow(yard, app)).collect()
}

fn follow(yard: &Yard, app: App) -> Section {
    let rounds = yard.plan.rounds(30);
    let mut tools: Vec<Box<dyn Tool>> = vec![
        Box::new(Hotrun::start(yard, app, Socket::Any, "hotrun", &[])),
        Box::new(Floor::start(yard, app, Socket::Any)),
    ];
    if yard.plan.before.is_some() {
        tools.push(Box::new(Hotrun::start(yard, app, Socket::Any, BEFORE, &[])));
    }
    for peer in found(&yard.plan) {
        let socket = if peer.holds() { Socket::Held } else { Socket::Any };
        tools.push(Box::new(peer.start(yard, app, socket)));
    }
    let mut times = Section::new(format!("save -> served, {}, {rounds} rounds in turn", app.title()));
    let mut steps: Vec<(String, f64)> = Vec::new();
    // The first ones warm up.
    let unseen = yard.plan.size(2, 0);
    for round in 0..rounds + unseen {
        let version = format!("round {round}");
        let mut answers: Vec<Option<Answer>> = tools.iter().map(|_| None).collect();
        for (index, tool) in turns(round, &mut tools) {
            answers[index] = Some(edit(tool.as_mut(), &version));
        }
        if round < unseen {
            continue;
        }
        let answers: Vec<Answer> = answers.into_iter().flatten().collect();
        for (tool, answer) in tools.iter().zip(&answers) {
            times.add(tool.name(), "ms", answer.ms);
        }
        let (hotrun, floor) = (&answers[0], &answers[1]);
        times.add("hotrun - floor, paired", "ms", hotrun.ms - floor.ms);
        if let (Some(ours), Some(theirs)) = (hotrun.step("cargo ran"), floor.step("cargo ran")) {
            times.add("of that: cargo ran, paired", "ms", ours - theirs);
        }
        times.add("hotrun / floor, paired", "×", hotrun.ms / floor.ms);
        for (tool, answer) in tools.iter().zip(&answers).skip(2) {
            times.add(&format!("{} / floor, paired", tool.name()), "×", answer.ms / floor.ms);
            times.add(&format!("hotrun - {}, paired", tool.name()), "ms", hotrun.ms - answer.ms);
        }
        for (tool, answer) in tools.iter().zip(&answers) {
            steps.extend(answer.steps.iter().map(|(step, ms)| (format!("{}: {step}", tool.name()), *ms)));
        }
    }
    for (step, ms) in steps {
        times.add(&step, "ms", ms);
    }
    times
}
