//! Several programs of one workspace: one hotrun with a service for each, beside a hotrun for each. From a save until all
//! programs it concerns have answered, and how many cargos that took.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::clock::{now, pause};
use crate::home::Home;
use crate::keeper::{Kept, Mark};
use crate::project::{App, Project, Yard, as_from_a_shell};
use crate::report::Section;
use crate::shim::Witness;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Whose file is edited, and who has to be served anew for it.
const EDITS: [(&str, &[usize]); 2] = [("of the shared crate", &[0, 1, 2]), ("of one program", &[0])];

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let rounds = yard.plan.rounds(15);
    let count = NAMES.len();
    let mut fleets = [
        Fleet::start(yard, format!("one hotrun, {count} services"), Fleet::together),
        Fleet::start(yard, format!("{count} hotruns"), Fleet::apart),
    ];
    let mut sections = Vec::new();
    for (edit, concerned) in EDITS {
        let title = format!("services: save {edit} -> served, {count} programs, {rounds} rounds in turn");
        let mut section = Section::new(title);
        for round in 0..rounds {
            let mut times = [0.0; 2];
            for turn in 0..fleets.len() {
                let index = (turn + round) % fleets.len();
                let fleet = &mut fleets[index];
                fleet.witness.builds();
                times[index] = fleet.edit(&format!("{edit} {round}"), concerned);
                // A tool that builds once more does so soon.
                pause(Duration::from_millis(500));
                let cargos = fleet.witness.builds().len();
                section.add(&fleet.name, "ms", times[index]);
                section.count(&format!("{}: cargos started", fleet.name), "", cargos);
            }
            section.add("together - apart, paired", "ms", times[0] - times[1]);
        }
        sections.push(section);
    }
    sections
}

/// A workspace, and who follows it.
struct Fleet {
    name: String,
    project: Project,
    /// Of each program.
    homes: Vec<Home>,
    witness: Witness,
    hotruns: Vec<Kept>,
    mark: Mark,
}

impl Fleet {
    /// Starts the hotruns, and waits until all programs have answered.
    fn start(yard: &Yard, name: String, launch: impl Fn(&Self) -> Vec<Kept>) -> Self {
        let mut fleet = Self {
            name,
            project: Project { folder: yard.folder(), app: App::Tiny },
            homes: NAMES.iter().map(|_| Home::open()).collect(),
            witness: Witness::new(yard),
            hotruns: Vec::new(),
            mark: yard.mark(),
        };
        fleet.write();
        fleet.hotruns = launch(&fleet);
        fleet.answered("none", &[0, 1, 2]);
        fleet
    }

    fn write(&self) {
        let manifest =
            |name: &str| format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        let members: Vec<&str> = NAMES.into_iter().chain(["shared"]).collect();
        self.project.write("Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"));
        self.project.write("shared/Cargo.toml", &manifest("shared"));
        self.save_shared("none");
        for name in NAMES {
            let shared = "[dependencies]\nshared = { path = \"../shared\" }\n";
            self.project.write(&format!("{name}/Cargo.toml"), &format!("{}\n{shared}", manifest(name)));
            self.save_program(name, "shared::VERSION");
        }
    }

    fn save_shared(&self, version: &str) {
        self.project.write("shared/src/lib.rs", &format!("pub const VERSION: &str = {version:?};\n"));
    }

    /// Writes a program with this expression as its version.
    fn save_program(&self, name: &str, version: &str) {
        let text = App::Tiny.source().replace("\"none\"", version);
        self.project.write(&format!("{name}/src/main.rs"), &text);
    }

    /// One hotrun that runs all.
    fn together(&self) -> Vec<Kept> {
        let service = |(name, home): (&str, &Home)| {
            let home = home.address().to_string();
            format!("[service.{name}]\npackage = {name:?}\nenv = {{ BENCH_HOME = {home:?} }}\n")
        };
        let services: Vec<String> = NAMES.into_iter().zip(&self.homes).map(service).collect();
        self.project.write("hotrun.toml", &services.join("\n"));
        vec![self.hotrun(&[])]
    }

    /// A hotrun for each.
    fn apart(&self) -> Vec<Kept> {
        let one = |(name, home): (&str, &Home)| {
            self.hotrun(&["-p", name, "-E", &format!("BENCH_HOME={}", home.address())])
        };
        NAMES.into_iter().zip(&self.homes).map(one).collect()
    }

    fn hotrun(&self, arguments: &[&str]) -> Kept {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotrun"));
        as_from_a_shell(&mut command);
        let path = std::env::var_os("PATH").expect("cargo was found on it");
        let folders = std::iter::once(self.witness.folder.clone()).chain(std::env::split_paths(&path));
        command
            .arg("--offline")
            .args(arguments)
            .current_dir(&self.project.folder)
            .env("PATH", std::env::join_paths(folders).expect("no folder has a colon in its name"))
            .env("BENCH_ADDRESS", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Kept::spawn(&mut command, &self.mark)
    }

    /// Saves a version in what these programs have in common; gives the time until all have answered.
    fn edit(&self, version: &str, concerned: &[usize]) -> f64 {
        let saved = now();
        match concerned {
            [one] => self.save_program(NAMES[*one], &format!("{version:?}")),
            _ => self.save_shared(version),
        }
        self.answered(version, concerned) - saved
    }

    /// Waits until these programs have answered this version; gives the time of the last.
    fn answered(&self, version: &str, concerned: &[usize]) -> f64 {
        concerned.iter().map(|&index| self.homes[index].answered(version).0).fold(0.0, f64::max)
    }
}
