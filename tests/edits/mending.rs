//! A build fails, and something that is no ordinary source of the package mends it.

use std::os::unix::fs::symlink;

use super::world::rename;
use crate::support::{Home, Hotrun, Project, said};

/// Calls home with what `WORD` stands for.
const MAIN: &str = r#"
use std::io::{Read, Write};
fn main() {
    let mut stream = std::net::TcpStream::connect(std::env::var("TEST_HOME").unwrap()).unwrap();
    writeln!(stream, "{} {}", std::process::id(), WORD).unwrap();
    let _ = stream.read(&mut [0]);
    loop { std::thread::park(); }
}
"#;

/// A build script that includes a file it names, or fails.
const SCRIPT: &str = r#"
fn main() {
    println!("cargo:rerun-if-changed=FILE");
    let text = std::fs::read_to_string("FILE").unwrap();
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/gen.rs"), text).unwrap();
}
"#;

/// A macro that embeds a folder without telling the compiler, as popular ones do.
const EMBED: &str = r##"
extern crate proc_macro;
#[proc_macro]
pub fn embed(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let folder = format!("{}/dist/", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    if !std::path::Path::new(&folder).is_dir() {
        panic!("#[derive(Embed)] folder '{folder}' does not exist. cwd: '{folder}'");
    }
    std::fs::read_to_string(format!("{folder}/index.html")).map_or("\"\"".to_owned(), |text| format!("{text:?}")).parse().unwrap()
}
"##;

fn manifest(more: &str) -> String {
    format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
}

fn library(name: &str) -> String {
    format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

/// The program's text, with what comes before it.
fn main_text(before: &str, word: &str) -> String {
    format!("{before}\n{}", MAIN.replace("WORD", word))
}

const MADE: &str = "pub const V: &str = \"mended\";\n";

struct Scene {
    name: &'static str,
    /// A project in `home/code/app` that cannot be built, or can be and is then broken.
    prepare: fn(&Project),
    spoil: Option<fn(&Project)>,
    /// Makes it say `mended`.
    mend: fn(&Project),
}

const APP: &str = "home/code/app";

fn write(project: &Project, file: &str, text: &str) {
    project.write(&format!("{APP}/{file}"), text);
}

/// A package with this program in a repository that ignores these.
fn package(project: &Project, ignored: &str, main: &str) {
    write(project, "Cargo.toml", &manifest(""));
    write(project, "src/main.rs", main);
    write(project, ".gitignore", ignored);
    std::fs::create_dir_all(project.join(APP).join(".git")).unwrap();
}

/// One that runs and whose next text, which needs `util`, is saved with a manifest that names it.
fn needs_util(project: &Project, dependency: &str) {
    write(project, "src/main.rs", &main_text("", "util::V"));
    write(project, "Cargo.toml", &manifest(&format!("[dependencies]\nutil = {{ {dependency} }}\n")));
}

fn make_util(project: &Project, folder: &str) {
    write(project, &format!("{folder}/Cargo.toml"), &library("util"));
    write(project, &format!("{folder}/src/lib.rs"), MADE);
}

const SCENES: &[Scene] = &[
    Scene {
        name: "a generated module that git ignores",
        prepare: |project| package(project, "gen.rs", &main_text("mod r#gen;", "r#gen::V")),
        spoil: None,
        mend: |project| write(project, "src/gen.rs", MADE),
    },
    Scene {
        name: "a generated module in a folder of its own that git ignores",
        prepare: |project| package(project, "/src/api", &main_text("mod api;", "api::V")),
        spoil: None,
        mend: |project| write(project, "src/api/mod.rs", MADE),
    },
    Scene {
        name: "a generated module that git ignores and that lacks an item",
        prepare: |project| {
            package(project, "api.rs", &main_text("mod api;\nuse api::V;", "V"));
            write(project, "src/api.rs", "");
        },
        spoil: None,
        mend: |project| write(project, "src/api.rs", MADE),
    },
    Scene {
        name: "included text that is not there, in a folder that is not there",
        prepare: |project| package(project, "", &main_text("", "include_str!(\"../../assets/v.txt\")")),
        spoil: None,
        mend: |project| project.write("home/code/assets/v.txt", "mended"),
    },
    Scene {
        name: "a program whose source is outside of the package",
        prepare: |project| {
            write(project, "Cargo.toml", &manifest("[[bin]]\nname = \"app\"\npath = \"../main.rs\"\n"));
            project.write("home/code/main.rs", "fn main() { broken( }");
        },
        spoil: None,
        mend: |project| project.write("home/code/main.rs", &main_text("", "\"mended\"")),
    },
    Scene {
        name: "a module outside that lacks an item",
        prepare: |project| {
            package(project, "", &main_text("#[path = \"../../shared/v.rs\"] mod v;\nuse v::V;", "V"));
            project.write("home/code/shared/v.rs", "");
        },
        spoil: None,
        mend: |project| project.write("home/code/shared/v.rs", MADE),
    },
    Scene {
        name: "a linked source folder",
        prepare: |project| {
            package(project, "", "");
            std::fs::remove_dir_all(project.join(APP).join("src")).unwrap();
            project.write("home/shared/main.rs", &main_text("mod made;", "made::V"));
            symlink("../../shared", project.join(APP).join("src")).unwrap();
        },
        spoil: None,
        mend: |project| project.write("home/shared/made.rs", MADE),
    },
    Scene {
        name: "a source in a home that is under git and ignores all",
        prepare: |project| {
            std::fs::create_dir_all(project.join("home/.git")).unwrap();
            project.write("home/.gitignore", "*");
            write(project, "Cargo.toml", &manifest(""));
            write(project, "src/main.rs", &main_text("mod made;\nuse made::V;", "V"));
            write(project, "src/made.rs", "");
        },
        spoil: None,
        mend: |project| write(project, "src/made.rs", MADE),
    },
    Scene {
        name: "what a build script that failed said it reads",
        prepare: |project| {
            package(project, "", &main_text("include!(concat!(env!(\"OUT_DIR\"), \"/gen.rs\"));", "V"));
            write(project, "build.rs", &SCRIPT.replace("FILE", "../proto"));
        },
        spoil: None,
        mend: |project| project.write("home/code/proto", MADE),
    },
    Scene {
        name: "what a build script said it reads, of which it made too little",
        prepare: |project| {
            package(project, "data", &main_text("include!(concat!(env!(\"OUT_DIR\"), \"/gen.rs\"));", "V"));
            write(project, "build.rs", &SCRIPT.replace("FILE", "data"));
            write(project, "data", "");
        },
        spoil: None,
        mend: |project| write(project, "data", MADE),
    },
    Scene {
        name: "a library that git ignores and that a build script lets the linker find",
        prepare: |project| {
            let main = main_text(
                "unsafe extern \"C\" { safe fn v() -> i32; }",
                "if v() == 7 { \"mended\" } else { \"\" }",
            );
            package(project, "native", &main);
            let script = "fn main() {
                let here = std::env::var(\"CARGO_MANIFEST_DIR\").unwrap();
                println!(\"cargo::rustc-link-search=native={here}/native\");
                println!(\"cargo::rustc-link-lib=static=v\");
            }";
            write(project, "build.rs", script);
        },
        spoil: None,
        mend: |project| {
            project.write("v.c", "int v(void) { return 7; }\n");
            for words in ["cc -c v.c -o v.o", "ar rcs libv.a v.o"] {
                let mut words = words.split(' ');
                let mut command = std::process::Command::new(words.next().unwrap());
                assert!(command.args(words).current_dir(project.path()).status().unwrap().success());
            }
            std::fs::create_dir(project.join(APP).join("native")).unwrap();
            rename(&project.join("libv.a"), &project.join(APP).join("native/libv.a"));
        },
    },
    Scene {
        name: "cargo's configuration in a folder above",
        prepare: |project| package(project, "", &main_text("", "env!(\"WORD\")")),
        spoil: None,
        mend: |project| project.write("home/.cargo/config.toml", "[env]\nWORD = \"mended\"\n"),
    },
    Scene {
        name: "a folder that a macro embeds and git ignores",
        prepare: |project| {
            package(project, "dist", &main_text("", "embed::embed!()"));
            write(project, "Cargo.toml", &manifest("[dependencies]\nembed = { path = \"embed\" }\n"));
            write(project, "embed/Cargo.toml", &(library("embed") + "[lib]\nproc-macro = true\n"));
            write(project, "embed/src/lib.rs", EMBED);
        },
        spoil: None,
        mend: |project| {
            project.write("home/staged/index.html", "mended");
            rename(&project.join("home/staged"), &project.join(APP).join("dist"));
        },
    },
    Scene {
        name: "a dependency outside that is made later",
        prepare: |project| package(project, "", &main_text("", "\"first\"")),
        spoil: Some(|project| needs_util(project, "path = \"../made/util\"")),
        mend: |project| make_util(project, "../made/util"),
    },
    Scene {
        name: "a dependency in the package that git ignores and that is made later",
        prepare: |project| package(project, "vendor", &main_text("", "\"first\"")),
        spoil: Some(|project| needs_util(project, "path = \"vendor/util\"")),
        mend: |project| make_util(project, "vendor/util"),
    },
    Scene {
        name: "a dependency that gets its source last",
        prepare: |project| {
            package(project, "", &main_text("", "\"first\""));
            write(project, "../util/Cargo.toml", &library("util"));
        },
        spoil: Some(|project| needs_util(project, "path = \"../util\"")),
        mend: |project| write(project, "../util/src/lib.rs", MADE),
    },
    Scene {
        name: "a member that is named before it is there",
        prepare: |project| {
            package(project, "", &main_text("", "\"first\""));
            project.write("home/code/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n");
        },
        spoil: Some(|project| {
            write(project, "src/main.rs", &main_text("", "\"mended\""));
            let text = "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"later\"]\n";
            project.write("home/code/Cargo.toml", text);
        }),
        mend: |project| {
            project.write("home/code/later/Cargo.toml", &library("later"));
            project.write("home/code/later/src/lib.rs", "");
        },
    },
    Scene {
        name: "a member by pattern whose manifest comes last",
        prepare: |project| {
            package(project, "", &main_text("", "\"first\""));
            project.write("home/code/crates/old/Cargo.toml", &library("old"));
            project.write("home/code/crates/old/src/lib.rs", "");
            let text = "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"crates/*\"]\n";
            project.write("home/code/Cargo.toml", text);
        },
        spoil: Some(|project| {
            write(project, "src/main.rs", &main_text("", "\"mended\""));
            project.write("home/code/crates/later/src/lib.rs", "");
            // What is there already has to be named to be looked at.
            project.write(
                "home/code/Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"crates/*\"] #\n",
            );
        }),
        mend: |project| project.write("home/code/crates/later/Cargo.toml", &library("later")),
    },
    Scene {
        name: "the root manifest of the workspace",
        prepare: |project| {
            package(project, "", &main_text("", "\"first\""));
            project.write("home/code/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n");
        },
        spoil: Some(|project| {
            write(project, "src/main.rs", &main_text("", "\"mended\""));
            project.write("home/code/Cargo.toml", "[workspace\n");
        }),
        mend: |project| {
            project.write("home/code/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n");
        },
    },
    Scene {
        name: "a patch of a dependency that is made later",
        prepare: |project| package(project, "", &main_text("", "\"first\"")),
        spoil: Some(|project| {
            write(project, "src/main.rs", &main_text("", "util::V"));
            let more =
                "[dependencies]\nutil = \"0.1\"\n[patch.crates-io]\nutil = { path = \"../patched\" }\n";
            write(project, "Cargo.toml", &manifest(more));
        }),
        mend: |project| make_util(project, "../patched"),
    },
];

#[test]
fn whatever_mends_a_build_is_noticed() {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let jobs: Vec<_> = SCENES.iter().map(|scene| (scene.name, scope.spawn(|| play(scene)))).collect();
        jobs.into_iter().filter_map(|(name, job)| job.join().is_err().then(|| name.to_owned())).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

fn play(scene: &Scene) {
    let project = Project::empty();
    (scene.prepare)(&project);
    let home = Home::new();
    let mut hotrun = Hotrun::prepare(&project, &home, &["--poll=never"]).folder(&project.join(APP)).start();
    if let Some(spoil) = scene.spoil {
        home.call_of("first");
        hotrun.wait_for("ready");
        spoil(&project);
    }
    hotrun
        .wait_until("failed build", |event| event.kind() == "build-finished" && event.0["success"] == false);
    // Until the failure and all that led to it has been dealt with.
    let asked = said(&project.join(APP), &["wait", "--timeout", "20s"]);
    assert_eq!(asked.code, 1, "{}: {asked:?}", scene.name);
    (scene.mend)(&project);
    home.call_of("mended");
    let asked = said(&project.join(APP), &["wait", "--timeout", "20s"]);
    assert_eq!(asked.code, 0, "{}: {asked:?}", scene.name);
}
