//! The description each hotrun writes beside its socket, and the choice of the hotrun that a command means.
//!
//! The choice is made by plain data: the options, the current folder, the nearest `Cargo.toml`.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::ControlError;
use crate::cli::Selection;

const FILE: &str = "about.json";

/// Identifies a hotrun. Paths are absolute, and free of links where they could be resolved.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    pub pid: u32,
    pub cwd: PathBuf,
    pub program: String,
    pub kind: TargetKind,
    pub package: String,
    pub version: String,
    /// cargo's ID of the package.
    pub package_id: String,
    /// The folders of the packages the program is built from, its own first; none where commands alone run.
    pub packages: Vec<PathBuf>,
    /// The folders of the workspace's other packages.
    pub others: Vec<PathBuf>,
    pub workspace: PathBuf,
    pub target_directory: PathBuf,
    pub profile: String,
    /// The target triple, if one was given.
    pub triple: Option<String>,
    #[serde(default)]
    pub live: PathBuf,
}

/// The kind of cargo target a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    Bin,
    Example,
}

impl About {
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Writes the description into the runtime folder atomically: a reader sees the old one or the new one.
    #[expect(clippy::disallowed_methods, reason = "far from any live path")]
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let temporary = folder.join(".about");
        let text = serde_json::to_string(self).map_err(io::Error::other)?;
        let mut file =
            fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&temporary, Self::path(folder))
    }

    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(Self::path(folder)).ok()?).ok()
    }

    /// Returns the options that select this program, for a message.
    fn options(&self) -> String {
        let option = match self.kind {
            TargetKind::Bin => "--bin",
            TargetKind::Example => "--example",
        };
        let release =
            if self.profile == "dev" { String::new() } else { format!(" --profile {}", self.profile) };
        let triple = self.triple.as_ref().map_or(String::new(), |triple| format!(" --target {triple}"));
        format!("`-p {} {option} {}{release}{triple}`", self.package, self.program)
    }

    /// Whether the options match this program.
    fn matches(&self, selection: &Selection, cwd: &Path) -> bool {
        let Selection { package, bin, example, release, profile, target, target_dir, manifest_path: _ } =
            selection;
        let profile = if *release { Some("release") } else { profile.as_deref() };
        package.as_ref().is_none_or(|spec| self.matches_package(spec))
            && bin.as_ref().is_none_or(|name| self.kind == TargetKind::Bin && self.program == *name)
            && example.as_ref().is_none_or(|name| self.kind == TargetKind::Example && self.program == *name)
            && profile.is_none_or(|profile| self.profile == profile)
            && target.as_ref().is_none_or(|triple| self.triple.as_ref() == Some(triple))
            && target_dir.as_ref().is_none_or(|folder| self.target_directory == real(&cwd.join(folder)))
    }

    /// Whether one of the forms of cargo's package ID specifications (cargo-pkgid(1)) matches the package.
    fn matches_package(&self, spec: &str) -> bool {
        let (name, version) = (&self.package, &self.version);
        spec == name
            || spec == self.package_id
            || spec.strip_prefix(name.as_str()).is_some_and(|rest| {
                let wanted = rest.strip_prefix('@').or_else(|| rest.strip_prefix(':'));
                wanted.is_some_and(|wanted| version == wanted || version.starts_with(&format!("{wanted}.")))
            })
    }

    /// Returns how near the program is to a location, 0 if it has nothing to do with it.
    fn nearness(&self, location: &Location, named: bool) -> u8 {
        let Location { folder, package, of_manifest } = location;
        if let Some(package) = package {
            if self.packages.first() == Some(package) {
                return 5;
            }
            let shared = self.workspace == *package && !self.others.contains(package);
            if self.packages.contains(package) || shared {
                return 4;
            }
            // Another member's folder: a program selected by name may be anywhere in the workspace.
            if named && package.starts_with(&self.workspace) {
                return 3;
            }
        }
        if *of_manifest {
            return 0;
        }
        match package {
            None if folder.starts_with(&self.cwd) => 2,
            _ if *folder == self.cwd => 1,
            _ => 0,
        }
    }
}

/// Where to look for a hotrun.
#[derive(Debug)]
struct Location {
    folder: PathBuf,
    /// The folder of the nearest `Cargo.toml`.
    package: Option<PathBuf>,
    /// Whether `--manifest-path` named it.
    of_manifest: bool,
}

impl Location {
    fn of(selection: &Selection, cwd: &Path) -> Self {
        if let Some(manifest) = &selection.manifest_path {
            let folder = real(cwd.join(manifest).parent().unwrap_or(cwd));
            return Self { package: Some(folder.clone()), folder, of_manifest: true };
        }
        let folder = real(cwd);
        let package = folder.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
        Self { package: package.map(Path::to_owned), folder, of_manifest: false }
    }
}

/// Returns the runtime folder and the description of the hotrun that the options mean. `alive` tells whether
/// a hotrun still runs, and removes the remains of a dead one.
pub(super) fn find(
    selection: &Selection,
    cwd: &Path,
    alive: impl Fn(&Path) -> bool,
) -> Result<(PathBuf, About), ControlError> {
    let location = Location::of(selection, cwd);
    let named = selection.package.is_some() || selection.bin.is_some() || selection.example.is_some();
    let mut running: Vec<(PathBuf, About)> = Vec::new();
    for folder in folders() {
        if let Some(about) = About::read(&folder)
            && about.nearness(&location, true) > 0
            && alive(&folder)
        {
            running.push((folder, about));
        }
    }
    running.sort_by(|(_, one), (_, other)| {
        (&one.package, &one.program, one.pid).cmp(&(&other.package, &other.program, other.pid))
    });
    let nearby: Vec<String> = running.iter().map(|(_, about)| about.options()).collect();
    running.retain(|(_, about)| about.nearness(&location, named) > 0 && about.matches(selection, cwd));
    let best = running.iter().map(|(_, about)| about.nearness(&location, named)).max();
    running.retain(|(_, about)| Some(about.nearness(&location, named)) == best);
    let mut found = running.into_iter();
    match (found.next(), found.len()) {
        (None, _) => Err(ControlError::None { folder: location.folder, nearby }),
        (Some(one), 0) => Ok(one),
        (Some(one), _) => Err(ControlError::Several {
            choices: std::iter::once(one).chain(found).map(|(_, about)| about.options()).collect(),
        }),
    }
}

/// Returns the runtime folder and the description of the hotrun that keeps this live path, if one does.
pub(super) fn keeper(live: &Path, alive: impl Fn(&Path) -> bool) -> Option<(PathBuf, About)> {
    let keeps = |folder: PathBuf| {
        About::read(&folder).filter(|about| about.live == live && alive(&folder)).map(|about| (folder, about))
    };
    folders().into_iter().find_map(keeps)
}

/// Returns the description of the hotrun with this runtime folder.
pub(super) fn at(folder: &Path) -> Result<About, ControlError> {
    let none = || ControlError::None { folder: folder.to_owned(), nearby: Vec::new() };
    About::read(folder).ok_or_else(none)
}

/// Returns the runtime folders of this user's hotruns. A hotrun started elsewhere may have another
/// `XDG_RUNTIME_DIR`, or none.
fn folders() -> Vec<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let mut bases: Vec<(PathBuf, String)> = Vec::new();
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR") {
        bases.push((folder.into(), "hotrun-".to_owned()));
    }
    bases.push((format!("/run/user/{user}").into(), "hotrun-".to_owned()));
    bases.push(("/tmp".into(), format!("hotrun-{user}-")));
    let mut folders = Vec::new();
    for (base, prefix) in bases {
        let Ok(entries) = fs::read_dir(base) else { continue };
        for entry in entries.flatten() {
            let named = entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes());
            // Neither a link nor another user's. Root's folder may be passed through by others
            // (`RuntimeFolder`).
            let private = || {
                entry.metadata().is_ok_and(|found| {
                    let mode = found.mode() & 0o777;
                    found.is_dir() && found.uid() == user && (mode == 0o700 || user == 0 && mode == 0o711)
                })
            };
            if named && private() && !folders.contains(&entry.path()) {
                folders.push(entry.path());
            }
        }
    }
    folders
}

/// Resolves the links of a path that exists.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Resolves the links of a file's folder; the file need not exist.
pub fn real_file(path: &Path) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(program: &str, packages: &[&str]) -> About {
        About {
            pid: 1,
            cwd: "/ws".into(),
            program: program.to_owned(),
            kind: TargetKind::Bin,
            package: program.to_owned(),
            version: "1.2.3".to_owned(),
            package_id: format!("path+file:///ws/{program}#1.2.3"),
            packages: packages.iter().map(PathBuf::from).collect(),
            others: Vec::new(),
            workspace: "/ws".into(),
            target_directory: "/ws/target".into(),
            profile: "dev".to_owned(),
            triple: None,
            live: "/ws/target/hotrun/live/debug/api".into(),
        }
    }

    fn location(folder: &str, package: Option<&str>) -> Location {
        Location { folder: folder.into(), package: package.map(PathBuf::from), of_manifest: false }
    }

    #[test]
    fn the_nearest_hotrun_is_chosen() {
        let api = about("api", &["/ws/api", "/ws/lib"]);
        let near = |folder, package, named| api.nearness(&location(folder, package), named);
        assert_eq!(near("/ws/api/src", Some("/ws/api"), false), 5);
        assert_eq!(near("/ws/lib", Some("/ws/lib"), false), 4);
        assert_eq!(near("/ws", Some("/ws"), false), 4);
        // Another member is another program, unless selected by name.
        assert_eq!(near("/ws/worker", Some("/ws/worker"), false), 0);
        assert_eq!(near("/ws/worker", Some("/ws/worker"), true), 3);
        let beside_root = About { others: vec!["/ws".into()], cwd: "/".into(), ..api.clone() };
        assert_eq!(beside_root.nearness(&location("/ws", Some("/ws")), false), 0);
        let commands = about("db", &[]);
        assert_eq!(commands.nearness(&location("/ws", Some("/ws")), false), 4);
        assert_eq!(near("/elsewhere", Some("/elsewhere"), true), 0);
        assert_eq!(near("/ws/docs", None, false), 2);
        assert_eq!(near("/ws", Some("/"), false), 1);
    }

    #[test]
    fn options_select_it() {
        let api = about("api", &["/ws/api"]);
        let is = |selection: Selection| api.matches(&selection, Path::new("/ws"));
        assert!(is(Selection::default()));
        let spec = |spec: &str| Selection { package: Some(spec.to_owned()), ..Selection::default() };
        for good in ["api", "api@1.2.3", "api@1.2", "api:1", "path+file:///ws/api#1.2.3"] {
            assert!(is(spec(good)), "{good}");
        }
        for bad in ["ap", "api@2", "apis", "api1", "lib"] {
            assert!(!is(spec(bad)), "{bad}");
        }
        assert!(!is(Selection { release: true, ..Selection::default() }));
        assert!(is(Selection { profile: Some("dev".to_owned()), ..Selection::default() }));
        assert!(!is(Selection { example: Some("api".to_owned()), ..Selection::default() }));
        assert!(!is(Selection { target_dir: Some("other".into()), ..Selection::default() }));
        assert!(is(Selection { target_dir: Some("target".into()), ..Selection::default() }));
    }
}
