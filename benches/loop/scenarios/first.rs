//! The first start in a project that `cargo run` has built, and the second.

use std::fs;

use crate::clock::now;
use crate::keeper::Kept;
use crate::project::{App, Yard, cargo};
use crate::report::Section;
use crate::tools::{Hotrun, Site, Socket, Tool};

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let apps = yard.plan.size(&[App::Tiny, App::Web][..], &[App::Tiny]);
    apps.iter().map(|&app| start(yard, app)).collect()
}

fn start(yard: &Yard, app: App) -> Section {
    let rounds = yard.plan.rounds(5);
    let mut section = Section::new(format!("start -> served, {}, {rounds} rounds", app.title()));
    let mut site = Site::new(yard, app, Socket::Any);
    site.project.build();
    for _ in 0..rounds {
        let began = now();
        let mut command = cargo(&site.project.folder);
        site.prepare(&mut command).args(["run", "--offline"]);
        let run = Kept::spawn(&mut command, &site.mark);
        section.add("cargo run, everything built", "ms", site.answered("none") - began);
        drop(run);
        let sharing: &[&str] = &["--share-build-dir"];
        for (arguments, name) in [(&[][..], "hotrun"), (sharing, "hotrun --share-build-dir")] {
            let _ = fs::remove_dir_all(site.project.folder.join("target/hotrun"));
            for which in ["first", "second"] {
                let began = now();
                let hotrun = Hotrun::launch(yard, site, "hotrun", arguments);
                section.add(&format!("{name}, {which} start"), "ms", hotrun.site().answered("none") - began);
                site = hotrun.end();
            }
        }
    }
    section
}
