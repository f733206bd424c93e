//! The process table from libproc and sysctl(3).

use std::mem::{size_of, zeroed};

use super::row::{ProcessRow, below};

/// `p_flag` bit of a traced process (sys/proc.h).
const P_TRACED: u32 = 0x800;

/// `p_flag` bit of a process that is exiting (sys/proc.h).
const P_WEXIT: u32 = 0x2000;

/// Reading this table opens no file.
pub fn reserve_for_table() {}

pub fn processes() -> Vec<ProcessRow> {
    // SAFETY: with a null buffer the call only returns the number of processes.
    let count = unsafe { libc::proc_listallpids(std::ptr::null_mut(), 0) };
    // Room for processes started between the two calls.
    let mut pids = vec![0_i32; usize::try_from(count).unwrap_or(0) + 64];
    let bytes = i32::try_from(pids.len() * size_of::<i32>()).unwrap_or(i32::MAX);
    // SAFETY: the buffer is `bytes` long and lives through the call.
    let got = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), bytes) };
    pids.truncate(usize::try_from(got).unwrap_or(0));
    pids.into_iter().filter(|&pid| pid > 0).filter_map(process).collect()
}

pub fn process(pid: i32) -> Option<ProcessRow> {
    let info = info(pid)?;
    Some(ProcessRow {
        pid,
        parent: info.pbi_ppid.cast_signed(),
        group: info.pbi_pgid.cast_signed(),
        session: 0,
        zombie: info.pbi_status == libc::SZOMB,
        ending: info.pbi_flags & P_WEXIT != 0,
        start: info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec,
    })
}

/// `KERN_PROCARGS2`: a count, the path, padding, then arguments and environment as C strings.
pub(super) fn environment(pid: i32) -> Option<Vec<u8>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let mut length: libc::size_t = 0;
    // SAFETY: `name` holds the three numbers announced; with a null buffer only `length` is written.
    let sized = unsafe {
        libc::sysctl(name.as_mut_ptr(), 3, std::ptr::null_mut(), &raw mut length, std::ptr::null_mut(), 0)
    };
    if sized != 0 {
        return None;
    }
    let mut block = vec![0_u8; length];
    // SAFETY: the buffer is `length` bytes long; the call writes at most that many and says how many.
    let read = unsafe {
        libc::sysctl(
            name.as_mut_ptr(),
            3,
            block.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    if read != 0 {
        return None;
    }
    block.truncate(length);
    let count = usize::try_from(i32::from_ne_bytes(block.get(..4)?.try_into().ok()?)).ok()?;
    let rest = block.get(4..)?;
    let path_end = rest.iter().position(|&byte| byte == 0)?;
    let mut rest = rest.get(path_end..)?;
    rest = rest.get(rest.iter().position(|&byte| byte != 0)?..)?;
    for _ in 0..count {
        rest = rest.get(rest.iter().position(|&byte| byte == 0)? + 1..)?;
    }
    Some(rest.to_vec())
}

pub fn own_descendants() -> Vec<ProcessRow> {
    below(std::process::id().cast_signed(), &processes())
}

pub fn is_traced(pid: i32) -> bool {
    info(pid).is_some_and(|info| info.pbi_flags & P_TRACED != 0)
}

pub fn catches(_pid: i32, _signal: i32) -> bool {
    true
}

pub fn is_stopped(pid: i32) -> bool {
    /// `p_stat` of a stopped process (sys/proc.h).
    const SSTOP: u32 = 4;
    info(pid).is_some_and(|info| info.pbi_status == SSTOP)
}

pub(in crate::sys) fn holder_of(device: rustix::fs::Dev) -> Option<i32> {
    processes().into_iter().find_map(|row| {
        let info = info(row.pid)?;
        (info.e_tdev.cast_signed() == device && info.e_tpgid > 0).then(|| info.e_tpgid.cast_signed())
    })
}

fn info(pid: i32) -> Option<libc::proc_bsdinfo> {
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: an all-zero `proc_bsdinfo` is a valid value of this plain C struct.
    let mut info: libc::proc_bsdinfo = unsafe { zeroed() };
    // SAFETY: the buffer is a `proc_bsdinfo` of the size given, which is what this flavour writes.
    let got = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), size) };
    (got == size).then_some(info)
}
