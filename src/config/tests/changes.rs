//! The settings that an edit changes.

use super::*;
use crate::config::table::{ROWS, SERVICE};

fn changed(line: &str, before: &str, after: &str) -> Vec<(&'static str, Needs)> {
    let changed = changes(&config(line, before), &config(line, after));
    let known = |key: &str| ROWS.iter().find(|row| row.key == key).unwrap().key;
    changed.iter().map(|changed| (known(&changed.key), changed.needs)).collect()
}

/// A value other than the default, for every key.
pub(super) const OTHERS: &[(&str, &str, Needs)] = &[
    ("events", "'e'", Needs::Nothing),
    ("log", "'l'", Needs::Nothing),
    ("build.package", "'p'", Needs::Hotrun),
    ("build.bin", "'b'", Needs::Hotrun),
    ("build.example", "'e'", Needs::Hotrun),
    ("build.features", "['f']", Needs::Build),
    ("build.profile", "'release'", Needs::Hotrun),
    ("build.args", "['--locked']", Needs::Build),
    ("build.env", "{ A = '1' }", Needs::Build),
    ("build.inputs", "['i']", Needs::Nothing),
    ("build.share-build-dir", "true", Needs::Hotrun),
    ("build.debug-info", "\"lines\"", Needs::Build),
    ("build.together", "true", Needs::Nothing),
    ("watch.paths", "['p']", Needs::Nothing),
    ("watch.ignore", "['g']", Needs::Nothing),
    ("watch.debounce", "'1s'", Needs::Nothing),
    ("watch.poll", "'never'", Needs::Nothing),
    ("run.args", "['a']", Needs::Restart),
    ("run.env", "{ A = '1' }", Needs::Restart),
    ("run.env-file", "['.env']", Needs::Restart),
    ("run.cwd", "'src'", Needs::Restart),
    ("run.stdin", "'null'", Needs::Restart),
    ("run.output", "'capture'", Needs::Restart),
    ("run.listen", "[3000]", Needs::Restart),
    ("run.ready", "'notify'", Needs::NextStart),
    ("run.ready-timeout", "'1s'", Needs::NextStart),
    ("run.update", "'manual'", Needs::Nothing),
    ("run.on-start-failure", "'wait'", Needs::Nothing),
    ("run.on-exit", "'restart'", Needs::Nothing),
    ("run.stop-signal", "'INT'", Needs::Nothing),
    ("run.stop-timeout", "'1s'", Needs::Nothing),
    ("ui.clear", "true", Needs::Nothing),
    ("ui.keys", "false", Needs::Nothing),
    ("ui.notify", "true", Needs::Nothing),
];

#[test]
fn every_changed_key_is_found_with_its_needs() {
    let rows = ROWS.iter().filter(|row| row.table != SERVICE);
    let all = rows.map(|entry| (entry.key, entry.needs)).collect::<Vec<_>>();
    assert_eq!(OTHERS.iter().map(|(key, _, needs)| (*key, *needs)).collect::<Vec<_>>(), all);
    for (key, value, needs) in OTHERS {
        let text = format!("{key} = {value}");
        assert_eq!(changed("", "", &text), [(*key, *needs)], "{key}");
        assert_eq!(changed("", &text, ""), [(*key, *needs)], "{key}");
        assert_eq!(changed("", &text, &format!("# a comment\n{text}")), [], "{key}");
    }
}

#[test]
fn overridden_keys_are_no_change() {
    assert_eq!(changed("--update overlap", "", "[run]\nupdate = 'manual'"), []);
    assert_eq!(changed("-- x", "", "[run]\nargs = ['y']"), []);
    assert_eq!(changed("-E A=1", "", "[run]\nenv = { A = '2' }"), []);
    assert_eq!(changed("-E A=1", "", "[run]\nenv = { B = '2' }"), [("run.env", Needs::Restart)]);
    assert_eq!(changed("", "[run]\nenv = { A = '1' }", "[run]\nenv = { B = '1' }").len(), 1);
    assert_eq!(changed("-w a", "", "[watch]\npaths = ['b']"), [("watch.paths", Needs::Nothing)]);
}

#[test]
fn settings_that_need_a_restart_keep_their_value() {
    let started = config("", "");
    let edited = config("", "[build]\nprofile = 'release'\nbin = 'b'\n[run]\nargs = ['a']");
    let in_force = edited.as_started(&started);
    let keys: Vec<String> = changes(&started, &in_force).into_iter().map(|changed| changed.key).collect();
    assert_eq!(keys, ["run.args"]);
}
