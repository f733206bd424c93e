//! Sockets that hotrun is started with.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use hotrun::handover::{Adopted, Listeners};
use hotrun::sys::{self, Announce, Foreground, Leader, SpawnOrder};
use hotrun::words::Exit;

use super::listening;

/// Set for the test process that is started with sockets.
const ROLE: &str = "HOTRUN_TEST_STARTED_WITH";

/// What hotrun does first, in a process that was started with sockets; in any other this is empty.
#[test]
fn started_with_sockets() {
    let Ok(address) = std::env::var(ROLE) else {
        return;
    };
    let adopted = Adopted::take(|name| std::env::var(name).ok());
    let config = listening(&["web=127.0.0.1:0", "other=127.0.0.1:0"]);
    let listeners = Listeners::open(&config, adopted).unwrap();
    assert_eq!(listeners.describe()[0], format!("http://{address}"));
    let names: Vec<String> = listeners.passed().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["web", "other", "extra", "file"]);
    for (_, fd) in listeners.passed().unwrap() {
        assert!(rustix::io::fcntl_getfd(&fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
    // They can be taken once.
    let again = Adopted::take(|name| std::env::var(name).ok());
    assert!(Listeners::open(&listening(&[]), again).unwrap().describe().is_empty());
    TcpListener::from(listeners.passed().unwrap().remove(0).1).accept().unwrap();
}

#[test]
fn sockets_are_adopted_by_name_and_the_rest_is_passed_on() {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let extra = UdpSocket::bind("127.0.0.1:0").unwrap();
    let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let address = web.local_addr().unwrap().to_string();
    let fds: Vec<BorrowedFd<'_>> = vec![extra.as_fd(), web.as_fd(), file.as_fd()];
    let program = std::env::current_exe().unwrap();
    let mut env: Vec<_> = std::env::vars_os().collect();
    env.push((ROLE.into(), address.clone().into()));
    env.push(("LISTEN_FDS".into(), "3".into()));
    env.push(("LISTEN_FDNAMES".into(), "extra:web:file".into()));
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    let pid = sys::spawn(&SpawnOrder {
        program: &program,
        argv: &["it".into(), "--exact".into(), "handover::adoption::started_with_sockets".into()],
        env: &env,
        listen_pid: true,
        cwd: Path::new("/"),
        stdio: [Some(null.as_fd()), Some(null.as_fd()), None],
        fds: &fds,
        leader: Leader::Group,
        foreground: Foreground::No,
        ignore_hangup: false,
        announce: Announce::No,
    })
    .unwrap();
    drop(web);
    // It is this one's only listener now.
    TcpStream::connect(address).unwrap();
    let exit = rustix::process::Pid::from_raw(pid).unwrap();
    let (_, status) =
        rustix::process::waitpid(Some(exit), rustix::process::WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status().map(Exit::Code), Some(Exit::Code(0)));
}
