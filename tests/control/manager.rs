//! What hotrun tells the service manager that started it.

use std::os::unix::net::UnixDatagram;

use super::{ask, wait};
use crate::support::{DEADLINE, Home, Hotrun, Project};

#[test]
fn it_is_ready_when_the_program_is_for_the_first_time() {
    let (project, home, folder) = (Project::caller(), Home::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(DEADLINE)).unwrap();
    project.break_it();
    let mut hotrun =
        Hotrun::prepare(&project, &home, &[]).env("NOTIFY_SOCKET", path.to_str().unwrap()).start();
    hotrun.wait_for("build-finished");
    assert_eq!(wait(&project).0, 1);
    manager.set_nonblocking(true).unwrap();
    let mut message = [0; 64];
    assert!(manager.recv(&mut message).is_err(), "it was not ready yet");

    manager.set_nonblocking(false).unwrap();
    project.set_version("two");
    let length = manager.recv(&mut message).unwrap();
    assert_eq!(message.get(..length), Some(&b"READY=1"[..]));
    home.call();
    assert_eq!(ask(&project, &["restart"]).code, 0);
    home.call();
    assert_eq!(wait(&project).0, 0);
    manager.set_nonblocking(true).unwrap();
    assert!(manager.recv(&mut message).is_err(), "it says so once");
}
