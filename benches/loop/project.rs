//! The projects that are measured, and the folder they are made in.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::keeper::{Keeper, Mark};
use crate::plan::Plan;

/// What a project's program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum App {
    /// A server of the standard library alone.
    Tiny,
    /// A service with the dependencies of `examples/web`, axum and tokio among them.
    Web,
}

impl App {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Tiny => "tiny std server",
            Self::Web => "axum service",
        }
    }

    /// The name of its package and program.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Tiny => "app",
            Self::Web => "web",
        }
    }

    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Tiny => include_str!("programs/tiny.rs"),
            Self::Web => include_str!("programs/web.rs"),
        }
    }
}

/// Where projects are made; all of it goes with the run.
pub(crate) struct Yard {
    pub(crate) plan: Plan,
    keeper: Keeper,
    made: Cell<usize>,
    /// A web project whose dependencies are built.
    warm: RefCell<Option<PathBuf>>,
}

impl Yard {
    pub(crate) fn open(plan: Plan) -> Self {
        Self { plan, keeper: Keeper::start(), made: Cell::new(0), warm: RefCell::new(None) }
    }

    pub(crate) fn mark(&self) -> Mark {
        self.keeper.mark()
    }

    /// A new, empty folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.made.set(self.made.get() + 1);
        let folder = self.keeper.folder().join(self.made.get().to_string());
        fs::create_dir(&folder).expect("a folder");
        folder
    }

    /// A project with version `none`. The dependencies of the web service are built once for all of them.
    pub(crate) fn project(&self, app: App) -> Project {
        let project = Project { folder: self.folder(), app };
        match app {
            App::Tiny => {
                let manifest =
                    "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
                project.write("Cargo.toml", manifest);
            }
            App::Web => {
                let warm = self.warm.borrow_mut().get_or_insert_with(|| self.warm_web()).clone();
                copy(&warm.join("."), &project.folder);
            }
        }
        project.write(".gitignore", "/target\n/node_modules\n");
        // Some tools read `.gitignore` only in a repository.
        fs::create_dir_all(project.folder.join(".git/objects")).expect("a folder");
        fs::create_dir_all(project.folder.join(".git/refs")).expect("a folder");
        project.write(".git/HEAD", "ref: refs/heads/main\n");
        project.save("none");
        project
    }

    fn warm_web(&self) -> PathBuf {
        let project = Project { folder: self.folder(), app: App::Web };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/web");
        for part in ["Cargo.toml", "Cargo.lock", "greeting"] {
            copy(&example.join(part), &project.folder);
        }
        project.save("none");
        project.build();
        project.folder
    }
}

/// A project that is edited.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) app: App,
}

impl Project {
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Writes the source with this version.
    pub(crate) fn save(&self, version: &str) {
        let text =
            self.app.source().replace("VERSION: &str = \"none\"", &format!("VERSION: &str = {version:?}"));
        self.write("src/main.rs", &text);
    }

    /// A bare `cargo build`.
    pub(crate) fn build(&self) {
        let mut command = cargo(&self.folder);
        let done = command.args(["build", "--offline", "--quiet"]).status().expect("cargo is on the PATH");
        assert!(done.success(), "a build in {} failed", self.folder.display());
    }

    /// Moves what is built to where hotrun would have built it.
    pub(crate) fn stage(&self) {
        let target = self.folder.join("target");
        if target.join("debug").exists() {
            fs::create_dir_all(target.join("hotrun")).expect("a folder");
            copy(&target.join("debug"), &target.join("hotrun"));
            fs::remove_dir_all(target.join("debug")).expect("it was there");
        }
    }

    /// The program as cargo builds it.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join("target/debug").join(self.app.package())
    }
}

/// `cargo` in a folder, as from a shell.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).stdin(Stdio::null());
    as_from_a_shell(&mut command);
    command
}

/// Without what rustup and the cargo that runs this benchmark have set.
pub(crate) fn as_from_a_shell(command: &mut Command) {
    const SET_BY_CARGO: &[&str] =
        &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "RUSTUP_TOOLCHAIN"];
    for (name, _) in std::env::vars_os() {
        if SET_BY_CARGO.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    for name in
        ["CARGO", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUST_RECURSION_COUNT", "LD_LIBRARY_PATH"]
    {
        command.env_remove(name);
    }
}

/// Copies with times, so that cargo finds fresh what it built.
pub(crate) fn copy(from: &Path, into: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(into).status().expect("cp is there");
    assert!(done.success(), "{} could not be copied", from.display());
}
