//! Turns cargo's own errors, blocks of its stderr from `error:` on, into diagnostics.
//!
//! Compiler errors come as JSON; a failed build script, a broken manifest or a killed rustc do not.

use super::{Diagnostic, Level, StderrLine, stderr_line};

/// Lines of build script output at the end of a diagnostic's message: the cause comes last.
const OUTPUT_LINES: usize = 20;

/// Bytes of a block that are kept, of its beginning and end.
const MAX_BYTES: usize = 1 << 20;

/// Lines of the beginning that are kept.
const HEAD_LINES: usize = 8;

/// Collects the error blocks from the stderr of one run of cargo.
#[derive(Debug, Default)]
pub struct CargoErrors {
    /// As printed and without colours.
    block: Vec<(String, String)>,
    bytes: usize,
}

impl CargoErrors {
    /// Takes a line as printed and without colours. Returns the error block that ends before it, and whether
    /// the line belongs to none.
    pub fn take(&mut self, text: &str, plain: &str) -> (Option<Box<Diagnostic>>, bool) {
        let begins = plain.starts_with("error: ") || plain.starts_with("error[");
        let goes_on = match self.block.first() {
            None => false,
            Some((_, first)) if is_count(first) => {
                plain.is_empty() || plain == "Caused by:" || plain.starts_with("  ") && !cargo_status(plain)
            }
            Some(_) => {
                !plain.starts_with("warning")
                    && (plain.starts_with("  ") && !cargo_status(plain)
                        || stderr_line(plain) == StderrLine::Text)
            }
        };
        if !begins && goes_on {
            self.keep(text, plain);
            return (None, false);
        }
        let done = self.finish();
        if begins {
            self.keep(text, plain);
        }
        (done, !begins)
    }

    fn keep(&mut self, text: &str, plain: &str) {
        let size =
            |(text, plain): &(String, String)| text.len() + plain.len() + size_of::<(String, String)>();
        let line = (text.to_owned(), plain.to_owned());
        self.bytes += size(&line);
        self.block.push(line);
        if self.bytes > MAX_BYTES && self.block.len() > 2 * HEAD_LINES {
            let (half, mut number) = (self.block.len() / 2, 0);
            self.block.retain(|(_, line)| {
                number += 1;
                number <= HEAD_LINES || number > half || line.starts_with("  --- std")
            });
            self.bytes = self.block.iter().map(size).sum();
        }
    }

    /// Ends the current block and returns its error.
    pub fn finish(&mut self) -> Option<Box<Diagnostic>> {
        let block = std::mem::take(&mut self.block);
        self.bytes = 0;
        let (_, first) = block.first()?;
        // The compiler's own errors were reported as JSON, unless rustc itself could not run or was killed.
        if is_count(first) && cause(&block).is_none_or(|cause| cause.ends_with("(exit status: 1)")) {
            return None;
        }
        let script = first.starts_with("error: failed to run custom build command");
        let shown: Vec<&(String, String)> =
            if script { without_directives(&block) } else { block.iter().collect() };
        let rendered = shown.iter().map(|(text, _)| text.clone() + "\n").collect();
        let (file, line, column) = block.iter().find_map(|(_, line)| place(line)).unwrap_or_default();
        let message = message(&block, script);
        Some(Box::new(Diagnostic { level: Level::Error, code: None, message, file, line, column, rendered }))
    }
}

/// Whether the line is a status line of cargo. Output of a build script is indented as well.
fn cargo_status(plain: &str) -> bool {
    const VERBS: [&str; 10] = [
        "Compiling",
        "Building",
        "Finished",
        "Fresh",
        "Checking",
        "Downloading",
        "Downloaded",
        "Updating",
        "Blocking",
        "Locking",
    ];
    stderr_line(plain) == StderrLine::Status && VERBS.iter().any(|verb| plain.trim_start().starts_with(verb))
}

fn is_count(line: &str) -> bool {
    stderr_line(line) == StderrLine::Summary
}

fn cause(block: &[(String, String)]) -> Option<&str> {
    let mut lines = block.iter().map(|(_, line)| line.as_str()).skip_while(|line| *line != "Caused by:");
    lines.nth(1).map(str::trim_start)
}

/// Returns the message of a block: what failed, why, and for a build script the end of its output.
fn message(block: &[(String, String)], script: bool) -> String {
    let first = block.first().map_or("", |(_, line)| line);
    let mut message = first.trim_start_matches("error: ").to_owned();
    if let Some(cause) = cause(block) {
        message = message + ": " + cause;
    }
    if script {
        let output = explanation(block);
        for line in &output[output.len().saturating_sub(OUTPUT_LINES)..] {
            message = message + "\n" + line;
        }
    }
    message
}

/// Returns the output of a failed build script that explains the failure: its warnings, which carry the C
/// compiler's errors when it uses `cc`, and its stderr, or its stdout if both are empty.
fn explanation(block: &[(String, String)]) -> Vec<&str> {
    let lines = || block.iter().map(|(_, line)| line.strip_prefix("  ").unwrap_or(line));
    let (out, err): (Vec<&str>, Vec<&str>) = (section(lines(), "--- stdout"), section(lines(), "--- stderr"));
    let warnings = out.iter().filter_map(|line| warning(line));
    // The frames below a panic are the standard library's.
    let backtrace = err.iter().position(|line| *line == "stack backtrace:").unwrap_or(err.len());
    let mut output: Vec<&str> = warnings.chain(err[..backtrace].iter().copied()).collect();
    if output.is_empty() {
        output = out.into_iter().filter(|line| !directive(line)).collect();
    }
    output.retain(|line| !line.trim().is_empty());
    output
}

fn warning(line: &str) -> Option<&str> {
    line.strip_prefix("cargo:warning=").or_else(|| line.strip_prefix("cargo::warning="))
}

fn section<'a>(lines: impl Iterator<Item = &'a str>, title: &str) -> Vec<&'a str> {
    lines.skip_while(|line| *line != title).skip(1).take_while(|line| !line.starts_with("--- std")).collect()
}

fn directive(line: &str) -> bool {
    line.trim_start().starts_with("cargo:")
}

/// Returns the block without instructions to cargo; stdout is cut to its end if the script has a stderr.
fn without_directives(block: &[(String, String)]) -> Vec<&(String, String)> {
    let title = |name: &str| block.iter().position(|(_, line)| line.trim() == name);
    let stderr = title("--- stderr");
    let stdout = title("--- stdout").map_or(0..0, |at| at + 1..stderr.unwrap_or(block.len()));
    let first = stderr.map_or(0, |at| at.saturating_sub(OUTPUT_LINES));
    let shown = |at: usize| !stdout.contains(&at) || at >= first && !directive(&block[at].1);
    (0..block.len()).filter(|at| shown(*at)).map(|at| &block[at]).collect()
}

/// Parses the file, line and column of ` --> Cargo.toml:3:1`.
fn place(line: &str) -> Option<(Option<String>, Option<usize>, Option<usize>)> {
    let (rest, column) = line.trim_start().strip_prefix("--> ")?.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((Some(file.to_owned()), Some(line.parse().ok()?), Some(column.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the errors of these lines, and the lines that belong to none.
    fn read(text: &str) -> (Vec<Diagnostic>, Vec<&str>) {
        let (mut errors, mut found, mut passed) = (CargoErrors::default(), Vec::new(), Vec::new());
        for line in text.lines() {
            let (done, rest) = errors.take(line, line);
            found.extend(done);
            if rest {
                passed.push(line);
            }
        }
        found.extend(errors.finish());
        (found.into_iter().map(|error| *error).collect(), passed)
    }

    const SCRIPT: &str = "\
   Compiling b v0.1.0 (/b)
warning: b@0.1.0: x.c:3:1: error: nope
error: failed to run custom build command for `b v0.1.0 (/b)`
note: To improve backtraces for build dependencies, set X=true.

Caused by:
  process didn't exit successfully: `/b/build-script-build` (exit status: 101)
  --- stdout
  cargo:rerun-if-env-changed=CC
  OPT_LEVEL = Some(0)
     Compiling something
  cargo:warning=x.c:3:1: error: nope

  --- stderr
  bad.c:1:8: error: expected a declaration
     Compiling is what the script called it

  thread 'main' (7) panicked at build.rs:2:147:
  cc failed
  stack backtrace:
     0: __rustc::rust_begin_unwind
warning: build failed, waiting for other jobs to finish...
";

    #[test]
    fn a_failed_build_script_is_an_error_with_the_end_of_its_output() {
        let (errors, passed) = read(SCRIPT);
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert_eq!(
            error.message,
            "failed to run custom build command for `b v0.1.0 (/b)`: process didn't exit successfully: `/b/build-script-build` (exit status: 101)\n\
             x.c:3:1: error: nope\nbad.c:1:8: error: expected a declaration\n   Compiling is what the script called it\n\
             thread 'main' (7) panicked at build.rs:2:147:\ncc failed"
        );
        assert!(
            error.rendered.starts_with("error: failed to run custom build command"),
            "{}",
            error.rendered
        );
        assert!(
            !error.rendered.contains("cargo:") && error.rendered.contains("OPT_LEVEL"),
            "{}",
            error.rendered
        );
        assert!(error.rendered.contains("cc failed"), "{}", error.rendered);
        assert_eq!(passed.len(), 3, "{passed:?}");
    }

    #[test]
    fn without_stderr_the_stdout_of_a_build_script_is_shown() {
        let text = "error: failed to run custom build command for `b`\n\nCaused by:\n  process didn't exit successfully: `x` (exit status: 1)\n  --- stdout\n  cargo:rerun-if-changed=a\n  no compiler found\n";
        let (errors, _) = read(text);
        assert!(errors[0].message.ends_with("(exit status: 1)\nno compiler found"), "{}", errors[0].message);
        assert!(errors[0].rendered.contains("no compiler") && !errors[0].rendered.contains("rerun"));
    }

    #[test]
    fn errors_of_cargo_are_diagnostics_unlike_counts() {
        let (errors, _) = read("error: could not compile `b` (bin \"b\") due to 1 previous error\n");
        assert!(errors.is_empty());
        let killed = "error: could not compile `b` (bin \"b\")\n\nCaused by:\n  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)\n";
        let (errors, _) = read(killed);
        assert!(errors[0].message.ends_with("(signal: 9, SIGKILL: kill)"), "{errors:?}");
        let (errors, _) =
            read("error: could not compile `b`\n\nCaused by:\n  could not execute process `rustc`\n");
        assert!(errors[0].message.ends_with("could not execute process `rustc`"), "{errors:?}");
        let (errors, passed) = read(
            "error: unknown field\n --> Cargo.toml:3:1\n  |\n3 | x = 1\n  | ^\n\nerror: another\n    Finished dev\n",
        );
        let places: Vec<_> =
            errors.iter().map(|error| (&*error.message, error.file.as_deref(), error.line)).collect();
        assert_eq!(places, [("unknown field", Some("Cargo.toml"), Some(3)), ("another", None, None)]);
        assert_eq!(passed, ["    Finished dev"]);
    }

    #[test]
    fn a_flood_keeps_its_beginning_and_end() {
        let flood = "  something\n".repeat(200_000);
        let text = format!(
            "error: failed to run custom build command for `b`\n\nCaused by:\n  exit\n  --- stdout\n{flood}  --- stderr\n{flood}  the cause\n"
        );
        let (errors, _) = read(&text);
        assert!(errors[0].message.starts_with("failed to run custom build command for `b`: exit\nsomething"));
        assert!(errors[0].message.ends_with("\nthe cause") && errors[0].rendered.len() < MAX_BYTES);
    }
}
