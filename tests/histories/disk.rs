//! The project on disk: files saved in every style, and what ought to run with what is there.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::acts::{CARGO_CONFIG, CONFIG, ENV_FILE, Style, config};
use crate::support::manifest;

/// The project's folder.
pub(crate) struct Disk {
    root: PathBuf,
    /// Makes names that were never used.
    names: u32,
}

/// What ought to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// What the program is made of; `None` where it does not compile.
    pub(crate) made: Option<String>,
    /// How it is started, or the file that says so and cannot be in force.
    pub(crate) started: Result<String, &'static str>,
}

/// Waits where a person, an editor or git does.
pub(crate) fn rest(time: Duration) {
    let end = std::time::Instant::now() + time;
    while let Some(left) =
        end.checked_duration_since(std::time::Instant::now()).filter(|left| !left.is_zero())
    {
        std::thread::park_timeout(left);
    }
}

impl Disk {
    pub(crate) fn new(root: PathBuf) -> Self {
        let disk = Self { root, names: 0 };
        for (file, text) in [
            ("Cargo.toml", manifest("app").as_str()),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n"),
            ("src/main.rs", "// run 0\n"),
            ("src/part.rs", "// part 0\n"),
            ("src/deep/inner.rs", "// part 0\n"),
            (CONFIG, &config(0)),
            (ENV_FILE, "IN_FILE=f0\n"),
            (CARGO_CONFIG, "[env]\nIN_CARGO = \"k0\"\n"),
        ] {
            let path = disk.root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        disk
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path beside `path` that nothing has.
    fn beside(&mut self, path: &Path) -> PathBuf {
        self.names += 1;
        let name = path.file_name().unwrap().to_string_lossy();
        path.with_file_name(format!(".{name}.{}~", self.names))
    }

    pub(crate) fn save(&mut self, file: &str, text: &str, style: Style) {
        let path = self.root.join(file);
        let write = |path: &Path| fs::write(path, text).unwrap();
        match style {
            Style::InPlace(between) | Style::InParts(between) => {
                let half = if matches!(style, Style::InParts(_)) { text.len() / 2 } else { 0 };
                let mut open = fs::File::create(&path).unwrap();
                open.write_all(&text.as_bytes()[..half]).unwrap();
                rest(between);
                open.write_all(&text.as_bytes()[half..]).unwrap();
            }
            Style::Replace | Style::Older => {
                let fresh = self.beside(&path);
                write(&fresh);
                if matches!(style, Style::Older) {
                    let long_ago = SystemTime::now() - Duration::from_hours(1);
                    fs::File::options().write(true).open(&fresh).unwrap().set_modified(long_ago).unwrap();
                }
                rename(&fresh, &path);
            }
            Style::Backup(between) => {
                let backup = self.beside(&path);
                rename(&path, &backup);
                rest(between);
                write(&path);
                let _ = fs::remove_file(backup);
            }
            Style::Recreate(between) => {
                let _ = fs::remove_file(&path);
                rest(between);
                write(&path);
            }
            Style::Folder(between) => {
                let folder = path.parent().unwrap();
                let (fresh, old) = (self.beside(folder), self.beside(folder));
                fs::create_dir(&fresh).unwrap();
                write(&fresh.join(path.file_name().unwrap()));
                rename(folder, &old);
                rest(between);
                rename(&fresh, folder);
                fs::remove_dir_all(old).unwrap();
            }
        }
    }

    /// Saves a file as it is.
    pub(crate) fn touch(&mut self, file: &str) {
        if let Ok(text) = fs::read_to_string(self.root.join(file)) {
            self.save(file, &text, Style::InPlace(Duration::ZERO));
        }
    }

    pub(crate) fn remove(&self, file: &str) {
        let _ = fs::remove_file(self.root.join(file));
    }

    /// What `cargo clean` does. A build may be writing there at the same time.
    pub(crate) fn clean(&self) {
        let target = self.root.join("target");
        while let Err(error) = fs::remove_dir_all(&target) {
            if error.kind() == ErrorKind::NotFound {
                break;
            }
        }
    }

    /// What ought to run now.
    pub(crate) fn meaning(&self) -> Meaning {
        let read = |file: &str| fs::read_to_string(self.root.join(file)).ok();
        let word = |file: &str| {
            let text = read(file)?;
            let word = text.strip_prefix("// ")?.strip_suffix('\n')?;
            (!word.starts_with("broken")).then(|| word.replace(' ', ""))
        };
        let words: Option<Vec<String>> =
            ["src/main.rs", "src/part.rs", "src/deep/inner.rs"].map(word).into_iter().collect();
        Meaning { made: words.map(|words| words.join(",")), started: self.started() }
    }

    fn started(&self) -> Result<String, &'static str> {
        let read = |file: &str| fs::read_to_string(self.root.join(file)).ok();
        let between = |text: &str, start: &str| {
            let rest = text.split_once(start)?.1;
            Some(rest.split(['"', '\n']).next().unwrap_or_default().to_owned())
        };
        let config = read(CONFIG).unwrap_or_default();
        if config == "[run\n" {
            return Err(CONFIG);
        }
        let file = if config.contains(ENV_FILE) {
            let text = read(ENV_FILE).filter(|text| text != "nonsense\n").ok_or(ENV_FILE)?;
            between(&text, "IN_FILE=").unwrap_or_default()
        } else {
            String::new()
        };
        let args = between(&config, "args = [\"").unwrap_or_default();
        let variable = between(&config, "IN_CONFIG = \"").unwrap_or_default();
        let cargo = between(&read(CARGO_CONFIG).unwrap_or_default(), "IN_CARGO = \"").unwrap_or_default();
        Ok(format!("args={args} config={variable} file={file} cargo={cargo}"))
    }
}

fn rename(from: &Path, to: &Path) {
    // What is not there cannot be moved; the file is new then.
    let _ = rustix::fs::rename(from, to);
}
