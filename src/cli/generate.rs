//! What is made from the clap command: completion scripts and the manual page. Text out; writing it is the caller's part.

use clap_complete::Shell;

use super::{Invocation, command};

/// The completion script of `hotrun` for a shell.
pub fn completions(shell: Shell) -> String {
    script(shell, "hotrun")
}

/// The zsh function that zsh's own completion of cargo calls for `cargo hotrun`.
pub fn completions_for_cargo() -> String {
    script(Shell::Zsh, "cargo-hotrun")
}

/// The manual page, in roff.
pub fn man() -> String {
    let mut page = Vec::new();
    // What `-h` leaves out clap_mangen would name without a word on what it means.
    let command = command(Invocation::Direct).mut_args(|option| option.hide_short_help(false));
    clap_mangen::Man::new(command).render(&mut page).expect("writing to memory cannot fail");
    text(page)
}

fn script(shell: Shell, name: &str) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(Invocation::Direct), name, &mut script);
    text(script)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("made of texts that are UTF-8")
}
