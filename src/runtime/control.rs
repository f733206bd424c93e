//! The runtime's part of control: who asked for what, and when it can be answered.
//!
//! `wait` is never answered from what was known before it was asked: the watch room looks at everything first, and again
//! whenever something was under way since.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::UnboundedSender;

use super::Runtime;
use crate::control::{
    About, Answer, ControlNews, ControlRequest, HotrunProcess, Order, Reply, Server, TargetKind, has_ended,
    real_file,
};
use crate::project::ProgramKind;
use crate::report::{Remark, Reporter};
use crate::session::{Event, ExitReason, QuitReason, Request, Standing, State, Whom};
use crate::site::Site;
use crate::sys;
use crate::watch;
use crate::words::ServiceId;

/// The clients of `hotrun status` and the like.
#[derive(Debug)]
pub(super) struct Control {
    server: Option<Server>,
    about: About,
    clients: Vec<PendingClient>,
    looks: u64,
}

/// A client that waits for its answer.
#[derive(Debug)]
struct PendingClient {
    order: Order,
    whom: Named,
    reply: Reply,
    look: Look,
}

impl PendingClient {
    /// Whether it is about what was saved before, and answered when it is carried out.
    fn is_order(&self) -> bool {
        matches!(self.order, Order::Restart | Order::Start)
    }

    /// Whether it is answered when there is nothing to wait for any more.
    fn ends_at_rest(&self) -> bool {
        self.order == Order::Wait || self.order == Order::Stop && self.whom.is_some()
    }
}

fn asked(named: Option<&BTreeSet<ServiceId>>) -> Whom {
    named.map_or(Whom::All, |named| Whom::Only(named.clone()))
}

/// The services that a client names; none: all.
type Named = Option<BTreeSet<ServiceId>>;

/// Whether everything that was saved before the question is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Not, or no longer.
    Needed,
    /// The watch room was asked to look.
    Asked(u64),
    /// Yes.
    Taken,
}

impl Control {
    /// Listens in the runtime folder. Without a socket hotrun works as well.
    pub(super) fn open(
        site: &Site,
        folder: &Path,
        news: UnboundedSender<ControlNews>,
        reporter: &mut Reporter,
    ) -> Self {
        let about = about(site);
        let server = Server::open(folder, &about, news);
        if let Err(error) = &server {
            reporter.remark(&Remark::NoControl { cause: error.to_string() });
        }
        Self { server: server.ok(), about, clients: Vec::new(), looks: 0 }
    }

    /// Returns the folder with the socket, if there is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.server.as_ref().map(Server::folder)
    }
}

impl Runtime {
    /// Describes this hotrun again if the project changed.
    pub(super) fn describe_again(&mut self) {
        let about = about(&self.site);
        if about != self.control.about
            && let Some(server) = &self.control.server
        {
            if let Err(error) = server.describe(&about) {
                self.reporter.remark(&Remark::NotDescribed { cause: error.to_string() });
            }
            self.control.about = about;
        }
    }

    pub(super) fn control_news(&mut self, ControlNews { request, reply }: ControlNews) -> Option<ExitReason> {
        let ControlRequest { order, services } = request;
        let names = self.site.names();
        let mut chosen = BTreeSet::new();
        for name in &services {
            let Some(service) = names.find(name) else {
                reply.send(Answer::unknown(name, &names));
                return None;
            };
            chosen.insert(service);
        }
        let whom = (!chosen.is_empty()).then_some(chosen);
        match order {
            Order::Status => reply.send(self.answer(&whom)),
            Order::Wait | Order::Restart | Order::Start => {
                // A restart includes the edits saved before. `--once` follows none.
                let look = if self.watch.is_some() { Look::Needed } else { Look::Taken };
                self.control.clients.push(PendingClient { order, whom, reply, look });
            }
            Order::Logs(request) => self.send_logs(whom.as_ref(), request, reply),
            Order::Stop if whom.is_some() => {
                let request = Request::Stop(asked(whom.as_ref()));
                self.control.clients.push(PendingClient { order, whom, reply, look: Look::Taken });
                return self.tell(Event::Asked(request));
            }
            Order::Stop => {
                let leaving = self.standing(&None).state == State::Leaving;
                // The end of hotrun is the answer.
                self.control.clients.push(PendingClient { order, whom, reply, look: Look::Taken });
                if !leaving {
                    return self.tell(Event::Asked(Request::Quit(QuitReason::Asked)));
                }
            }
        }
        None
    }

    /// Notes that the watch room has told everything saved before it was asked.
    pub(super) fn looked(&mut self, token: u64) {
        for client in &mut self.control.clients {
            if client.look == Look::Asked(token) {
                client.look = Look::Taken;
            }
        }
    }

    /// Answers the clients that can be answered. Must be called after each piece of news.
    pub(super) fn attend(&mut self) -> Option<ExitReason> {
        if self.control.clients.is_empty() {
            return None;
        }
        self.control.clients.retain(|client| client.order == Order::Stop || !client.reply.is_closed());
        let ready = |client: &mut PendingClient| client.is_order() && client.look == Look::Taken;
        let orders: Vec<PendingClient> = self.control.clients.extract_if(.., ready).collect();
        let mut carried_out: Vec<(Order, Named)> = Vec::new();
        for client in orders {
            let order = (client.order, client.whom);
            // The same order of several clients is one.
            if !carried_out.contains(&order) {
                let whom = asked(order.1.as_ref());
                let is_start = order.0 == Order::Start;
                let request = if is_start { Request::Start(whom) } else { Request::Restart(whom) };
                let reason = self.tell(Event::Asked(request));
                if reason.is_some() {
                    return reason;
                }
                carried_out.push(order.clone());
            }
            client.reply.send(self.answer(&order.1));
        }
        let mut clients = std::mem::take(&mut self.control.clients);
        // What is known now is old when this is over.
        let followed = self.watch.is_some();
        for client in clients.iter_mut().filter(|client| client.order == Order::Wait) {
            if followed && !self.rests(&client.whom) {
                client.look = Look::Needed;
            }
        }
        let answered = |client: &mut PendingClient| {
            client.ends_at_rest() && client.look == Look::Taken && self.rests(&client.whom)
        };
        for client in clients.extract_if(.., answered) {
            client.reply.send(self.answer(&client.whom));
        }
        self.control.clients = clients;
        self.ask_for_looks();
        None
    }

    /// Whether these services stay as they are until something is done.
    fn rests(&self, whom: &Named) -> bool {
        self.edits.doubt.is_none() && self.standing(whom).state.rests()
    }

    fn standing(&self, whom: &Named) -> Standing {
        let standing = self.session.standing(self.clock.now());
        match whom {
            Some(whom) => standing.of(whom),
            None => standing,
        }
    }

    fn ask_for_looks(&mut self) {
        let token = self.control.looks + 1;
        let mut clients = std::mem::take(&mut self.control.clients);
        let mut asked = false;
        for client in &mut clients {
            if client.look == Look::Needed && (client.is_order() || self.rests(&client.whom)) {
                client.look = Look::Asked(token);
                asked = true;
            }
        }
        self.control.clients = clients;
        if !asked {
            return;
        }
        self.control.looks = token;
        self.tell_watch(watch::WatchCommand::Sync(token));
    }

    /// Returns how things stand, for a client.
    fn answer(&self, whom: &Named) -> Answer {
        let (standing, names) = (self.standing(whom), self.site.names());
        let first = standing.services.keys().next().copied().unwrap_or(ServiceId::MAIN);
        let listening = |service: ServiceId| self.hosts[service].handover.listeners.describe();
        let mut answer = Answer::of(&standing, &names, clock);
        let output = &self.shared.output;
        for (service, standing) in &standing.services {
            if let Some(told) = answer.services.get_mut(names.of(*service)) {
                told.listening = listening(*service);
                if has_ended(&standing.state) {
                    told.last_lines = output.last_words(*service);
                }
            }
        }
        let mut answer = answer.with_history(&self.history).with_last_lines();
        // In the background what is read goes nowhere.
        if !output.is_hidden() {
            answer = answer.with_stderr(&sys::sink(rustix::stdio::stderr()));
        }
        Answer {
            program: Some(names.of(first).to_owned()),
            live: self.hosts[first].live().map(|live| live.display().to_string()),
            listening: listening(first),
            hotrun: Some(HotrunProcess {
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            ..answer.with_config_fault(self.edits.fault.as_deref())
        }
    }
}

/// Returns the time of day that long ago.
fn clock(ago: Duration) -> String {
    let then = SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_seconds(then).to_string()
}

fn about(site: &Site) -> About {
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let project = &site.project;
    // Of several programs the first one; commands alone have none.
    let first = project.programs.iter().next();
    let package = first.map(|(_, program)| program.package.clone()).unwrap_or_default();
    let mut packages: Vec<PathBuf> = first.iter().map(|(_, program)| real(&program.package.root)).collect();
    packages.extend(project.packages.iter().map(|package| real(&package.root)));
    About {
        pid: std::process::id(),
        cwd: real(&site.cwd),
        program: first.map_or_else(
            || site.names().of(ServiceId::MAIN).to_owned(),
            |(_, program)| program.target.name.clone(),
        ),
        kind: match first.map(|(_, program)| program.target.kind) {
            Some(ProgramKind::Example) => TargetKind::Example,
            Some(ProgramKind::Bin) | None => TargetKind::Bin,
        },
        package: package.name,
        version: package.version,
        package_id: package.id,
        packages,
        others: project.other_roots.iter().map(real).collect(),
        workspace: real(&project.workspace_root),
        target_directory: real(&project.target_directory),
        profile: site.config.build.profile.value.clone(),
        triple: site.config.build.triple.clone(),
        live: first.map_or_else(PathBuf::new, |(artifact, _)| real_file(&site.live(*artifact))),
    }
}
