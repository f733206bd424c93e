//! What the steps of a history do to the small world.

use super::super::*;
use super::world::{Content, Step, World};
use crate::words::Exit;

impl World {
    pub(super) fn play(&mut self, steps: &[(u64, Step)]) {
        for (gap, step) in steps {
            self.run(self.now + gap);
            match step {
                Step::Save { compiles } => {
                    self.contents += 1;
                    self.save(self.contents, *compiles);
                }
                Step::Revert { back } => {
                    let old = self.saved[self.saved.len().saturating_sub(1 + back)];
                    self.save(old.number, old.compiles);
                }
                Step::Manifest { readable } => {
                    self.content.project += 1;
                    self.content.readable = *readable;
                    self.saves("/Cargo.toml", ChangeKind::Manifest);
                }
                Step::Configure { restart, build, save } => {
                    if *save || *build {
                        // What is built depends on the config as well.
                        self.contents += 1;
                        self.content.number = self.contents;
                        self.saved.push(self.content);
                        self.started_since_last_save = 0;
                    }
                    let file = |path: &str, kind| Change { path: path.into(), kind, hidden: false };
                    let mut changes = vec![file("/hotrun.toml", ChangeKind::Config)];
                    changes.extend(save.then(|| file("/src/main.rs", ChangeKind::Source)));
                    self.edited = Some(ConfigChange {
                        files: vec!["/hotrun.toml".into()],
                        keys: Vec::new(),
                        settings: self.session.settings,
                        restart: *restart,
                        build: *build,
                        next_start: false,
                    });
                    self.tell(Event::FilesChanged(changes));
                }
                Step::Restart => {
                    self.asked = true;
                    self.tell(Event::Asked(Request::Restart));
                }
                Step::Clean => {
                    self.before = None;
                    if self.live.take().is_some() {
                        self.started_since_last_save = 0;
                        self.tell(Event::LiveRemoved);
                    }
                }
                Step::Pause => self.tell(Event::Asked(Request::Pause)),
                Step::ProgramEnds(code) => {
                    if let Some(process) = self.processes.iter().find(|process| !process.stopping) {
                        self.program_ends(process.instance.number, Exit::Code(*code));
                    }
                }
            }
        }
    }

    fn save(&mut self, number: u32, compiles: bool) {
        self.content = Content { number, compiles, ..self.content };
        self.saved.push(self.content);
        self.saves("/src/main.rs", ChangeKind::Source);
    }

    fn saves(&mut self, path: &str, kind: ChangeKind) {
        self.started_since_last_save = 0;
        let change = Change { path: path.into(), kind, hidden: false };
        self.tell(Event::FilesChanged(vec![change]));
    }
}
