//! What a thousand builds leave in hotrun. cargo is a stand-in that builds nothing.

use crate::procfs::{Usage, descriptors};
use crate::project::{App, Yard};
use crate::report::Section;
use crate::shim;
use crate::tools::{Hotrun, Site, Socket, Tool, builds};

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    builds(&yard.plan).into_iter().map(|name| thousand(yard, name)).collect()
}

fn thousand(yard: &Yard, name: &str) -> Section {
    let count = yard.plan.size(1000, 12);
    let site = Site::new(yard, App::Tiny, Socket::Any);
    let binaries = ["a", "b"].map(|version| {
        site.project.save(version);
        site.project.build();
        let binary = yard.folder().join(version);
        std::fs::copy(site.project.program(), &binary).expect("it was built");
        binary
    });
    let site = site.equipped(&shim::stand_in(yard));
    let save = |site: &Site, build: usize| {
        let text = format!("// use: {}\nfn main() {{}}\n", binaries[build % 2].display());
        site.project.write("src/main.rs", &text);
    };
    save(&site, 0);
    let hotrun = Hotrun::launch(yard, site, name, &[]);
    hotrun.site().answered("a");
    hotrun.events.next("ready");
    let mut section = Section::new(format!("memory of {name} over {count} builds"));
    for build in 1..=count {
        save(hotrun.site(), build);
        hotrun.events.next("ready");
        if [10, 100, count].contains(&build) {
            let usage = Usage::of(hotrun.process.pid());
            section.add(&format!("resident after build {build}"), "MB", usage.resident_mb);
            section.add(&format!("most resident by build {build}"), "MB", usage.peak_mb);
            section.count(&format!("descriptors after build {build}"), "", descriptors(hotrun.process.pid()));
        }
    }
    section
}
