//! A run of cargo: starts it, reads its output until it ends, and ends its whole group on cancellation.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use cargo_metadata::BuildScript;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::consume_budget;
use tokio::time::{sleep, timeout};

use super::error::BuildError;
use super::news::BuildNews;
use super::order::{BuildOrder, Group, Job, Program};
use super::result::{BuildResult, Library};
use super::scripts::{self, Outputs};
use super::told::Told;
use crate::messages::{self, CargoErrors, CargoMessage, Diagnostic, Level, NamedPaths, StderrLine};
use crate::session::{BuildOutcome, BuildSummary};
use crate::sys::{self, ChildState};
use crate::words::{ArtifactId, BuildId};

/// How long a cancelled cargo group has before SIGKILL: a build script may need to clean up.
const CANCEL_GRACE: Duration = Duration::from_millis(300);
/// How long to read from the pipes of an ended cargo while other processes hold them open.
const PIPE_GRACE: Duration = Duration::from_millis(200);
/// How long to wait for the rest of a killed group.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// A longer line of stderr comes in parts.
const LONGEST_LINE: usize = 64 << 10;
/// A longer line of stdout is no message.
const LONGEST_MESSAGE: u64 = 16 << 20;

pub(super) struct CargoRun {
    pub(super) outcome: BuildOutcome,
    pub(super) results: BTreeMap<ArtifactId, BuildResult>,
    pub(super) error: Option<BuildError>,
    /// Whether it failed because earlier artifacts could not be loaded.
    pub(super) unloadable: bool,
    pub(super) named: NamedPaths,
}

impl CargoRun {
    pub(super) fn without_result(outcome: BuildOutcome, error: Option<BuildError>) -> Self {
        Self { outcome, results: BTreeMap::new(), error, unloadable: false, named: NamedPaths::default() }
    }
}

/// Waits for cancellation. A dropped sender cancels nothing: a newer build has replaced it.
pub(super) async fn cancelled_by_order(cancelled: &mut oneshot::Receiver<()>) {
    if cancelled.is_terminated() || cancelled.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns the command of a cargo in a group of its own, without its pipes.
pub(super) fn command(order: &BuildOrder, group: &Group) -> Command {
    let mut words = group.command.iter();
    let mut command = Command::new(words.next().map_or("cargo".as_ref(), OsString::as_os_str));
    command.args(words).current_dir(&order.cwd);
    sys::adopt_group(command.as_std_mut());
    command.stdin(Stdio::null()).env_clear().envs(&order.env);
    command
}

/// Runs a group's cargo until it ends or is cancelled. With `held`, hotrun itself has the lock that cargo may wait for.
pub(super) async fn run_cargo(job: &mut Job, group: usize, held: bool, told: &mut Told) -> CargoRun {
    let Job { order, cancelled, news, outputs } = job;
    let (order, build, group) = (&*order, order.build, &order.groups[group]);
    let began = Instant::now();
    let mut child = match command(order, group).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(source) => {
            let program = group.command.first().map(|program| program.to_string_lossy().into_owned());
            let summary = BuildSummary { errors: 1, ..BuildSummary::default() };
            // A missing folder gives "no such file" too.
            let error = if order.cwd.is_dir() {
                BuildError::NotRun { program: program.unwrap_or_default(), source }
            } else {
                BuildError::NoFolder(order.cwd.clone())
            };
            let outcome = BuildOutcome::Failed { summary, made: BTreeSet::new() };
            return CargoRun::without_result(outcome, Some(error));
        }
    };
    let _ = news.send(BuildNews::Spawned { build, pid: child.id().unwrap_or_default() });
    let pid = child.id().map(u32::cast_signed);
    let read = RefCell::new(ReadOutput { told: std::mem::take(told), ..ReadOutput::default() });
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        tokio::join!(
            read_messages(stdout, build, group, news, outputs, &read),
            read_lines(stderr, build, held, news, &read)
        );
    };
    let waiting = async {
        let mut reading = std::pin::pin!(reading);
        let status = tokio::select! {
            () = &mut reading => child.wait().await,
            status = child.wait() => {
                // Processes that cargo started may keep its pipes; cargo's own output has arrived.
                let _ = timeout(PIPE_GRACE, reading).await;
                status
            }
        };
        // They ran while cargo went on, and are usually done.
        let examinations = std::mem::take(&mut read.borrow_mut().examinations);
        for examination in examinations {
            let _ = examination.await;
        }
        status
    };
    let stops = async {
        // Without a handler for SIGCHLD a password prompt would wait forever; cancelling still works.
        let Ok(mut children) = signal(SignalKind::child()) else { return std::future::pending().await };
        while children.recv().await.is_some() {
            if let Some(ChildState::Stopped(signal)) = pid.and_then(sys::take_stop) {
                let _ = news.send(BuildNews::Stopped { build, signal });
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = cancelled_by_order(cancelled) => None,
        status = waiting => Some(status),
        () = stops => None,
    };
    let Some(status) = ended else {
        end_group(&mut child, pid).await;
        return CargoRun::without_result(BuildOutcome::Cancelled, None);
    };
    let mut read = read.into_inner();
    *told = std::mem::take(&mut read.told);
    let success = status.is_ok_and(|status| status.success());
    let summary = BuildSummary {
        // A macro may print lines like those of an error.
        errors: if success { 0 } else { read.errors },
        warnings: read.warnings,
        fresh: read.fresh,
        took: began.elapsed(),
    };
    let result = |executable: PathBuf| {
        let mut libraries = scripts::libraries(&read.scripts);
        libraries.extend(of_program(&executable, &read.libraries).cloned());
        BuildResult {
            dep_info: success.then(|| executable.with_extension("d")),
            executable,
            aside: None,
            libraries,
            outputs: outputs.changes(),
            scripts: read.scripts.clone(),
        }
    };
    let executables = std::mem::take(&mut read.executables);
    let mut results: BTreeMap<_, _> = executables.into_iter().map(|(id, path)| (id, result(path))).collect();
    let missing = group.programs.iter().find(|(id, _)| !results.contains_key(id));
    let error = missing.filter(|_| success).map(|(_, program)| BuildError::NoProgram(program.target.clone()));
    let outcome = match (success, missing) {
        (true, None) => BuildOutcome::Succeeded(summary),
        (false, None) => {
            // What failed is no single program.
            results.clear();
            BuildOutcome::Failed { summary, made: BTreeSet::new() }
        }
        (_, Some(_)) => BuildOutcome::Failed { summary, made: results.keys().copied().collect() },
    };
    CargoRun { outcome, results, error, unloadable: !success && read.unloadable, named: read.named }
}

/// Returns the libraries built for the program's platform: cargo puts linked ones into the program's folder
/// or above it.
fn of_program<'a>(executable: &Path, libraries: &'a [Library]) -> impl Iterator<Item = &'a Library> {
    libraries.iter().filter(move |library| {
        !library.replaced || library.path.parent().is_some_and(|folder| executable.starts_with(folder))
    })
}

pub(super) async fn end_group(child: &mut Child, group: Option<i32>) {
    let Some(group) = group else { return };
    // An error means that the group is empty.
    let _ = sys::kill_group(group, libc::SIGTERM);
    if timeout(CANCEL_GRACE, group_empty(child, group)).await.is_ok() {
        return;
    }
    let _ = sys::kill_group(group, libc::SIGKILL);
    let _ = timeout(KILL_GRACE, group_empty(child, group)).await;
}

async fn group_empty(child: &mut Child, group: i32) {
    let _ = child.wait().await;
    // rustc and linkers end within a moment of cargo.
    all_empty(&[group]).await;
}

/// Ends processes that build scripts left running in the groups of earlier cargos.
pub async fn end_left(groups: &[i32]) {
    for (signal, grace) in [(libc::SIGTERM, CANCEL_GRACE), (libc::SIGKILL, KILL_GRACE)] {
        for &group in groups.iter().filter(|&&group| !sys::own_group_members(group).is_empty()) {
            let _ = sys::kill_group(group, signal);
        }
        if timeout(grace, all_empty(groups)).await.is_ok() {
            return;
        }
    }
}

/// Waits until these groups are empty. Polls, since no event tells when the last member of a group has ended.
async fn all_empty(groups: &[i32]) {
    let mut pause = Duration::from_micros(500);
    while groups.iter().any(|&group| !sys::own_group_members(group).is_empty()) {
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[derive(Debug, Default)]
struct ReadOutput {
    errors: u32,
    warnings: u32,
    /// Whether cargo had built an executable before.
    fresh: bool,
    executables: BTreeMap<ArtifactId, PathBuf>,
    libraries: Vec<Library>,
    scripts: Vec<BuildScript>,
    /// The running examinations of build script output.
    examinations: Vec<oneshot::Receiver<()>>,
    unloadable: bool,
    named: NamedPaths,
    told: Told,
}

impl ReadOutput {
    /// Reports an error of cargo; it counts like one of the compiler.
    fn report(
        &mut self,
        error: Option<Box<Diagnostic>>,
        build: BuildId,
        news: &mpsc::UnboundedSender<BuildNews>,
    ) {
        if let Some(diagnostic) = error.filter(|it| self.told.is_new(it)) {
            self.errors += 1;
            let _ = news.send(BuildNews::CargoError { build, diagnostic });
        }
    }
}

async fn read_messages(
    stdout: Option<ChildStdout>,
    build: BuildId,
    group: &Group,
    news: &mpsc::UnboundedSender<BuildNews>,
    outputs: &Outputs,
    read: &RefCell<ReadOutput>,
) {
    let Some(stdout) = stdout else { return };
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    let mut line = Vec::new();
    while (&mut stdout).take(LONGEST_MESSAGE).read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
        // A flood of messages must not starve other tasks.
        consume_budget().await;
        let message = messages::parse(String::from_utf8_lossy(&line).trim_end());
        line.clear();
        let mut read = read.borrow_mut();
        if read.told.resolves() {
            let _ = news.send(BuildNews::Resolved { build });
        }
        match message {
            CargoMessage::Diagnostic(diagnostic, _) if diagnostic.is_summary() => {}
            CargoMessage::Diagnostic(diagnostic, named) => {
                read.named.join(named);
                read.unloadable |= diagnostic.level == Level::Error && diagnostic.blames_artifacts();
                if !read.told.is_new(&diagnostic) {
                    continue;
                }
                match diagnostic.level {
                    Level::Error => read.errors += 1,
                    Level::Warning => read.warnings += 1,
                    Level::Note => {}
                }
                let _ = news.send(BuildNews::Diagnostic { build, diagnostic: Box::new(diagnostic) });
            }
            CargoMessage::Executable { package, target, example, path, fresh } => {
                // Two services may run the same program.
                let is =
                    |it: &&Program| it.package == package && it.target == target && it.example == example;
                let made = group.programs.iter().filter(|(_, program)| is(program));
                let made: Vec<_> = made.map(|(artifact, _)| (*artifact, path.clone())).collect();
                if !made.is_empty() {
                    read.fresh = fresh && (read.fresh || read.executables.is_empty());
                    read.executables.extend(made);
                }
            }
            CargoMessage::Libraries { files, linked } => {
                read.libraries.extend(files.into_iter().map(|path| Library { path, replaced: linked }));
            }
            CargoMessage::Text(text) => {
                let _ = news.send(BuildNews::Line { build, text, transient: false });
            }
            CargoMessage::BuildScript(script) => {
                read.examinations.extend(outputs.reported(&script));
                let _ = news.send(BuildNews::ScriptRan {
                    build,
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
    read: &RefCell<ReadOutput>,
) {
    let Some(mut stderr) = stderr else { return };
    let mut lines = Lines::default();
    let mut errors = CargoErrors::default();
    let mut chunk = vec![0; 1 << 13];
    while let Ok(n) = stderr.read(&mut chunk).await {
        if n == 0 {
            break;
        }
        lines.pending.extend_from_slice(&chunk[..n]);
        while let Some((text, transient)) = lines.next() {
            consume_budget().await;
            let plain = console::strip_ansi_codes(&text);
            let mut read = read.borrow_mut();
            if !transient && messages::stderr_line(&plain) == StderrLine::Text {
                read.named.line(&plain);
            }
            let (error, rest) = if transient { (None, true) } else { errors.take(&text, &plain) };
            read.report(error, build, news);
            drop(read);
            if !rest {
                continue;
            }
            // hotrun itself is what cargo waits for.
            if held && messages::line_waits_for_folder(&text) {
                continue;
            }
            let _ = news.send(BuildNews::Line { build, text, transient });
        }
    }
    let mut read = read.borrow_mut();
    if !lines.pending.is_empty() {
        let text = String::from_utf8_lossy(&lines.pending).into_owned();
        let (error, rest) = errors.take(&text, &console::strip_ansi_codes(&text));
        read.report(error, build, news);
        if rest {
            let _ = news.send(BuildNews::Line { build, text, transient: false });
        }
    }
    read.report(errors.finish(), build, news);
}

#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    /// No line ends before this index.
    scanned: usize,
}

impl Lines {
    /// Returns the next line, and whether it is to be overwritten. A line that is too long comes in parts.
    fn next(&mut self) -> Option<(String, bool)> {
        let found = self.pending[self.scanned..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (end, rest) = match found.map(|at| self.scanned + at) {
            Some(end) => (end, end + 1),
            None if self.pending.len() > LONGEST_LINE => {
                // Not within a letter (UTF-8 has at most three bytes after the first).
                let within = |at: &usize| self.pending[*at] & 0xc0 == 0x80;
                let end =
                    (LONGEST_LINE - 3..=LONGEST_LINE).rev().find(|at| !within(at)).unwrap_or(LONGEST_LINE);
                (end, end)
            }
            None => {
                self.scanned = self.pending.len();
                return None;
            }
        };
        let text = String::from_utf8_lossy(&self.pending[..end]).into_owned();
        let transient = found.is_some() && self.pending[end] == b'\r';
        self.pending.drain(..rest);
        self.scanned = 0;
        Some((text, transient))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_they_end_and_where_they_are_too_long() {
        let mut lines = Lines::default();
        let mut read = |chunk: &[u8]| {
            lines.pending.extend_from_slice(chunk);
            std::iter::from_fn(|| lines.next()).collect::<Vec<_>>()
        };
        let line = |text: &str, transient| (text.to_owned(), transient);
        assert_eq!(read(b"a\nb"), [line("a", false)]);
        assert_eq!(read(b"c\rd\n\n"), [line("bc", true), line("d", false), line("", false)]);
        // 50 MB without a line end, in letters of two bytes.
        let (chunk, mut bytes, mut longest) = ("\u{e4}".repeat(1 << 12), 0, 0);
        for _ in 0..50_000_000 / chunk.len() {
            for (part, _) in read(chunk.as_bytes()) {
                assert!(part.starts_with('\u{e4}') && part.ends_with('\u{e4}'));
                longest = longest.max(part.len());
                bytes += part.len();
            }
        }
        assert!(bytes > 49_000_000 && longest <= LONGEST_LINE, "{bytes} {longest}");
    }
}
