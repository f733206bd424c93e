//! Collects the paths that the errors of a build name: an edit of one of them may fix the build.
//!
//! Pure and generous: a word that merely looks like a path costs one check whether the file exists. The
//! caller resolves relative paths.

use std::collections::BTreeSet;
use std::path::Path;

use cargo_metadata::diagnostic::{Diagnostic, DiagnosticSpan};

/// Enough paths for one build; further ones are ignored.
const MAX_PATHS: usize = 4096;

/// The paths named by the errors of one build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedPaths {
    /// Each with cargo's ID of the package whose compiler named it, or none for cargo and build scripts.
    paths: BTreeSet<(Option<String>, String)>,
}

impl NamedPaths {
    /// Returns every path, with cargo's ID of the package whose compiler named it.
    pub fn paths(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.paths.iter().map(|(package, name)| (package.as_deref(), name.as_str()))
    }

    /// Adds the paths of a compiler message about this package.
    pub(super) fn diagnostic(&mut self, package: &str, message: &Diagnostic) {
        let mut take = |name: &str| self.insert(Some(package), name);
        in_text(&message.message, &mut take);
        message.spans.iter().for_each(|span| in_span(span, &mut take));
        for child in &message.children {
            self.diagnostic(package, child);
        }
    }

    pub fn join(&mut self, other: Self) {
        for (package, name) in other.paths {
            self.insert(package.as_deref(), &name);
        }
    }

    /// Adds the paths of a line of cargo's stderr without colours.
    pub fn line(&mut self, plain: &str) {
        // Printed by a build script before it failed; relative to its package.
        match plain.split_once("rerun-if-changed=") {
            Some((key, path)) if key.trim_start().starts_with("cargo:") => self.insert(None, path.trim_end()),
            _ => in_text(plain, &mut |name| self.insert(None, name)),
        }
    }

    fn insert(&mut self, package: Option<&str>, name: &str) {
        if self.paths.len() < MAX_PATHS && !is_artifact(name) {
            self.paths.insert((package.map(ToOwned::to_owned), name.to_owned()));
        }
    }
}

/// Adds the file of a span and those of the macro calls it expands from.
fn in_span(span: &DiagnosticSpan, take: &mut impl FnMut(&str)) {
    take(&span.file_name);
    if let Some(expansion) = &span.expansion {
        in_span(&expansion.span, take);
    }
}

/// Finds everything that looks like a path: words, and quoted text, which may contain spaces.
fn in_text(text: &str, take: &mut impl FnMut(&str)) {
    for mark in ['`', '"', '\''] {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(mark) {
            // An apostrophe, as in "couldn't", opens no quotation.
            let opens = !before.ends_with(char::is_alphanumeric);
            let quoted = after.split_once(mark).filter(|_| opens);
            rest = quoted.map_or(after, |(_, rest)| rest);
            if let Some((inside, _)) = quoted.filter(|(inside, _)| {
                inside.contains(' ') && !inside.contains(" (/") && looks_like_path(inside)
            }) {
                take(inside);
            }
        }
    }
    let separates =
        |letter: char| letter.is_whitespace() || letter.is_control() || "`\"'()[]{}<>,;=|".contains(letter);
    for word in text.split(separates) {
        let word = without_place(word);
        if looks_like_path(word) {
            take(word);
        }
    }
}

/// Strips what follows a path in a message: `:line:column` and punctuation.
fn without_place(word: &str) -> &str {
    let mut word = word;
    loop {
        let shorter = word.trim_end_matches(|letter: char| ".:!?".contains(letter));
        let shorter = match shorter.rsplit_once(':') {
            Some((file, number))
                if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                file
            }
            _ => shorter,
        };
        if shorter == word {
            return word;
        }
        word = shorter;
    }
}

fn looks_like_path(text: &str) -> bool {
    let has_extension = || {
        Path::new(text).extension().and_then(|extension| extension.to_str()).is_some_and(|extension| {
            extension.len() <= 10
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && !extension.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    !text.contains("://")
        && !text.contains("::")
        && !text.contains(['\n', '*'])
        && text.len() < 1000
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && (text.contains('/') || has_extension())
}

/// Whether the path is compiler output or a source of a registry or the standard library.
fn is_artifact(name: &str) -> bool {
    let made = [".o", ".rlib", ".rmeta", ".rcgu.o", ".d"].iter().any(|end| name.ends_with(end));
    // The report of a compiler crash has a new name each time.
    let report = name.rsplit('/').next().is_some_and(|name| name.starts_with("rustc-ice-"));
    made || report
        || name.starts_with("/rustc/")
        || name.contains("/rustlib/")
        || name.contains("/registry/src/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_line(line: &str) -> Vec<String> {
        let mut named = NamedPaths::default();
        named.line(line);
        named.paths().map(|(_, name)| name.to_owned()).collect()
    }

    #[test]
    fn paths_are_found_in_all_notations() {
        let table: &[(&str, &[&str])] = &[
            (
                r#"to create the module `gen`, create file "src/gen.rs" or "src/gen/mod.rs""#,
                &["src/gen.rs", "src/gen/mod.rs"],
            ),
            ("couldn't read `src/../no.txt`: No such file or directory (os error 2)", &["src/../no.txt"]),
            ("couldn't read src/my.txt: No such file or directory (os error 2)", &["src/my.txt"]),
            (
                "  failed to read `/ws/my util/Cargo.toml`",
                &["/ws/my util/Cargo.toml", "/ws/my", "util/Cargo.toml"],
            ),
            ("  unable to update /ws/util", &["/ws/util"]),
            (
                "message: #[derive(RustEmbed)] folder '/p/dist/' does not exist. cwd: '/p'",
                &["/p/dist/", "/p"],
            ),
            (r#"template "x.html" not found in directories ["/p/templates"]"#, &["x.html", "/p/templates"]),
            ("  csrc/foo.c:3:10: fatal error: foo.h: No such file or directory", &["csrc/foo.c", "foo.h"]),
            ("  cargo:rerun-if-changed=proto", &["proto"]),
            ("  cargo::rerun-if-changed=../proto/a b.proto", &["../proto/a b.proto"]),
            ("error: failed to run custom build command for `app v0.1.0 (/p)`", &["/p"]),
            ("cannot find value `V` in module `v`", &[]),
            ("expected one of `.`, `;`, `?`, found `}`", &[]),
            ("the trait `std::fmt::Display` is not implemented for `a::B<c::D>`", &[]),
            ("see https://doc.rust-lang.org/cargo/x.html", &[]),
            (r#"note: "cc" "/p/app.rcgu.o" "/x/rustlib/lib/libstd.rlib""#, &[]),
            (
                "note: please attach the file at `/p/rustc-ice-2026-01-01T00_00_00-1.txt` to your bug report",
                &[],
            ),
            ("", &[]),
        ];
        for (line, expect) in table {
            let expect: BTreeSet<String> = expect.iter().map(ToString::to_string).collect();
            assert_eq!(in_line(line), expect.into_iter().collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn the_number_of_paths_is_limited() {
        let mut named = NamedPaths::default();
        for number in 0..2 * MAX_PATHS {
            named.line(&format!("src/{number}.rs:1:1"));
        }
        assert_eq!(named.paths().count(), MAX_PATHS);
    }
}
