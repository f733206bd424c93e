//! The watch thread: one queue of events and commands, and deadlines. Idle while nothing happens.
//!
//! Invariant: every file that counts and differs from what the latest build attempt started from has been
//! reported, or is held back with a deadline.

mod builds;
mod events;
mod following;
mod git;
mod judging;
mod parts;
mod scripted;
mod sync;
mod walking;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use self::git::Outgoing;
use self::parts::{Detection, Pace, SinceStart, Speaker, Wait, Writers};
use self::sync::Syncs;
use self::walking::ScanCause;

use crate::watch::attempt::Attempts;
use crate::watch::deferred::{DeferReason, Deferred};
use crate::watch::fingerprint::{Content, Fingerprint};
use crate::watch::globs::named_plainly;
use crate::watch::ignores::Ignores;
use crate::watch::inputs::Rules;
use crate::watch::ledger::{InitialBaseline, Ledger, Moment};
use crate::watch::news::{NewsSink, RoomMessage, WatchCommand, WatchNews};
use crate::watch::plan::Plan;
use crate::watch::scan::Scan;
use crate::watch::warning::Warning;
use crate::watch::watcher::REPORTS_CLOSE;

/// Messages taken from the queue before their changes are reported.
const BATCH: usize = 512;

pub(super) struct Room {
    plan: Plan,
    rules: Rules,
    ignores: Ignores,
    ledger: Ledger,
    writers: Writers,
    deferred: Deferred,
    scan: Scan,
    detection: Detection,
    pace: Pace,
    attempts: Attempts,
    since_start: SinceStart,
    /// Changes to report when no build runs and they have come to rest.
    waiting: HashMap<PathBuf, Wait>,
    outgoing: Outgoing,
    syncs: Syncs,
    speaker: Speaker,
}

impl Room {
    pub(super) fn new(plan: Plan, sink: NewsSink, events: Sender<RoomMessage>) -> Self {
        let rules = Rules::new(&plan);
        Self {
            ignores: Ignores::of(&plan, &rules),
            rules,
            plan,
            ledger: Ledger::default(),
            writers: Writers::default(),
            deferred: Deferred::default(),
            scan: Scan::default(),
            detection: Detection::new(events),
            pace: Pace::new(),
            attempts: Attempts::default(),
            since_start: SinceStart::default(),
            waiting: HashMap::new(),
            outgoing: Outgoing::default(),
            syncs: Syncs::default(),
            speaker: Speaker::new(sink),
        }
    }

    /// Runs until stopped.
    pub(super) fn run(mut self, queue: &Receiver<RoomMessage>) {
        self.open();
        loop {
            self.send_changes();
            self.answer_syncs();
            let first = match self.next_deadline() {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match first {
                Ok(message) => {
                    for message in std::iter::once(message).chain(queue.try_iter().take(BATCH)) {
                        match message {
                            RoomMessage::Command(_, WatchCommand::Stop) => return,
                            RoomMessage::Command(sent, command) => self.handle_command(sent, command),
                            RoomMessage::Event(signal) => self.handle_event(signal),
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.start_sync();
            self.deadlines();
        }
    }

    /// Chooses the backend, takes the first state, and reports that it watches.
    fn open(&mut self) {
        self.detection.limit_reached = false;
        self.detection.busy.clear();
        self.choose_backend();
        self.scan_all(ScanCause::Plan);
        // What is created once it watches is not missing.
        let missing: Vec<_> =
            named_plainly(&self.plan).into_iter().filter(|(path, _)| !path.exists()).collect();
        self.send_watching();
        for (path, key) in missing {
            self.warn(Warning::Missing { path, key });
        }
    }

    fn send_watching(&self) {
        let files = self.ledger.paths().filter(|path| self.verdict(path).counts()).count();
        let backend = self.detection.backend();
        self.speaker.say(WatchNews::Watching { files, folders: self.scan.folders.len(), backend });
    }

    fn handle_command(&mut self, sent: Moment, command: WatchCommand) {
        match command {
            WatchCommand::Replan(plan) => {
                let mut rules = Rules::new(&plan);
                rules.inherit(&self.rules);
                self.settle_named(&plan, &rules);
                self.rules = rules;
                self.plan = *plan;
                self.ignores = Ignores::of(&self.plan, &self.rules);
                self.open();
            }
            WatchCommand::BuildStarted { build, artifacts } => self.build_started(sent, build, artifacts),
            WatchCommand::BuildSucceeded { build, ended, dep_info, rerun_everything } => {
                self.build_succeeded(build, ended, dep_info, rerun_everything);
            }
            WatchCommand::BuildFailed { build, made, dep_info, rerun_everything, named } => {
                self.build_failed(build, sent.wall, &made, dep_info, rerun_everything, named);
            }
            WatchCommand::BuildCancelled(build) => self.build_cancelled(build, sent.wall),
            WatchCommand::ScriptRan { build, root, ended } => {
                if self.building().is_some_and(|attempt| attempt.build == build && attempt.started <= ended) {
                    self.since_start.scripts.insert(root, ended);
                }
            }
            WatchCommand::BuildResolved(build) => self.lock_file_written(build),
            WatchCommand::ProjectRead { began } => self.project_read(began),
            WatchCommand::ProgramStarts => {
                self.writers.program_started = Some(sent.wall);
                self.writers.echoes.started(false);
            }
            WatchCommand::SettingsRead(files) => self.settings_read(files),
            WatchCommand::Asked => {
                self.writers.echoes.restart_requested();
                self.speaker
                    .warned
                    .retain(|warning| !matches!(warning, Warning::Echo { .. } | Warning::Restless { .. }));
            }
            WatchCommand::Sync(token) => self.syncs.requests.push(token),
            WatchCommand::Stop => {}
        }
    }

    /// The runtime has just read these newly named files: only later changes count.
    fn settle_named(&mut self, plan: &Plan, rules: &Rules) {
        for path in plan.env_files.iter().chain(&plan.hotrun_configs) {
            let now = self.fingerprint(path);
            if !self.rules.is_named(path) && rules.is_named(path) && now.content != Content::Missing {
                self.ledger.record(path, now, Moment::now());
                self.ledger.set_baseline(path);
                self.deferred.remove(path);
            }
        }
    }

    /// Compares the settings files with what was read. One check may precede a save, and the next follow
    /// another save that restored the file, with the settings read in between.
    fn settings_read(&mut self, files: Vec<(PathBuf, Option<String>)>) {
        let content = |text: Option<String>| text.map_or(Content::Missing, |text| Content::of(&text));
        let files: HashMap<_, _> = files.into_iter().map(|(path, text)| (path, content(text))).collect();
        for (path, content) in &files {
            if self.ledger.get(path).is_none() && *content != Content::Missing {
                let read = Fingerprint { stat: None, content: *content };
                self.ledger.add(path, read, Moment::now(), InitialBaseline::Settled);
                self.check(path);
            }
        }
        self.ledger.read_as_settings(&files);
        self.judge_differing();
    }

    fn warn(&mut self, warning: Warning) {
        self.speaker.warn(warning);
    }

    fn send_changes(&mut self) {
        if !self.outgoing.changes.is_empty() && self.waits_for_git() {
            return;
        }
        let changes = self.outgoing.take();
        if !changes.is_empty() {
            self.speaker.say(WatchNews::Changed { changes });
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.building().is_none().then(|| self.waiting.values().map(Wait::due).min());
        let unchecked = (!self.pace.unchecked.is_empty()).then(Instant::now);
        let git = self.outgoing.next_check();
        let walks = [self.pace.scan_due, self.pace.poll_due, self.detection.busy.due(), unchecked, git];
        [self.deferred.next(), waiting.flatten(), self.sync_due()].into_iter().chain(walks).flatten().min()
    }

    fn deadlines(&mut self) {
        let now = Instant::now();
        if self.pace.scan_due.is_some_and(|due| due <= now) {
            self.scan_all(ScanCause::Events);
        } else if self.pace.poll_due.is_some_and(|due| due <= now) {
            self.scan_all(ScanCause::Poll);
        }
        if self.detection.busy.due().is_some_and(|due| due <= now) && self.detection.busy.poll(now) {
            self.request_scan();
        }
        self.check_some();
        for (path, why) in self.deferred.take_due(now) {
            let seen = self.fingerprint(&path);
            let was = self.ledger.get(&path).and_then(|entry| entry.now.stat);
            // Still being written, or just begun: any earlier reason gives way to this one.
            let recent = seen.stat.and_then(|stat| SystemTime::now().duration_since(stat.ctime).ok());
            let unsettled = why == DeferReason::Unsure
                && was != seen.stat
                && recent.is_some_and(|age| age < Duration::from_millis(20));
            if unsettled {
                self.deferred.defer(&path, why, now);
            } else if why == DeferReason::New && REPORTS_CLOSE && seen.content.is_empty_file() {
                // Its creator still has it open.
                self.deferred.defer(&path, DeferReason::Writing, now);
            } else {
                self.accept(&path, seen);
            }
        }
        if self.building().is_none() {
            let due = |(_, wait): &(&PathBuf, &Wait)| wait.due() <= now;
            let paths: Vec<PathBuf> = self.waiting.iter().filter(due).map(|(path, _)| path.clone()).collect();
            for path in paths {
                self.waiting.remove(&path);
                self.report_waiting(&path);
            }
        }
        self.expire_syncs(now);
    }
}
