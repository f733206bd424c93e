//! Reading the project beside the loop: only a build waits for rustup, cargo and rustc.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::Runtime;
use crate::error::Error;
use crate::messages::NamedPaths;
use crate::project::{Queries, Survey};
use crate::report::{self, ErrorText, Remark};
use crate::session::{BuildSummary, Event, ExitReason, ReadOutcome};
use crate::watch;
use crate::words::{ArtifactId, BuildId};

/// How long queries have after SIGTERM, and after SIGKILL.
const GRACE: Duration = Duration::from_millis(300);
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Reads the project again.
pub(super) struct ProjectReader {
    news: UnboundedSender<ProjectNews>,
    current: Option<Reading>,
    /// Why the project could not be read, until reported.
    unread: Option<ErrorText>,
    /// The build that the watch room knows of already, because it waited for the project.
    pub(super) baseline: Option<BuildId>,
}

impl ProjectReader {
    pub(super) fn new(news: UnboundedSender<ProjectNews>) -> Self {
        Self { news, current: None, unread: None, baseline: None }
    }
}

/// A reading under way.
#[derive(Debug)]
struct Reading {
    build: BuildId,
    began: SystemTime,
    cancel: oneshot::Sender<()>,
}

/// A reading that has ended.
#[derive(Debug)]
pub(super) struct ProjectNews {
    build: BuildId,
    /// `None` if cancelled.
    answers: Option<Result<Box<Survey>, Error>>,
    took: Duration,
    /// The process groups of the queries.
    groups: Vec<i32>,
}

impl Runtime {
    pub(super) fn read_project(&mut self, build: BuildId, artifacts: BTreeSet<ArtifactId>) {
        let began = SystemTime::now();
        // This reading may miss a change from now on.
        self.tell_watch(watch::WatchCommand::BuildStarted { build, artifacts });
        self.reader.baseline = Some(build);
        let (reading, news) = (self.site.reading(), self.reader.news.clone());
        let (cancel, cancelled) = oneshot::channel();
        self.reader.current = Some(Reading { build, began, cancel });
        tokio::task::spawn_local(async move {
            let (queries, began) = (Queries::detached(), Instant::now());
            let asked = queries.clone();
            let cancelled = async { drop(cancelled.await) };
            let answers = match beside(&queries, move || reading(&asked), cancelled).await {
                Ok(answers) => answers.map(|answers| answers.map(Box::new).map_err(Error::from)),
                Err(error) => Some(Err(no_thread(error))),
            };
            let news_of = ProjectNews { build, answers, took: began.elapsed(), groups: queries.take_ended() };
            let _ = news.send(news_of);
        });
    }

    /// Returns whether that build was waiting for the project.
    pub(super) fn cancel_reading(&mut self, build: BuildId) -> bool {
        let reading = self.reader.current.take_if(|reading| reading.build == build);
        reading.is_some_and(|reading| reading.cancel.send(()).is_ok())
    }

    pub(super) fn project_news(&mut self, news: ProjectNews) -> Option<ExitReason> {
        let ProjectNews { build, answers, took, groups } = news;
        let began = self.reader.current.take().map(|reading| reading.began);
        if let Some(reaper) = self.processes.reaper() {
            for group in groups {
                reaper.cargo_gone(group);
            }
        }
        let outcome = match answers {
            Some(Ok(answers)) => {
                self.take_up(*answers);
                if let Some(began) = began {
                    self.tell_watch(watch::WatchCommand::ProjectRead { began });
                }
                return self.tell(Event::ProjectRead { build, outcome: ReadOutcome::Read });
            }
            Some(Err(error)) => {
                self.history.set_error(Some(report::in_a_line(&error, error.hint().as_deref())));
                self.reader.unread = Some(ErrorText::of(&error, error.hint()));
                let mut named = NamedPaths::default();
                report::with_causes(&error).lines().for_each(|line| named.line(line));
                let named = self.site.wanted(&named);
                self.tell_watch(watch::WatchCommand::failed(build, named));
                ReadOutcome::Failed(BuildSummary { errors: 1, took, ..BuildSummary::default() })
            }
            None => {
                self.tell_watch(watch::WatchCommand::BuildCancelled(build));
                ReadOutcome::Cancelled
            }
        };
        self.reader.baseline = None;
        self.tell(Event::ProjectRead { build, outcome })
    }

    /// Reports why the project could not be read, as a part of the build that failed for it.
    pub(super) fn say_unread(&mut self) {
        if let Some(told) = self.reader.unread.take() {
            self.reporter.remark(&Remark::NoBuild(told));
        }
    }

    fn take_up(&mut self, answers: Survey) {
        let before = self.site.plan();
        self.site.take_up(answers);
        self.describe_again();
        let plan = self.site.plan();
        if plan != before {
            self.tell_watch(watch::WatchCommand::Replan(Box::new(plan)));
        }
    }
}

pub(super) fn no_thread(source: io::Error) -> Error {
    Error::System { what: "start a thread", source }
}

/// Works in a thread of its own. Returns `None` if cancelled, when the queries have ended.
pub(super) async fn beside<T: Send + 'static>(
    queries: &Queries,
    work: impl FnOnce() -> T + Send + 'static,
    cancelled: impl Future<Output = ()>,
) -> io::Result<Option<T>> {
    let (sender, mut done) = oneshot::channel();
    let thread = std::thread::Builder::new().name("project".to_owned()).spawn(move || {
        let _ = sender.send(work());
    })?;
    let ended = tokio::select! {
        biased;
        () = cancelled => None,
        ended = &mut done => Some(ended),
    };
    match ended {
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("it has sent what it made"),
        },
        None => {
            queries.stop(libc::SIGTERM);
            if timeout(GRACE, &mut done).await.is_err() {
                queries.stop(libc::SIGKILL);
                // It may be reading a file that never ends.
                let _ = timeout(KILL_GRACE, done).await;
            }
            Ok(None)
        }
    }
}
