//! Where file events are unreliable, and how often to poll instead.

use std::path::Path;
use std::time::Duration;

/// The polling interval if the user gave none.
pub(super) const INTERVAL: Duration = crate::config::POLL_INTERVAL;

/// A scan may take this fraction of a core at most, so that polling a large project does not occupy one.
const CPU_SHARE: u32 = 20;

/// The same for elapsed time, which is mostly waiting on a busy machine or a slow file system.
const TIME_SHARE: u32 = 2;

/// Returns the time until the next scan, after one that took `cpu` of a core while `passed` went by.
pub(super) fn pause(interval: Duration, cpu: Duration, passed: Duration) -> Duration {
    interval.max(cpu * CPU_SHARE).max(passed * TIME_SHARE)
}

/// Returns the CPU time of this thread.
pub(super) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the name of a folder's file system if changes made elsewhere (another machine, the host of a
/// virtual machine or container) cause no events here.
#[cfg(target_os = "linux")]
pub fn unreliable(folder: &Path) -> Option<&'static str> {
    let status = rustix::fs::statfs(folder).ok()?;
    name(u32::try_from(status.f_type & 0xffff_ffff).ok()?)
}

/// No list of such file systems is known for other platforms.
#[cfg(not(target_os = "linux"))]
pub fn unreliable(_folder: &Path) -> Option<&'static str> {
    None
}

/// The magic numbers of statfs(2) and the kernel's `magic.h`.
#[cfg(target_os = "linux")]
fn name(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x0102_1997 => "9p",
        0x5346_4846 => "drvfs",
        // virtiofs and Docker Desktop's mounts report this too.
        0x6573_5546 => "fuse",
        0x0000_6969 => "nfs",
        0x0000_517b | 0xff53_4d42 | 0xfe53_4d42 => "smb",
        0x786f_4256 => "vboxsf",
        0xbacb_acbc => "vmhgfs",
        0x5346_414f => "afs",
        0x00c3_6400 => "ceph",
        0x7c7c_6673 => "prl_fs",
        0x0bd0_0bd0 => "lustre",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn network_file_systems_are_unreliable() {
        assert_eq!(name(0x0102_1997), Some("9p"));
        assert_eq!(name(0xff53_4d42), Some("smb"));
        for local in [0xef53, 0x794c_7630, 0x9123_683e, 0x5846_5342, 0x0102_1994] {
            assert_eq!(name(local), None);
        }
        assert_eq!(unreliable(Path::new("/proc")), None);
    }

    #[test]
    fn large_projects_are_polled_less_often() {
        let millis = Duration::from_millis;
        assert_eq!(pause(INTERVAL, millis(1), millis(5)), INTERVAL);
        assert_eq!(INTERVAL, millis(1000));
        assert_eq!(pause(INTERVAL, millis(100), millis(100)), millis(2000));
        assert_eq!(pause(INTERVAL, millis(1), millis(1000)), millis(2000));
    }
}
