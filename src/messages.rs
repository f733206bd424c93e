//! Parses cargo's output: its JSON messages and the lines of its stderr.
//!
//! The message format is the one of `cargo build --message-format=json`
//! (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).

mod errors;
mod named;
mod place;

use std::path::{Path, PathBuf};

pub use self::errors::CargoErrors;
pub use self::named::NamedPaths;
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Artifact, BuildScript, CrateType, Message};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
    /// A note, help or failure note that is a message of its own.
    Note,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Diagnostic {
    pub level: Level,
    /// For example `E0308` or `unused_variables`.
    pub code: Option<String>,
    /// The first line, without decoration.
    pub message: String,
    /// The file of the primary span as rustc names it, or of the macro call for an error inside a macro of
    /// another crate.
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<usize>,
    /// Counted from 1.
    pub column: Option<usize>,
    /// The text as rustc prints it.
    pub rendered: String,
}

impl Diagnostic {
    /// Whether the message only counts others ("aborting due to 3 previous errors", "2 warnings emitted").
    pub fn is_summary(&self) -> bool {
        self.file.is_none()
            && self.code.is_none()
            && (self.message.starts_with("aborting due to")
                || self.message.ends_with("warning emitted")
                || self.message.ends_with("warnings emitted"))
    }

    /// Whether earlier artifacts cause the error: a crate exists and cannot be loaded. Everything else (a
    /// build script, the linker, a missing target) can fail because of the project or the machine.
    pub fn blames_artifacts(&self) -> bool {
        match self.code.as_deref() {
            // The missing crate may be one that exists nowhere, or the standard library of a target that is
            // not installed.
            Some("E0463") => self.message.contains("` depends on"),
            code => code.is_some_and(|code| LOADING.contains(&code)),
        }
    }
}

/// The codes of errors about crates that cannot be loaded (<https://doc.rust-lang.org/error_codes/>).
const LOADING: [&str; 5] = ["E0460", "E0462", "E0464", "E0514", "E0786"];

/// A line of cargo's stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CargoMessage {
    /// A compiler message, and for an error the files it names.
    Diagnostic(Diagnostic, NamedPaths),
    Executable {
        package: String,
        target: String,
        /// Not a binary of its package.
        example: bool,
        path: PathBuf,
        fresh: bool,
    },
    Libraries {
        files: Vec<PathBuf>,
        /// Programs link a `dylib`; a `cdylib` they only open at run time.
        linked: bool,
    },
    /// A build script ran, now or earlier.
    BuildScript(BuildScript),
    Finished {
        success: bool,
    },
    /// Output of a procedural macro or a rustc wrapper.
    Text(String),
    /// A message hotrun does not use.
    Other,
}

pub fn parse(line: &str) -> CargoMessage {
    let Ok(message) = serde_json::from_str::<Message>(line) else {
        // A message of a kind newer than hotrun.
        let message = line.starts_with("{\"reason\":");
        return if message { CargoMessage::Other } else { CargoMessage::Text(line.to_owned()) };
    };
    match message {
        Message::CompilerMessage(compiler) => {
            let message = compiler.message;
            let span = place::of(&message.spans);
            let level = match message.level {
                DiagnosticLevel::Error | DiagnosticLevel::Ice => Level::Error,
                DiagnosticLevel::Warning => Level::Warning,
                _ => Level::Note,
            };
            let mut named = NamedPaths::default();
            if level == Level::Error {
                named.diagnostic(&compiler.package_id.repr, &message);
            }
            let diagnostic = Diagnostic {
                level,
                code: message.code.map(|code| code.code),
                message: message.message,
                file: span.map(|span| span.file_name.clone()),
                line: span.map(|span| span.line_start),
                column: span.map(|span| span.column_start),
                rendered: match (message.rendered, span) {
                    (Some(rendered), Some(span)) => place::first(span, &message.spans, rendered),
                    (rendered, _) => rendered.unwrap_or_default(),
                },
            };
            CargoMessage::Diagnostic(diagnostic, named)
        }
        Message::CompilerArtifact(artifact) => match artifact.executable {
            Some(path) => CargoMessage::Executable {
                package: artifact.package_id.repr,
                example: artifact.target.is_example(),
                target: artifact.target.name,
                path: path.into_std_path_buf(),
                fresh: artifact.fresh,
            },
            None => libraries(&artifact),
        },
        Message::BuildScriptExecuted(script) => CargoMessage::BuildScript(script),
        Message::BuildFinished(finished) => CargoMessage::Finished { success: finished.success },
        _ => CargoMessage::Other,
    }
}

/// Returns the shared libraries of an artifact. A `cdylib` counts only if its crate has no other form:
/// programs link the `rlib`.
fn libraries(artifact: &Artifact) -> CargoMessage {
    let is = |kind: &CrateType| artifact.target.crate_types.contains(kind);
    let linked = is(&CrateType::DyLib);
    let opened = is(&CrateType::CDyLib) && !is(&CrateType::Lib) && !is(&CrateType::RLib);
    if !linked && !opened {
        return CargoMessage::Other;
    }
    let files = artifact.filenames.iter().map(|path| path.clone().into_std_path_buf());
    CargoMessage::Libraries { files: files.filter(|path| is_shared_library(path)).collect(), linked }
}

/// Whether the file name is that of a shared library: `libx.so`, `libx.so.1`, `libx.dylib`.
pub fn is_shared_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".so") || name.contains(".so.") || name.ends_with(".dylib")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StderrLine {
    /// A right-aligned verb: `   Compiling app v0.1.0`.
    Status,
    /// A count of what the JSON messages already reported ("could not compile", "generated 1 warning").
    Summary,
    /// Everything else: an error or warning of cargo itself.
    Text,
}

/// Classifies a line of cargo's stderr without colours.
pub fn stderr_line(plain: &str) -> StderrLine {
    let verb = plain.trim_start();
    let indent = plain.len() - verb.len();
    let width = verb.find(' ').unwrap_or(verb.len());
    if indent > 0 && indent + width == 12 && verb.starts_with(|c: char| c.is_ascii_uppercase()) {
        return StderrLine::Status;
    }
    let counts = plain.starts_with("error: could not compile")
        || (plain.starts_with("warning: `") && plain.contains(" generated ") && plain.contains(" warning"))
        || plain.starts_with("warning: build failed, waiting for other jobs");
    if counts { StderrLine::Summary } else { StderrLine::Text }
}

/// Whether cargo says that it waits for another cargo in its target folder (`Blocking waiting for file lock
/// on build directory`, or `artifact directory`).
pub fn line_waits_for_folder(line: &str) -> bool {
    let plain = console::strip_ansi_codes(line);
    plain.trim_start().starts_with("Blocking waiting for file lock on ") && plain.ends_with(" directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_locks_of_the_target_folder_count() {
        assert!(line_waits_for_folder("    Blocking waiting for file lock on build directory"));
        assert!(line_waits_for_folder(
            "\x1b[1m    Blocking\x1b[0m waiting for file lock on artifact directory"
        ));
        assert!(!line_waits_for_folder("    Blocking waiting for file lock on package cache"));
        assert!(!line_waits_for_folder("   Compiling directory v0.1.0 (/a/build directory"));
    }

    #[test]
    fn only_unloadable_crates_blame_earlier_artifacts() {
        let table = [
            (Some("E0460"), "found possibly newer version of crate `dep`", true),
            (Some("E0463"), "can't find crate for `deep` which `dep` depends on", true),
            (Some("E0514"), "found crate `dep` compiled by an incompatible version of rustc", true),
            (Some("E0786"), "found invalid metadata files for crate `dep`", true),
            (Some("E0463"), "can't find crate for `std`", false),
            (Some("E0463"), "can't find crate for `nobodys`", false),
            (Some("E0308"), "mismatched types", false),
            (None, "linking with `cc` failed: exit status: 1", false),
            (None, "linker `nolink` not found", false),
            (None, "could not find native static library `it`, perhaps an -L flag is missing?", false),
            (None, "internal compiler error: no entry found for key", false),
            (None, "aborting due to 1 previous error", false),
        ];
        for (code, message, blamed) in table {
            let diagnostic = Diagnostic {
                level: Level::Error,
                code: code.map(ToOwned::to_owned),
                message: message.to_owned(),
                file: None,
                line: None,
                column: None,
                rendered: String::new(),
            };
            assert_eq!(diagnostic.blames_artifacts(), blamed, "{message}");
        }
    }

    #[test]
    fn a_compiler_message_keeps_its_primary_place() {
        let line = r#"{"reason":"compiler-message","package_id":"path+file:///p#app@0.1.0","manifest_path":"/p/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/p/src/main.rs","edition":"2021","doc":true,"doctest":false,"test":true},"message":{"rendered":"error: nope\n","$message_type":"diagnostic","children":[],"level":"error","message":"nope","spans":[{"byte_end":9,"byte_start":1,"column_end":5,"column_start":3,"expansion":null,"file_name":"src/main.rs","is_primary":true,"label":null,"line_end":7,"line_start":7,"suggested_replacement":null,"suggestion_applicability":null,"text":[]}],"code":{"code":"E0308","explanation":null}}}"#;
        let CargoMessage::Diagnostic(diagnostic, named) = parse(line) else { panic!("{:?}", parse(line)) };
        assert_eq!(diagnostic.level, Level::Error);
        assert_eq!(diagnostic.code.as_deref(), Some("E0308"));
        assert_eq!(diagnostic.file.as_deref(), Some("src/main.rs"));
        assert_eq!((diagnostic.line, diagnostic.column), (Some(7), Some(3)));
        assert!(!diagnostic.is_summary());
        let named: Vec<_> = named.paths().collect();
        assert_eq!(named, [(Some("path+file:///p#app@0.1.0"), "src/main.rs")]);
    }

    #[test]
    fn other_output_is_passed_on() {
        assert_eq!(parse("hello"), CargoMessage::Text("hello".to_owned()));
        assert_eq!(parse("{\"a\":1}"), CargoMessage::Text("{\"a\":1}".to_owned()));
        assert_eq!(parse(r#"{"reason":"something-new"}"#), CargoMessage::Other);
    }

    #[test]
    fn stderr_lines_are_classified() {
        let table = [
            ("   Compiling app v0.1.0 (/p)", StderrLine::Status),
            ("    Finished `dev` profile in 0.1s", StderrLine::Status),
            ("    Blocking waiting for file lock on build directory", StderrLine::Status),
            ("error: could not compile `app` (bin \"app\") due to 1 previous error", StderrLine::Summary),
            ("warning: `app` (bin \"app\") generated 2 warnings", StderrLine::Summary),
            ("error: failed to parse manifest at `/p/Cargo.toml`", StderrLine::Text),
            ("warning: unused manifest key: package.foo", StderrLine::Text),
            ("  |", StderrLine::Text),
            ("", StderrLine::Text),
        ];
        for (line, kind) in table {
            assert_eq!(stderr_line(line), kind, "{line:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_lines_never_panic(line in ".*", verb in "[ ]{0,12}[A-Za-z:`\x1b\\[]{0,20} .{0,20}") {
            for line in [line, verb] {
                let _ = parse(&line);
                let _ = stderr_line(&line);
                let _ = line_waits_for_folder(&line);
            }
        }

        #[test]
        fn malformed_messages_never_panic(
            reason in "(compiler-message|compiler-artifact|build-script-executed|build-finished|other)",
            value in "(null|1|\"x\"|\\[\\]|\\{\\}|true)",
            key in "(message|target|package_id|spans|success|filenames|out_dir|executable)",
        ) {
            let _ = parse(&format!("{{\"reason\":\"{reason}\",\"{key}\":{value}}}"));
        }
    }
}
