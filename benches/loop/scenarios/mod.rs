//! What is measured, one file each.

mod bursts;
mod downtime;
mod first;
mod idle;
mod large;
mod memory;
mod served;
mod services;
mod storm;

use crate::project::Yard;
use crate::report::Section;
use crate::tools::Tool;

/// A scenario gives what it measured, one section for each kind of project.
pub(crate) type Scenario = fn(&Yard) -> Vec<Section>;

/// All of them, in the order they are run.
pub(crate) const ALL: &[(&str, Scenario)] = &[
    ("served", served::measure),
    ("downtime", downtime::measure),
    ("storm", storm::measure),
    ("bursts", bursts::measure),
    ("idle", idle::measure),
    ("large", large::measure),
    ("memory", memory::measure),
    ("services", services::measure),
    ("first", first::measure),
];

/// Whose turn it is: everybody once, another one first each time, so that a warm cache favours nobody.
fn turns(round: usize, tools: &mut [Box<dyn Tool>]) -> impl Iterator<Item = (usize, &mut Box<dyn Tool>)> {
    let count = tools.len();
    let mut order: Vec<_> = tools.iter_mut().enumerate().collect();
    order.rotate_left(round % count);
    order.into_iter()
}
