//! How long what is said holds, where it cannot be shown at once.
//!
//! Pure.

use super::remarks::Remark;
use crate::session::Notice;

/// What a text is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// A build: holds until the next one starts, or this one succeeds.
    Build,
    /// The config: holds until that is read again.
    Config,
    /// A stop that takes long: holds until the process has ended.
    Stop,
    /// Anything else: holds for good.
    Lasting,
}

impl Topic {
    pub(super) fn of_notice(notice: &Notice) -> Self {
        match notice {
            Notice::Changed(_)
            | Notice::BuildStarted { .. }
            | Notice::BuildCancelled(_)
            | Notice::BuildFinished { .. }
            | Notice::Unchanged { .. }
            | Notice::Held { .. }
            | Notice::PublishFailed { .. }
            | Notice::LiveRemoved => Self::Build,
            Notice::StillStopping { .. } => Self::Stop,
            Notice::ConfigChanged { .. } => Self::Config,
            _ => Self::Lasting,
        }
    }

    pub(super) fn of_remark(remark: &Remark) -> Self {
        match remark {
            Remark::NoBuild(_) => Self::Build,
            Remark::ConfigRefused(_)
            | Remark::ConfigTakesOwn { .. }
            | Remark::ConfigValidAgain
            | Remark::NothingSet
            | Remark::SettingsHeld { .. } => Self::Config,
            _ => Self::Lasting,
        }
    }
}
