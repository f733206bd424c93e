//! The watch thread: one queue of events and commands, and deadlines. Idle while nothing happens.
//!
//! Invariant: every file that counts and differs from what the latest build attempt started from has been
//! reported, or is held back with a deadline.

mod events;
mod following;
mod git;
mod judging;
mod looks;
mod walking;

use self::walking::Cause;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use crate::watch::attempt::Attempt;
use crate::watch::echoes::Echoes;
use crate::watch::fingerprint::{self, Content, Fingerprint};
use crate::watch::glances::Glances;
use crate::watch::globs::named_plainly;
use crate::watch::guard::Guard;
use crate::watch::holds::{Holds, Why};
use crate::watch::ignores::Ignores;
use crate::watch::inputs::{Read, Rules};
use crate::watch::ledger::{Ledger, Moment, Origin};
use crate::watch::news::{Backend, Command, Message, News, Sink};
use crate::watch::plan::Plan;
use crate::watch::sieve::Sieve;
use crate::watch::survey::Survey;
use crate::watch::warning::Warning;
use crate::watch::watcher::{Native, TELLS_CLOSING};
use crate::watch::{dep_info, polling, units};
use crate::words::{BuildId, Change, ChangeKind};

/// Messages taken from the queue before their changes are reported.
const BATCH: usize = 512;

/// A change that must come to rest before it is reported.
#[derive(Debug, Clone, Copy)]
struct Wait {
    since: Instant,
    rest: Duration,
    /// Reported at this time in any case.
    until: Instant,
}

impl Wait {
    fn due(&self) -> Instant {
        (self.since + self.rest).min(self.until)
    }
}

/// How long a change waits at most for its file to come to rest.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Room {
    plan: Plan,
    rules: Rules,
    ignores: Ignores,
    ledger: Ledger,
    guard: Guard,
    echoes: Echoes,
    /// When the program was started last.
    program_started: Option<SystemTime>,
    /// Files that were written and not closed since.
    writing: HashSet<PathBuf>,
    holds: Holds,
    survey: Survey,
    native: Option<Native>,
    sieve: Arc<Sieve>,
    glances: Glances,
    /// A folder could not be watched, so that only scans find changes in it.
    unwatched: bool,
    /// Files still to be checked since the end of the last build.
    stock: Vec<PathBuf>,
    /// The polling interval, if events are unreliable or a limit was reached.
    poll: Option<Duration>,
    limit_reached: bool,
    poll_due: Option<Instant>,
    survey_due: Option<Instant>,
    survey_cost: Duration,
    survey_end: Instant,
    attempt: Option<Attempt>,
    /// Changes to report when no build runs and they have come to rest.
    patient: HashMap<PathBuf, Wait>,
    /// How often each file was saved or removed since the latest build attempt started.
    disturbed: HashMap<PathBuf, u32>,
    /// Files touched since the start of the latest build attempt, which failed and may have read them
    /// half-written.
    suspects: HashSet<PathBuf>,
    /// Roots of the packages whose build script ended during the latest build attempt, and when.
    scripts: HashMap<PathBuf, SystemTime>,
    /// New files that a build script may have written: reported at the end of the build unless it did.
    unclaimed: HashSet<PathBuf>,
    /// Whether the last build was requested only for files saved or touched during a build, and nothing has
    /// changed since.
    asked_again: bool,
    changes: Vec<Change>,
    /// Since when they are held back until git has finished.
    git: Option<git::Waiting>,
    /// Requests for a check that has not started.
    wanted: Vec<u64>,
    looks: Vec<looks::Look>,
    noted: HashSet<PathBuf>,
    warned: HashSet<Warning>,
    sink: Sink,
    events: Sender<Message>,
}

impl Room {
    pub(super) fn new(plan: Plan, sink: Sink, events: Sender<Message>) -> Self {
        let rules = Rules::new(&plan);
        Self {
            ignores: Ignores::of(&plan, &rules),
            rules,
            plan,
            ledger: Ledger::default(),
            guard: Guard::default(),
            echoes: Echoes::default(),
            program_started: None,
            writing: HashSet::new(),
            holds: Holds::default(),
            survey: Survey::default(),
            native: None,
            sieve: Arc::default(),
            glances: Glances::default(),
            unwatched: false,
            stock: Vec::new(),
            poll: None,
            limit_reached: false,
            poll_due: None,
            survey_due: None,
            survey_cost: Duration::ZERO,
            survey_end: Instant::now(),
            attempt: None,
            patient: HashMap::new(),
            disturbed: HashMap::new(),
            suspects: HashSet::new(),
            scripts: HashMap::new(),
            unclaimed: HashSet::new(),
            asked_again: false,
            changes: Vec::new(),
            git: None,
            wanted: Vec::new(),
            looks: Vec::new(),
            noted: HashSet::new(),
            warned: HashSet::new(),
            sink,
            events,
        }
    }

    /// Runs until stopped.
    pub(super) fn run(mut self, queue: &Receiver<Message>) {
        self.open();
        loop {
            self.tell();
            self.answer_looks();
            let first = match self.next_deadline() {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match first {
                Ok(message) => {
                    for message in std::iter::once(message).chain(queue.try_iter().take(BATCH)) {
                        match message {
                            Message::Command(_, Command::Stop) => return,
                            Message::Command(sent, command) => self.command(sent, command),
                            Message::Signal(signal) => self.signal(signal),
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.take_look();
            self.deadlines();
        }
    }

    /// Chooses the backend, takes the first state, and reports that it watches.
    fn open(&mut self) {
        self.limit_reached = false;
        self.glances.end();
        self.choose_backend();
        self.take_survey(Cause::Plan);
        self.watching();
        for (path, key) in named_plainly(&self.plan).into_iter().filter(|(path, _)| !path.exists()) {
            self.warn(Warning::Missing { path, key });
        }
    }

    fn watching(&self) {
        let files = self.ledger.paths().filter(|path| self.verdict(path).counts()).count();
        let backend = match (&self.native, self.poll) {
            (Some(_), None) => Backend::Native,
            (Some(_), Some(interval)) => Backend::Mixed(interval),
            (None, interval) => Backend::Polling(interval.unwrap_or(polling::INTERVAL)),
        };
        (self.sink)(News::Watching { files, folders: self.survey.folders.len(), backend });
    }

    fn command(&mut self, sent: Moment, command: Command) {
        match command {
            Command::Replan(plan) => {
                let mut rules = Rules::new(&plan);
                rules.inherit(&self.rules);
                self.settle_named(&plan, &rules);
                self.rules = rules;
                self.plan = *plan;
                self.ignores = Ignores::of(&self.plan, &self.rules);
                self.open();
            }
            Command::BuildStarted(build) => {
                self.guard.build_started();
                self.echoes.begun(true);
                let put_off = self.put_off(sent.wall);
                self.attempt = Some(Attempt::start(build, sent.wall, self.attempt));
                // The build has these; changes after its start are reported below.
                self.changes.retain(|change| change.kind != ChangeKind::Source || change.hidden);
                self.disturbed.clear();
                self.suspects.clear();
                self.scripts.clear();
                let unclaimed = std::mem::take(&mut self.unclaimed);
                let held: Vec<PathBuf> = self.holds.paths().map(Path::to_path_buf).collect();
                for path in held.iter().filter(|path| !put_off.contains_key(*path)) {
                    let now = self.fingerprint(path);
                    self.ledger.reconsider(path, now, Moment::now());
                }
                let doubtful = self.ledger.build_started(sent, &put_off);
                for path in doubtful.iter().chain(unclaimed.iter().filter(|path| put_off.contains_key(*path)))
                {
                    self.judge(path);
                }
            }
            Command::BuildSucceeded { build, dep_info, rerun_everything } => {
                self.ended(build, sent.wall);
                let sources: Vec<PathBuf> = dep_info.into_iter().map(tidy).collect();
                self.meet_lost(&sources);
                let read = self.rules.succeeded(sources.into_iter().collect(), &rerun_everything);
                self.follow(read);
                self.tell_disturbed(2);
            }
            Command::BuildFailed { build, named } => {
                self.ended(build, sent.wall);
                let read = self.failed(named);
                self.follow(read);
                self.tell_disturbed(1);
                if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.build == build) {
                    attempt.failed = true;
                    self.stock = self.ledger.paths().map(Path::to_path_buf).collect();
                }
            }
            Command::BuildCancelled(build) => {
                self.ended(build, sent.wall);
                if self.events_tell() { self.follow(Read::Same) } else { self.ask_for_survey() }
            }
            Command::ScriptRan { build, root, ended } => {
                if self.building().is_some_and(|attempt| attempt.build == build && attempt.started <= ended) {
                    self.scripts.insert(root, ended);
                }
            }
            Command::BuildResolved(build) => self.resolved(build),
            Command::ProgramStarts => {
                self.program_started = Some(sent.wall);
                self.echoes.begun(false);
            }
            Command::SettingsRead(files) => self.settings_read(files),
            Command::Asked => {
                self.echoes.asked();
                self.warned
                    .retain(|warning| !matches!(warning, Warning::Echo { .. } | Warning::Restless { .. }));
            }
            Command::Look(token) => self.wanted.push(token),
            Command::Rescan => self.take_survey(Cause::Events),
            Command::Stop => {}
        }
    }

    /// The runtime has just read these newly named files: only later changes count.
    fn settle_named(&mut self, plan: &Plan, rules: &Rules) {
        for path in plan.env_files.iter().chain(&plan.hotrun_configs) {
            let now = self.fingerprint(path);
            if !self.rules.is_named(path) && rules.is_named(path) && now.content != Content::Missing {
                self.ledger.record(path, now, Moment::now());
                self.ledger.settle(path);
                self.holds.release(path);
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
                self.ledger.meet(path, read, Moment::now(), Origin::Settled);
                self.look(path);
            }
        }
        self.ledger.read_as_settings(&files);
        self.judge_differing();
    }

    /// cargo writes `Cargo.lock` itself before it compiles anything, while it holds the lock of the build
    /// directory: this content is what the attempt is built from.
    fn resolved(&mut self, build: BuildId) {
        if self.building().is_none_or(|attempt| attempt.build != build) {
            return;
        }
        let lock_file = self.plan.lock_file.clone();
        let now = self.fingerprint(&lock_file);
        self.ledger.record(&lock_file, now, Moment::now());
        self.ledger.settle(&lock_file);
        self.holds.release(&lock_file);
        self.patient.remove(&lock_file);
        self.disturbed.remove(&lock_file);
    }

    /// Updates the inputs with what may fix the failed build: the paths its errors named, and the files rustc
    /// was compiling.
    fn failed(&mut self, named: Vec<PathBuf>) -> Read {
        let plan = &self.plan;
        let units = units::read(&plan.build_directory, &plan.workspace_root, &plan.packages);
        let wanted = named.into_iter().chain(units.into_iter().flat_map(|unit| unit.files));
        let read = self.rules.failed(wanted.map(tidy).collect());
        if read == Read::Fewer {
            self.ignores = Ignores::of(&self.plan, &self.rules);
        }
        read
    }

    fn ended(&mut self, build: BuildId, at: SystemTime) {
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.build == build) {
            attempt.end(at);
        }
        for path in std::mem::take(&mut self.unclaimed) {
            if self.by_script(&path) {
                self.ledger.settle(&path);
            }
        }
    }

    /// Whether the file was last changed while the build script of its package ran in the latest attempt. The
    /// package was compiled after that, from this content.
    fn by_script(&self, path: &Path) -> bool {
        let (Some(attempt), Some(entry)) = (self.attempt, self.ledger.get(path)) else { return false };
        let changed = entry.now.changed_at();
        self.scripts
            .iter()
            .filter(|(root, _)| path.starts_with(root))
            .any(|(_, ended)| attempt.started <= changed && changed <= *ended)
    }

    fn building(&self) -> Option<Attempt> {
        self.attempt.filter(|attempt| attempt.ended.is_none())
    }

    fn warn(&mut self, warning: Warning) {
        if self.warned.insert(warning.clone()) {
            (self.sink)(News::Warning(warning));
        }
    }

    fn tell(&mut self) {
        if !self.changes.is_empty() && self.waits_for_git() {
            return;
        }
        self.git = None;
        if !self.changes.is_empty() {
            let mut changes = std::mem::take(&mut self.changes);
            // Of two changes of a path, the last one counts.
            let mut told = HashSet::new();
            changes.reverse();
            changes.retain(|change| told.insert((change.path.clone(), change.kind)));
            changes.reverse();
            (self.sink)(News::Changed { changes });
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let patient = self.building().is_none().then(|| self.patient.values().map(Wait::due).min());
        let stock = (!self.stock.is_empty()).then(Instant::now);
        let git = self.git.map(|_| Instant::now() + git::PAUSE);
        let walks = [self.survey_due, self.poll_due, self.glances.due(), stock, git];
        [self.holds.next(), patient.flatten(), self.look_due()].into_iter().chain(walks).flatten().min()
    }

    fn deadlines(&mut self) {
        let now = Instant::now();
        if self.survey_due.is_some_and(|due| due <= now) {
            self.take_survey(Cause::Events);
        } else if self.poll_due.is_some_and(|due| due <= now) {
            self.take_survey(Cause::Poll);
        }
        if self.glances.due().is_some_and(|due| due <= now) && self.glances.glance(now) {
            self.ask_for_survey();
        }
        self.take_stock();
        for (path, why) in self.holds.take_due(now) {
            let seen = self.fingerprint(&path);
            let was = self.ledger.get(&path).and_then(|entry| entry.now.stat);
            // Still being written, or just begun: any earlier reason gives way to this one.
            let recent = seen.stat.and_then(|stat| SystemTime::now().duration_since(stat.ctime).ok());
            let unsettled = why == Why::Unsure
                && was != seen.stat
                && recent.is_some_and(|age| age < Duration::from_millis(20));
            if unsettled {
                self.holds.hold(&path, why, now);
            } else if why == Why::New && TELLS_CLOSING && seen.content.is_empty_file() {
                // Its creator still has it open.
                self.holds.hold(&path, Why::Writing, now);
            } else {
                self.accept(&path, seen);
            }
        }
        if self.building().is_none() {
            let due = |(_, wait): &(&PathBuf, &Wait)| wait.due() <= now;
            let paths: Vec<PathBuf> = self.patient.iter().filter(due).map(|(path, _)| path.clone()).collect();
            for path in paths {
                self.patient.remove(&path);
                self.report_patient(&path);
            }
        }
        self.end_patience(now);
    }
}

/// Folds `..` in a path if the result is the same file.
fn tidy(path: PathBuf) -> PathBuf {
    let folded = dep_info::fold(&path);
    let id = |path: &Path| fingerprint::stat(path).map(|stat| stat.id);
    if folded == path || id(&folded) == id(&path) { folded } else { path }
}
