//! Large projects: how long from the start until hotrun watches, how much it watches and reads for that, and how long
//! until it sees a save.

use std::fs;
use std::path::Path;

use crate::clock::now;
use crate::procfs::watches;
use crate::project::{App, Project, Yard};
use crate::report::Section;
use crate::tools::{Hotrun, OWN, Site, Socket, Tool, edit, time_of};

pub(crate) fn measure(yard: &Yard) -> Vec<Section> {
    let ignored = yard.plan.size(2_000, 20);
    let members = yard.plan.size(500, 5);
    let inputs = yard.plan.size(200, 2);
    let plain = look(yard, "a small project".to_owned(), &[], |_| ());
    let with_ignored = look(yard, format!("the same with {} ignored files", ignored * 100), &[], |project| {
        fill(&project.folder.join("node_modules"), ignored / 2);
        fill(&project.folder.join("target/debris"), ignored - ignored / 2);
    });
    let workspace = look(yard, format!("a workspace of {members} more members"), &[], |project| {
        add_members(project, members);
    });
    let fed = look(yard, format!("{} input files (build.inputs)", inputs * 100), &["data"], |project| {
        fill(&project.folder.join("data"), inputs);
    });
    vec![plain, with_ignored, workspace, fed]
}

fn look(yard: &Yard, what: String, inputs: &[&str], grow: impl Fn(&Project)) -> Section {
    let site = Site::new(yard, App::Tiny, Socket::Any);
    grow(&site.project);
    if !inputs.is_empty() {
        site.project.write("hotrun.toml", &format!("[build]\ninputs = {inputs:?}\n"));
    }
    let mut section = Section::new(format!("large: {what}"));
    // The first start builds, and is not counted.
    let mut site = Hotrun::launch(yard, site, "hotrun", &[]).running().end();
    let mut version = "none".to_owned();
    for start in 0..yard.plan.rounds(5) {
        let began = now();
        let mut hotrun = Hotrun::launch(yard, site, "hotrun", &[]);
        let watching = hotrun.events.started();
        section.add("start -> watching", "ms", time_of(&watching) - began);
        section.add("start -> served", "ms", hotrun.site().answered(&version) - began);
        section.count("inotify watches", "", watches(hotrun.process.pid()));
        for (field, name) in [("folders", "folders watched"), ("files", "files that count")] {
            section.add(name, "", watching[field].as_f64().expect("a number"));
        }
        // What the start leaves to do may be in the way of the first save.
        for save in ["first save", "second save"] {
            version = format!("{save} {start}");
            let answer = edit(&mut hotrun, &version);
            section.add(&format!("{save} -> served"), "ms", answer.ms);
            let names = [("save -> changed", format!("{save} -> changed")), (OWN, format!("{save}: {OWN}"))];
            for (step, name) in names {
                section.add(&name, "ms", answer.step(step).expect("hotrun told of it"));
            }
        }
        site = hotrun.end();
    }
    if let Ok(strace) = which::which("strace") {
        count_reads(yard, &mut section, &strace, site);
    }
    section
}

/// How many folders hotrun and the cargo it runs list until it watches.
fn count_reads(yard: &Yard, section: &mut Section, strace: &Path, site: Site) {
    let log = yard.folder().join("calls");
    let (strace, path) = (strace.display().to_string(), log.display().to_string());
    let by =
        [&*strace, "-f", "-qq", "--seccomp-bpf", "-e", "trace=getdents64,inotify_add_watch", "-o", &*path];
    let hotrun = Hotrun::launch_by(yard, site, "hotrun", &by, &[]);
    hotrun.events.started();
    drop(hotrun);
    let calls = fs::read_to_string(log).unwrap_or_default();
    // The call that finds nothing more ends a folder.
    let listed =
        calls.lines().filter(|line| line.contains("getdents64") && line.trim_end().ends_with("= 0")).count();
    section.count("folders listed at the start (hotrun and cargo)", "", listed);
    section.count(
        "watches asked for",
        "",
        calls.lines().filter(|line| line.contains("inotify_add_watch(")).count(),
    );
}

/// This many folders of a hundred files each. The files of a folder are one file by many names: whoever looks finds as
/// many, and they are made and removed in a fraction of the time.
fn fill(folder: &Path, folders: usize) {
    for number in 0..folders {
        let folder = folder.join(format!("part{}/{number}", number / 100));
        fs::create_dir_all(&folder).expect("a folder");
        let first = folder.join("0.txt");
        fs::write(&first, number.to_string()).expect("a file");
        for file in 1..100 {
            fs::hard_link(&first, folder.join(format!("{file}.txt"))).expect("another name");
        }
    }
}

/// Members that the program does not depend on.
fn add_members(project: &Project, count: usize) {
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("member{number}");
        let manifest = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        project.write(&format!("members/{name}/Cargo.toml"), &manifest);
        project.write(&format!("members/{name}/src/lib.rs"), "");
        names.push(format!("members/{name}"));
    }
    let package = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    project.write("Cargo.toml", &format!("{package}\n[workspace]\nmembers = {names:?}\n"));
}
