//! Other tools, as their own documentation has them run a server, with their defaults. None is ever required.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Site, Socket, Tool};
use crate::keeper::Kept;
use crate::plan::Plan;
use crate::project::{App, Yard};

/// A tool that was found.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    kind: Kind,
    /// What it is called, with its version.
    pub(crate) name: String,
    program: PathBuf,
    /// watchexec, for systemfd.
    helper: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Watchexec,
    CargoWatch,
    Bacon,
    Systemfd,
}

/// bacon's documentation, "Long running jobs" (`dystroy.org/bacon/cookbook`): a job that is restarted by a change.
const BACON: &str = r#"
[jobs.run]
command = ["cargo", "run", "--offline"]
need_stdout = true
allow_warnings = true
background = false
on_change_strategy = "kill_then_restart"
"#;

/// Those on the PATH or in the folder of the plan; the short form looks only where it is told to.
pub(crate) fn found(plan: &Plan) -> Vec<Peer> {
    if !plan.full && plan.peers.is_none() {
        return Vec::new();
    }
    let folders = plan.peers.iter().flat_map(|folder| [folder.clone(), folder.join("bin")]);
    let path = std::env::join_paths(
        folders.chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let path = path.expect("no folder has a colon in its name");
    let find = |name: &str| which::which_in(name, Some(&path), ".").ok();
    let kinds = [
        (Kind::Watchexec, "watchexec"),
        (Kind::CargoWatch, "cargo-watch"),
        (Kind::Bacon, "bacon"),
        (Kind::Systemfd, "systemfd"),
    ];
    let peer = |(kind, name)| {
        let program = find(name)?;
        let helper = match kind {
            Kind::Watchexec | Kind::CargoWatch => None,
            // It wants a terminal.
            Kind::Bacon => Some(find("script")?),
            Kind::Systemfd => Some(find("watchexec")?),
        };
        let name = version(&program).unwrap_or_else(|| name.to_owned());
        let name = if kind == Kind::Systemfd { format!("{name} + watchexec") } else { name };
        Some(Peer { kind, name, program, helper })
    };
    kinds.into_iter().filter_map(peer).collect()
}

/// The first two words of what it says of itself.
fn version(program: &Path) -> Option<String> {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?.stdout;
    let words: Vec<String> =
        String::from_utf8_lossy(&said).split_whitespace().take(2).map(str::to_owned).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

impl Peer {
    /// Whether it holds the socket for the program.
    pub(crate) fn holds(&self) -> bool {
        self.kind == Kind::Systemfd
    }

    /// Starts it, and waits until version `none` has answered.
    pub(crate) fn start(&self, yard: &Yard, app: App, socket: Socket) -> Followed {
        self.start_at(Site::new(yard, app, socket))
    }

    pub(crate) fn start_at(&self, site: Site) -> Followed {
        let helper = self.helper.as_deref().unwrap_or(&self.program);
        let mut command = Command::new(if self.kind == Kind::Bacon { helper } else { &self.program });
        site.prepare(&mut command);
        match self.kind {
            // Its README: `watchexec -e js,css,html -r npm run build`, in the words of a cargo project.
            Kind::Watchexec => {
                command.args(["--restart", "--exts", "rs,toml", "--", "cargo", "run", "--offline"]);
            }
            // Its README: `cargo watch -x run`.
            Kind::CargoWatch => {
                command.args(["watch", "-x", "run --offline"]);
            }
            Kind::Bacon => {
                site.project.write("bacon.toml", BACON);
                let words = format!("'{}' run", self.program.display());
                // What script(1) types is what it reads: nothing, but without an end.
                command.args(["-qec", &words, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::piped());
            }
            // Its README: `systemfd --no-pid -s http::3000 -- cargo watch -x run`, with the faster watchexec.
            Kind::Systemfd => {
                command.args(["--no-pid", "-s", &format!("tcp::{}", site.address()), "--"]).arg(helper);
                command.args(["--restart", "--exts", "rs,toml", "--", "cargo", "run", "--offline"]);
            }
        }
        let process = Kept::spawn(&mut command, &site.mark);
        site.answered("none");
        Followed { name: self.name.clone(), site, _process: process }
    }
}

/// A project that another tool follows.
pub(crate) struct Followed {
    name: String,
    site: Site,
    _process: Kept,
}

impl Tool for Followed {
    fn name(&self) -> &str {
        &self.name
    }

    fn site(&self) -> &Site {
        &self.site
    }
}
