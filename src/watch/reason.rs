//! The reasons why a change does not count.

use std::fmt;

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
            Self::Never => "cargo or hotrun writes it",
            Self::Git => "it is git's own",
            Self::Ignored => "`watch.ignore` excludes it",
            Self::GitIgnored => "git ignores it and the program was not built from it",
            Self::EditorTemporary => "it is an editor's temporary file",
            Self::ProgramData => "it looks like data that a program writes for itself",
            Self::NotRead => "the program was not built from it",
            Self::NotIncluded => "no module of the program includes it",
            Self::OtherTarget => "it is for tests, benchmarks, examples or another program",
            Self::OtherPackage => "it belongs to a package the program does not depend on",
            Self::Outside => "it is in none of the program's packages",
            Self::SameContent => "it has the same content as before",
            Self::Loop => "every build writes it",
            Self::Echo => "it changes after every build or start",
            Self::Open => "a program has it open for writing",
        })
    }
}

impl Reason {
    /// Returns what would make such a file count.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotRead | Self::GitIgnored | Self::Outside | Self::ProgramData => Some(
                "name it in `watch.paths` if the program reads it at its start, in `build.inputs` if a macro does",
            ),
            Self::OtherPackage => Some("name it in `watch.paths` if the program reads it at its start"),
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
