//! What the person and the programs of the small world do.

use proptest::prelude::*;

use super::super::*;
use super::world::{Content, Times, World};
use crate::words::{ChangeKind, Exit, Instance};

/// What is done, with the time (ms) after the step before.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Save a file of this artifact, or of all (`None`); the code compiles or does not.
    Save {
        of: Option<u16>,
        compiles: bool,
    },
    /// Save a manifest; cargo can read it or not.
    Manifest {
        readable: bool,
    },
    /// Save what some earlier save of this artifact (counted back) held.
    Revert {
        of: u16,
        back: usize,
    },
    /// Edit the config: what a service is started with, what cargo is asked for an artifact, both or neither; perhaps with a
    /// file.
    Configure {
        restart: Option<u16>,
        build: Option<u16>,
        save: Option<u16>,
    },
    /// Save an env file of this service; it can be read or not.
    EnvFile {
        of: u16,
        readable: bool,
    },
    /// Save a file that this service reads (`watch.paths`), and this artifact is built from.
    Watched {
        service: u16,
        artifact: u16,
    },
    /// `r`.
    Restart,
    /// `p`.
    Pause,
    /// A login shell that ends, or `kill -HUP`.
    Hangup {
        terminal: bool,
    },
    /// `cargo clean` takes the live binary of this artifact.
    LiveRemoved(u16),
    /// From now on there is room to publish, or not.
    Room(bool),
    /// The program of this service ends with this code.
    ProgramEnds(u16, i32),
    /// Save a file that runs this command or task again.
    Inputs(u16),
    /// From now on this task succeeds, or fails.
    Works(u16, bool),
    /// Restart, start or stop this service, or all.
    RestartOnly(Option<u16>),
    Start(Option<u16>),
    Stop(Option<u16>),
}

pub(super) fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..20_u64, 2 => 20..120_u64, 1 => 100..900_u64]
}

pub(super) fn steps(only_saves: bool) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let artifact = || 0..3_u16;
    let service = || 0..2_u16;
    let some = prop::option::of;
    let save = prop_oneof![
        4 => (some(artifact()), prop::bool::weighted(0.7))
            .prop_map(|(of, compiles)| Step::Save { of, compiles }),
        1 => prop::bool::weighted(0.7).prop_map(|readable| Step::Manifest { readable }),
    ];
    let step = if only_saves {
        save.boxed()
    } else {
        prop_oneof![
            8 => save,
            2 => (artifact(), 0..4_usize).prop_map(|(of, back)| Step::Revert { of, back }),
            2 => (some(service()), some(artifact()), some(artifact()))
                .prop_map(|(restart, build, save)| Step::Configure { restart, build, save }),
            1 => (service(), any::<bool>()).prop_map(|(of, readable)| Step::EnvFile { of, readable }),
            2 => (service(), artifact())
                .prop_map(|(service, artifact)| Step::Watched { service, artifact }),
            1 => Just(Step::Restart),
            1 => Just(Step::Pause),
            1 => any::<bool>().prop_map(|terminal| Step::Hangup { terminal }),
            1 => artifact().prop_map(Step::LiveRemoved),
            1 => prop::bool::weighted(0.6).prop_map(Step::Room),
            2 => (service(), 0..3).prop_map(|(service, code)| Step::ProgramEnds(service, code)),
        ]
        .boxed()
    };
    prop::collection::vec((gap(), step), 1..40)
}

/// Programs that end, and nothing else.
pub(super) fn ends() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let end = (0..2_u16, 0..3).prop_map(|(service, code)| Step::ProgramEnds(service, code));
    prop::collection::vec((gap(), end), 1..10)
}

/// Stopping takes up to longer than a moment.
pub(super) fn times() -> impl Strategy<Value = Times> {
    let stop = prop_oneof![4 => 0..300_u64, 1 => 900..3000_u64];
    (0..300_u64, 1..400_u64, 0..60_u64, stop).prop_map(|(read, build, cancel, stop)| Times {
        read,
        build,
        cancel,
        stop,
    })
}

/// A file of these artifacts and services.
fn file(path: &str, kind: ChangeKind, artifacts: &[u16], services: &[u16]) -> Change {
    let artifacts = artifacts.iter().copied().map(ArtifactId).collect();
    let services = services.iter().copied().map(ServiceId).collect();
    Change { path: path.into(), leads_to: kind.leads_to(&artifacts, &services), hidden: false }
}

fn source(of: &[u16]) -> Change {
    let path = match of {
        [of] => format!("/{of}/src/main.rs"),
        _ => "/shared/src/lib.rs".to_owned(),
    };
    file(&path, ChangeKind::Source, of, &[])
}

impl World {
    pub(super) fn play(&mut self, steps: &[(u64, Step)]) {
        for (gap, step) in steps {
            self.run(self.now + gap);
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Save { of, compiles } => {
                let made = self.made.keys().map(|artifact| artifact.0);
                let of: Vec<u16> = made.filter(|made| of.is_none_or(|of| of == *made)).collect();
                if of.is_empty() {
                    return;
                }
                for artifact in &of {
                    self.renew(*artifact, compiles);
                }
                self.saved(vec![source(&of)]);
            }
            Step::Manifest { readable } => {
                let project = self.made[&ArtifactId::MAIN].content.project + 1;
                for made in self.made.values_mut() {
                    made.content = Content { project, readable, ..made.content };
                }
                self.saved(vec![file("/Cargo.toml", ChangeKind::Manifest, &[0, 1, 2], &[])]);
            }
            Step::Revert { of, back } => {
                let made = self.made(ArtifactId(of));
                let Content { number, compiles, .. } = made.saved[made.saved.len().saturating_sub(1 + back)];
                made.content = Content { number, compiles, ..made.content };
                made.saved.push(made.content);
                self.saved(vec![source(&[of])]);
            }
            Step::Configure { restart, build, save } => self.configure(restart, build, save),
            Step::EnvFile { of, readable } => {
                let path = format!("/{of}.env");
                self.edited = readable.then(|| self.edit(&path, Some(of), None));
                self.saved(vec![file(&path, ChangeKind::EnvFile, &[], &[])]);
            }
            Step::Watched { service, artifact } => {
                self.host(ServiceId(service)).data += 1;
                self.tally.asked = true;
                let path = format!("/{service}/{artifact}/page.html");
                let mut changes = vec![file(&path, ChangeKind::Watched, &[], &[service])];
                // A build reads it as well.
                if service != artifact {
                    changes.push(file(&path, ChangeKind::Source, &[artifact], &[]));
                }
                self.saved(changes);
            }
            Step::Restart => self.asked(Event::Asked(Request::Restart(Whom::All))),
            Step::Pause => self.tell(Event::Asked(Request::Pause)),
            Step::Hangup { terminal } => self.asked(Event::HangupSignal { terminal }),
            Step::LiveRemoved(artifact) => {
                let made = self.made(ArtifactId(artifact));
                made.before = None;
                if made.live.is_some() {
                    (made.gone, made.cleaned) = (true, true);
                    self.tell(Event::LiveRemoved(ArtifactId(artifact)));
                }
            }
            Step::Room(room) => self.cargo.full = !room,
            Step::Inputs(service) => self.inputs(service),
            Step::Works(service, works) => self.host(ServiceId(service)).works = works,
            Step::RestartOnly(of) => {
                let named = self.named(of);
                self.need(&named);
                self.asked(Event::Asked(Request::Restart(Whom::Only(named))));
            }
            Step::Start(of) => {
                let named = self.named(of);
                self.need(&named);
                self.asked(Event::Asked(Request::Start(of.map_or(Whom::All, |_| Whom::Only(named)))));
            }
            Step::Stop(of) => self.stop(of),
            Step::ProgramEnds(service, code) => {
                let id = ServiceId(service);
                let running: Option<Instance> =
                    self.hosts[&id].processes.iter().find(|process| !process.stopping).map(|it| it.instance);
                if let Some(instance) = running {
                    self.program_ends(instance, Exit::Code(code));
                }
            }
        }
    }

    fn configure(&mut self, restart: Option<u16>, build: Option<u16>, save: Option<u16>) {
        // What is built depends on the config as well.
        for artifact in build.into_iter().chain(save).collect::<BTreeSet<_>>() {
            let compiles = self.made[&ArtifactId(artifact)].content.compiles;
            self.renew(artifact, compiles);
        }
        self.edited = Some(self.edit("/hotrun.toml", restart, build));
        let mut changes = vec![file("/hotrun.toml", ChangeKind::Config, &[], &[])];
        changes.extend(save.map(|of| source(&[of])));
        self.saved(changes);
    }

    /// What reading this file comes to.
    fn edit(&self, file: &str, restart: Option<u16>, build: Option<u16>) -> ConfigChange {
        let services = self.hosts.iter().map(|(id, host)| (*id, host.settings.clone())).collect();
        ConfigChange {
            files: vec![file.into()],
            keys: Vec::new(),
            readiness: BTreeSet::new(),
            setup: Setup {
                debounce: Duration::from_millis(50),
                once: false,
                together: false,
                artifacts: self.made.keys().copied().collect(),
                services,
            },
            restart: restart.map(ServiceId).into_iter().collect(),
            build: build.map(ArtifactId).into_iter().collect(),
            next_start: false,
        }
    }

    fn renew(&mut self, artifact: u16, compiles: bool) {
        self.cargo.contents += 1;
        let number = self.cargo.contents;
        let made = self.made(ArtifactId(artifact));
        made.content = Content { number, compiles, ..made.content };
        made.saved.push(made.content);
    }

    fn saved(&mut self, changes: Vec<Change>) {
        self.tally.started_since_last_save = 0;
        self.tell(Event::FilesChanged(changes));
    }

    fn asked(&mut self, event: Event) {
        self.tally.asked = true;
        self.tell(event);
    }
}
