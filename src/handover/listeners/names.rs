//! The sockets' names in `LISTEN_FDNAMES`. Pure.

use std::collections::BTreeSet;

use crate::config::{Listen, ListenAddress};

/// Names with a special meaning (`sd_listen_fds(3)`, `systemd.service(5)`).
const SPECIAL_NAMES: [&str; 3] = ["connection", "stored", "unknown"];

/// Returns a unique name for each socket: its own, else one derived from its address.
pub(super) fn names(wanted: &[&Listen]) -> Vec<String> {
    let mut taken: BTreeSet<String> = wanted.iter().filter_map(|listen| listen.name.clone()).collect();
    taken.extend(SPECIAL_NAMES.map(ToOwned::to_owned));
    wanted
        .iter()
        .map(|listen| {
            if let Some(name) = &listen.name {
                name.clone()
            } else {
                let base = default_name(&listen.address);
                let numbered = (2..).map(|number| format!("{base}-{number}"));
                let free =
                    std::iter::once(base.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
                free.unwrap_or(base)
            }
        })
        .collect()
}

fn default_name(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("tcp-{}", address.port()),
        ListenAddress::Udp(address) => format!("udp-{}", address.port()),
        ListenAddress::Unix(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            let name: String =
                name.chars().map(|letter| if plain(letter) { letter } else { '-' }).take(200).collect();
            format!("unix-{name}")
        }
    }
}
