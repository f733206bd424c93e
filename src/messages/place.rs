//! Finds the location of a diagnostic: for an error inside a macro of another crate, the macro call.

use std::path::Path;

use cargo_metadata::diagnostic::DiagnosticSpan;

/// Returns the primary span, or the macro call that leads there if the span is outside the workspace.
pub(super) fn of(spans: &[DiagnosticSpan]) -> Option<&DiagnosticSpan> {
    let primary = || spans.iter().filter(|span| span.is_primary);
    // The outermost call is in the crate being compiled.
    primary().find_map(inside).or_else(|| calls(primary().next()?).last())
}

/// Returns the innermost span in the workspace among this span and the macro calls around it.
fn inside(span: &DiagnosticSpan) -> Option<&DiagnosticSpan> {
    // cargo compiles workspace packages in the workspace root, with relative paths, and all others with
    // absolute ones.
    calls(span).find(|span| !Path::new(&span.file_name).is_absolute() && !span.file_name.starts_with('<'))
}

/// Iterates over a span and the macro calls it expands from, innermost first.
fn calls(span: &DiagnosticSpan) -> impl Iterator<Item = &DiagnosticSpan> {
    std::iter::successors(Some(span), |span| span.expansion.as_ref().map(|expansion| &expansion.span))
}

/// Puts the location first in the text of a diagnostic, for tools that parse `--> FILE:LINE:COLUMN`.
///
/// As in rustc's output, `-->` marks the location and `:::` another file.
pub(super) fn first(place: &DiagnosticSpan, spans: &[DiagnosticSpan], rendered: String) -> String {
    let text =
        |span: &DiagnosticSpan| format!("{}:{}:{}", span.file_name, span.line_start, span.column_start);
    let Some(primary) = spans.iter().find(|span| span.is_primary) else { return rendered };
    let (old, new) = (text(primary), text(place));
    let found = rendered.split_inclusive('\n').find(|line| line.contains("-->") && line.contains(&old));
    match found {
        Some(line) if old != new => {
            let both = line.replacen(&old, &new, 1) + &line.replacen("-->", ":::", 1);
            rendered.replacen(line, &both, 1)
        }
        _ => rendered,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{CargoMessage, parse};

    const REGISTRY: &str = "/home/ann/.cargo/registry/src/x/dep-1.0.0/src/lib.rs";
    const STD: &str = "/rustc/0f/library/core/src/macros/mod.rs";

    fn span(file: &str, line: u32, primary: bool, expansion: Value) -> Value {
        json!({
            "file_name": file, "line_start": line, "line_end": line, "column_start": 1, "column_end": 2,
            "byte_start": 0, "byte_end": 1, "is_primary": primary, "text": [], "label": null,
            "suggested_replacement": null, "suggestion_applicability": null, "expansion": expansion,
        })
    }

    /// Wraps a call as the expansion of a span inside a macro.
    fn from(call: Value) -> Value {
        json!({ "span": call, "macro_decl_name": "m!", "def_site_span": null })
    }

    #[track_caller]
    fn parsed(spans: &[Value], rendered: &str) -> super::super::Diagnostic {
        let line = json!({
            "reason": "compiler-message", "package_id": "path+file:///p#app@0.1.0", "manifest_path": "/p/Cargo.toml",
            "target": {
                "kind": ["bin"], "crate_types": ["bin"], "name": "app", "src_path": "/p/src/main.rs",
                "edition": "2021", "doc": true, "doctest": false, "test": true,
            },
            "message": {
                "rendered": rendered, "children": [], "level": "error", "message": "nope", "spans": spans, "code": null,
            },
        });
        match parse(&line.to_string()) {
            CargoMessage::Diagnostic(diagnostic, _) => diagnostic,
            other => panic!("{other:?} of {line}"),
        }
    }

    #[test]
    fn an_error_in_a_macro_of_another_crate_is_placed_at_the_call() {
        let main = |line| span("src/main.rs", line, false, Value::Null);
        let table = [
            (vec![span("src/main.rs", 7, true, Value::Null)], ("src/main.rs", 7)),
            // An error in a macro of the workspace stays there.
            (vec![span("src/lib.rs", 3, true, from(main(7)))], ("src/lib.rs", 3)),
            (vec![span(REGISTRY, 3, true, from(main(7)))], ("src/main.rs", 7)),
            (vec![span(STD, 3, true, from(span(REGISTRY, 4, false, from(main(7)))))], ("src/main.rs", 7)),
            (vec![span("<derive expansion>", 1, true, from(main(7)))], ("src/main.rs", 7)),
            // A macro of the workspace calls one of another crate.
            (vec![span(STD, 3, true, from(span("src/lib.rs", 5, false, from(main(7)))))], ("src/lib.rs", 5)),
            // A secondary span is ignored; a second primary one counts.
            (vec![main(2), span(REGISTRY, 3, true, from(main(7)))], ("src/main.rs", 7)),
            (
                vec![span(REGISTRY, 3, true, Value::Null), span("src/main.rs", 9, true, Value::Null)],
                ("src/main.rs", 9),
            ),
            // No span is in the workspace.
            (vec![span(STD, 3, true, from(span(REGISTRY, 4, false, Value::Null)))], (REGISTRY, 4)),
            (vec![span(REGISTRY, 3, true, Value::Null)], (REGISTRY, 3)),
        ];
        for (spans, place) in table {
            let diagnostic = parsed(&spans, "");
            let found = (diagnostic.file.as_deref(), diagnostic.line);
            assert_eq!(found, (Some(place.0), Some(place.1)), "{spans:?}");
        }
    }

    #[test]
    fn the_text_names_the_call_first() {
        let spans = [span(REGISTRY, 3, true, from(span("src/main.rs", 7, false, Value::Null)))];
        let blue = "\u{1b}[94m--> \u{1b}[0m";
        let rendered = format!("error: nope\n {blue}{REGISTRY}:3:1\n  |\n3 |     no\n");
        let expected = format!(
            "error: nope\n {blue}src/main.rs:7:1\n \u{1b}[94m::: \u{1b}[0m{REGISTRY}:3:1\n  |\n3 |     no\n"
        );
        assert_eq!(parsed(&spans, &rendered).rendered, expected);
        let plain = "error: nope\n --> src/main.rs:7:1\n";
        assert_eq!(parsed(&[span("src/main.rs", 7, true, Value::Null)], plain).rendered, plain);
    }
}
