//! A project whose `cargo build` takes no time: a stub cargo puts prebuilt binaries where the real one would, so that
//! restarts are what is tested and not rustc. Everything but `build` is the real cargo's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::Project;
use super::project::manifest;

/// A project and its stub cargo.
pub(crate) struct Workshop {
    pub(crate) project: Project,
}

const STUB: &str = r#"#!/bin/sh
[ "$1" = build ] || exec "$REAL_CARGO" "$@"
while [ $# -gt 0 ]; do [ "$1" = --target-dir ] && staging=$2; shift; done
use=$(sed -n 's/^\/\/ use: //p' src/main.rs)
[ -n "$use" ] || { echo 'error: broken on purpose' >&2; exit 101; }
echo '   Compiling app v0.1.0' >&2
mkdir -p "$staging/debug"
rm -f "$staging/debug/app"
cp "$use" "$staging/debug/app"
echo "$staging/debug/app: $PWD/src/main.rs" > "$staging/debug/app.d"
cat <<END
{"reason":"compiler-artifact","package_id":"path+file://$PWD#app@0.1.0","manifest_path":"$PWD/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"$PWD/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":false},"features":[],"filenames":["$staging/debug/app"],"executable":"$staging/debug/app","fresh":false}
{"reason":"build-finished","success":true}
END
"#;

impl Workshop {
    /// Its first build is this binary.
    pub(crate) fn new(binary: &Path) -> Self {
        let project = Project::empty();
        project.write("Cargo.toml", &manifest("app"));
        project.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n");
        let stub = project.join("bin/cargo");
        project.write("bin/cargo", STUB);
        fs::set_permissions(stub, fs::Permissions::from_mode(0o755)).unwrap();
        let workshop = Self { project };
        workshop.build_gives(binary);
        workshop
    }

    /// The next build gives this binary: an edit.
    pub(crate) fn build_gives(&self, binary: &Path) {
        self.project.write("src/main.rs", &format!("// use: {}\nfn main() {{}}\n", binary.display()));
    }

    /// The next build fails: an edit.
    pub(crate) fn build_fails(&self) {
        self.project.break_it();
    }

    /// Makes a command find the stub.
    pub(crate) fn equip(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", self.project.join("bin").display()))
            .env("REAL_CARGO", std::env::var_os("CARGO").expect("cargo runs the tests"));
    }
}
