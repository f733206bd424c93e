//! The floor: a loop that is told of the save.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::project::{self, Project};

pub(crate) struct Floor {
    folder: PathBuf,
    home: String,
    listener: TcpListener,
    program: Child,
}

/// One edit of the floor's, in milliseconds.
pub(crate) struct Edit {
    pub(crate) served: f64,
    pub(crate) build: f64,
}

impl Floor {
    pub(crate) fn start(project: &Project) -> Self {
        let (folder, home) = (project.path().to_owned(), project.home().to_string());
        build(&folder);
        let program = run(&folder, &home);
        let listener = project.listener();
        project::wait_served(&listener, "none");
        Self { folder, home, listener, program }
    }

    pub(crate) fn edit(&mut self, version: &str) -> Edit {
        project::save(&self.folder, version);
        let saved = Instant::now();
        build(&self.folder);
        let built = saved.elapsed();
        self.program.kill().expect("it runs");
        self.program.wait().expect("it was ours");
        self.program = run(&self.folder, &self.home);
        project::wait_served(&self.listener, version);
        Edit { served: saved.elapsed().as_secs_f64() * 1e3, build: built.as_secs_f64() * 1e3 }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn build(folder: &PathBuf) {
    let done = Command::new("cargo")
        .args(["build", "--offline", "--quiet"])
        .current_dir(folder)
        // As from a shell: without what the cargo that runs this benchmark has set.
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .expect("cargo is on the PATH");
    assert!(done.success(), "the floor's build failed");
}

fn run(folder: &std::path::Path, home: &str) -> Child {
    Command::new(folder.join("target/debug/app"))
        .env("BENCH_HOME", home)
        .stdin(Stdio::null())
        .spawn()
        .expect("it was built")
}
