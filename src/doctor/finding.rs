//! The findings, rendered as lines for people and as JSON (pure).

use serde::Serialize;

use crate::report::lines::{Head, Line};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Severity {
    Ok,
    Note,
    /// Works less well than it could; the hint has a remedy.
    Warning,
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The name of the check, one word, which scripts may rely on.
    pub(super) check: &'static str,
    pub(super) level: Severity,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Shown to people only with `-v`.
    #[serde(skip)]
    pub(super) detail: bool,
}

impl Finding {
    pub(super) fn new(check: &'static str, level: Severity, message: impl Into<String>) -> Self {
        Self { check, level, message: message.into(), hint: None, detail: false }
    }

    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, message)
    }

    pub(super) fn error(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Error, message)
    }

    pub(super) fn note(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Note, message)
    }

    pub(super) fn warning(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, message).hint(hint)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn detail(mut self) -> Self {
        self.detail = true;
        self
    }
}

/// Renders the findings for people, with a summary at the end.
pub(super) fn lines(findings: &[Finding], verbose: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for finding in findings.iter().filter(|finding| verbose || !finding.detail) {
        let head = match finding.level {
            Severity::Ok => Head::Status("Ok".to_owned()),
            Severity::Note => Head::Plain("Note".to_owned()),
            Severity::Warning => Head::Attention("Warning".to_owned()),
            Severity::Error => Head::Fault("Error".to_owned()),
        };
        lines.push(Line::new(head, format!("{}: {}", finding.check, finding.message)));
        let hint = finding.hint.iter().map(|hint| Line::new(Head::Plain("hint:".to_owned()), hint));
        lines.extend(hint);
    }
    lines.push(sum(findings));
    lines
}

fn sum(findings: &[Finding]) -> Line {
    let count = |level, noun: &str| match findings.iter().filter(|finding| finding.level == level).count() {
        0 => None,
        1 => Some(format!("1 {noun}")),
        several => Some(format!("{several} {noun}s")),
    };
    let counts: Vec<String> = [count(Severity::Error, "error"), count(Severity::Warning, "warning")]
        .into_iter()
        .flatten()
        .collect();
    match (worst(findings), counts.is_empty()) {
        (_, true) => Line::status("Finished", "nothing is wrong"),
        (Severity::Error, _) => Line::new(Head::Fault("Finished".to_owned()), counts.join(", ")),
        _ => Line::new(Head::Attention("Finished".to_owned()), counts.join(", ")),
    }
}

pub(super) fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Severity::Ok)
}
