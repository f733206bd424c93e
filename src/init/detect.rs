//! Looks at the project's files for what a config file should say.
//!
//! Reads only; what it cannot read counts as not there.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::sources::Sockets;
use super::template::{Binding, Findings, Folder};
use crate::config::TargetName;
use crate::project::{ProgramKind, Project};

const FRAMEWORKS: [&str; 9] =
    ["axum", "actix-web", "rocket", "warp", "poem", "hyper", "tide", "salvo", "tonic"];
/// Engines that read templates when the program runs.
const RUNTIME_TEMPLATES: [&str; 6] =
    ["tera", "minijinja", "handlebars", "rocket_dyn_templates", "upon", "liquid"];
/// Crates whose macro reads a folder of migrations when the program is compiled.
const MIGRATIONS: [&str; 3] = ["sqlx", "diesel_migrations", "refinery"];

/// A source file is read up to this size.
const LARGEST: u64 = 1 << 20;

/// What the file in `folder` should say about the project; `package`, `target` and `others` are its program.
pub(super) fn look(
    project: &Project,
    folder: &Path,
    package: Option<String>,
    target: Option<TargetName>,
    others: Vec<String>,
) -> Findings {
    let own = &project.package;
    let dependency = |names: &[&'static str]| {
        names.iter().copied().find(|name| own.dependencies.iter().any(|dependency| dependency == name))
    };
    let below = |name: &str| {
        let path = own.root.join(name);
        path.is_dir().then(|| path.strip_prefix(folder).unwrap_or(&path).to_owned())
    };
    let read = |names: &[&'static str], folder: &str| {
        Some(Folder { crate_name: dependency(names)?, path: below(folder)? })
    };
    let framework = dependency(&FRAMEWORKS);
    let rocket_toml = own.root.join("Rocket.toml");
    let rocket_toml = (framework == Some("rocket") && rocket_toml.is_file())
        .then(|| rocket_toml.strip_prefix(folder).unwrap_or(&rocket_toml).to_owned());
    Findings {
        program: program(project),
        package,
        target,
        others,
        framework,
        binding: framework.map(|_| binding(project)),
        templates: read(&RUNTIME_TEMPLATES, "templates"),
        rocket_toml,
        migrations: read(&MIGRATIONS, "migrations"),
        env_file: [&own.root, &project.workspace_root]
            .into_iter()
            .map(|place| place.join(".env"))
            .find(|file| file.is_file())
            .map(|file| file.strip_prefix(folder).unwrap_or(&file).to_owned()),
    }
}

fn program(project: &Project) -> String {
    let kind = match project.target.kind {
        ProgramKind::Bin => "",
        ProgramKind::Example => "example ",
    };
    let (name, package) = (&project.target.name, &project.package.name);
    if name == package { format!("`{name}`") } else { format!("{kind}`{name}` of package `{package}`") }
}

/// What the sources of the program say about its sockets.
fn binding(project: &Project) -> Binding {
    let mut sockets = Sockets::default();
    for file in sources(project) {
        let small = file.metadata().is_ok_and(|metadata| metadata.len() <= LARGEST);
        if let Some(text) = small.then(|| std::fs::read_to_string(&file).ok()).flatten() {
            sockets.read(&text);
        }
    }
    let named = |name: &str| project.package.dependencies.iter().any(|dependency| dependency == name);
    Binding {
        addresses: sockets.addresses.into_iter().collect(),
        takes_sockets: sockets.takes || named("listenfd"),
        notifies: sockets.notifies,
    }
}

/// The files the program may be made of: those of its package, without the roots of other programs.
fn sources(project: &Project) -> Vec<PathBuf> {
    let folder = project.package.root.join("src");
    let own = &project.target.src_path;
    let (main, binaries) = (folder.join("main.rs"), folder.join("bin"));
    let others = |path: &Path| {
        (path == main && *own != main)
            || (path.parent() == Some(&*binaries) && path != own && !own.starts_with(path))
    };
    let mut files: Vec<PathBuf> = WalkBuilder::new(&folder)
        .filter_entry(move |entry| !entry.path_is_symlink())
        .build()
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !path.ancestors().any(others))
        .collect();
    if !files.contains(own) {
        files.push(own.clone());
    }
    files
}
