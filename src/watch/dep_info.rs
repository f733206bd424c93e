//! Parses cargo's dep-info files, `<target>/<profile>/<name>.d`: the inputs of a program. Pure.

use std::path::{Component, Path, PathBuf};

/// The text is not the dep-info of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cargo's dep-info has no rule for the program")]
pub struct NoRule;

/// Returns the prerequisites in cargo's dep-info of `target`, in order and without duplicates. Relative paths
/// are taken from `base` (`build.dep-info-basedir`).
///
/// The format is one Makefile rule that escapes only spaces, as `\ `; any other character in a name, even a
/// newline, stands for itself. `..` is kept, because it cannot be folded behind a symlink.
pub fn parse(text: &str, target: &Path, base: &Path) -> Result<Vec<PathBuf>, NoRule> {
    let targets = [target.strip_prefix(base).unwrap_or(target), target];
    let prerequisites = targets.into_iter().find_map(|target| {
        text.strip_prefix(&*target.to_string_lossy().replace(' ', "\\ "))?.strip_prefix(':')
    });
    let prerequisites = prerequisites.ok_or(NoRule)?;
    let mut paths = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for word in words(prerequisites.trim_end_matches('\n')) {
        let path: PathBuf = base.join(word).components().filter(|part| *part != Component::CurDir).collect();
        if seen.insert(path.clone()) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Returns the prerequisites of every rule in a dep-info file of rustc's. Each line is a rule; comment lines
/// begin with `#`.
pub fn parse_unit(text: &str, base: &Path) -> Vec<PathBuf> {
    let rules = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut colons = line.match_indices(':').map(|(at, _)| &line[at + 1..]);
        // The target ends at the first colon followed by a space or nothing.
        colons.find(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    });
    rules.flat_map(words).map(|word| base.join(word)).collect()
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
            ' ' => {
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

/// Removes `.` and `..` from a path by its text alone: correct only if no folder in it is a symlink.
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

    fn check(target: &str, text: &str, expect: &[&str]) {
        let expect: Vec<PathBuf> = expect.iter().map(PathBuf::from).collect();
        assert_eq!(parse(text, Path::new(target), Path::new("/base")), Ok(expect), "{text:?}");
    }

    #[test]
    fn lists_the_prerequisites() {
        check(
            "/t/debug/app",
            "/t/debug/app: /p/src/main.rs /p/src/lib.rs\n",
            &["/p/src/main.rs", "/p/src/lib.rs"],
        );
        check("/t/debug/app", "/t/debug/app:\n", &[]);
        assert_eq!(parse("", Path::new("/t/debug/app"), Path::new("/base")), Err(NoRule));
        check("/t/a", "/t/a: /p/a b", &["/p/a", "/base/b"]);
        check("/base/t/app", "t/app: src/main.rs ./src/x.rs", &["/base/src/main.rs", "/base/src/x.rs"]);
    }

    #[test]
    fn unescapes_spaces_only() {
        check("/t/my app", r"/t/my\ app: /p\ q/a\ b.rs /p/c", &["/p q/a b.rs", "/p/c"]);
        check(
            "/t/a",
            r"/t/a: /p/back\slash.rs /p/back\\ slash.rs /p/cash$$ /p/c#.rs",
            &[r"/p/back\slash.rs", r"/p/back\ slash.rs", "/p/cash$$", "/p/c#.rs"],
        );
    }

    #[test]
    fn names_are_literal() {
        check("/p: q/app", "/p:\\ q/app: /p:\\ q/main.rs", &["/p: q/main.rs"]);
        check("/p\nq/app", "/p\nq/app: /p\nq/a.rs /p\tq/b.rs\n", &["/p\nq/a.rs", "/p\tq/b.rs"]);
        check("/#p/app", "/#p/app: /#p/main.rs\n", &["/#p/main.rs"]);
    }

    #[test]
    fn keeps_parents_and_drops_doubles() {
        check("/t/a", "/t/a: /p/src/../x.txt /p/src/../x.txt", &["/p/src/../x.txt"]);
    }

    #[test]
    fn folds_by_text() {
        assert_eq!(fold(Path::new("/p/src/../x/./y")), PathBuf::from("/p/x/y"));
        assert_eq!(fold(Path::new("/../x")), PathBuf::from("/x"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_fails(text in "[a-z./: \\\\\r\n#$\t]{0,80}", any in proptest::prelude::any::<String>()) {
            for text in [text, any] {
                let of_cargo = parse(&text, Path::new("/t/app"), Path::new("/base"));
                let of_rule = parse(&format!("/t/app:{text}"), Path::new("/t/app"), Path::new("/base"));
                proptest::prop_assert!(of_rule.is_ok());
                let paths = [of_cargo, of_rule].into_iter().flatten().flatten();
                let mut paths = paths.chain(parse_unit(&text, Path::new("/base")));
                proptest::prop_assert!(paths.all(|path| path.is_absolute()));
            }
        }
    }
}
