//! The answer for people: the output of `hotrun status` and `hotrun wait` without `--json`.
//!
//! Pure: only the words. The printer decides width and colours.

use super::{Answer, ServiceAnswer};
use crate::words::count;

/// A part of an answer, one or more lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerLine {
    /// A status line: its verb and the rest.
    Status(&'static str, String),
    Error(String),
    /// A line of the program's output.
    Said(String),
    Hint(String),
}

impl Answer {
    /// `hotrun status`.
    pub fn status(&self) -> Vec<AnswerLine> {
        let several = self.services.len() > 1;
        let mut lines = if several { self.each() } else { self.only() };
        if let Some(last) = &self.last_build {
            let how = if last.success { "succeeded" } else { "failed" };
            let counted = [(last.errors, "error"), (last.warnings, "warning")];
            let counts: Vec<String> = counted
                .iter()
                .filter(|(number, _)| *number > 0)
                .map(|&(number, noun)| count(number, noun))
                .collect();
            let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
            lines.push(AnswerLine::Status("Last build", format!("{} {how}{counts}", last.build)));
        }
        if several {
            let of = |(name, service): (&String, &ServiceAnswer)| {
                let told = |address: &String| AnswerLine::Status("Listening", format!("{name}: {address}"));
                service.listening.iter().map(told).collect::<Vec<_>>()
            };
            lines.extend(self.services.iter().flat_map(of));
        } else {
            lines.extend(
                self.listening.iter().map(|address| AnswerLine::Status("Listening", address.clone())),
            );
            lines.extend(self.live.iter().map(|live| AnswerLine::Status("Live", live.clone())));
        }
        lines.extend(
            self.hotrun.iter().map(|hotrun| {
                AnswerLine::Status("hotrun", format!("{} (pid {})", hotrun.version, hotrun.pid))
            }),
        );
        lines.extend(self.problem());
        lines
    }

    /// The only service.
    fn only(&self) -> Vec<AnswerLine> {
        let program =
            self.program.as_ref().map_or("the program".to_owned(), |program| format!("`{program}`"));
        let running = match &self.running {
            Some(running) => Some(AnswerLine::Status(
                "Running",
                format!("build {} of {program} (pid {}) since {}", running.build, running.pid, running.since),
            )),
            // The process may still be there.
            None if self.state == "stopping" => None,
            None => Some(AnswerLine::Status("Down", format!("{program} does not run"))),
        };
        let mut lines: Vec<AnswerLine> = running.into_iter().collect();
        lines.extend(match &*self.state {
            "building" => Some(AnswerLine::Status("Building", "what was saved last".to_owned())),
            "changed" => Some(AnswerLine::Status("Changed", "a build is due".to_owned())),
            "starting" => Some(AnswerLine::Status("Starting", format!("{program} is not ready yet"))),
            "stopping" => Some(AnswerLine::Status("Stopping", program)),
            "leaving" => Some(AnswerLine::Status("Leaving", "hotrun is about to end".to_owned())),
            "exited" => Some(AnswerLine::Status("Exited", "with code 0".to_owned())),
            _ => None,
        });
        lines
    }

    /// A line for each of several services.
    fn each(&self) -> Vec<AnswerLine> {
        let lines = |(name, service): (&String, &ServiceAnswer)| {
            let ServiceAnswer { state, build, pid, since, reason, last_lines, .. } = service;
            if let Some(reason) = reason {
                let said = last_lines.iter().map(|line| AnswerLine::Said(line.clone()));
                return std::iter::once(AnswerLine::Error(format!("{name}: {reason}"))).chain(said).collect();
            }
            let process = match (build, pid, since) {
                (Some(build), Some(pid), Some(since)) => format!(": build {build} (pid {pid}) since {since}"),
                (None, Some(pid), Some(since)) => format!(": pid {pid} since {since}"),
                _ => String::new(),
            };
            vec![AnswerLine::Status(verb(state), format!("{name}{process}"))]
        };
        self.services.iter().flat_map(lines).collect()
    }

    /// `hotrun wait`: the running process, or what is wrong.
    pub fn outcome(&self) -> Vec<AnswerLine> {
        if self.services.len() > 1 {
            return self.each().into_iter().chain(self.problem()).collect();
        }
        if !self.ok {
            return self.problem();
        }
        vec![match &self.running {
            Some(running) => {
                AnswerLine::Status("Running", format!("build {} (pid {})", running.build, running.pid))
            }
            None if self.state == "stopped" => AnswerLine::Status("Stopped", "by request".to_owned()),
            None => AnswerLine::Status("Exited", "with code 0".to_owned()),
        }]
    }

    /// The errors of cargo and the compiler as they printed them, shown above the outcome.
    pub fn errors(&self) -> String {
        // In any other state the errors may be fixed already.
        if self.ok || self.state != "failed" || self.last_build.as_ref().is_none_or(|last| last.success) {
            return String::new();
        }
        // cargo's own errors are in its output too.
        let rendered = self.diagnostics.iter().filter(|diagnosis| {
            diagnosis.level == "error" && !self.output.contains(diagnosis.rendered.trim_end())
        });
        rendered.fold(self.output.clone(), |text, error| text + &error.rendered)
    }

    fn problem(&self) -> Vec<AnswerLine> {
        // Each of several services has told its own.
        let told = self.services.len() > 1 && self.services.values().any(|service| service.reason.is_some());
        let reason = self.reason.iter().filter(|_| !told).map(|reason| AnswerLine::Error(reason.clone()));
        let said = self.exit.iter().filter(|_| !told).flat_map(|exit| &exit.last_lines);
        let said = said.map(|line| AnswerLine::Said(line.clone()));
        reason.chain(said).chain(self.hint.iter().map(|hint| AnswerLine::Hint(hint.clone()))).collect()
    }
}

fn verb(state: &str) -> &'static str {
    match state {
        "running" => "Running",
        "exited" => "Exited",
        "stopped" => "Stopped",
        "waiting" => "Waiting",
        "changed" => "Changed",
        "building" => "Building",
        "starting" => "Starting",
        "stopping" => "Stopping",
        "leaving" => "Leaving",
        _ => "Down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Diagnosis, LastBuild};

    #[test]
    fn errors_only_of_a_build_that_failed() {
        let mut failed = Answer {
            state: "failed".to_owned(),
            reason: Some("build 2 failed".to_owned()),
            output: "error: from cargo\n".to_owned(),
            last_build: Some(LastBuild { build: 2, success: false, errors: 1, warnings: 0, ms: 5 }),
            ..Answer::default()
        };
        for (level, rendered) in [
            ("error", "error: from cargo\n"),
            ("error", "error: from rustc\n"),
            ("warning", "warning: from rustc\n"),
        ] {
            failed.diagnostics.push(Diagnosis {
                level: level.to_owned(),
                code: None,
                message: String::new(),
                file: None,
                line: None,
                column: None,
                rendered: rendered.to_owned(),
            });
        }
        assert_eq!(failed.errors(), "error: from cargo\nerror: from rustc\n");
        assert_eq!(failed.outcome(), [AnswerLine::Error("build 2 failed".to_owned())]);
        assert_eq!(serde_json::from_str::<Answer>(&failed.json()).unwrap(), failed);
        assert!(failed.json().contains("\"last-build\":{\"build\":2,"));
        assert_eq!(Answer { state: "paused".to_owned(), ..failed }.errors(), "");
    }
}
