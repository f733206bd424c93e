//! The environment hotrun passes on, without the variables of a surrounding cargo, rustup or service manager.
//!
//! Pure: variables in, variables out. [`super::Toolchain`] adds those of the chosen toolchain.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Environment variables, sorted by name.
pub type Environment = BTreeMap<OsString, OsString>;

/// The variable in which cargo passes folders to the dynamic linker.
pub const LIBRARY_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_FALLBACK_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

/// Variables that cargo sets for programs, tests and subcommands, except the too common `OUT_DIR`.
const FROM_CARGO: [&str; 9] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_RUSTC_CURRENT_DIR",
    "CARGO_TARGET_TMPDIR",
];

/// Variables by which a service manager talks to the process it started; hotrun sets them for the program
/// itself. The names are those of `sd_listen_fds(3)`, `sd_notify(3)`, `sd_watchdog_enabled(3)` and
/// `systemd.exec(5)`.
const FROM_SERVICE_MANAGER: [&str; 10] = [
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

const PREFIXES: [&str; 3] = ["CARGO_BIN_EXE_", "CARGO_PKG_", "SYSTEMFD_SOCKET_"];

/// Removes the variables of a surrounding `cargo run`, `cargo hotrun`, rustup shim or service manager.
///
/// `RUSTUP_TOOLCHAIN` stays if the user chose it (`cargo +nightly hotrun`, or the variable itself). It goes
/// if rustup recorded a default or a toolchain file, which may be edited. `RUSTUP_TOOLCHAIN_SOURCE` tells
/// them apart; without it (an older rustup) the variable stays.
pub fn clean_environment(inherited: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    let mut environment: Environment = inherited.into_iter().collect();
    let under_cargo_run = environment.contains_key(OsStr::new("CARGO_MANIFEST_DIR"));
    clean_library_path(&mut environment, under_cargo_run);
    if under_cargo_run {
        environment.remove(OsStr::new("OUT_DIR"));
    }
    for name in FROM_CARGO.iter().chain(&FROM_SERVICE_MANAGER) {
        environment.remove(OsStr::new(name));
    }
    environment.retain(|name, _| {
        !PREFIXES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
    });
    environment.remove(OsStr::new("RUST_RECURSION_COUNT"));
    let source = environment.get(OsStr::new("RUSTUP_TOOLCHAIN_SOURCE"));
    if source.is_some_and(|source| source != "cli" && source != "env") {
        environment.remove(OsStr::new("RUSTUP_TOOLCHAIN"));
        environment.remove(OsStr::new("RUSTUP_TOOLCHAIN_SOURCE"));
    }
    environment
}

/// Returns a variable as a path; an empty value counts as unset, as for cargo and rustup.
pub(super) fn path_variable(environment: &Environment, name: &str) -> Option<PathBuf> {
    environment.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Returns cargo's home: `CARGO_HOME`, relative to the current folder, else `~/.cargo`.
pub(super) fn cargo_home(environment: &Environment, cwd: &Path) -> Option<PathBuf> {
    home_of(environment, cwd, "CARGO_HOME", ".cargo")
}

/// Returns rustup's home: `RUSTUP_HOME`, relative to the current folder, else `~/.rustup`.
pub(super) fn rustup_home(environment: &Environment, cwd: &Path) -> Option<PathBuf> {
    home_of(environment, cwd, "RUSTUP_HOME", ".rustup")
}

fn home_of(environment: &Environment, cwd: &Path, name: &str, folder: &str) -> Option<PathBuf> {
    path_variable(environment, name)
        .map(|home| cwd.join(home))
        .or_else(|| Some(path_variable(environment, "HOME")?.join(folder)))
}

/// Removes the folders that cargo and rustup put in front of the library path: `cargo run` everything up to
/// the toolchain's `lib/rustlib/<triple>/lib`, the shim then the toolchain's `lib`.
fn clean_library_path(environment: &mut Environment, under_cargo_run: bool) {
    let Some(value) = environment.get(OsStr::new(LIBRARY_PATH)) else {
        return;
    };
    let entries: Vec<PathBuf> = std::env::split_paths(value).collect();
    let mut rest = entries.as_slice();
    if under_cargo_run && let Some(last) = rest.iter().position(|entry| is_sysroot_library(entry)) {
        rest = &rest[last + 1..];
    }
    let cargo_library =
        path_variable(environment, "CARGO").and_then(|cargo| Some(cargo.parent()?.parent()?.join("lib")));
    let toolchains = path_variable(environment, "RUSTUP_HOME").map(|home| home.join("toolchains"));
    let from_rustup = environment.contains_key(OsStr::new("RUST_RECURSION_COUNT"));
    while from_rustup
        && let [first, others @ ..] = rest
        && (Some(first) == cargo_library.as_ref()
            || toolchains
                .as_ref()
                .is_some_and(|toolchains| first.starts_with(toolchains) && first.ends_with("lib")))
    {
        rest = others;
    }
    if rest.len() == entries.len() {
        return;
    }
    if rest.is_empty() {
        environment.remove(OsStr::new(LIBRARY_PATH));
    } else if let Ok(joined) = std::env::join_paths(rest) {
        environment.insert(LIBRARY_PATH.into(), joined);
    }
}

fn is_sysroot_library(entry: &Path) -> bool {
    entry.ends_with("lib")
        && entry.parent().and_then(Path::parent).is_some_and(|rustlib| rustlib.ends_with("lib/rustlib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        clean_environment(variables.iter().map(|(k, v)| ((*k).into(), (*v).into())))
            .into_iter()
            .map(|(k, v)| (k.into_string().unwrap(), v.into_string().unwrap()))
            .collect()
    }

    fn pairs(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn variables_of_an_outer_cargo_are_removed() {
        let cleaned = clean(&[
            ("CARGO", "/rustup/toolchains/stable/bin/cargo"),
            ("CARGO_HOME", "/home/me/.cargo"),
            ("CARGO_MANIFEST_DIR", "/outer"),
            ("CARGO_MANIFEST_PATH", "/outer/Cargo.toml"),
            ("CARGO_PKG_NAME", "outer"),
            ("CARGO_TARGET_DIR", "/elsewhere"),
            ("OUT_DIR", "/outer/target/debug/build/outer/out"),
            (
                LIBRARY_PATH,
                "/outer/target/debug/deps:/sysroot/lib/rustlib/x86_64-unknown-linux-gnu/lib:/rustup/toolchains/stable/lib:/mine",
            ),
            ("RUSTUP_HOME", "/rustup"),
            ("RUSTUP_TOOLCHAIN", "stable"),
            ("RUSTUP_TOOLCHAIN_SOURCE", "default"),
            ("RUST_RECURSION_COUNT", "1"),
            ("TERM", "xterm"),
        ]);
        let expected = [
            ("CARGO_HOME", "/home/me/.cargo"),
            ("CARGO_TARGET_DIR", "/elsewhere"),
            (LIBRARY_PATH, "/mine"),
            ("RUSTUP_HOME", "/rustup"),
            ("TERM", "xterm"),
        ];
        assert_eq!(cleaned, pairs(&expected));
    }

    #[test]
    fn variables_of_the_user_stay() {
        let own = [
            (LIBRARY_PATH, "/rustup/toolchains/stable/lib:/mine"),
            ("LISTEN_ADDR", "127.0.0.1:3000"),
            ("OUT_DIR", "/srv/out"),
            ("RUSTUP_HOME", "/rustup"),
            ("RUSTUP_TOOLCHAIN", "nightly"),
        ];
        assert_eq!(clean(&own), pairs(&own));
    }

    #[test]
    fn a_toolchain_chosen_by_hand_stays_and_a_recorded_one_goes() {
        for (source, stays) in [
            ("cli", true),
            ("env", true),
            ("default", false),
            ("toolchain-file", false),
            ("path-override", false),
        ] {
            let cleaned = clean(&[("RUSTUP_TOOLCHAIN", "nightly"), ("RUSTUP_TOOLCHAIN_SOURCE", source)]);
            assert_eq!(!cleaned.is_empty(), stays, "{source}");
        }
    }

    #[test]
    fn variables_of_a_service_manager_are_removed() {
        let cleaned = clean(&[
            ("INVOCATION_ID", "1"),
            ("JOURNAL_STREAM", "9:1"),
            ("LISTEN_FDS", "1"),
            ("LISTEN_PID", "7"),
            ("NOTIFY_SOCKET", "/run/x"),
            ("SYSTEMFD_SOCKET_SERVER", "127.0.0.1:1"),
            ("WATCHDOG_USEC", "1"),
        ]);
        assert_eq!(cleaned, []);
    }

    #[test]
    fn an_empty_library_path_is_dropped_with_its_last_entry() {
        let cleaned = clean(&[
            (LIBRARY_PATH, "/rustup/toolchains/stable/lib"),
            ("RUSTUP_HOME", "/rustup"),
            ("RUST_RECURSION_COUNT", "1"),
        ]);
        assert_eq!(cleaned, pairs(&[("RUSTUP_HOME", "/rustup")]));
    }
}
