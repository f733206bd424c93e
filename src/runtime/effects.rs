//! Carrying out what the session orders.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Runtime;
use crate::build::{Publication, PublishError, freshness};
use crate::handover::say_ready;
use crate::history::BuildTimes;
use crate::process::{Spawn, check};
use crate::project::Launch;
use crate::report::{self, ProgramRemark, Remark};
use crate::session::{Effect, Event, Notice, PublishOutcome, Settings};
use crate::terminal::Terminal;
use crate::watch;
use crate::words::{ArtifactId, BuildId, Change, Instance, ServiceId};

impl Runtime {
    pub(super) fn perform(&mut self, effect: Effect) -> Vec<Event> {
        match effect {
            Effect::StartBuild { build, artifacts, changes, .. } => {
                self.start_build(build, &artifacts, &changes);
            }
            Effect::CancelBuild(build) => {
                if !self.cancel_reading(build) {
                    self.cargo.cancel(build);
                }
            }
            Effect::ReadProject { build, artifacts } => self.read_project(build, artifacts),
            Effect::WarmUp => {
                if !self.cargo.warm_up(self.site.warm_up_order(self.reporter.style())) {
                    return vec![Event::WarmedUp];
                }
            }
            Effect::CancelWarmUp => self.cargo.cancel_warm_up(),
            Effect::Publish { build, artifact } => {
                let outcome = self.publish(artifact);
                return vec![Event::Published { build, artifact, outcome }];
            }
            Effect::StartProcess { instance, starting, .. } => match self.spawn(instance) {
                Ok(spawn) => {
                    self.reporter.notice(&starting);
                    self.reporter.settle();
                    self.tell_watch(watch::WatchCommand::ProgramStarts);
                    self.processes.spawn(spawn);
                }
                Err(error) => return vec![Event::SpawnFailed { instance, error }],
            },
            // The rooms that carry these out tell what came of it.
            Effect::Reload(instance) => {
                self.tell_watch(watch::WatchCommand::ProgramStarts);
                return self.reload(instance).into_iter().collect();
            }
            Effect::Keep(service, _) => {
                if let Some(program) = &mut self.hosts[service].program {
                    program.publisher.keep();
                }
            }
            Effect::Condemn(service, _) => {
                if let Some(program) = &mut self.hosts[service].program {
                    program.publisher.condemn();
                }
            }
            Effect::RollBack { service, to, .. } => {
                let host = &mut self.hosts[service];
                let error = host.program.as_mut().and_then(|program| program.roll_back().err());
                let error = error.map(|error| report::in_a_line(&error, error.hint().as_deref()));
                if let Some(error) = &error {
                    let remark = ProgramRemark::NotRolledBack { to, cause: error.clone() };
                    self.reporter.remark_on(service, remark);
                } else {
                    host.restore_stored();
                }
                let stored = !host.handover.store.is_empty();
                return vec![Event::Stored { service, stored }, Event::RolledBack { service, error }];
            }
            Effect::StopProcess { instance, plan } => {
                self.hosts[instance.service].stops.entry(instance).or_default();
                self.shared.output.stops(instance);
                self.processes.stop(instance, plan);
            }
            Effect::ExtendStop { instance, time } => self.processes.extend_stop(instance, time),
            Effect::KillProcess(instance) => {
                self.hosts[instance.service].stops.insert(instance, None);
                self.shared.output.stops(instance);
                self.processes.kill(instance);
            }
            Effect::StartTimer(timer, after) => {
                self.clock.set(timer, after);
            }
            Effect::CancelTimer(timer) => {
                self.clock.cancel(timer);
            }
            Effect::ReadConfig(changed) => {
                let read = self.read_config(&changed);
                return self.live_removed().into_iter().chain([read]).collect();
            }
            Effect::Report(notice) => {
                self.reporter.notice(&notice);
                if matches!(notice, Notice::BuildStarted { .. }) {
                    self.say_unread();
                }
                self.remember(&notice);
                if let Notice::ProcessExited { instance, exit, expected: false, .. } = &notice
                    && !exit.success()
                {
                    self.reporter.last_words(&self.shared.output.last_words(instance.service));
                }
                if let Notice::StartFailed { instance, .. } = notice {
                    self.hint_at_sockets(instance.service);
                }
            }
            Effect::AllReady => {
                if let Some(manager) = std::env::var_os("NOTIFY_SOCKET") {
                    // One that does not listen misses it.
                    let _ = say_ready(&manager);
                }
            }
            Effect::Exit(_) => {}
        }
        Vec::new()
    }

    /// Takes a notice into the history. The times of a build that has ended are written down for
    /// `hotrun doctor`.
    fn remember(&mut self, notice: &Notice) {
        let saved = match notice {
            Notice::Changed(paths) => paths.first().and_then(|path| age(path)),
            _ => None,
        };
        if let Some(times) = self.history.notice(notice, self.clock.now(), saved) {
            let _ = std::fs::write(self.site.staging().join(BuildTimes::FILE), times.text());
        }
    }

    fn start_build(&mut self, build: BuildId, artifacts: &BTreeSet<ArtifactId>, changes: &[Change]) {
        if self.reader.baseline != Some(build) {
            self.tell_watch(watch::WatchCommand::BuildStarted { build, artifacts: artifacts.clone() });
        }
        let unseen: Vec<&Change> =
            changes.iter().filter(|change| change.hidden || change.leads_to.compile).collect();
        if !unseen.is_empty() {
            let packages = self.site.packages_of(&unseen);
            if let Err(error) = freshness::force(&self.site.build_directory(), &packages) {
                let folder = report::short_path(&self.site.build_directory(), &self.site.cwd);
                self.reporter.remark(&Remark::NotForced { packages, folder, cause: error.to_string() });
            }
        }
        let order = self.site.build_order(build, artifacts, self.reporter.style());
        let commands = order.groups.iter().map(|group| &*group.command);
        let words = commands.collect::<Vec<_>>().join(&OsString::from("&&"));
        self.reporter.set_command(words.iter().map(|word| word.to_string_lossy().into_owned()).collect());
        self.cargo.start(order);
    }

    fn publish(&mut self, artifact: ArtifactId) -> PublishOutcome {
        let no_binary = || PublishOutcome::Failed { error: PublishError::NoBinary.to_string() };
        let Some((service, host)) = self.hosts.running(artifact) else { return no_binary() };
        let Some(program) = &mut host.program else { return no_binary() };
        let Some(result) = program.built.clone() else { return no_binary() };
        let kept = program.publisher.has_run();
        let live = self.site.live(artifact);
        let renamed = live != program.publisher.live();
        let moved = if renamed { program.publisher.move_to(live) } else { Ok(()) };
        if renamed && moved.is_ok() {
            program.sentinel.move_to(program.publisher.live().to_owned());
            let (name, workspace) = (self.site.program_name(), &self.site.project.workspace_root);
            self.history.set_program(name.to_owned(), workspace.clone());
            self.reporter.set_names(self.site.names());
        }
        let publication = moved.and_then(|()| program.publisher.publish(&result));
        program.sentinel.guard();
        match publication {
            Ok(Publication::Published) => {
                let replaced = program.live.replace(result);
                if kept {
                    program.previous = replaced;
                }
                PublishOutcome::Published { path: program.publisher.live().to_owned() }
            }
            Ok(Publication::Unchanged) => {
                let launch = self.site.launch(service, &result, &program.publisher, host.port);
                program.live = Some(result);
                // The last launch may have failed beside the process that runs, and is tried again.
                let launched = host.launches.values().next_back();
                PublishOutcome::Unchanged { launch_changed: Some(&launch) != launched }
            }
            Err(error) => {
                PublishOutcome::Failed { error: report::in_a_line(&error, error.hint().as_deref()) }
            }
        }
    }

    fn spawn(&mut self, instance: Instance) -> Result<Spawn, String> {
        let service = instance.service;
        let launch = self.launch(service);
        let mut argv = launch.runner.clone();
        argv.push(launch.program.clone().into());
        argv.extend(launch.args.iter().cloned());
        check(&argv, &launch.env, &launch.cwd)
            .map_err(|error| report::in_a_line(&error, error.hint().as_deref()))?;
        let foreground =
            self.has_terminal(service) && self.shared.terminal.as_ref().is_some_and(Terminal::in_foreground);
        if foreground && let Some(terminal) = &self.shared.terminal {
            terminal.prepare_to_lend();
        }
        let mut env = launch.env.clone();
        let fds = self.pass_on(instance, &mut env);
        let (stdin, stdout, stderr) = self.stdio(instance);
        let spawn = Spawn {
            instance,
            argv,
            env,
            cwd: launch.cwd.clone(),
            stdin,
            stdout,
            stderr,
            fds,
            foreground,
            stop: Settings::of(&self.site.config, service).stop,
        };
        let host = &mut self.hosts[service];
        host.launches.insert(instance, launch);
        if let Some(program) = &mut host.program {
            program.libraries = program.publisher.libraries().map(Path::to_owned);
        }
        Ok(spawn)
    }

    /// Returns how the next process of a service is started.
    fn launch(&self, service: ServiceId) -> Launch {
        let host = &self.hosts[service];
        match &host.program {
            Some(program) => {
                let result = program.live.clone().unwrap_or_default();
                self.site.launch(service, &result, &program.publisher, host.port)
            }
            None => self.site.launch_of_command(service, host.port),
        }
    }
}

/// Returns how long ago a file was saved; `None` if that cannot be a save just now.
fn age(path: &Path) -> Option<Duration> {
    let modified = path.metadata().ok()?.modified().ok()?;
    SystemTime::now().duration_since(modified).ok().filter(|age| *age < Duration::from_secs(5))
}
