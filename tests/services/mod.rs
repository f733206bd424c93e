//! Several services in one hotrun, with real programs and commands.

mod commands;
mod programs;

use super::support::{Call, EventLine, Home, Hotrun, Project};

/// A workspace of the programs `a` and `b` that call home as `<name><version>-<version of shared>`.
fn workspace(services: &str) -> Project {
    let project = Project::empty();
    project.write("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"a\", \"b\", \"shared\"]\n");
    for name in ["a", "b"] {
        let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        let manifest = format!("{package}\n[dependencies]\nshared = {{ path = \"../shared\" }}\n");
        project.write(&format!("{name}/Cargo.toml"), &manifest);
        set_version(&project, name, "1");
    }
    project.write(
        "shared/Cargo.toml",
        "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    set_shared(&project, "1");
    project.write("hotrun.toml", services);
    project
}

fn set_version(project: &Project, name: &str, version: &str) {
    let text = Project::caller_text(&format!("{name}{version}"));
    let (from, to) =
        ("{VERSION}\\n\", std::process::id()", "{VERSION}-{}\\n\", std::process::id(), shared::VERSION");
    assert!(text.contains(from));
    project.write(&format!("{name}/src/main.rs"), &text.replace(from, to));
}

fn set_shared(project: &Project, version: &str) {
    project.write("shared/src/lib.rs", &format!("pub const VERSION: &str = {version:?};\n"));
}

/// The calls of these versions, in this order, whoever comes first.
#[track_caller]
fn calls<const N: usize>(home: &Home, versions: [&str; N]) -> [Call; N] {
    let mut came: Vec<Call> = versions.iter().map(|_| home.call()).collect();
    versions.map(|version| {
        let at = came.iter().position(|call| call.version == version);
        let at = at.unwrap_or_else(|| {
            panic!("no {version}: {:?}", came.iter().map(|call| &call.version).collect::<Vec<_>>())
        });
        came.swap_remove(at)
    })
}

fn is(event: &EventLine, service: &str, kind: &str) -> bool {
    event.kind() == kind && event.0["service"] == service
}

/// The next event of this kind about a service.
#[track_caller]
fn wait_for(hotrun: &mut Hotrun, service: &str, kind: &str) -> EventLine {
    hotrun.wait_until(&format!("{kind} of {service}"), |event| is(event, service, kind))
}

/// How often this has happened to a service.
fn count(hotrun: &mut Hotrun, service: &str, kind: &str) -> usize {
    hotrun.seen().iter().filter(|event| is(event, service, kind)).count()
}
