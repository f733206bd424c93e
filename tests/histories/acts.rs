//! Random histories: what a person, an editor, git and the program itself do to a project while hotrun follows it.

use std::time::Duration;

/// A small generator whose numbers depend on the seed alone (`SplitMix64`).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let at = self.below(choices.len() as u64);
        choices[usize::try_from(at).unwrap()]
    }

    /// Mostly nothing or little, sometimes longer than a burst of edits lasts.
    fn pause(&mut self) -> Duration {
        let ms = match self.below(10) {
            0..=3 => 0,
            4..=5 => self.below(8),
            6..=8 => self.below(120),
            _ => 150 + self.below(500),
        };
        Duration::from_millis(ms)
    }
}

/// How a file is saved. The time is what passes in the middle.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    /// Truncated, and written.
    InPlace(Duration),
    /// Written in two parts.
    InParts(Duration),
    /// A new file renamed over it.
    Replace,
    /// The same, with the modification time of long ago.
    Older,
    /// Renamed away as a backup, and written.
    Backup(Duration),
    /// Removed, and written.
    Recreate(Duration),
    /// Its folder moved away, and another with the new file in its place.
    Folder(Duration),
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Save {
        file: &'static str,
        text: String,
        style: Style,
    },
    /// Saved with the content it has.
    Touch(&'static str),
    Remove(&'static str),
    Key(char),
    /// SIGHUP for hotrun.
    HangUp,
    /// SIGSTOP for hotrun.
    Freeze,
    /// SIGCONT for hotrun.
    Thaw,
    /// The program dies of this signal.
    Kill(i32),
    CargoClean,
    /// hotrun's command of this name, beside everything else.
    Ask(&'static str),
    /// Nothing more happens until all is at rest.
    Rest,
}

/// What happens, each with the time until the next.
pub(crate) type History = Vec<(Act, Duration)>;

const MAIN: &str = "src/main.rs";
const INNER: &str = "src/deep/inner.rs";
pub(crate) const CONFIG: &str = "hotrun.toml";
pub(crate) const ENV_FILE: &str = "app.env";
pub(crate) const CARGO_CONFIG: &str = ".cargo/config.toml";

/// A config with these arguments and variables, and the env file.
pub(crate) fn config(number: u64) -> String {
    format!(
        "[run]\nargs = [\"a{number}\"]\nenv = {{ IN_CONFIG = \"c{number}\" }}\nenv-file = [\"{ENV_FILE}\"]\n"
    )
}

fn saved(dice: &mut Dice) -> Act {
    // Few numbers, so that many a save brings back what was there.
    let number = dice.below(5);
    let file =
        dice.one_of(&[MAIN, MAIN, MAIN, "src/part.rs", INNER, INNER, CONFIG, CONFIG, ENV_FILE, ENV_FILE]);
    let file = if dice.below(30) == 0 { CARGO_CONFIG } else { file };
    let text = match file {
        MAIN => {
            let kind = dice.one_of(&["run", "run", "run", "run", "run", "run", "broken", "crash", "end"]);
            format!("// {kind} {number}\n")
        }
        CONFIG => match dice.below(10) {
            0 => "[run\n".to_owned(),
            1 => String::new(),
            2 => format!("[run]\nargs = [\"a{number}\"]\n"),
            _ => config(number),
        },
        ENV_FILE => match dice.below(10) {
            0 => String::new(),
            1 => "nonsense\n".to_owned(),
            _ => format!("IN_FILE=f{number}\n"),
        },
        CARGO_CONFIG => format!("[env]\nIN_CARGO = \"k{number}\"\n"),
        _ => {
            let kind = dice.one_of(&["part", "part", "part", "part", "part", "part", "part", "broken"]);
            format!("// {kind} {number}\n")
        }
    };
    let between = match dice.below(4) {
        0..=1 => 0,
        2 => dice.below(6),
        _ => dice.below(90),
    };
    let between = Duration::from_millis(between);
    let style = match dice.below(if file == INNER { 10 } else { 8 }) {
        0..=1 => Style::InPlace(between),
        2 => Style::InParts(between),
        3..=4 => Style::Replace,
        5 => Style::Older,
        6 => Style::Backup(between),
        7 => Style::Recreate(between),
        _ => Style::Folder(between),
    };
    Act::Save { file, text, style }
}

/// The history of a seed.
pub(crate) fn history(seed: u64) -> History {
    let mut dice = Dice::new(seed);
    let mut frozen = false;
    let mut acts: History = (0..3 + dice.below(12))
        .map(|_| {
            let act = match dice.below(100) {
                _ if frozen && dice.below(3) == 0 => {
                    frozen = false;
                    Act::Thaw
                }
                70..=72 => Act::Touch(dice.one_of(&[MAIN, INNER, CONFIG, ENV_FILE])),
                73..=75 => Act::Remove(dice.one_of(&[MAIN, INNER, CONFIG, ENV_FILE])),
                76..=79 => Act::Key('r'),
                80..=83 => Act::Key('p'),
                84..=85 => Act::HangUp,
                86 | 87 if !frozen => {
                    frozen = true;
                    Act::Freeze
                }
                88..=89 => Act::Kill(dice.one_of(&[libc::SIGKILL, libc::SIGTERM, libc::SIGSEGV])),
                90..=91 => Act::CargoClean,
                92..=95 => Act::Ask(dice.one_of(&["restart", "status", "wait"])),
                96..=97 if !frozen => Act::Rest,
                _ => saved(&mut dice),
            };
            (act, dice.pause())
        })
        .collect();
    if frozen {
        acts.push((Act::Thaw, Duration::ZERO));
    }
    acts
}
