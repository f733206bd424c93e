//! Reads `/proc`: file systems by name, inotify's limits and their use. Returns nothing on other systems.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::facts::Limits;

/// Reads the number in a file of `/proc/sys`.
pub(super) fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

pub(super) fn file_system(folder: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    of_mounts(&mounts, &folder.canonicalize().ok()?)
}

/// Returns the type of the mount deepest above the path, the last one if several are
/// (`proc_pid_mountinfo(5)`).
fn of_mounts(mounts: &str, path: &Path) -> Option<String> {
    let mut found: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((place, rest)) = line.split_once(" - ") else { continue };
        let Some(point) = place.split(' ').nth(4).map(unescaped) else { continue };
        let Some(name) = rest.split(' ').next() else { continue };
        let point = Path::new(std::ffi::OsStr::from_bytes(&point));
        let depth = point.components().count();
        if path.starts_with(point) && found.is_none_or(|(deepest, _)| depth >= deepest) {
            found = Some((depth, name));
        }
    }
    found.map(|(_, name)| name.to_owned())
}

/// Decodes spaces, tabs, newlines and backslashes, which are written as `\040` and so on.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\');
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    bytes
}

/// Returns inotify's limits and this user's share (`inotify(7)`); a user namespace may have lower ones.
pub(super) fn inotify() -> Option<Limits> {
    let limit = |name: &str, own: &str| {
        let all = number(&format!("/proc/sys/fs/inotify/{name}"))?;
        Some(number(&format!("/proc/sys/user/{own}")).map_or(all, |own| own.min(all)))
    };
    let (used_watches, used_instances) = used();
    Some(Limits {
        watches: limit("max_user_watches", "max_inotify_watches")?,
        instances: limit("max_user_instances", "max_inotify_instances")?,
        queued: number("/proc/sys/fs/inotify/max_queued_events")?,
        used_watches,
        used_instances,
    })
}

/// Counts the watches and instances of this user's processes, as far as they are readable.
fn used() -> (u64, u64) {
    let user = rustix::process::geteuid().as_raw();
    let (mut watches, mut instances) = (0, 0);
    for row in crate::sys::processes() {
        let process = format!("/proc/{}", row.pid);
        if !fs::metadata(&process).is_ok_and(|metadata| metadata.uid() == user) {
            continue;
        }
        for fd in fs::read_dir(format!("{process}/fd")).into_iter().flatten().flatten() {
            let is_inotify =
                fs::read_link(fd.path()).is_ok_and(|link| link == Path::new("anon_inode:inotify"));
            if is_inotify {
                let info = Path::new(&process).join("fdinfo").join(fd.file_name());
                let info = fs::read_to_string(info).unwrap_or_default();
                instances += 1;
                watches += info.lines().filter(|line| line.starts_with("inotify wd:")).count() as u64;
            }
        }
    }
    (watches, instances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_deepest_mounts_counts() {
        let mounts = "\
            21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 21 0:25 / /home rw shared:1 - btrfs /dev/sdb rw\n\
            31 30 0:26 / /home/my\\040work rw - 9p host rw\n\
            32 30 0:27 / /home rw - xfs /dev/sdc rw\n";
        let of = |path: &str| of_mounts(mounts, Path::new(path)).unwrap();
        assert_eq!((of("/srv"), of("/home/ann")), ("ext4".to_owned(), "xfs".to_owned()));
        assert_eq!(of("/home/my work/src"), "9p");
        assert_eq!(of_mounts("nonsense", Path::new("/")), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn own_inotify_instances_are_counted() {
        use notify_debouncer_full::notify::{RecursiveMode, Watcher, recommended_watcher};
        let folder = tempfile::tempdir().unwrap();
        let mut watcher = recommended_watcher(|_| {}).unwrap();
        watcher.watch(folder.path(), RecursiveMode::NonRecursive).unwrap();
        let used = used();
        assert!(used.0 > 0 && used.1 > 0);
    }
}
