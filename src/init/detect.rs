//! Finds what in the project's files calls for a setting.
//!
//! Read-only; an unreadable file counts as missing.

use std::path::Path;

use super::template::{CrateFolder, Findings};
use crate::config::TargetName;
use crate::project::{ProgramKind, Project};

/// Template engines that read templates at run time.
const RUNTIME_TEMPLATES: [&str; 6] =
    ["tera", "minijinja", "handlebars", "rocket_dyn_templates", "upon", "liquid"];
/// Crates whose macro embeds a folder of migrations.
const MIGRATIONS: [&str; 3] = ["sqlx", "diesel_migrations", "refinery"];

/// Examines the project for a config file in `folder`. `package`, `target` and `others` describe its program.
/// A `shared` file is also read for other programs of the workspace.
pub(super) fn examine(
    project: &Project,
    folder: &Path,
    shared: bool,
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
        Some(CrateFolder { crate_name: dependency(names)?, path: below(folder)? })
    };
    let rocket_toml = own.root.join("Rocket.toml");
    let rocket_toml = (dependency(&["rocket"]).is_some() && rocket_toml.is_file())
        .then(|| rocket_toml.strip_prefix(folder).unwrap_or(&rocket_toml).to_owned());
    Findings {
        program: program(project),
        package,
        target,
        others,
        shared,
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
