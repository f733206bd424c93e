//! The README and `docs/` are true: their settings are accepted, their command lines are understood, the tables of options and
//! settings are those hotrun has. `INSTA_UPDATE=always cargo test readme` rewrites the tables.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hotrun::cli::{self, CliError, Command, Invocation};
use hotrun::config::{self, FileKind, FileText, OwnVariables};

use super::snapshots;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README and the pages of `docs/`.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// The text of all pages.
pub(crate) fn docs() -> String {
    pages().iter().map(|page| fs::read_to_string(page).unwrap() + "\n").collect()
}

/// The code blocks of a language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == open {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n") + "\n");
        } else if line.starts_with("```") {
            // The rest of a block in another language, its end included.
            lines.by_ref().find(|line| *line == "```");
        }
    }
    blocks
}

/// The JSON block with this word in it.
pub(crate) fn json_block(word: &str) -> serde_json::Value {
    let blocks = blocks(&docs(), "json");
    let block = blocks.iter().find(|block| block.contains(word)).unwrap();
    serde_json::from_str(block).unwrap()
}

#[test]
fn every_json_block_is_json() {
    for block in blocks(&docs(), "json") {
        serde_json::from_str::<serde_json::Value>(&block).unwrap_or_else(|error| panic!("{error}:\n{block}"));
    }
}

#[test]
fn every_block_is_of_a_kind_that_is_checked() {
    let text = docs();
    let mut fences = text.lines().filter_map(|line| line.strip_prefix("```"));
    while let (Some(kind), Some(_end)) = (fences.next(), fences.next()) {
        assert!(["sh", "toml", "json", "rust", "text"].contains(&kind), "nobody checks a block of {kind:?}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            assert!(link.starts_with("http") || target.exists(), "{link} in {}", page.display());
            if !heading.is_empty() && !link.starts_with("http") {
                let slug = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| slug(line) == heading), "{link} in {}", page.display());
            }
        }
    }
}

#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().count() <= 250, "{} lines", text.lines().count());
    assert!(text.split_whitespace().count() <= 2500, "{} words", text.split_whitespace().count());
    let long = text.lines().find(|line| line.chars().count() > 120);
    assert_eq!(long, None, "a line above 120 characters");
}

/// A shell's words, as far as these pages use them: comments, redirections, variables before the command, quotes around one
/// word.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace()
        .take_while(|word| !word.starts_with('#') && *word != ">")
        .skip_while(|word| {
            word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_uppercase() || c == '_'))
        })
        .map(|word| word.trim_matches('"'))
        .collect()
}

/// The command line of hotrun's that these words are, if they are one.
fn of_hotrun<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    match words {
        ["hotrun", ..] => Some(words.to_vec()),
        ["cargo", "hotrun", rest @ ..] => Some([&["cargo-hotrun", "hotrun"], rest].concat()),
        ["cargo", "run", "--", rest @ ..] => Some([&["hotrun"], rest].concat()),
        _ => None,
    }
}

/// A block with its commented settings set as well. An example excludes a binary, so that one stays out.
pub(crate) fn uncommented(text: &str) -> String {
    text.lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// Has hotrun read this text as a project's `hotrun.toml`.
pub(crate) fn accept(text: &str) -> Result<(), config::ConfigError> {
    let Ok(Command::Run(options)) = cli::parse([OsString::from("hotrun")]).map(|cli| cli.command) else {
        unreachable!()
    };
    let cwd = Path::new("/project");
    let file = FileText { path: cwd.join("hotrun.toml"), text: text.to_owned(), kind: FileKind::Hotrun };
    config::merge(&options, &OwnVariables::new(), &[file], cwd).map(drop)
}

#[test]
fn every_settings_block_is_accepted() {
    let blocks = blocks(&docs(), "toml");
    assert!(blocks.len() > 4);
    for text in blocks {
        if text.starts_with("# .cargo/config.toml\n") {
            toml::from_str::<toml::Table>(&text).unwrap();
            continue;
        }
        // What is commented out would be accepted as well.
        let all = uncommented(&text);
        for text in [text, all] {
            if let Err(error) = accept(&text) {
                panic!("{error}:\n{text}");
            }
        }
    }
}

#[test]
fn every_setting_is_mentioned() {
    let Ok(Command::Run(options)) = cli::parse([OsString::from("hotrun")]).map(|cli| cli.command) else {
        unreachable!()
    };
    let cwd = Path::new("/project");
    let shown = config::show(&config::merge(&options, &OwnVariables::new(), &[], cwd).unwrap(), cwd);
    let text = docs();
    for line in shown.lines() {
        if let Some((key, _)) =
            line.trim_start_matches("# ").split_once(" = ").or_else(|| line.split_once(" ="))
        {
            assert!(text.contains(key.trim()), "no page mentions `{}`", key.trim());
        }
    }
}

#[test]
fn every_command_line_is_understood() {
    let text = docs();
    let mut lines: Vec<String> = blocks(&text, "sh")
        .iter()
        .flat_map(|block| block.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
        .collect();
    // Code in running text, also in a block of it: every second piece between backticks. And what is typed in a transcript.
    let mut block = None;
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            block = if block.is_some() { None } else { Some(kind) };
        } else if block.is_none_or(|kind| kind == "text") {
            lines.extend(line.split('`').skip(1).step_by(2).map(ToOwned::to_owned));
            lines.extend(line.strip_prefix("$ ").map(ToOwned::to_owned));
        }
    }
    let mut checked = 0;
    for line in lines {
        let words = words(&line);
        let Some(words) = of_hotrun(&words) else { continue };
        if words.iter().any(|word| word.starts_with('<')) {
            continue;
        }
        checked += 1;
        match cli::parse(words.iter().map(OsString::from)) {
            Ok(cli) => {
                if let Command::Run(options) | Command::Config { options, .. } = cli.command {
                    config::merge(&options, &OwnVariables::new(), &[], Path::new("/project"))
                        .unwrap_or_else(|error| panic!("`{line}`: {error}"));
                }
            }
            Err(CliError::Clap(error)) if !error.use_stderr() => {}
            Err(error) => panic!("`{line}`: {error}"),
        }
    }
    assert!(checked > 15, "{checked} command lines");
}

/// The options as tables, a group each, in the order of `--help`.
fn options() -> String {
    let command = cli::command(Invocation::Direct);
    let mut groups: Vec<(&str, String)> = Vec::new();
    for option in command.get_arguments().filter(|option| !option.is_positional()) {
        let Some(heading) = option.get_help_heading() else { continue };
        if groups.iter().all(|(known, _)| *known != heading) {
            groups.push((heading, String::new()));
        }
        let text = groups.iter_mut().find(|(known, _)| *known == heading).map(|(_, text)| text).unwrap();
        let short = option.get_short().map(|letter| format!("-{letter}"));
        let long = option.get_long().map(|name| format!("--{name}"));
        let names: Vec<String> = [short, long].into_iter().flatten().collect();
        let takes_value = option.get_action().takes_values();
        let value = option.get_value_names().filter(|_| takes_value).map_or(String::new(), |names| {
            let value = format!("<{}>", names[0]);
            if option.is_require_equals_set() { format!("[={value}]") } else { format!(" {value}") }
        });
        let value = value.replace('|', "\\|");
        let help = option.get_help().unwrap().to_string();
        writeln!(text, "| `{}{value}` | {help} |", names.join(", ")).unwrap();
    }
    groups.iter().fold(String::new(), |text, (heading, rows)| {
        text + &format!("\n**{heading}**\n\n| Option | |\n|---|---|\n{rows}")
    }) + "\n"
}

/// The settings as a table.
fn settings() -> String {
    let rows = config::documented().map(|(key, option, variable, about)| {
        let option = option.map_or(String::new(), |option| format!("`--{option}`"));
        let variable = variable.map_or(String::new(), |variable| format!(" `{variable}`"));
        format!("| `{key}` | {option}{variable} | {} |\n", about.replace('|', "\\|"))
    });
    format!("\n| Key | Option, variable | |\n|---|---|---|\n{}\n", rows.collect::<String>())
}

#[test]
fn the_generated_tables_are_up_to_date() {
    let tables = [("docs/cli.md", "options", options()), ("docs/configuration.md", "settings", settings())];
    for (page, name, expected) in tables {
        let (from, to) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
        let path = root().join(page);
        let text = fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(&from).unwrap();
        let (committed, after) = rest.split_once(&to).unwrap();
        if snapshots::are_updated() {
            fs::write(path, format!("{before}{from}{expected}{to}{after}")).unwrap();
        } else {
            assert_eq!(committed, expected, "{page} is stale: run `INSTA_UPDATE=always cargo test readme`");
        }
    }
}
