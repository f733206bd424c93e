//! The JSON Schema of `hotrun.toml` accepts what hotrun accepts: every settings block of the documentation, the examples' files; and
//! refuses what an editor should underline.

use std::fs;
use std::path::Path;

use hotrun::config;
use regex::Regex;
use serde_json::Value;

use crate::readme;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn complaint(text: &str) -> Option<String> {
    let schema = serde_json::from_str(&config::schema()).unwrap();
    let value = toml::from_str(text).unwrap();
    check(&schema, &value, "").err()
}

/// What is wrong with `value` by the keywords of JSON Schema (draft 7) that the schema uses; any other keyword is a mistake of
/// this test's.
fn check(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let complain = |what: String| Err(format!("{place}: {what}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        let fine = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "examples" | "additionalProperties" => true,
            "type" => match rule {
                Value::Array(types) => types.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => value == rule,
            "not" => check(rule, value, place).is_err(),
            "anyOf" => rule.as_array().unwrap().iter().any(|one| check(one, value, place).is_ok()),
            "required" => {
                rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "pattern" => {
                let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= rule.as_u64().unwrap()),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    check(rule, item, place)?;
                }
                true
            }
            "propertyNames" => {
                for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
                    check(rule, &Value::String(name.clone()), place)?;
                }
                true
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let place = format!("{place}.{name}");
                    match (rule.get(name), &schema["additionalProperties"]) {
                        (Some(rule), _) => check(rule, value, &place)?,
                        (None, Value::Bool(false)) => return Err(format!("{place}: unknown")),
                        (None, _) => {}
                    }
                }
                true
            }
            other => panic!("a keyword that is not checked: {other}"),
        };
        if !fine {
            return complain(format!("{value} against {keyword} {rule}"));
        }
    }
    if schema.get("properties").is_none()
        && let Some(rule @ Value::Object(_)) = schema.get("additionalProperties")
    {
        for (name, value) in value.as_object().into_iter().flatten() {
            check(rule, value, &format!("{place}.{name}"))?;
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("a type that is not checked: {other}"),
    }
}

#[test]
fn every_settings_block_of_the_readme_is_valid() {
    for text in readme::blocks(&readme::docs(), "toml") {
        if text.starts_with("# .cargo/config.toml\n") {
            continue;
        }
        let all = readme::uncommented(&text);
        for text in [text, all] {
            assert_eq!(complaint(&text), None, "{text}");
        }
    }
}

#[test]
fn the_examples_name_the_schema_and_are_valid() {
    for name in ["web", "lines"] {
        let folder = root().join("examples").join(name);
        let text = fs::read_to_string(folder.join("hotrun.toml")).unwrap();
        let line = text.lines().next().unwrap();
        let named = folder.join(line.strip_prefix("#:schema ").unwrap());
        assert_eq!(
            fs::canonicalize(named).unwrap(),
            fs::canonicalize(root().join("completions/hotrun.schema.json")).unwrap()
        );
        assert_eq!(complaint(&text), None);
    }
}

#[test]
fn every_form_that_the_reader_takes_is_valid() {
    let texts = [
        "events = 'e'\nlog = 'l'",
        "[build]\nexample = 'x'\nfeatures = ['a b,c']\nprofile = 'mine'",
        "[build]\nenv = { A = 1, B = true, C = '' }",
        "[watch]\ndebounce = 0\npoll = '1m 30s'",
        "[watch]\ndebounce = '0'\npoll = 'always'",
        "[watch]\ndebounce = ' 5 s '",
        "[run]\nlisten = [3000, 'localhost:0', 'a=unix:x']\nstop-signal = 15",
        "[run]\nready = '200ms'\nstop-signal = 'hup'\nstop-timeout = '2days'",
        "[run]\nready = 'tcp:[::1]:80'\nstop-signal = '9'",
    ];
    for text in texts {
        readme::accept(text).unwrap();
        assert_eq!(complaint(text), None, "{text}");
    }
}

#[test]
fn what_an_editor_should_underline_is_not_valid() {
    let texts = [
        "[bild]",
        "[run]\narg = []",
        "args = []",
        "[run]\nupdate = 'reload'",
        "[run]\nready-timeout = 5",
        "[run]\nready-timeout = '5'",
        "[run]\nready = 'https://localhost'",
        "[run]\nlisten = 3000",
        "[run]\nlisten = [70000]",
        "[run]\nstop-signal = 0",
        "[run]\nenv = { A = [] }",
        "[ui]\nclear = 'yes'",
        "[build]\nbin = 'a'\nexample = 'b'",
        "[build]\nprofile = 'debug'",
        "[watch]\npoll = 5",
    ];
    for text in texts {
        assert!(readme::accept(text).is_err(), "{text}");
        assert!(complaint(text).is_some(), "{text}");
    }
}
