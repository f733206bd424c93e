//! Whether the linker is slower than the one rustc would take by itself.
//!
//! Pure. Measured with a web service in the dev profile, an edit in its binary: rust-lld 1.0, mold 1.2, GNU ld 2.2 times
//! the whole build.

use super::finding::Finding;
use crate::project::Compiling;

/// What links.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Linker {
    /// The toolchain's own lld.
    Own,
    /// What `cc` takes by itself.
    System,
    /// GNU ld, named.
    Gnu(String),
    /// gold, named.
    Gold(String),
    /// Another one, named.
    Other(String),
}

pub(super) fn judge(compiling: &Compiling) -> Finding {
    let remedy = if compiling.own_linker {
        "take it out: rustc links with rust-lld by itself"
    } else {
        "name a quicker one that is installed: `-Clink-arg=-fuse-ld=lld`, or mold"
    };
    match linker(compiling) {
        Linker::Own => Finding::ok("linker", "rust-lld, the toolchain's own"),
        Linker::System if cfg!(target_os = "macos") => Finding::ok("linker", "the system's"),
        Linker::System => Finding::note(
            "linker",
            "the system's, which mostly is GNU ld: builds take about twice as long as with lld",
        )
        .hint(
            "with lld or mold installed: `rustflags = [\"-Clink-arg=-fuse-ld=lld\"]` in `.cargo/config.toml`",
        ),
        Linker::Gnu(named) => Finding::warning(
            "linker",
            format!("GNU ld ({named}): builds take about twice as long as with lld"),
            remedy,
        ),
        Linker::Gold(named) => Finding::warning(
            "linker",
            format!("gold ({named}), which is slower than lld and no longer maintained"),
            remedy,
        ),
        Linker::Other(named) => Finding::ok("linker", named),
    }
}

fn linker(compiling: &Compiling) -> Linker {
    let settings = &compiling.settings;
    let mut found = if compiling.own_linker { Linker::Own } else { Linker::System };
    if let Some((program, by)) = &settings.linker {
        found = named(program, format!("`{program}` by {by}")).unwrap_or(found);
    }
    let by = &settings.rustflags_by;
    for flag in values(&settings.rustflags) {
        let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
        match key {
            "linker" => found = named(value, format!("`{flag}` in {by}")).unwrap_or(found),
            "link-arg" | "link-args" => {
                for word in value.split_ascii_whitespace().filter_map(|word| word.strip_prefix("-fuse-ld=")) {
                    let shown = format!("`-fuse-ld={word}` in {by}");
                    found = named(&format!("ld.{word}"), shown.clone()).unwrap_or(Linker::Other(shown));
                }
            }
            "linker-features" if value.split(',').any(|it| it == "-lld") => {
                found = Linker::Gnu(format!("`{flag}` in {by}"));
            }
            "link-self-contained" if value.split(',').any(|it| it == "-linker") && found == Linker::Own => {
                found = Linker::System;
            }
            _ => {}
        }
    }
    found
}

/// What follows `-C` and `-Z`, in one word or two.
fn values(flags: &[String]) -> impl Iterator<Item = &str> {
    let mut rest = flags.iter();
    std::iter::from_fn(move || {
        loop {
            let flag = rest.next()?;
            match flag.as_str() {
                "-C" | "-Z" | "--codegen" => return rest.next().map(String::as_str),
                _ => {}
            }
            let value = ["-C", "-Z", "--codegen="].iter().find_map(|prefix| flag.strip_prefix(prefix));
            if let Some(value) = value {
                return Some(value);
            }
        }
    })
}

/// The linker a program is by its name; nothing for a compiler that calls one.
fn named(program: &str, shown: String) -> Option<Linker> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let is = |suffix: &str| {
        name == suffix || name.ends_with(&format!("-{suffix}")) || name.ends_with(&format!(".{suffix}"))
    };
    match name {
        _ if is("bfd") || is("ld") => Some(Linker::Gnu(shown)),
        _ if is("gold") => Some(Linker::Gold(shown)),
        _ if ["lld", "mold", "wild", "sold"].iter().any(|it| is(it)) => Some(Linker::Other(shown)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::CompileSettings;

    fn of(own_linker: bool, linker_program: Option<&str>, flags: &[&str]) -> Linker {
        linker(&Compiling {
            rustc: "rustc 1.95.0".to_owned(),
            own_linker,
            settings: CompileSettings {
                linker: linker_program.map(|program| (program.to_owned(), "`x`".to_owned())),
                rustflags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                rustflags_by: "`build.rustflags`".to_owned(),
                ..CompileSettings::default()
            },
        })
    }

    #[test]
    fn slow_linkers_are_known_in_every_spelling() {
        let gnu: [(Option<&str>, &[&str]); 6] = [
            (None, &["-Clink-arg=-fuse-ld=bfd"]),
            (None, &["-C", "link-arg=-fuse-ld=bfd"]),
            (None, &["-C", "opt-level=1", "-C", "link-args=-s -fuse-ld=bfd"]),
            (None, &["-Clinker-features=-lld"]),
            (Some("/usr/bin/x86_64-linux-gnu-ld.bfd"), &[]),
            (None, &["-Clinker=ld"]),
        ];
        for (program, flags) in gnu {
            let found = of(true, program, flags);
            assert!(matches!(found, Linker::Gnu(_)), "{program:?} {flags:?}: {found:?}");
        }
        assert!(matches!(of(true, None, &["-Clink-arg=-fuse-ld=gold"]), Linker::Gold(_)));
    }

    #[test]
    fn quick_ones_and_compilers_are_left_alone() {
        assert_eq!(of(true, None, &[]), Linker::Own);
        assert_eq!(of(true, Some("clang"), &["-Ctarget-cpu=native"]), Linker::Own);
        assert_eq!(of(false, Some("cc"), &[]), Linker::System);
        for flag in ["-Clink-arg=-fuse-ld=mold", "-Clink-arg=-fuse-ld=lld", "-Clink-arg=-fuse-ld=wild"] {
            assert!(matches!(of(true, None, &[flag]), Linker::Other(_)), "{flag}");
        }
        // The last word counts.
        assert!(matches!(
            of(true, None, &["-Clink-arg=-fuse-ld=bfd", "-Clink-arg=-fuse-ld=lld"]),
            Linker::Other(_)
        ));
    }
}
