//! The list of keys, the reader and the schema are one.

use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::config::keys::{self, TABLES, Takes};

fn schema() -> Value {
    serde_json::from_str(&crate::config::schema()).unwrap()
}

/// Values of each kind that the reader takes.
fn samples(takes: Takes) -> Vec<String> {
    let list: Vec<&str> = match takes {
        Takes::Flag => vec!["true"],
        Takes::Name | Takes::Profile | Takes::Path => vec!["'it'"],
        Takes::Texts | Takes::Paths => vec!["[]", "['it']"],
        Takes::Variables => vec!["{}", "{ A = 'x', B = 1, C = true }"],
        Takes::Duration => vec!["'20ms'", "'1m 30s'", "'0'", "0"],
        Takes::Poll => vec!["'never'", "'2s'"],
        Takes::Listen => vec!["[]", "['web=3000', 3001, 'unix:it.sock']"],
        Takes::Ready => vec!["'notify'", "'tcp:3000'", "'http://localhost:3000/up'", "'2s'"],
        Takes::Signal => vec!["'SIGINT'", "'usr1'", "'15'", "2"],
        Takes::Words(words) => return words().iter().map(|word| format!("'{word}'")).collect(),
    };
    list.into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn the_reader_takes_every_key_of_the_list() {
    for table in &TABLES {
        for key in table.keys {
            for sample in samples(key.takes) {
                config("", &format!("[{}]\n{} = {sample}", table.name, key.name));
            }
        }
    }
    for key in keys::TOP {
        config("", &format!("{} = 'it'", key.name));
    }
}

#[test]
fn the_schema_has_the_keys_of_the_list_and_no_others() {
    let names = |value: &Value| {
        value["properties"].as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let schema = schema();
    assert_eq!(names(&schema), keys::top().map(ToOwned::to_owned).collect());
    for table in &TABLES {
        let properties = &schema["properties"][table.name];
        assert_eq!(names(properties), keys::names(table.keys).map(ToOwned::to_owned).collect());
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
    for table in &TABLES {
        writeln!(file, "[{}]", table.name).unwrap();
        for (name, property) in schema["properties"][table.name]["properties"].as_object().unwrap() {
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
