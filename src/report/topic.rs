//! How long a deferred message stays valid. Pure.

use super::remarks::Remark;
use crate::session::Notice;

/// The subject of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// A build: valid until the next one starts, or this one succeeds.
    Build,
    /// The config: valid until it is read again.
    Config,
    /// A slow stop: valid until the process has ended.
    Stop,
    /// Anything else: always valid.
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
            | Notice::LiveRemoved(_) => Self::Build,
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
