//! What sockets and readiness must not be together: within a service, and across services.

use std::path::Path;
use std::time::Duration;

use super::error::{ConfigError, FileLine, SettingName};
use super::table::{READY_TIMEOUT, RunLayer};
use super::{Origin, Ready, Setting, Update, address, units};

/// The settings of a program that are checked.
pub(super) struct Checked<'a> {
    pub(super) run: &'a RunLayer,
    /// `run`, or `service.NAME`.
    pub(super) table: &'a str,
    /// The table with `update`: services may have it from `[run]`.
    pub(super) update_from: &'a str,
    pub(super) cwd: &'a Path,
}

impl Checked<'_> {
    /// Checks what a program alone says.
    pub(super) fn alone(&self) -> Result<(), ConfigError> {
        self.check_listen()?;
        self.check_ready()
    }

    /// Checks it against another program, called `name`: an address has one holder, and a probe must be answered
    /// by the program itself.
    pub(super) fn beside(&self, other: &Checked<'_>, name: &str) -> Result<(), ConfigError> {
        let listen = self.run.listen.as_deref().unwrap_or_default();
        let theirs = other.run.listen.as_deref().unwrap_or_default();
        for entry in listen {
            let same =
                theirs.iter().find(|their| address::same_socket(&entry.value.address, &their.value.address));
            if let Some(their) = same {
                return Err(ConfigError::Conflict {
                    first: self.listen(&entry.origin),
                    second: other.listen(&their.origin),
                    reason: format!(": both name `{}`", address::format_address(&entry.value.address)),
                    hint: "give one of them another address".to_owned(),
                });
            }
        }
        let Some(ready) = &self.run.ready else { return Ok(()) };
        let Some(held) = address::held(&ready.value, theirs.iter().map(|entry| &entry.value)) else {
            return Ok(());
        };
        let entry = theirs.iter().find(|entry| entry.value == *held).expect("it was found among these");
        Err(ConfigError::Conflict {
            first: self.ready(&ready.origin),
            second: other.listen(&entry.origin),
            reason: format!(
                ": `{}` is a socket of `{name}`, which answers for it",
                address::format_ready(&ready.value)
            ),
            hint: "name an address of its own for `ready`".to_owned(),
        })
    }

    fn listen(&self, origin: &Origin) -> SettingName {
        named(&format!("{}.listen", self.table), "--listen", origin, self.cwd)
    }

    fn ready(&self, origin: &Origin) -> SettingName {
        named(&format!("{}.ready", self.table), "--ready", origin, self.cwd)
    }

    fn check_listen(&self) -> Result<(), ConfigError> {
        let listen = self.run.listen.as_deref().unwrap_or_default();
        for (index, entry) in listen.iter().enumerate() {
            for earlier in &listen[..index] {
                let reason = if entry.value.name.is_some() && entry.value.name == earlier.value.name {
                    "an earlier entry has the same name"
                } else if address::same_socket(&entry.value.address, &earlier.value.address) {
                    "an earlier entry has the same address"
                } else {
                    continue;
                };
                return Err(ConfigError::Value {
                    setting: self.listen(&entry.origin),
                    value: address::format_listen(&entry.value),
                    reason: reason.to_owned(),
                    hint: None,
                });
            }
        }
        Ok(())
    }

    /// Refuses probes that something other than the new process would answer.
    fn check_ready(&self) -> Result<(), ConfigError> {
        let Some(ready) = &self.run.ready else {
            return Ok(());
        };
        if let Ready::After(time) = ready.value {
            return self.check_ready_time(ready, time);
        }
        if !matches!(ready.value, Ready::Tcp(_) | Ready::Localhost(_) | Ready::Http(_)) {
            return Ok(());
        }
        let probe = address::format_ready(&ready.value);
        let conflict = |second, reason| ConfigError::Conflict {
            first: self.ready(&ready.origin),
            second,
            reason,
            hint: "use `notify`, `spawn` or a time such as `2s` for `ready`".to_owned(),
        };
        let listen = self.run.listen.as_deref().unwrap_or_default();
        if let Some(held) = address::held(&ready.value, listen.iter().map(|entry| &entry.value)) {
            let entry = listen.iter().find(|entry| entry.value == *held).expect("it was found among these");
            return Err(conflict(
                self.listen(&entry.origin),
                format!(
                    ": hotrun holds the socket of `{probe}` open, so that it answers before the program does"
                ),
            ));
        }
        match &self.run.update {
            Some(update) if update.value == Update::Overlap => {
                let key = format!("{}.update", self.update_from);
                Err(conflict(
                    named(&key, "--update overlap", &update.origin, self.cwd),
                    format!(": the old process would answer on `{probe}` for the new one"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a time longer than `ready-timeout`, which would always end first.
    fn check_ready_time(&self, ready: &Setting<Ready>, time: Duration) -> Result<(), ConfigError> {
        let limit = self.run.ready_timeout.as_ref().map_or(READY_TIMEOUT, |limit| limit.value);
        if time <= limit {
            return Ok(());
        }
        Err(ConfigError::Value {
            setting: self.ready(&ready.origin),
            value: address::format_ready(&ready.value),
            reason: format!("longer than `ready-timeout` ({})", units::format_duration(limit)),
            hint: Some("raise `ready-timeout`, or wait for less".to_owned()),
        })
    }
}

/// Returns the name a setting has in the source that set it.
pub(crate) fn named(key: &str, option_name: &str, origin: &Origin, cwd: &Path) -> SettingName {
    let option = |name: &str| SettingName { name: name.to_owned(), place: None };
    match origin {
        Origin::File(path, line) => SettingName {
            name: key.to_owned(),
            place: Some(Box::new(FileLine { path: super::shown(path, cwd), line: *line })),
        },
        Origin::Environment(name) => option(name),
        Origin::CommandLine | Origin::Default => option(option_name),
    }
}
