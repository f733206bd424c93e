//! Renders a new `hotrun.toml`.
//!
//! Pure: findings in, text out. An active line has a reason in the project, listed in [`Rendered::reasons`];
//! every other setting is a comment that becomes active without its `# `.

use std::path::{Path, PathBuf};

use crate::config::{TargetName, quoted};

#[derive(Debug, Default)]
pub(super) struct Findings {
    /// For display.
    pub(super) program: String,
    pub(super) package: Option<String>,
    pub(super) target: Option<TargetName>,
    /// The programs not chosen.
    pub(super) others: Vec<String>,
    /// An existing `.env`.
    pub(super) env_file: Option<PathBuf>,
}

#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) text: String,
    /// The active settings, each with its reason.
    pub(super) reasons: Vec<String>,
    pub(super) remarks: Vec<String>,
}

const HEAD: &str = "\
# Settings of hotrun. A line that is commented out shows a default, or an example where there is none; `hotrun config`
# prints every setting in force and where it comes from. The command line wins over this file.
# For completion in editors: hotrun config --schema > hotrun.schema.json, then make this line the first: #:schema ./hotrun.schema.json
";

/// The column of comments.
const COLUMN: usize = 35;

pub(super) fn render(findings: &Findings) -> Rendered {
    let mut page = Rendered { text: HEAD.to_owned(), reasons: Vec::new(), remarks: Vec::new() };
    page.line("");
    page.commented("events = \"target/events.jsonl\"", "--events: what happens, as JSON");
    page.commented("log = \"target/hotrun.log\"", "--log: hotrun's own lines, also in a file");
    page.build(findings);
    page.watch();
    page.run(findings);
    page.table("ui");
    page.commented("clear = false", "-c: clear the screen when there is something new to show");
    page.commented("keys = true", "`r`, `p`, `e`, `c`, `q`, `h` on the terminal");
    page.commented("notify = false", "-N: tell the desktop when a build fails or recovers");
    page
}

impl Rendered {
    fn build(&mut self, findings: &Findings) {
        self.table("build");
        match &findings.package {
            Some(name) => {
                let reason = if findings.target.is_some() { "" } else { "the package to run" };
                self.active(&format!("package = {}", quoted(name)), reason);
            }
            None => self.commented("package = \"api\"", "-p"),
        }
        let reason = match others(&findings.others) {
            None => "the program to run".to_owned(),
            Some(others) => {
                let are = if findings.others.len() == 1 { "is" } else { "are" };
                format!("the program to run; there {are} {others} too")
            }
        };
        match &findings.target {
            Some(TargetName::Bin(name)) => self.active(&format!("bin = {}", quoted(name)), &reason),
            Some(TargetName::Example(name)) => self.active(&format!("example = {}", quoted(name)), &reason),
            None => self.commented("bin = \"api\"", "--bin; or example"),
        }
        self.commented("features = []", "-F");
        self.commented("profile = \"dev\"", "--profile, -r");
        self.commented("args = [\"--locked\"]", "for cargo, what has no key of its own");
        self.commented("env = { SQLX_OFFLINE = \"true\" }", "for cargo only");
        self.commented("inputs = [\"migrations\"]", "what the compiler reads without telling cargo");
        self.commented("share-build-dir = false", "--share-build-dir");
        self.commented("debug-info = \"profile\"", "lines or none: faster builds in target/hotrun");
        self.commented("together = false", "with several services: all of a build or none");
    }

    fn watch(&mut self) {
        self.table("watch");
        self.commented("paths = [\"templates\"]", "-w: what the program reads when it runs");
        self.commented("ignore = [\"*.generated.rs\"]", "-i: gitignore-style; wins over everything");
        self.commented("debounce = \"50ms\"", "quiet time that ends a burst of edits");
        self.commented("poll = \"auto\"", "auto, always, never or an interval");
    }

    fn run(&mut self, findings: &Findings) {
        self.table("run");
        self.commented("args = [\"--port\", \"3000\"]", "replaced by what is typed after `--`");
        self.commented("env = { RUST_LOG = \"debug\" }", "-E: for the program only");
        let env_file = findings.env_file.as_deref().unwrap_or(Path::new(".env"));
        self.commented(
            &format!("env-file = [{}]", quoted(&env_file.to_string_lossy())),
            "not loaded unless named; an edit restarts without a build",
        );
        self.commented("cwd = \".\"", "where the program starts; else where hotrun was started");
        self.commented("stdin = \"lend\"", "lend, null or inherit");
        self.commented("output = \"auto\"", "auto, inherit or capture");
        self.commented(
            "listen = [\"3000\"]",
            "--listen: kept open over restarts; the program takes it from LISTEN_FDS",
        );
        self.commented(
            "ready = \"auto\"",
            "auto, spawn, notify, \"tcp:ADDR\", \"http://ADDR/PATH\" or a time",
        );
        self.commented("ready-timeout = \"30s\"", "how long to wait until it is ready");
        self.commented("update = \"restart\"", "restart, overlap, reexec or manual");
        self.commented("on-start-failure = \"auto\"", "auto, rollback or wait");
        self.commented("on-exit = \"wait\"", "wait for a change, restart, or exit with its code");
        self.commented("stop-signal = \"SIGTERM\"", "the first signal of a stop");
        self.commented("stop-timeout = \"5s\"", "how long a stop may take before SIGKILL");
        if let Some(file) = &findings.env_file {
            let file = file.display();
            self.remarks.push(format!("`{file}` is there; take the `# ` before `env-file` away to load it"));
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn table(&mut self, name: &str) {
        self.line("");
        self.line(&format!("[{name}]"));
    }

    fn active(&mut self, setting: &str, reason: &str) {
        if reason.is_empty() {
            self.line(setting);
            self.reasons.push(setting.to_owned());
        } else {
            self.line(&format!("{setting:COLUMN$} # {reason}"));
            self.reasons.push(format!("{setting} ({reason})"));
        }
    }

    fn commented(&mut self, setting: &str, comment: &str) {
        let setting = format!("# {setting}");
        self.line(&format!("{setting:COLUMN$} # {comment}"));
    }
}

/// Lists the programs not chosen. A large workspace has too many for a comment.
fn others(names: &[String]) -> Option<String> {
    const SHOWN: usize = 5;
    let quoted: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = match names.len() - quoted.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| quoted.join(", ") + &more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunOptions;
    use crate::config::{self, FileKind, FileText, OwnVariables};

    #[track_caller]
    fn accepted(text: &str) -> config::Config {
        let cwd = Path::new("/project");
        let file = FileText { path: cwd.join("hotrun.toml"), text: text.to_owned(), kind: FileKind::Hotrun };
        config::merge(&RunOptions::default(), &OwnVariables::new(), &[file], cwd)
            .unwrap_or_else(|error| panic!("{error}:\n{text}"))
    }

    /// Activates every setting.
    fn uncommented(text: &str) -> String {
        text.lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n")
    }

    #[test]
    fn without_findings_no_setting_is_active() {
        let page = render(&Findings::default());
        assert_eq!(accepted(&page.text), accepted(""));
        assert!(page.reasons.is_empty() && page.remarks.is_empty());
    }

    #[test]
    fn shown_defaults_are_the_defaults() {
        let text = render(&Findings::default()).text;
        let (all, none) = (accepted(&uncommented(&text)), accepted(""));
        assert_eq!(all.watch.debounce.value, none.watch.debounce.value);
        assert_eq!(all.watch.poll.value, none.watch.poll.value);
        assert_eq!(all.build.profile.value, none.build.profile.value);
        let run = |config: &config::Config| {
            let run = config.run.clone();
            (run.stdin.value, run.ready.value, run.ready_timeout.value, run.update.value)
        };
        assert_eq!(run(&all), run(&none));
        let rest = |config: &config::Config| {
            let (run, ui) = (config.run.clone(), config.ui.clone());
            let ui = (ui.clear.value, ui.keys.value, ui.notify.value);
            (run.on_start_failure.value, run.on_exit.value, run.stop_signal.value, run.stop_timeout.value, ui)
        };
        assert_eq!(rest(&all), rest(&none));
    }

    #[test]
    fn the_file_has_every_setting() {
        let text = render(&Findings::default()).text;
        let shown = config::show(&accepted(""), Path::new("/project"));
        for line in shown.lines().filter(|line| line.contains(" =")) {
            let key = line.trim_start_matches("# ").split(" =").next().unwrap();
            // A file has one of the two; the line of `bin` mentions it.
            let key = if key == "example" { "bin" } else { key };
            assert!(text.contains(&format!("# {key} = ")), "`{key}` is missing");
        }
    }

    #[test]
    fn a_few_of_many_programs_are_named() {
        let names: Vec<String> = (1..=8).map(|number| format!("p{number}")).collect();
        assert_eq!(others(&[]), None);
        assert_eq!(others(&names[..2]).unwrap(), "`p1`, `p2`");
        assert_eq!(others(&names).unwrap(), "`p1`, `p2`, `p3`, `p4`, `p5` and 3 more");
    }

    #[test]
    fn special_characters_in_names_are_escaped() {
        let findings =
            Findings { target: Some(TargetName::Bin("we\"ird\\name".to_owned())), ..Findings::default() };
        let config = accepted(&render(&findings).text);
        assert_eq!(config.build.target(), Some(TargetName::Bin("we\"ird\\name".to_owned())));
    }
}
