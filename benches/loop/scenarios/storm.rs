//! 300 saves in 3 s, every one with another content: how often it is built, and when the last one is served.
//!
//! The floor is told of the last save alone.

use std::time::Duration;

use crate::clock::{now, pause};
use crate::project::{App, Yard};
use crate::report::Section;
use crate::shim::{Build, Witness};
use crate::tools::{BEFORE, Floor, Hotrun, Site, Socket, Tool, found};

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let rounds = yard.plan.rounds(5);
    let (saves, over) = yard.plan.size((300_u32, 3_000), (50, 500));
    let every = Duration::from_millis(over) / saves;
    let mut tools: Vec<(Witness, Box<dyn Tool>)> = Vec::new();
    let equipped = || {
        let witness = Witness::new(yard);
        let site = Site::new(yard, App::Tiny, Socket::Any).equipped(&witness.folder);
        (witness, site)
    };
    let (witness, site) = equipped();
    tools.push((witness, Box::new(Hotrun::launch(yard, site, "hotrun", &[]).running())));
    let (witness, site) = equipped();
    tools.push((witness, Box::new(Floor::start_at(site))));
    if yard.plan.before.is_some() {
        let (witness, site) = equipped();
        tools.push((witness, Box::new(Hotrun::launch(yard, site, BEFORE, &[]).running())));
    }
    for peer in found(&yard.plan).iter().filter(|peer| !peer.holds()) {
        let (witness, site) = equipped();
        tools.push((witness, Box::new(peer.start_at(site))));
    }
    let mut section = Section::new(format!("storm, {saves} saves in {over} ms, {rounds} rounds in turn"));
    for round in 0..rounds {
        let mut times = Vec::new();
        for (witness, tool) in &mut tools {
            witness.builds();
            let name = tool.name().to_owned();
            let last = storm(tool.as_mut(), round, saves, every);
            let answer = tool.follow(&format!("storm {round} save {saves}"), last);
            // Whoever builds once more does so soon.
            pause(Duration::from_millis(700));
            times.push(answer.ms);
            let builds: Vec<Build> = witness.builds();
            section.add(&format!("{name}: last save -> served"), "ms", answer.ms);
            section.count(&format!("{name}: builds started"), "", builds.len());
            let late = builds.iter().filter(|build| build.at > last).count();
            section.count(&format!("{name}: of them after the last save"), "", late);
            // `cargo run` becomes the program, which is not a build.
            if name == "hotrun" {
                let overlaps = builds.iter().filter(|build| build.overlaps).count();
                section.count(&format!("{name}: of them beside another"), "", overlaps);
            }
        }
        section.add("hotrun - floor: last save -> served, paired", "ms", times[0] - times[1]);
        if yard.plan.before.is_some() {
            section.add("hotrun - before: last save -> served, paired", "ms", times[0] - times[2]);
        }
    }
    vec![section]
}

/// Saves at a steady pace; gives the time of the last one.
fn storm(tool: &mut dyn Tool, round: usize, saves: u32, every: Duration) -> f64 {
    let began = now();
    let mut last = began;
    for save in 1..=saves {
        let due = began + (every * save).as_secs_f64() * 1e3;
        pause(Duration::from_secs_f64((due - now()).max(0.0) / 1e3));
        last = now();
        tool.site().project.save(&format!("storm {round} save {save}"));
    }
    last
}
