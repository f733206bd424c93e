//! Receives and takes over descriptors: from datagrams, or inherited by socket activation.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first descriptor that socket activation passes (`SD_LISTEN_FDS_START`, `sd_listen_fds(3)`).
const FIRST_PASSED: RawFd = 3;

/// Room for the 253 descriptors of a message (`SCM_MAX_FD`, unix(7)) and the sender's credentials, aligned
/// for control messages.
type Control = [u64; 160];

/// Returns device and inode of stdout and stderr if they are regular files.
pub fn own_outputs() -> Vec<(u64, u64)> {
    let stats = [rustix::fs::fstat(io::stdout()), rustix::fs::fstat(io::stderr())];
    let files = stats
        .into_iter()
        .flatten()
        .filter(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file());
    files.map(|stat| (stat.st_dev, stat.st_ino)).collect()
}

/// A received datagram.
#[derive(Debug)]
pub struct Datagram {
    /// The number of bytes in the buffer.
    pub length: usize,
    /// The descriptors sent with it, closed on exec.
    pub fds: Vec<OwnedFd>,
    /// The pid of the sender: only on Linux, for a socket with `SO_PASSCRED`.
    pub sender: Option<i32>,
    /// Bytes or descriptors were lost: the buffer was too small, or the limit on descriptors was reached.
    pub truncated: bool,
}

/// Receives a datagram without waiting; `WouldBlock` if there is none.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
    let mut control: Control = [0; 160];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: a plain C struct, for which zeroes mean no address, no data and no control messages.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of::<Control>() as _;
    #[cfg(target_os = "linux")]
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = libc::MSG_DONTWAIT;
    // SAFETY: the header points to the buffer and the control space, both writable and alive during the call.
    let read = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let length = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    let (mut fds, mut sender) = (Vec::new(), None);
    // SAFETY: the kernel filled the control space and set its length; the macros walk no further than that, and every
    // value is copied byte by byte, within the length of its message.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    let bytes = ((*message).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                    for place in 0..bytes / size_of::<RawFd>() {
                        let mut fd: RawFd = -1;
                        let from = data.add(place * size_of::<RawFd>());
                        ptr::copy_nonoverlapping(from, (&raw mut fd).cast(), size_of::<RawFd>());
                        // The kernel has just created this descriptor, so it has no other owner.
                        fds.push(OwnedFd::from_raw_fd(fd));
                    }
                }
                #[cfg(target_os = "linux")]
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                    let mut who = libc::ucred { pid: 0, uid: 0, gid: 0 };
                    ptr::copy_nonoverlapping(data, (&raw mut who).cast(), size_of::<libc::ucred>());
                    sender = Some(who.pid);
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
    }
    if !cfg!(target_os = "linux") {
        for fd in &fds {
            let _ = rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC);
        }
    }
    // A sender outside the PID namespaces this process can see has no pid here.
    let sender = sender.filter(|&pid| pid > 0);
    let truncated = header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0;
    Ok(Datagram { length, fds, sender, truncated })
}

/// Whether both refer to the same open file description; `None` where the system does not tell (kcmp(2) is
/// Linux, and containers may forbid it).
pub fn same_description(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        const KCMP_FILE: libc::c_int = 0;
        let me = std::process::id();
        // SAFETY: kcmp(2) takes integers and changes nothing.
        let order =
            unsafe { libc::syscall(libc::SYS_kcmp, me, me, KCMP_FILE, one.as_raw_fd(), other.as_raw_fd()) };
        (order >= 0).then_some(order == 0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (one, other);
        None
    }
}

/// Takes over `count` inherited descriptors from 3 on; `None` for those that are not open. Must be called
/// before any descriptor is opened. A second call returns nothing.
pub fn take_inherited(count: usize) -> Vec<Option<OwnedFd>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    let take = |fd: RawFd| {
        // SAFETY: fcntl(2) on a number that is not open only gives an error.
        if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            return None;
        }
        // SAFETY: the descriptor is open, was passed to this process to keep, and is taken only once.
        Some(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    (FIRST_PASSED..).take(count).map(take).collect()
}
