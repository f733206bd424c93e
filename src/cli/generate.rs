//! Generates completion scripts and the manual page from the clap command.

use clap::ValueEnum;
use clap_complete::Shell;

use super::{Invocation, command};

/// Returns the completion script of `hotrun` for a shell.
pub fn completions(shell: Shell) -> String {
    script(shell, "hotrun")
}

/// Returns the zsh function that zsh's own completion of cargo calls for `cargo hotrun`.
pub fn completions_for_cargo() -> String {
    script(Shell::Zsh, "cargo-hotrun")
}

/// Returns the manual page in roff.
pub fn man() -> String {
    let mut page = Vec::new();
    // clap_mangen would list the options hidden from `-h` without their help.
    let command = command(Invocation::Direct).mut_args(|option| option.hide_short_help(false));
    clap_mangen::Man::new(command).render(&mut page).expect("writing to memory cannot fail");
    text(page)
}

fn script(shell: Shell, name: &str) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(Invocation::Direct), name, &mut script);
    fix(shell, text(script))
}

/// Fixes what `clap_complete` 4.6 gets wrong for a command with both options and subcommands.
/// `tests/completions.rs` shows in real shells that this is needed.
fn fix(shell: Shell, script: String) -> String {
    match shell {
        // The arguments after `--` are taken for a word before the subcommand.
        Shell::Zsh => {
            let (options, commands) = script.split_once("\":: :").expect("there are subcommands");
            let options = options.rsplit_once("'::args").map_or(options, |(options, _)| options);
            format!("{options}\":: :{commands}").replace("$line[2]", "$line[1]")
        }
        // An option that waits for its value must not disable completion.
        Shell::Fish => {
            let parse = "    argparse -s (__fish_hotrun_global_optspecs) -- $cmd 2>/dev/null\n";
            let without_last =
                parse.replace("    argparse", "    or argparse").replace("$cmd ", "$cmd[1..-2] ");
            let shells =
                Shell::value_variants().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            script.replace(parse, &format!("{parse}{without_last}"))
                + &format!(
                    "complete -c hotrun -n \"__fish_hotrun_using_subcommand completions\" -f -a \"{shells}\"\n"
                )
        }
        _ => script,
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("made of texts that are UTF-8")
}
