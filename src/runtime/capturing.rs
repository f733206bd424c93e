//! The runtime's part of output: whose is read, and what a process has as stdin, stdout and stderr.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use super::Runtime;
use crate::config::Stdin;
use crate::control::{Answer, LogLine, LogsRequest, Reply};
use crate::output::{LoggedLine, NextLines};
use crate::process::StdinSource;
use crate::report::{ProgramRemark, Remark};
use crate::session::{Event, ExitReason, Request, Whom};
use crate::sys;
use crate::words::{Instance, ServiceId};

impl Runtime {
    /// Returns stdin, stdout and stderr of the next process; `None` is hotrun's own.
    pub(super) fn stdio(&mut self, instance: Instance) -> (StdinSource, Option<OwnedFd>, Option<OwnedFd>) {
        let (stdout, stderr) = self.capture(instance);
        let config = &self.site.config;
        let stdin =
            if config.services.len() > 1 && config.service(instance.service).run.stdin.value == Stdin::Lend {
                let opened = self.shared.output.open_stdin(instance, stdout.as_ref());
                opened.map_or(StdinSource::Null, StdinSource::File)
            } else {
                self.stdin(instance)
            };
        (stdin, stdout, stderr)
    }

    fn capture(&mut self, instance: Instance) -> (Option<OwnedFd>, Option<OwnedFd>) {
        if !self.site.config.captures(instance.service) {
            return (None, None);
        }
        match self.shared.output.capture(instance) {
            Ok(writers) => (Some(writers.stdout), Some(writers.stderr)),
            Err(error) => {
                let (cause, hint) = (error.to_string(), sys::limit_hint(&error));
                self.reporter.remark_on(instance.service, ProgramRemark::NotCaptured { cause, hint });
                (None, None)
            }
        }
    }

    /// Sends a client the output of these services, or of all, in a task of its own.
    pub(super) fn send_logs(&self, whom: Option<&BTreeSet<ServiceId>>, request: LogsRequest, reply: Reply) {
        let (config, output, names) = (&self.site.config, &self.shared.output, self.site.names());
        let asked = config.services().map(|(service, _)| service);
        let services: Vec<ServiceId> =
            asked.filter(|service| whom.is_none_or(|whom| whom.contains(service))).collect();
        if !services.iter().any(|service| config.captures(*service) || output.has_lines(*service)) {
            return reply.send(Answer::inherited());
        }
        let answer = Answer::before_lines(services.iter().map(|service| names.of(*service)));
        let (sender, mut logs) = (reply.send_before_lines(answer), output.logs(services));
        let text = move |next: NextLines| {
            let lines = next.lines.iter().zip(std::iter::once(next.gap).chain(std::iter::repeat(false)));
            let line = |(line, gap): (&LoggedLine, bool)| {
                let text = if request.colors { line.text.clone() } else { line.plain() };
                let service = names.of(line.writer.instance.service).to_owned();
                LogLine { service, stream: line.writer.stream.name().to_owned(), text, gap }.json()
            };
            lines.map(line).collect::<String>()
        };
        tokio::task::spawn_local(async move {
            let last = NextLines { lines: logs.last(request.lines), gap: false };
            // An error means that the client has gone.
            let mut sent = sender.send(text(last)).await;
            while request.follow && sent.is_ok() {
                let next = tokio::select! {
                    next = logs.next() => next,
                    () = sender.closed() => return,
                };
                sent = sender.send(text(next)).await;
            }
        });
    }

    /// Returns the service that is shown alone, or all.
    pub(super) fn shown(&self) -> Whom {
        let alone = self.shared.output.alone().filter(|_| self.site.names().are_several());
        alone.map_or(Whom::All, |service| Whom::Only(BTreeSet::from([service])))
    }

    /// Shows one of several services alone, by its number from 1 on; 0 shows all.
    pub(super) fn show(&mut self, number: u8) {
        let names = self.site.names();
        let alone = number.checked_sub(1).map(|index| ServiceId(index.into()));
        let name = alone.map(|service| names.of(service).to_owned());
        if names.are_several() && name.as_ref().is_none_or(|name| !name.is_empty()) {
            // Nothing that is written after the line is missed; what one wrote before comes after it.
            if alone.is_none() {
                self.shared.output.show(alone);
            }
            self.reporter.remark(&Remark::Showing { name });
            self.reporter.settle();
            if alone.is_some() {
                self.shared.output.show(alone);
            }
        }
    }

    /// Stops the service that is shown alone, or starts it if it does not run.
    pub(super) fn stop_or_start(&mut self) -> Option<ExitReason> {
        let Whom::Only(services) = self.shown() else { return None };
        let runs = self.processes.living().any(|instance| services.contains(&instance.service));
        let whom = Whom::Only(services);
        self.tell(Event::Asked(if runs { Request::Stop(whom) } else { Request::Start(whom) }))
    }
}
