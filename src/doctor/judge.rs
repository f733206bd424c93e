//! Turns facts into findings, with hints.
//!
//! Pure; the thresholds of a judgement stand beside it.

use super::disk;
use super::facts::{
    Age, Failure, Limits, ProjectFacts, RunnerFacts, RuntimeFolderFacts, SocketFacts, TerminalFacts, Tools,
    WatchFacts,
};
use super::finding::{Finding, Severity};
use crate::config::Poll;
use crate::history::{BuildTimes, Outcome, Part};
use crate::project::{Compiling, Linking};
use crate::report::short_age;

/// The first cargo with a separate build directory (`build.build-dir`).
const BUILD_DIR_SINCE: u32 = 91;

/// hotrun has an inotify instance for the sources and one for the live folder.
const INSTANCES: u64 = 2;

/// Watches for the live folder, and for folders created later.
const SPARE_WATCHES: u64 = 16;

/// A shorter event queue overflows when a branch is switched.
const SHORT_QUEUE: u64 = 4096;

/// A file that is newer than now by less than this has a coarse timestamp.
const SLACK: std::time::Duration = std::time::Duration::from_secs(2);

pub(super) fn failure(failure: Failure) -> Finding {
    let finding = Finding::new(failure.check, Severity::Error, failure.message);
    Finding { hint: failure.hint, ..finding }
}

pub(super) fn tools(tools: &Tools) -> Finding {
    let path = tools.cargo.display();
    let version = match &tools.version {
        Ok(version) => version.strip_prefix("cargo ").unwrap_or(version),
        Err(error) => {
            return Finding::new("cargo", Severity::Error, format!("`{path}` does not run: {error}"))
                .hint("run `cargo --version` to see what is wrong; `rustup update` may mend it");
        }
    };
    match (&tools.shim, &tools.toolchain) {
        (Some(shim), Some(name)) => Finding::ok(
            "cargo",
            format!("{version}, toolchain `{name}` by way of rustup (`{}`)", shim.display()),
        ),
        (Some(_), None) => Finding::warning(
            "cargo",
            format!("{version}, through rustup's shim `{path}`: the cargo behind it could not be found out"),
            "run `rustup show`; each build takes some 10 ms longer through the shim",
        ),
        (None, _) => Finding::ok("cargo", format!("{version} (`{path}`)")),
    }
}

pub(super) fn facts(facts: &ProjectFacts, tools: &Tools) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(compiling) = &facts.compiling {
        let number = compiling.rustc.strip_prefix("rustc ").unwrap_or(&compiling.rustc);
        findings.push(Finding::ok("rustc", number));
    }
    let kind = if facts.example { "example" } else { "binary" };
    findings
        .push(Finding::ok("project", format!("{kind} `{}` of package `{}`", facts.program, facts.package)));
    findings.push(match facts.settings.as_slice() {
        [] => Finding::ok("settings", "no config file: every setting has its default").detail(),
        files => Finding::ok("settings", format!("from `{}`", files.join("`, `"))),
    });
    let old =
        tools.version.as_ref().is_ok_and(|version| minor(version).is_some_and(|it| it < BUILD_DIR_SINCE));
    if facts.share_build_dir && old {
        findings.push(Finding::warning(
            "build-dir",
            "`share-build-dir` is set, but this cargo knows no build directory of its own",
            format!("`rustup update` to cargo 1.{BUILD_DIR_SINCE} or newer, or leave `share-build-dir` out"),
        ));
    }
    watching(&facts.watching, facts.running.is_some(), &mut findings);
    clock(facts, &mut findings);
    disk::judge(&facts.target, &facts.program, &mut findings);
    if let Some(compiling) = &facts.compiling {
        findings.extend(linking(compiling));
        compilation(facts, &mut findings);
    }
    if let Some(pid) = facts.running {
        findings.push(
            Finding::note("running", format!("hotrun runs `{}` already (pid {pid})", facts.program))
                .hint("a second one for the same program would be refused"),
        );
    }
    findings.extend(facts.runner.iter().map(runner));
    findings.extend(facts.sockets.iter().map(|it| socket(it, facts.running)));
    findings.push(runtime_folder(&facts.runtime_folder));
    findings.push(terminal(facts.terminal));
    if facts.ptrace_scope.is_some_and(|scope| scope > 0) {
        let scope = facts.ptrace_scope.unwrap_or_default();
        findings.push(
            Finding::note(
                "debugger",
                format!(
                    "`kernel.yama.ptrace_scope` is {scope}: a debugger may attach to its own children only"
                ),
            )
            .hint("attach with `sudo`, or `sudo sysctl kernel.yama.ptrace_scope=0`")
            .detail(),
        );
    }
    findings.push(match &facts.last_build {
        Some((last, age)) => last_build(last, *age),
        None => Finding::note("last-build", "none is on record here").detail(),
    });
    findings
}

fn watching(watching: &WatchFacts, runs: bool, findings: &mut Vec<Finding>) {
    let (files, folders) = (watching.files, watching.folders);
    let amount = format!("{files} files in {folders} folders");
    if matches!(watching.poll, Poll::Always | Poll::Every(_)) {
        findings.push(Finding::ok("watching", format!("{amount}, looked at again and again as `poll` says")));
    } else {
        findings.push(match watching.limits {
            None => Finding::ok("watching", amount),
            Some(limits) => limited(watching, limits, &amount, runs),
        });
        if watching.limits.is_some_and(|limits| limits.queued < SHORT_QUEUE) {
            let queued = watching.limits.map_or(0, |limits| limits.queued);
            findings.push(Finding::warning(
                "event-queue",
                format!(
                    "`fs.inotify.max_queued_events` is {queued}: larger bursts make hotrun look at every file"
                ),
                "`sudo sysctl fs.inotify.max_queued_events=16384`",
            ));
        }
    }
    match (&watching.unreliable, watching.poll, &watching.file_system) {
        (Some((folder, name)), Poll::Auto, _) => findings.push(Finding::warning(
            "sources",
            format!(
                "file events cannot be relied on in `{folder}` ({name}): hotrun looks at the files instead"
            ),
            "keep the sources on a local file system, or set `--poll=never` if events do arrive",
        )),
        (Some((folder, name)), Poll::Never, _) => findings.push(Finding::warning(
            "sources",
            format!("file events cannot be relied on in `{folder}` ({name}), and `poll` is `never`"),
            "leave `poll` at `auto`",
        )),
        (_, _, Some(name)) => findings.push(Finding::ok("sources", format!("on {name}"))),
        _ => {}
    }
}

fn limited(watching: &WatchFacts, limits: Limits, amount: &str, runs: bool) -> Finding {
    let left = limits.watches.saturating_sub(limits.used_watches);
    // A hotrun that runs here already has its watches.
    let needed = if runs { 0 } else { watching.folders as u64 + SPARE_WATCHES };
    let instances = if runs { 0 } else { INSTANCES };
    let otherwise = if watching.poll == Poll::Never { "edits would be missed" } else { "hotrun would poll" };
    if needed > left {
        return Finding::warning(
            "watching",
            format!(
                "{amount} need as many watches, and {left} of {} are left to this user: {otherwise}",
                limits.watches
            ),
            "`sudo sysctl fs.inotify.max_user_watches=524288`, and the same in `/etc/sysctl.d` to keep it",
        );
    }
    if limits.used_instances + instances > limits.instances {
        return Finding::warning(
            "watching",
            format!(
                "{} of {} inotify instances are in use by this user: {otherwise}",
                limits.used_instances, limits.instances
            ),
            "`sudo sysctl fs.inotify.max_user_instances=512`, and the same in `/etc/sysctl.d` to keep it",
        );
    }
    Finding::ok(
        "watching",
        format!(
            "{amount}; {} of {} watches and {} of {} inotify instances are in use",
            limits.used_watches, limits.watches, limits.used_instances, limits.instances
        ),
    )
}

fn clock(facts: &ProjectFacts, findings: &mut Vec<Finding>) {
    if let Some((file, Age::Future(ahead))) = &facts.watching.newest
        && *ahead > SLACK
    {
        findings.push(Finding::warning(
            "clock",
            format!(
                "`{file}` was modified in the future (by {}): cargo compiles it in every build until then",
                short_age(*ahead)
            ),
            format!("set the clock right, or `touch {file}`"),
        ));
    }
    if let Some((_, Age::Future(ahead))) = &facts.last_build
        && *ahead > SLACK
    {
        findings.push(Finding::warning(
            "clock",
            format!("the clock was set back: the last build is {} in the future", short_age(*ahead)),
            "set the clock right; cargo, which goes by times, may take old files for new until then",
        ));
    }
}

fn linking(compiling: &Compiling) -> Option<Finding> {
    let settings = &compiling.settings;
    Some(match &compiling.linking {
        Linking::Untried => return None,
        Linking::Works => Finding::ok(
            "linker",
            match &settings.linker {
                Some((linker, by)) => format!("rustc links with `{linker}` ({by})"),
                None => "rustc links a program".to_owned(),
            },
        ),
        Linking::NoLibrary(triple) => Finding::new(
            "std",
            Severity::Error,
            format!("the standard library for `{triple}` is not installed"),
        )
        .hint(format!("`rustup target add {triple}`")),
        Linking::Fails(cause) => {
            Finding::new("linker", Severity::Error, format!("rustc makes no program: {cause}")).hint(
                match &settings.linker {
                    Some((linker, by)) => format!("install `{linker}`, or change {by}"),
                    None if !settings.rustflags.is_empty() => {
                        format!("install what is missing, or change {}", settings.rustflags_by)
                    }
                    None => "install a C compiler, whose `cc` rustc links with".to_owned(),
                },
            )
        }
    })
}

fn runner(runner: &RunnerFacts) -> Finding {
    match &runner.refused {
        None => Finding::ok("runner", format!("`{}` is there", runner.program)),
        Some((message, hint)) => {
            let hint = hint.clone().unwrap_or_else(|| "change `runner` in `.cargo/config.toml`".to_owned());
            Finding::new("runner", Severity::Error, message.clone()).hint(hint)
        }
    }
}

fn compilation(facts: &ProjectFacts, findings: &mut Vec<Finding>) {
    let Some(compiling) = &facts.compiling else { return };
    let sccache = compiling.settings.wrappers.iter().find(|wrapper| wrapper.contains("sccache"));
    match (&compiling.settings.incremental, &*facts.profile) {
        (Some((false, by)), profile) => findings.push(Finding::warning(
            "incremental",
            format!("{by} turns incremental compilation off: an edit compiles its whole crate anew"),
            if by.contains("`CARGO_") {
                format!("unset {by} for hotrun")
            } else {
                format!("set it to `true` for the profile `{profile}`")
            },
        )),
        (None, profile) if !matches!(profile, "dev" | "test") => findings.push(
            Finding::note(
                "incremental",
                format!("the profile `{profile}` compiles each crate anew after an edit"),
            )
            .hint(format!("`incremental = true` under `[profile.{profile}]` makes edits quicker to build")),
        ),
        _ => {}
    }
    if let Some(wrapper) = sccache {
        findings.push(
            Finding::note(
                "wrapper",
                format!(
                    "rustc runs through `{wrapper}`, which caches nothing that is compiled incrementally"
                ),
            )
            .hint("it helps with dependencies alone; leave `CARGO_INCREMENTAL` unset beside it"),
        );
    } else if let [first, ..] = compiling.settings.wrappers.as_slice() {
        findings.push(Finding::note("wrapper", format!("rustc runs through `{first}`")).detail());
    }
}

fn socket(socket: &SocketFacts, running: Option<i32>) -> Finding {
    let address = &socket.address;
    match &socket.refused {
        None => Finding::ok("listen", format!("`{address}` can be opened")),
        Some((_, _, Some(holder))) if Some(*holder) == running => {
            Finding::ok("listen", format!("`{address}` is open in the hotrun that runs here"))
        }
        Some((message, hint, _)) => {
            Finding { hint: hint.clone(), ..Finding::new("listen", Severity::Error, message.clone()) }
        }
    }
}

fn runtime_folder(facts: &RuntimeFolderFacts) -> Finding {
    let (path, mode) = match &facts.made {
        Ok(made) => made,
        Err(error) => {
            return Finding::new("runtime-folder", Severity::Error, format!("cannot be made: {error}"))
                .hint("set `XDG_RUNTIME_DIR` to a folder of yours, or make `/tmp` one to write in");
        }
    };
    let folder = path.parent().unwrap_or(path).display();
    // For root the folder is in `/tmp`, and others may pass through it since they cannot pass through
    // `XDG_RUNTIME_DIR`.
    let of_root = mode & 0o777 == 0o711;
    if mode & 0o077 != 0 && !of_root {
        let message = format!("in `{folder}` others may enter it (mode {mode:o})");
        return Finding::warning(
            "runtime-folder",
            message,
            "set `XDG_RUNTIME_DIR` to a folder on a local disk",
        );
    }
    match &facts.preferred {
        Some(preferred) if !path.starts_with(preferred) && !of_root => Finding::warning(
            "runtime-folder",
            format!("in `{folder}`: `XDG_RUNTIME_DIR` (`{}`) cannot be used", preferred.display()),
            "let it name a folder of yours, by an absolute path short enough for sockets",
        ),
        _ => Finding::ok("runtime-folder", format!("in `{folder}`, mode {mode:o}")),
    }
}

fn terminal(terminal: TerminalFacts) -> Finding {
    if !terminal.stdin {
        return Finding::note("terminal", "stdin is none: there are no keys, and the program is lent none");
    }
    if terminal.dumb {
        return Finding::note("terminal", "`TERM` is `dumb` or not set: no colours, and no screen to clear");
    }
    let mut abilities = vec![
        terminal.columns.map_or("no known width".to_owned(), |columns| format!("{columns} columns")),
        if terminal.colors { "colours" } else { "no colours" }.to_owned(),
        if terminal.utf8 { "UTF-8" } else { "no UTF-8 (`LANG`)" }.to_owned(),
        if terminal.osc_9 { "notifications by OSC 9" } else { "notifications by the bell" }.to_owned(),
    ];
    if !terminal.stderr {
        abilities = vec!["keys, but stderr goes elsewhere".to_owned()];
    }
    Finding::ok("terminal", abilities.join(", "))
}

fn last_build(last: &BuildTimes, age: Age) -> Finding {
    let ago = match age {
        Age::Past(ago) => format!("{} ago", short_age(ago)),
        Age::Future(_) => "in the future".to_owned(),
    };
    let outcome = match last.outcome {
        Outcome::Failed => "failed",
        Outcome::Unchanged => "gave the same binary",
        Outcome::NotStarted => "could not start",
        Outcome::Ready => "was ready",
    };
    let total: f64 = last.parts.iter().map(|(_, millis)| millis).sum();
    let parts: Vec<String> =
        last.parts.iter().map(|(part, millis)| format!("{} {millis:.0} ms", word(*part))).collect();
    let message = format!("build {} {outcome} {ago}, after {total:.0} ms: {}", last.build, parts.join(", "));
    Finding::ok("last-build", message).detail()
}

fn word(part: Part) -> &'static str {
    match part {
        Part::Seen => "until the save was seen",
        Part::Waited => "until cargo was started",
        Part::Cargo => "cargo",
        Part::Published => "publish",
        Part::Restarted => "stop and start",
        Part::Ready => "until ready",
    }
}

/// Returns `95` for `cargo 1.95.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    let number = version.split_ascii_whitespace().nth(1)?;
    number.strip_prefix("1.")?.split('.').next()?.parse().ok()
}
