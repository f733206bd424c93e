//! What `hotrun config` prints: every setting in force as TOML that `hotrun.toml` could hold, each with its origin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::units::{Word, format_duration, format_poll, signal_name};
use super::{Color, Config, Origin, Setting, TargetName, address, shown};

/// Writes the settings, paths below `cwd` relative in the origins only.
pub fn show(config: &Config, cwd: &Path) -> String {
    let mut page = Page { lines: Vec::new(), cwd };
    page.optional("events", &config.events, |path| quoted_path(path));
    page.optional("log", &config.log, |path| quoted_path(path));
    page.build(config);
    page.watch(config);
    page.run(config);
    page.ui(config);
    page.command_line_only(config);
    page.text()
}

struct Page<'a> {
    /// Each line and the comment after it.
    lines: Vec<(String, Option<String>)>,
    cwd: &'a Path,
}

impl Page<'_> {
    fn build(&mut self, config: &Config) {
        let build = &config.build;
        self.table("build");
        self.optional("package", &build.package, |name| quoted(name));
        let (key, name) = match &build.target.value {
            Some(TargetName::Example(name)) => ("example", Some(name.clone())),
            Some(TargetName::Bin(name)) => ("bin", Some(name.clone())),
            None => ("bin", None),
        };
        self.optional(key, &Setting { value: name, origin: build.target.origin.clone() }, |name| {
            quoted(name)
        });
        self.setting("features", &build.features, |features| quoted_list(features));
        self.setting("profile", &build.profile, |profile| quoted(profile));
        self.setting("args", &build.args, |args| quoted_list(args));
        self.variables("env", &build.env);
        self.list("inputs", &build.inputs, |path| quoted_path(path));
        self.setting("share-build-dir", &build.share_build_dir, ToString::to_string);
        self.setting("debug-info", &build.debug_info, |info| quoted(info.word()));
    }

    fn watch(&mut self, config: &Config) {
        let watch = &config.watch;
        self.table("watch");
        self.list("paths", &watch.paths, |path| quoted_path(path));
        self.list("ignore", &watch.ignore, |ignore| quoted(&ignore.glob));
        self.setting("debounce", &watch.debounce, |time| quoted(&format_duration(*time)));
        self.setting("poll", &watch.poll, |poll| quoted(&format_poll(*poll)));
    }

    fn run(&mut self, config: &Config) {
        let run = &config.run;
        self.table("run");
        self.setting("args", &run.args, |args| {
            quoted_list(&args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>())
        });
        self.variables("env", &run.env);
        self.list("env-file", &run.env_files, |path| quoted_path(path));
        self.optional("cwd", &run.cwd, |path| quoted_path(path));
        self.setting("stdin", &run.stdin, |stdin| quoted(stdin.word()));
        self.list("listen", &run.listen, |listen| quoted(&address::format_listen(listen)));
        self.setting("ready", &run.ready, |ready| quoted(&address::format_ready(ready)));
        self.setting("ready-timeout", &run.ready_timeout, |time| quoted(&format_duration(*time)));
        self.setting("update", &run.update, |update| quoted(update.word()));
        self.setting("on-start-failure", &run.on_start_failure, |what| quoted(what.word()));
        self.setting("on-exit", &run.on_exit, |what| quoted(what.word()));
        self.setting("stop-signal", &run.stop_signal, |signal| quoted(&signal_name(*signal)));
        self.setting("stop-timeout", &run.stop_timeout, |time| quoted(&format_duration(*time)));
    }

    fn ui(&mut self, config: &Config) {
        self.table("ui");
        self.setting("clear", &config.ui.clear, ToString::to_string);
        self.setting("keys", &config.ui.keys, ToString::to_string);
        self.setting("notify", &config.ui.notify, ToString::to_string);
    }

    /// What no key of a file stands for.
    fn command_line_only(&mut self, config: &Config) {
        let build = &config.build;
        let mut options = Vec::new();
        let mut valued = |name: &str, value: Option<String>| {
            options.extend(value.map(|value| format!("{name} {value}")));
        };
        valued("--manifest-path", build.manifest_path.as_ref().map(|path| path.display().to_string()));
        valued("--target", build.triple.clone());
        valued("--target-dir", build.target_dir.as_ref().map(|path| path.display().to_string()));
        valued("--color", (config.ui.color != Color::Auto).then(|| config.ui.color.word().to_owned()));
        let flags = [
            (build.all_features, "--all-features"),
            (build.no_default_features, "--no-default-features"),
            (config.ui.verbosity < 0, "--quiet"),
            (config.ui.verbosity == 1, "-v"),
            (config.ui.verbosity > 1, "-vv"),
            (config.once, "--once"),
        ];
        options.extend(flags.iter().filter(|(typed, _)| *typed).map(|(_, flag)| (*flag).to_owned()));
        let passed: Vec<_> = build.common_args.iter().chain(&build.build_args).map(String::as_str).collect();
        let comments = [("on the command line", options.join(" ")), ("passed on to cargo", passed.join(" "))];
        for (what, options) in comments.into_iter().filter(|(_, options)| !options.is_empty()) {
            self.lines.push((String::new(), None));
            self.lines.push((format!("# {what}: {options}"), None));
        }
    }

    fn table(&mut self, name: &str) {
        self.lines.push((String::new(), None));
        self.lines.push((format!("[{name}]"), None));
    }

    fn setting<T>(&mut self, key: &str, setting: &Setting<T>, write: impl Fn(&T) -> String) {
        let origin = self.origin(&setting.origin);
        self.lines.push((format!("{key} = {}", write(&setting.value)), Some(origin)));
    }

    fn optional<T>(&mut self, key: &str, setting: &Setting<Option<T>>, write: impl Fn(&T) -> String) {
        match &setting.value {
            Some(value) => {
                let origin = self.origin(&setting.origin);
                self.lines.push((format!("{key} = {}", write(value)), Some(origin)));
            }
            None => self.lines.push((format!("# {key} ="), Some("not set".to_owned()))),
        }
    }

    fn list<T>(&mut self, key: &str, items: &[Setting<T>], write: impl Fn(&T) -> String) {
        if items.is_empty() {
            self.lines.push((format!("{key} = []"), Some("nothing set".to_owned())));
            return;
        }
        self.lines.push((format!("{key} = ["), None));
        for item in items {
            let origin = self.origin(&item.origin);
            self.lines.push((format!("    {},", write(&item.value)), Some(origin)));
        }
        self.lines.push(("]".to_owned(), None));
    }

    fn variables(&mut self, key: &str, variables: &BTreeMap<String, Setting<String>>) {
        if variables.is_empty() {
            self.lines.push((format!("{key} = {{}}"), Some("nothing set".to_owned())));
        }
        for (name, value) in variables {
            let bare =
                name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
            let name = if bare { name.clone() } else { quoted(name) };
            self.setting(&format!("{key}.{name}"), value, |value| quoted(value));
        }
    }

    fn origin(&self, origin: &Origin) -> String {
        match origin {
            Origin::Default => "default".to_owned(),
            Origin::CommandLine => "command line".to_owned(),
            Origin::Environment(name) => (*name).to_owned(),
            Origin::File(path, line) => format!("{}:{line}", shown(path, self.cwd).display()),
        }
    }

    /// The lines, their comments in one column unless a line is long.
    fn text(self) -> String {
        const WIDEST: usize = 40;
        let widths =
            self.lines.iter().filter(|(_, comment)| comment.is_some()).map(|(line, _)| line.chars().count());
        let column = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        let mut text = String::new();
        for (line, comment) in self.lines {
            match comment {
                Some(comment) => writeln!(text, "{line:column$}  # {comment}"),
                None => writeln!(text, "{line}"),
            }
            .expect("writing to memory cannot fail");
        }
        text
    }
}

/// A basic string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            control if control.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(control)).expect("writing to memory cannot fail");
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn quoted_list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}
