//! The loop's sources of news, and their order.

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::reading::ProjectNews;
use crate::build::BuildNews;
use crate::control::ControlNews;
use crate::handover::HandoverNews;
use crate::process::ProcessNews;
use crate::session::Timer;
use crate::terminal::TerminalNews;
use crate::watch::WatchNews;

/// After this many build events in a row, the other sources come first.
const FLOOD: u32 = 16;

pub(super) struct Sources {
    pub(super) build: UnboundedReceiver<BuildNews>,
    pub(super) project: UnboundedReceiver<ProjectNews>,
    pub(super) process: UnboundedReceiver<ProcessNews>,
    pub(super) watch: UnboundedReceiver<WatchNews>,
    pub(super) terminal: UnboundedReceiver<TerminalNews>,
    pub(super) handover: UnboundedReceiver<HandoverNews>,
    pub(super) control: UnboundedReceiver<ControlNews>,
    /// The build events since the last of another source.
    pub(super) flood: u32,
}

pub(super) enum News {
    Build(BuildNews),
    Project(ProjectNews),
    Process(ProcessNews),
    Watch(WatchNews),
    Terminal(TerminalNews),
    Handover(HandoverNews),
    Control(ControlNews),
    /// It is time to look at config files in doubt again.
    Reread,
    Timer(Timer),
}

impl Sources {
    pub(super) async fn next(&mut self, timer: Option<(Timer, Instant)>, reread: Option<Instant>) -> News {
        let reread = reread.map(|at| (News::Reread, at));
        let timer = timer.map(|(timer, at)| (News::Timer(timer), at));
        let mut first = timer.into_iter().chain(reread).min_by_key(|(_, at)| *at);
        if self.flood >= FLOOD {
            self.flood = 0;
            if let Some(news) = self.beside_the_build() {
                return news;
            }
            if let Some((news, _)) = first.take_if(|(_, at)| *at <= Instant::now()) {
                return news;
            }
        }
        let due = async {
            match first {
                Some((news, at)) => {
                    sleep_until(at).await;
                    news
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(news) = self.terminal.recv() => News::Terminal(news),
            Some(news) = self.watch.recv() => News::Watch(news),
            Some(news) = self.build.recv() => {
                self.flood += 1;
                News::Build(news)
            }
            Some(news) = self.project.recv() => News::Project(news),
            Some(news) = self.handover.recv() => News::Handover(news),
            Some(news) = self.process.recv() => News::Process(news),
            news = due => news,
            Some(news) = self.control.recv() => News::Control(news),
        }
    }

    /// Returns news that waits behind the build's.
    fn beside_the_build(&mut self) -> Option<News> {
        let handover = self.handover.try_recv().map(News::Handover);
        let process = |_| self.process.try_recv().map(News::Process);
        let project = |_| self.project.try_recv().map(News::Project);
        handover
            .or_else(process)
            .or_else(project)
            .or_else(|_| self.control.try_recv().map(News::Control))
            .ok()
    }
}
