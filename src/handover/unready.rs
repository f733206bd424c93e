//! Explains why a process is not ready: the probe, where it is configured, the last answer, and the addresses
//! the program listens on.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use super::listeners::holder::listening;
use super::probe::ProbeAnswer;
use crate::config::{Ready, RunConfig, SettingName, format_ready, named};

/// A process that is not ready.
#[derive(Debug)]
pub struct Unready {
    ready: Ready,
    setting: SettingName,
    answer: ProbeAnswer,
    /// `None` if the system does not tell.
    listening: Option<Vec<SocketAddr>>,
}

impl Unready {
    /// Describes a process started with these settings, with its last answer and its member processes.
    pub fn new(run: &RunConfig, cwd: &Path, answer: Option<ProbeAnswer>, members: &[i32]) -> Self {
        let setting = match run.ready.value {
            Ready::Auto => named("run.update", "--update", &run.update.origin, cwd),
            _ => named("run.ready", "--ready", &run.ready.origin, cwd),
        };
        Self {
            ready: run.ready.value.clone(),
            setting,
            answer: answer.unwrap_or_default(),
            listening: listening(members),
        }
    }

    /// Returns a way out, if there is one.
    pub fn hint(&self) -> Option<String> {
        let elsewhere = self.listening.as_ref().and_then(|addresses| addresses.first());
        Some(match (&self.ready, &self.answer, elsewhere) {
            (Ready::Spawn | Ready::After(_), ..) => return None,
            (Ready::Auto | Ready::Notify, ..) => {
                "let the program call sd_notify, or say under `[run]` what it does instead: `ready = \"tcp:ADDR\"`, \
                 `\"http://…\"` or `\"spawn\"`"
                    .to_owned()
            }
            (_, ProbeAnswer::Status(_), _) => {
                "name a page that answers 2xx or 3xx, or ask whether the port accepts: `ready = \"tcp:ADDR\"`".to_owned()
            }
            (_, ProbeAnswer::Tls | ProbeAnswer::NotHttp, _) => "ask whether the port accepts: `ready = \"tcp:ADDR\"`".to_owned(),
            (_, ProbeAnswer::Refused | ProbeAnswer::Unreached, Some(address)) => {
                format!("set `ready` to where the program listens: {address}")
            }
            _ => "a program that takes longer needs a longer `ready-timeout`".to_owned(),
        })
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ready {
            Ready::Auto | Ready::Notify => {
                return write!(f, "it did not say READY=1 on NOTIFY_SOCKET ({})", self.setting);
            }
            Ready::Spawn | Ready::After(_) => return write!(f, "{}", self.setting),
            Ready::Tcp(_) | Ready::Localhost(_) | Ready::Http(_) => {}
        }
        write!(f, "`{}` ({}): {}", format_ready(&self.ready), self.setting, self.answer)?;
        match self.listening.as_deref() {
            None => Ok(()),
            Some([]) => write!(f, "; the program listens on no TCP port"),
            Some(addresses) => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "; the program listens on {}", addresses.join(", "))
            }
        }
    }
}
