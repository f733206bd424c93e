//! Output for machines: the records of the events file.
//!
//! Pure but for the two clocks. Names and fields are public: schema 1 only gains new ones.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::config::signal_name;
use crate::messages::Diagnostic;
use crate::session::{
    AfterConfig, Cause, ExitReason, Instead, Notice, QuitReason, StartFailure, StopCause, Unmet,
};
use crate::words::{ArtifactId, BuildId, Exit, Names, ServiceId};

/// The version of the schema.
const SCHEMA: u32 = 1;

/// What is being watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    pub files: usize,
    pub folders: usize,
    /// `inotify`, `fsevent`, `poll`, …
    pub backend: String,
}

/// A line of the events file, without the fields that every line has.
#[derive(Debug)]
pub(super) struct Record {
    event: &'static str,
    /// The service it is about, else the first.
    service: Option<ServiceId>,
    /// Whether it is about all that a build is of.
    of_build: bool,
    /// The services it waits for.
    others: Vec<ServiceId>,
    build: Option<BuildId>,
    pid: Option<u32>,
    fields: Value,
}

impl Record {
    fn new(event: &'static str, fields: Value) -> Self {
        Self { event, service: None, of_build: false, others: Vec::new(), build: None, pid: None, fields }
    }

    pub(super) fn service(self, service: ServiceId) -> Self {
        Self { service: Some(service), ..self }
    }

    fn of_build(self, build: BuildId) -> Self {
        Self { of_build: true, build: Some(build), ..self }
    }

    /// A command has no build.
    fn build(self, build: BuildId) -> Self {
        Self { build: Some(build).filter(|build| *build != BuildId(0)), ..self }
    }

    fn pid(self, pid: u32) -> Self {
        Self { pid: Some(pid), ..self }
    }

    /// Returns the JSON object with a newline, stamped with the current time. `builds`: what the last build is of.
    pub(super) fn into_line(self, names: &Names, builds: &BTreeSet<ArtifactId>) -> String {
        #[derive(serde::Serialize)]
        struct Stamped<'a> {
            event: &'a str,
            time: String,
            t_us: u64,
            service: &'a str,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            services: Vec<&'a str>,
            #[serde(rename = "waits-for", skip_serializing_if = "Vec::is_empty")]
            waits_for: Vec<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            build: Option<BuildId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pid: Option<u32>,
            #[serde(flatten)]
            fields: Map<String, Value>,
        }
        let Value::Object(mut fields) = self.fields else { unreachable!("records are made of objects") };
        fields.retain(|_, value| !value.is_null());
        let built = if self.of_build {
            builds.iter().map(|artifact| ServiceId::of(*artifact)).collect()
        } else {
            Vec::new()
        };
        let service = self.service.or(built.first().copied()).unwrap_or(ServiceId(0));
        let several = names.are_several();
        let stamped = Stamped {
            event: self.event,
            time: humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
            t_us: monotonic_micros(),
            service: names.of(service),
            services: built.iter().filter(|_| several).map(|service| names.of(*service)).collect(),
            waits_for: self.others.iter().map(|other| names.of(*other)).collect(),
            build: self.build,
            pid: self.pid,
            fields,
        };
        let mut line = serde_json::to_string(&stamped).expect("strings, numbers and maps always serialise");
        line.push('\n');
        line
    }
}

/// `CLOCK_MONOTONIC` in microseconds, comparable between processes of a machine.
fn monotonic_micros() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000 + now.tv_nsec.cast_unsigned() / 1000
}

pub(super) fn started(session: &str) -> Record {
    let fields = json!({ "version": env!("CARGO_PKG_VERSION"), "schema": SCHEMA, "session": session });
    Record::new("started", fields).pid(std::process::id())
}

pub(super) fn watching(watching: &Watching) -> Record {
    let Watching { files, folders, backend } = watching;
    Record::new("watching", json!({ "files": files, "folders": folders, "backend": backend }))
}

pub(super) fn warning(message: &str) -> Record {
    Record::new("warning", json!({ "message": message }))
}

pub(super) fn diagnostic(build: BuildId, diagnostic: &Diagnostic) -> Record {
    let plain = console::strip_ansi_codes(&diagnostic.rendered);
    let fields = json!({
        "level": diagnostic.level,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "rendered": plain,
    });
    Record::new("diagnostic", fields).of_build(build)
}

/// Returns the record of a fact, if it has one.
pub(super) fn of_notice(notice: &Notice, command: &[String]) -> Option<Record> {
    Some(match notice {
        Notice::Changed(paths) => Record::new("changed", json!({ "paths": paths })),
        Notice::BuildStarted { build, cause, paths, .. } => {
            let cause = match cause {
                Cause::Start => "start",
                Cause::Changed => "changed",
                Cause::Asked => "asked",
                Cause::LiveRemoved => "live-removed",
            };
            let fields = json!({ "cause": cause, "paths": paths, "command": command });
            Record::new("build-started", fields).of_build(*build)
        }
        Notice::BuildCancelled(build) => Record::new("build-cancelled", json!({})).of_build(*build),
        Notice::BuildFinished { build, success, summary, .. } => {
            let fields = json!({
                "success": success,
                "fresh": summary.fresh,
                "errors": summary.errors,
                "warnings": summary.warnings,
                "ms": millis(summary.took),
            });
            Record::new("build-finished", fields).of_build(*build)
        }
        Notice::Published { build, artifact, path } => {
            Record::new("published", json!({ "path": path })).service(ServiceId::of(*artifact)).build(*build)
        }
        Notice::Unchanged { build, artifact, .. } => {
            Record::new("unchanged", json!({})).service(ServiceId::of(*artifact)).build(*build)
        }
        Notice::PublishFailed { build, artifact, error, .. } => {
            let record = warning(&format!("could not publish build {build}: {error}")).build(*build);
            record.service(ServiceId::of(*artifact))
        }
        Notice::Stopping { instance, pid, build, signal, cause } => {
            let cause = stop_cause(*cause);
            Record::new("stopping", json!({ "signal": signal_name(*signal), "cause": cause }))
                .service(instance.service)
                .build(*build)
                .pid(*pid)
        }
        // For people only: other events carry the facts.
        Notice::Held { .. }
        | Notice::Starting { .. }
        | Notice::StillStopping { .. }
        | Notice::Reloaded { .. }
        | Notice::Ready { assumed: true, .. } => return None,
        Notice::ProcessStarted { instance, pid, build } => {
            Record::new("process-started", json!({})).service(instance.service).build(*build).pid(*pid)
        }
        Notice::Ready { instance, pid, build, after, .. } => {
            let record = Record::new("ready", json!({ "ms": millis(*after) }));
            record.service(instance.service).build(*build).pid(*pid)
        }
        Notice::ProcessExited { instance, pid, build, exit, expected, .. } => {
            let mut fields = exit_fields(*exit);
            fields["expected"] = json!(expected);
            Record::new("process-exited", fields).service(instance.service).build(*build).pid(*pid)
        }
        Notice::StartFailed { instance, build, pid, failure, instead, .. } => {
            start_failed(*build, *pid, failure, *instead).service(instance.service)
        }
        Notice::NeverReady { instance, build, waited, unmet, .. } => {
            let because = Unmet::because(unmet.as_ref());
            let text = format!("build {build} was not ready within {} ms{because}", millis(*waited));
            warning(&text).service(instance.service).build(*build)
        }
        Notice::RolledBack { service, to } => {
            Record::new("rolled-back", json!({ "to": to })).service(*service)
        }
        Notice::NoOverlap(service) => {
            warning("descriptors are stored: restart instead of overlap").service(*service)
        }
        Notice::ReloadFailed { instance, reason } => {
            warning(&format!("the new binary was not taken up: {reason}")).service(instance.service)
        }
        Notice::ConfigChanged { files, keys, then } => {
            let then = after_config(*then);
            Record::new("config-changed", json!({ "paths": files, "keys": keys, "then": then }))
        }
        Notice::Waiting { service, waits_for } => {
            let others = waits_for.iter().map(|(other, _)| *other).collect();
            Record { others, ..Record::new("waiting", json!({})).service(*service) }
        }
        Notice::StoppedByRequest(service) => Record::new("stopped", json!({})).service(*service),
        Notice::Paused => Record::new("paused", json!({})),
        Notice::Resumed => Record::new("resumed", json!({})),
        Notice::LiveRemoved(artifact) => {
            warning("the live binary was removed").service(ServiceId::of(*artifact))
        }
        Notice::Exiting(reason) => exiting(*reason),
    })
}

fn stop_cause(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Update => "update",
        StopCause::Asked => "asked",
        StopCause::Launch => "launch",
        StopCause::NotReady => "not-ready",
        StopCause::Dependency => "dependency",
        StopCause::Quit => "quit",
    }
}

fn after_config(then: AfterConfig) -> &'static str {
    match then {
        AfterConfig::Nothing => "nothing",
        AfterConfig::NextStart => "next-start",
        AfterConfig::Restart => "restart",
        AfterConfig::Build => "build",
        AfterConfig::Resume => "resume",
    }
}

fn exiting(reason: ExitReason) -> Record {
    let mut fields = json!({});
    fields["reason"] = json!(match reason {
        ExitReason::Quit(QuitReason::Asked) => "asked",
        ExitReason::Quit(QuitReason::Signal(signal)) => {
            fields["signal"] = json!(signal_name(signal));
            "signal"
        }
        ExitReason::Quit(QuitReason::Hangup) => "hangup",
        ExitReason::ProgramEnded(_) => "program-ended",
        ExitReason::BuildFailed => "build-failed",
        ExitReason::CannotRun => "cannot-run",
    });
    Record::new("exiting", fields)
}

fn start_failed(build: BuildId, pid: u32, failure: &StartFailure, instead: Instead) -> Record {
    let mut fields = match failure {
        StartFailure::Spawn(error) => json!({ "reason": error }),
        StartFailure::Exited { exit, lived } => {
            let mut fields = exit_fields(*exit);
            fields["reason"] = json!("exited");
            fields["lived-ms"] = json!(millis(*lived));
            fields
        }
        StartFailure::NotReady { waited, unmet } => json!({
            "reason": "not-ready",
            "lived-ms": millis(*waited),
            "unmet": unmet.as_ref().map(|unmet| &unmet.reason),
        }),
    };
    fields["running"] = match instead {
        Instead::StillRunning(Some(running)) => json!(running.build),
        Instead::RollsBack(build) => json!(build),
        Instead::StillRunning(None) | Instead::Down => Value::Null,
    };
    let record = Record::new("start-failed", fields).build(build);
    if pid == 0 { record } else { record.pid(pid) }
}

fn exit_fields(exit: Exit) -> Value {
    match exit {
        Exit::Code(code) => json!({ "code": code }),
        Exit::Signal(signal) => json!({ "signal": signal_name(signal) }),
    }
}

fn millis(time: std::time::Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a lifetime fit in 53 bits")]
    let micros = time.as_micros() as f64;
    micros / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Instance;

    #[test]
    fn every_event_has_its_service() {
        let (one, two) =
            (Names::new(vec!["app".to_owned()]), Names::new(vec!["api".to_owned(), "web".to_owned()]));
        let builds = BTreeSet::from([ArtifactId(0), ArtifactId(1)]);
        let build = BuildId(1);
        let told = |notice: &Notice, names: &Names| {
            let line = of_notice(notice, &[]).unwrap().into_line(names, &builds);
            let event: Value = serde_json::from_str(&line).unwrap();
            (event["service"].clone(), event["services"].clone())
        };
        let cancelled = Notice::BuildCancelled(build);
        assert_eq!(told(&cancelled, &one), (json!("app"), Value::Null));
        assert_eq!(told(&cancelled, &two), (json!("api"), json!(["api", "web"])));
        let instance = Instance { service: ServiceId(1), number: 1 };
        let started = Notice::ProcessStarted { instance, pid: 7, build };
        assert_eq!(told(&started, &two), (json!("web"), Value::Null));
        assert_eq!(told(&Notice::Paused, &two), (json!("api"), Value::Null));
    }
}
