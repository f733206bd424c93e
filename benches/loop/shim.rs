//! A `cargo` before the real one: a witness that tells when a build starts, or a stand-in that builds nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use hotrun::sys::{self, ProcessRow};

use crate::clock::now;
use crate::fifo;
use crate::project::Yard;

/// Becomes the real cargo, so its pid is the one that was told.
const WITNESS: &str = r#"#!/bin/sh
case "$1" in build|run) echo $$ > FIFO;; esac
exec 'CARGO' "$@"
"#;

/// Puts the binary that the source names where the real cargo would.
const STAND_IN: &str = r#"#!/bin/sh
[ "$1" = build ] || exec 'CARGO' "$@"
while [ $# -gt 0 ]; do [ "$1" = --target-dir ] && staging=$2; shift; done
use=$(sed -n 's/^\/\/ use: //p' src/main.rs)
mkdir -p "$staging/debug"
rm -f "$staging/debug/app"
cp "$use" "$staging/debug/app"
echo "$staging/debug/app: $PWD/src/main.rs" > "$staging/debug/app.d"
cat <<END
{"reason":"compiler-artifact","package_id":"path+file://$PWD#app@0.1.0","manifest_path":"$PWD/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"$PWD/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":false},"features":[],"filenames":["$staging/debug/app"],"executable":"$staging/debug/app","fresh":false}
{"reason":"build-finished","success":true}
END
"#;

fn real_cargo() -> String {
    which::which("cargo").expect("cargo is on the PATH").display().to_string()
}

fn put(folder: &Path, text: &str) {
    let path = folder.join("cargo");
    std::fs::write(&path, text).expect("a script");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// A folder for the PATH whose cargo builds nothing.
pub(crate) fn stand_in(yard: &Yard) -> PathBuf {
    let folder = yard.folder();
    put(&folder, &STAND_IN.replace("CARGO", &real_cargo()));
    folder
}

/// A folder for the PATH whose cargo tells of its builds.
pub(crate) struct Witness {
    pub(crate) folder: PathBuf,
    builds: Receiver<Build>,
}

/// A build that was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build {
    pub(crate) at: f64,
    /// One before it, or what that had started, was still at work.
    pub(crate) overlaps: bool,
}

impl Witness {
    pub(crate) fn new(yard: &Yard) -> Self {
        let folder = yard.folder();
        let path = folder.join("builds");
        put(
            &folder,
            &WITNESS
                .replace("FIFO", &path.display().to_string())
                .replace("'CARGO'", &format!("'{}'", real_cargo())),
        );
        let mut before: Vec<i32> = Vec::new();
        let builds = fifo::open(&path, move |line| {
            let at = now();
            let pid: i32 = line.parse().expect("a shell has a pid");
            // A build of hotrun's has a process group of its own.
            let alive = |row: &ProcessRow| !row.zombie && !row.ending && row.pid != pid;
            let known = |row: ProcessRow| before.contains(&row.pid) || before.contains(&row.group);
            let overlaps = sys::processes().into_iter().filter(alive).any(known);
            before.push(pid);
            Build { at, overlaps }
        });
        Self { folder, builds }
    }

    /// The builds since this was asked last.
    pub(crate) fn builds(&self) -> Vec<Build> {
        self.builds.try_iter().collect()
    }
}
