//! The look of text: what SGR sequences have set (ECMA-48, `CSI … m`), and the link of OSC 8.
//!
//! Pure.

/// Attributes, colours and a link. Normalised, so that any history of sequences stays small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Style {
    aspects: Vec<Aspect>,
    /// `PARAMETERS;URI`, empty without a link.
    link: Vec<u8>,
}

/// One thing that a sequence has set, such as the text colour.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Aspect {
    /// The code that unsets it.
    off: u8,
    /// Another value of the same kind replaces it.
    kind: u8,
    parameters: String,
}

impl Style {
    pub(super) fn is_plain(&self) -> bool {
        self.aspects.is_empty() && self.link.is_empty()
    }

    /// Applies the parameters of an SGR sequence.
    pub(super) fn apply(&mut self, parameters: &str) {
        let mut rest = parameters.split(';');
        while let Some(parameter) = rest.next() {
            let (code, with_value) =
                parameter.split_once(':').map_or((parameter, None), |(code, value)| (code, Some(value)));
            let code: u8 = if code.is_empty() { 0 } else { code.parse().unwrap_or(u8::MAX) };
            let mut parameters = parameter.to_owned();
            if matches!(code, 38 | 48 | 58) && with_value.is_none() {
                // `5;INDEX` or `2;RED;GREEN;BLUE`.
                let values = match rest.next() {
                    Some("5") => {
                        parameters.push_str(";5");
                        1
                    }
                    Some("2") => {
                        parameters.push_str(";2");
                        3
                    }
                    _ => return,
                };
                for _ in 0..values {
                    let Some(value) = rest.next() else { return };
                    parameters.push(';');
                    parameters.push_str(value);
                }
            }
            match code {
                0 => self.aspects.clear(),
                4 if with_value == Some("0") => self.aspects.retain(|aspect| aspect.off != 24),
                _ => match kind(code) {
                    Some((off, kind)) => {
                        self.aspects.retain(|aspect| aspect.kind != kind);
                        self.aspects.push(Aspect { off, kind, parameters });
                    }
                    None => self.aspects.retain(|aspect| aspect.off != code),
                },
            }
        }
    }

    /// Sets or ends the link, given what follows `8;` in OSC 8.
    pub(super) fn set_link(&mut self, link: &[u8]) {
        self.link = if link.ends_with(b";") { Vec::new() } else { link.to_owned() };
    }

    /// Appends the sequences that change text of this look to another.
    pub(super) fn change_to(&self, next: &Self, text: &mut Vec<u8>) {
        if self.aspects != next.aspects {
            if !self.aspects.is_empty() {
                text.extend_from_slice(b"\x1b[0m");
            }
            if !next.aspects.is_empty() {
                let set: Vec<&str> = next.aspects.iter().map(|aspect| &*aspect.parameters).collect();
                text.extend_from_slice(b"\x1b[");
                text.extend_from_slice(set.join(";").as_bytes());
                text.push(b'm');
            }
        }
        if self.link != next.link {
            text.extend_from_slice(b"\x1b]8;");
            text.extend_from_slice(if next.link.is_empty() { b";" } else { &next.link });
            text.extend_from_slice(b"\x1b\\");
        }
    }
}

/// Returns the code that unsets what `code` sets, and the kind of it.
fn kind(code: u8) -> Option<(u8, u8)> {
    Some(match code {
        1 | 2 => (22, code),
        3 => (23, 3),
        4 | 21 => (24, 4),
        5 | 6 => (25, 5),
        7 => (27, 7),
        8 => (28, 8),
        9 => (29, 9),
        30..=38 | 90..=97 => (39, 38),
        40..=48 | 100..=107 => (49, 48),
        51 | 52 => (54, 51),
        53 => (55, 53),
        58 => (59, 58),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the sequences of a look after these parameters.
    fn set(parameters: &[&str]) -> String {
        let mut style = Style::default();
        for parameters in parameters {
            style.apply(parameters);
        }
        let mut text = Vec::new();
        Style::default().change_to(&style, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn sequences_add_up() {
        for (parameters, expected) in [
            (&["1", "31"][..], "\x1b[1;31m"),
            (&["31", "32"], "\x1b[32m"),
            (&["1;38;5;208", "48;2;1;2;3"], "\x1b[1;38;5;208;48;2;1;2;3m"),
            (&["38:2::1:2:3", "94"], "\x1b[94m"),
            (&["4:3", "58;5;1"], "\x1b[4:3;58;5;1m"),
            (&["4", "4:0"], ""),
            (&["1;2", "22"], ""),
            (&["1;31", ""], ""),
            (&["1;31", "0;4"], "\x1b[4m"),
            (&["31", "39"], ""),
            // Cut short, unknown, nonsense.
            (&["38;5", "38", "38;2;1", "10", "999", "x", ";"], ""),
        ] {
            assert_eq!(set(parameters), expected, "{parameters:?}");
        }
    }

    #[test]
    fn a_change_resets_first() {
        let (mut one, mut other, mut text) = (Style::default(), Style::default(), Vec::new());
        one.apply("31");
        other.apply("1");
        other.set_link(b";https://example.org");
        one.change_to(&other, &mut text);
        assert_eq!(text, b"\x1b[0m\x1b[1m\x1b]8;;https://example.org\x1b\\");
        text.clear();
        other.change_to(&Style::default(), &mut text);
        assert_eq!(text, b"\x1b[0m\x1b]8;;\x1b\\");
        other.set_link(b";");
        other.apply("0");
        assert!(other.is_plain());
    }
}
