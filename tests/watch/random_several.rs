//! Random edits of two programs with shared files: at rest, the last build of each has started from its files as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hotrun::config::Poll;
use hotrun::words::{ArtifactId, BuildId, Change};
use proptest::prelude::*;

use super::fixture::{A, B, Site, write};

/// B reads the last one only while its own first file is long, A always.
const FILES: [&str; 6] =
    ["src/main.rs", "src/one.rs", "b/src/lib.rs", "b/src/two.rs", "shared/src/lib.rs", "shared/extra.txt"];

#[derive(Debug, Clone)]
enum Act {
    Write(usize, u8),
    Replace(usize, u8),
    Truncate(usize),
    Delete(usize),
    /// A build of what is due, and of these whatever is due.
    Build(Of),
    /// An edit that is half of a save, perhaps, as such a build starts.
    Race(Of, usize, Half),
    /// One that has read everything when a file is saved.
    SaveDuringBuild(Of, usize, u8),
    /// One whose end is told when the next has started.
    Overtaken(Of, usize, u8),
    Fail(Of),
    Cancel(Of),
    Pause(u8),
}

#[derive(Debug, Clone, Copy)]
enum Half {
    Emptied,
    Gone,
    Written(u8),
}

/// Whether A and B.
type Of = (bool, bool);

fn act() -> impl Strategy<Value = Act> {
    let (file, of) = (0..FILES.len(), any::<(bool, bool)>());
    let half = prop_oneof![Just(Half::Emptied), Just(Half::Gone), any::<u8>().prop_map(Half::Written)];
    let race = (of, file.clone(), half).prop_map(|(of, at, half)| Act::Race(of, at, half));
    let save = || (of, file.clone(), any::<u8>());
    prop_oneof![
        6 => (file.clone(), any::<u8>()).prop_map(|(at, text)| Act::Write(at, text)),
        3 => (file.clone(), any::<u8>()).prop_map(|(at, text)| Act::Replace(at, text)),
        1 => file.clone().prop_map(Act::Truncate),
        2 => file.clone().prop_map(Act::Delete),
        4 => of.prop_map(Act::Build),
        4 => race,
        3 => save().prop_map(|(of, at, text)| Act::SaveDuringBuild(of, at, text)),
        2 => save().prop_map(|(of, at, text)| Act::Overtaken(of, at, text)),
        1 => of.prop_map(Act::Fail),
        1 => of.prop_map(Act::Cancel),
        2 => (0..60u8).prop_map(Act::Pause),
    ]
}

type Content = BTreeMap<PathBuf, Vec<u8>>;

/// What a build of this program reads now.
fn reads(site: &Site, artifact: ArtifactId) -> Content {
    let long = fs::read(site.root.join(FILES[2])).is_ok_and(|text| text.len() > 100);
    let files = FILES.iter().enumerate().filter(|(at, _)| match at {
        0 | 1 => artifact == A,
        2 | 3 => artifact == B,
        5 => artifact == A || long,
        _ => true,
    });
    files.filter_map(|(_, file)| Some((site.root.join(file), fs::read(site.root.join(file)).ok()?))).collect()
}

/// The session, as far as the room can tell.
struct World {
    site: Site,
    due: BTreeSet<ArtifactId>,
    failed: BTreeSet<ArtifactId>,
    built: BTreeMap<ArtifactId, Content>,
}

impl World {
    fn hear(&mut self, changes: Vec<Change>) {
        self.due.extend(changes.into_iter().flat_map(|change| change.leads_to.builds));
    }

    /// Starts a build of what is due, of what failed, and of these.
    fn start(&mut self, (a, b): Of) -> (BuildId, BTreeMap<ArtifactId, Content>) {
        let heard = self.site.heard();
        self.hear(heard);
        let mut artifacts = std::mem::take(&mut self.due);
        artifacts.extend(&self.failed);
        artifacts.extend(a.then_some(A));
        artifacts.extend(b.then_some(B));
        if artifacts.is_empty() {
            artifacts.insert(A);
        }
        let build = self.site.start_build_of(&artifacts.iter().copied().collect::<Vec<_>>());
        // As every compiler does, longer than file times are coarse.
        std::thread::park_timeout(Duration::from_millis(15));
        (build, artifacts.into_iter().map(|artifact| (artifact, reads(&self.site, artifact))).collect())
    }

    fn succeed(&mut self, build: BuildId, read: BTreeMap<ArtifactId, Content>) {
        let files: Vec<(ArtifactId, Vec<PathBuf>)> =
            read.iter().map(|(id, files)| (*id, files.keys().cloned().collect())).collect();
        let files: Vec<(ArtifactId, &[PathBuf])> =
            files.iter().map(|(id, files)| (*id, files.as_slice())).collect();
        self.site.end_build(build, &files, false);
        self.failed.retain(|artifact| !read.contains_key(artifact));
        self.built.extend(read);
    }

    fn build(&mut self, of: Of) {
        let (build, read) = self.start(of);
        self.succeed(build, read);
    }

    fn perform(&mut self, act: &Act) {
        let file = |at: &usize| self.site.root.join(FILES[*at]);
        match act {
            Act::Write(at, text) => write(&file(at), &"x".repeat(usize::from(*text))),
            Act::Replace(at, text) => {
                let temporary = file(at).with_extension("tmp");
                write(&temporary, &"y".repeat(usize::from(*text)));
                rustix::fs::rename(&temporary, file(at)).unwrap();
            }
            Act::Truncate(at) => {
                let _ = fs::File::options().write(true).truncate(true).open(file(at));
            }
            // A program that includes a missing file is not built.
            Act::Delete(5) | Act::Race(_, 5, Half::Gone) => {}
            Act::Delete(at) => {
                let _ = fs::remove_file(file(at));
            }
            Act::Build(of) => self.build(*of),
            Act::Race(of, at, half) => {
                let file = file(at);
                match half {
                    Half::Emptied => fs::write(&file, "").unwrap(),
                    Half::Gone => drop(fs::remove_file(&file)),
                    Half::Written(text) => write(&file, &"r".repeat(usize::from(*text))),
                }
                self.build(*of);
            }
            Act::SaveDuringBuild(of, at, text) => {
                let file = file(at);
                let (build, read) = self.start(*of);
                write(&file, &"z".repeat(usize::from(*text)));
                self.succeed(build, read);
            }
            Act::Overtaken(of, at, text) => {
                let file = file(at);
                let (build, read) = self.start(*of);
                write(&file, &"o".repeat(usize::from(*text)));
                std::thread::park_timeout(Duration::from_millis(u64::from(*text) / 4));
                let (next, read_next) = self.start((false, false));
                self.succeed(build, read);
                self.succeed(next, read_next);
            }
            Act::Fail(of) => {
                let (build, read) = self.start(*of);
                self.failed.extend(read.keys());
                self.site.end_build(build, &[], true);
            }
            Act::Cancel(of) => {
                let (_, read) = self.start(*of);
                self.due.extend(read.keys());
                self.site.cancel();
            }
            Act::Pause(millis) => std::thread::park_timeout(Duration::from_millis(u64::from(*millis))),
        }
    }

    fn behind(&self) -> Vec<(ArtifactId, PathBuf)> {
        let mut behind = Vec::new();
        for (artifact, built) in &self.built {
            let now = reads(&self.site, *artifact);
            let paths: BTreeSet<_> = built.keys().chain(now.keys()).collect();
            let other = paths.into_iter().filter(|path| built.get(*path) != now.get(*path));
            behind.extend(other.map(|path| (*artifact, path.clone())));
        }
        behind
    }
}

fn run(acts: &[Act], poll: Poll) {
    let mut site = Site::new();
    site.add_b();
    for file in FILES {
        write(&site.root.join(file), "first");
    }
    site.watch(poll);
    let (due, failed) = (BTreeSet::from([A, B]), BTreeSet::new());
    let mut world = World { site, due, failed, built: BTreeMap::new() };
    world.build((true, true));
    for act in acts {
        world.perform(act);
    }
    for round in 0.. {
        let changes = world.site.changes();
        world.hear(changes);
        if world.due.is_empty() && world.failed.is_empty() {
            if world.behind().is_empty() {
                break;
            }
            // On a busy machine silence may come before the end; a lost change is never reported.
            let late = world.site.next_changes();
            assert!(late.is_some(), "built from other content: {:?}", world.behind());
            world.hear(late.unwrap());
        }
        assert!(round < 10, "builds without end");
        world.build((false, false));
    }
}

/// Cases at once, since each spends most of its time in the silence at its end. Fewer than the inotify instances of a user.
const LANES: u32 = 20;

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

#[test]
fn the_last_build_of_each_program_has_the_final_content() {
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                let config = ProptestConfig {
                    cases: cases().div_ceil(LANES),
                    failure_persistence: None,
                    max_shrink_iters: 20,
                    ..ProptestConfig::default()
                };
                let poll = if lane < 4 { Poll::Every(Duration::from_millis(30)) } else { Poll::Never };
                let mut runner = proptest::test_runner::TestRunner::new(config);
                let result = runner.run(&proptest::collection::vec(act(), 1..16), |acts| {
                    run(&acts, poll);
                    Ok(())
                });
                if let Err(error) = result {
                    panic!("{error}");
                }
            });
        }
    });
}
