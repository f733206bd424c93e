//! A small std-only server that tells the harness its version as soon as it runs.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

const SERVER: &str = r#"
use std::io::Write;
use std::net::TcpStream;

const VERSION: &str = "none";

fn main() {
    let home = std::env::var("BENCH_HOME").unwrap();
    let mut stream = TcpStream::connect(home).unwrap();
    stream.write_all(VERSION.as_bytes()).unwrap();
    drop(stream);
    loop {
        std::thread::park();
    }
}
"#;

/// A project and where its program calls.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    home: TcpListener,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
        fs::write(folder.path().join("Cargo.toml"), manifest).expect("a manifest");
        fs::create_dir(folder.path().join("src")).expect("a folder");
        let home = TcpListener::bind("127.0.0.1:0").expect("a port");
        let project = Self { folder, home };
        project.save("none");
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self) -> SocketAddr {
        self.home.local_addr().expect("it is bound")
    }

    pub(crate) fn listener(&self) -> TcpListener {
        self.home.try_clone().expect("a descriptor")
    }

    /// Writes the source with this version.
    pub(crate) fn save(&self, version: &str) {
        save(self.path(), version);
    }
}

/// Writes the source below `folder` with this version.
pub(crate) fn save(folder: &Path, version: &str) {
    fs::write(folder.join("src/main.rs"), SERVER.replace("none", version)).expect("a source");
}

/// Waits until the program says this version.
pub(crate) fn wait_served(listener: &TcpListener, version: &str) {
    loop {
        let (mut stream, _) = listener.accept().expect("a call");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("a version");
        if said == version {
            return;
        }
    }
}
