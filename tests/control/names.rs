//! Commands about some of several services.

use serde_json::Value;

use super::ask;
use crate::support::{Call, Home, Hotrun, Project, manifest};

/// Two programs that call home with their names.
struct Pair {
    project: Project,
    home: Home,
    hotrun: Hotrun,
}

impl Pair {
    fn new() -> Self {
        let (project, home) = (Project::empty(), Home::new());
        project.write("Cargo.toml", &manifest("pair"));
        project.write("hotrun.toml", "[service.one]\nbin = \"one\"\n\n[service.two]\nbin = \"two\"\n");
        let pair = |name: &str| project.write(&format!("src/bin/{name}.rs"), &Project::caller_text(name));
        ["one", "two"].into_iter().for_each(pair);
        let mut hotrun = Hotrun::run(&project, &home, &[]);
        hotrun.wait_for("build-started");
        Self { project, home, hotrun }
    }

    /// The exit code and the answer.
    #[track_caller]
    fn json(&self, words: &[&str]) -> (i32, Value) {
        let said = ask(&self.project, &[words, &["--json"]].concat());
        (said.code, said.json())
    }

    fn call(&self, name: &str) -> Call {
        self.home.call_of(name)
    }
}

#[test]
fn orders_are_about_those_that_are_named() {
    let mut pair = Pair::new();
    let (code, answer) = pair.json(&["wait"]);
    assert_eq!(code, 0, "{answer}");
    let calls = [pair.home.call(), pair.home.call()];
    let of = |name: &str| calls.iter().find(|call| call.version == name).unwrap().pid;
    let (one, two) = (of("one"), of("two"));
    assert_eq!(answer["services"]["one"]["pid"], one, "{answer}");
    assert_eq!(answer["services"]["two"]["pid"], two, "{answer}");
    let (_, answer) = pair.json(&["status", "two"]);
    assert_eq!(
        (&answer["services"]["one"], &answer["running"]["pid"]),
        (&().into(), &two.into()),
        "{answer}"
    );

    assert_eq!(ask(&pair.project, &["restart", "two"]).code, 0);
    let second = pair.call("two");
    let (code, answer) = pair.json(&["wait"]);
    assert_eq!((code, &answer["services"]["one"]["pid"]), (0, &one.into()), "{answer}");
    assert_eq!(answer["services"]["two"]["pid"], second.pid, "{answer}");

    assert_eq!(ask(&pair.project, &["stop", "one"]).code, 0);
    let (_, answer) = pair.json(&["status"]);
    assert_eq!(answer["services"]["one"]["state"], "stopped", "{answer}");
    assert_eq!(answer["services"]["two"]["pid"], second.pid, "{answer}");
    assert_eq!(ask(&pair.project, &["start"]).code, 0);
    pair.call("one");
    assert_eq!(pair.json(&["wait"]).0, 0);

    let said = ask(&pair.project, &["wait", "three"]);
    let expected = "error: no service is named `three`\n  hint: hotrun runs `one`, `two`\n";
    assert_eq!((said.code, &*said.stderr), (2, expected));
    assert_eq!(ask(&pair.project, &["stop"]).code, 0);
    assert!(pair.hotrun.wait_for_end().success());
}

#[test]
fn an_error_in_one_is_told_of_that_one() {
    let pair = Pair::new();
    assert_eq!(pair.json(&["wait"]).0, 0);
    pair.project.write("src/bin/two.rs", "fn main() { let broken: u32 = \"broken\"; }\n");
    let (code, answer) = pair.json(&["wait"]);
    assert_eq!((code, &answer["ok"]), (1, &false.into()), "{answer}");
    let services = &answer["services"];
    assert_eq!((&services["one"]["state"], &services["two"]["state"]), (&"running".into(), &"failed".into()));
    assert_eq!(answer["reason"], "two: build 2 failed (1 error); build 1 is running", "{answer}");
    assert_eq!(pair.json(&["wait", "one"]).0, 0);
    let said = ask(&pair.project, &["wait"]);
    assert!(said.stdout.contains("     Running one: build 1 (pid "), "{said:?}");
    assert!(said.stdout.contains("error: two: build 2 failed (1 error); build 1 is running"), "{said:?}");
    let said = pair.hotrun.wait_said("error: build 2 failed (1 error); two: still build 1");
    assert!(said.contains("Started one build 1") && said.contains("Started two build 1"), "{said}");
}
