//! Output for people: facts of the session rendered as lines in cargo's style.
//!
//! Pure: no clock, no terminal. A status line has a right-aligned verb of twelve columns, as cargo's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

pub use super::context::{Context, Past};
use super::fit;
pub use super::line::{Head, Line};
use super::records::Watching;
use super::text::{short_path, with_causes};
use crate::config::{Update, signal_name};
use crate::session::{
    AfterConfig, AfterExit, BuildSummary, Cause, ExitReason, Hindrance, Instead, Notice, QuitReason, Running,
    StartFailure, Unmet,
};
use crate::words::{ArtifactId, BuildId, Exit, Names, ServiceId, count, short_age, short_time};

/// Renders a fact of the session.
///
/// With `-v`, two lines of each build have a stable form, for tools that match patterns: `Building #14`, and at its
/// end one that begins with `Started build 14`, `Restarted build 14`, `Reloaded build 14`, `Published build 14`,
/// `Unchanged: build 14`, `error: build 14` or `error: could not publish build 14`. A cancelled build has only the
/// first.
pub fn of_notice(notice: &Notice, context: &Context) -> Vec<Line> {
    match notice {
        Notice::Changed(paths) => {
            vec![Line { files: short_paths(paths, context), ..Line::plain_verb("Changed", "") }]
        }
        Notice::BuildStarted { build, .. } => vec![Line::plain_verb("Building", format!("#{build}"))],
        Notice::BuildFinished { build, success: false, failed, summary, running } => {
            error_lines(&failed_text(*build, *summary, failed, running, context))
        }
        Notice::BuildFinished { build, summary, .. } if summary.warnings > 0 => {
            vec![warnings_line(*build, summary.warnings, context)]
        }
        Notice::Unchanged { build, artifact, restarts } => {
            vec![unchanged_line(*build, ServiceId::of(*artifact), *restarts, context)]
        }
        Notice::Held { service, build, running: still } => {
            let how = if context.keys { "press r to restart" } else { "`hotrun restart` starts it" };
            let label = context.label(*service, " ");
            let text = format!("{label}build {build}{} ({how})", still_running(*still));
            vec![Line::status("Published", text)]
        }
        Notice::PublishFailed { build, artifact, error, running: still } => {
            let build = context.build(*build, ServiceId::of(*artifact));
            error_lines(&format!("could not publish {build}: {error}{}", still_running(*still)))
        }
        Notice::Starting { instance, build, restart, since_change, build_took } => {
            let verb = if *restart { "Restarted" } else { "Started" };
            vec![started_line(verb, instance.service, *build, *since_change, *build_took, context)]
        }
        Notice::Reloaded { instance, build, since_change, build_took } => {
            vec![started_line("Reloaded", instance.service, *build, *since_change, *build_took, context)]
        }
        Notice::StillStopping { instance, signal, ago, left, quitting, .. } => {
            let kill = if *quitting { "Ctrl-C kills it now" } else { "Ctrl-C quits" };
            vec![slow_line(context.names.of(instance.service), *signal, *ago, *left, kill)]
        }
        Notice::ProcessExited { instance, lived, next: AfterExit::Done, .. } => {
            let name = context.names.of(instance.service);
            vec![Line::status("Finished", format!("{name} in {}", short_time(*lived)))]
        }
        Notice::ProcessExited { instance, exit, lived, next, expected: false, .. } => {
            exit_lines(context.names.of(instance.service), *exit, *lived, *next, context)
        }
        // Its exit was reported, with what follows.
        Notice::StartFailed { failure: StartFailure::Exited { .. }, instead: Instead::Down, .. } => {
            Vec::new()
        }
        Notice::StartFailed { instance, build, failure, instead, .. } => {
            start_failed(&context.build(*build, instance.service), failure, *instead, context)
        }
        Notice::NeverReady { instance, build, waited, unmet, update } => {
            never_ready(&context.build(*build, instance.service), *waited, unmet.as_ref(), *update)
        }
        Notice::RolledBack { service, to } => {
            vec![Line::attention("Rolled", format!("back to {}", context.build(*to, *service)))]
        }
        Notice::NoOverlap(service) => {
            let program = context.program(*service);
            vec![note(&format!(
                "{program} stores descriptors, so this update is a restart and not an overlap"
            ))]
        }
        Notice::ReloadFailed { instance, reason } => {
            let program = context.program(instance.service);
            warning(&format!("{program} did not take up the new binary: {reason}; restarting it"), None)
        }
        Notice::ConfigChanged { files, keys, then } => {
            vec![applied_line(files, keys, *then, context)]
        }
        Notice::Paused => vec![Line::attention("Paused", "edits are ignored (press p to resume)")],
        Notice::Resumed => vec![Line::plain_verb("Resumed", "watching for edits")],
        Notice::Waiting { service, waits_for } => vec![waiting_line(*service, waits_for, &context.names)],
        Notice::StoppedByRequest(service) => vec![Line::plain_verb("Stopped", context.names.of(*service))],
        Notice::LiveRemoved(artifact) => {
            let name = context.names.told(ServiceId::of(*artifact));
            let of = name.map_or(String::new(), |name| format!(" of {name}"));
            warning(&format!("the live binary{of} was removed (`cargo clean`?); building it again"), None)
        }
        Notice::Exiting(ExitReason::Quit(QuitReason::Signal(signal))) => {
            vec![Line::plain_verb("Stopped", format!("by {}", signal_name(*signal)))]
        }
        Notice::Exiting(ExitReason::Quit(QuitReason::Hangup)) => {
            vec![Line::plain_verb("Stopped", "the terminal is gone")]
        }
        // Not for people, or covered by another line.
        Notice::BuildCancelled(_)
        | Notice::BuildFinished { .. }
        | Notice::Published { .. }
        | Notice::Stopping { .. }
        | Notice::ProcessStarted { .. }
        | Notice::Ready { .. }
        | Notice::ProcessExited { .. }
        | Notice::Exiting(_) => Vec::new(),
    }
}

fn waiting_line(service: ServiceId, waits_for: &[(ServiceId, Hindrance)], names: &Names) -> Line {
    let others =
        waits_for.iter().map(|(other, why)| format!("{} ({})", names.of(*other), hindrance_text(*why)));
    let others: Vec<String> = others.collect();
    Line::attention("Waiting", format!("{} for {}", names.of(service), others.join(", ")))
}

fn hindrance_text(hindrance: Hindrance) -> String {
    match hindrance {
        Hindrance::Stopped => "stopped".to_owned(),
        Hindrance::Ended(Exit::Code(code)) => format!("exited with code {code}"),
        Hindrance::Ended(Exit::Signal(signal)) => format!("ended by {}", signal_name(signal)),
        Hindrance::NotBuilt(build) => format!("build {build} failed"),
        Hindrance::NotStarted => "could not start".to_owned(),
        Hindrance::NotReady => "not ready".to_owned(),
        Hindrance::Waits => "waiting".to_owned(),
    }
}

fn slow_line(name: &str, signal: i32, ago: Duration, left: Option<Duration>, kill: &str) -> Line {
    let signal = signal_name(signal);
    let next = left.map_or("not killed while a debugger holds it".to_owned(), |left| {
        format!("SIGKILL in {} s", left.as_secs_f64().ceil())
    });
    let text = format!("{name} ({signal} sent {} s ago, {next}; {kill})", ago.as_secs());
    Line::attention("Stopping", text)
}

fn start_failed(build: &str, failure: &StartFailure, instead: Instead, context: &Context) -> Vec<Line> {
    let (failed, instead) = (failure_text(failure), instead_text(instead, context));
    let hint = match failure {
        StartFailure::NotReady { unmet, .. } => unmet.as_ref().and_then(|unmet| unmet.hint.as_deref()),
        StartFailure::Spawn(_) | StartFailure::Exited { .. } => None,
    };
    error(&format!("{build} could not start: {failed}{instead}"), hint)
}

fn never_ready(build: &str, waited: Duration, unmet: Option<&Unmet>, update: Update) -> Vec<Line> {
    let updates = match update {
        Update::Overlap => "; updates will restart instead of overlapping",
        Update::Reexec => "; updates will restart instead of reloading",
        Update::Restart | Update::Manual => "",
    };
    let text = Unmet::not_ready(waited, unmet);
    warning(&format!("{build} {text}{updates}"), unmet.and_then(|unmet| unmet.hint.as_deref()))
}

fn warnings_line(build: BuildId, warnings: u32, context: &Context) -> Line {
    let again = match (context.keys, warnings) {
        (false, _) => "",
        (true, 1) => " (press e to see it)",
        (true, _) => " (press e to see them)",
    };
    let text = format!("{} in build {build}{again}", count(warnings, "warning"));
    // The new ones were shown in full.
    Line::new(Head::Warning, text).unimportant()
}

fn applied_line(files: &[PathBuf], keys: &[String], then: AfterConfig, context: &Context) -> Line {
    let files: Vec<String> = files.iter().map(|file| short_path(file, &context.cwd)).collect();
    let then = match then {
        AfterConfig::Nothing => "",
        AfterConfig::NextStart => "; from the next start on",
        AfterConfig::Restart => "; restarting",
        AfterConfig::Build => "; building",
        AfterConfig::Resume => "; in force once you press p to resume",
    };
    Line::plain_verb("Applied", format!("{}: {}{then}", files.join(", "), keys.join(", ")))
}

/// Tells how to retry a build that could not start.
fn again(context: &Context) -> &'static str {
    if context.keys {
        " (press r to try again, or save a file)"
    } else {
        " (`hotrun restart` or a save tries again)"
    }
}

fn failure_text(failure: &StartFailure) -> String {
    match failure {
        StartFailure::Spawn(error) => error.clone(),
        StartFailure::Exited { exit: Exit::Code(code), lived } => {
            format!("it exited with code {code} after {}", short_time(*lived))
        }
        StartFailure::Exited { exit: Exit::Signal(signal), lived } => {
            format!("it was ended by {} after {}", signal_name(*signal), short_time(*lived))
        }
        StartFailure::NotReady { waited, unmet } => {
            format!("it {}", Unmet::not_ready(*waited, unmet.as_ref()))
        }
    }
}

fn instead_text(instead: Instead, context: &Context) -> String {
    match instead {
        Instead::StillRunning(still) => still_running(still) + again(context),
        Instead::RollsBack(build) => format!("; going back to build {build}{}", again(context)),
        Instead::Down if context.once => String::new(),
        Instead::Down => again(context).to_owned(),
    }
}

/// Explains the cause of a build, for `-v`.
pub fn because(build: BuildId, cause: Cause, paths: &[PathBuf], context: &Context) -> Line {
    let mut causes = Vec::new();
    match cause {
        Cause::Start => causes.push("hotrun was started".to_owned()),
        Cause::Asked => causes.push("it was asked for".to_owned()),
        Cause::LiveRemoved => causes.push("the live binary was removed".to_owned()),
        Cause::Changed => {}
    }
    if !paths.is_empty() {
        causes.push(format!("changed: {}", fit::list(&short_paths(paths, context), 3, None)));
    }
    if causes.is_empty() {
        causes.push("an earlier build was cancelled".to_owned());
    }
    note(&format!("build {build} because {}", causes.join("; ")))
}

fn error_lines(text: &str) -> Vec<Line> {
    vec![Line::new(Head::Error, text)]
}

/// Tells that a process runs a build: which one, the first time and for tools; how fast, and why, later.
fn started_line(
    verb: &str,
    service: ServiceId,
    build: BuildId,
    since: Option<Duration>,
    build_took: Option<Duration>,
    context: &Context,
) -> Line {
    let first = verb == "Started";
    let cause = match build_took {
        Some(took) if !first => format!(" (compile {})", measured(took)),
        None if !first && !context.past.changed.is_empty() => {
            format!(" ({} changed)", fit::list(&short_paths(&context.past.changed, context), 3, None))
        }
        _ => String::new(),
    };
    let time = since.map(|since| format!("in {}{cause}", measured(since)));
    let number = format!("build {build}");
    // A command has no build.
    let number = (build != BuildId(0) && (first || context.verbose || time.is_none())).then_some(number);
    let name = context.names.told(service).map(ToOwned::to_owned);
    let words: Vec<String> = [name, number, time].into_iter().flatten().collect();
    Line::status(verb, words.join(" "))
}

/// Tells that a build gave the program that is live already.
fn unchanged_line(build: BuildId, service: ServiceId, restarts: bool, context: &Context) -> Line {
    let label = context.label(service, " ");
    let mut processes = context.past.running.iter().filter(|(instance, _)| instance.service == service);
    let runs = match processes.next_back() {
        Some((_, running)) if !restarts => format!(", build {running} keeps running"),
        _ => String::new(),
    };
    match (context.past.recovered, context.verbose) {
        (true, false) => Line::status("Fixed", format!("{label}build {build} compiles; same program{runs}")),
        (_, false) => {
            Line::plain_verb("Unchanged", format!("{label}build {build} gave the same program{runs}"))
        }
        (_, true) => {
            Line::plain_verb("Unchanged:", format!("{label}build {build} gave the same program{runs}"))
        }
    }
}

/// Tells that a program ended by itself, and what follows.
fn exit_lines(name: &str, exit: Exit, lived: Duration, next: AfterExit, context: &Context) -> Vec<Line> {
    let lived = short_time(lived);
    let then = match next {
        AfterExit::Beside(build) if exit.success() => format!("; build {build} keeps running"),
        AfterExit::GivesUp => "; too many failures in a row".to_owned(),
        AfterExit::Restarts(after) => format!("; starting again in {}", short_time(after)),
        // What follows a failure is told with it.
        AfterExit::AsPlanned
        | AfterExit::Beside(_)
        | AfterExit::Done
        | AfterExit::Ends
        | AfterExit::Waits => String::new(),
    };
    let line = match exit {
        Exit::Code(0) => Line::plain_verb("Exited", format!("{name} with code 0 after {lived}{then}")),
        Exit::Code(code) => {
            Line::fault("Crashed", format!("{name} exited with code {code} after {lived}{then}"))
        }
        Exit::Signal(signal) => Line::fault(
            "Crashed",
            format!("{name} was killed by {} after {lived}{then}", signal_name(signal)),
        ),
    };
    let hint = match next {
        AfterExit::Waits | AfterExit::GivesUp if context.keys => "press r to run it again, or save a file",
        AfterExit::Waits | AfterExit::GivesUp => "save a file to run it again, or run `hotrun restart`",
        _ => return vec![line],
    };
    // Not for `-q` after a success, which is no news there.
    let hint = Line { important: line.important, ..Line::new(Head::Hint, hint) };
    vec![line, hint]
}

/// Formats a time with a fixed number of digits, so that times in a column align.
fn measured(time: Duration) -> String {
    match time.as_millis() {
        10..9995 => format!("{:.2} s", time.as_secs_f64()),
        _ => short_time(time),
    }
}

fn failed_text(
    build: BuildId,
    summary: BuildSummary,
    failed: &BTreeSet<ArtifactId>,
    running: &[Running],
    context: &Context,
) -> String {
    let errors = match summary.errors {
        0 => String::new(),
        errors => format!(" ({})", count(errors, "error")),
    };
    let of = |service| running.iter().find(|running| running.instance.service == service).copied();
    let still = if context.names.are_several() {
        let told = failed.iter().map(|artifact| ServiceId::of(*artifact)).map(|service| {
            let name = context.names.of(service);
            match of(service) {
                Some(Running { build, age, .. }) => {
                    format!("; {name}: still build {build}, built {} ago", short_age(age))
                }
                None => format!("; {name} does not run"),
            }
        });
        told.collect()
    } else {
        match running.first() {
            Some(running) => still_running(Some(*running)),
            None => waiting(context),
        }
    };
    format!("build {build} failed{errors}{still}")
}

fn waiting(context: &Context) -> String {
    if context.once { String::new() } else { "; waiting for a change".to_owned() }
}

fn still_running(still: Option<Running>) -> String {
    still.map_or(String::new(), |running| {
        format!("; still running build {}, built {} ago", running.build, short_age(running.age))
    })
}

fn short_paths(paths: &[PathBuf], context: &Context) -> Vec<String> {
    paths.iter().map(|path| fit::printable(&short_path(path, &context.cwd))).collect()
}

/// Returns the notification of a failed build, or of one that succeeds again.
pub(super) fn notification(notice: &Notice, context: &Context) -> Option<String> {
    match notice {
        Notice::BuildFinished { build, success: true, .. } => Some(format!("build {build} succeeded")),
        Notice::BuildFinished { build, failed, summary, running, .. } => {
            Some(failed_text(*build, *summary, failed, running, context))
        }
        Notice::PublishFailed { build, .. } => Some(format!("could not publish build {build}")),
        _ => None,
    }
}

pub fn watching(watching: &Watching) -> Line {
    let Watching { files, folders, backend } = watching;
    Line::plain_verb("Watching", format!("{files} files in {folders} folders ({backend})"))
}

pub(super) fn warning(message: &str, hint: Option<&str>) -> Vec<Line> {
    with_hint(Line::new(Head::Warning, message), hint)
}

pub(super) fn error(message: &str, hint: Option<&str>) -> Vec<Line> {
    with_hint(Line::new(Head::Error, message), hint)
}

/// Renders an error with its causes and a hint.
pub fn of_error(error: &dyn std::error::Error, hint: Option<&str>) -> Vec<Line> {
    self::error(&with_causes(error), hint)
}

pub(crate) fn note(message: &str) -> Line {
    Line::new(Head::Note, message)
}

/// Renders a line that a program wrote.
pub fn said(text: &str) -> Line {
    Line::new(Head::Plain(String::new()), text)
}

pub fn nothing_to_repeat() -> Line {
    Line::plain_verb("No", "problems found")
}

/// Reports lines dropped because stderr was not read.
pub fn dropped(count: u64) -> Vec<Line> {
    let (plural, are) = if count == 1 { ("", "is") } else { ("s", "are") };
    warning(&format!("{count} line{plural} {are} missing here: stderr was not read in time"), None)
}

/// Reports lines of a program's output dropped because the terminal was too slow.
pub fn missing_output(count: u64) -> Vec<Line> {
    let (plural, are) = if count == 1 { ("", "is") } else { ("s", "are") };
    let text = format!("{count} line{plural} of output {are} missing here: the terminal was too slow");
    warning(&text, Some("`hotrun logs` shows the last ones"))
}

/// Reports lines that are no longer kept.
pub fn lines_lost() -> Vec<Line> {
    warning("lines are missing here: they are no longer kept", None)
}

fn with_hint(line: Line, hint: Option<&str>) -> Vec<Line> {
    let hint = hint.map(|hint| Line::new(Head::Hint, hint));
    std::iter::once(line).chain(hint).collect()
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
