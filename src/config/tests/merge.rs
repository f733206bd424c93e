//! Precedence, origins, and what `hotrun config` prints.

use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn in_file(line: usize) -> Origin {
    Origin::File("/p/app/hotrun.toml".into(), line)
}

fn values<T: Clone>(settings: &[Setting<T>]) -> Vec<T> {
    settings.iter().map(|setting| setting.value.clone()).collect()
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = merged("", &[]).unwrap();
    insta::assert_snapshot!(show(&config, Path::new(CWD)), @r#"
    # events =                 # not set
    # log =                    # not set

    [build]
    # package =                # not set
    # bin =                    # not set
    # example =                # not set
    features = []              # default
    profile = "dev"            # default
    args = []                  # default
    env = {}                   # nothing set
    inputs = []                # nothing set
    share-build-dir = false    # default
    debug-info = "profile"     # default
    together = false           # default

    [watch]
    paths = []                 # nothing set
    ignore = []                # nothing set
    debounce = "50ms"          # default
    poll = "auto"              # default

    [run]
    args = []                  # default
    env = {}                   # nothing set
    env-file = []              # nothing set
    # cwd =                    # not set
    stdin = "lend"             # default
    output = "auto"            # default
    listen = []                # nothing set
    ready = "auto"             # default
    ready-timeout = "30s"      # default
    update = "restart"         # default
    on-start-failure = "auto"  # default
    on-exit = "wait"           # default
    stop-signal = "SIGTERM"    # default
    stop-timeout = "5s"        # default

    [ui]
    clear = false              # default
    keys = true                # default
    notify = false             # default
    "#);
    assert_eq!(
        config,
        merged("", &[file("/p/app/hotrun.toml", ""), file("/p/app/Cargo.toml", "[package]")]).unwrap()
    );
}

#[test]
fn the_command_line_sets_everything() {
    let config = config(
        "--example demo -F a,b --release -w data -i *.tmp --debounce 20ms --poll=2s --update overlap --listen web=3000 \
         --ready notify --ready-timeout 1m --stop-signal int --stop-timeout 0 --on-start-failure wait --on-exit restart \
         -E A=1=2 --env-file .env --stdin null --share-build-dir --events e.jsonl --log /tmp/log -cN --once -vv \
         --color never --target t --target-dir td --manifest-path ./Cargo.toml --locked -j4 --all-features -- --port 1",
        "",
    );
    insta::assert_snapshot!(show(&config, Path::new(CWD)), @r#"
    events = "/p/app/e.jsonl"      # command line
    log = "/tmp/log"               # command line

    [build]
    # package =                    # not set
    # bin =                        # not set
    example = "demo"               # command line
    features = ["a", "b"]          # command line
    profile = "release"            # command line
    args = []                      # default
    env = {}                       # nothing set
    inputs = []                    # nothing set
    share-build-dir = true         # command line
    debug-info = "profile"         # default
    together = false               # default

    [watch]
    paths = [
        "/p/app/data",             # command line
    ]
    ignore = [
        "*.tmp",                   # command line
    ]
    debounce = "20ms"              # command line
    poll = "2s"                    # command line

    [run]
    args = ["--port", "1"]         # command line
    env.A = "1=2"                  # command line
    env-file = [
        "/p/app/.env",             # command line
    ]
    # cwd =                        # not set
    stdin = "null"                 # command line
    output = "auto"                # default
    listen = [
        "web=tcp:127.0.0.1:3000",  # command line
    ]
    ready = "notify"               # command line
    ready-timeout = "1m"           # command line
    update = "overlap"             # command line
    on-start-failure = "wait"      # command line
    on-exit = "restart"            # command line
    stop-signal = "SIGINT"         # command line
    stop-timeout = "0"             # command line

    [ui]
    clear = true                   # command line
    keys = true                    # default
    notify = true                  # command line
    "#);
    assert_eq!(config.run.listen[0].origin, Origin::CommandLine);
    assert_eq!(config.ui.verbosity, 2);
    assert_eq!(config.build.manifest_path, Some("/p/app/Cargo.toml".into()));
}

#[test]
fn a_file_sets_every_key() {
    let text = r#"
        events = "events.jsonl"
        log = "log"
        [build]
        package = "shop"
        bin = "api"
        features = ["a b", "c"]
        profile = "fast"
        args = ["--jobs", "2", "--offline"]
        env = { CC = "clang", N = 1 }
        inputs = ["migrations"]
        share-build-dir = true
        debug-info = "lines"
        [watch]
        paths = ["data", "/etc/shop"]
        ignore = ["*.tmp"]
        debounce = 0
        poll = "always"
        [run]
        args = ["--port", "3000"]
        env-file = ["../.env"]
        cwd = "."
        stdin = "inherit"
        listen = [3000, "udp:[::1]:53", "api=unix:run/api.sock"]
        ready = "2s"
        ready-timeout = "1m 30s"
        update = "manual"
        on-start-failure = "rollback"
        on-exit = "exit"
        stop-signal = 2
        stop-timeout = "500ms"
        [run.env]
        RUST_LOG = "debug"
        "odd name" = "with \"quotes\""
        FLAG = true
        [ui]
        clear = true
        keys = false
        notify = true
    "#;
    let config = config("", text);
    let shown = show(&config, Path::new(CWD));
    insta::assert_snapshot!(shown, @r#"
    events = "/p/app/events.jsonl"       # hotrun.toml:2
    log = "/p/app/log"                   # hotrun.toml:3

    [build]
    package = "shop"                     # hotrun.toml:5
    bin = "api"                          # hotrun.toml:6
    # example =                          # not set
    features = ["a", "b", "c"]           # hotrun.toml:7
    profile = "fast"                     # hotrun.toml:8
    args = ["--jobs", "2", "--offline"]  # hotrun.toml:9
    env.CC = "clang"                     # hotrun.toml:10
    env.N = "1"                          # hotrun.toml:10
    inputs = [
        "/p/app/migrations",             # hotrun.toml:11
    ]
    share-build-dir = true               # hotrun.toml:12
    debug-info = "lines"                 # hotrun.toml:13
    together = false                     # default

    [watch]
    paths = [
        "/p/app/data",                   # hotrun.toml:15
        "/etc/shop",                     # hotrun.toml:15
    ]
    ignore = [
        "*.tmp",                         # hotrun.toml:16
    ]
    debounce = "0"                       # hotrun.toml:17
    poll = "always"                      # hotrun.toml:18

    [run]
    args = ["--port", "3000"]            # hotrun.toml:20
    env.FLAG = "true"                    # hotrun.toml:35
    env.RUST_LOG = "debug"               # hotrun.toml:33
    env."odd name" = "with \"quotes\""   # hotrun.toml:34
    env-file = [
        "/p/app/../.env",                # hotrun.toml:21
    ]
    cwd = "/p/app"                       # hotrun.toml:22
    stdin = "inherit"                    # hotrun.toml:23
    output = "auto"                      # default
    listen = [
        "tcp:127.0.0.1:3000",            # hotrun.toml:24
        "udp:[::1]:53",                  # hotrun.toml:24
        "api=unix:/p/app/run/api.sock",  # hotrun.toml:24
    ]
    ready = "2s"                         # hotrun.toml:25
    ready-timeout = "1m 30s"             # hotrun.toml:26
    update = "manual"                    # hotrun.toml:27
    on-start-failure = "rollback"        # hotrun.toml:28
    on-exit = "exit"                     # hotrun.toml:29
    stop-signal = "SIGINT"               # hotrun.toml:30
    stop-timeout = "500ms"               # hotrun.toml:31

    [ui]
    clear = true                         # hotrun.toml:37
    keys = false                         # hotrun.toml:38
    notify = true                        # hotrun.toml:39
    "#);
    let again = self::config("", &shown);
    assert_eq!(strip(&show(&again, Path::new(CWD))), strip(&shown), "what is printed is a config file");
}

/// Strips the comments, which name the origins.
fn strip(text: &str) -> String {
    text.lines().map(|line| line.split("  #").next().unwrap().trim_end().to_owned() + "\n").collect()
}

#[test]
fn higher_layers_win_key_by_key() {
    let files = [
        file("/p/app/hotrun.toml", "[run]\nupdate = 'overlap'"),
        file(
            "/p/app/Cargo.toml",
            "[package.metadata.hotrun]\nrun.update = 'manual'\nrun.stdin = 'null'\n[workspace.metadata.hotrun.run]\non-exit = 'restart'",
        ),
        file("/p/hotrun.toml", "[run]\nupdate = 'restart'\nstdin = 'inherit'\non-exit = 'exit'"),
    ];
    let config = merged("", &files).unwrap();
    assert_eq!(config.run.update, Setting { value: Update::Overlap, origin: in_file(2) });
    assert_eq!(
        config.run.stdin,
        Setting { value: Stdin::Null, origin: Origin::File("/p/app/Cargo.toml".into(), 3) }
    );
    assert_eq!(
        config.run.on_exit,
        Setting { value: OnExit::Exit, origin: Origin::File("/p/hotrun.toml".into(), 4) }
    );
    let config = merged("--update reexec", &files).unwrap();
    assert_eq!(config.run.update, Setting { value: Update::Reexec, origin: Origin::CommandLine });
}

#[test]
fn the_environment_is_between_command_line_and_files() {
    let files = [file("/p/app/hotrun.toml", "events = 'f'\nlog = 'f'\nwatch.poll = 'never'")];
    let variables =
        environment(&[("HOTRUN_EVENTS", "e"), ("HOTRUN_LOG", ""), ("HOTRUN_POLL", "3s"), ("OTHER", "x")]);
    let merge = |line| merge(&options(line), &variables, &files, Path::new(CWD)).unwrap();
    let config = merge("");
    assert_eq!(config.files.events.value, Some("/p/app/e".into()));
    assert_eq!(config.files.events.origin, Origin::Environment("HOTRUN_EVENTS"));
    assert_eq!(config.files.log, Setting { value: Some("/p/app/f".into()), origin: in_file(2) });
    assert_eq!(config.watch.poll.value, Poll::Every(Duration::from_secs(3)));
    assert_eq!(merge("--poll").watch.poll.value, Poll::Always);
    assert_eq!(merge("--events x").files.events.value, Some("/p/app/x".into()));
}

#[test]
fn some_lists_add_up_and_others_replace() {
    let low = "[watch]\npaths = ['low']\nignore = ['low']\n[build]\ninputs = ['low']\nfeatures = ['low']\n\
               [run]\nenv-file = ['low']\nlisten = [1]\nargs = ['low']\nenv = { A = 'low', B = 'low' }";
    let high = "[watch]\npaths = ['high']\nignore = ['high']\n[build]\ninputs = []\nfeatures = ['high']\n\
                [run]\nenv-file = ['high']\nlisten = [2]\nargs = ['high']\nenv = { B = 'high' }";
    let files = [file("/p/app/hotrun.toml", high), file("/p/hotrun.toml", low)];
    let config = merged("-w typed -i typed --env-file typed -E C=typed", &files).unwrap();
    assert_eq!(values(&config.watch.paths), paths(&["/p/low", "/p/app/high", "/p/app/typed"]));
    assert_eq!(values(&config.run.env_files), paths(&["/p/low", "/p/app/high", "/p/app/typed"]));
    let globs: Vec<_> = config
        .watch
        .ignore
        .iter()
        .map(|glob| (glob.value.base.to_str().unwrap(), &*glob.value.glob))
        .collect();
    assert_eq!(globs, [("/p", "low"), ("/p/app", "high"), ("/p/app", "typed")]);
    assert!(config.build.inputs.is_empty());
    assert_eq!(config.build.features.value, ["high"]);
    assert_eq!(config.run.args.value, ["high"]);
    assert_eq!(config.run.listen.len(), 1);
    let env: Vec<_> = config.run.env.iter().map(|(key, value)| (&**key, &*value.value)).collect();
    assert_eq!(env, [("A", "low"), ("B", "high"), ("C", "typed")]);

    let config = merged("--listen 7 -F x -- typed", &files).unwrap();
    assert_eq!(config.run.args, Setting { value: vec!["typed".into()], origin: Origin::CommandLine });
    assert_eq!(config.build.features.value, ["x"]);
    assert_eq!(config.run.listen[0].value.address, ListenAddress::Tcp("127.0.0.1:7".parse().unwrap()));
}

#[test]
fn package_binary_and_example_are_one_setting() {
    let text = "[build]\npackage = 'shop'\nbin = 'api'";
    let chosen = |line: &str| {
        let build = config(line, text).build;
        (build.package.value.clone(), build.target())
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(chosen(""), (some("shop"), Some(TargetName::Bin("api".into()))));
    assert_eq!(chosen("-p other"), (some("other"), None));
    assert_eq!(chosen("--bin worker"), (None, Some(TargetName::Bin("worker".into()))));
    assert_eq!(chosen("--example demo"), (None, Some(TargetName::Example("demo".into()))));
}

#[test]
fn what_is_passed_on_to_cargo() {
    let passed = |line: &str, args: &str| {
        let build = config(line, &format!("build.args = {args}")).build;
        (build.common_args.join(" "), build.build_args.join(" "))
    };
    let pair = |common: &str, build: &str| (common.to_owned(), build.to_owned());
    assert_eq!(
        passed("--locked --offline --config a=1 -Zx -j4 --keep-going --ignore-rust-version --timings", "[]"),
        pair("--locked --offline --config a=1 -Z x", "--jobs 4 --keep-going --ignore-rust-version --timings")
    );
    assert_eq!(
        passed("--config a=2 -j4 --frozen", "['--frozen', '--config', 'a=1', '-j', '2', '-Zy', '--timings']"),
        pair("--frozen --config a=1 -Zy --config a=2", "--timings --jobs 4")
    );
}

#[test]
fn release_is_a_profile() {
    let profile = |line: &str| config(line, "build.profile = 'fast'").build.profile.value;
    assert_eq!(profile(""), "fast");
    assert_eq!(profile("-r"), "release");
    assert_eq!(profile("--profile small"), "small");
    assert_eq!(profile("-r --profile release"), "release");
    assert_eq!(config("", "").build.profile.value, "dev");
}

#[test]
fn words_for_color_are_those_clap_lists() {
    use crate::config::units::Word;
    let command = cli::command(cli::Invocation::Direct);
    let option = command.get_arguments().find(|option| option.get_id() == "color").unwrap();
    let listed: Vec<_> = option.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
    assert_eq!(listed, Color::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
}
