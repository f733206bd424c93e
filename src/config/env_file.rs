//! Parses env files (`.env`).
//!
//! The dialect is the common subset of dotenvy and docker compose, so that a file means the same in
//! production:
//! - `KEY=VALUE` or `export KEY=VALUE` on a line; spaces around the key and the value are ignored, blank
//!   lines and lines that begin with `#` are skipped.
//! - An unquoted value ends at the end of the line or before ` #`. Single quotes take every character
//!   literally. In double quotes `\n`, `\r`, `\t`, `\\`, `\"`, `\'` and `\$` are escapes, and other
//!   backslashes are literal. Quoted values may span several lines.
//! - `$NAME` and `${NAME}` expand except in single quotes and after a backslash: to a variable that hotrun
//!   inherited, else to one set earlier in this or a previous file, else to nothing.

use std::collections::BTreeMap;

/// The limit of the kernel for a variable (execve(2), `MAX_ARG_STRLEN`).
const LONGEST: usize = 128 << 10;

/// The limit of the kernel for all variables (execve(2): at most three quarters of 8 MiB).
const MOST: usize = 6 << 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EnvFileError {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

/// Parses a file into `variables`, over those of earlier files. `inherited` looks up hotrun's own
/// environment.
///
/// On the error of the first invalid line, `variables` holds those above it.
pub fn parse(
    text: &str,
    inherited: &dyn Fn(&str) -> Option<String>,
    variables: &mut BTreeMap<String, String>,
) -> Result<(), EnvFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cursor = Cursor { rest: text, line: 1 };
    let mut size = 0;
    while !cursor.rest.is_empty() {
        let line = cursor.line;
        let lookup =
            |name: &str| inherited(name).or_else(|| variables.get(name).cloned()).unwrap_or_default();
        if let Some((key, value)) =
            cursor.statement(&lookup).map_err(|reason| EnvFileError { line, reason })?
        {
            size += value.len();
            if size > MOST {
                let reason = "the values are longer altogether than a program can be given".to_owned();
                return Err(EnvFileError { line, reason });
            }
            variables.insert(key, value);
        }
    }
    Ok(())
}

struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Cursor<'a> {
    /// Reads a statement up to the end of its last line.
    fn statement(&mut self, lookup: &dyn Fn(&str) -> String) -> Result<Option<(String, String)>, String> {
        self.skip_spaces();
        if self.rest.is_empty() || self.rest.starts_with(['#', '\n', '\r']) {
            self.take_line();
            return Ok(None);
        }
        let end = self.rest.find(['=', '\n']).unwrap_or(self.rest.len());
        if !self.rest[end..].starts_with('=') {
            return Err(format!("expected `KEY=VALUE`, found `{}`", self.rest[..end].trim_end()));
        }
        let key = self.rest[..end].trim_end();
        let key =
            key.strip_prefix("export").filter(|key| key.starts_with([' ', '\t'])).unwrap_or(key).trim_start();
        if !is_name(key) {
            return Err(format!("`{key}` is not the name of a variable"));
        }
        let key = key.to_owned();
        self.rest = &self.rest[end + 1..];
        self.skip_spaces();
        let value = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote, lookup)?,
            _ => expand(unquoted(self.take_line()), lookup)?,
        };
        if value.contains('\0') {
            return Err("a variable cannot hold a NUL".to_owned());
        }
        bounded(&value)?;
        Ok(Some((key, value)))
    }

    fn quoted(&mut self, quote: char, lookup: &dyn Fn(&str) -> String) -> Result<String, String> {
        let body = &self.rest[1..];
        let mut escaped = false;
        let end = body.find(|letter| {
            let closes = letter == quote && !escaped;
            escaped = quote == '"' && letter == '\\' && !escaped;
            closes
        });
        let end = end.ok_or_else(|| format!("the closing `{quote}` is missing"))?;
        let value = &body[..end];
        let value = if quote == '"' { expand(value, lookup)? } else { value.to_owned() };
        self.line += body[..end].matches('\n').count();
        self.rest = &body[end + 1..];
        let after = self.take_line().trim();
        if after.is_empty() || after.starts_with('#') {
            Ok(value)
        } else {
            Err(format!("unexpected `{after}` after the closing `{quote}`"))
        }
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += 1;
        line
    }
}

/// Strips the comment and surrounding spaces of an unquoted value.
fn unquoted(line: &str) -> &str {
    let mut before = ' ';
    let comment = line.find(|letter: char| {
        let begins = letter == '#' && before.is_whitespace();
        before = letter;
        begins
    });
    line[..comment.unwrap_or(line.len())].trim()
}

/// Resolves escapes and variables.
fn expand(text: &str, lookup: &dyn Fn(&str) -> String) -> Result<String, String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find(['\\', '$']) {
        value.push_str(&rest[..index]);
        let escape = rest[index..].starts_with('\\');
        rest = &rest[index + 1..];
        if escape {
            let letter = rest.chars().next();
            match letter {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(plain @ ('\\' | '"' | '\'' | '$')) => value.push(plain),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            }
            rest = &rest[letter.map_or(0, char::len_utf8)..];
        } else if let Some(braced) = rest.strip_prefix('{') {
            let (name, after) = braced.split_once('}').ok_or("the closing `}` is missing")?;
            if !is_name(name) {
                return Err(format!("`{name}` is not the name of a variable"));
            }
            value.push_str(&lookup(name));
            bounded(&value)?;
            rest = after;
        } else {
            let end = rest
                .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if is_name(name) {
                value.push_str(&lookup(name));
                bounded(&value)?;
                rest = after;
            } else {
                value.push('$');
            }
        }
    }
    value.push_str(rest);
    Ok(value)
}

fn bounded(value: &str) -> Result<(), String> {
    let fits = value.len() <= LONGEST;
    if fits {
        Ok(())
    } else {
        Err("the value is longer than 128 KiB, which no program can be given".to_owned())
    }
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
}
