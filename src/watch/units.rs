//! The files that the program's packages were compiled from according to rustc, even if the build as a whole
//! failed.
//!
//! rustc writes a unit's dep-info before it looks for most errors. The only assumption is that a unit's file
//! lists the root source file of its crate, not where cargo's private layout has it.

use std::path::{Path, PathBuf};

use super::dep_info;
use super::plan::PackageFolder;

/// cargo nests folders this deep, with a triple.
const DEPTH: usize = 6;

/// The inputs of one unit of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub root: PathBuf,
    pub files: Vec<PathBuf>,
}

/// Returns the units of `packages` compiled into `build_directory`, now or earlier. `base` is the workspace
/// root, where cargo runs rustc for its members.
pub fn read(build_directory: &Path, base: &Path, packages: &[PackageFolder]) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut folders = vec![(build_directory.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
                let name = entry.file_name();
                let apart = ["incremental", "live", ".fingerprint", "doc"].iter().any(|apart| name == *apart);
                if depth < DEPTH && !apart {
                    folders.push((path, depth + 1));
                }
            } else if path.extension().is_some_and(|extension| extension == "d")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let files: Vec<PathBuf> =
                    dep_info::parse_unit(&text, base).iter().map(|file| dep_info::fold(file)).collect();
                let of =
                    |package: &&PackageFolder| package.sources.iter().any(|source| files.contains(source));
                if let Some(package) = packages.iter().find(of) {
                    units.push(Unit { root: package.root.clone(), files });
                }
            }
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_belongs_to_the_package_whose_root_source_it_was_compiled_from() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("debug/deps/app-0123.d", "/t/app: src/main.rs src/../../shared/v.rs\n\nsrc/main.rs:\n"),
            ("debug/deps/api-0123.d", "/t/api: /out/api/src/lib.rs /out/api/src/../no.txt\n"),
            ("debug/build/api-0123/build_script_build-0123.d", "/t/api: /out/api/build.rs\n"),
            ("debug/deps/other-0123.d", "/t/other: src/other.rs\n"),
            ("debug/incremental/app/x.d", "/t/x: src/main.rs incremental.rs\n"),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let package = |root: &str, sources: &[&str]| PackageFolder {
            name: "any".to_owned(),
            root: root.into(),
            manifest: Path::new(root).join("Cargo.toml"),
            build_script: false,
            sources: sources.iter().map(PathBuf::from).collect(),
            artifacts: std::collections::BTreeSet::new(),
        };
        let packages = [
            package("/ws", &["/ws/src/main.rs"]),
            package("/out/api", &["/out/api/src/lib.rs", "/out/api/build.rs"]),
        ];
        let mut found: Vec<(PathBuf, Vec<PathBuf>)> = read(folder.path(), Path::new("/ws"), &packages)
            .into_iter()
            .map(|unit| (unit.root, unit.files))
            .collect();
        found.sort();
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            found,
            [
                ("/out/api".into(), paths(&["/out/api/build.rs"])),
                ("/out/api".into(), paths(&["/out/api/src/lib.rs", "/out/api/no.txt"])),
                ("/ws".into(), paths(&["/ws/src/main.rs", "/shared/v.rs"])),
            ]
        );
    }
}
