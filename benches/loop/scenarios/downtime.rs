//! What clients notice of a restart: a request every 5 ms, from before the save until well after the new version answers.

use std::time::Duration;

use super::turns;
use crate::clock::pause;
use crate::load::Load;
use crate::project::{App, Yard};
use crate::report::Section;
use crate::tools::{BEFORE, Floor, Hotrun, Socket, Tool, edit, found};

/// Clients before the save and after the answer.
const MARGIN: Duration = Duration::from_millis(250);

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let apps = yard.plan.size(&[(App::Tiny, 20), (App::Web, 10)][..], &[(App::Tiny, 1)]);
    apps.iter().map(|&(app, rounds)| restarts(yard, app, yard.plan.rounds(rounds))).collect()
}

fn restarts(yard: &Yard, app: App, rounds: usize) -> Section {
    let mut tools: Vec<Box<dyn Tool>> = vec![
        Box::new(Floor::start(yard, app, Socket::Held)),
        Box::new(Hotrun::start(
            yard,
            app,
            Socket::Held,
            "hotrun, socket held, restart",
            &["--ready", "notify"],
        )),
        Box::new(Hotrun::start(
            yard,
            app,
            Socket::Held,
            "hotrun, socket held, overlap",
            &["--update", "overlap"],
        )),
    ];
    // The short form keeps to ports that the kernel gives.
    if yard.plan.full {
        tools.push(Box::new(Floor::start(yard, app, Socket::Port)));
        tools.push(Box::new(Hotrun::start(yard, app, Socket::Port, "hotrun, without a held socket", &[])));
    }
    if yard.plan.before.is_some() {
        for update in [&["--ready", "notify"], &["--update", "overlap"]] {
            let name = format!("{BEFORE}, socket held, {}", update[1]);
            tools.push(Box::new(Hotrun::start(yard, app, Socket::Held, &name, update)));
        }
    }
    for peer in found(&yard.plan) {
        let socket = if peer.holds() { Socket::Held } else { Socket::Port };
        if socket == Socket::Held || yard.plan.full {
            tools.push(Box::new(peer.start(yard, app, socket)));
        }
    }
    let mut section = Section::new(format!(
        "downtime, {}, {rounds} restarts in turn, a request every 5 ms; values for each restart",
        app.title()
    ));
    for tool in &mut tools {
        edit(tool.as_mut(), "first");
    }
    for round in 0..rounds {
        let version = format!("round {round}");
        let mut gaps = vec![0.0; tools.len()];
        for (index, tool) in turns(round, &mut tools) {
            let load = Load::start(tool.site().serves());
            pause(MARGIN);
            edit(tool.as_mut(), &version);
            pause(MARGIN);
            gaps[index] = note(&mut section, tool.name(), load);
        }
        for (tool, gap) in tools.iter().zip(&gaps).skip(1).take(2) {
            section.add(&format!("{} - floor's: longest gap, paired", tool.name()), "ms", gap - gaps[0]);
        }
        // The same clients where nothing is restarted.
        let load = Load::start(tools[0].site().serves());
        pause(MARGIN * 3);
        note(&mut section, "no restart at all", load);
    }
    section
}

/// Gives the longest gap.
fn note(section: &mut Section, name: &str, load: Load) -> f64 {
    let toll = load.stop();
    section.count(&format!("{name}: failed requests"), "", toll.failed);
    section.add(&format!("{name}: longest gap between answers"), "ms", toll.gap);
    section.add(&format!("{name}: slowest answer"), "ms", toll.slowest);
    toll.gap
}
