//! The text of each error.

use super::*;

#[test]
fn unknown_keys_and_tables() {
    let texts = [
        "[run]\nlisen = []",
        "[watch]\n\nlisten = []",
        "[rnu]\nlisten = []",
        "[server]\nport = 1",
        "[run]\nready_timeout = '5s'",
        "[ui]\ncolour = true",
        "debounce = '5s'",
        "[run]\nevents = 'x'",
        "[[rule]]\npaths = ['x']",
        "[proxy]",
        "[reload]",
        "[build]\ncommand = 'make'",
    ];
    insta::assert_snapshot!(texts.map(|text| refused("", text)).join("\n\n"), @r#"
    unknown key `run.lisen` in `hotrun.toml`, line 2
    hint: did you mean `listen`?

    unknown key `watch.listen` in `hotrun.toml`, line 3
    hint: did you mean `run.listen`?

    unknown table `rnu` in `hotrun.toml`, line 1
    hint: did you mean `run`?

    unknown table `server` in `hotrun.toml`, line 1
    hint: expected `build`, `watch`, `run`, `service`, `ui`, `events` or `log`

    unknown key `run.ready_timeout` in `hotrun.toml`, line 2
    hint: did you mean `ready-timeout`?

    unknown key `ui.colour` in `hotrun.toml`, line 2
    hint: expected `clear`, `keys` or `notify`

    unknown key `debounce` in `hotrun.toml`, line 1
    hint: did you mean `watch.debounce`?

    unknown key `run.events` in `hotrun.toml`, line 2
    hint: `events` belongs to the top of the file, before the first table

    `rule` in `hotrun.toml`, line 1 is reserved for a later version of hotrun
    hint: remove it

    `proxy` in `hotrun.toml`, line 1 is reserved for a later version of hotrun
    hint: remove it

    `reload` in `hotrun.toml`, line 1 is reserved for a later version of hotrun
    hint: remove it

    `build.command` in `hotrun.toml`, line 2 is reserved for a later version of hotrun
    hint: remove it
    "#);
}

#[test]
fn wrong_types() {
    let texts = [
        "run = 5",
        "[[run]]",
        "[run]\nargs = 'a b'",
        "[run]\nargs = [1]",
        "[run]\nlisten = 3000",
        "[run]\nupdate = true",
        "[run]\nenv = ['A=1']",
        "[run.env]\nA = []",
        "[ui]\nclear = 'yes'",
        "[watch]\npaths = [\n  'a',\n  1979-05-27,\n]",
        "[build]\nbin = 1.5",
        "[build",
        "[ui]\nclear = true\nclear = false",
    ];
    insta::assert_snapshot!(texts.map(|text| refused("", text)).join("\n\n"), @r#"
    expected a table for `run` in `hotrun.toml`, line 1, found a number
    hint: write `[run]`

    expected a table for `run` in `hotrun.toml`, line 1, found a list
    hint: write `[run]`

    expected a list of strings for `run.args` in `hotrun.toml`, line 2, found a string
    hint: write `["a b"]`

    expected a string for `run.args` in `hotrun.toml`, line 2, found a number

    expected a list of strings for `run.listen` in `hotrun.toml`, line 2, found a number
    hint: write `["3000"]`

    expected a string for `run.update` in `hotrun.toml`, line 2, found a boolean

    expected a table of variables for `run.env` in `hotrun.toml`, line 2, found a list
    hint: write `env = { NAME = "value" }`

    expected a string for `run.env.A` in `hotrun.toml`, line 2, found a list

    expected `true` or `false` for `ui.clear` in `hotrun.toml`, line 2, found a string

    expected a string for `watch.paths` in `hotrun.toml`, line 4, found a date

    expected a string for `build.bin` in `hotrun.toml`, line 2, found a number

    could not read `hotrun.toml`, line 1 as TOML: unclosed table, expected `]`

    could not read `hotrun.toml`, line 3 as TOML: duplicate key
    "#);
}

#[test]
fn wrong_values() {
    let texts = [
        "[run]\nupdate = 'overlapp'",
        "[run]\non-exit = 'die'",
        "[build]\ndebug-info = 'line'",
        "[watch]\ndebounce = 50",
        "[watch]\npoll = 'often'",
        "[run]\nstop-signal = 'SIGTREM'",
        "[run]\nstop-signal = 99",
        "[run]\nlisten = [\n  'a=1',\n  ':3000',\n]",
        "[run]\nlisten = ['a=1', 'a=2']",
        "[run]\nlisten = [3000, 'x=localhost:3000']",
        "[run]\nlisten = ['example.com:80']",
        "[run]\nready = 'https://localhost'",
        "[run]\nready = '40s'",
        "[run]\nready-timeout = '1s'\nready = '2s'",
        "[run]\nenv-file = ['']",
        "[watch]\npaths = ['~/data']",
        "[build]\nprofile = 'debug'",
        "[build]\nbin = 'a'\nexample = 'b'",
        "[run.env]\n'A=B' = 'x'",
    ];
    insta::assert_snapshot!(texts.map(|text| refused("", text)).join("\n\n"), @r#"
    invalid value `overlapp` for `run.update` in `hotrun.toml`, line 2: expected `restart`, `overlap`, `manual` or `reexec`
    hint: did you mean `overlap`?

    invalid value `die` for `run.on-exit` in `hotrun.toml`, line 2: expected `wait`, `restart` or `exit`

    invalid value `line` for `build.debug-info` in `hotrun.toml`, line 2: expected `profile`, `lines` or `none`
    hint: did you mean `lines`?

    invalid value `50` for `watch.debounce` in `hotrun.toml`, line 2: a time needs a unit
    hint: write `50ms` or `50s`

    invalid value `often` for `watch.poll` in `hotrun.toml`, line 2: expected `auto`, `always`, `never` or an interval such as `500ms`

    invalid value `SIGTREM` for `run.stop-signal` in `hotrun.toml`, line 2: there is no such signal
    hint: did you mean `SIGTERM`?

    invalid value `99` for `run.stop-signal` in `hotrun.toml`, line 2: signals have the numbers 1 to 64

    invalid value `:3000` for `run.listen` in `hotrun.toml`, line 4: some programs take this for this machine only, others for the whole network
    hint: write `3000` for this machine only or `0.0.0.0:3000` for the whole network

    invalid value `a=tcp:127.0.0.1:2` for `run.listen` in `hotrun.toml`, line 2: an earlier entry has the same name

    invalid value `x=tcp:127.0.0.1:3000` for `run.listen` in `hotrun.toml`, line 2: an earlier entry has the same address

    invalid value `example.com:80` for `run.listen` in `hotrun.toml`, line 2: `example.com` is a name, not an address
    hint: write a port, `localhost:PORT`, `IP:PORT`, `[::1]:PORT`, `tcp:ADDR`, `udp:ADDR` or `unix:PATH`

    invalid value `https://localhost` for `run.ready` in `hotrun.toml`, line 2: hotrun speaks no TLS
    hint: use `tcp:ADDR`, `notify` or a plain `http://` address

    invalid value `40s` for `run.ready` in `hotrun.toml`, line 2: longer than `ready-timeout` (30s)
    hint: raise `ready-timeout`, or wait for less

    invalid value `2s` for `run.ready` in `hotrun.toml`, line 3: longer than `ready-timeout` (1s)
    hint: raise `ready-timeout`, or wait for less

    invalid value `` for `run.env-file` in `hotrun.toml`, line 2: it is empty

    invalid value `~/data` for `watch.paths` in `hotrun.toml`, line 2: `~` is not expanded
    hint: write the path of the home folder out

    invalid value `debug` for `build.profile` in `hotrun.toml`, line 2: that is the folder's name
    hint: the profile is called `dev`

    `build.example` in `hotrun.toml`, line 3 cannot be used with `build.bin`: there is one program to run
    hint: remove one of them

    invalid value `x` for `run.env.A=B` in `hotrun.toml`, line 2: the name of a variable cannot hold `=`
    "#);
}

#[test]
fn wrong_options() {
    let lines = [
        "--debounce 5",
        "--stop-timeout soon",
        "--stop-signal FOO",
        "--listen :8080",
        "--listen 127.0.0.1",
        "--listen 70000",
        "--ready later",
        "-E NAME",
        "--poll=0",
        "-r --profile dev",
        "--listen 1 --listen 1",
    ];
    insta::assert_snapshot!(lines.map(|line| refused(line, "")).join("\n\n"), @r#"
    invalid value `5` for `--debounce`: a time needs a unit
    hint: write `5ms` or `5s`

    invalid value `soon` for `--stop-timeout`: expected a time
    hint: write it like `20ms`, `5s` or `1m 30s`

    invalid value `FOO` for `--stop-signal`: there is no such signal
    hint: write a name such as `SIGINT` or a number

    invalid value `:8080` for `--listen`: some programs take this for this machine only, others for the whole network
    hint: write `8080` for this machine only or `0.0.0.0:8080` for the whole network

    invalid value `127.0.0.1` for `--listen`: the port is missing
    hint: write `127.0.0.1:3000`

    invalid value `70000` for `--listen`: ports end at 65535

    invalid value `later` for `--ready`: expected `auto`, `spawn`, `notify`, `tcp:ADDR`, `http://HOST:PORT/PATH` or a time

    invalid value `NAME` for `--env`: expected `KEY=VALUE`
    hint: write `NAME=` for an empty value

    invalid value `0` for `--poll`: an interval cannot be zero
    hint: `never` turns polling off

    `--profile dev` cannot be used with `--release`, which means `--profile release`
    hint: remove one of them

    invalid value `tcp:127.0.0.1:1` for `--listen`: an earlier entry has the same address
    "#);
}

#[test]
fn probes_that_prove_nothing() {
    let cases = [
        ("--listen 3000 --ready tcp:3000", ""),
        ("--ready http://localhost:3000/", "run.listen = ['web=0.0.0.0:3000']"),
        ("--update overlap", "[run]\nready = 'tcp:3000'"),
        ("", "[run]\nupdate = 'overlap'\nready = 'http://localhost/'"),
    ];
    insta::assert_snapshot!(cases.map(|(line, text)| refused(line, text)).join("\n\n"), @r#"
    `--ready` cannot be used with `--listen`: hotrun holds the socket of `tcp:127.0.0.1:3000` open, so that it answers before the program does
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`

    `--ready` cannot be used with `run.listen` in `hotrun.toml`, line 1: hotrun holds the socket of `http://localhost:3000/` open, so that it answers before the program does
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`

    `run.ready` in `hotrun.toml`, line 2 cannot be used with `--update overlap`: the old process would answer on `tcp:127.0.0.1:3000` for the new one
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`

    `run.ready` in `hotrun.toml`, line 3 cannot be used with `run.update` in `hotrun.toml`, line 2: the old process would answer on `http://localhost/` for the new one
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`
    "#);
}

#[test]
fn a_wrong_variable_is_named() {
    let merge =
        |value| merge(&RunOptions::default(), &environment(&[("HOTRUN_POLL", value)]), &[], Path::new(CWD));
    insta::assert_snapshot!(merge("1").unwrap_err(), @r#"
    invalid value `1` for `HOTRUN_POLL`: a time needs a unit
    "#);
}

#[test]
fn build_args_that_are_settings() {
    let args = [
        "'-p', 'x'",
        "'-px'",
        "'--bin=api'",
        "'--lib'",
        "'-qr'",
        "'--profile', 'x'",
        "'--target=x'",
        "'--target-dir', 'x'",
        "'--message-format=json'",
        "'--features', 'x'",
        "'--no-default-features'",
        "'-v'",
        "'--manifest-path', 'x'",
        "'--', 'x'",
        "'--config', 'build.target-dir = \"x\"'",
        "'--config=build.target=\"x\"'",
    ];
    insta::assert_snapshot!(args.map(|args| refused("", &format!("build.args = [{args}]"))).join("\n\n"), @r#"
    invalid value `-p` for `build.args` in `hotrun.toml`, line 1: it selects what is built
    hint: set `build.package`

    invalid value `-px` for `build.args` in `hotrun.toml`, line 1: it selects what is built
    hint: set `build.package`

    invalid value `--bin=api` for `build.args` in `hotrun.toml`, line 1: it selects what is built
    hint: set `build.bin`

    invalid value `--lib` for `build.args` in `hotrun.toml`, line 1: it selects what is built
    hint: hotrun builds the one program it runs: see `build.package`, `build.bin` and `build.example`

    invalid value `-qr` for `build.args` in `hotrun.toml`, line 1: hotrun reads cargo's messages itself
    hint: give `-q`, `-v` or `--color` to hotrun

    invalid value `--profile` for `build.args` in `hotrun.toml`, line 1: it selects the profile
    hint: set `build.profile`

    invalid value `--target=x` for `build.args` in `hotrun.toml`, line 1: it selects the target
    hint: give `--target` to hotrun, or set `build.target` in `.cargo/config.toml`

    invalid value `--target-dir` for `build.args` in `hotrun.toml`, line 1: it moves what cargo builds
    hint: give `--target-dir` to hotrun, or set `build.target-dir` in `.cargo/config.toml`

    invalid value `--message-format=json` for `build.args` in `hotrun.toml`, line 1: hotrun reads cargo's messages itself
    hint: `events` writes every diagnostic as JSON

    invalid value `--features` for `build.args` in `hotrun.toml`, line 1: it selects features
    hint: set `build.features`

    invalid value `--no-default-features` for `build.args` in `hotrun.toml`, line 1: it selects features
    hint: set `build.features`, or give it to hotrun on the command line

    invalid value `-v` for `build.args` in `hotrun.toml`, line 1: hotrun reads cargo's messages itself
    hint: give `-q`, `-v` or `--color` to hotrun

    invalid value `--manifest-path` for `build.args` in `hotrun.toml`, line 1: it selects what is built
    hint: give `--manifest-path` to hotrun

    invalid value `--` for `build.args` in `hotrun.toml`, line 1: it ends cargo's options
    hint: arguments for the program belong to `run.args`

    invalid value `build.target-dir = "x"` for `build.args` in `hotrun.toml`, line 1: it moves what cargo builds
    hint: give it to hotrun on the command line, or set it in `.cargo/config.toml`

    invalid value `--config=build.target="x"` for `build.args` in `hotrun.toml`, line 1: it selects the target
    hint: give it to hotrun on the command line, or set it in `.cargo/config.toml`
    "#);
    for fine in
        ["'-j', '2'", "'-j2'", "'--config', 'net.offline=true'", "'-Z', 'x'", "'--keep-going'", "'--timings'"]
    {
        config("", &format!("build.args = [{fine}]"));
    }
}

#[test]
fn places_outside_the_current_folder_are_whole() {
    let error = merged("", &[file("/p/hotrun.toml", "x = 1")]).unwrap_err();
    assert_eq!(error.to_string(), "unknown key `x` in `/p/hotrun.toml`, line 1");
    let error = merged("", &[file("/p/app/Cargo.toml", "[package.metadata.hotrun]\nx = 1")]).unwrap_err();
    assert_eq!(error.to_string(), "unknown key `x` in `Cargo.toml`, line 2");
}
