//! Command lines, how they parse, and the errors of wrong ones.

use std::ffi::OsString;

use super::*;

fn typed(line: &str) -> Result<Cli, CliError> {
    parse(line.split(' ').map(OsString::from))
}

fn options(line: &str) -> RunOptions {
    match typed(line).unwrap().command {
        Command::Run(options) | Command::Config { options, .. } => *options,
        other => panic!("`{line}` gave {other:?}"),
    }
}

/// Returns the error and its hint, one per line.
fn refused(line: &str) -> String {
    let error = typed(line).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{line}");
    match error.hint() {
        Some(hint) => format!("{error}\n{hint}"),
        None => error.to_string(),
    }
}

#[test]
fn clap_finds_no_fault() {
    command(Invocation::Direct).debug_assert();
    command(Invocation::Cargo).debug_assert();
}

#[test]
fn short_help_shows_the_ten_daily_options() {
    let command = command(Invocation::Direct);
    let daily: Vec<_> = command
        .get_arguments()
        .filter(|option| !option.is_hide_short_help_set() && !option.is_positional())
        .map(|option| option.get_id().as_str())
        .filter(|id| !["help", "version"].contains(id))
        .collect();
    assert_eq!(
        daily,
        ["package", "bin", "example", "features", "release", "watch", "env", "listen", "update", "clear"]
    );
}

#[test]
fn the_word_of_cargo_is_dropped() {
    for line in ["cargo-hotrun hotrun -r", "/bin/cargo-hotrun -r", "hotrun hotrun -r"] {
        let cli = typed(line).unwrap();
        assert_eq!(cli.invocation, Invocation::Cargo, "{line}");
        assert!(options(line).cargo.release, "{line}");
    }
    assert_eq!(typed("hotrun -r").unwrap().invocation, Invocation::Direct);
}

#[test]
fn usage_names_what_was_called() {
    let usage = |line| typed(line).unwrap_err().to_string();
    assert!(usage("cargo-hotrun hotrun --help").contains("Usage: cargo hotrun [run]"));
    assert!(usage("cargo-hotrun hotrun config --help").contains("Usage: cargo hotrun config"));
    assert!(usage("hotrun --help").contains("Usage: hotrun [run]"));
    assert_eq!(typed("hotrun --help").unwrap_err().exit_code(), 0);
    assert_eq!(typed("hotrun -V").unwrap_err().exit_code(), 0);
}

#[test]
fn options_stand_before_and_after_the_subcommand() {
    let all = [
        "-w a -w b --bin api",
        "run -w a -w b --bin api",
        "-w a run -w b --bin api",
        "-w a -w b --bin api run",
    ];
    for line in all {
        let cli = typed(&format!("hotrun {line}")).unwrap();
        let Command::Run(options) = cli.command else { panic!("{line}") };
        assert_eq!(options.settings.words("watch").unwrap(), ["a", "b"], "{line}");
        assert_eq!(options.cargo.bin.as_deref(), Some("api"), "{line}");
    }
    assert!(matches!(typed("hotrun -r config --bin x").unwrap().command, Command::Config { .. }));
    let Command::Doctor { options: doctor, json } = typed("hotrun -r doctor --json").unwrap().command else {
        panic!("no doctor")
    };
    assert!(doctor.cargo.release && json);
    let Command::Init(init) = typed("hotrun init -p api").unwrap().command else { panic!("no init") };
    assert_eq!(init.package.as_deref(), Some("api"));
    assert_eq!(options("hotrun --bin run run").cargo.bin.as_deref(), Some("run"));
    assert_eq!(options("hotrun --bin config -- run").args, ["run"]);
    assert_eq!(
        typed("hotrun completions fish").unwrap().command,
        Command::Completions { shell: Shell::Fish }
    );
    assert_eq!(typed("hotrun man").unwrap().command, Command::Man);
    for line in ["hotrun --bin api wait --timeout 5s --json", "hotrun wait --json --timeout=5s --bin api"] {
        let Command::Wait(options) = typed(line).unwrap().command else { panic!("{line}") };
        assert_eq!(options.control.selection.bin.as_deref(), Some("api"), "{line}");
        assert!(options.control.json && options.timeout.as_deref() == Some("5s"), "{line}");
    }
    assert!(matches!(typed("cargo-hotrun hotrun -r status").unwrap().command, Command::Status(_)));
    let Command::Restart(restart) = typed("hotrun -r restart api worker").unwrap().command else {
        panic!("no restart")
    };
    assert!(restart.selection.release && restart.services == ["api", "worker"]);
    assert!(refused("hotrun wait api --listen 3000").contains("--listen"));
    let Command::Up { options, timeout, json } =
        typed("cargo-hotrun hotrun -r up --listen 3000 --timeout 5s --json -- up").unwrap().command
    else {
        panic!("no up")
    };
    assert!(options.cargo.release && options.args == ["up"] && json && timeout.as_deref() == Some("5s"));
    assert_eq!(Selection::from(&options.cargo), Selection { release: true, ..Selection::default() });
    // Options of `run` that these do not have are refused.
    assert!(refused("hotrun stop --listen 3000").contains("--listen"));
    assert!(refused("hotrun -w a wait").contains("-w"));
}

#[test]
fn options_arrive_as_typed() {
    let options = options(
        "hotrun -rqj4 -p shop --example demo -Fa,b --features c --locked --config a.b=1 -Zfoo --poll --update overlap \
         --listen 3000 --listen udp:53 -E A=1 --env B=2 --env-file .env --events e.jsonl -cN --once -- -x --bin run",
    );
    assert_eq!(options.args, ["-x", "--bin", "run"]);
    assert_eq!(options.cargo.jobs.as_deref(), Some("4"));
    assert_eq!(options.cargo.features, ["a,b", "c"]);
    assert_eq!(options.cargo.manifest.config, ["a.b=1"]);
    assert_eq!(options.cargo.manifest.unstable, ["foo"]);
    assert_eq!(options.settings.words("poll").unwrap(), ["always"]);
    assert_eq!(options.settings.words("listen").unwrap(), ["3000", "udp:53"]);
    assert_eq!(options.settings.words("env").unwrap(), ["A=1", "B=2"]);
    assert!(options.own.quiet && options.own.once);
}

#[test]
fn numbers_of_flags() {
    assert_eq!(options("hotrun -vv").own.verbose, 2);
    assert_eq!(options("hotrun --poll=500ms").settings.words("poll").unwrap(), ["500ms"]);
    assert_eq!(options("hotrun -j -1").cargo.jobs.as_deref(), Some("-1"));
}

#[test]
fn newcomers_get_an_exact_hint() {
    let cases = [
        (
            "cargo-hotrun hotrun input.txt",
            "unexpected argument `input.txt`\narguments for the program go after `--`: `cargo hotrun -- input.txt`",
        ),
        (
            "hotrun --bin api in.txt --fast",
            "unexpected argument `in.txt`\narguments for the program go after `--`: `hotrun --bin api -- in.txt --fast`",
        ),
        (
            "hotrun -r run main.rs -- x",
            "unexpected argument `main.rs`\narguments for the program go after `--`: `hotrun run -r -- main.rs x`",
        ),
        (
            "hotrun main.rs",
            "unexpected argument `main.rs`\narguments for the program go after `--`: `hotrun -- main.rs`",
        ),
        (
            "cargo-hotrun hotrun -x run",
            "there is no option `-x`: running the program is all hotrun does\ntype `cargo hotrun`",
        ),
        (
            "hotrun -x test",
            "hotrun runs a program and cannot do `cargo test`\n\
             leave out `test` to run the program; a watcher such as `bacon` repeats `cargo test`",
        ),
        (
            "hotrun -x",
            "there is no option `-x`: hotrun runs the program of a cargo package, not a command\n\
             type `hotrun` to run the program",
        ),
        (
            "hotrun check",
            "hotrun runs a program and cannot do `cargo check`\n\
             leave out `check` to run the program; a watcher such as `bacon` repeats `cargo check`",
        ),
        (
            "cargo-hotrun hotrun +nightly -r",
            "`+nightly` is not an argument of hotrun: rustup reads the toolchain before it starts cargo\n\
             type `cargo +nightly hotrun -r`",
        ),
        (
            "cargo-hotrun hotrun watch -r",
            "there is no command `watch`: following edits is all hotrun does\ntype `cargo hotrun -r`",
        ),
        (
            "hotrun --message-format=json",
            "`--message-format` cannot be set: hotrun reads cargo's messages itself\n\
             `--events <PATH>` writes every diagnostic as JSON",
        ),
        (
            "hotrun run --message-format json",
            "`--message-format` cannot be set: hotrun reads cargo's messages itself\n\
             `--events <PATH>` writes every diagnostic as JSON",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(refused(line), expected, "{line}");
    }
    let line = ["hotrun", "-x", "run --bin api"].map(OsString::from);
    assert_eq!(parse(line).unwrap_err().hint().unwrap(), "type `hotrun --bin api`");
    let line = ["hotrun", "it's me"].map(OsString::from);
    assert_eq!(
        parse(line).unwrap_err().hint().unwrap(),
        r"arguments for the program go after `--`: `hotrun -- 'it'\''s me'`"
    );
}

#[test]
fn near_misses_are_suggested() {
    assert!(refused("hotrun --wath x").contains("'--watch'"));
    assert_eq!(
        refused("hotrun confg"),
        "no such command: `confg`\n`hotrun --bin confg` runs that program, `hotrun -- confg` passes the word to the program; a similar command is `hotrun config`"
    );
    // Whatever was meant: an unclear word must not stop anything.
    let shop = refused("hotrun shop");
    assert!(shop.contains("`hotrun --bin shop`") && shop.contains("`hotrun -- shop`"), "{shop}");
    assert!(!shop.contains("did you mean"), "{shop}");
    assert!(refused("hotrun --update overlp").contains("'overlap'"));
}

#[test]
fn conflicts_are_refused() {
    for line in ["--bin a --example b", "-q -v", "--bin a --bin b", "--bin a run --example b", "-r man"] {
        assert!(!refused(&format!("hotrun {line}")).is_empty());
    }
}

#[test]
fn the_manual_page_explains_every_option() {
    // roff escapes of hyphen and apostrophe.
    let page = man().replace("\\-", "-").replace("\\*(Aq", "'");
    for option in command(Invocation::Direct).get_arguments() {
        let help = option.get_help().unwrap().to_string();
        assert!(page.contains(&help), "no {help:?} in the manual page");
    }
}
