//! A package in a folder of its own, and a watch room that follows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use hotrun::config::Poll;
use hotrun::watch::{self, PackageFolder, Plan, WatchCommand, WatchHandle, WatchNews, Workspace};
use hotrun::words::{ArtifactId, BuildId, Change, ChangeKind, Consequence, ServiceId};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(20);

/// The silence after which nothing more comes: longer than the room defers anything.
const SILENCE: Duration = Duration::from_millis(160);

/// Toolchain files that tests write in turn: a report of one shows that the room has handled everything before it.
const FENCES: [&str; 7] =
    ["fence0.txt", "fence1.txt", "fence2.txt", "fence3.txt", "fence4.txt", "fence5.txt", "fence6.txt"];

/// The program.
pub(crate) const A: ArtifactId = ArtifactId(0);

/// The program that [`Site::add_b`] adds.
pub(crate) const B: ArtifactId = ArtifactId(1);

/// What a change leads to that concerns the program.
pub(crate) fn leads_to(kind: ChangeKind) -> Consequence {
    kind.leads_to(&BTreeSet::from([A]), &BTreeSet::from([ServiceId(0)]))
}

pub(crate) struct Site {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
    pub(crate) plan: Plan,
    /// What the program is built from.
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
            programs: BTreeMap::from([(A, ServiceId(0))]),
            packages: vec![PackageFolder {
                name: "app".into(),
                root: root.clone(),
                manifest: root.join("Cargo.toml"),
                build_script: false,
                sources: vec![root.join("src/main.rs")],
                artifacts: BTreeSet::from([A]),
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
            env_files: vec![root.join(".env")],
            inputs: Vec::new(),
            paths: Vec::new(),
            command_inputs: BTreeMap::new(),
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

    /// Adds a second program `b`, and a package `shared` that both are built from. The packages lie in the first one's folder.
    pub(crate) fn add_b(&mut self) {
        for (name, artifacts) in [("b", BTreeSet::from([B])), ("shared", BTreeSet::from([A, B]))] {
            let root = self.root.join(name);
            write(&root.join("src/lib.rs"), "// lib\n");
            write(&root.join("README.md"), "read me\n");
            self.plan.packages.push(PackageFolder {
                name: name.into(),
                manifest: root.join("Cargo.toml"),
                sources: vec![root.join("src/lib.rs")],
                root,
                build_script: false,
                artifacts,
            });
        }
        self.plan.programs.insert(B, ServiceId(1));
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
        self.start_build_of(&[A])
    }

    pub(crate) fn start_build_of(&mut self, artifacts: &[ArtifactId]) -> BuildId {
        self.build += 1;
        let build = BuildId(self.build);
        self.send(WatchCommand::BuildStarted { build, artifacts: artifacts.iter().copied().collect() });
        build
    }

    pub(crate) fn succeed(&self) {
        let build = BuildId(self.build);
        self.send(WatchCommand::BuildSucceeded {
            build,
            ended: SystemTime::now(),
            dep_info: BTreeMap::from([(A, self.sources.clone())]),
            rerun_everything: Vec::new(),
        });
    }

    /// The build ends: these artifacts were built from these files (none: cargo listed none), the others failed.
    pub(crate) fn end_build(&self, build: BuildId, read: &[(ArtifactId, &[PathBuf])], failed: bool) {
        let listed = read.iter().filter(|(_, files)| !files.is_empty());
        let dep_info = listed.map(|(artifact, files)| (*artifact, files.to_vec())).collect();
        let rerun_everything = Vec::new();
        self.send(if failed {
            let made = read.iter().map(|(artifact, _)| *artifact).collect();
            WatchCommand::BuildFailed { build, made, dep_info, rerun_everything, named: Vec::new() }
        } else {
            WatchCommand::BuildSucceeded { build, ended: SystemTime::now(), dep_info, rerun_everything }
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
        self.send(WatchCommand::failed(build, named.to_vec()));
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

    /// Returns the changes reported so far, without waiting.
    pub(crate) fn heard(&self) -> Vec<Change> {
        let changes = |news| match news {
            WatchNews::Changed { changes } => changes,
            _ => Vec::new(),
        };
        self.news.try_iter().flat_map(changes).collect()
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
                told.iter().any(|change| change.path == path && change.leads_to == leads_to(kind))
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
