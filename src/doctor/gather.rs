//! Collects the facts: cargo, file systems, kernel limits, sockets, the terminal.
//!
//! Leaves nothing behind: sockets and the runtime folder are created only to see whether that works and are
//! removed again. A socket that answers is never touched.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use rustix::fs::{Access, access, statvfs};

use super::facts::{
    Age, Failure, ProjectFacts, RunnerFacts, RuntimeFolderFacts, SocketFacts, Target, TargetState,
    TerminalFacts, Tools, WatchFacts,
};
use super::system;
use crate::build;
use crate::error::Error;
use crate::handover::{Adopted, ListenError, Listeners, RuntimeFolder};
use crate::history::BuildTimes;
use crate::process::{RunId, check};
use crate::project::{Compiling, Environment, ProgramKind, Queries, Toolchain, cargo_environment};
use crate::report;
use crate::settings;
use crate::site::Site;
use crate::watch;

/// Turns the error that ends the examination into a failed check.
pub(super) fn failure(error: &Error) -> Failure {
    let check = match error {
        Error::Settings(_) | Error::Cli(_) => "settings",
        _ => "project",
    };
    Failure { check, message: report::in_a_line(error, None), hint: error.hint() }
}

pub(super) fn tools(cwd: &Path, environment: &Environment) -> Result<Tools, Failure> {
    let toolchain = Toolchain::find(cwd, environment, &Queries::attached()).map_err(|error| Failure {
        check: "cargo",
        message: error.to_string(),
        hint: error.hint(),
    })?;
    let on_path = which::which_in("cargo", environment.get(OsStr::new("PATH")), cwd).ok();
    let is_shim = toolchain.name.is_some() || toolchain.cargo_variable.is_none();
    Ok(Tools {
        version: version(&toolchain.cargo, cwd, &toolchain.environment(environment)),
        shim: is_shim.then(|| on_path.unwrap_or_else(|| toolchain.cargo.clone())),
        toolchain: toolchain.name.map(|name| name.to_string_lossy().into_owned()),
        cargo: toolchain.cargo,
    })
}

fn version(cargo: &Path, cwd: &Path, environment: &Environment) -> Result<String, String> {
    let output = Command::new(cargo)
        .arg("--version")
        .current_dir(cwd)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let first_line =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
    if output.status.success() { Ok(first_line(&output.stdout)) } else { Err(first_line(&output.stderr)) }
}

pub(super) fn facts(site: &Site) -> ProjectFacts {
    let (project, config) = (&site.project, &site.config);
    let shown = |path: &Path| report::short_path(path, &site.cwd);
    let staging = site.staging();
    let running = build::holder(&site.live());
    let last_build = last_build(&staging);
    let for_cargo = cargo_environment(&site.toolchain, &site.environment, &config.build);
    let compiling = Compiling::find(
        &site.toolchain,
        &for_cargo,
        &site.cargo_config,
        &site.platform,
        &config.build.profile.value,
        &project.workspace_root,
        &site.cwd,
    );
    let mut settings = site.plan().hotrun_configs;
    settings.retain(|file| file.is_file());
    if settings::has_metadata(&project.package.manifest) {
        settings.push(project.package.manifest.clone());
    }
    ProjectFacts {
        package: project.package.name.clone(),
        program: project.target.name.clone(),
        example: project.target.kind == ProgramKind::Example,
        settings: settings.iter().map(|file| shown(file)).collect(),
        share_build_dir: config.build.share_build_dir.value,
        profile: config.build.profile.value.clone(),
        compiling,
        watching: watching(site),
        target: target(site, &for_cargo, &staging, last_build.as_ref().map(|(last, _)| last)),
        running,
        sockets: sockets(site),
        runner: runner(site, &for_cargo),
        runtime_folder: runtime_folder(),
        terminal: terminal(),
        ptrace_scope: system::number("/proc/sys/kernel/yama/ptrace_scope"),
        last_build,
    }
}

/// Returns the last recorded build and its age.
fn last_build(staging: &Path) -> Option<(BuildTimes, Age)> {
    let path = staging.join(BuildTimes::FILE);
    let last = BuildTimes::read(&std::fs::read_to_string(&path).ok()?)?;
    Some((last, age(path.metadata().ok()?.modified().ok()?)))
}

fn age(when: SystemTime) -> Age {
    match SystemTime::now().duration_since(when) {
        Ok(past) => Age::Past(past),
        Err(ahead) => Age::Future(ahead.duration()),
    }
}

fn watching(site: &Site) -> WatchFacts {
    let look = watch::inspect(&site.plan());
    let shown = |path: &Path| report::short_path(path, &site.cwd);
    WatchFacts {
        files: look.files,
        folders: look.folders,
        poll: site.config.watch.poll.value,
        unreliable: look.unreliable.map(|(folder, name)| (folder.display().to_string(), name)),
        file_system: system::file_system(&site.project.package.root),
        newest: look.newest.map(|(file, when)| (shown(&file), age(when))),
        limits: system::inotify(),
    }
}

fn target(site: &Site, environment: &Environment, staging: &Path, last: Option<&BuildTimes>) -> Target {
    let (project, folder) = (&site.project, &site.project.target_directory);
    let exists = |path: &Path| path.ancestors().find(|it| it.symlink_metadata().is_ok()).map(Path::to_owned);
    let nearest = exists(staging).unwrap_or_else(|| PathBuf::from("/"));
    let device = |path: PathBuf| path.metadata().ok().map(|metadata| metadata.dev());
    let live = site.live();
    let live = live.parent().and_then(exists).filter(|path| path.starts_with(staging)).and_then(device);
    let room = statvfs(&nearest).ok();
    let set = |name: &str| environment.get(OsStr::new(name)).is_some_and(|value| !value.is_empty());
    let outside = (!folder.starts_with(&project.workspace_root) && site.config.build.target_dir.is_none())
        .then(|| {
            if set("CARGO_TARGET_DIR") {
                "`CARGO_TARGET_DIR`"
            } else if set("CARGO_BUILD_TARGET_DIR") {
                "`CARGO_BUILD_TARGET_DIR`"
            } else {
                "`build.target-dir`"
            }
        });
    let other = last.filter(|last| {
        last.program == project.target.name
            && last.workspace != project.workspace_root
            && last.workspace.join("Cargo.toml").is_file()
    });
    Target {
        staging: report::short_path(staging, &site.cwd),
        state: if !nearest.is_dir() {
            TargetState::NotAFolder
        } else if access(&nearest, Access::WRITE_OK | Access::EXEC_OK).is_err() {
            TargetState::NotWritable
        } else {
            TargetState::Fine
        },
        file_system: system::file_system(&nearest),
        remote: watch::unreliable(&nearest).filter(|name| *name != "fuse"),
        one_file_system: live.is_none_or(|live| device(staging.to_owned()).is_none_or(|own| own == live)),
        free: room.map(|room| room.f_bavail.saturating_mul(room.f_frsize)),
        size: size(staging),
        outside,
        other_workspace: other.map(|last| last.workspace.display().to_string()),
    }
}

/// Returns the disk space of a folder; a file with several names counts once.
fn size(folder: &Path) -> u64 {
    let (mut bytes, mut seen, mut folders) = (0, HashSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for (path, metadata) in entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?))) {
            if metadata.nlink() < 2 || metadata.is_dir() || seen.insert((metadata.dev(), metadata.ino())) {
                bytes += metadata.blocks() * 512;
            }
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    bytes
}

/// Opens each socket and closes it again.
fn sockets(site: &Site) -> Vec<SocketFacts> {
    let run = &site.config.run;
    let each = run.listen.iter().map(|listen| {
        let mut alone = run.clone();
        alone.listen = vec![listen.clone()];
        let address = crate::config::format_address(&listen.value.address);
        let refused = Listeners::open(&alone, Adopted::default()).err().map(|error| {
            let holder = match &error {
                ListenError::InUse { holder: Some(holder), .. } => Some(holder.pid),
                _ => None,
            };
            (failure(&Error::from(error)), holder)
        });
        let refused = refused.map(|(failure, holder)| (failure.message, failure.hint, holder));
        SocketFacts { address, refused }
    });
    each.collect()
}

fn runner(site: &Site, environment: &Environment) -> Option<RunnerFacts> {
    let program = site.platform.runner.first()?.to_string_lossy().into_owned();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let refused = check(&site.platform.runner, &environment, &site.cwd).err();
    Some(RunnerFacts { program, refused: refused.map(|error| (error.to_string(), error.hint())) })
}

/// Creates the folder and removes it again.
fn runtime_folder() -> RuntimeFolderFacts {
    let preferred = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    let made = RuntimeFolder::create(preferred.as_deref(), &RunId::fresh().to_string());
    let made =
        made.and_then(|folder| Ok((folder.path().to_owned(), folder.path().metadata()?.mode() & 0o7777)));
    RuntimeFolderFacts { made: made.map_err(|error| error.to_string()), preferred }
}

fn terminal() -> TerminalFacts {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // The first that is set counts (setlocale(3)).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let stderr = std::io::stderr().is_terminal();
    TerminalFacts {
        stdin: std::io::stdin().is_terminal(),
        stderr,
        dumb: set("TERM").is_none_or(|name| name == "dumb"),
        colors: stderr && console::colors_enabled_stderr(),
        utf8: locale.to_ascii_lowercase().replace('-', "").ends_with("utf8"),
        osc_9: report::notifies_by_osc_9(),
        columns: console::Term::stderr().size_checked().map(|(_, columns)| columns),
    }
}
