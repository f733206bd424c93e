//! A line for people: a head, whose colour tells what kind of line it is, and a text.
//!
//! Pure. A status line has a right-aligned verb of twelve columns, as cargo's.

use super::fit;

/// The beginning of a line, which determines its colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A green verb.
    Status(String),
    /// A yellow verb: worth noticing, but no fault.
    Attention(String),
    /// A red verb.
    Fault(String),
    /// A dim verb: it merely happens.
    Plain(String),
    /// `error:`
    Error,
    /// `warning:`
    Warning,
    /// `note:`
    Note,
    /// `  hint:`
    Hint,
}

/// A line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub head: Head,
    pub text: String,
    /// Shown with `-q` too: a crash is, a change is not.
    pub(super) important: bool,
    /// Files at the end of the line; as many are shown as fit.
    pub(super) files: Vec<String>,
}

impl Head {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Status(verb) | Self::Attention(verb) | Self::Fault(verb) | Self::Plain(verb) => {
                format!("{verb:>12}")
            }
            Self::Error => "error:".to_owned(),
            Self::Warning => "warning:".to_owned(),
            Self::Note => "note:".to_owned(),
            Self::Hint => "  hint:".to_owned(),
        }
    }
}

impl Line {
    pub fn status(verb: &str, text: impl Into<String>) -> Self {
        Self::new(Head::Status(verb.to_owned()), text)
    }

    pub(super) fn plain_verb(verb: &str, text: impl Into<String>) -> Self {
        Self::new(Head::Plain(verb.to_owned()), text)
    }

    pub(super) fn fault(verb: &str, text: impl Into<String>) -> Self {
        Self::new(Head::Fault(verb.to_owned()), text)
    }

    pub(super) fn attention(verb: &str, text: impl Into<String>) -> Self {
        Self::new(Head::Attention(verb.to_owned()), text)
    }

    /// Errors, warnings and hints are shown with `-q` too.
    pub(crate) fn new(head: Head, text: impl Into<String>) -> Self {
        let important = !matches!(head, Head::Status(_) | Head::Plain(_) | Head::Note);
        Self { head, text: fit::printable(&text.into()), important, files: Vec::new() }
    }

    /// Hides the line with `-q`.
    pub(super) fn unimportant(self) -> Self {
        Self { important: false, ..self }
    }

    /// Returns the text after the head, fitted to a terminal's width.
    pub(super) fn body(&self, width: Option<usize>) -> String {
        const SHOWN: usize = 3;
        let indent = self.head.text().len() + 1;
        if self.files.is_empty() {
            return fit::wrap(&self.text, indent, width);
        }
        let room = width.map(|width| width.saturating_sub(indent + self.text.len()));
        self.text.clone() + &fit::list(&self.files, SHOWN, room)
    }

    /// Renders the line without colours, fitted to a terminal's width.
    pub fn fitted(&self, width: Option<usize>) -> String {
        format!("{} {}", self.head.text(), self.body(width))
    }

    /// Renders the line without colours, unwrapped.
    pub fn plain(&self) -> String {
        self.fitted(None)
    }
}
