//! What is no change of the program builds nothing: each is done, then a real edit, and exactly one build follows, of that
//! edit alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::world::{World, library, module, rename};

/// The real edit that follows.
enum Edit {
    /// Another word in a module.
    Module,
    /// The program's file, which is broken just now.
    Mend,
    /// The build script's input: it runs, and writes a source with the same bytes.
    Script,
}

type Row = (&'static str, fn(&mut World) -> Edit);

const NOTHING: &[Row] = &[
    ("the same bytes in place", |world| {
        let text = fs::read(world.app("src/part.rs")).unwrap();
        fs::write(world.app("src/kept.rs"), module("kept")).unwrap();
        fs::write(world.app("src/part.rs"), text).unwrap();
        Edit::Module
    }),
    ("the same bytes by rename", |world| {
        fs::copy(world.app("src/kept.rs"), world.app("src/kept.rs.tmp")).unwrap();
        rename(&world.app("src/kept.rs.tmp"), &world.app("src/kept.rs"));
        Edit::Module
    }),
    ("touch", |world| {
        for file in ["src/kept.rs", "Cargo.toml", "schema/app.proto"] {
            let file = fs::File::options().write(true).open(world.app(file)).unwrap();
            file.set_modified(SystemTime::now()).unwrap();
        }
        Edit::Module
    }),
    ("chmod", |world| {
        fs::set_permissions(world.app("src/kept.rs"), fs::Permissions::from_mode(0o755)).unwrap();
        Edit::Module
    }),
    ("reading everything", |world| {
        let status = Command::new("grep")
            .args(["-r", "nothing like this", "."])
            .current_dir(world.path("ws"))
            .status();
        assert_eq!(status.unwrap().code(), Some(1));
        Edit::Module
    }),
    ("cargo check by an editor, in the project's own target directory", |world| {
        let status = Command::new("cargo")
            .args(["check", "--offline", "--quiet", "--workspace"])
            .current_dir(world.app(""))
            .env_remove("RUSTUP_TOOLCHAIN")
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        Edit::Module
    }),
    ("the program writing its data beside the sources", |world| {
        for round in 0..10 {
            for file in ["app.db", "app.db-wal", "src/app.log", "app.pid", "output.json", "src/state.bin"] {
                fs::write(world.app(file), format!("{round}")).unwrap();
            }
            fs::write(world.app("app.db-journal"), "x").unwrap();
            fs::remove_file(world.app("app.db-journal")).unwrap();
        }
        Edit::Module
    }),
    ("the program writing its data while the build is broken", |world| {
        world.project.write("ws/app/src/main.rs", "fn main() { broken }\n");
        world.expect_failure();
        world.mark();
        for round in 10..20 {
            for file in ["app.db", "app.db-wal", "src/app.log", "app.pid"] {
                fs::write(world.app(file), format!("{round}")).unwrap();
            }
        }
        Edit::Mend
    }),
    ("a build script that writes the same source again", |_| Edit::Script),
    ("git at work", |world| {
        for words in [["init", "--quiet", "."], ["add", "--all", "."], ["commit", "--quiet", "-mone"]] {
            world.git(&words);
        }
        for _ in 0..20 {
            fs::write(world.path("ws/.git/index.lock"), "x").unwrap();
            fs::remove_file(world.path("ws/.git/index.lock")).unwrap();
        }
        world.git(&["status", "--short"]);
        world.git(&["branch", "other.rs"]);
        Edit::Module
    }),
    ("git stash and pop of another file", |world| {
        world.git(&["commit", "--quiet", "--all", "-mtwo"]);
        world.project.write("ws/README.md", "# Stashed\n");
        world.git(&["stash", "--quiet"]);
        world.git(&["stash", "pop", "--quiet"]);
        Edit::Module
    }),
    ("an editor's swap, backup and lock files", |world| {
        for name in [".main.rs.swp", "main.rs~", "4913", "#main.rs#", ".main.rs.swx", "main.rs.tmp"] {
            fs::write(world.app("src").join(name), "x").unwrap();
        }
        symlink("somebody@somewhere.1234", world.app("src/.#main.rs")).unwrap();
        Edit::Module
    }),
    ("sources of a member the program does not depend on", |world| {
        world.project.write("ws/other/src/lib.rs", "pub fn other() {}\n");
        world.project.write("ws/other/src/new.rs", "pub fn new() {}\n");
        world.project.write("ws/crates/old/src/lib.rs", "pub fn old() {}\n");
        Edit::Module
    }),
    ("a README", |world| {
        world.project.write("ws/README.md", "# Edited\n");
        world.project.write("ws/app/README.md", "# Edited\n");
        Edit::Module
    }),
    ("a source that the program does not read", |world| {
        world.project.write("ws/app/src/unread.rs", "// still nobody reads this\n");
        Edit::Module
    }),
    ("files that git ignores", |world| {
        world.project.write("ws/app/scratch/deep/new.rs", "fn scratch() {}\n");
        world.project.write("ws/app/src/notes.ignored", "x");
        Edit::Module
    }),
    ("the target directory", |world| {
        world.project.write("ws/target/debug/build/x/out/generated.rs", "x");
        Edit::Module
    }),
    ("a nested package", |world| {
        world.project.write("ws/app/fuzz/Cargo.toml", &(library("fuzz") + "[workspace]\n"));
        world.project.write("ws/app/fuzz/src/main.rs", "fn main() {}\n");
        Edit::Module
    }),
    ("a scratch file with a source's name, gone at once", |world| {
        world.project.write("ws/app/src/scratch_1.rs", "x");
        fs::remove_file(world.app("src/scratch_1.rs")).unwrap();
        Edit::Module
    }),
    ("a source away and back", |world| {
        rename(&world.app("src/kept.rs"), &world.path("away"));
        rename(&world.path("away"), &world.app("src/kept.rs"));
        Edit::Module
    }),
    ("an empty folder", |world| {
        fs::create_dir_all(world.app("src/empty/deep")).unwrap();
        Edit::Module
    }),
];

fn run(args: &[&str]) {
    let mut world = World::new(args);
    for (name, row) in NOTHING {
        world.mark();
        let edit = row(&mut world);
        let token = world.word();
        let path = match edit {
            Edit::Module => {
                world.project.write("ws/app/src/part.rs", &module(&token));
                "ws/app/src/part.rs"
            }
            Edit::Mend => {
                world.write_main(&token, |_| ());
                "ws/app/src/main.rs"
            }
            Edit::Script => {
                world.project.write("ws/app/schema/app.proto", &token);
                "ws/app/schema/app.proto"
            }
        };
        world.expect(&token);
        world.hotrun.wait_for("ready");
        assert_eq!(
            world.since_mark(),
            (1, vec![path.to_owned()]),
            "{name:?}; hotrun said:\n{}",
            world.hotrun.stderr()
        );
    }
    // Nothing came late either.
    world.mark();
    world.project.write("ws/app/src/part.rs", &module("last"));
    world.expect("last");
    world.hotrun.wait_for("ready");
    assert_eq!(world.since_mark(), (1, vec!["ws/app/src/part.rs".to_owned()]));
}

#[test]
fn what_is_no_change_builds_nothing() {
    run(&["--poll=never"]);
}

#[test]
fn what_is_no_change_builds_nothing_when_polling() {
    run(&["--poll=100ms"]);
}
