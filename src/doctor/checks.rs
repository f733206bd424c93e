//! The checks. Each looks at one thing, and returns findings with a way out.
//!
//! They leave nothing behind: sockets are opened only to see whether that works, and the program that is built
//! is an empty one in a temporary folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access, statvfs};

use super::finding::{Finding, Severity};
use crate::config::{Poll, format_address};
use crate::control::keeper;
use crate::error::Error;
use crate::handover::{Adopted, ListenError, Listeners};
use crate::history::{BuildTimes, Outcome, Part};
use crate::process;
use crate::project::{Environment, ProgramInfo, ProgramKind, Queries, Toolchain, cargo_environment};
use crate::report::{self, short_age};
use crate::settings;
use crate::site::Site;
use crate::watch::{self, Refused};

/// A build of some size needs more room than this.
const LITTLE_ROOM: u64 = 1 << 30;

/// A file that is newer than now by less than this has a coarse timestamp.
const SLACK: Duration = Duration::from_secs(2);

pub(super) fn failed(check: &'static str, error: &Error) -> Finding {
    Finding { hint: error.hint(), ..Finding::error(check, report::in_a_line(error, None)) }
}

pub(super) fn cargo(cwd: &Path, clean: &Environment) -> Finding {
    let toolchain = match Toolchain::find(cwd, clean, &Queries::attached()) {
        Ok(toolchain) => toolchain,
        Err(error) => return failed("cargo", &error.into()),
    };
    let path = toolchain.cargo.display();
    let asked = output(Command::new(&toolchain.cargo).arg("--version"), cwd, &toolchain.environment(clean));
    let broken = |problem: &str| {
        Finding::error("cargo", format!("`{path}` does not run: {problem}"))
            .hint("run `cargo --version` to see what is wrong; `rustup update` may mend it")
    };
    let version = match &asked {
        Ok(output) if output.status.success() => first_line(&output.stdout),
        Ok(output) => return broken(&first_line(&output.stderr)),
        Err(error) => return broken(&error.to_string()),
    };
    let version = version.strip_prefix("cargo ").unwrap_or(&version);
    match &toolchain.name {
        Some(name) => {
            Finding::ok("cargo", format!("{version}, rustup's toolchain `{}` (`{path}`)", name.display()))
        }
        None if toolchain.cargo_variable.is_none() => Finding::warning(
            "cargo",
            format!("{version}, through rustup's shim `{path}`: the cargo behind it could not be found out"),
            "run `rustup show`; each build takes some 10 ms longer through the shim",
        ),
        None => Finding::ok("cargo", format!("{version} (`{path}`)")),
    }
}

/// Checks everything that needs the project.
pub(super) fn project(site: &Site) -> Vec<Finding> {
    let for_cargo = cargo_environment(&site.toolchain, &site.environment, &site.config.build);
    let mut programs = site.project.programs.keys();
    let running = programs.find_map(|artifact| keeper(&site.live(*artifact)));
    let running = running.map(|(_, pid)| pid.cast_signed());
    let mut findings: Vec<_> = site.project.programs.values().map(program).collect();
    findings.push(settings(site));
    findings.extend(watching(site, running.is_some()));
    findings.extend(target(site));
    findings.extend(compiler(site, &for_cargo));
    findings.extend(incremental(&for_cargo));
    findings.extend(running.map(|pid| {
        Finding::note("running", format!("hotrun runs `{}` already (pid {pid})", site.program_name()))
            .hint("a second one for the same program would be refused")
    }));
    findings.extend(runner(site, for_cargo));
    findings.extend(sockets(site, running));
    findings
}

fn program(program: &ProgramInfo) -> Finding {
    let kind = if program.target.kind == ProgramKind::Example { "example" } else { "binary" };
    Finding::ok("project", format!("{kind} `{}` of package `{}`", program.target.name, program.package.name))
}

fn settings(site: &Site) -> Finding {
    let mut files = site.plan().hotrun_configs;
    files.retain(|file| file.is_file());
    let manifest = site.project.first().map(|program| &program.package.manifest);
    files.extend(manifest.filter(|manifest| settings::has_metadata(manifest)).cloned());
    if files.is_empty() {
        return Finding::ok("settings", "no config file: every setting has its default").detail();
    }
    let files: Vec<String> = files.iter().map(|file| report::short_path(file, &site.cwd)).collect();
    Finding::ok("settings", format!("from `{}`", files.join("`, `")))
}

fn watching(site: &Site, runs: bool) -> Vec<Finding> {
    let look = watch::inspect(&site.plan());
    let poll = site.config.watch.poll.value;
    let amount = format!("{} files in {} folders", look.files, look.folders);
    let mut findings = vec![match look.refused {
        _ if matches!(poll, Poll::Always | Poll::Every(_)) => {
            Finding::ok("watching", format!("{amount}, looked at again and again as `poll` says"))
        }
        // A hotrun that runs here already has its watches.
        Some(refused) if !runs && refused != Refused::Other => {
            let otherwise = if poll == Poll::Never { "edits would be missed" } else { "hotrun would poll" };
            let finding =
                Finding::new("watching", Severity::Warning, format!("{amount}: {refused}, {otherwise}"));
            Finding { hint: refused.hint().map(str::to_owned), ..finding }
        }
        _ => Finding::ok("watching", amount),
    }];
    if let Some((folder, name)) = &look.unreliable
        && matches!(poll, Poll::Auto | Poll::Never)
    {
        let folder = folder.display();
        let (then, hint) = if poll == Poll::Never {
            ("and `poll` is `never`", "leave `poll` at `auto`")
        } else {
            (
                "so hotrun polls",
                "keep the sources on a local file system, or set `--poll=never` if events do arrive",
            )
        };
        let message = format!("file events cannot be relied on in `{folder}` ({name}), {then}");
        findings.push(Finding::warning("sources", message, hint));
    }
    if let Some((file, when)) = &look.newest
        && let Ok(ahead) = when.duration_since(SystemTime::now())
        && ahead > SLACK
    {
        let (file, ahead) = (report::short_path(file, &site.cwd), short_age(ahead));
        findings.push(Finding::warning(
            "clock",
            format!("`{file}` was modified in the future (by {ahead}): cargo compiles it in every build until then"),
            format!("set the clock right, or `touch {file}`"),
        ));
    }
    findings
}

fn target(site: &Site) -> Vec<Finding> {
    let staging = site.staging();
    let nearest = staging.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let nearest = nearest.map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let shown = report::short_path(&staging, &site.cwd);
    let free = statvfs(&nearest).ok().map(|room| room.f_bavail.saturating_mul(room.f_frsize));
    let remote = watch::unreliable(&nearest).filter(|name| *name != "fuse");
    let mut findings = vec![if !nearest.is_dir() {
        Finding::error("target", format!("`{shown}` cannot be made: a file is in its way"))
            .hint("remove that file, or name another folder with `--target-dir`")
    } else if access(&nearest, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        Finding::error("target", format!("`{shown}` may not be written to"))
            .hint("give yourself the right to, or name another folder with `--target-dir`")
    } else if let Some(name) = remote {
        Finding::warning(
            "target",
            format!("`{shown}` is on {name}, where building is slow"),
            "name a folder on a local disk with `--target-dir` or `build.target-dir`",
        )
    } else {
        Finding::ok("target", format!("`{shown}`"))
    }];
    if let Some(free) = free.filter(|free| *free < LITTLE_ROOM) {
        findings.push(Finding::warning(
            "disk",
            format!("{} MB are left for `{shown}`", free / 1_000_000),
            "make room, with `cargo clean` for example",
        ));
    }
    findings
}

/// Has cargo build an empty program with the project's configuration, which shows whether rustc, its target,
/// the linker and wrappers work together.
fn compiler(site: &Site, for_cargo: &Environment) -> Option<Finding> {
    let build = &site.config.build;
    let typed =
        build.common_args.iter().filter(|arg| !matches!(&***arg, "--locked" | "--offline" | "--frozen"));
    // Compiling the standard library takes too long for a check.
    if site.cargo_config.build_std || typed.clone().any(|arg| arg.contains("build-std")) {
        return None;
    }
    let folder = tempfile::tempdir().ok()?;
    let (manifest, target) = (folder.path().join("Cargo.toml"), folder.path().join("target"));
    let text = "[package]\nname = \"empty\"\nedition = \"2021\"\n\n[[bin]]\nname = \"empty\"\npath = \"main.rs\"\n\n[workspace]\n";
    fs::write(&manifest, text)
        .and_then(|()| fs::write(folder.path().join("main.rs"), "fn main() {}\n"))
        .ok()?;
    let mut command = Command::new(&site.toolchain.cargo);
    command.args(["build", "--quiet", "--color", "never", "--offline"]).args(typed);
    command.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(&target);
    command.args(build.triple.iter().flat_map(|triple| ["--target", triple]));
    let mut environment = for_cargo.clone();
    environment.insert("CARGO_BUILD_BUILD_DIR".into(), target.into());
    let output = output(&mut command, &site.cwd, &environment).ok()?;
    if output.status.success() {
        return Some(Finding::ok("compiler", "cargo builds an empty program"));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // The configuration replaces a source by one that is not here: says nothing about the compiler.
    if said.contains("offline") {
        return None;
    }
    let help = said.lines().find_map(|line| line.trim_start().strip_prefix("= help: "));
    let hint =
        help.unwrap_or("install what is missing, or change it in `.cargo/config.toml` or the environment");
    Some(Finding::error("compiler", format!("cargo builds no empty program: {}", cause(&said))).hint(hint))
}

/// Returns the first error, and for a linker error the linker's own message.
fn cause(said: &str) -> String {
    let mut lines = said.lines().map(str::trim_start);
    let first = lines.find(|line| line.starts_with("error")).unwrap_or(said);
    let first = first.split_once(": ").map_or(first, |(_, text)| text);
    let mut notes = lines.map(|line| line.strip_prefix("= note: ").unwrap_or(line));
    let note = notes.find(|line| {
        !line.starts_with("error") && ["error: ", "cannot find"].iter().any(|word| line.contains(word))
    });
    match note {
        Some(note) if first.starts_with("linking") => format!("{first}: {note}"),
        _ => first.to_owned(),
    }
}

fn incremental(for_cargo: &Environment) -> Option<Finding> {
    let off = for_cargo.get(OsStr::new("CARGO_INCREMENTAL")).is_some_and(|value| value == "0");
    off.then(|| {
        Finding::warning(
            "incremental",
            "`CARGO_INCREMENTAL` turns incremental compilation off: an edit compiles its whole crate again",
            "unset it for hotrun; <https://doc.rust-lang.org/cargo/guide/build-performance.html> has more about fast builds",
        )
    })
}

fn runner(site: &Site, for_cargo: Environment) -> Option<Finding> {
    let runner = &site.platform.runner;
    let program = runner.first()?.display();
    let environment: Vec<_> = for_cargo.into_iter().collect();
    Some(match process::check(runner, &environment, &site.cwd) {
        Ok(()) => Finding::ok("runner", format!("`{program}` is there")),
        Err(error) => Finding::error("runner", error.to_string())
            .hint(error.hint().unwrap_or("change `runner` in `.cargo/config.toml`".to_owned())),
    })
}

/// Opens each socket and closes it again. One that answers is never touched.
fn sockets(site: &Site, running: Option<i32>) -> Vec<Finding> {
    let services = site.config.services.iter();
    let each = services.flat_map(|service| service.run.listen.iter().map(|listen| (&service.run, listen)));
    let each = each.map(|(run, listen)| {
        let mut alone = run.clone();
        alone.listen = vec![listen.clone()];
        let address = format_address(&listen.value.address);
        match Listeners::open(&alone, Adopted::default()) {
            Ok(_) => Finding::ok("listen", format!("`{address}` can be opened")),
            Err(ListenError::InUse { holder: Some(holder), .. }) if Some(holder.pid) == running => {
                Finding::ok("listen", format!("`{address}` is open in the hotrun that runs here"))
            }
            Err(error) => failed("listen", &error.into()),
        }
    });
    each.collect()
}

/// Returns the last recorded build and its age.
pub(super) fn last_build(site: &Site) -> Option<(BuildTimes, Duration)> {
    let path = site.staging().join(BuildTimes::FILE);
    let last = BuildTimes::read(&fs::read_to_string(&path).ok()?)?;
    Some((last, path.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default()))
}

/// Says where the time of a build went.
pub(super) fn times(last: &BuildTimes, age: Duration) -> Finding {
    let outcome = match last.outcome {
        Outcome::Failed => "failed",
        Outcome::Unchanged => "gave the same program",
        Outcome::NotStarted => "could not start",
        Outcome::Ready => "was ready",
    };
    let word = |part: Part| match part {
        Part::Seen => "until the save was seen",
        Part::Waited => "until cargo was started",
        Part::Cargo => "cargo",
        Part::Published => "publish",
        Part::Restarted => "stop and start",
        Part::Ready => "until ready",
    };
    let total: f64 = last.parts.iter().map(|(_, millis)| millis).sum();
    let parts: Vec<String> =
        last.parts.iter().map(|(part, millis)| format!("{} {millis:.0} ms", word(*part))).collect();
    let (build, ago) = (last.build, short_age(age));
    let message = format!("build {build} {outcome} {ago} ago, after {total:.0} ms: {}", parts.join(", "));
    Finding::ok("last-build", message).detail()
}

fn output(command: &mut Command, cwd: &Path, environment: &Environment) -> std::io::Result<Output> {
    command.current_dir(cwd).env_clear().envs(environment).stdin(Stdio::null()).output()
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}
