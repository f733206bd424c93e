//! Forced freshness: makes cargo recompile a package whose change its modification times would hide.
//!
//! Touches only files inside the staging target, never a source. cargo compares each source with the
//! modification time of the unit's `dep-*` fingerprint file; ageing that file recompiles the unit and its
//! dependents. No folder of cargo's private layout is named here: the old and the new layout both keep such
//! files below a folder named after the package.

use std::fs::{File, FileTimes};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Ages the fingerprints of `packages` below `build_dir`. Returns the number of aged files.
pub fn force(build_dir: &Path, packages: &[String]) -> io::Result<usize> {
    age(build_dir, packages, |_| true)
}

/// Does what [`force`] does for everything but build scripts, which would run again.
pub(super) fn force_without_scripts(build_dir: &Path, packages: &[String]) -> io::Result<usize> {
    age(build_dir, packages, |name| !name.starts_with("dep-build-script-"))
}

fn age(build_dir: &Path, packages: &[String], counts: impl Fn(&str) -> bool) -> io::Result<usize> {
    let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    let mut aged = 0;
    let mut folders = vec![(build_dir.to_owned(), false)];
    while let Some((folder, of_package)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // Another cargo may be cleaning up.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if kind.is_dir() {
                let named = of_package || packages.iter().any(|package| belongs_to(name, package));
                // Published binaries and rustc's incremental cache contain no files of cargo.
                if !matches!(name, "incremental" | "live") {
                    folders.push((entry.path(), named));
                }
            } else if of_package && kind.is_file() && name.starts_with("dep-") && counts(name) {
                File::options().write(true).open(entry.path())?.set_times(long_ago)?;
                aged += 1;
            }
        }
    }
    Ok(aged)
}

/// Whether cargo made the folder `name` for `package`: `package` itself or `package-<16 hex digits>`.
fn belongs_to(name: &str, package: &str) -> bool {
    name.strip_prefix(package).is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fingerprints_of_the_package_are_aged() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            ("debug/.fingerprint/app-0123456789abcdef/dep-bin-app", true),
            ("debug/.fingerprint/app-0123456789abcdef/bin-app", false),
            ("debug/.fingerprint/app-cli-0123456789abcdef/dep-bin-app-cli", false),
            ("debug/build/app/0123456789abcdef/fingerprint/dep-lib-app", true),
            ("debug/incremental/app-0123456789abcdef/dep-graph.bin", false),
        ];
        for (file, _) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(force(root.path(), &["app".to_owned()]).unwrap(), 2);
        for (file, aged) in files {
            let modified = root.path().join(file).metadata().unwrap().modified().unwrap();
            assert_eq!(modified < SystemTime::UNIX_EPOCH + Duration::from_mins(1), aged, "{file}");
        }
    }

    #[test]
    fn build_scripts_can_be_left_as_they_are() {
        let root = tempfile::tempdir().unwrap();
        for file in
            ["app-0123456789abcdef/dep-bin-app", "app-fedcba9876543210/dep-build-script-build-script-build"]
        {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(force_without_scripts(root.path(), &["app".to_owned()]).unwrap(), 1);
        assert_eq!(force(root.path(), &["app".to_owned()]).unwrap(), 2);
    }

    #[test]
    fn a_missing_staging_target_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(force(&root.path().join("none"), &["app".to_owned()]).unwrap(), 0);
    }
}
