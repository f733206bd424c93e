//! The syntax of env files.

use crate::config::env_file::parse;
use std::collections::BTreeMap;

use proptest::prelude::*;

fn read(text: &str) -> Vec<(String, String)> {
    let mut variables = BTreeMap::from([("ABOVE".to_owned(), "earlier".to_owned())]);
    let inherited = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
    parse(text, &inherited, &mut variables)
        .unwrap_or_else(|error| panic!("{text:?}: {error} in line {}", error.line));
    variables.remove("ABOVE");
    variables.into_iter().collect()
}

#[test]
fn values_of_every_kind() {
    let cases = [
        ("", ""),
        ("v", "v"),
        ("  v w \t", "v w"),
        ("v # comment", "v"),
        ("v#no", "v#no"),
        ("# comment", ""),
        ("a=b", "a=b"),
        ("it's", "it's"),
        ("'v'", "v"),
        ("'v' # c", "v"),
        ("'a # $HOME \\n'", "a # $HOME \\n"),
        ("'a\nb'", "a\nb"),
        ("\"a b\"", "a b"),
        ("\"a # b\"", "a # b"),
        (r#""a\nb\t\"c\" \\ \$HOME""#, "a\nb\t\"c\" \\ $HOME"),
        (r#""C:\dir\\""#, r"C:\dir\"),
        ("\"one\ntwo\n\"", "one\ntwo\n"),
        ("\"\"", ""),
        ("$HOME/x", "/home/me/x"),
        ("${HOME}x", "/home/mex"),
        ("\"<${HOME}>\"", "</home/me>"),
        ("$ABOVE", "earlier"),
        ("[$NOBODY]", "[]"),
        (r"\$HOME", "$HOME"),
        ("5$ and $5", "5$ and $5"),
        ("v\r", "v"),
        ("ü", "ü"),
    ];
    for (value, expected) in cases {
        for text in
            [format!("K={value}"), format!("export  K = {value}\n"), format!("\u{feff}# x\n\nK={value}\n")]
        {
            assert_eq!(read(&text), [("K".to_owned(), expected.to_owned())], "{text:?}");
        }
    }
}

#[test]
fn lines_without_a_variable() {
    assert_eq!(read("\n  # comment\r\n\r\n\t\n#K=v"), []);
    assert_eq!(read("A=1\r\nB=${A}2\nA=3").len(), 2);
}

#[test]
fn errors_name_the_line() {
    let cases = [
        ("A=1\nnonsense here\n", 2, "expected `KEY=VALUE`, found `nonsense here`"),
        ("\n\n=v", 3, "`` is not the name of a variable"),
        ("1A=v", 1, "`1A` is not the name of a variable"),
        ("A B=v", 1, "`A B` is not the name of a variable"),
        ("A='x\nB=y", 1, "the closing `'` is missing"),
        ("A=\"x\ny\"\nB=\"\\\"", 3, "the closing `\"` is missing"),
        ("A='x' y", 1, "unexpected `y` after the closing `'`"),
        ("A=${X", 1, "the closing `}` is missing"),
        ("A=${a b}", 1, "`a b` is not the name of a variable"),
        ("A=\0", 1, "a variable cannot hold a NUL"),
    ];
    for (text, line, reason) in cases {
        let error = parse(text, &|_| None, &mut BTreeMap::new()).unwrap_err();
        assert_eq!((error.line, &*error.reason), (line, reason), "{text:?}");
    }
}

#[test]
fn values_do_not_grow_beyond_what_a_program_can_be_given() {
    let double = |names: u32, first: &str| -> String {
        let twice = |number: u32| format!("\nK{}=$K{number}${{K{number}}}", number + 1);
        (0..names).fold(format!("K0={first}"), |text, number| text + &twice(number))
    };
    let many = (0..100).map(|number| format!("B{number}=$K17")).collect::<Vec<_>>().join("\n");
    let cases = [
        (double(60, "x"), 19, "the value is longer than 128 KiB, which no program can be given"),
        (
            format!("K=x{}", "y".repeat(1 << 20)),
            1,
            "the value is longer than 128 KiB, which no program can be given",
        ),
        (double(17, "x") + "\n" + &many, 65, "the values are longer altogether than a program can be given"),
    ];
    for (text, line, reason) in cases {
        let error = parse(&text, &|_| None, &mut BTreeMap::new()).unwrap_err();
        assert_eq!((error.line, &*error.reason), (line, reason));
    }
    parse(&double(17, "x"), &|_| None, &mut BTreeMap::new()).unwrap();
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "[A-Z='\"$\\\\{}# \n\r\\PC]{0,40}") {
        let _ = parse(&text, &|_| None, &mut BTreeMap::new());
    }

    #[test]
    fn single_quotes_hold_anything(value in "[^'\0]{0,20}") {
        prop_assert_eq!(read(&format!("K='{value}'")), [("K".to_owned(), value)]);
    }
}
