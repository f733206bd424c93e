//! `hotrun init`: writes a commented `hotrun.toml` for the project.
//!
//! `template` renders the file (pure). Only what chooses the program is active; all other settings are comments
//! with their defaults. Invariant: no existing file is
//! ever overwritten, not even a dangling symbolic link.

pub(crate) mod error;
mod template;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

pub use self::error::InitError;
use self::template::{Findings, Rendered};
use crate::cli::InitOptions;
use crate::config::{self, Config, Origin, OwnVariables, RunOptions, TargetName};
use crate::error::Error;
use crate::project::{
    ProgramChoice, ProgramInfo, ProgramKind, Project, ProjectError, Queries, Survey, clean_environment,
};
use crate::report;
use crate::report::lines::{self, Line};
use crate::settings::{self, Search, SettingsError};
use crate::site;
use crate::words::ArtifactId;

/// Writes the file and reports what it sets.
pub fn run(options: InitOptions) -> Result<ExitCode, Error> {
    let cwd = site::current_folder()?;
    let options = RunOptions::from(options);
    let Chosen { project, choice } = choose(&options, &cwd)?;
    let ProgramInfo { package: chosen_package, target: chosen_target, .. } = only(&project);

    let root_manifest = project.workspace_root.join("Cargo.toml");
    let virtual_root = !project.members.contains(&root_manifest);
    let nearest = settings::nearest_package(&options, &cwd);
    let at_root = virtual_root && nearest.as_ref() == Some(&project.workspace_root);
    let folder = if at_root { &project.workspace_root } else { &chosen_package.root };
    let path = folder.join(settings::FILE_NAME);
    if std::fs::symlink_metadata(&path).is_ok() {
        return Err(InitError::Exists(path).into());
    }
    if settings::has_metadata(&chosen_package.manifest) {
        return Err(InitError::InManifest(chosen_package.manifest.clone()).into());
    }

    // At the root of a workspace `bin` alone would be looked up in the member hotrun is started in; beside
    // the package's own manifest, `package` would add nothing.
    let chosen = choice.package.is_some() || choice.target.is_some();
    let package = (at_root && chosen).then(|| chosen_package.name.clone());
    let target = match choice.target {
        None if !at_root && workspace_chooses(&options, &cwd, &project)? => {
            Some(TargetName::from(chosen_target))
        }
        target => target,
    };
    let findings = Findings {
        program: described(only(&project)),
        package,
        target,
        others: choice.others,
        env_file: [&chosen_package.root, &project.workspace_root]
            .into_iter()
            .map(|place| place.join(".env"))
            .find(|file| file.is_file())
            .map(|file| file.strip_prefix(folder).unwrap_or(&file).to_owned()),
    };
    let page = template::render(&findings);
    create(&path, &page.text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists(path.clone()),
        _ => InitError::Write { path: path.clone(), source: error },
    })?;
    report::say(&report_lines(&report::short_path(&path, &cwd), &findings, &page));
    Ok(ExitCode::SUCCESS)
}

fn report_lines(path: &str, findings: &Findings, page: &Rendered) -> Vec<Line> {
    let mut report = vec![Line::status("Created", format!("{path} for {}", findings.program))];
    report.extend(page.reasons.iter().map(|reason| Line::status("Set", reason.clone())));
    report.extend(page.remarks.iter().map(|remark| lines::note(remark)));
    report
}

/// Returns the program: one was asked for.
fn only(project: &Project) -> &ProgramInfo {
    &project.programs[&ArtifactId::MAIN]
}

fn described(program: &ProgramInfo) -> String {
    let kind = if program.target.kind == ProgramKind::Example { "example " } else { "" };
    let (name, package) = (&program.target.name, &program.package.name);
    if name == package { format!("`{name}`") } else { format!("{kind}`{name}` of package `{package}`") }
}

/// The program the file is for, and the settings that choose it.
struct Chosen {
    project: Project,
    choice: Choice,
}

#[derive(Default)]
struct Choice {
    package: Option<String>,
    target: Option<TargetName>,
    others: Vec<String>,
}

/// Chooses the program that `cargo run` would take with these options, or the likeliest if that is ambiguous.
fn choose(options: &RunOptions, cwd: &Path) -> Result<Chosen, Error> {
    let mut config = config::merge(options, &OwnVariables::new(), &[], cwd).map_err(SettingsError::from)?;
    let clean = clean_environment(std::env::vars_os());
    let discover = |config: &Config| {
        let choices = BTreeMap::from([(ArtifactId::MAIN, ProgramChoice::from(&config.build))]);
        let survey = Survey::take(cwd, &clean, &config.build, &choices, &Queries::attached());
        survey.map(|survey| survey.project)
    };

    let typed = Choice {
        package: config.build.package.value.clone(),
        target: config.build.target(),
        others: Vec::new(),
    };
    let choice = match discover(&config) {
        Ok(project) => {
            // The package may be typed as a specification; the file has its name.
            let package = typed.package.map(|_| only(&project).package.name.clone());
            return Ok(Chosen { project, choice: Choice { package, ..typed } });
        }
        Err(ProjectError::SeveralBinaries { binaries, .. }) => first_of(&binaries, typed.package),
        Err(ProjectError::NoBinary { examples, .. }) if !examples.is_empty() => Choice {
            target: Some(TargetName::Example(examples[0].clone())),
            others: examples[1..].to_vec(),
            ..typed
        },
        Err(error) => return Err(error.into()),
    };
    config.build.package.value.clone_from(&choice.package);
    config.build.set_target(choice.target.clone());
    Ok(Chosen { project: discover(&config)?, choice })
}

/// Whether the workspace's own file names a program, which would apply here too.
fn workspace_chooses(options: &RunOptions, cwd: &Path, project: &Project) -> Result<bool, Error> {
    let workspace =
        (project.workspace_root != only(project).package.root).then_some(&*project.workspace_root);
    let environment = OwnVariables::new();
    let config = Search { options, environment: &environment, cwd, package: None, workspace }
        .load(&settings::Reader::default())?;
    let from_file = |origin: &Origin| matches!(origin, Origin::File(..));
    Ok([&config.build.package, &config.build.bin, &config.build.example]
        .iter()
        .any(|it| from_file(&it.origin)))
}

/// Words in the names of servers, and of programs that accompany servers.
const SERVERS: [&str; 6] = ["server", "api", "web", "http", "backend", "gateway"];
const TOOLS: [&str; 10] =
    ["client", "cli", "tui", "ctl", "bench", "xtask", "admin", "migrate", "seed", "test"];

/// Chooses the likeliest of these (binary, package) pairs: not a client or tool, then named as its package,
/// then named as a server, then the first.
fn first_of(binaries: &[(String, String)], package: Option<String>) -> Choice {
    let has = |name: &str, words: &[&str]| name.split(['-', '_']).any(|part| words.contains(&part));
    let doubts =
        |(name, package): &(String, String)| (has(name, &TOOLS), name != package, !has(name, &SERVERS));
    let own = (0..binaries.len()).min_by_key(|index| doubts(&binaries[*index])).unwrap_or(0);
    let (name, its_package) = &binaries[own];
    let unique = binaries.iter().filter(|(other, _)| other == name).count() == 1;
    let others = binaries.iter().enumerate().filter(|(index, _)| *index != own);
    Choice {
        package: package.or_else(|| (!unique).then(|| its_package.clone())),
        target: Some(TargetName::Bin(name.clone())),
        others: others.map(|(_, (name, _))| name.clone()).collect(),
    }
}

/// Creates the file atomically, and only if no file has its name.
fn create(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".hotrun.toml.")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Projects that together trigger every line.
    fn projects() -> [Findings; 3] {
        [
            Findings { program: "`shop`".to_owned(), ..Findings::default() },
            Findings {
                program: "`api` of package `shop`".to_owned(),
                package: Some("shop".to_owned()),
                target: Some(TargetName::Bin("api".to_owned())),
                others: ["job", "mail", "seed", "tour", "work", "zip"].map(ToOwned::to_owned).into(),
                env_file: Some(".env".into()),
            },
            Findings {
                program: "example `tour` of package `shop`".to_owned(),
                target: Some(TargetName::Example("tour".to_owned())),
                ..Findings::default()
            },
        ]
    }

    #[test]
    fn report_at_any_width() {
        for columns in [80, 40] {
            let mut text = String::new();
            for findings in projects() {
                for line in report_lines("hotrun.toml", &findings, &template::render(&findings)) {
                    text += &(line.fitted(Some(columns)) + "\n");
                }
                text += "\n";
            }
            insta::with_settings!({
                snapshot_path => "../../tests/snapshots",
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(format!("init-{columns}"), text);
            });
            for line in text.lines().filter(|line| line.chars().count() > columns) {
                assert!(line.split_whitespace().count() < 3, "this could be broken: {line}");
            }
        }
    }

    #[test]
    fn the_likeliest_program_is_chosen() {
        // (binary, package) pairs, and the chosen binary.
        let table: [(&[(&str, &str)], &str); 6] = [
            (&[("api", "shop"), ("shop", "shop")], "shop"),
            (&[("client", "client"), ("server", "server")], "server"),
            (&[("chat-client", "chat"), ("chat_server", "chat")], "chat_server"),
            (&[("ctl", "tool"), ("worker", "jobs"), ("web", "shop")], "web"),
            (&[("one", "shop"), ("two", "shop")], "one"),
            (&[("a-cli", "a"), ("b-client", "b")], "a-cli"),
        ];
        for (binaries, chosen) in table {
            let binaries: Vec<(String, String)> =
                binaries.iter().map(|(name, package)| ((*name).to_owned(), (*package).to_owned())).collect();
            let choice = first_of(&binaries, None);
            assert_eq!(choice.target, Some(TargetName::Bin(chosen.to_owned())));
            assert_eq!((choice.package, choice.others.len()), (None, binaries.len() - 1));
        }
        let pair = |name: &str, package: &str| (name.to_owned(), package.to_owned());
        let choice = first_of(&[pair("run", "a"), pair("run", "b")], None);
        assert_eq!(choice.package.as_deref(), Some("a"));
    }

    #[test]
    fn existing_files_are_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hotrun.toml");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(create(&path, "new").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        std::fs::remove_file(&path).unwrap();
        create(&path, "new").unwrap();
        assert_eq!(create(&path, "newer").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }
}
