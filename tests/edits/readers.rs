//! Which packages are compiled again for a change that cargo does not see: those that read the file, wherever it lies.

use std::fs;
use std::time::{Duration, SystemTime};

use super::world::{library, rename};
use crate::support::{Home, Hotrun, Project, manifest};

const MAIN: &str = r#"
use std::io::{Read, Write};
fn main() {
    let mut stream = std::net::TcpStream::connect(std::env::var("TEST_HOME").unwrap()).unwrap();
    writeln!(stream, "{} {}-{}-{}", std::process::id(), api::PROTO, api::NOTE, api::QUERY).unwrap();
    let _ = stream.read(&mut [0]);
    loop { std::thread::park(); }
}
"#;

const SCRIPT: &str = r#"
fn main() {
    println!("cargo::rerun-if-changed=../proto");
    println!("cargo::rustc-env=PROTO={}", std::fs::read_to_string("../proto/a.proto").unwrap());
}
"#;

const API: &str = r#"
pub const PROTO: &str = env!("PROTO");
pub const NOTE: &str = include_str!("../../note.txt");
pub const QUERY: &str = query::query!();
"#;

const QUERY: &str = r#"
extern crate proc_macro;
#[proc_macro]
pub fn query(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let file = format!("{}/../query.sql", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    format!("{:?}", std::fs::read_to_string(file).unwrap()).parse().unwrap()
}
"#;

#[test]
fn a_file_of_the_root_package_is_compiled_into_the_member_that_reads_it() {
    let project = Project::empty();
    let dependencies = "members = [\"api\"]\n\n[dependencies]\napi = { path = \"api\" }\n";
    for (file, text) in [
        ("Cargo.toml", manifest("app") + dependencies),
        ("hotrun.toml", "[build]\ninputs = [\"query.sql\"]\n".to_owned()),
        ("src/main.rs", MAIN.to_owned()),
        ("api/Cargo.toml", library("api") + "[dependencies]\nquery = { path = \"../query\" }\n"),
        ("api/build.rs", SCRIPT.to_owned()),
        ("api/src/lib.rs", API.to_owned()),
        ("query/Cargo.toml", library("query") + "[lib]\nproc-macro = true\n"),
        ("query/src/lib.rs", QUERY.to_owned()),
        ("proto/a.proto", "p1".to_owned()),
        ("note.txt", "n1".to_owned()),
        ("query.sql", "q1".to_owned()),
    ] {
        project.write(file, &text);
    }
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("p1-n1-q1");
    for (file, text, says) in
        [("proto/a.proto", "p2", "p2-n1-q1"), ("note.txt", "n2", "p2-n2-q1"), ("query.sql", "q2", "p2-n2-q2")]
    {
        hotrun.wait_for("ready");
        // As `rsync --times` brings it.
        project.write("fresh", text);
        let fresh = fs::File::options().write(true).open(project.join("fresh")).unwrap();
        fresh.set_modified(SystemTime::now() - Duration::from_hours(24)).unwrap();
        rename(&project.join("fresh"), &project.join(file));
        home.call_of(says);
    }
}
