//! Tables and laws of the lines.

use proptest::prelude::*;

use super::*;

/// Returns the lines of a stream that is read in these pieces.
fn lines_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let (mut lines, mut told) = (Lines::default(), Vec::new());
    let mut tell = |line: Line<'_>| told.push(line.text.into_owned());
    pieces.into_iter().for_each(|piece| lines.take(piece, &mut tell));
    lines.end(&mut tell);
    told
}

#[test]
fn what_stays_of_a_line() {
    for (written, expected) in [
        ("plain\n", "plain"),
        ("carriage\r\n", "carriage"),
        ("a\ttab\n", "a\ttab"),
        // Progress.
        ("10 %\r50 %\r100 %\n", "100 %"),
        ("10 %\r100 %\r\n", "100 %"),
        ("10 %\x1b[1G20 %\n", "20 %"),
        ("a long text\rshort\n", "short"),
        ("working\r\x1b[K\n", ""),
        ("working\x1b[2K\rdone\n", "done"),
        ("not erased\x1b[K\n", "not erased"),
        // Colours.
        ("\x1b[31mred\x1b[0m plain\n", "\x1b[31mred\x1b[0m plain"),
        ("\x1b[31mred\n", "\x1b[31mred\x1b[0m"),
        ("\x1b[1m\x1b[31mboth\x1b[m\n", "\x1b[1;31mboth\x1b[0m"),
        ("\x1b[31m\x1b[0mnone\n", "none"),
        ("\x1b[31mold\rnew\n", "\x1b[31mnew\x1b[0m"),
        ("\x1b[?25lnot a colour\x1b[?1m\x1b[>4;2m\n", "not a colour"),
        // Links.
        ("\x1b]8;;http://a\x07here\x1b]8;;\x07 it is\n", "\x1b]8;;http://a\x1b\\here\x1b]8;;\x1b\\ it is"),
        ("\x1b]8;id=1;http://a\x1b\\here\n", "\x1b]8;id=1;http://a\x1b\\here\x1b]8;;\x1b\\"),
        // Everything else that a terminal obeys.
        ("\x1b]0;title\x07text\n", "text"),
        ("\x1b]0;title\x1b\\text\n", "text"),
        ("\x1b[2J\x1b[3;4Hup\x1b[Adown\n", "updown"),
        ("\x1b[?1049h\x1bcscreen\x1b[?1049l\n", "screen"),
        ("\x1bPq#0;2;0;0;0\x1b\\sixel\x1b_Gkitty\x1b\\\n", "sixel"),
        ("\x1b(Bcharset\x1b7\x1b8\n", "charset"),
        ("bell\x07 back\x08 null\0 delete\x7f\n", "bell back null delete"),
        ("high\u{9b}31m\u{85}\n", "high31m"),
        ("cancelled \x1b[3\x18text\n", "cancelled text"),
        // Cut short, a sequence ends with its line.
        ("\x1b]0;title\ntext\n", "|text"),
        ("\x1b[31\ntext", "|text"),
        ("\x1bP\ntext", "|text"),
        ("\x1b[3é\n", "é"),
        ("\x1b]8;;http://a\x1b[1mbold\n", "\x1b[1mbold\x1b[0m"),
        ("no end", "no end"),
        ("", ""),
        ("\n\n", "|"),
    ] {
        assert_eq!(lines_of([written.as_bytes()]).join("|"), expected, "{written:?}");
    }
}

#[test]
fn colours_are_set_again_on_the_next_line() {
    let lines = lines_of([&b"\x1b[1;32mone\n\ntwo\x1b[0m\nthree\n"[..]]);
    assert_eq!(lines, ["\x1b[1;32mone\x1b[0m", "", "\x1b[1;32mtwo\x1b[0m", "three"]);
}

#[test]
fn what_is_no_text_is_marked() {
    assert_eq!(lines_of([&b"a\xff\xc3b\n"[..]]), ["a\u{fffd}\u{fffd}b"]);
}

/// Returns the unfinished line, as `text`, `rest`, `continues`, `rewritten`.
fn part(lines: &mut Lines, written: &str) -> Option<(String, String, bool, bool)> {
    lines.take(written.as_bytes(), &mut |line| panic!("{line:?}"));
    lines.part().map(|part| (part.text.into_owned(), part.rest.into_owned(), part.continues, part.rewritten))
}

#[test]
fn an_unfinished_line_is_told_in_parts() {
    let mut lines = Lines::default();
    let told = |text: &str, rest: &str, continues, rewritten| {
        Some((text.to_owned(), rest.to_owned(), continues, rewritten))
    };
    assert_eq!(part(&mut lines, ""), None);
    assert_eq!(
        part(&mut lines, "\x1b[31mPass"),
        told("\x1b[31mPass\x1b[0m", "\x1b[31mPass\x1b[0m", false, false)
    );
    assert_eq!(part(&mut lines, "\x1b[31"), None);
    let word = "\x1b[31mPass\x1b[0m\x1b[31mword\x1b[0m";
    assert_eq!(part(&mut lines, "mword"), told(word, "\x1b[31mword\x1b[0m", true, false));
    assert_eq!(part(&mut lines, "\x1b[0m\r"), None);
    assert_eq!(part(&mut lines, "10 %"), told("10 %", "10 %", true, true));
    assert_eq!(part(&mut lines, "."), told("10 %.", ".", true, false));
    // Erased: there is nothing to see, which is news.
    assert_eq!(part(&mut lines, "\r\x1b[K"), told("", "", true, true));
    assert_eq!(part(&mut lines, ""), None);
    let mut ended = Vec::new();
    lines
        .take(b"end\nnext", &mut |line| ended.push((line.rest.into_owned(), line.continues, line.rewritten)));
    assert_eq!(ended, [("end".to_owned(), true, false)]);
    assert_eq!(part(&mut lines, ""), told("next", "next", false, false));

    let mut lines = Lines::default();
    lines.take(b"\xe2\x82", &mut |line| panic!("{line:?}"));
    assert_eq!(lines.part(), None, "the letter is not there yet");
    lines.take(b"\xac", &mut |line| panic!("{line:?}"));
    assert_eq!(lines.part().unwrap().text, "€");
}

#[test]
fn endless_lines_and_sequences_take_no_more_memory() {
    for endless in [&b"x"[..], "€".as_bytes(), b"\x1b[31mx\x1b[32my", b"\x80", b"\x1b]8;;x", b"\x1b[1;"] {
        let (mut lines, mut longest) = (Lines::default(), 0);
        let chunk = endless.repeat(10_000);
        for _ in 0..20 {
            lines.take(&chunk, &mut |line| longest = longest.max(line.text.len()));
            assert!(lines.line.len() <= MAX_LINE + 100 && lines.sequence.len() <= MAX_SEQUENCE + 1);
        }
        // A byte that is no text takes three as `U+FFFD`.
        assert!(longest <= 3 * (MAX_LINE + 100), "{longest}");
    }
    let text = "é".repeat(MAX_LINE);
    assert_eq!(lines_of([text.as_bytes()]).concat(), text, "cut between letters");
}

/// Streams in which sequences, their fragments and text are frequent.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        "[a-zé€\u{1f980} ]{0,9}".prop_map(String::into_bytes),
        prop::sample::select(vec!["\n", "\r", "\r\n", "\x1b", "\x1b[", "\x1b]", "\x1b]8;;u\x07", "\x1b\\"])
            .prop_map(|text| text.as_bytes().to_vec()),
        "\x1b\\[[0-9;:?]{0,6}[mKGHJA]".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_reads_do_not_matter(stream in streams(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        let mut from = 0;
        let pieces = cuts.iter().map(|&to| {
            let piece = &stream[from..to];
            from = to;
            piece
        });
        prop_assert_eq!(lines_of(pieces.collect::<Vec<_>>()), lines_of([&stream[..]]));
    }

    #[test]
    fn text_passes_unchanged(text in "[^\\p{Cc}]{0,20}(\n[^\\p{Cc}]{0,20}){0,5}") {
        let lines = lines_of([text.as_bytes()]);
        prop_assert_eq!(lines.join("\n"), text.strip_suffix('\n').unwrap_or(&text));
    }

    /// No line moves the cursor, changes the screen, or colours the next one.
    #[test]
    fn lines_are_tame(stream in streams()) {
        for line in lines_of([&stream[..]]) {
            let plain = plain(&line);
            prop_assert!(!plain.contains(|letter: char| letter.is_control() && letter != '\t'), "{:?}", line);
            let mut left = Style::default();
            for sequence in line.split("\x1b[").skip(1) {
                let (parameters, _) = sequence.split_once('m').expect("a colour");
                left.apply(parameters);
            }
            prop_assert!(left.is_plain(), "{:?}", line);
        }
    }

    /// What is told in parts is the line in the end.
    #[test]
    fn parts_add_up(stream in streams(), size in 1..7_usize) {
        let (mut lines, mut shown, mut whole) = (Lines::default(), String::new(), Vec::new());
        let mut same = Vec::new();
        for piece in stream.chunks(size) {
            lines.take(piece, &mut |line| {
                if line.rewritten {
                    shown.clear();
                }
                shown.push_str(&line.rest);
                same.push((std::mem::take(&mut shown), line.text.clone().into_owned()));
                whole.push(plain(&line.text));
            });
            if let Some(part) = lines.part() {
                if part.rewritten {
                    shown.clear();
                }
                shown.push_str(&part.rest);
            }
        }
        for (shown, text) in same {
            prop_assert_eq!(shown, text);
        }
        let at_once = lines_of([&stream[..]]);
        for (parts, line) in whole.iter().zip(&at_once) {
            prop_assert_eq!(parts, &plain(line));
        }
    }
}
