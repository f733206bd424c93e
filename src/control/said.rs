//! The answer for people: what `hotrun status` and `hotrun wait` print without `--json`.
//!
//! Pure. The facts with their words; how wide a line is and how it is coloured is decided where it is printed.

use super::Answer;
use super::answer::count;

/// A part of an answer, a line or more of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A status line: its verb and the rest.
    Status(&'static str, String),
    /// What is wrong.
    Error(String),
    /// A way out.
    Hint(String),
}

impl Answer {
    /// `hotrun status`.
    pub fn status(&self) -> Vec<Said> {
        let program =
            self.program.as_ref().map_or("the program".to_owned(), |program| format!("`{program}`"));
        let running = match &self.running {
            Some(running) => Some(Said::Status(
                "Running",
                format!("build {} of {program} (pid {}) since {}", running.build, running.pid, running.since),
            )),
            // It may still be there.
            None if self.state == "stopping" => None,
            None => Some(Said::Status("Down", format!("{program} does not run"))),
        };
        let mut said: Vec<Said> = running.into_iter().collect();
        said.extend(match &*self.state {
            "building" => Some(Said::Status("Building", "what was saved last".to_owned())),
            "changed" => Some(Said::Status("Changed", "a build is due".to_owned())),
            "starting" => Some(Said::Status("Starting", format!("{program} is not ready yet"))),
            "stopping" => Some(Said::Status("Stopping", program)),
            "leaving" => Some(Said::Status("Leaving", "hotrun is about to end".to_owned())),
            "exited" => Some(Said::Status("Exited", "with code 0".to_owned())),
            _ => None,
        });
        if let Some(last) = &self.last_build {
            let how = if last.success { "succeeded" } else { "failed" };
            let counted = [(last.errors, "error"), (last.warnings, "warning")];
            let counts: Vec<String> = counted
                .iter()
                .filter(|(number, _)| *number > 0)
                .map(|&(number, noun)| count(number, noun))
                .collect();
            let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
            said.push(Said::Status("Last build", format!("{} {how}{counts}", last.build)));
        }
        said.extend(self.listening.iter().map(|address| Said::Status("Listening", address.clone())));
        said.extend(self.live.iter().map(|live| Said::Status("Live", live.clone())));
        said.extend(
            self.hotrun
                .iter()
                .map(|hotrun| Said::Status("hotrun", format!("{} (pid {})", hotrun.version, hotrun.pid))),
        );
        said.extend(self.blame());
        said
    }

    /// `hotrun wait`: what runs, or what is wrong.
    pub fn outcome(&self) -> Vec<Said> {
        if !self.ok {
            return self.blame();
        }
        vec![match &self.running {
            Some(running) => {
                Said::Status("Running", format!("build {} (pid {})", running.build, running.pid))
            }
            None => Said::Status("Exited", "with code 0".to_owned()),
        }]
    }

    /// What stands above the outcome: cargo's and the compiler's errors, in their own lines.
    pub fn errors(&self) -> String {
        // Otherwise they may be mended already.
        if self.ok || self.state != "failed" || self.last_build.as_ref().is_none_or(|last| last.success) {
            return String::new();
        }
        // cargo's own errors are in its output too.
        let rendered = self.diagnostics.iter().filter(|diagnosis| {
            diagnosis.level == "error" && !self.output.contains(diagnosis.rendered.trim_end())
        });
        rendered.fold(self.output.clone(), |text, error| text + &error.rendered)
    }

    fn blame(&self) -> Vec<Said> {
        let reason = self.reason.iter().map(|reason| Said::Error(reason.clone()));
        reason.chain(self.hint.iter().map(|hint| Said::Hint(hint.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Diagnosis, LastBuild};

    #[test]
    fn errors_are_told_of_a_build_that_failed_and_not_once_they_may_be_mended() {
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
        assert_eq!(failed.outcome(), [Said::Error("build 2 failed".to_owned())]);
        assert_eq!(serde_json::from_str::<Answer>(&failed.json()).unwrap(), failed);
        assert!(failed.json().contains("\"last-build\":{\"build\":2,"));
        assert_eq!(Answer { state: "paused".to_owned(), ..failed }.errors(), "");
    }
}
