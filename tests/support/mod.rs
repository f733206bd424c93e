//! What real-process tests share: throw-away cargo projects, a running hotrun whose events are waited for, and programs that
//! call home.
//!
//! Everything waits on an event (a line of the events FIFO, an accepted connection, its end) with one generous deadline.

mod home;
mod hotrun;
mod person;
mod project;
mod reports;
mod said;
mod stage;
mod workshop;

use std::time::Duration;

pub(crate) use home::{Call, Home};
pub(crate) use hotrun::{EventLine, Hotrun};
pub(crate) use person::{Person, pause, shells};
pub(crate) use project::{Project, manifest};
pub(crate) use reports::Reports;
pub(crate) use said::{Said, answering, finish, said};
pub(crate) use stage::{Stage, ask, ask_until, served};
pub(crate) use workshop::Workshop;

/// How long anything that must happen may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
