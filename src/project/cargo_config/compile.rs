//! The settings of cargo's configuration for calling rustc: linker, flags, wrappers, incremental.
//!
//! Follows the sections "build.rustflags", "build.incremental" and "build.rustc-wrapper" of the Cargo Book.

use std::ffi::OsStr;

use cargo_metadata::cargo_platform::{Cfg, CfgExpr};

use super::tree::{Node, program};
use crate::project::environment::{self, Environment};

#[derive(Debug, Clone, Default)]
pub(super) struct CompileTables {
    targets: Vec<TargetTable>,
    rustflags: Vec<String>,
    incremental: Option<bool>,
    build_std: bool,
    profiles: Vec<(String, bool)>,
    wrappers: [Option<String>; 2],
}

#[derive(Debug, Clone)]
struct TargetTable {
    /// A triple, or `cfg(…)`.
    target: String,
    linker: Option<String>,
    rustflags: Vec<String>,
}

/// How rustc is called for a target and a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompileSettings {
    /// The configured linker and its source.
    pub linker: Option<(String, String)>,
    pub rustflags: Vec<String>,
    /// The source of the flags.
    pub rustflags_by: String,
    pub build_std: bool,
    /// The configured incremental mode and its source.
    pub incremental: Option<(bool, String)>,
    pub wrappers: Vec<String>,
}

const WRAPPERS: [(&str, &str, &str); 2] = [
    ("rustc-wrapper", "RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"),
    ("rustc-workspace-wrapper", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"),
];

impl CompileTables {
    pub(super) fn read(root: &Node) -> Self {
        let words = |node: &Node| node.words().map_or(Vec::new(), |(words, _)| words);
        let text = |node: &Node| node.string().map(|(text, _)| text.to_owned());
        let tables = root.get(&["target"]).into_iter().flat_map(Node::entries);
        let profiles = root.get(&["profile"]).into_iter().flat_map(Node::entries);
        Self {
            targets: tables
                .map(|(target, table)| TargetTable {
                    target: target.to_owned(),
                    linker: table.get(&["linker"]).and_then(|node| {
                        let (linker, origin) = node.string()?;
                        Some(program(linker, &origin.base).to_string_lossy().into_owned())
                    }),
                    rustflags: table.get(&["rustflags"]).map(words).unwrap_or_default(),
                })
                .collect(),
            rustflags: root.get(&["build", "rustflags"]).map(words).unwrap_or_default(),
            build_std: root.get(&["unstable", "build-std"]).is_some(),
            incremental: root.get(&["build", "incremental"]).and_then(boolean),
            profiles: profiles
                .filter_map(|(name, table)| Some((name.to_owned(), boolean(table.get(&["incremental"])?)?)))
                .collect(),
            wrappers: WRAPPERS.map(|(key, ..)| root.get(&["build", key]).and_then(text)),
        }
    }

    /// Returns the settings of a target and a profile. `in_manifest` is the manifest's `incremental`.
    pub(super) fn settings(
        &self,
        triple: &str,
        cfgs: &[Cfg],
        profile: &str,
        in_manifest: Option<bool>,
        environment: &Environment,
    ) -> CompileSettings {
        let variable = |name: &str| {
            environment.get(OsStr::new(name)).and_then(|value| value.to_str()).filter(|it| !it.is_empty())
        };
        let matching: Vec<&TargetTable> = self
            .targets
            .iter()
            .filter(|table| {
                table.target == triple
                    || (table.target.starts_with("cfg(") && CfgExpr::matches_key(&table.target, cfgs))
            })
            .collect();
        let own =
            |what: &str| format!("CARGO_TARGET_{}_{what}", triple.to_uppercase().replace(['-', '.'], "_"));
        let by_variable = |name: String| Some((variable(&name)?.to_owned(), format!("`{name}`")));
        let linker = by_variable(own("LINKER")).or_else(|| {
            let table = matching.iter().find(|table| table.linker.is_some())?;
            Some((table.linker.clone()?, format!("`target.{}.linker`", table.target)))
        });
        let (rustflags, rustflags_by) = self.flags(&matching, &own("RUSTFLAGS"), &variable);
        CompileSettings {
            linker,
            rustflags,
            rustflags_by,
            build_std: self.build_std || variable("CARGO_UNSTABLE_BUILD_STD").is_some(),
            incremental: self.incremental(profile, in_manifest, &variable),
            wrappers: WRAPPERS
                .iter()
                .zip(&self.wrappers)
                .filter_map(|((_, name, other), configured)| {
                    // Set but empty means none.
                    match environment::path_variable(environment, name) {
                        None if environment.contains_key(OsStr::new(name)) => None,
                        None => variable(other).map(str::to_owned).or_else(|| configured.clone()),
                        Some(wrapper) => Some(wrapper.to_string_lossy().into_owned()),
                    }
                })
                .collect(),
        }
    }

    /// Returns the flags of the first source that has any: the four exclude each other.
    fn flags<'a>(
        &self,
        matching: &[&TargetTable],
        own: &str,
        variable: &impl Fn(&str) -> Option<&'a str>,
    ) -> (Vec<String>, String) {
        let split =
            |text: &str, at: char| text.split(at).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        if let Some(flags) = variable("CARGO_ENCODED_RUSTFLAGS") {
            return (split(flags, '\u{1f}'), "`CARGO_ENCODED_RUSTFLAGS`".to_owned());
        }
        if let Some(flags) = variable("RUSTFLAGS") {
            return (split(flags, ' '), "`RUSTFLAGS`".to_owned());
        }
        let mut flags: Vec<String> = matching.iter().flat_map(|table| table.rustflags.clone()).collect();
        let mut by = matching
            .iter()
            .find(|table| !table.rustflags.is_empty())
            .map(|table| format!("`target.{}.rustflags`", table.target));
        if let Some(more) = variable(own) {
            flags.extend(split(more, ' '));
            by = Some(format!("`{own}`"));
        }
        if let Some(by) = by {
            return (flags, by);
        }
        match variable("CARGO_BUILD_RUSTFLAGS") {
            Some(flags) => (split(flags, ' '), "`CARGO_BUILD_RUSTFLAGS`".to_owned()),
            None => (self.rustflags.clone(), "`build.rustflags`".to_owned()),
        }
    }

    fn incremental<'a>(
        &self,
        profile: &str,
        in_manifest: Option<bool>,
        variable: &impl Fn(&str) -> Option<&'a str>,
    ) -> Option<(bool, String)> {
        let word =
            |name: &str| variable(name).map(|value| (!matches!(value, "0" | "false"), format!("`{name}`")));
        let of_profile = format!("CARGO_PROFILE_{}_INCREMENTAL", profile.to_uppercase().replace('-', "_"));
        let configured = || {
            let (_, on) = self.profiles.iter().find(|(name, _)| name == profile)?;
            Some((*on, format!("`profile.{profile}.incremental`")))
        };
        word("CARGO_INCREMENTAL")
            .or_else(|| word("CARGO_BUILD_INCREMENTAL"))
            .or_else(|| Some((self.incremental?, "`build.incremental`".to_owned())))
            .or_else(|| word(&of_profile))
            .or_else(configured)
            .or_else(|| Some((in_manifest?, format!("`[profile.{profile}]` in `Cargo.toml`"))))
    }
}

fn boolean(node: &Node) -> Option<bool> {
    match node {
        Node::Value(value, _) => value.as_bool(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::rc::Rc;

    use super::super::tree::ValueOrigin;
    use super::*;

    fn node(value: toml::Value) -> Node {
        let origin = Rc::new(ValueOrigin { base: Path::new("/").to_owned(), command_line: false });
        match value {
            toml::Value::Table(table) => Node::Table(
                table.into_iter().map(|(key, value)| (key, node(value))).collect::<BTreeMap<_, _>>(),
            ),
            toml::Value::Array(items) => {
                Node::List(items.into_iter().map(|item| (item, Rc::clone(&origin))).collect())
            }
            value => Node::Value(value, origin),
        }
    }

    fn settings(text: &str, variables: &[(&str, &str)]) -> CompileSettings {
        let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let tables = CompileTables::read(&node(toml::Value::Table(text.parse().unwrap())));
        tables.settings(
            "x86_64-unknown-linux-gnu",
            &["unix".parse().unwrap()],
            "dev",
            Some(true),
            &environment,
        )
    }

    #[test]
    fn only_the_strongest_source_of_flags_counts() {
        let text = "[build]\nrustflags = 'a b'\n[target.'cfg(unix)']\nrustflags = ['c']\n[target.x86_64-unknown-linux-gnu]\nrustflags = ['d']\nlinker = 'clang'";
        let found = settings(text, &[]);
        assert_eq!(found.rustflags, ["c", "d"]);
        assert_eq!(
            found.linker.unwrap(),
            ("clang".to_owned(), "`target.x86_64-unknown-linux-gnu.linker`".to_owned())
        );
        let found = settings(text, &[("RUSTFLAGS", "e  f")]);
        assert_eq!((found.rustflags.len(), &*found.rustflags_by), (2, "`RUSTFLAGS`"));
        let found = settings(text, &[("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "ld.bfd")]);
        assert_eq!(found.linker.unwrap().0, "ld.bfd");
        let found = settings("[build]\nrustflags = 'a b'", &[]);
        assert_eq!((found.rustflags.len(), &*found.rustflags_by), (2, "`build.rustflags`"));
    }

    #[test]
    fn incremental_and_wrappers_follow_cargos_order() {
        assert!(settings("", &[]).incremental.unwrap().0);
        assert!(!settings("[profile.dev]\nincremental = false", &[]).incremental.unwrap().0);
        let both = "[build]\nincremental = false\nrustc-wrapper = 'sccache'";
        assert_eq!(settings(both, &[]).incremental.unwrap().1, "`build.incremental`");
        assert_eq!(
            settings(both, &[("CARGO_INCREMENTAL", "1")]).incremental.unwrap(),
            (true, "`CARGO_INCREMENTAL`".to_owned())
        );
        assert_eq!(settings(both, &[]).wrappers, ["sccache"]);
        assert!(settings(both, &[("RUSTC_WRAPPER", "")]).wrappers.is_empty());
    }
}
