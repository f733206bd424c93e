//! The parser for cargo's dep-info files, `<target>/<profile>/<name>.d`: which paths a program was built from.
//!
//! Pure: text in, paths out. Reading the file is the caller's part.

use std::path::{Component, Path, PathBuf};

/// The prerequisites of every rule in `text`, each once and in their order. Relative ones are taken from `base`
/// (`build.dep-info-basedir`).
///
/// cargo and rustc write Makefile rules in which only spaces are escaped, as `\ `; `$` and `#` inside a name stand for
/// themselves. rustc adds comment lines that begin with `#`. `..` is kept: behind a symlink it cannot be folded.
pub fn parse(text: &str, base: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").lines() {
        if line.starts_with('#') {
            continue;
        }
        let Some(prerequisites) = after_target(line) else {
            continue;
        };
        for word in words(prerequisites) {
            let path: PathBuf =
                base.join(word).components().filter(|part| *part != Component::CurDir).collect();
            if seen.insert(path.clone()) {
                paths.push(path);
            }
        }
    }
    paths
}

/// What follows the colon that ends the target: the first one with a space or nothing behind it.
fn after_target(line: &str) -> Option<&str> {
    line.match_indices(':')
        .map(|(at, _)| &line[at + 1..])
        .find(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&' ') => {
                word.push(' ');
                letters.next();
            }
            ' ' | '\t' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `path` without `.` and `..`, by its text alone: right only where no folder in it is a symlink.
pub fn fold(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                folded.pop();
            }
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let expect: Vec<PathBuf> = expect.iter().map(PathBuf::from).collect();
        assert_eq!(parse(text, Path::new("/base")), expect, "{text:?}");
    }

    #[test]
    fn lists_the_prerequisites() {
        check("/t/debug/app: /p/src/main.rs /p/src/lib.rs\n", &["/p/src/main.rs", "/p/src/lib.rs"]);
        check("/t/debug/app:\n", &[]);
        check("", &[]);
        check("/t/a: /p/a b", &["/p/a", "/base/b"]);
        check("app: src/main.rs ./src/x.rs", &["/base/src/main.rs", "/base/src/x.rs"]);
    }

    #[test]
    fn unescapes_spaces_only() {
        check(r"/t/my\ app: /p\ q/a\ b.rs /p/c", &["/p q/a b.rs", "/p/c"]);
        check(r"/t/a: /p/back\slash.rs /p/cash$$ /p/c#.rs", &[r"/p/back\slash.rs", "/p/cash$$", "/p/c#.rs"]);
    }

    #[test]
    fn takes_the_colon_before_a_space_for_the_targets_end() {
        check("/t/a:b/app: /p/x:y/main.rs", &["/p/x:y/main.rs"]);
    }

    #[test]
    fn keeps_parents_and_drops_doubles() {
        check("/t/a: /p/src/../x.txt /p/src/../x.txt", &["/p/src/../x.txt"]);
    }

    #[test]
    fn reads_rules_of_many_lines_and_skips_comments() {
        check(
            "/t/a: /p/a \\\n  /p/b\n\n/p/a:\n# env-dep:OUT_DIR=/x y\n/t/c: /p/c\n",
            &["/p/a", "/p/b", "/p/c"],
        );
    }

    #[test]
    fn folds_by_text() {
        assert_eq!(fold(Path::new("/p/src/../x/./y")), PathBuf::from("/p/x/y"));
        assert_eq!(fold(Path::new("/../x")), PathBuf::from("/x"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_upsets_it(text in "[a-z./: \\\\\r\n#$\t]{0,80}", any in proptest::prelude::any::<String>()) {
            for text in [text, any] {
                let paths = parse(&text, Path::new("/base"));
                proptest::prop_assert!(paths.iter().all(|path| path.is_absolute()));
            }
        }
    }
}
