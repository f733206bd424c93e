//! An edited config or env file: read first, then what came with it is followed.

use super::*;

const FILE: &str = "/hotrun.toml";

fn edit(kinds: &[(&str, ChangeKind)]) -> Event {
    Event::FilesChanged(kinds.iter().map(|(path, kind)| of_kind(path, *kind)).collect())
}

fn plain() -> ConfigChange {
    ConfigChange {
        files: vec![FILE.into()],
        keys: vec!["watch.debounce".to_owned()],
        readiness: BTreeSet::new(),
        setup: setup(settings()),
        restart: BTreeSet::new(),
        build: BTreeSet::new(),
        next_start: false,
    }
}

fn read(change: ConfigChange) -> Event {
    Event::ConfigRead(Some(change))
}

/// An edited env file sets something else.
pub(super) fn env_file_read(settings: Settings) -> Event {
    let restart = BTreeSet::from([ServiceId::MAIN]);
    read(ConfigChange {
        files: vec![".env".into()],
        keys: Vec::new(),
        setup: setup(settings),
        restart,
        ..plain()
    })
}

fn then(t: &mut Table, change: ConfigChange) -> AfterConfig {
    let effects = t.session.handle(t.now, read(change));
    let said = effects.into_iter().find_map(|effect| match effect {
        Effect::Report(Notice::ConfigChanged { then, .. }) => Some(then),
        _ => None,
    });
    said.unwrap()
}

#[test]
fn an_edit_that_is_invalid_or_changes_nothing_does_nothing() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(FILE, ChangeKind::Config)]), &["read config"]);
    t.expect(Event::ConfigRead(None), &[]);
}

#[test]
fn settings_are_in_force_at_once() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(FILE, ChangeKind::Config)]), &["read config"]);
    let slow = Setup { debounce: ms(700), ..setup(settings()) };
    t.expect(read(ConfigChange { setup: slow, ..plain() }), &[]);
    assert_eq!(t.edit("a.rs"), ["timer Burst 700ms", "build 2"]);
}

#[test]
fn what_the_program_is_started_with_restarts_it() {
    let mut t = Table::running(settings());
    t.expect(
        read(ConfigChange { restart: BTreeSet::from([ServiceId::MAIN]), ..plain() }),
        &["stop 0.1 with 15"],
    );
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 1"]);
}

#[test]
fn an_env_file_restarts_without_a_build() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(".env", ChangeKind::EnvFile)]), &["read config"]);
    t.expect(env_file_read(settings()), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 1"]);
}

#[test]
fn an_env_file_that_is_refused_or_sets_the_same_touches_nothing() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(".env", ChangeKind::EnvFile)]), &["read config"]);
    t.expect(Event::ConfigRead(None), &[]);
    assert_eq!(t.said(env_file_read(settings())), ["Stopping"], "no setting is said to have changed");
}

#[test]
fn a_new_stop_signal_is_the_one_of_this_restart() {
    let mut t = Table::running(settings());
    let stop = StopPlan { signal: 2, timeout: ms(100) };
    let change = ConfigChange {
        setup: setup(Settings { stop, ..settings() }),
        restart: BTreeSet::from([ServiceId::MAIN]),
        ..plain()
    };
    t.expect(read(change), &["stop 0.1 with 2"]);
}

#[test]
fn a_config_and_a_source_saved_at_once_are_one_build_after_which_it_restarts_in_any_case() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(FILE, ChangeKind::Config), ("a.rs", ChangeKind::Source)]), &["read config"]);
    t.expect(
        read(ConfigChange { restart: BTreeSet::from([ServiceId::MAIN]), ..plain() }),
        &[BURST, "build 2"],
    );
    t.expect(ok(2), &["publish 2"]);
    t.expect(unchanged(2, false), &["stop 0.1 with 15"]);
}

#[test]
fn the_source_of_an_invalid_edit_is_built_all_the_same() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(FILE, ChangeKind::Config), ("a.rs", ChangeKind::Source)]), &["read config"]);
    t.expect(Event::ConfigRead(None), &[BURST, "build 2"]);
}

#[test]
fn what_cargo_is_asked_builds_and_a_running_build_makes_room() {
    let mut t = Table::running(settings());
    t.expect(
        read(ConfigChange { build: BTreeSet::from([ArtifactId::MAIN]), ..plain() }),
        &[BURST, "read for 2"],
    );
    t.expect(project_read(2, ReadOutcome::Read), &["build 2"]);
    t.wait(ms(100)).expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(
        read(ConfigChange { build: BTreeSet::from([ArtifactId::MAIN]), ..plain() }),
        &[BURST, "cancel 2"],
    );
    t.expect(cancelled(2), &["read for 3"]);
}

#[test]
fn a_manifest_may_hold_settings_and_is_a_build_in_any_case() {
    let mut t = Table::running(settings());
    t.expect(edit(&[("Cargo.toml", ChangeKind::Manifest)]), &["read config"]);
    t.expect(Event::ConfigRead(None), &[BURST, "read for 2"]);
    t.expect(project_read(2, ReadOutcome::Read), &["build 2"]);
}

#[test]
fn a_project_is_read_until_it_can_be_and_not_again_for_other_edits() {
    let mut t = Table::running(settings());
    t.expect(edit(&[("Cargo.toml", ChangeKind::Manifest)]), &["read config"]);
    t.expect(Event::ConfigRead(None), &[BURST, "read for 2"]);
    // A newer change cancels it, and nobody has heard of build 2.
    t.expect(edit(&[("a.rs", ChangeKind::Source)]), &[BURST, "cancel 2"]);
    t.expect(project_read(2, ReadOutcome::Cancelled), &[]);
    t.wait(ms(100)).expect(Event::TimerFired(Timer::Burst), &["read for 2"]);
    let failed = ReadOutcome::Failed(BuildSummary { errors: 1, ..BuildSummary::default() });
    assert_eq!(t.said(project_read(2, failed)), ["BuildStarted", "BuildFinished"]);
    assert_eq!(t.session.standing(t.now).state, State::Failed(Trouble::Build(BuildId(2))));
    t.expect(edit(&[("a.rs", ChangeKind::Source)]), &[BURST, "read for 3"]);
    t.expect(project_read(3, ReadOutcome::Read), &["build 3"]);
    t.expect(bad(3), &[]);
    t.wait(ms(100)).expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(edit(&[("a.rs", ChangeKind::Source)]), &[BURST, "build 4"]);
}

#[test]
fn it_is_said_what_follows() {
    let restart = ConfigChange { restart: BTreeSet::from([ServiceId::MAIN]), ..plain() };
    let build = ConfigChange { build: BTreeSet::from([ArtifactId::MAIN]), ..plain() };
    assert_eq!(then(&mut Table::running(settings()), plain()), AfterConfig::Nothing);
    assert_eq!(then(&mut Table::running(settings()), restart.clone()), AfterConfig::Restart);
    assert_eq!(then(&mut Table::running(settings()), build.clone()), AfterConfig::Build);
    let next = ConfigChange { next_start: true, ..plain() };
    assert_eq!(then(&mut Table::running(settings()), next), AfterConfig::NextStart);
    let mut paused = Table::running(settings());
    paused.tell(Event::Asked(Request::Pause));
    assert_eq!(then(&mut paused, restart), AfterConfig::Resume);
    paused.expect(Event::Asked(Request::Pause), &["stop 0.1 with 15"]);
    let mut paused = Table::running(settings());
    paused.tell(Event::Asked(Request::Pause));
    assert_eq!(then(&mut paused, build), AfterConfig::Resume);
    paused.expect(Event::Asked(Request::Pause), &["read for 2"]);
}

#[test]
fn manual_waits_until_somebody_asks_or_it_is_manual_no_longer() {
    let manual = || Settings { update: Update::Manual, ..settings() };
    let mut t = Table::running(manual());
    let restart =
        ConfigChange { setup: setup(manual()), restart: BTreeSet::from([ServiceId::MAIN]), ..plain() };
    assert_eq!(then(&mut t, restart.clone()), AfterConfig::NextStart);
    t.expect(read(restart), &[]);
    t.expect(read(plain()), &["stop 0.1 with 15"]);

    let mut t = Table::running(manual());
    // Nothing changed meanwhile, so nothing is due.
    t.expect(read(plain()), &[]);
    t.expect(read(ConfigChange { setup: setup(manual()), ..plain() }), &[]);
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &[]);
    t.expect(read(plain()), &["stop 0.1 with 15"]);
}

#[test]
fn a_program_that_has_ended_starts_with_what_changed() {
    let mut t = Table::running(settings());
    t.expect(exited(1, 1), &[]);
    t.expect(gone(1), &[]);
    t.expect(read(plain()), &[]);
    t.expect(
        read(ConfigChange { restart: BTreeSet::from([ServiceId::MAIN]), ..plain() }),
        &["start 0.2 build 1"],
    );
}

#[test]
fn manual_holds_nothing_back_from_a_program_that_has_ended() {
    let manual = || Settings { update: Update::Manual, ..settings() };
    let mut t = Table::running(manual());
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &[]);
    let change =
        ConfigChange { setup: setup(manual()), restart: BTreeSet::from([ServiceId::MAIN]), ..plain() };
    t.expect(read(change), &["start 0.2 build 1"]);
}

#[test]
fn r_while_paused_pays_the_restart_that_an_edit_is_owed() {
    let mut t = Table::running(settings());
    t.tell(Event::Asked(Request::Pause));
    t.expect(read(ConfigChange { restart: BTreeSet::from([ServiceId::MAIN]), ..plain() }), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    assert!(!t.session.builds.paused());
    t.tell(exited(1, 0));
    t.expect(gone(1), &["start 0.2 build 1"]);
}

#[test]
fn nothing_is_started_while_hotrun_ends() {
    let mut t = Table::running(settings());
    t.expect(edit(&[(FILE, ChangeKind::Config), ("a.rs", ChangeKind::Source)]), &["read config"]);
    t.tell(Event::Asked(Request::Quit(QuitReason::Asked)));
    t.expect(
        read(ConfigChange {
            restart: BTreeSet::from([ServiceId::MAIN]),
            build: BTreeSet::from([ArtifactId::MAIN]),
            ..plain()
        }),
        &[],
    );
}
