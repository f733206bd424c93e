//! What all streams share: the lines that are kept, and the two places where output is shown.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::lines::{Line, Lines};
use super::ring::{Ring, Stream, Writer};
use super::view::{Cursor, prefixes};
use crate::config::Color;
use crate::sys::{Full, Outlet, Pushed, TextKind};
use crate::words::ServiceId;

/// The most that waits for a terminal, file or pipe, in bytes.
const MAX_QUEUED: usize = 1 << 20;

/// No service alone.
const ALL: u32 = u32::MAX;

/// No service at all.
const NONE: u32 = u32::MAX - 1;

/// The settings of the room.
#[derive(Debug, Clone)]
pub struct Options {
    /// The services in the order of their ids.
    pub names: Vec<String>,
    pub color: Color,
    /// Whether hotrun's own lines are coloured.
    pub colored: bool,
    /// Words the message for lines that a slow terminal misses, given their number and whether it is coloured.
    pub missing: fn(u64, bool) -> String,
}

/// hotrun's stdout or stderr.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) outlet: Outlet,
    pub(super) is_terminal: bool,
    prefixes: Vec<String>,
    cursor: Mutex<Cursor>,
}

#[derive(Debug)]
pub(super) struct Shared {
    rings: Vec<Mutex<Ring>>,
    /// The number of the next line.
    next: AtomicU64,
    /// Told after each change of a ring.
    pub(super) grown: Notify,
    /// The service that is shown alone, as it writes.
    alone: AtomicU32,
}

impl Shared {
    pub(super) fn new(services: usize) -> Self {
        let shared = Self {
            rings: (0..services).map(|_| Mutex::default()).collect(),
            next: AtomicU64::new(0),
            grown: Notify::new(),
            alone: AtomicU32::new(ALL),
        };
        if services == 1 {
            shared.show(Some(ServiceId::MAIN));
        }
        shared
    }

    pub(super) fn show(&self, alone: Option<ServiceId>) {
        self.alone.store(alone.map_or(ALL, |service| service.0.into()), Ordering::Relaxed);
    }

    pub(super) fn alone(&self) -> Option<ServiceId> {
        u16::try_from(self.alone.load(Ordering::Relaxed)).ok().map(ServiceId)
    }

    /// Shows none: what they write is only kept.
    pub(super) fn hide(&self) {
        self.alone.store(NONE, Ordering::Relaxed);
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.alone.load(Ordering::Relaxed) == NONE
    }

    /// Returns the number of the next line.
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn ring(&self, service: ServiceId) -> Option<MutexGuard<'_, Ring>> {
        let ring = self.rings.get(usize::from(service.0))?;
        Some(ring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps and passes on what was read. Returns whether somebody may read it.
    pub(super) fn pass(&self, writer: Writer, place: &Place, lines: &mut Lines, bytes: &[u8]) -> bool {
        match self.manner(writer) {
            Manner::Raw => {
                self.keep(writer, |tell| lines.take(bytes, tell));
                place.outlet.push(TextKind::Lines, bytes) != Pushed::Closed
            }
            Manner::Named => place.write(|write| {
                self.keep(writer, |tell| {
                    lines.take(bytes, &mut |line| {
                        write(&line, writer, true);
                        tell(line);
                    });
                });
            }),
            Manner::Hidden => {
                self.keep(writer, |tell| lines.take(bytes, tell));
                true
            }
        }
    }

    /// Shows what is there of an unfinished line.
    pub(super) fn pass_part(&self, writer: Writer, place: &Place, lines: &mut Lines) {
        // A file would get a line for each step of a progress bar.
        let is_step = lines.overwrites() && !place.is_terminal;
        if self.manner(writer) == Manner::Named && !is_step {
            place.write(|write| {
                if let Some(part) = lines.part() {
                    write(&part, writer, false);
                }
            });
        }
    }

    /// Ends the unfinished line at the end of a stream.
    pub(super) fn pass_end(&self, writer: Writer, place: &Place, lines: &mut Lines) {
        if self.manner(writer) == Manner::Named {
            place.write(|write| {
                self.keep(writer, |tell| {
                    lines.end(&mut |line| {
                        write(&line, writer, true);
                        tell(line);
                    });
                });
            });
        } else {
            self.keep(writer, |tell| lines.end(tell));
        }
    }

    fn manner(&self, writer: Writer) -> Manner {
        match self.alone.load(Ordering::Relaxed) {
            ALL => Manner::Named,
            alone if alone == u32::from(writer.instance.service.0) => Manner::Raw,
            _ => Manner::Hidden,
        }
    }

    /// Puts the lines that `lines` tells into the ring.
    fn keep(&self, writer: Writer, lines: impl FnOnce(&mut dyn FnMut(Line<'_>))) {
        let Some(mut ring) = self.ring(writer.instance.service) else { return };
        let before = self.next();
        lines(&mut |line| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            ring.push(number, writer, &line.text);
        });
        drop(ring);
        if self.next() != before {
            self.grown.notify_waiters();
        }
    }
}

/// How a stream is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Byte for byte.
    Raw,
    /// Line by line, beside others.
    Named,
    Hidden,
}

impl Place {
    /// `name` is that of its thread.
    pub(super) fn new(
        name: &'static str,
        output: impl AsFd + IsTerminal + Send + Sync + 'static,
        options: &Options,
    ) -> Self {
        let is_terminal = output.is_terminal();
        let colors = options.colored && (is_terminal || options.color == Color::Always);
        let missing = options.missing;
        let full =
            if is_terminal { Full::Drop(Box::new(move |count| missing(count, colors))) } else { Full::Wait };
        Self {
            outlet: Outlet::new(name, output, MAX_QUEUED, full),
            is_terminal,
            prefixes: prefixes(&options.names, colors),
            cursor: Mutex::default(),
        }
    }

    /// Writes a text at the start of a line.
    pub(super) fn begin_again(&self, text: String) {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        *cursor = Cursor::default();
        self.outlet.push(TextKind::Lines, text);
    }

    /// Writes what `lines` tells, with whether it ends the line, as one text. Returns whether somebody may read it.
    fn write(&self, lines: impl FnOnce(&mut dyn FnMut(&Line<'_>, Writer, bool))) -> bool {
        // Held until the text is queued, so that the cursor is where the queue leads.
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, mut text) = (*cursor, String::new());
        lines(&mut |line, writer, ends| {
            let who = (writer.instance, writer.stream == Stream::Stderr);
            cursor.write(line, who, (ends, self.is_terminal), &self.prefixes, &mut text);
        });
        match self.outlet.push(TextKind::Lines, text) {
            Pushed::Queued => true,
            Pushed::Dropped => {
                *cursor = before;
                true
            }
            Pushed::Closed => false,
        }
    }
}
