//! The table, the reader and the schema agree.

use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::config::table;

fn schema() -> Value {
    serde_json::from_str(&crate::config::schema()).unwrap()
}

/// Valid values, in addition to those of the test of changes.
const SAMPLES: &[(&str, &[&str])] = &[
    ("build.features", &["[]", "['it']"]),
    ("run.env", &["{}", "{ A = 'x', B = 1, C = true }"]),
    ("watch.debounce", &["'20ms'", "'1m 30s'", "'0'", "0"]),
    ("watch.poll", &["'never'", "'2s'", "'auto'"]),
    ("run.listen", &["[]", "['web=3000', 3001, 'unix:it.sock']"]),
    ("run.ready", &["'notify'", "'tcp:3000'", "'http://localhost:3000/up'", "'2s'"]),
    ("run.stop-signal", &["'SIGINT'", "'usr1'", "'15'", "2"]),
    ("run.update", &["'restart'", "'overlap'", "'manual'", "'reexec'"]),
];

#[test]
fn the_reader_takes_every_key_of_the_table() {
    let others = super::changes::OTHERS.iter().map(|(key, value, _)| (*key, *value));
    let samples = SAMPLES.iter().flat_map(|(key, values)| values.iter().map(move |value| (*key, *value)));
    for (key, value) in others.chain(samples) {
        config("", &format!("{key} = {value}"));
    }
}

#[test]
fn the_schema_has_the_keys_of_the_list_and_no_others() {
    let names = |value: &Value| {
        value["properties"].as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let schema = schema();
    assert_eq!(names(&schema), table::top().map(ToOwned::to_owned).collect());
    let service = &schema["properties"]["service"]["additionalProperties"];
    assert_eq!(names(service), table::of_service().map(|row| row.name.to_owned()).collect());
    for (table, _) in table::tables().filter(|(table, _)| *table != table::SERVICE) {
        let properties = &schema["properties"][table];
        assert_eq!(names(properties), table::names(table).map(ToOwned::to_owned).collect());
        for (name, property) in properties["properties"].as_object().unwrap() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        }
    }
}

#[test]
fn the_defaults_of_the_schema_change_nothing() {
    let plain = show(&config("", ""), Path::new(CWD));
    let schema = schema();
    let mut file = String::new();
    for (table, _) in table::tables().filter(|(table, _)| *table != table::SERVICE) {
        writeln!(file, "[{table}]").unwrap();
        for (name, property) in schema["properties"][table]["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                let default = if default.is_object() { "{}".to_owned() } else { default.to_string() };
                writeln!(file, "{name} = {default}").unwrap();
            }
        }
    }
    let values = |text: &str| {
        let lines = text.lines().map(|line| line.split_once("  #").map_or(line, |(value, _)| value).trim());
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert!(file.lines().count() > 20, "{file}");
    assert_eq!(values(&show(&config("", &file), Path::new(CWD))), values(&plain));
}
