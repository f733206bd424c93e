//! The committed completions in the shells they are for, where those are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::edits::world::{installed, skip};
use super::support::Person;

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(name)
}

/// What is typed, and what has to be offered for its last word.
const OFFERED: &[(&str, &[&str])] = &[
    ("hotrun --upd", &["--update"]),
    ("hotrun --update ", &["restart", "overlap", "manual", "reexec"]),
    ("hotrun --on-start-failure r", &["rollback"]),
    ("hotrun run --update o", &["overlap"]),
    ("hotrun -r --color al", &["always"]),
    ("hotrun comp", &["completions"]),
    ("hotrun completions f", &["fish"]),
    ("hotrun config --manifest", &["--manifest-path"]),
];

/// Runs a script; gives what it printed.
fn output(shell: &str, args: &[&str], script: &str) -> String {
    let output = Command::new(shell).args(args).args(["-c", script]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn offers(shell: &str, line: &str, offered: &str, expected: &[&str]) {
    let words: Vec<&str> = offered.lines().filter_map(|line| line.split('\t').next()).collect();
    assert!(expected.iter().all(|word| words.contains(word)), "{shell}, {line:?}: {words:?}");
}

#[test]
fn bash_completes() {
    if !installed("bash") {
        return skip("completions in bash: it is not installed");
    }
    let script = committed("hotrun.bash");
    for (line, expected) in OFFERED {
        let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
        let [.., before, last] = words.as_slice() else { unreachable!() };
        let offered = output(
            "bash",
            &["--norc"],
            &format!(
                "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _hotrun hotrun {last} {before}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                script.display(),
                words.join(" "),
                words.len() - 1
            ),
        );
        offers("bash", line, &offered, expected);
    }
}

#[test]
fn fish_completes() {
    if !installed("fish") {
        return skip("completions in fish: it is not installed");
    }
    let script = committed("hotrun.fish");
    for (line, expected) in OFFERED {
        let offered =
            output("fish", &["--no-config"], &format!("source '{}'; complete -C '{line}'", script.display()));
        offers("fish", line, &offered, expected);
    }
}

/// zsh completes only while a line is edited: a key of its own prints what the line has become.
#[test]
fn zsh_completes_hotrun_and_cargo_hotrun() {
    if !installed("zsh") {
        return skip("completions in zsh: it is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["_hotrun", "_cargo-hotrun"] {
        fs::copy(committed(name), folder.path().join(name)).unwrap();
    }
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let of_cargo =
        Path::new(String::from_utf8(rustc.stdout).unwrap().trim()).join("share/zsh/site-functions");
    let startup = format!(
        "fpath=({} {} $fpath)\nautoload -U compinit\ncompinit -u -D\nunsetopt beep\n\
         show() {{ print -r -- \"<$BUFFER>\"; BUFFER=; zle reset-prompt }}\n\
         zle -N show\nbindkey '^X' show\nPS1='PROMPT '\n",
        folder.path().display(),
        of_cargo.display()
    );
    fs::write(folder.path().join(".zshrc"), startup).unwrap();
    let settings = folder.path().to_str().unwrap();
    let mut person = Person::shell_in(folder.path(), "zsh -d -i", &[("ZDOTDIR", settings)]);
    let mut becomes = |typed: &str, line: &str| {
        person.types(typed);
        person.types("\t\x18");
        person.sees("<");
        assert_eq!(person.sees(">").trim_end_matches([' ', '=']), line, "{typed}");
        person.sees("PROMPT ");
    };
    for (typed, expected) in OFFERED {
        // With several to choose from the line stays as it is.
        if let [only] = expected {
            let (before, _) = typed.rsplit_once(' ').unwrap();
            becomes(typed, &format!("{before} {only}"));
        }
    }
    becomes("hotrun --update=ov", "hotrun --update=overlap");
    if of_cargo.join("_cargo").exists() {
        becomes("cargo hotrun --upd", "cargo hotrun --update");
        becomes("cargo hotrun --update ov", "cargo hotrun --update overlap");
        becomes("cargo hotrun conf", "cargo hotrun config");
    } else {
        skip("`cargo hotrun` in zsh: the toolchain has no completions of cargo's");
    }
}
