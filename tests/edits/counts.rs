//! Every way to change a program ends with the new version served, with file events and with polling.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::world::{World, installed, library, module, rename, skip};

type Row = (&'static str, fn(&mut World));

/// Saves `src/part.rs` in a style of its own.
macro_rules! save {
    ($name:literal, $save:expr) => {
        ($name, |world: &mut World| {
            let word = world.word();
            let file = world.app("src/part.rs");
            let save: fn(&Path, &str) = $save;
            save(&file, &module(&word));
            world.expect(&word);
        })
    };
}

/// How one file can be saved.
const SAVES: &[Row] = &[
    save!("in place", |file, text| fs::write(file, text).unwrap()),
    save!("truncate, then write in two steps", |file, text| {
        use std::io::Write;
        let mut open = fs::File::create(file).unwrap();
        let (one, two) = text.split_at(text.len() / 2);
        open.write_all(one.as_bytes()).unwrap();
        open.sync_all().unwrap();
        open.write_all(two.as_bytes()).unwrap();
    }),
    save!("temporary and rename", |file, text| {
        let temporary = file.with_extension("rs.tmp");
        fs::write(&temporary, text).unwrap();
        rename(&temporary, file);
    }),
    save!("backup by rename, then write", |file, text| {
        let backup = file.with_extension("rs~");
        rename(file, &backup);
        fs::write(file, text).unwrap();
        fs::remove_file(&backup).unwrap();
    }),
    save!("delete, then make again", |file, text| {
        fs::remove_file(file).unwrap();
        fs::write(file, text).unwrap();
    }),
    save!("with an mtime that goes backwards", |file, text| {
        let temporary = file.with_extension("rs.tmp");
        fs::write(&temporary, text).unwrap();
        let old = fs::File::options().write(true).open(&temporary).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_hours(48)).unwrap();
        drop(old);
        rename(&temporary, file);
    }),
    save!("over the old bytes, without truncating", |file, text| {
        use std::io::Write;
        let mut open = fs::File::options().write(true).open(file).unwrap();
        open.write_all(text.as_bytes()).unwrap();
        open.set_len(text.len() as u64).unwrap();
    }),
    save!("a link over the old name", |file, text| {
        let temporary = file.with_extension("rs.tmp");
        fs::write(&temporary, text).unwrap();
        fs::remove_file(file).unwrap();
        fs::hard_link(&temporary, file).unwrap();
        fs::remove_file(&temporary).unwrap();
    }),
    save!("by dd", |file, text| {
        let feed = file.with_extension("feed");
        fs::write(&feed, text).unwrap();
        let status = Command::new("dd")
            .arg(format!("if={}", feed.display()))
            .arg(format!("of={}", file.display()))
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        fs::remove_file(&feed).unwrap();
    }),
    ("vim, backupcopy=yes", |world| vim(world, "yes")),
    ("vim, backupcopy=no", |world| vim(world, "no")),
    ("vim, backupcopy=auto", |world| vim(world, "auto")),
    ("a new module in a new nested folder", |world| {
        let word = world.word();
        world.project.write("ws/app/src/deep/inner/leaf.rs", &module(&word));
        world.project.write("ws/app/src/deep/inner/mod.rs", "pub mod leaf;\n");
        world.project.write("ws/app/src/deep/mod.rs", "mod inner;\npub use inner::leaf::VALUE;\n");
        world.write_main("main", |modules| modules.push("deep".into()));
        world.expect(&word);
        let word = world.word();
        world.project.write("ws/app/src/deep/inner/leaf.rs", &module(&word));
        world.expect(&word);
    }),
    ("a folder renamed, then edited inside", |world| {
        rename(&world.app("src/alpha"), &world.app("src/beta"));
        let word = world.word();
        world.write_main(&word, |modules| {
            modules.retain(|module| module != "alpha");
            modules.push("beta".into());
        });
        world.expect(&word);
        let word = world.word();
        world.project.write("ws/app/src/beta/mod.rs", &module(&word));
        world.expect(&word);
    }),
    ("a folder moved in from outside", |world| {
        world.write_main("main", |modules| modules.push("moved".into()));
        world.expect_failure();
        let word = world.word();
        world.project.write("elsewhere/moved/mod.rs", "mod deep;\npub use deep::VALUE;\n");
        world.project.write("elsewhere/moved/deep.rs", &module(&word));
        rename(&world.path("elsewhere/moved"), &world.app("src/moved"));
        world.expect(&word);
        let word = world.word();
        world.project.write("ws/app/src/moved/deep.rs", &module(&word));
        world.expect(&word);
    }),
    ("a source that is a link", |world| {
        let word = world.word();
        world.project.write("elsewhere/linked.rs", &module(&word));
        world.expect(&word);
    }),
    ("a link that leads elsewhere now", |world| {
        let link = world.app("src/turned.rs");
        fs::remove_file(&link).unwrap();
        symlink("../../../elsewhere/two.rs", &link).unwrap();
        world.expect("two");
        let word = world.word();
        world.project.write("elsewhere/two.rs", &module(&word));
        world.expect(&word);
    }),
    ("a file replaced by a folder", |world| {
        let word = world.word();
        fs::remove_file(world.app("src/part.rs")).unwrap();
        world.project.write("ws/app/src/part/mod.rs", &module(&word));
        world.expect(&word);
        let word = world.word();
        world.project.write("ws/app/src/part/mod.rs", &module(&word));
        world.expect(&word);
    }),
    ("a folder replaced by a file", |world| {
        let word = world.word();
        fs::remove_dir_all(world.app("src/part")).unwrap();
        world.project.write("ws/app/src/part.rs", &module(&word));
        world.expect(&word);
    }),
];

/// What else a program is made of.
const THINGS: &[Row] = &[
    ("include_str! outside the package, deleted and restored", |world| {
        fs::remove_file(world.path("outside.txt")).unwrap();
        world.expect_failure();
        let word = world.word();
        world.project.write("outside.txt", &word);
        world.expect(&word);
        let word = world.word();
        world.project.write("outside.txt", &word);
        world.expect(&word);
    }),
    ("a generated source that git ignores", |world| {
        let word = world.word();
        world.project.write("ws/app/src/generated.rs", &module(&word));
        world.expect(&word);
    }),
    ("an input of a build script", |world| {
        let word = world.word();
        world.project.write("ws/app/schema/app.proto", &word);
        world.expect(&word);
    }),
    ("a file of a package whose build script names none", |world| {
        let word = world.word();
        world.project.write("ws/nameless/data/words.txt", &word);
        world.expect(&word);
    }),
    ("a feature in Cargo.toml", |world| {
        let manifest = fs::read_to_string(world.app("Cargo.toml")).unwrap();
        fs::write(world.app("Cargo.toml"), manifest.replace("default = []", "default = [\"fancy\"]"))
            .unwrap();
        world.expect("fancy=true");
    }),
    ("the manifest of another member", |world| {
        world.project.write("ws/helper/Cargo.toml", &library("helper").replace("0.1.0", "0.2.7"));
        world.expect("helper=0.2.7");
    }),
    ("the manifest of a member the program does not depend on", |world| {
        let word = world.word();
        world.project.write("ws/other/Cargo.toml", "[package\n");
        world.expect_failure();
        world.project.write("ws/app/src/part.rs", &module(&word));
        world.expect_failure();
        world.project.write("ws/other/Cargo.toml", &library("other"));
        world.expect(&word);
    }),
    ("a new member in a new folder that breaks the workspace, and is mended", |world| {
        world.project.write("ws/crates/new/Cargo.toml", "[package\n");
        world.expect_failure();
        let word = world.word();
        world.project.write("ws/app/src/part.rs", &module(&word));
        world.expect_failure();
        world.project.write("ws/crates/new/src/lib.rs", "");
        world.project.write("ws/crates/new/Cargo.toml", &library("new"));
        world.expect(&word);
    }),
    ("Cargo.lock", |world| {
        let file = world.path("ws/Cargo.lock");
        let lock = fs::read_to_string(&file).unwrap();
        let picked = "name = \"picked\"\nversion = \"0.1.1\"";
        assert!(lock.contains(picked), "{lock}");
        fs::write(&file, lock.replace(picked, "name = \"picked\"\nversion = \"0.1.0\"")).unwrap();
        world.expect("picked-old");
    }),
    (".cargo/config.toml made later", |world| {
        let word = world.word();
        world.project.write("ws/.cargo/config.toml", &format!("[env]\nIN_CONFIG = {word:?}\n"));
        world.expect(&format!("IN_CONFIG={word}"));
        let word = world.word();
        world.project.write("ws/.cargo/config.toml", &format!("[env]\nIN_CONFIG = {word:?}\n"));
        world.expect(&format!("IN_CONFIG={word}"));
    }),
    ("an env file", |world| {
        let word = world.word();
        world.project.write("ws/app/app.env", &format!("IN_ENV_FILE={word}\n"));
        world.expect(&format!("IN_ENV_FILE={word}"));
    }),
    ("a path dependency outside the workspace", |world| {
        let word = world.word();
        world.project.write("outer/src/lib.rs", &module(&word));
        world.expect(&word);
    }),
    ("a new path dependency, watched as soon as a manifest names it", |world| {
        let manifest = fs::read_to_string(world.app("Cargo.toml")).unwrap();
        fs::write(world.app("Cargo.toml"), manifest + "late = { path = \"../../late\" }\n").unwrap();
        world.expect_failure();
        world.project.write("late/src/lib.rs", &module("late"));
        let word = world.word();
        world.write_main(&word, |modules| modules.push("late_user".into()));
        world.project.write("ws/app/src/late_user.rs", "pub use late::VALUE;\n");
        world.project.write("late/Cargo.toml", &library("late"));
        world.expect(&word);
        let word = world.word();
        world.project.write("late/src/lib.rs", &module(&word));
        world.expect(&word);
    }),
    ("git checkout", |world| {
        world.git(&["init", "--quiet"]);
        world.git(&["add", "."]);
        world.git(&["commit", "--quiet", "-m", "one"]);
        world.git(&["checkout", "--quiet", "-b", "two"]);
        let word = world.word();
        world.project.write("ws/app/src/kept.rs", &module(&word));
        world.expect(&word);
        world.git(&["commit", "--quiet", "-a", "-m", "two"]);
        world.git(&["checkout", "--quiet", "main"]);
        world.expect("kept");
        world.git(&["checkout", "--quiet", "two"]);
        world.expect(&word);
        world.git(&["checkout", "--quiet", "main"]);
        world.expect("kept");
    }),
    ("git stash", |world| {
        let word = world.word();
        world.project.write("ws/app/src/kept.rs", &module(&word));
        world.expect(&word);
        world.git(&["stash", "--quiet"]);
        world.expect("kept");
        world.git(&["stash", "pop", "--quiet"]);
        world.expect(&word);
    }),
    ("rust-toolchain.toml", |world| {
        if !installed("rustup") {
            return skip("rust-toolchain.toml: rustup is not installed");
        }
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
        let toolchain = world.path("toolchain");
        symlink(String::from_utf8(sysroot.stdout).unwrap().trim(), &toolchain).unwrap();
        let text = format!("[toolchain]\npath = {:?}\n", toolchain.display().to_string());
        world.project.write("ws/rust-toolchain.toml", &text);
        world.expect(&format!("built={}", toolchain.display()));
        world.project.write("ws/app/src/part.rs", &module("last"));
        world.expect("last");
    }),
];

/// Saves with the real editor.
fn vim(world: &mut World, backup_copy: &str) {
    if !installed("vim") {
        return skip("vim is not installed");
    }
    let token = world.word();
    let status = Command::new("vim")
        .args(["-Nu", "NONE", "-i", "NONE", "-es"])
        .args(["-c", &format!("set writebackup backupcopy={backup_copy}")])
        .args(["-c", &format!("%s/\".*\"/\"{token}\"/"), "-c", "wq"])
        .arg(world.app("src/part.rs"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    world.expect(&token);
}

fn run(rows: &[Row], args: &[&str]) {
    let mut world = World::new(&[&["--env-file", "app.env"], args].concat());
    for (name, row) in rows {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| row(&mut world)));
        assert!(done.is_ok(), "{name:?} was not served; hotrun said:\n{}", world.hotrun.stderr());
    }
}

#[test]
fn saves_in_every_style_are_served() {
    run(SAVES, &["--poll=never"]);
}

#[test]
fn saves_in_every_style_are_served_when_polling() {
    run(SAVES, &["--poll=100ms"]);
}

#[test]
fn whatever_the_program_is_made_of_is_served() {
    run(THINGS, &["--poll=never"]);
}

#[test]
fn whatever_the_program_is_made_of_is_served_when_polling() {
    run(THINGS, &["--poll=100ms"]);
}
