//! The first start in a project that `cargo run` has built, and the second; with nothing to compile, and after an edit. And
//! the first edit after a start with nothing to compile.

use std::fs;
use std::time::Duration;

use crate::clock::{now, pause};
use crate::keeper::Kept;
use crate::project::{App, Yard, cargo};
use crate::report::Section;
use crate::tools::{Hotrun, Site, Socket, Tool, builds};

/// How a hotrun is started: its name, and its arguments.
const KINDS: [(&str, &[&str]); 2] = [("hotrun", &[]), ("hotrun --share-build-dir", &["--share-build-dir"])];

/// How long after a first start the first edit is saved.
const FIRST_EDIT: Duration = Duration::from_secs(5);

/// Each for each build of hotrun.
fn kinds(yard: &Yard) -> Vec<(String, &'static [&'static str])> {
    let named =
        |build: &'static str| KINDS.map(|(name, arguments)| (name.replace("hotrun", build), arguments));
    builds(&yard.plan).into_iter().flat_map(named).collect()
}

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let apps = yard.plan.size(&[App::Tiny, App::Web][..], &[App::Tiny]);
    apps.iter().map(|&app| start(yard, app)).collect()
}

fn start(yard: &Yard, app: App) -> Section {
    let rounds = yard.plan.rounds(10);
    let mut section = Section::new(format!("start -> served, {}, {rounds} rounds", app.title()));
    let mut site = Site::new(yard, app, Socket::Any);
    site.project.build();
    let mut version = "none".to_owned();
    for round in 0..rounds {
        let floor = cargo_run(&site, &version);
        section.add("cargo run, everything built", "ms", floor);
        for (name, arguments) in kinds(yard) {
            forget(yard, &site);
            for which in ["first", "second"] {
                let took;
                (took, site) = launch(yard, site, &name, arguments, &version);
                section.add(&format!("{name}, {which} start"), "ms", took);
                section.add(&format!("{name}, {which} start / cargo run, paired"), "×", took / floor);
            }
        }
        // The edit that is compiled is another one each time, and neither has compiled the other's.
        version = format!("edit {round} for cargo");
        site.project.save(&version);
        let floor = cargo_run(&site, &version);
        section.add("cargo run, an edit to compile", "ms", floor);
        for (name, arguments) in kinds(yard) {
            forget(yard, &site);
            version = format!("edit {round} for {name}");
            site.project.save(&version);
            let took;
            (took, site) = launch(yard, site, &name, arguments, &version);
            section.add(&format!("{name}, first start, an edit to compile"), "ms", took);
            section.add(&format!("{name}, first start, an edit / cargo run, paired"), "×", took / floor);
        }
        site.project.build();
        version = format!("first edit {round} for cargo");
        site.project.save(&version);
        let floor = cargo_run(&site, &version);
        section.add("cargo run stopped and run again, an edit", "ms", floor);
        for (name, arguments) in kinds(yard) {
            forget(yard, &site);
            let hotrun = Hotrun::launch(yard, site, &name, arguments);
            hotrun.site().answered(&version);
            pause(yard.plan.size(FIRST_EDIT, Duration::from_millis(500)));
            version = format!("first edit {round} for {name}");
            let began = now();
            hotrun.site().project.save(&version);
            let took = hotrun.site().answered(&version) - began;
            section.add(&format!("{name}, first edit after a first start"), "ms", took);
            section.add(&format!("{name}, first edit / cargo run again, paired"), "×", took / floor);
            site = hotrun.end();
            site.project.build();
        }
    }
    section
}

fn cargo_run(site: &Site, version: &str) -> f64 {
    let began = now();
    let mut command = cargo(&site.project.folder);
    site.prepare(&mut command).args(["run", "--offline"]);
    let run = Kept::spawn(&mut command, &site.mark);
    let answered = site.answered(version);
    drop(run);
    answered - began
}

fn launch(yard: &Yard, site: Site, name: &str, arguments: &[&str], version: &str) -> (f64, Site) {
    let began = now();
    let hotrun = Hotrun::launch(yard, site, name, arguments);
    let took = hotrun.site().answered(version) - began;
    (took, hotrun.end())
}

/// As if hotrun had never run here. Moved away and not deleted: ext4 looks for long at places where files were deleted
/// before it makes new ones there, which no first start has to bear.
#[expect(clippy::disallowed_methods, reason = "no live path of anybody's is renamed onto")]
fn forget(yard: &Yard, site: &Site) {
    let staging = site.project.folder.join("target/hotrun");
    if staging.exists() {
        fs::rename(staging, yard.folder().join("hotrun")).expect("the two are on one file system");
    }
}
