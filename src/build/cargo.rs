//! Runs cargo: in a process group of its own, its messages read as they come, cancelled by group.
//!
//! One build at a time (L4). Before the first one the staging target may be seeded. Everything cargo says reaches the rest
//! of hotrun as [`BuildNews`]; nothing is printed here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cargo_metadata::BuildScript;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::error::BuildError;
use super::seed::{SeedNews, SeedPlan, Seeding};
use crate::messages::{self, CargoMessage, Diagnostic, Level};
use crate::session::{BuildOutcome, BuildSummary};
use crate::sys::{self, ChildState};
use crate::words::BuildId;

/// How long a cancelled cargo group has before SIGKILL: rustc dies at once, a build script may want to tidy up.
const CANCEL_GRACE: Duration = Duration::from_millis(300);
/// How long the pipes of a cargo that has ended are read on while somebody else holds them open.
const PIPE_GRACE: Duration = Duration::from_millis(200);
/// How long the rest of a killed group is waited for.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// One run of cargo.
#[derive(Debug, Clone)]
pub struct BuildOrder {
    /// Its number.
    pub build: BuildId,
    /// cargo and its arguments.
    pub command: Vec<OsString>,
    /// The complete environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The folder to run it in.
    pub cwd: PathBuf,
    /// What is being built.
    pub program: Program,
    /// What the staging target may begin as.
    pub seed: Option<SeedPlan>,
}

/// Which of the artifacts is the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The package's id, as cargo prints it.
    pub package: String,
    /// The target's name.
    pub target: String,
}

/// What a build gave, known when it has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildResult {
    /// The program.
    pub executable: PathBuf,
    /// What every build script of the build printed, now or when it last ran.
    pub scripts: Vec<BuildScript>,
}

/// What comes out of a build.
#[derive(Debug)]
pub enum BuildNews {
    /// cargo runs.
    Spawned {
        /// Which build.
        build: BuildId,
        /// cargo's pid, and the id of its process group.
        pid: u32,
    },
    /// A build script is done, now or in an earlier build.
    ScriptRan {
        /// Which build.
        build: BuildId,
        /// cargo's ID of its package.
        package: String,
        /// Its `OUT_DIR`.
        out_dir: PathBuf,
    },
    /// cargo has read the manifests, written `Cargo.lock` where it had to, and begun with the units.
    Resolved {
        /// Which build.
        build: BuildId,
    },
    /// The compiler said something.
    Diagnostic {
        /// Which build.
        build: BuildId,
        /// What.
        diagnostic: Box<Diagnostic>,
    },
    /// A line of cargo's stderr, without its end. A line that cargo means to overwrite (its progress bar) is `transient`.
    Line {
        /// Which build.
        build: BuildId,
        /// The line, colours and all.
        text: String,
        /// It ends with a carriage return.
        transient: bool,
    },
    /// cargo's process group was stopped by this signal: SIGTTIN or SIGTTOU where something it runs asks for the terminal.
    Stopped {
        /// Which build.
        build: BuildId,
        /// By which signal.
        signal: i32,
    },
    /// The staging target begins as a copy, or does not.
    Seed(SeedNews),
    /// Somebody else removed the live binary.
    LiveRemoved,
    /// cargo and its process group have ended.
    Ended {
        /// Which build.
        build: BuildId,
        /// How.
        outcome: BuildOutcome,
        /// What it gave, where it succeeded.
        result: Option<BuildResult>,
        /// What went wrong where the compiler found no fault.
        error: Option<BuildError>,
    },
}

/// Runs one cargo at a time.
#[derive(Debug)]
pub struct Cargo {
    news: mpsc::UnboundedSender<BuildNews>,
    current: Option<(BuildId, oneshot::Sender<()>)>,
    /// A seeding that was begun before the first build was ordered.
    early: Option<Seeding>,
    seed: Option<Rc<Seed>>,
}

/// The seeding of this hotrun, and whether a build has succeeded with it since.
#[derive(Debug)]
struct Seed {
    seeding: Seeding,
    proven: Cell<bool>,
}

impl Cargo {
    /// What happens is sent to `news`.
    pub fn new(news: mpsc::UnboundedSender<BuildNews>) -> Self {
        Self { news, current: None, early: None, seed: None }
    }

    /// Where news of builds goes.
    pub fn news(&self) -> mpsc::UnboundedSender<BuildNews> {
        self.news.clone()
    }

    /// Begins to seed the staging target for a build that will be ordered, unless its order has another plan.
    pub fn prepare(&mut self, plan: SeedPlan) {
        if plan.is_due() {
            self.early = Some(Seeding::begin(plan, self.news.clone()));
        }
    }

    /// Starts cargo, where the staging target is being seeded so that it waits for that. Must be called within a tokio `LocalSet`.
    pub fn start(&mut self, order: BuildOrder) {
        let (cancel, cancelled) = oneshot::channel();
        self.current = Some((order.build, cancel));
        // A build that was cancelled while it waited for the copy has not stopped it.
        if self.seed.is_none() {
            self.seed = self.seeding(order.seed.as_ref());
        }
        let seed = self.seed.clone().filter(|seed| !seed.proven.get());
        tokio::task::spawn_local(run(order, seed, cancelled, self.news.clone()));
    }

    fn seeding(&mut self, plan: Option<&SeedPlan>) -> Option<Rc<Seed>> {
        // One that is dropped is gone, with what it has written, before another begins.
        let early = self.early.take().filter(|early| Some(early.plan()) == plan);
        let begin = || {
            let plan = plan?;
            if !plan.is_due() {
                plan.tidy();
                return None;
            }
            Some(Seeding::begin(plan.clone(), self.news.clone()))
        };
        let seeding = early.or_else(begin)?;
        seeding.confirm();
        Some(Rc::new(Seed { seeding, proven: Cell::new(false) }))
    }

    /// Ends the build's whole process group.
    pub fn cancel(&mut self, build: BuildId) {
        if let Some((_, cancel)) = self.current.take_if(|(current, _)| *current == build) {
            let _ = cancel.send(());
        }
    }
}

/// How one run of cargo ended.
struct Attempt {
    outcome: BuildOutcome,
    result: Option<BuildResult>,
    error: Option<BuildError>,
    /// It failed in a way that may be the fault of what was compiled before.
    odd: bool,
}

impl Attempt {
    fn without_result(outcome: BuildOutcome, error: Option<BuildError>) -> Self {
        Self { outcome, result: None, error, odd: false }
    }
}

async fn run(
    order: BuildOrder,
    seed: Option<Rc<Seed>>,
    mut cancelled: oneshot::Receiver<()>,
    news: mpsc::UnboundedSender<BuildNews>,
) {
    let attempt = match seed {
        None => attempt(&order, false, &mut cancelled, &news).await,
        Some(seed) => attempt_with(&seed, &order, &mut cancelled, &news).await,
    };
    let Attempt { outcome, result, error, .. } = attempt;
    let _ = news.send(BuildNews::Ended { build: order.build, outcome, result, error });
}

/// A build with a seed that no build has succeeded with yet: one that fails oddly is tried again without.
async fn attempt_with(
    seed: &Seed,
    order: &BuildOrder,
    cancelled: &mut oneshot::Receiver<()>,
    news: &mpsc::UnboundedSender<BuildNews>,
) -> Attempt {
    tokio::select! {
        biased;
        () = ordered(cancelled) => return Attempt::without_result(BuildOutcome::Cancelled, None),
        () = seed.seeding.ready() => {}
    }
    let first = attempt(order, seed.seeding.ended().is_none(), cancelled, news).await;
    match seed.seeding.ended() {
        // It was cancelled, or failed before it came to what is built.
        None => {}
        Some(seeded) if !seeded || matches!(first.outcome, BuildOutcome::Succeeded(_)) => {
            seed.proven.set(true);
        }
        Some(_) => {
            if first.odd
                && let Some(from) = seed.seeding.discard()
            {
                seed.proven.set(true);
                let _ = news.send(BuildNews::Seed(SeedNews::Discarded { from }));
                return attempt(order, false, cancelled, news).await;
            }
        }
    }
    first
}

/// Waits for the order to cancel. A sender that was dropped has been replaced by a newer build's: only an order cancels.
async fn ordered(cancelled: &mut oneshot::Receiver<()>) {
    if cancelled.is_terminated() || cancelled.await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn spawn(order: &BuildOrder) -> std::io::Result<Child> {
    let mut words = order.command.iter();
    let mut command = Command::new(words.next().map_or("cargo".as_ref(), OsString::as_os_str));
    command.args(words).current_dir(&order.cwd);
    sys::adopt_group(command.as_std_mut());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().envs(&order.env);
    command.spawn()
}

/// Runs cargo and reads what it says until it ends or is cancelled. `held`: hotrun has the lock of its folder for a while.
async fn attempt(
    order: &BuildOrder,
    held: bool,
    cancelled: &mut oneshot::Receiver<()>,
    news: &mpsc::UnboundedSender<BuildNews>,
) -> Attempt {
    let build = order.build;
    let began = Instant::now();
    let mut child = match spawn(order) {
        Ok(child) => child,
        Err(source) => {
            let program = order.command.first().map(|program| program.to_string_lossy().into_owned());
            let summary = BuildSummary { errors: 1, ..BuildSummary::default() };
            // The system says "no such file" of a missing folder too.
            let error = if order.cwd.is_dir() {
                BuildError::NotRun { program: program.unwrap_or_default(), source }
            } else {
                BuildError::NoFolder(order.cwd.clone())
            };
            return Attempt::without_result(BuildOutcome::Failed(summary), Some(error));
        }
    };
    let _ = news.send(BuildNews::Spawned { build, pid: child.id().unwrap_or_default() });
    let group = child.id().map(u32::cast_signed);
    let read = RefCell::new(Read::default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        tokio::join!(
            read_messages(stdout, order, news, &read),
            read_lines(stderr, order.build, held, news, &read)
        );
    };
    let waiting = async {
        let mut reading = std::pin::pin!(reading);
        tokio::select! {
            () = &mut reading => child.wait().await,
            status = child.wait() => {
                // What cargo started for others may have kept its pipes; what cargo itself said is there already.
                let _ = timeout(PIPE_GRACE, reading).await;
                status
            }
        }
    };
    let stops = async {
        // Without a handler for SIGCHLD a password prompt would wait for ever; cancelling still works.
        let Ok(mut children) = signal(SignalKind::child()) else { return std::future::pending().await };
        while children.recv().await.is_some() {
            if let Some(ChildState::Stopped(signal)) = group.and_then(sys::take_stop) {
                let _ = news.send(BuildNews::Stopped { build, signal });
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = ordered(cancelled) => None,
        status = waiting => Some(status),
        () = stops => None,
    };
    let Some(status) = ended else {
        end_group(&mut child, group).await;
        return Attempt::without_result(BuildOutcome::Cancelled, None);
    };
    let read = read.into_inner();
    let summary = BuildSummary {
        errors: read.errors,
        warnings: read.warnings,
        fresh: read.fresh,
        took: began.elapsed(),
    };
    let success = status.is_ok_and(|status| status.success());
    let result = read.executable.map(|executable| BuildResult { executable, scripts: read.scripts });
    let (outcome, result, error) = match (success, result) {
        (true, Some(result)) => (BuildOutcome::Succeeded(summary), Some(result), None),
        (true, None) => {
            let error = BuildError::NoProgram(order.program.target.clone());
            (BuildOutcome::Failed(summary), None, Some(error))
        }
        (false, _) => (BuildOutcome::Failed(summary), None, None),
    };
    Attempt { outcome, result, error, odd: !success && read.odd }
}

/// SIGTERM to the group, SIGKILL to what is left of it, until nothing is.
async fn end_group(child: &mut Child, group: Option<i32>) {
    let Some(group) = group else { return };
    // An error means that there is nobody left to signal.
    let _ = sys::kill_group(group, libc::SIGTERM);
    if timeout(CANCEL_GRACE, group_empty(child, group)).await.is_ok() {
        return;
    }
    let _ = sys::kill_group(group, libc::SIGKILL);
    let _ = timeout(KILL_GRACE, group_empty(child, group)).await;
}

async fn group_empty(child: &mut Child, group: i32) {
    let _ = child.wait().await;
    // rustc and linkers end within a moment of cargo; nothing tells when the last member of a group is gone.
    let mut pause = Duration::from_micros(500);
    while sys::kill_group(group, 0).is_ok() && !sys::group_members(group).is_empty() {
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[derive(Debug, Default)]
struct Read {
    errors: u32,
    warnings: u32,
    fresh: bool,
    executable: Option<PathBuf>,
    scripts: Vec<BuildScript>,
    odd: bool,
}

async fn read_messages(
    stdout: Option<ChildStdout>,
    order: &BuildOrder,
    news: &mpsc::UnboundedSender<BuildNews>,
    read: &RefCell<Read>,
) {
    let Some(stdout) = stdout else { return };
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    let mut line = Vec::new();
    let mut resolved = false;
    while stdout.read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
        let message = messages::parse(String::from_utf8_lossy(&line).trim_end());
        line.clear();
        if !std::mem::replace(&mut resolved, true) {
            let _ = news.send(BuildNews::Resolved { build: order.build });
        }
        let mut read = read.borrow_mut();
        match message {
            CargoMessage::Diagnostic(diagnostic) if diagnostic.is_summary() => {}
            CargoMessage::Diagnostic(diagnostic) => {
                match diagnostic.level {
                    Level::Error => {
                        read.errors += 1;
                        read.odd |= diagnostic.blames_artifacts();
                    }
                    Level::Warning => read.warnings += 1,
                    Level::Note => {}
                }
                let _ =
                    news.send(BuildNews::Diagnostic { build: order.build, diagnostic: Box::new(diagnostic) });
            }
            CargoMessage::Executable { package, target, path, fresh }
                if package == order.program.package && target == order.program.target =>
            {
                read.executable = Some(path);
                read.fresh = fresh;
            }
            CargoMessage::BuildScript(script) => {
                let _ = news.send(BuildNews::ScriptRan {
                    build: order.build,
                    package: script.package_id.repr.clone(),
                    out_dir: script.out_dir.clone().into_std_path_buf(),
                });
                read.scripts.push(script);
            }
            _ => {}
        }
    }
}

async fn read_lines(
    stderr: Option<ChildStderr>,
    build: BuildId,
    held: bool,
    news: &mpsc::UnboundedSender<BuildNews>,
    read: &RefCell<Read>,
) {
    let Some(mut stderr) = stderr else { return };
    let mut pending = Vec::new();
    let mut chunk = vec![0; 1 << 13];
    while let Ok(n) = stderr.read(&mut chunk).await {
        if n == 0 {
            break;
        }
        pending.extend_from_slice(&chunk[..n]);
        while let Some(end) = pending.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let transient = pending[end] == b'\r';
            let text = String::from_utf8_lossy(&pending[..end]).into_owned();
            pending.drain(..=end);
            read.borrow_mut().odd |= messages::line_blames_artifacts(&text);
            // Nobody need be told to wait for what hotrun does itself.
            if held && messages::line_waits_for_folder(&text) {
                continue;
            }
            let _ = news.send(BuildNews::Line { build, text, transient });
        }
    }
    if !pending.is_empty() {
        let text = String::from_utf8_lossy(&pending).into_owned();
        let _ = news.send(BuildNews::Line { build, text, transient: false });
    }
}
