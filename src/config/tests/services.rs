//! The tables of services: layers, what they must not say, the choice of `-s`, edits.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::words::ServiceId;

const SHOP: &str = "
    [run]
    stop-timeout = '1s'
    env = { A = 'run', B = 'run' }
    [service.api]
    package = 'api'
    listen = [3001]
    after = ['migrate']
    env = { B = 'api' }
    [service.migrate]
    command = 'sqlx migrate run'
    task = true
    inputs = ['migrations']
    after = ['db']
    [service.db]
    command = ['docker', 'compose', 'up', 'db']
    ready = 'tcp:127.0.0.1:5432'
    autostart = false
    [service.worker]
    example = 'worker'
    restart-with = ['api']
    cwd = 'work'
    port = 'auto'
";

fn names(config: &Config) -> Vec<&str> {
    config.services.iter().map(|service| &*service.name).collect()
}

fn variables(service: &ServiceConfig) -> Vec<(&str, &str)> {
    service.run.env.iter().map(|(name, value)| (&**name, &*value.value)).collect()
}

#[test]
fn without_tables_there_is_one_service_of_build_and_run() {
    let config = config("--example demo", "[build]\npackage = 'x'\n[run]\nargs = ['a']");
    assert!(!config.has_services());
    let [only] = &config.services[..] else { panic!("{:?}", config.services) };
    assert_eq!((&*only.name, &only.run), ("", &config.run));
    let target = Some(TargetName::Example("demo".to_owned()));
    assert_eq!(only.runs, Runs::Program { package: None, target });
    assert!(only.autostart && !only.task && !only.port_auto);
}

#[test]
fn a_service_has_its_own_keys_and_those_of_run() {
    let config = config("", SHOP);
    assert!(config.has_services());
    assert_eq!(names(&config), ["api", "migrate", "db", "worker"]);
    let [api, migrate, db, worker] = &config.services[..] else { panic!() };
    assert_eq!(api.runs, Runs::Program { package: Some("api".to_owned()), target: None });
    assert_eq!(api.after, [ServiceId(1)]);
    assert_eq!(api.run.stop_timeout.value, Duration::from_secs(1));
    assert_eq!(variables(api), [("A", "run"), ("B", "api")]);
    assert_eq!(migrate.runs, Runs::Command(CommandLine::Shell("sqlx migrate run".to_owned())));
    assert_eq!(
        (migrate.task, &*migrate.inputs[0].glob, &*migrate.after),
        (true, "migrations", &[ServiceId(2)][..])
    );
    let words = ["docker", "compose", "up", "db"].map(ToOwned::to_owned).to_vec();
    assert_eq!(db.runs, Runs::Command(CommandLine::Exec(words)));
    assert!(!db.autostart && !db.task);
    assert_eq!(db.run.ready.value, Ready::Tcp("127.0.0.1:5432".parse().unwrap()));
    assert_eq!((worker.restart_with.as_slice(), worker.port_auto), (&[ServiceId(0)][..], true));
    assert_eq!(worker.run.cwd.value, Some("/p/app/work".into()));
    assert_eq!(variables(worker), [("A", "run"), ("B", "run")]);
}

#[test]
fn the_command_line_wins_over_a_service_and_a_package_file_over_the_workspace() {
    let files = [
        file(
            "/p/app/hotrun.toml",
            "[service.api]\nbin = 'server'\nenv = { A = '1' }\n[service.new]\ncommand = 'x'",
        ),
        file("/p/app/Cargo.toml", "[package.metadata.hotrun.service.api]\nstop-timeout = '2s'"),
        file(
            "/p/hotrun.toml",
            "[run]\nupdate = 'manual'\n[service.api]\ncommand = 'old'\nenv = { B = '2' }\nstop-timeout = '3s'",
        ),
    ];
    let config = merged("--update overlap -E C=3", &files).unwrap();
    assert_eq!(names(&config), ["api", "new"]);
    let api = &config.services[0];
    let target = Some(TargetName::Bin("server".to_owned()));
    assert_eq!(api.runs, Runs::Program { package: None, target });
    assert_eq!(variables(api), [("A", "1"), ("B", "2"), ("C", "3")]);
    assert_eq!(api.run.stop_timeout.value, Duration::from_secs(2));
    assert_eq!(api.run.update, Setting { value: Update::Overlap, origin: Origin::CommandLine });
    assert_eq!(config.services[1].run.update.origin, Origin::CommandLine);
}

#[test]
fn what_is_chosen_and_what_it_needs() {
    let chosen = |line: &str| {
        let config = config(line, SHOP);
        let services = config.services.iter();
        let of = |service: &ServiceConfig| {
            let ids = |ids: &[ServiceId]| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
            let (after, with) = (ids(&service.after), ids(&service.restart_with));
            format!("{}({after}|{with}|{})", service.name, service.autostart)
        };
        services.map(of).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(chosen("-s worker"), "worker(||true)");
    assert_eq!(chosen("-s worker api"), "api(1||true) migrate(2||true) db(||false) worker(|0|true)");
    assert_eq!(chosen("-s db,worker"), "db(||true) worker(||true)");
    assert_eq!(chosen("--service migrate -s db"), "migrate(1||true) db(||true)");
}

#[test]
fn what_services_must_not_say() {
    let api = |rest: &str| format!("[service.api]\nbin = 'api'\n{rest}");
    let texts = [
        "[service.Api]\nbin = 'x'".to_owned(),
        "[service.api]".to_owned(),
        "[service.api]\nlisten = [1]".to_owned(),
        "[service]\nbin = 'x'".to_owned(),
        "service.api = 'x'".to_owned(),
        "[[service.api]]\nbin = 'x'".to_owned(),
        api("comand = 'x'"),
        api("command = 'x'"),
        api("example = 'x'"),
        "[service.a]\ncommand = ''".to_owned(),
        "[service.a]\ncommand = []".to_owned(),
        "[service.a]\ncommand = 3".to_owned(),
        "[service.a]\ncommand = 'x'\ntask = true\nlisten = [3000]".to_owned(),
        "[service.a]\ncommand = 'x'\ntask = true\nready = '1s'".to_owned(),
        api("inputs = ['x']"),
        api("port = 3000"),
        api("port = 'any'"),
        api("after = ['apo']"),
        api("restart-with = ['unheard-of']"),
        api("after = ['api']"),
        "[service.a]\ncommand = 'x'\nafter = ['b']\n[service.b]\ncommand = 'x'\nafter = ['c']\n[service.c]\ncommand = 'x'\nafter = ['b']".to_owned(),
        "[service.a]\ncommand = 'x'\nrestart-with = ['b']\n[service.b]\ncommand = 'x'\nrestart-with = ['a']".to_owned(),
        api("[run]\nargs = ['x']"),
        api("[run]\nlisten = [3000]"),
        api("[run]\nready = 'notify'\n[service.b]\ncommand = 'x'"),
        api("[build]\nbin = 'x'"),
        api("listen = [3000, 3000]"),
        api("listen = [3000]\n[service.web]\ncommand = 'x'\nlisten = ['localhost:3000']"),
        api("listen = [3000]\nready = 'tcp:3000'"),
        api("listen = [3000]\n[service.web]\ncommand = 'x'\nready = 'http://localhost:3000/'"),
        api("ready = 'tcp:3000'\nupdate = 'overlap'"),
        "[run]\nupdate = 'overlap'\n[service.api]\nbin = 'api'\nready = 'tcp:3000'".to_owned(),
        api("[service.api.build]\ncommand = 'make'"),
    ];
    let all = texts.map(|text| refused("", &text)).join("\n\n");
    insta::assert_snapshot!(all, @r#"
    invalid value `Api` for `service` in `hotrun.toml`, line 1: the name of a service is made of `a` to `z`, digits and `-`

    `service.api` in `hotrun.toml`, line 1: it does not say what to run
    hint: set `package`, `bin` or `example` for a program of the workspace, or `command`

    `service.api` in `hotrun.toml`, line 1: it does not say what to run
    hint: set `package`, `bin` or `example` for a program of the workspace, or `command`

    unknown key `service.bin` in `hotrun.toml`, line 2
    hint: write it in the table of a service: `[service.NAME]`

    expected a table for `service.api` in `hotrun.toml`, line 1, found a string
    hint: write `[service.api]`

    expected a table for `service.api` in `hotrun.toml`, line 1, found a list
    hint: write `[service.api]`

    unknown key `service.api.comand` in `hotrun.toml`, line 3
    hint: did you mean `command`?

    `service.api.command` in `hotrun.toml`, line 3 cannot be used with `service.api.bin` in `hotrun.toml`, line 2: a service runs one of them
    hint: remove one of them

    `service.api.example` in `hotrun.toml`, line 3 cannot be used with `service.api.bin` in `hotrun.toml`, line 2: a service runs one of them
    hint: remove one of them

    invalid value `` for `service.a.command` in `hotrun.toml`, line 2: it is empty

    invalid value `` for `service.a.command` in `hotrun.toml`, line 2: it is empty

    expected a string or a list of strings for `service.a.command` in `hotrun.toml`, line 2, found a number

    `service.a.task` in `hotrun.toml`, line 3 cannot be used with `service.a.listen` in `hotrun.toml`, line 4: a task ends, a socket is held for a service that runs
    hint: remove one of them

    `service.a.task` in `hotrun.toml`, line 3 cannot be used with `service.a.ready` in `hotrun.toml`, line 4: a task is ready when it has ended with code 0
    hint: remove `ready`

    `service.api.inputs` in `hotrun.toml`, line 3 cannot be used with `service.api.bin` in `hotrun.toml`, line 2: hotrun knows what a program is built from
    hint: name what the program reads when it runs in `watch.paths`, what the compiler reads in `build.inputs`

    expected a string for `service.api.port` in `hotrun.toml`, line 3, found a number

    invalid value `any` for `service.api.port` in `hotrun.toml`, line 3: expected `auto`

    invalid value `apo` for `service.api.after` in `hotrun.toml`, line 3: there is no such service
    hint: did you mean `api`?

    invalid value `unheard-of` for `service.api.restart-with` in `hotrun.toml`, line 3: there is no such service
    hint: expected `api`

    invalid value `api` for `service.api.after` in `hotrun.toml`, line 3: a circle: api → api
    hint: remove one of these

    invalid value `b` for `service.c.after` in `hotrun.toml`, line 9: a circle: b → c → b
    hint: remove one of these

    invalid value `a` for `service.b.restart-with` in `hotrun.toml`, line 6: a circle: a → b → a
    hint: remove one of these

    `run.args` in `hotrun.toml`, line 4 cannot be used with `service.api` in `hotrun.toml`, line 1: it is not said which service it is for
    hint: set `args` in the table of the service it is for: `[service.api]`

    `run.listen` in `hotrun.toml`, line 4 cannot be used with `service.api` in `hotrun.toml`, line 1: it is not said which service it is for
    hint: set `listen` in the table of the service it is for: `[service.api]`

    `run.ready` in `hotrun.toml`, line 4 cannot be used with `service.api` in `hotrun.toml`, line 1: it is not said which service it is for
    hint: set `ready` in the table of the service it is for: `[service.api]` or `[service.b]`

    `build.bin` in `hotrun.toml`, line 4 cannot be used with `service.api` in `hotrun.toml`, line 1: each service names its own program
    hint: set `bin` in the table of a service; `-s` chooses services

    invalid value `tcp:127.0.0.1:3000` for `service.api.listen` in `hotrun.toml`, line 3: an earlier entry has the same address

    `service.api.listen` in `hotrun.toml`, line 3 cannot be used with `service.web.listen` in `hotrun.toml`, line 6: both name `tcp:127.0.0.1:3000`
    hint: give one of them another address

    `service.api.ready` in `hotrun.toml`, line 4 cannot be used with `service.api.listen` in `hotrun.toml`, line 3: hotrun holds the socket of `tcp:127.0.0.1:3000` open, so that it answers before the program does
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`

    `service.web.ready` in `hotrun.toml`, line 6 cannot be used with `service.api.listen` in `hotrun.toml`, line 3: `http://localhost:3000/` is a socket of `api`, which answers for it
    hint: name an address of its own for `ready`

    `service.api.ready` in `hotrun.toml`, line 3 cannot be used with `service.api.update` in `hotrun.toml`, line 4: the old process would answer on `tcp:127.0.0.1:3000` for the new one
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`

    `service.api.ready` in `hotrun.toml`, line 5 cannot be used with `run.update` in `hotrun.toml`, line 2: the old process would answer on `tcp:127.0.0.1:3000` for the new one
    hint: use `notify`, `spawn` or a time such as `2s` for `ready`

    `service.api.build` in `hotrun.toml`, line 3 is reserved for a later version of hotrun
    hint: remove it
    "#);
}

#[test]
fn what_is_typed_beside_services() {
    let two = "[service.api]\nbin = 'api'\n[service.web]\ncommand = 'x'";
    let lines = ["--bin x", "-p x", "--listen 3000", "--ready notify", "-- x", "-s wep", "-s other"];
    let mut all = lines.map(|line| refused(line, two)).join("\n\n");
    all.push_str("\n\n");
    all.push_str(&refused("-s api", ""));
    insta::assert_snapshot!(all, @r#"
    `--bin` cannot be used with `service.api` in `hotrun.toml`, line 1: each service names its own program
    hint: set `bin` in the table of a service; `-s` chooses services

    `--package` cannot be used with `service.api` in `hotrun.toml`, line 1: each service names its own program
    hint: set `package` in the table of a service; `-s` chooses services

    `--listen` cannot be used with `service.api` in `hotrun.toml`, line 1: it is not said which service it is for
    hint: set `listen` in the table of the service it is for: `[service.api]` or `[service.web]`

    `--ready` cannot be used with `service.api` in `hotrun.toml`, line 1: it is not said which service it is for
    hint: set `ready` in the table of the service it is for: `[service.api]` or `[service.web]`

    `--` cannot be used with `service.api` in `hotrun.toml`, line 1: it is not said which service it is for
    hint: set `args` in the table of the service it is for: `[service.api]` or `[service.web]`

    invalid value `wep` for `--service`: there is no such service
    hint: did you mean `web`?

    invalid value `other` for `--service`: there is no such service
    hint: expected `api` or `web`

    invalid value `api` for `--service`: there are no services
    hint: `hotrun.toml` names them in tables: `[service.NAME]`
    "#);
}

#[test]
fn a_service_is_shown_with_what_it_sets() {
    let shown = show(&config("", SHOP), Path::new(CWD));
    let (_, services) = shown.split_once("\n[service.api]").unwrap();
    insta::assert_snapshot!(services, @r#"
    package = "api"               # hotrun.toml:6
    after = ["migrate"]           # hotrun.toml:8
    env.A = "run"                 # hotrun.toml:4
    env.B = "api"                 # hotrun.toml:9
    listen = [
        "tcp:127.0.0.1:3001",     # hotrun.toml:7
    ]

    [service.migrate]
    command = "sqlx migrate run"  # hotrun.toml:11
    after = ["db"]                # hotrun.toml:14
    task = true                   # hotrun.toml:12
    inputs = [
        "migrations",             # hotrun.toml:13
    ]

    [service.db]
    command = ["docker", "compose", "up", "db"]  # hotrun.toml:16
    autostart = false             # hotrun.toml:18
    ready = "tcp:127.0.0.1:5432"  # hotrun.toml:17

    [service.worker]
    example = "worker"            # hotrun.toml:20
    restart-with = ["api"]        # hotrun.toml:21
    port = "auto"                 # hotrun.toml:23
    cwd = "/p/app/work"           # hotrun.toml:22
    "#);
    let again = config("", &shown);
    assert_eq!(again.services.len(), 4);
    for (one, other) in config("", SHOP).services.iter().zip(&again.services) {
        assert_eq!((&one.name, &one.runs, &one.after), (&other.name, &other.runs, &other.after));
        assert_eq!((&one.inputs, one.task, one.port_auto), (&other.inputs, other.task, other.port_auto));
    }
}

/// What an edit changes: the key, what it needs, and of which services.
fn edit(before: &str, after: &str) -> Vec<String> {
    let changed = changes(&config("", before), &config("", after));
    let of = |changed: Changed| {
        let services: Vec<String> = changed.services.iter().map(|service| service.0.to_string()).collect();
        format!("{} {:?} {}", changed.key, changed.needs, services.join(","))
    };
    changed.into_iter().map(of).collect()
}

#[test]
fn an_edit_is_about_the_services_it_changes() {
    let edited = |from: &str, to: &str| {
        assert!(SHOP.contains(from), "{from}");
        edit(SHOP, &SHOP.replacen(from, to, 1))
    };
    assert_eq!(edited("B = 'api'", "B = 'new'"), ["service.api.env Restart 0"]);
    assert_eq!(edited("B = 'run'", "B = 'new'"), ["run.env Restart 1,2,3"]);
    assert_eq!(edited("3001", "3002"), ["service.api.listen Restart 0"]);
    assert_eq!(edited("migrate run", "migrate"), ["service.migrate.command Restart 1"]);
    assert_eq!(edited("5432", "5433"), ["service.db.ready NextStart 2"]);
    assert_eq!(edited("after = ['db']", ""), ["service.migrate.after Nothing 1"]);
    assert_eq!(edited("example = 'worker'", "example = 'other'"), ["service.worker.example Hotrun 3"]);
    assert_eq!(
        edited("example = 'worker'", "command = 'other'"),
        ["service.worker.example Hotrun 3", "service.worker.command Hotrun 3"]
    );
    assert_eq!(
        edited("[service.worker]", "[service.other]"),
        ["service.other Hotrun ", "service.worker Hotrun "]
    );
    assert_eq!(edit("[run]\nargs = ['a']", "[run]\nargs = ['b']"), ["run.args Restart 0"]);
    assert_eq!(edit("", "[service.a]\nbin = 'b'"), ["service.a Hotrun "]);
}

#[test]
fn services_stay_as_they_were_started() {
    let started = config("", SHOP);
    let after = SHOP.replace("[service.worker]", "[service.first]\ncommand = 'x'\n[service.worker]");
    let after = after
        .replace("package = 'api'", "command = 'x'")
        .replace("after = ['migrate']", "after = ['first', 'db']");
    let after =
        after.replace("'sqlx migrate run'", "'other'").replace("stop-timeout = '1s'", "stop-timeout = '9s'");
    let edited = config("", &after);
    let in_force = edited.clone().as_started(&started);
    assert_eq!(names(&in_force), ["api", "migrate", "db", "worker"]);
    let [api, migrate, ..] = &in_force.services[..] else { panic!() };
    assert_eq!(api.runs, started.services[0].runs);
    assert_eq!(api.after, [ServiceId(2)]);
    assert_eq!(migrate.runs, Runs::Command(CommandLine::Shell("other".to_owned())));
    assert!(in_force.services.iter().all(|service| service.run.stop_timeout.value == Duration::from_secs(9)));
    let left: BTreeSet<String> = changes(&in_force, &edited).into_iter().map(|changed| changed.key).collect();
    let expected = ["service.api.command", "service.api.package", "service.first"];
    assert_eq!(left, expected.map(ToOwned::to_owned).into());
}

proptest! {
    /// A config or an error, whatever services name whom.
    #[test]
    fn services_never_panic(
        lists in proptest::collection::vec((proptest::collection::vec("[a-d]", 0..3), any::<bool>(), 0..4u8), 1..5),
        chosen in proptest::option::of("[a-d]"),
    ) {
        let mut text = String::new();
        for ((after, with, kind), name) in lists.iter().zip(["a", "b", "c", "d"]) {
            let what = ["bin = 'x'", "command = 'x'", "command = ['x']\ntask = true", "listen = [3000]\npackage = 'y'"];
            let key = if *with { "restart-with" } else { "after" };
            writeln!(text, "[service.{name}]\n{}\n{key} = {after:?}", what[usize::from(*kind)]).unwrap();
        }
        let line = chosen.map_or(String::new(), |name| format!("-s {name}"));
        if let Ok(config) = merged(&line, &[file("/p/app/hotrun.toml", &text)]) {
            let ids = config.services.iter().flat_map(|service| service.after.iter().chain(&service.restart_with));
            prop_assert!(ids.into_iter().all(|id| usize::from(id.0) < config.services.len()));
            let again = merged("", &[file("/p/app/hotrun.toml", &show(&config, Path::new(CWD)))]);
            prop_assert!(again.is_ok() || !line.is_empty(), "{:?}", again.err());
            prop_assert_eq!(changes(&config, &config), []);
        }
    }
}
