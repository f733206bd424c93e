//! Opening everything the runtime works with: the reporter, the reaper, the terminal, sockets, the watcher.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Runtime;
use super::clock::Clock;
use super::control::Control;
use super::groups::CargoGroups;
use super::host::{Claim, Host, Hosts, Program};
use super::lending::{Pipe, Shared};
use super::outputs::{open_events, open_log};
use super::reading::ProjectReader;
use super::settings::Edits;
use super::sources::Sources;
use crate::build::{BuildNews, Cargo, Sentinel};
use crate::control::About;
use crate::error::Error;
use crate::handover::{Handover, HandoverNews, Listeners, RuntimeFolder};
use crate::history::History;
use crate::output::{self, Output};
use crate::process::{Processes, Reaper, ReaperError, RunId};
use crate::project::Queries;
use crate::report::{self, ErrorText, ProgramRemark, Remark, Reporter, Verbosity};
use crate::session::{Session, Setup};
use crate::site::Site;
use crate::terminal::{self, Device, Escapes, Keys, Signals, SuspendScope, Terminal, TerminalNews};
use crate::watch;
use crate::words::ServiceId;

/// What is opened before cargo is asked about the project.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Before anything of the project was read.
    began: SystemTime,
    run: RunId,
    device: Option<Device>,
    reaper: Result<Reaper, ReaperError>,
    signals: Signals,
    terminal_sender: UnboundedSender<TerminalNews>,
    terminal: UnboundedReceiver<TerminalNews>,
}

impl Surroundings {
    pub(super) fn open() -> Result<Self, Error> {
        let began = SystemTime::now();
        let (terminal_sender, terminal) = unbounded_channel();
        let signals = Signals::listen(&terminal_sender).map_err(system("listen for signals"))?;
        let (run, device) = (RunId::fresh(), Device::find());
        let reaper = Reaper::start(&run, device.as_ref().map(Device::as_fd));
        Ok(Self { began, run, device, reaper, signals, terminal_sender, terminal })
    }

    /// Waits for a signal that ends hotrun.
    pub(super) async fn signalled(&mut self) -> i32 {
        loop {
            match self.terminal.recv().await {
                Some(TerminalNews::Signal(libc::SIGTSTP)) => terminal::suspend(SuspendScope::Own),
                Some(TerminalNews::Signal(
                    signal @ (libc::SIGINT | libc::SIGTERM | libc::SIGQUIT | libc::SIGHUP),
                )) => return signal,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Tells the reaper that the queries before the loop have ended.
    pub(super) fn asked(&self, queries: &Queries) {
        if let Ok(reaper) = &self.reaper {
            for group in queries.take_ended() {
                reaper.cargo_gone(group);
            }
        }
    }

    /// Dismisses the reaper: nothing was started.
    pub(super) fn close(self) {
        if let Ok(reaper) = &self.reaper {
            reaper.dismiss();
        }
    }
}

impl Runtime {
    #[expect(clippy::too_many_lines, reason = "one thing after another, each needing those before it")]
    pub(super) fn open(surroundings: Surroundings, site: Site, claims: Vec<Claim>) -> Result<Self, Error> {
        let Surroundings {
            began,
            run,
            device,
            reaper,
            signals,
            terminal_sender,
            terminal: terminal_receiver,
        } = surroundings;
        let (build_sender, build) = unbounded_channel();
        let (process_sender, process) = unbounded_channel();
        let (watch_sender, watch_receiver) = unbounded_channel();
        let (handover_sender, handover_receiver) = unbounded_channel();
        let (control_sender, control_receiver) = unbounded_channel();
        let (project_sender, project) = unbounded_channel();
        let sources = Sources {
            build,
            project,
            process,
            watch: watch_receiver,
            terminal: terminal_receiver,
            handover: handover_receiver,
            control: control_receiver,
            flood: 0,
        };
        let config = &site.config;
        let keys = config.takes_keys();
        terminal::install_panic_hook();
        let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        let terminal = device.and_then(|device| {
            let keys = if keys { Keys::Read } else { Keys::Off };
            let escapes = if dumb { Escapes::Shown } else { Escapes::Understood };
            Terminal::open(device, keys, escapes, terminal_sender)
        });
        let mut reporter = Reporter::new(report::Options {
            names: site.names(),
            cwd: site.cwd.clone(),
            color: config.ui.color,
            verbosity: Verbosity::from(config.ui.verbosity),
            keys: keys && terminal.as_ref().is_some_and(|terminal| terminal.key_modes().is_some()),
            once: config.once,
            extras: report::Extras { clear: config.ui.clear.value, notify: config.ui.notify.value },
            log: open_log(&site, config)?,
            events: open_events(&site, config)?,
        });
        reporter.started(&run.to_string());
        let output = Output::new(&output::Options {
            names: site.names().iter().map(ToOwned::to_owned).collect(),
            color: config.ui.color,
            colored: reporter.style().colors,
            missing: report::missing_output,
        });
        let reaper = match reaper {
            Ok(reaper) => {
                if let Some(terminal) = &terminal {
                    reaper.terminal(&terminal.found_modes(), terminal.key_modes().as_ref());
                }
                Some(reaper)
            }
            Err(error) => {
                reporter.remark(&Remark::NoReaper(ErrorText::of(&error, error.hint())));
                None
            }
        };
        let preferred = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let folder = RuntimeFolder::create(preferred.as_deref(), &run.to_string())
            .map_err(system("make a folder for sockets"))?;
        if let Some(reaper) = &reaper {
            let listeners = claims.iter().map(|claim| &claim.listeners);
            listeners.flat_map(Listeners::paths).for_each(|path| reaper.unlink_later(path));
            reaper.unlink_later(folder.path());
            reaper.unlink_later(&About::path(folder.path()));
        }
        let control = Control::open(&site, folder.path(), control_sender, &mut reporter);
        let opening = HostOpening {
            site: &site,
            run: run.to_string(),
            folder: Rc::new(folder),
            handover: handover_sender,
            build: build_sender.clone(),
        };
        let hosts = (0..).map(ServiceId).zip(claims);
        let hosts = hosts.map(|(service, claim)| Ok((service, opening.host(service, claim, &mut reporter)?)));
        let hosts = Hosts::new(hosts.collect::<Result<Vec<_>, Error>>()?);
        let processes = Processes::new(run, process_sender, reaper, signals.hangup_ignored())
            .map_err(system("listen for signals"))?;
        processes.report_leaving();
        let watch = if config.once {
            None
        } else {
            let sink = Box::new(move |news| {
                // The runtime is gone only when hotrun ends.
                let _ = watch_sender.send(news);
            });
            let watch = watch::start(site.plan(), sink)?;
            watch.send(watch::WatchCommand::SettingsRead(site.seen().to_vec()));
            watch.send(watch::WatchCommand::ProjectRead { began });
            Some(watch)
        };
        Ok(Self {
            session: Session::new(Setup::from(config)),
            history: History::new(site.program_name().to_owned(), site.project.workspace_root.clone()),
            site,
            hosts,
            clock: Clock::start(),
            sources,
            reporter,
            cargo: Cargo::new(build_sender),
            groups: CargoGroups::default(),
            reader: ProjectReader::new(project_sender),
            processes,
            watch,
            shared: Shared {
                terminal,
                output,
                hangup_ignored: signals.hangup_ignored(),
                pipe: Pipe::default(),
            },
            control,
            edits: Edits::default(),
        })
    }
}

/// What the hosts of services are made with.
struct HostOpening<'a> {
    site: &'a Site,
    run: String,
    folder: Rc<RuntimeFolder>,
    handover: UnboundedSender<HandoverNews>,
    build: UnboundedSender<BuildNews>,
}

impl HostOpening<'_> {
    fn host(&self, service: ServiceId, claim: Claim, reporter: &mut Reporter) -> Result<Host, Error> {
        let Claim { program, listeners, port } = claim;
        let program = program.map(|(artifact, publisher)| {
            if let Some(error) = publisher.unlocked() {
                let folder = publisher.live().parent().unwrap_or(publisher.live());
                let folder = report::short_path(folder, &self.site.cwd);
                reporter.remark(&Remark::NotLocked { folder, cause: error.to_string() });
            }
            let sentinel = Sentinel::new(artifact, publisher.live().to_owned(), self.build.clone());
            Program::new(artifact, publisher, sentinel)
        });
        for address in listeners.describe() {
            reporter.remark_on(service, ProgramRemark::Listening { address });
        }
        let folder = Rc::clone(&self.folder);
        let handover = Handover::new(service, &self.run, folder, listeners, self.handover.clone())
            .map_err(system("open what watches sockets"))?;
        Ok(Host::new(program, self.site.config.service(service).run.clone(), port, handover))
    }
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::System { what, source }
}
