//! What following costs while nothing happens: processor time and wake-ups of everything a tool runs but the program.

use std::time::Duration;

use crate::clock::{now, pause};
use crate::procfs::Usage;
use crate::project::{App, Yard};
use crate::report::Section;
use crate::tools::{BEFORE, Hotrun, Socket, Tool, found};

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let time = Duration::from_secs(yard.plan.size(60, 1));
    let mut tools: Vec<Box<dyn Tool>> =
        vec![Box::new(Hotrun::start(yard, App::Tiny, Socket::Any, "hotrun and its reaper", &[]))];
    if yard.plan.before.is_some() {
        tools.push(Box::new(Hotrun::start(yard, App::Tiny, Socket::Any, BEFORE, &[])));
    }
    for peer in found(&yard.plan).iter().filter(|peer| !peer.holds()) {
        tools.push(Box::new(peer.start(yard, App::Tiny, Socket::Any)));
    }
    // What a start leaves to do is done by then.
    pause(yard.plan.size(Duration::from_secs(5), Duration::from_secs(1)));
    let usage = |tools: &[Box<dyn Tool>]| -> Vec<Usage> {
        tools.iter().map(|tool| Usage::of_tool(&tool.site().mark, App::Tiny.package())).collect()
    };
    let (began, before) = (now(), usage(&tools));
    pause(time);
    let (ended, after) = (now(), usage(&tools));
    let mut section = Section::new(format!("idle over {} s", time.as_secs()));
    for ((tool, before), after) in tools.iter().zip(&before).zip(&after) {
        let name = tool.name();
        let busy = after.cpu_ms - before.cpu_ms;
        section.add(&format!("{name}: processor time"), "ms", busy);
        section.add(&format!("{name}: share of a core"), "%", busy / (ended - began) * 100.0);
        section.count(&format!("{name}: wake-ups"), "", after.switches.saturating_sub(before.switches));
        section.add(&format!("{name}: resident memory"), "MB", after.resident_mb);
        section.add(&format!("{name}: most resident memory"), "MB", after.peak_mb);
        section.count(&format!("{name}: processes"), "", after.processes);
    }
    vec![section]
}
