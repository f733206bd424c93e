//! The runtime: one loop that takes in what happens, asks the session, and carries its effects out.
//!
//! The only room that knows everyone. Decides nothing.

mod handover;
mod leaving;
mod lending;
mod site;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use self::site::Site;
use crate::build::{
    BuildNews, BuildResult, Cargo, Publication, PublishError, Publisher, Sentinel, freshness,
};
use crate::cli::RunOptions;
use crate::config::{Config, Stdin};
use crate::error::Error;
use crate::handover::probe::Probing;
use crate::handover::{Adopted, Handover, HandoverNews, Listeners, RuntimeFolder, Snapshot};
use crate::process::{ProcessNews, Processes, Reaper, RunId, Spawn, Step};
use crate::project::Launch;
use crate::report::{self, Reporter, Verbosity, Watching};
use crate::session::{
    BuildOutcome, Effect, Event, ExitReason, Notice, PublishOutcome, Session, Settings, Timer,
};
use crate::sys;
use crate::terminal::{self, Escapes, Keys, Signals, Terminal, TerminalNews};
use crate::watch;
use crate::words::{BuildId, Change, ChangeKind, Instance};

/// The settings in force, for `hotrun config`.
pub fn config(options: RunOptions) -> Result<(Config, PathBuf), Error> {
    let site = Site::survey(options, current_folder()?)?;
    Ok((site.config, site.cwd))
}

/// Keeps the program running until there is a reason to leave; gives the exit code.
pub fn run(options: RunOptions) -> Result<ExitCode, Error> {
    // Before there is any thread: a blocked SIGTTOU lets hotrun speak to a terminal that it has lent.
    sys::block_terminal_stops();
    // Before any other descriptor is opened: those from 3 on may be sockets for the program.
    let adopted = Adopted::take(|name| std::env::var(name).ok());
    let site = Site::survey(options, current_folder()?)?;
    let publisher = Publisher::open(site.live())?;
    let listeners = Listeners::open(&site.config.run, adopted)?;
    let engine = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { what: "start the event loop", source })?;
    let tasks = tokio::task::LocalSet::new();
    let reason =
        tasks.block_on(&engine, async { Runtime::open(site, publisher, listeners)?.follow().await })?;
    drop(tasks);
    drop(engine);
    Ok(leaving::leave(reason))
}

fn current_folder() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(|source| Error::System { what: "find the current folder", source })
}

struct Runtime {
    site: Site,
    publisher: Publisher,
    sentinel: Sentinel,
    session: Session,
    reporter: Reporter,
    cargo: Cargo,
    processes: Processes,
    watch: Option<watch::Handle>,
    timers: BTreeMap<Timer, Instant>,
    began: Instant,
    /// What the last successful build gave, and how the program was started last.
    result: Option<BuildResult>,
    launch: Option<Launch>,
    /// What the live build gave, and the one before it.
    live_build: Option<BuildId>,
    live_result: Option<BuildResult>,
    previous_result: Option<BuildResult>,
    /// cargo's process group, while a build runs.
    group: Option<i32>,
    /// The process started last.
    instance: Option<Instance>,
    /// A pipe on stdin was given to a process already.
    stdin_passed: bool,
    terminal: Option<Terminal>,
    handover: Handover,
    /// The probe that asks a process whether it is ready.
    probing: Option<(Instance, Probing)>,
    /// What was stored before the process that was started last.
    snapshot: Option<Snapshot>,
    /// A process was told to run the live binary itself.
    reloading: Option<Instance>,
    /// A change made the project another one, and it could not be read since.
    project_changed: bool,
    sources: Sources,
}

/// Where news comes from.
struct Sources {
    build: UnboundedReceiver<BuildNews>,
    process: UnboundedReceiver<ProcessNews>,
    watch: UnboundedReceiver<watch::News>,
    terminal: UnboundedReceiver<TerminalNews>,
    handover: UnboundedReceiver<HandoverNews>,
}

/// One piece of news.
enum News {
    Build(BuildNews),
    Process(ProcessNews),
    Watch(watch::News),
    Terminal(TerminalNews),
    Handover(HandoverNews),
    Timer(Timer),
}

impl Sources {
    async fn next(&mut self, timer: Option<(Timer, Instant)>) -> News {
        let timer = async {
            match timer {
                Some((timer, at)) => {
                    sleep_until(at).await;
                    timer
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(news) = self.terminal.recv() => News::Terminal(news),
            Some(news) = self.watch.recv() => News::Watch(news),
            Some(news) = self.build.recv() => News::Build(news),
            Some(news) = self.handover.recv() => News::Handover(news),
            Some(news) = self.process.recv() => News::Process(news),
            timer = timer => News::Timer(timer),
        }
    }
}

impl Runtime {
    fn open(site: Site, publisher: Publisher, listeners: Listeners) -> Result<Self, Error> {
        let system = |what| move |source| Error::System { what, source };
        let (build_sender, build) = unbounded_channel();
        let (process_sender, process) = unbounded_channel();
        let (watch_sender, watch_receiver) = unbounded_channel();
        let (terminal_sender, terminal_receiver) = unbounded_channel();
        let (handover_sender, handover_receiver) = unbounded_channel();
        let signals = Signals::listen(&terminal_sender).map_err(system("listen for signals"))?;
        let sources = Sources {
            build,
            process,
            watch: watch_receiver,
            terminal: terminal_receiver,
            handover: handover_receiver,
        };
        let config = &site.config;
        let keys = config.ui.keys.value && config.run.stdin.value == Stdin::Lend && !config.once;
        terminal::install_panic_hook();
        let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        let terminal = Terminal::open(
            if keys { Keys::Read } else { Keys::Off },
            if dumb { Escapes::Shown } else { Escapes::Understood },
            terminal_sender,
        );
        let mut reporter = Reporter::new(report::Options {
            service: site.project.target.name.clone(),
            cwd: site.cwd.clone(),
            color: config.ui.color,
            verbosity: Verbosity::from(config.ui.verbosity),
            keys: keys && terminal.as_ref().is_some_and(|terminal| terminal.own().is_some()),
            extras: report::Extras { clear: config.ui.clear.value, notify: config.ui.notify.value },
            log: open_named("log file", config.log.value.as_ref(), |path| {
                std::fs::File::options().append(true).create(true).open(path)
            })?,
            events: open_named("events file", config.events.value.as_ref(), |path| {
                report::open_events(path)
            })?,
        });
        let run = RunId::fresh();
        reporter.started(&run.to_string());
        let reaper = match Reaper::start(&run, terminal.as_ref().map(Terminal::as_fd)) {
            Ok(reaper) => {
                if let Some(terminal) = &terminal {
                    reaper.terminal(&terminal.found(), terminal.own().as_ref());
                }
                Some(reaper)
            }
            Err(error) => {
                reporter.warning(&error.to_string(), error.hint().as_deref());
                None
            }
        };
        let preferred = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let folder = RuntimeFolder::create(preferred.as_deref(), &run.to_string())
            .map_err(system("make a folder for sockets"))?;
        if let Some(reaper) = &reaper {
            listeners.paths().into_iter().for_each(|path| reaper.unlink_later(path));
            reaper.unlink_later(folder.path());
        }
        for address in listeners.describe() {
            reporter.status("Listening", &address);
        }
        let handover = Handover::new(&run.to_string(), folder, listeners, handover_sender)
            .map_err(system("open what watches sockets"))?;
        let processes = Processes::new(run, process_sender, reaper, signals.hangup_ignored())
            .map_err(system("listen for signals"))?;
        let watch = if config.once {
            None
        } else {
            let sink = Box::new(move |news| {
                // The runtime is gone only when hotrun ends.
                let _ = watch_sender.send(news);
            });
            Some(watch::start(site.plan(), sink)?)
        };
        Ok(Self {
            session: Session::new(Settings::from(config)),
            site,
            sentinel: Sentinel::new(publisher.live().to_owned(), build_sender.clone()),
            publisher,
            reporter,
            cargo: Cargo::new(build_sender),
            processes,
            watch,
            timers: BTreeMap::new(),
            began: Instant::now(),
            result: None,
            launch: None,
            live_build: None,
            live_result: None,
            previous_result: None,
            group: None,
            instance: None,
            stdin_passed: false,
            project_changed: false,
            terminal,
            handover,
            probing: None,
            snapshot: None,
            reloading: None,
            sources,
        })
    }

    /// Follows what happens until there is a reason to leave.
    async fn follow(mut self) -> Result<ExitReason, Error> {
        let mut reason = self.tell(Event::Started);
        while reason.is_none() {
            let timer = self.timers.iter().map(|(timer, at)| (*timer, *at)).min_by_key(|(_, at)| *at);
            let news = self.sources.next(timer).await;
            reason = self.take_in(news);
        }
        if let Some(watch) = self.watch.take() {
            watch.send(watch::Command::Stop);
        }
        reason.ok_or_else(|| unreachable!("the loop ends with a reason"))
    }

    /// Translates news into events.
    fn take_in(&mut self, news: News) -> Option<ExitReason> {
        match news {
            News::Build(news) => self.build_news(news),
            News::Process(news) => self.process_news(news),
            News::Watch(news) => self.watch_news(news),
            News::Terminal(news) => self.terminal_news(news),
            News::Handover(news) => self.handover_news(news),
            News::Timer(timer) => {
                self.timers.remove(&timer);
                self.tell(Event::TimerFired(timer))
            }
        }
    }

    fn build_news(&mut self, news: BuildNews) -> Option<ExitReason> {
        match news {
            BuildNews::Spawned { pid, .. } => self.group = Some(pid.cast_signed()),
            BuildNews::LiveRemoved => {
                self.sentinel.relieve();
                return self.tell(Event::LiveRemoved);
            }
            BuildNews::Resolved { build } => self.tell_watch(watch::Command::BuildResolved(build)),
            BuildNews::ScriptRan { build, package, out_dir } => {
                if let Some((root, ended)) = self.site.script_ended(&package, &out_dir) {
                    self.tell_watch(watch::Command::ScriptRan { build, root, ended });
                }
            }
            BuildNews::Stopped { signal, .. } => {
                if let Some(group) = self.group {
                    self.cargo_stopped(group, signal);
                }
            }
            BuildNews::Diagnostic { build, diagnostic } => self.reporter.diagnostic(build, *diagnostic),
            BuildNews::Line { text, transient, .. } => self.reporter.cargo_line(&text, transient),
            BuildNews::Ended { build, outcome, result, error } => {
                if let Some(group) = self.group.take() {
                    if let Some(reaper) = self.processes.reaper() {
                        reaper.cargo_gone(group);
                    }
                    let _ = self.take_terminal_back(group, None);
                }
                if let Some(error) = error {
                    self.reporter.error(&error, None);
                }
                let succeeded = result.is_some();
                if succeeded {
                    self.result = result;
                }
                let reason = self.tell(Event::BuildEnded { build, outcome });
                self.tell_watch_of_end(build, outcome);
                return reason;
            }
        }
        None
    }

    /// After the session was told, so that nothing here delays the new process.
    fn tell_watch_of_end(&mut self, build: BuildId, outcome: BuildOutcome) {
        if self.watch.is_none() {
            return;
        }
        let command = match (outcome, &self.result) {
            (BuildOutcome::Cancelled, _) => watch::Command::BuildCancelled(build),
            (BuildOutcome::Succeeded(_), Some(result)) => match self.site.dep_info(result) {
                Ok(dep_info) => watch::Command::BuildSucceeded {
                    build,
                    dep_info,
                    rerun_everything: self.site.rerun_everything(result),
                },
                Err(error) => {
                    let message = format!("could not read what the program is made of: {error}");
                    self.reporter.warning(&message, Some("watching every file of its packages"));
                    watch::Command::BuildFailed(build)
                }
            },
            _ => watch::Command::BuildFailed(build),
        };
        self.tell_watch(command);
    }

    /// A manifest, a config of cargo's or a toolchain file changed, and the build that follows has to run by it. Says
    /// whether the project could be read; where it cannot, cargo's build says why.
    fn read_project_again(&mut self) -> bool {
        let before = self.site.plan();
        if self.site.refresh().is_err() {
            return false;
        }
        let plan = self.site.plan();
        if plan != before {
            self.tell_watch(watch::Command::Replan(Box::new(plan)));
        }
        true
    }

    fn tell_watch(&self, command: watch::Command) {
        if let Some(watch) = &self.watch {
            watch.send(command);
        }
    }

    fn process_news(&mut self, news: ProcessNews) -> Option<ExitReason> {
        match news {
            ProcessNews::Started { instance, pid } => {
                self.program_started(instance);
                self.listen_to(instance, pid);
                return self.tell(Event::ProcessStarted { instance, pid: pid.cast_unsigned() });
            }
            ProcessNews::SpawnFailed { instance, error } => {
                self.handover.close(instance);
                let hint = error.hint().map_or(String::new(), |hint| format!(" ({hint})"));
                return self.tell(Event::SpawnFailed { instance, error: format!("{error}{hint}") });
            }
            ProcessNews::Exited { instance, exit, .. } => {
                let last_words = self.hear_out(instance);
                if last_words.is_some() {
                    return last_words;
                }
                return self.tell(Event::ProcessExited { instance, exit });
            }
            ProcessNews::Gone { instance, .. } => {
                self.handover.close(instance);
                return self.tell(Event::ProcessGone { instance });
            }
            ProcessNews::Stopping { step: Step::Kill, .. } => {
                let waited = self.site.config.run.stop_timeout.value;
                let signal = sys::signal_name(self.site.config.run.stop_signal.value);
                self.reporter.warning(
                    &format!("the program did not end {} after {signal}; killed", report::short_time(waited)),
                    None,
                );
            }
            ProcessNews::Stopping { step: Step::NotPermitted(pids), .. } => self.reporter.warning(
                &format!("may not stop {}: another user's", pids_text(&pids)),
                Some("stop them yourself, or let the program give up its privileges"),
            ),
            ProcessNews::Stopping { step: Step::StillThere(pids), .. } => {
                self.reporter.warning(&format!("still there after SIGKILL: {}", pids_text(&pids)), None);
            }
            ProcessNews::Sweeping { pids, .. } => {
                self.reporter
                    .verbose(&format!("stopping what the program left behind: {}", pids_text(&pids)));
            }
            ProcessNews::Stopped { instance, signal } => self.program_stopped(instance, signal),
            ProcessNews::Stopping { step: Step::Signal(_), .. } | ProcessNews::Continued { .. } => {}
        }
        None
    }

    fn watch_news(&mut self, news: watch::News) -> Option<ExitReason> {
        match news {
            watch::News::Changed { changes } => return self.tell(Event::FilesChanged(changes)),
            watch::News::Watching { files, folders, backend } => {
                self.reporter.watching(&Watching { files, folders, backend: backend.to_string() });
            }
            watch::News::NotCounted { path, reason, first_in_folder } => {
                let path = report::short_path(&path, &self.site.cwd);
                let hint = reason.hint().map_or(String::new(), |hint| format!(" ({hint})"));
                let text = format!("`{path}` does not count: {reason}{hint}");
                if first_in_folder { self.reporter.note(&text) } else { self.reporter.verbose(&text) }
            }
            watch::News::Warning { message, hint } => self.reporter.warning(&message, hint.as_deref()),
        }
        None
    }

    /// Tells the session, carries out what it answers, and tells it what came of that.
    fn tell(&mut self, event: Event) -> Option<ExitReason> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.session.handle(self.began.elapsed(), event) {
                if let Effect::Exit(reason) = effect {
                    return Some(reason);
                }
                events.extend(self.perform(effect));
            }
        }
        None
    }

    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::StartBuild { build, changes, .. } => self.start_build(build, &changes),
            Effect::CancelBuild(build) => self.cargo.cancel(build),
            Effect::Publish(build) => {
                let outcome = self.publish(build);
                return Some(Event::Published { build, outcome });
            }
            Effect::StartProcess { instance, .. } => match self.spawn(instance) {
                Ok(spawn) => self.processes.spawn(spawn),
                Err(error) => return Some(Event::SpawnFailed { instance, error: error.to_string() }),
            },
            // The rooms that carry these out tell what came of it.
            Effect::Reload(instance) => return self.reload(instance),
            Effect::RollBack { to, .. } => {
                let error = self.publisher.roll_back().err().map(|error| with_causes(&error));
                if let Some(error) = &error {
                    self.reporter.error(error, None);
                } else {
                    self.restore_stored();
                    self.live_build = Some(to);
                    self.live_result = self.previous_result.take();
                }
                return Some(Event::RolledBack { error });
            }
            Effect::StopProcess { instance, plan } => self.processes.stop(instance, plan),
            Effect::KillProcess(instance) => self.processes.kill(instance),
            Effect::StartTimer(timer, after) => {
                self.timers.insert(timer, Instant::now() + after);
            }
            Effect::CancelTimer(timer) => {
                self.timers.remove(&timer);
            }
            Effect::ReloadConfig => self.reporter.warning(
                "the config changed; the settings of the start stay in force",
                Some("start hotrun again to apply it"),
            ),
            Effect::Report(notice) => {
                match notice {
                    Notice::Ready { build, .. } if self.live_build == Some(build) => {
                        self.publisher.mark_ran();
                    }
                    Notice::StartFailed { build, .. } if self.live_build == Some(build) => {
                        self.publisher.mark_failed();
                    }
                    _ => {}
                }
                self.reporter.notice(&notice);
                if matches!(notice, Notice::StartFailed { .. }) {
                    self.hint_at_sockets();
                }
            }
            Effect::Exit(_) => {}
        }
        None
    }

    fn start_build(&mut self, build: BuildId, changes: &[Change]) {
        self.project_changed |= changes.iter().any(|change| change.kind == ChangeKind::Manifest);
        if self.project_changed {
            self.project_changed = !self.read_project_again();
        }
        self.tell_watch(watch::Command::BuildStarted(build));
        let unseen: Vec<&Change> =
            changes.iter().filter(|change| change.hidden || change.kind == ChangeKind::Input).collect();
        if !unseen.is_empty() {
            let packages = self.site.packages_of(&unseen);
            if let Err(error) = freshness::force(&self.site.build_directory(), &packages) {
                let message = format!("could not make cargo compile {} again: {error}", packages.join(", "));
                self.reporter
                    .warning(&message, Some("run `cargo clean` in the staging target (`target/hotrun`)"));
            }
        }
        let order = self.site.build_order(build, self.reporter.colors(), self.reporter.progress_width());
        self.reporter
            .set_command(order.command.iter().map(|word| word.to_string_lossy().into_owned()).collect());
        self.cargo.start(order);
    }

    fn publish(&mut self, build: BuildId) -> PublishOutcome {
        let Some(result) = &self.result else {
            return PublishOutcome::Failed { error: "there is no fresh binary".to_owned() };
        };
        let kept = self.publisher.has_run();
        let publication = self.publisher.publish(&result.executable);
        self.sentinel.guard();
        match publication {
            Ok(Publication::Published) => {
                self.live_build = Some(build);
                let replaced = self.live_result.replace(result.clone());
                if kept {
                    self.previous_result = replaced;
                }
                PublishOutcome::Published { path: self.publisher.live().to_owned() }
            }
            Ok(Publication::Unchanged) => {
                self.live_result = Some(result.clone());
                // An env file that cannot be read is said when the program is started.
                let launch = self.site.launch(result).ok();
                PublishOutcome::Unchanged { launch_changed: launch.is_none() || launch != self.launch }
            }
            Err(error) => PublishOutcome::Failed { error: with_causes(&error) },
        }
    }

    fn spawn(&mut self, instance: Instance) -> Result<Spawn, Error> {
        let result = self.live_result.clone().unwrap_or_default();
        let launch = self.site.launch(&result)?;
        let mut argv = launch.runner.clone();
        argv.push(launch.program.clone().into());
        argv.extend(launch.args.iter().cloned());
        let stdin = self.stdin();
        let foreground = self.site.config.run.stdin.value == Stdin::Inherit
            && self.terminal.as_ref().is_some_and(Terminal::in_foreground);
        if foreground && let Some(terminal) = &self.terminal {
            terminal.prepare_to_lend();
        }
        self.instance = Some(instance);
        let mut env = launch.env.clone();
        let fds = self.pass_on(instance, &mut env);
        let spawn = Spawn {
            instance,
            argv,
            env,
            cwd: launch.cwd.clone(),
            stdin,
            fds,
            foreground,
            stop: Settings::from(&self.site.config).stop,
        };
        self.launch = Some(launch);
        Ok(spawn)
    }
}

fn open_named<T>(
    what: &'static str,
    path: Option<&PathBuf>,
    open: impl FnOnce(&PathBuf) -> std::io::Result<T>,
) -> Result<Option<T>, Error> {
    path.map(|path| open(path).map_err(|source| Error::Open { what, path: path.clone(), source })).transpose()
}

fn pids_text(pids: &[i32]) -> String {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("pid {}", pids.join(", "))
}

fn with_causes(error: &PublishError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
