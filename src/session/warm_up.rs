//! When to warm up: once, after a first build that compiled nothing, while there is nothing to build.

use super::events::Effect;

/// The state of the warm-up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum WarmUp {
    /// No build has succeeded.
    #[default]
    Open,
    /// The builds so far compiled nothing.
    Due,
    Runs,
    /// It was cancelled for a build, or because hotrun is leaving.
    Ending,
    Over,
}

impl WarmUp {
    /// A build succeeded.
    pub(super) fn built(&mut self, fresh: bool) {
        *self = match self {
            Self::Open | Self::Due if fresh => Self::Due,
            _ => Self::Over,
        };
    }

    pub(super) fn begin(&mut self, out: &mut Vec<Effect>) {
        if *self == Self::Due {
            *self = Self::Runs;
            out.push(Effect::WarmUp);
        }
    }

    pub(super) fn end(&mut self, out: &mut Vec<Effect>) {
        if *self == Self::Runs {
            *self = Self::Ending;
            out.push(Effect::CancelWarmUp);
        }
    }

    pub(super) fn ended(&mut self) {
        *self = Self::Over;
    }

    pub(super) fn runs(&self) -> bool {
        matches!(self, Self::Runs | Self::Ending)
    }

    pub(super) fn is_ending(&self) -> bool {
        *self == Self::Ending
    }
}
