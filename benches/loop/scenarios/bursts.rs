//! Many saves at once, as git, formatters and editors make them, with several values of `--debounce`: when the last one
//! is served, and how many builds it took.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::clock::{now, pause};
use crate::project::{App, Project, Yard};
use crate::report::Section;
use crate::shim::Witness;
use crate::tools::{Hotrun, Site, Socket, Tool};

const DEBOUNCES: [&str; 4] = ["50ms", "30ms", "20ms", "10ms"];

/// The modules of the program that change with it.
const FILES: usize = 50;

type Burst = fn(&Project, usize);

/// What happens to a project, by its name; all of it ends with a version of this name and round.
const BURSTS: [(&str, Burst); 4] =
    [("checkout", checkout), ("rebase", rebase), ("format on save", format_on_save), ("save all", save_all)];

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let rounds = yard.plan.rounds(10);
    let (debounces, bursts) = yard.plan.size((&DEBOUNCES[..], &BURSTS[..]), (&DEBOUNCES[..1], &BURSTS[..1]));
    let mut tools: Vec<(Witness, Hotrun)> = debounces
        .iter()
        .map(|debounce| {
            let witness = Witness::new(yard);
            let site = Site::new(yard, App::Tiny, Socket::Any).equipped(&witness.folder);
            prepare(&site.project, rounds);
            let tool =
                Hotrun::launch(yard, site, &format!("--debounce {debounce}"), &["--debounce", debounce]);
            (witness, tool.running())
        })
        .collect();
    let mut sections = Vec::new();
    for &(name, burst) in bursts {
        let mut section = Section::new(format!("bursts, {name}, {rounds} rounds in turn"));
        for round in 0..rounds {
            tools.rotate_left(1);
            for (witness, tool) in &mut tools {
                witness.builds();
                let tool_name = tool.name().to_owned();
                let began = now();
                burst(&tool.site().project, round);
                let last = now();
                let answer = tool.follow(&version(name, round), last);
                // A tool that builds once more does so soon.
                pause(Duration::from_millis(500));
                let builds = witness.builds();
                section.add(&format!("{tool_name}: first save -> served"), "ms", answer.ms + last - began);
                section.add(&format!("{tool_name}: last save -> served"), "ms", answer.ms);
                section.count(&format!("{tool_name}: builds started"), "", builds.len());
            }
        }
        sections.push(section);
    }
    sections
}

fn version(name: &str, round: usize) -> String {
    format!("{name} {round}")
}

/// Commits a branch for each round of git's bursts.
fn prepare(project: &Project, rounds: usize) {
    git(project, &["init", "-q", "-b", "main", "."]);
    let files = |project: &Project, numbers: std::ops::Range<usize>, text: &str| {
        for number in numbers {
            project.write(&format!("src/part{number}.rs"), &format!("pub const TEXT: &str = {text:?};\n"));
        }
    };
    files(project, 0..FILES, "none");
    save(project, "none");
    commit(project);
    for round in 0..rounds {
        git(project, &["checkout", "-q", "-b", &format!("checkout{round}"), "main"]);
        files(project, 0..FILES, &version("checkout", round));
        save(project, &version("checkout", round));
        commit(project);
        git(project, &["checkout", "-q", "-b", &format!("onto{round}"), "main"]);
        project.write("notes.txt", &version("rebase", round));
        commit(project);
        git(project, &["checkout", "-q", "-b", &format!("rebase{round}"), "main"]);
        for first in (0..FILES).step_by(5) {
            files(project, first..first + 5, &version("rebase", round));
            commit(project);
        }
        save(project, &version("rebase", round));
        commit(project);
    }
    git(project, &["checkout", "-q", "main"]);
}

fn git(project: &Project, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(&project.folder).args(["-c", "user.name=bench", "-c", "user.email=bench@localhost"]);
    let done =
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(done.expect("git is on the PATH").success(), "git {arguments:?} failed");
}

fn commit(project: &Project) {
    git(project, &["add", "-A"]);
    git(project, &["commit", "-q", "-m", "change"]);
}

/// The program with its modules.
fn save(project: &Project, version: &str) {
    project.save(version);
    let path = project.folder.join("src/main.rs");
    let text = std::fs::read_to_string(&path).expect("it was saved");
    let modules: Vec<String> = (0..FILES).map(|number| format!("mod part{number};")).collect();
    std::fs::write(path, format!("#![allow(dead_code)]\n{text}{}", modules.join("\n"))).expect("a file");
}

fn checkout(project: &Project, round: usize) {
    git(project, &["checkout", "-q", &format!("checkout{round}")]);
}

fn rebase(project: &Project, round: usize) {
    git(project, &["rebase", "-q", &format!("onto{round}"), &format!("rebase{round}")]);
}

fn format_on_save(project: &Project, round: usize) {
    save(project, &version("format on save", round));
    let path = project.folder.join("src/main.rs");
    let rustfmt = || Command::new("rustfmt").args(["--edition", "2024"]).arg(&path).status();
    assert!(rustfmt().is_ok_and(|done| done.success()), "rustfmt is on the PATH");
}

fn save_all(project: &Project, round: usize) {
    for number in 0..10 {
        let text = format!("pub const TEXT: &str = {:?};\n", version("save all", round));
        project.write(&format!("src/part{number}.rs"), &text);
        pause(Duration::from_millis(4));
    }
    save(project, &version("save all", round));
}
