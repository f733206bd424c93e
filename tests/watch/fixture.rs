//! A package in a folder of its own, and a watch room that follows it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use hotrun::config::Poll;
use hotrun::watch::{self, PackageFolder, Plan, WatchCommand, WatchHandle, WatchNews, Workspace};
use hotrun::words::{BuildId, Change, ChangeKind};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(20);

/// The silence after which nothing more comes: longer than the room defers anything.
const SILENCE: Duration = Duration::from_millis(160);

/// Toolchain files that tests write in turn: a report of one shows that the room has handled everything before it.
const FENCES: [&str; 7] =
    ["fence0.txt", "fence1.txt", "fence2.txt", "fence3.txt", "fence4.txt", "fence5.txt", "fence6.txt"];

pub(crate) struct Site {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) sources: Vec<PathBuf>,
    handle: Option<WatchHandle>,
    news: Receiver<WatchNews>,
    told: mpsc::Sender<WatchNews>,
    /// While it is locked, the room stalls at its next report.
    pub(crate) stall: Arc<Mutex<()>>,
    build: u32,
    fences: u32,
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl Site {
    /// A package `app` below a folder `ws`, beside a folder `out` for files elsewhere.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let root = base.join("ws");
        for (path, text) in [
            (".gitignore", "/target\n/ignored\n*.skip\n"),
            ("Cargo.toml", "[package]\nname = \"app\"\n"),
            ("Cargo.lock", "# lock\n"),
            ("src/main.rs", "mod one;\nfn main() {}\n"),
            ("src/one.rs", "// one\n"),
            ("src/unread.rs", "// not read\n"),
            ("notes.txt", "notes\n"),
        ] {
            write(&root.join(path), text);
        }
        for fence in FENCES {
            write(&root.join(fence), "0");
        }
        std::fs::create_dir_all(root.join(".git/info")).unwrap();
        std::fs::create_dir(base.join("out")).unwrap();
        let plan = Plan {
            packages: vec![PackageFolder {
                name: "app".into(),
                root: root.clone(),
                manifest: root.join("Cargo.toml"),
                build_script: false,
                sources: vec![root.join("src/main.rs")],
            }],
            other_roots: Vec::new(),
            workspace: Workspace {
                root: root.clone(),
                manifests: vec![root.join("Cargo.toml")],
                member_patterns: Vec::new(),
                member_excludes: Vec::new(),
                lock_file: root.join("Cargo.lock"),
                cargo_configs: vec![root.join(".cargo/config.toml")],
                toolchain_files: ["rust-toolchain.toml"]
                    .iter()
                    .chain(&FENCES)
                    .map(|name| root.join(name))
                    .collect(),
            },
            hotrun_configs: vec![root.join("hotrun.toml")],
            env_files: Vec::new(),
            dotenv: vec![root.join(".env")],
            inputs: Vec::new(),
            paths: Vec::new(),
            ignore: Vec::new(),
            build_directory: root.join("target"),
            never: vec![root.join("target")],
            outputs: Vec::new(),
            poll: Poll::Never,
            verbose: false,
        };
        let (told, news) = mpsc::channel();
        let sources = vec![root.join("src/main.rs"), root.join("src/one.rs")];
        Self {
            _folder: folder,
            root,
            plan,
            sources,
            handle: None,
            news,
            told,
            stall: Arc::default(),
            build: 0,
            fences: 0,
        }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.root.with_file_name("out")
    }

    /// Opens the room and waits until it watches.
    pub(crate) fn watch(&mut self, poll: Poll) {
        self.plan.poll = poll;
        let (told, stall) = (self.told.clone(), Arc::clone(&self.stall));
        let sink = Box::new(move |news| {
            let _ = told.send(news);
            drop(stall.lock());
        });
        self.handle = Some(watch::start(self.plan.clone(), sink).unwrap());
        let watching = self.wait(|news| matches!(news, WatchNews::Watching { .. }).then_some(()));
        assert!(watching.is_some(), "it never watched");
        // Longer than a tick of file times, so that the prepared files are older than any edit.
        std::thread::park_timeout(Duration::from_millis(25));
    }

    /// Opens the room and lets it see a successful build of the sources.
    pub(crate) fn watch_built(&mut self, poll: Poll) {
        self.watch(poll);
        self.build();
    }

    pub(crate) fn send(&self, command: WatchCommand) {
        self.handle.as_ref().unwrap().send(command);
    }

    pub(crate) fn start_build(&mut self) -> BuildId {
        self.build += 1;
        self.send(WatchCommand::BuildStarted(BuildId(self.build)));
        BuildId(self.build)
    }

    pub(crate) fn succeed(&self) {
        let build = BuildId(self.build);
        self.send(WatchCommand::BuildSucceeded {
            build,
            ended: SystemTime::now(),
            dep_info: self.sources.clone(),
            rerun_everything: Vec::new(),
        });
    }

    pub(crate) fn cancel(&self) {
        self.send(WatchCommand::BuildCancelled(BuildId(self.build)));
    }

    pub(crate) fn build(&mut self) {
        self.start_build();
        self.succeed();
    }

    pub(crate) fn fail(&mut self) {
        self.fail_naming(&[]);
    }

    /// A build whose errors name these paths.
    pub(crate) fn fail_naming(&mut self, named: &[PathBuf]) {
        let build = self.start_build();
        self.send(WatchCommand::BuildFailed { build, named: named.to_vec() });
    }

    /// Returns the next news that `wanted` accepts.
    pub(crate) fn wait<T>(&self, mut wanted: impl FnMut(WatchNews) -> Option<T>) -> Option<T> {
        let end = Instant::now() + DEADLINE;
        loop {
            let news = self.news.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            if let Some(found) = wanted(news) {
                return Some(found);
            }
        }
    }

    /// Returns the next reported changes, if any.
    pub(crate) fn next_changes(&self) -> Option<Vec<Change>> {
        self.wait(|news| match news {
            WatchNews::Changed { changes } => Some(changes),
            _ => None,
        })
    }

    /// Waits for a report of `path`.
    #[track_caller]
    pub(crate) fn expect(&self, path: &Path) -> Change {
        let change = self.wait(|news| match news {
            WatchNews::Changed { changes } => changes.into_iter().find(|change| change.path == path),
            _ => None,
        });
        change.unwrap_or_else(|| panic!("`{}` was not told", path.display()))
    }

    /// Waits until each of these changes is reported, in any order and among others.
    #[track_caller]
    pub(crate) fn expect_each(&mut self, expected: &[(&Path, ChangeKind)]) {
        let mut missing = expected.to_vec();
        let mut told = self.changes();
        loop {
            let told_of = |path: &Path, kind: ChangeKind| {
                told.iter().any(|change| change.path == path && change.leads_to == kind.leads_to_main())
            };
            missing.retain(|(path, kind)| !told_of(path, *kind));
            if missing.is_empty() {
                return;
            }
            told = self.next_changes().unwrap_or_else(|| panic!("not told: {missing:?}"));
        }
    }

    /// Waits until the room has handled everything so far. Returns its news.
    #[track_caller]
    pub(crate) fn drain(&mut self) -> Vec<WatchNews> {
        self.fences += 1;
        let fence = self.root.join(FENCES[self.fences as usize % FENCES.len()]);
        std::fs::write(&fence, self.fences.to_string()).unwrap();
        let mut heard = Vec::new();
        let end = Instant::now() + DEADLINE;
        let mut passed = false;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the room never came to rest");
            match self.news.recv_timeout(if passed { SILENCE } else { left }) {
                Ok(WatchNews::Changed { mut changes }) => {
                    passed |= changes.iter().any(|change| change.path == fence);
                    changes.retain(|change| change.path != fence);
                    if !changes.is_empty() {
                        heard.push(WatchNews::Changed { changes });
                    }
                }
                Ok(news) => heard.push(news),
                Err(RecvTimeoutError::Timeout) if passed => return heard,
                Err(error) => panic!("the fence was not told: {error}"),
            }
        }
    }

    /// Waits until the room has handled everything so far. Returns the reported changes.
    #[track_caller]
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let changed = |news| match news {
            WatchNews::Changed { changes } => changes,
            _ => Vec::new(),
        };
        self.drain().into_iter().flat_map(changed).collect()
    }
}
