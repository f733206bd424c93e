//! The JSON Schema of the config file, for editors: made of the list of keys, the words of `--help` and the defaults.
//!
//! Draft 7, which is what editors' TOML tools read. It never refuses what hotrun accepts; of values it refuses what can be
//! told from their form.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::keys::{self, Entry, Means, TABLES, Takes};
use super::units::SIGNALS;
use super::{Environment, merge, show};
use crate::cli::{self, Invocation, RunOptions};

const TIME: &str = r"^\s*(0|[0-9].*[A-Za-zµ])\s*$";
const ABOUT: &str = "Settings of hotrun, beside the package's `Cargo.toml` or at the workspace root. The same tables may \
    stand in `Cargo.toml` under `[package.metadata.hotrun]`. `hotrun config` shows what is in force.";

/// Writes the schema.
pub fn schema() -> String {
    let (help, defaults) = (cli::command(Invocation::Direct), defaults());
    let properties = |keys: &[Entry], defaults: &Value| {
        let property = |key: &Entry| (key.name.to_owned(), property(key, &help, defaults.get(key.name)));
        keys.iter().map(property).collect::<Map<_, _>>()
    };
    let mut top = properties(keys::TOP, &defaults);
    for table in &TABLES {
        let mut schema = json!({
            "description": table.means,
            "type": "object",
            "additionalProperties": false,
            "properties": properties(table.keys, &defaults[table.name]),
        });
        if table.name == "build" {
            // There is one program to run.
            schema["not"] = json!({ "required": ["bin", "example"] });
        }
        top.insert(table.name.to_owned(), schema);
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

/// The defaults, as `hotrun config` writes them where nothing is set.
fn defaults() -> Value {
    let folder = Path::new("/");
    let config = merge(&RunOptions::default(), &Environment::new(), &[], folder)
        .expect("nothing was set that could be wrong");
    toml::from_str(&show(&config, folder)).expect("what `hotrun config` prints is TOML")
}

fn property(key: &Entry, help: &clap::Command, default: Option<&Value>) -> Value {
    let mut schema = takes(key.takes);
    schema["description"] = describe(key.means, help).into();
    if let Some(default) = default {
        schema["default"] = default.clone();
    }
    schema
}

/// The text of an option, without its default, which the schema has a place for.
fn describe(means: Means, help: &clap::Command) -> String {
    match means {
        Means::Text(text) => text.to_owned(),
        Means::Option(name) => {
            let option = help.get_arguments().find(|option| option.get_long() == Some(name));
            let option = option.expect("the list names options that exist");
            let text = option.get_long_help().or(option.get_help()).map(ToString::to_string);
            let text = text.unwrap_or_default();
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            let first = first.split_once(" [default: ").map_or(first, |(first, _)| first);
            format!("{first}\n{rest}").trim_end().to_owned()
        }
    }
}

fn takes(takes: Takes) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let time = json!({ "type": "string", "pattern": TIME });
    let word = |words: &[&str]| json!({ "enum": words });
    match takes {
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Name | Takes::Path => text,
        Takes::Profile => json!({
            "type": "string",
            "minLength": 1,
            "not": { "const": "debug" },
            "examples": ["dev", "release"],
        }),
        Takes::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Takes::Paths => json!({ "type": "array", "items": text }),
        Takes::Variables => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[^=]+$" },
            "additionalProperties": { "type": ["string", "integer", "boolean"] },
        }),
        Takes::Duration => json!({ "anyOf": [time, { "const": 0 }], "examples": ["20ms", "5s", "1m 30s"] }),
        Takes::Poll => json!({ "anyOf": [word(&["auto", "always", "never"]), time] }),
        Takes::Listen => json!({
            "type": "array",
            "items": { "anyOf": [text, { "type": "integer", "minimum": 0, "maximum": 65535 }] },
            "examples": [["3000"], ["web=3000", "admin=[::1]:3001", "metrics=unix:target/metrics.sock"]],
        }),
        Takes::Ready => json!({
            "anyOf": [
                word(&["auto", "spawn", "notify"]),
                { "type": "string", "pattern": "^(tcp:|http://)." },
                time,
            ],
        }),
        Takes::Signal => {
            let names: Vec<&str> = SIGNALS.iter().map(|(name, _)| *name).collect();
            json!({
                "anyOf": [
                    word(&names),
                    { "type": "string", "pattern": "^[A-Za-z0-9]+$" },
                    { "type": "integer", "minimum": 1, "maximum": 64 },
                ],
            })
        }
        Takes::Words(words) => word(&words()),
    }
}
