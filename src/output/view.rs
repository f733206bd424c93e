//! How the lines of several services stand together in one place: each with its name, never in one another.
//!
//! Pure.

use super::lines::Line;
use crate::words::Instance;

/// The colours of names, in turn: none of an error, and not that of hotrun's own words.
const COLORS: [u8; 8] = [36, 35, 34, 33, 96, 95, 94, 93];

const RESET: &str = "\x1b[0m";

/// Returns what is put before the lines of each service, aligned. One alone has no prefix.
pub fn prefixes(names: &[String], colors: bool) -> Vec<String> {
    if names.len() == 1 {
        return Vec::new();
    }
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let prefix = |(index, name): (usize, &String)| {
        let color = COLORS[index % COLORS.len()];
        if colors { format!("\x1b[{color}m{name:width$} |{RESET} ") } else { format!("{name:width$} | ") }
    };
    names.iter().enumerate().map(prefix).collect()
}

/// Returns the columns that prefixes take.
pub(super) fn width(names: &[String]) -> usize {
    names.iter().map(|name| name.len() + " | ".len()).max().filter(|_| names.len() > 1).unwrap_or(0)
}

/// Whose unfinished line the cursor stands on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cursor(Option<(Instance, bool)>);

impl Cursor {
    /// Appends a line, or with `ends` false a part of one, of a stream of an instance (`is_stderr` tells its
    /// two apart). On a `terminal` an overwritten part is overwritten.
    pub(super) fn write(
        &mut self,
        line: &Line<'_>,
        (instance, is_stderr): (Instance, bool),
        (ends, terminal): (bool, bool),
        prefixes: &[String],
        text: &mut String,
    ) {
        let who = (instance, is_stderr);
        let goes_on = self.0 == Some(who) && line.continues;
        if goes_on && !line.rewritten {
            text.push_str(&line.rest);
        } else {
            if self.0.is_some() {
                text.push_str(if goes_on && terminal { "\r\x1b[K" } else { "\n" });
            }
            let prefix = prefixes.get(usize::from(instance.service.0));
            text.push_str(prefix.map_or("", String::as_str));
            text.push_str(if line.rewritten { &line.text } else { &line.rest });
        }
        if ends {
            text.push('\n');
        }
        self.0 = (!ends).then_some(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::lines::Lines;
    use crate::words::ServiceId;

    fn instance(service: u16) -> Instance {
        Instance { service: ServiceId(service), number: 1 }
    }

    /// Plays what two services write; an empty text shows what is there of an unfinished line.
    fn play(written: &[(u16, &str)], terminal: bool) -> String {
        let prefixes = prefixes(&["api".to_owned(), "db".to_owned()], false);
        let (mut cursor, mut text, mut lines) =
            (Cursor::default(), String::new(), [(); 2].map(|()| Lines::default()));
        for &(service, bytes) in written {
            let who = (instance(service), false);
            let lines = &mut lines[usize::from(service)];
            lines.take(bytes.as_bytes(), &mut |line| {
                cursor.write(&line, who, (true, terminal), &prefixes, &mut text);
            });
            if bytes.is_empty()
                && let Some(part) = lines.part()
            {
                cursor.write(&part, who, (false, terminal), &prefixes, &mut text);
            }
        }
        text
    }

    #[test]
    fn lines_are_whole_and_named() {
        for (written, expected) in [
            (&[(0, "one\n"), (1, "two\nthree\n")][..], "api | one\ndb  | two\ndb  | three\n"),
            // Nothing is seen of a line before its end or its time.
            (&[(0, "on"), (1, "two\n"), (0, "e\n")], "db  | two\napi | one\n"),
            (&[(0, "name? "), (0, ""), (0, "Ada\n")], "api | name? Ada\n"),
            (
                &[(0, "name? "), (0, ""), (1, "two\n"), (0, "Ada\n"), (0, "next\n")],
                "api | name? \ndb  | two\napi | Ada\napi | next\n",
            ),
            (&[(0, "a"), (0, ""), (1, "b"), (1, ""), (0, "c"), (0, "")], "api | a\ndb  | b\napi | c"),
        ] {
            assert_eq!(play(written, true), expected, "{written:?}");
            assert_eq!(play(written, false), expected, "{written:?}");
        }
    }

    #[test]
    fn progress_is_overwritten_where_it_can_be() {
        let progress = [(0, "10 %"), (0, ""), (0, "\r20 %"), (0, ""), (0, "\r30 %\n")];
        assert_eq!(play(&progress, true), "api | 10 %\r\x1b[Kapi | 20 %\r\x1b[Kapi | 30 %\n");
        assert_eq!(play(&progress, false), "api | 10 %\napi | 20 %\napi | 30 %\n");
        let beside = [(0, "10 %"), (0, ""), (1, "db\n"), (0, "\r20 %\n")];
        assert_eq!(play(&beside, true), "api | 10 %\ndb  | db\napi | 20 %\n");
    }

    #[test]
    fn names_are_coloured_apart() {
        let names = ["a".to_owned(), "web".to_owned()];
        assert_eq!(prefixes(&names, true), ["\x1b[36ma   |\x1b[0m ", "\x1b[35mweb |\x1b[0m "]);
        assert_eq!(width(&names), 6);
        assert_eq!((prefixes(&names[..1], true).len(), width(&names[..1])), (0, 0));
    }
}
