//! Fits text to a terminal: measures it, shortens it in the middle, wraps it between words.
//!
//! Pure. Widths are in columns: a wide character takes two, a combining one none. Texts have no escape
//! sequences here; colours are added afterwards.

use console::measure_text_width;

const ELLIPSIS: &str = "…";
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// In fewer columns than this, lines are left to the terminal to break.
const NARROWEST: usize = 20;

/// Escapes control characters: a file name may contain any, and must not drive the terminal.
pub(super) fn printable(text: &str) -> String {
    let visible = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\t');
    if text.chars().all(visible) {
        return text.to_owned();
    }
    let escaped =
        |letter: char| if visible(letter) { letter.to_string() } else { letter.escape_default().to_string() };
    text.chars().map(escaped).collect()
}

/// Splits text into characters with everything combined with or joined to them.
fn clusters(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = Vec::new();
    let mut joined = false;
    for (at, letter) in text.char_indices() {
        let zero = measure_text_width(letter.encode_utf8(&mut [0; 4])) == 0;
        if starts.is_empty() || !(zero || joined) {
            starts.push(at);
        }
        joined = letter == ZERO_WIDTH_JOINER;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &text[start..end]).collect()
}

/// Returns as many clusters as fit into `width` columns.
fn taken<'a>(clusters: impl Iterator<Item = &'a str>, width: usize) -> Vec<&'a str> {
    let mut used = 0;
    let fits = |cluster: &&str| {
        used += measure_text_width(cluster);
        used <= width
    };
    clusters.take_while(fits).collect()
}

/// Shortens text in the middle to at most `width` columns, keeping as much of the file name at its end as
/// fits.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let name = text.rfind('/').map_or(0, |slash| measure_text_width(&text[slash..]));
    let end = name.clamp(room - room / 3, room);
    let clusters = clusters(text);
    let first = taken(clusters.iter().copied(), room - end).concat();
    let mut last = taken(clusters.iter().rev().copied(), room - measure_text_width(&first));
    last.reverse();
    first + ELLIPSIS + &last.concat()
}

/// Joins as many names as fit into `width` columns, at most `most` (`most` if the width is unknown), and
/// counts the rest.
pub(super) fn list(names: &[String], most: usize, width: Option<usize>) -> String {
    let more = |shown: usize| match names.len() - shown {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let most = most.min(names.len());
    let full = |shown: usize| names[..shown].join(", ") + &more(shown);
    let Some(width) = width.filter(|_| most > 0) else { return full(most) };
    let fitting = (1..=most).rev().map(full).find(|text| measure_text_width(text) <= width);
    fitting.unwrap_or_else(|| {
        let more = more(1);
        shorten(&names[0], width.saturating_sub(more.len()).max(NARROWEST / 2)) + &more
    })
}

/// Splits a line into words. A text between backticks is one word, so that it can be copied, unless it is
/// wider than `most`.
fn pieces(line: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let quotes = |end: usize| rest[..end].matches('`').count();
        let ends: Vec<usize> = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]).collect();
        let whole = ends.iter().copied().find(|&end| quotes(end) % 2 == 0);
        let end = whole.filter(|&end| measure_text_width(&rest[..end]) <= most).unwrap_or(ends[0]);
        pieces.push(&rest[..end]);
        rest = rest[end..].strip_prefix(' ').unwrap_or_default();
    }
    pieces
}

/// Wraps text between words at `width` columns. All lines but the first are indented by `indent`; the first
/// starts at that column, after a prefix. A word that does not fit stays whole.
pub(super) fn wrap(text: &str, indent: usize, width: Option<usize>) -> String {
    let Some(room) = width.filter(|width| *width >= NARROWEST + indent).map(|width| width - indent) else {
        return text.to_owned();
    };
    let mut wrapped = String::new();
    for (number, line) in text.split('\n').enumerate() {
        // After a line break in the text, lines start at the margin.
        let (margin, mut left) = if number == 0 { (indent, room) } else { (2, indent + room) };
        if number > 0 {
            wrapped.push('\n');
        }
        let words = line.trim_start_matches(' ');
        let lead = line.len() - words.len();
        wrapped.push_str(&line[..lead]);
        left = left.saturating_sub(lead);
        let margin = margin.max(lead);
        let mut begun = false;
        for word in pieces(words, (indent + room).saturating_sub(margin)) {
            let wide = measure_text_width(word);
            if begun && wide + 1 > left {
                wrapped.push('\n');
                wrapped.extend(std::iter::repeat_n(' ', margin));
                left = (indent + room).saturating_sub(margin);
            } else if begun {
                wrapped.push(' ');
                left -= 1;
            }
            wrapped.push_str(word);
            left = left.saturating_sub(wide);
            begun = true;
        }
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shortened_in_the_middle() {
        let path = "crates/storage/src/backends/postgres/pool.rs";
        assert_eq!(shorten(path, 60), path);
        assert_eq!(shorten(path, 22), "crates/…stgres/pool.rs");
        for width in 1..60 {
            assert!(measure_text_width(&shorten(path, width)) <= width, "{width}");
        }
    }

    #[test]
    fn wide_and_combining_characters_are_measured_and_kept_whole() {
        let wide = "資料/設定/翻訳/日本語.rs";
        let combining = "cafe\u{301}/re\u{301}sume\u{301}/e\u{301}te\u{301}.rs";
        let joined = "👩\u{200d}💻/👩\u{200d}💻/👩\u{200d}💻.rs";
        for text in [wide, combining, joined] {
            for width in 1..30 {
                let short = shorten(text, width);
                assert!(measure_text_width(&short) <= width, "{short:?} in {width}");
                let after = short.split('…').nth(1).unwrap_or_default();
                assert!(!after.starts_with(['\u{301}', '\u{200d}']), "{short:?}");
                assert!(!short.contains("\u{200d}…"), "{short:?}");
            }
        }
        assert_eq!(shorten(wide, 12), "…/日本語.rs");
        assert_eq!(shorten(combining, 9), "c…/e\u{301}te\u{301}.rs");
    }

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(printable("src/\x1b[2Jmain.rs\r"), r"src/\u{1b}[2Jmain.rs\r");
        assert_eq!(printable("two\nlines"), "two\nlines");
    }

    #[test]
    fn a_list_is_cut_to_fit() {
        let names: Vec<String> =
            ["src/main.rs", "src/lib.rs", "a.rs", "b.rs", "c.rs"].map(ToOwned::to_owned).into();
        assert_eq!(list(&names, 3, None), "src/main.rs, src/lib.rs, a.rs and 2 more");
        assert_eq!(list(&names, 3, Some(60)), "src/main.rs, src/lib.rs, a.rs and 2 more");
        assert_eq!(list(&names, 3, Some(36)), "src/main.rs, src/lib.rs and 3 more");
        assert_eq!(list(&names, 3, Some(27)), "src/main.rs and 4 more");
        assert_eq!(list(&names, 3, Some(21)), "s…/main.rs and 4 more");
        assert_eq!(list(&names[..1], 3, Some(40)), "src/main.rs");
        assert_eq!(list(&[], 3, Some(40)), "");
    }

    #[test]
    fn lines_wrap_between_words_with_an_indent() {
        let text = "build 14 failed (3 errors); still running build 13, built 3 min ago";
        assert_eq!(wrap(text, 7, None), text);
        assert_eq!(wrap(text, 7, Some(80)), text);
        assert_eq!(
            wrap(text, 7, Some(40)),
            "build 14 failed (3 errors); still\n       running build 13, built 3 min ago"
        );
        assert_eq!(wrap("one /a/word/that/has/no/room/at/all two", 7, Some(30)).lines().count(), 3);
        assert_eq!(
            wrap("bad\n  caused by: something worse", 7, Some(27)),
            "bad\n  caused by: something\n  worse"
        );
        assert_eq!(wrap("日本語 日本語 日本語 日本語", 2, Some(22)), "日本語 日本語 日本語\n  日本語");
        assert_eq!(wrap("a way out: `hotrun -- x`", 2, Some(22)), "a way out:\n  `hotrun -- x`");
        assert_eq!(wrap("`hotrun --bin api -- x --fast`", 2, Some(22)), "`hotrun --bin api --\n  x --fast`");
        // A line of a user's file, shown unchanged.
        let deep = format!("bad\n{}x", " ".repeat(40));
        assert_eq!(wrap(&deep, 7, Some(30)), deep);
        // Too narrow for wrapping to help.
        assert_eq!(wrap(text, 13, Some(20)), text);
    }
}
