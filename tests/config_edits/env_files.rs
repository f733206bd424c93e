//! Env files edited while hotrun runs: what a valid one sets is in force at once, and nothing of an invalid one ever is.

use std::fs;

use serde_json::json;

use super::{EventLine, Home, Hotrun, Project, applied, kinds, project};
use crate::support::{answering, finish};

const NAMED: &str = "[run]\nargs = ['a']\nenv-file = ['app.env']\non-start-failure = 'rollback'\n";

#[track_caller]
fn refused(hotrun: &mut Hotrun, complaint: &str) {
    hotrun.wait_until(complaint, |event: &EventLine| {
        event.kind() == "warning" && event.0["message"].as_str().unwrap().contains(complaint)
    });
}

/// What `wait` says: its code, and why.
fn wait(project: &Project) -> (i32, String) {
    let said = finish(answering(project.path(), &["wait", "--json"]));
    (said.code, said.json()["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_env_file_that_cannot_be_read_leaves_what_runs() {
    let (project, home) = (project(NAMED), Home::new());
    project.write("app.env", "WORD=one\n");
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut call = home.call();
    hotrun.wait_for("ready");
    let before = hotrun.seen().len();
    for (save, complaint) in [
        (Some("WORD=two\nnonsense\n"), "app.env`, line 2: expected `KEY=VALUE`, found `nonsense`"),
        (None, "could not read the env file"),
        (Some("WORD=\"two\n"), "app.env`, line 1: "),
    ] {
        match save {
            Some(text) => project.write("app.env", text),
            None => fs::remove_file(project.join("app.env")).unwrap(),
        }
        refused(&mut hotrun, complaint);
        let (code, reason) = wait(&project);
        assert!(code == 1 && reason.contains(complaint), "{code} {reason}");
        assert!(call.ask().contains(" word=one "));
    }
    hotrun.wait_said("note: the settings from before stay in force");
    let seen = kinds(hotrun.seen(), before);
    assert!(!seen.iter().any(|kind| kind == "stopping" || kind == "start-failed"), "{seen:?}");

    // A restart meanwhile is with what was valid last, and a build is not condemned.
    assert_eq!(finish(answering(project.path(), &["restart"])).code, 0);
    call.wait_for_end();
    call = home.call();
    assert!(call.version.contains(" word=one "), "{}", call.version);
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    project.write("src/main.rs", &main.replace("\"one\"", "\"two\""));
    call.wait_for_end();
    call = home.call();
    assert!(call.version.contains("two args=a word=one "), "{}", call.version);

    // The valid one is taken over, once.
    project.write("app.env", "WORD=three\n");
    call.wait_for_end();
    call = home.call();
    assert!(call.version.contains(" word=three "), "{}", call.version);
    assert_eq!(wait(&project), (0, String::new()));
    // One that sets the same is none to restart for.
    let before = hotrun.seen().len();
    project.write("app.env", "# a note\nWORD=three\n");
    hotrun.wait_for("changed");
    assert_eq!(wait(&project), (0, String::new()));
    assert!(call.ask().contains(" word=three "));
    assert_eq!(kinds(hotrun.seen(), before), ["changed"]);
    assert!(!hotrun.seen().iter().any(|event| event.kind() == "start-failed"));
}

#[test]
fn the_env_file_of_a_refused_config_is_followed() {
    let (project, home) = (project("[run]\nargs = ['a']\n"), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut call = home.call();
    hotrun.wait_for("ready");
    for (broken, name) in [(None, "later.env"), (Some("nonsense\n"), "broken.env")] {
        if let Some(text) = broken {
            project.write(name, text);
        }
        project.write("hotrun.toml", &format!("[run]\nargs = ['{name}']\nenv-file = ['{name}']\n"));
        refused(&mut hotrun, name);
        assert!(!call.ask().contains(name));
        project.write(name, "WORD=there\n");
        assert_eq!(applied(&mut hotrun).1, json!("restart"));
        call.wait_for_end();
        call = home.call();
        assert!(call.version.contains(&format!(" args={name} word=there ")), "{}", call.version);
    }
    assert_eq!(wait(&project), (0, String::new()));
}

/// A program that loads a `.env` which nobody names is started again for it.
#[test]
fn a_dotenv_that_nobody_names_restarts_and_may_hold_anything() {
    let (project, home) = (project(""), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut call = home.call();
    hotrun.wait_for("ready");
    for text in ["nonsense\n", "", "WORD=one\n"] {
        project.write(".env", text);
        call.wait_for_end();
        call = home.call();
        assert!(call.version.contains(" word= "), "{}", call.version);
    }
    assert_eq!(wait(&project), (0, String::new()));
}
