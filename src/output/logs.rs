//! Reads what is kept of the output, and what comes.

use std::sync::Arc;

use super::ring::LoggedLine;
use super::shared::Shared;
use crate::words::ServiceId;

/// Access to the lines that are kept.
#[derive(Debug, Clone)]
pub struct Logs {
    shared: Arc<Shared>,
    services: Vec<ServiceId>,
    /// The number of the next line to read.
    next: u64,
}

/// Lines in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NextLines {
    pub lines: Vec<LoggedLine>,
    /// Lines before them are no longer kept.
    pub gap: bool,
}

impl Logs {
    pub(super) fn new(shared: Arc<Shared>, services: Vec<ServiceId>) -> Self {
        let next = shared.next();
        Self { shared, services, next }
    }

    /// Returns the last lines so far; [`Logs::next`] returns those after them.
    pub fn last(&mut self, count: usize) -> Vec<LoggedLine> {
        let end = self.next;
        let rings = self.services.iter().filter_map(|service| self.shared.ring(*service));
        let mut lines: Vec<LoggedLine> =
            rings.flat_map(|ring| ring.last(count, |number, _| number < end)).collect();
        lines.sort_unstable_by_key(|line| line.number);
        let surplus = lines.len().saturating_sub(count);
        lines.split_off(surplus)
    }

    /// Waits for more lines.
    pub async fn next(&mut self) -> NextLines {
        loop {
            // Before the look, so that none is missed.
            let grown = self.shared.grown.notified();
            let (from, end) = (self.next, self.shared.next());
            let mut next = NextLines::default();
            for service in &self.services {
                if let Some(ring) = self.shared.ring(*service) {
                    next.gap |= ring.has_lost(from);
                    next.lines.extend(ring.since(from));
                }
            }
            // A line may have come after the look at its ring.
            next.lines.retain(|line| line.number < end);
            next.lines.sort_unstable_by_key(|line| line.number);
            self.next = end;
            if !next.lines.is_empty() || next.gap {
                return next;
            }
            grown.await;
        }
    }
}
