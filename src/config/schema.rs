//! The JSON Schema of the config file, for editors.
//!
//! Draft 7, which the TOML plugins of editors support. It accepts everything hotrun accepts, and refuses
//! values only by their form.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::options::RunOptions;
use super::table::{self, ROWS, SERVICE, SettingRow};
use super::text::SERVICE_NAME;
use super::{OwnVariables, merge, show};

const ABOUT: &str = "Settings of hotrun, beside the package's `Cargo.toml` or at the workspace root. The same tables may \
    stand in `Cargo.toml` under `[package.metadata.hotrun]`. `hotrun config` shows what is in force.";

pub fn schema() -> String {
    let defaults = defaults();
    let properties = |table: &str, defaults: &Value| {
        let entries = ROWS.iter().filter(|entry| entry.table == table);
        entries
            .map(|entry| (entry.name.to_owned(), property(entry, defaults.get(entry.name))))
            .collect::<Map<_, _>>()
    };
    let mut top = properties("", &defaults);
    for (table, about) in table::tables() {
        if table == SERVICE {
            top.insert(table.to_owned(), services(about));
            continue;
        }
        let mut schema = json!({
            "description": about.trim(),
            "type": "object",
            "additionalProperties": false,
            "properties": properties(table, &defaults[table]),
        });
        if table == "build" {
            // The two exclude each other.
            schema["not"] = json!({ "required": ["bin", "example"] });
        }
        top.insert(table.to_owned(), schema);
    }
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "hotrun.toml",
        "description": ABOUT,
        "type": "object",
        "additionalProperties": false,
        "properties": top,
    });
    format!("{schema:#}\n")
}

/// Returns the schema of the tables of services.
fn services(about: &str) -> Value {
    let entries = table::of_service().map(|entry| (entry.name.to_owned(), property(entry, None)));
    let together = [["bin", "example"], ["command", "package"], ["command", "bin"], ["command", "example"]];
    json!({
        "description": about.trim(),
        "type": "object",
        "propertyNames": { "pattern": SERVICE_NAME },
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "properties": entries.collect::<Map<_, _>>(),
            // These exclude each other.
            "not": { "anyOf": together.map(|keys| json!({ "required": keys })) },
        },
    })
}

/// Returns the defaults, as `hotrun config` prints them if nothing is set.
fn defaults() -> Value {
    let folder = Path::new("/");
    let config = merge(&RunOptions::default(), &OwnVariables::new(), &[], folder)
        .expect("nothing was set that could be wrong");
    toml::from_str(&show(&config, folder)).expect("what `hotrun config` prints is TOML")
}

fn property(entry: &SettingRow, default: Option<&Value>) -> Value {
    let mut schema = (entry.schema)();
    let (summary, details) = entry.help();
    let about = details.map_or(summary.clone(), |details| format!("{summary}\n\n{details}"));
    schema["description"] = about.into();
    if let Some(default) = default {
        schema["default"] = default.clone();
    }
    schema
}
