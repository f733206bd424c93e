//! The reasons why a change does not count.

use std::fmt;
use std::path::Path;

/// Extensions of files that a program serves from disk.
const BROWSER_FILES: [&str; 16] = [
    "avif", "css", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "png", "svg", "ttf", "wasm", "webp",
    "woff", "woff2",
];

/// Why a change does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// In the target directory, or a file hotrun writes itself.
    Never,
    /// Inside `.git`.
    Git,
    /// `watch.ignore` excludes it.
    Ignored,
    /// Git ignores it, and it is not named explicitly.
    GitIgnored,
    /// A backup, swap or scratch file of an editor.
    EditorTemporary,
    /// A database, journal, log or socket, as a running program writes.
    ProgramData,
    /// In the package, but the last build did not read it.
    NotRead,
    /// A Rust source in the package that no module of the program includes.
    NotIncluded,
    /// In a folder of tests, benchmarks, examples or other programs.
    OtherTarget,
    /// In a package the program does not depend on.
    OtherPackage,
    /// In none of the program's packages.
    Outside,
    /// The same content as the latest build attempt started from.
    SameContent,
    /// Every build writes it, so it is no longer followed.
    Loop,
    /// It changes after each build or start and never else.
    Echo,
    /// It is still open for writing.
    Open,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "written by cargo or hotrun",
            Self::Git => "git's own",
            Self::Ignored => "excluded by `watch.ignore`",
            Self::GitIgnored => "ignored by git, and not part of the program",
            Self::EditorTemporary => "a temporary file of an editor",
            Self::ProgramData => "data that a program writes",
            Self::NotRead | Self::Outside => "not part of the program",
            Self::NotIncluded => "no module of the program includes it",
            Self::OtherTarget => "part of tests, benchmarks, examples or another program",
            Self::OtherPackage => "in a package the program does not depend on",
            Self::SameContent => "same content as before",
            Self::Loop => "written by every build",
            Self::Echo => "changes after every build or start",
            Self::Open => "still open for writing",
        })
    }
}

impl Reason {
    /// Returns what would make this file count. A browser asks for its files itself, so no restart is missed there.
    pub fn hint(self, path: &Path) -> Option<&'static str> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match self {
            Self::NotRead | Self::GitIgnored | Self::Outside if BROWSER_FILES.contains(&extension) => None,
            Self::NotRead | Self::GitIgnored | Self::Outside | Self::ProgramData => Some(
                "if the program reads it at its start, name it in `watch.paths`; if a macro or build script does, in `build.inputs`",
            ),
            Self::OtherPackage => Some("if the program reads it at its start, name it in `watch.paths`"),
            Self::Ignored => Some("take it out of `watch.ignore`"),
            Self::Echo => Some("name it in `watch.ignore`"),
            Self::Loop => Some("let the generator write only when the content differs"),
            Self::Never
            | Self::Git
            | Self::EditorTemporary
            | Self::NotIncluded
            | Self::OtherTarget
            | Self::SameContent
            | Self::Open => None,
        }
    }
}
