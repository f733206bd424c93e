//! The runtime: one loop that takes in what happens, asks the session, and carries its effects out.
//!
//! The only room that knows everyone. Decides nothing.

mod background;
mod capturing;
mod clock;
mod control;
mod effects;
mod groups;
mod handover;
mod host;
mod leaving;
mod lending;
mod opening;
mod outputs;
mod reading;
mod seeding;
mod settings;
mod sources;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use tokio::time::Instant;

use self::background::{Caller, Opened, log_to};
use self::clock::Clock;
use self::groups::CargoGroups;
use self::host::Hosts;
use self::opening::Surroundings;
use self::reading::{ProjectReader, beside, no_thread};
use self::sources::{News, Sources};
use crate::build::{BuildNews, BuildResult, Cargo};
use crate::config::{Config, RunOptions};
use crate::error::Error;
use crate::handover::Adopted;
use crate::history::History;
use crate::messages::NamedPaths;
use crate::process::{ProcessNews, Processes, StopStep};
use crate::project::Queries;
use crate::report::{self, ErrorText, ProgramRemark, Remark, Reporter, Watching};
use crate::session::{BuildOutcome, Effect, Event, ExitReason, QuitReason, Request, Session, Timer};
use crate::site::{Site, current_folder};
use crate::sys;
use crate::watch;
use crate::words::{ArtifactId, BuildId};

/// Returns the settings in force, for `hotrun config`.
pub fn config(options: RunOptions) -> Result<(Config, PathBuf), Error> {
    let site = Site::survey(options, current_folder()?, &Queries::attached())?;
    Ok((site.config, site.cwd))
}

/// Keeps the program running until there is a reason to leave. Returns the exit code.
pub fn run(options: RunOptions) -> Result<ExitCode, Error> {
    run_for(None, options)
}

/// The same in the background, where `hotrun up` waits for the start.
pub fn run_in_background(options: RunOptions) -> Result<ExitCode, Error> {
    run_for(Some(Caller::find()?), options)
}

fn run_for(caller: Option<Caller>, options: RunOptions) -> Result<ExitCode, Error> {
    // Before there is any thread: a blocked SIGTTOU lets hotrun speak to a terminal that it has lent.
    sys::block_terminal_stops();
    // Before any other descriptor is opened: those from 3 on may be sockets for the program.
    let adopted = Adopted::take(|name| std::env::var(name).ok());
    let engine = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { what: "start the event loop", source })?;
    let tasks = tokio::task::LocalSet::new();
    let reason = tasks.block_on(&engine, async {
        let opened = open(options, adopted, caller.is_some()).await;
        let opened = match caller {
            Some(caller) => caller.told(opened, |runtime: &Runtime| runtime.control.folder()).await,
            None => opened,
        };
        match opened? {
            Ok(runtime) => Box::pin(runtime.follow()).await,
            Err(reason) => Ok(reason),
        }
    })?;
    drop(tasks);
    drop(engine);
    Ok(leaving::leave(reason))
}

/// Opens everything. Returns the reason if a signal ends hotrun before.
async fn open(options: RunOptions, adopted: Adopted, in_background: bool) -> Opened<Runtime> {
    let cwd = current_folder()?;
    let (mut surroundings, queries) = (Surroundings::open()?, Queries::detached());
    let (asked, mut signal) = (queries.clone(), 0);
    let survey = move || Site::survey(options, cwd, &asked);
    let survey = beside(&queries, survey, async { signal = surroundings.signalled().await }).await;
    surroundings.asked(&queries);
    let Some(site) = survey.map_err(no_thread).transpose() else {
        surroundings.close();
        return Ok(Err(ExitReason::Quit(QuitReason::Signal(signal))));
    };
    let opened = site.flatten().and_then(|site| {
        let programs = host::keep(&site)?;
        if in_background {
            log_to(&site.staging())?;
        }
        let claims = host::claim(&site, programs, adopted)?;
        Ok((site, claims))
    });
    match opened {
        Ok((site, claims)) => {
            let runtime = Runtime::open(surroundings, site, claims)?;
            if in_background {
                // It would fill the log.
                runtime.shared.output.hide();
            }
            Ok(Ok(runtime))
        }
        Err(error) => {
            surroundings.close();
            Err(error)
        }
    }
}

struct Runtime {
    site: Site,
    hosts: Hosts,
    session: Session,
    clock: Clock,
    sources: Sources,
    reporter: Reporter,
    history: History,
    cargo: Cargo,
    groups: CargoGroups,
    reader: ProjectReader,
    processes: Processes,
    watch: Option<watch::WatchHandle>,
    shared: lending::Shared,
    control: control::Control,
    edits: settings::Edits,
}

impl Runtime {
    /// Runs the loop until there is a reason to leave.
    async fn follow(mut self) -> Result<ExitReason, Error> {
        // A command starts without a build, whose beginning would tell what its inputs were.
        let inputs = self.site.config.services.iter().any(|service| !service.inputs.is_empty());
        let mut waits = self.watch.is_some() && inputs;
        let mut reason = if waits { None } else { self.tell(Event::Started) };
        while reason.is_none() {
            let news =
                self.sources.next(self.clock.next(), self.edits.doubt.as_ref().map(|(_, at)| *at)).await;
            let begins = waits && matches!(news, News::Watch(watch::WatchNews::Watching { .. }));
            reason = self.take_in(news).or_else(|| self.attend());
            if begins && reason.is_none() {
                waits = false;
                reason = self.tell(Event::Started);
            }
        }
        if let Some(watch) = self.watch.take() {
            watch.send(watch::WatchCommand::Stop);
        }
        crate::build::end_left(&self.groups.left).await;
        self.close();
        let Some(reason) = reason else { unreachable!("the loop ends with a reason") };
        self.finish_writing(reason).await;
        Ok(reason)
    }

    fn take_in(&mut self, news: News) -> Option<ExitReason> {
        match news {
            News::Build(news) => self.build_news(news),
            News::Project(news) => self.project_news(news),
            News::Process(news) => self.process_news(news),
            News::Watch(news) => self.watch_news(news),
            News::Terminal(news) => self.terminal_news(news),
            News::Handover(news) => self.handover_news(news),
            News::Control(news) => self.control_news(news),
            News::Reread => {
                let event = self.read_config(&[]);
                self.tell(event)
            }
            News::Timer(timer) => {
                self.clock.cancel(timer);
                let took_up = self.handover_timer(timer);
                took_up.or_else(|| self.tell(self.ran_out(timer)))
            }
        }
    }

    fn build_news(&mut self, news: BuildNews) -> Option<ExitReason> {
        match news {
            BuildNews::Spawned { pid, .. } => {
                // That of the group before.
                self.cargo_gone();
                self.groups.current = Some(pid.cast_signed());
                if let Some(reaper) = self.processes.reaper() {
                    reaper.cargo(pid.cast_signed());
                }
            }
            BuildNews::LiveRemoved(artifact) => {
                if let Some(program) = self.hosts.programs().find(|program| program.artifact == artifact) {
                    program.sentinel.relieve();
                }
                return self.tell(Event::LiveRemoved(artifact));
            }
            BuildNews::Resolved { build } => self.tell_watch(watch::WatchCommand::BuildResolved(build)),
            BuildNews::ScriptRan { build, package, out_dir } => {
                if let Some((root, ended)) = self.site.script_ended(&package, &out_dir) {
                    self.tell_watch(watch::WatchCommand::ScriptRan { build, root, ended });
                }
            }
            BuildNews::Stopped { signal, .. } => {
                if let Some(group) = self.groups.current {
                    self.cargo_stopped(group, signal);
                }
            }
            BuildNews::Diagnostic { build, diagnostic } => {
                let is_new = self.history.diagnostic(build, &diagnostic);
                self.reporter.diagnostic(build, &diagnostic, is_new);
            }
            BuildNews::CargoError { build, diagnostic } => {
                let is_new = self.history.cargo_error(build, &diagnostic);
                self.reporter.diagnostic(build, &diagnostic, is_new);
            }
            BuildNews::Seed(news) => self.seed_news(news),
            BuildNews::WarmUp(news) => return self.warm_up_news(&news),
            BuildNews::Line { text, transient, .. } => {
                self.history.cargo_line(&text, transient);
                self.reporter.cargo_line(&text, transient);
            }
            BuildNews::Ended { build, outcome, results, error, named } => {
                let ended = SystemTime::now();
                self.cargo_gone();
                if let Some(error) = &error {
                    self.reporter.remark(&Remark::NoBuild(ErrorText::of(error, error.hint())));
                }
                self.history.set_error(error.map(|error| report::in_a_line(&error, None)));
                for program in self.hosts.programs() {
                    program.built = results.get(&program.artifact).cloned().or(program.built.take());
                }
                let reason = self.tell(Event::BuildEnded { build, outcome: outcome.clone() });
                self.tell_watch_of_end(build, &outcome, &results, ended, &named);
                return reason;
            }
        }
        None
    }

    /// Handles the end of cargo, whose group may still hold what a build script left running.
    fn cargo_gone(&mut self) {
        let Some(group) = self.groups.current.take() else { return };
        self.groups.left.push(group);
        self.groups.left.retain(|&group| {
            let empty = sys::own_group_members(group).is_empty();
            if empty && let Some(reaper) = self.processes.reaper() {
                reaper.cargo_gone(group);
            }
            !empty
        });
        let _ = self.take_terminal_back(group, None);
    }

    /// Must come after the session was told, so that it does not delay the new process.
    fn tell_watch_of_end(
        &mut self,
        build: BuildId,
        outcome: &BuildOutcome,
        results: &BTreeMap<ArtifactId, BuildResult>,
        ended: SystemTime,
        named: &NamedPaths,
    ) {
        if self.watch.is_none() {
            return;
        }
        let command = match outcome {
            BuildOutcome::Cancelled => watch::WatchCommand::BuildCancelled(build),
            BuildOutcome::Succeeded(_) | BuildOutcome::Failed { .. } => {
                let failed = matches!(outcome, BuildOutcome::Failed { .. });
                let named = if failed { self.site.wanted(named) } else { Vec::new() };
                let rerun_everything = self.site.rerun_everything(results);
                match self.site.dep_info(results) {
                    Ok(dep_info) if failed => {
                        let made = results.keys().copied().collect();
                        watch::WatchCommand::BuildFailed { build, made, dep_info, rerun_everything, named }
                    }
                    Ok(dep_info) => {
                        watch::WatchCommand::BuildSucceeded { build, ended, dep_info, rerun_everything }
                    }
                    Err(error) => {
                        self.reporter.remark(&Remark::NoDepInfo { cause: error.to_string() });
                        watch::WatchCommand::failed(build, named)
                    }
                }
            }
        };
        self.tell_watch(command);
    }

    fn tell_watch(&self, command: watch::WatchCommand) {
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
                let host = &mut self.hosts[instance.service];
                host.launches.remove(&instance);
                host.handover.close(instance);
                // It may have been meant to have the terminal from its start.
                self.regain_terminal();
                let error = report::in_a_line(&error, error.hint().as_deref());
                return self.tell(Event::SpawnFailed { instance, error });
            }
            ProcessNews::Leaving { instance } => {
                let reason = self.listen_up(instance);
                self.processes.finish_leaving(instance);
                return reason;
            }
            ProcessNews::Exited { instance, pid, exit, .. } => {
                self.hosts[instance.service].launches.remove(&instance);
                self.shared.output.ended(instance);
                let last_words = self.hear_out(instance).or_else(|| self.ended_reloading(instance));
                if last_words.is_some() {
                    return last_words;
                }
                let by_itself = !self.hosts[instance.service].stops.contains_key(&instance);
                let quit = self.take_terminal_back(pid, Some(exit).filter(|_| by_itself));
                // Asked before the end is told, so that nothing is started after it.
                let reason = quit.and_then(|quit| self.tell(Event::Asked(quit)));
                return reason.or_else(|| self.tell(Event::ProcessExited { instance, exit }));
            }
            ProcessNews::Gone { instance, .. } => {
                let host = &mut self.hosts[instance.service];
                host.handover.close(instance);
                host.stops.remove(&instance);
                return self.tell(Event::ProcessGone { instance });
            }
            ProcessNews::Stopping { instance, step: StopStep::Signal(signal) } => {
                let stops = &mut self.hosts[instance.service].stops;
                stops.insert(instance, Some((signal, Instant::now())));
            }
            ProcessNews::Stopping { instance, step: StopStep::Held } => {
                return self.tell(Event::HeldByDebugger { instance });
            }
            ProcessNews::Stopping { instance, step: StopStep::Kill } => {
                let stops = &mut self.hosts[instance.service].stops;
                if let Some((signal, at)) = stops.get_mut(&instance).and_then(Option::take) {
                    self.reporter
                        .remark_on(instance.service, ProgramRemark::Killed { signal, waited: at.elapsed() });
                }
            }
            ProcessNews::Stopping { instance, step: StopStep::NotPermitted(pids) } => {
                self.reporter.remark_on(instance.service, ProgramRemark::NotPermitted { pids });
            }
            ProcessNews::Stopping { instance, step: StopStep::StillThere(pids) } => {
                self.reporter.remark_on(instance.service, ProgramRemark::StillThere { pids });
            }
            ProcessNews::Sweeping { instance, pids } => {
                self.reporter.remark_on(instance.service, ProgramRemark::Sweeping { pids });
            }
            ProcessNews::Stopped { instance, signal } => self.program_stopped(instance, signal),
            ProcessNews::ReaperEnded { error } => {
                let cause = error.map(|error| ErrorText::of(&error, error.hint()));
                self.reporter.remark(&Remark::ReaperEnded { cause });
            }
        }
        None
    }

    fn watch_news(&mut self, news: watch::WatchNews) -> Option<ExitReason> {
        match news {
            watch::WatchNews::Changed { changes } => return self.tell(Event::FilesChanged(changes)),
            watch::WatchNews::Watching { files, folders, backend } => {
                self.reporter.watching(&Watching { files, folders, backend: backend.to_string() });
            }
            watch::WatchNews::NotCounted { path, reason, first_in_folder } => {
                let (reason, hint) = (reason.to_string(), reason.hint(&path));
                let path = report::short_path(&path, &self.site.cwd);
                self.reporter.remark(&Remark::NotCounted { path, reason, hint, first_in_folder });
            }
            watch::WatchNews::Synced(token) => self.looked(token),
            watch::WatchNews::Warning(warning) => {
                let warning = warning.seen_from(&self.site.cwd);
                let told = ErrorText::of(&warning, warning.hint().map(ToOwned::to_owned));
                self.reporter.remark(&Remark::Watch(told));
            }
        }
        None
    }

    /// Returns the live binaries found missing, before a restart.
    fn live_removed(&mut self) -> VecDeque<Event> {
        let missing = self.hosts.programs().filter(|program| program.sentinel.misses_it());
        let removed = missing.map(|program| {
            program.sentinel.relieve();
            Event::LiveRemoved(program.artifact)
        });
        removed.collect()
    }

    /// Tells the session, performs its effects, and tells it their results.
    fn tell(&mut self, event: Event) -> Option<ExitReason> {
        let asked = matches!(
            event,
            Event::Asked(Request::Restart(_) | Request::Start(_)) | Event::HangupSignal { .. }
        );
        if asked {
            self.tell_watch(watch::WatchCommand::Asked);
        }
        let restarts = asked || matches!(event, Event::TimerFired(Timer::Hangup));
        let mut events = if restarts { self.live_removed() } else { VecDeque::new() };
        events.push_back(event);
        while let Some(event) = events.pop_front() {
            for effect in self.session.handle(self.clock.now(), event) {
                if let Effect::Exit(reason) = effect {
                    return Some(reason);
                }
                events.extend(self.perform(effect));
            }
        }
        None
    }
}
