//! The lines that `hotrun logs` gets. Pure.

/// Which lines a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogsRequest {
    /// How many of the last ones.
    pub lines: usize,
    /// And those that come.
    pub follow: bool,
    /// With their colours and links.
    pub colors: bool,
}

/// A line that a program wrote. The names are public.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    pub service: String,
    /// `stdout`, `stderr`, or `both` where it is one terminal or file.
    pub stream: String,
    pub text: String,
    /// Lines before it are no longer kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

impl LogLine {
    /// One line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings always serialise") + "\n"
    }
}
