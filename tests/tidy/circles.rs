//! No files import each other in a circle: whoever reads one reads what it stands on, and then is done.
//!
//! An import is a path in the code of one file that leads to an item of another: in a `use`, or in place. It is followed
//! through `use` and `pub use` to the file that defines the item, so that a `mod.rs` may hand on what its children have;
//! `mod` and `pub use` alone import nothing. A child that takes an item of its parent's imports the parent, and closes a
//! circle where the parent uses anything of the child's. One thing does not count: a file that adds methods to a type
//! of a module it stands in takes that type, as a part of it that has a file of its own.
//!
//! Text tells no types: a method called on a value of another file's type is not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, none, sources};

/// What the text of a file says about imports.
#[derive(Default)]
struct File {
    /// Its place, `config::file`; empty for `lib.rs`.
    module: Vec<String>,
    /// Names defined at the top.
    items: BTreeSet<String>,
    /// Names from elsewhere and their full paths.
    names: BTreeMap<String, Vec<String>>,
    /// Modules whose every name is here.
    globs: Vec<Vec<String>>,
    /// Types whose methods are here.
    parts: BTreeSet<String>,
    /// Every full path the code names, with a line.
    paths: Vec<(usize, Vec<String>)>,
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let house = House::read();
    let mut violations = Vec::new();
    for circle in house.circles() {
        violations.push(format!("a circle of {}", circle.iter().copied().collect::<Vec<_>>().join(", ")));
        for ((from, to), (line, name)) in &house.imports {
            if circle.contains(&&**from) && circle.contains(&&**to) {
                violations.push(format!("    src/{from}:{line} takes {name} from {to}"));
            }
        }
    }
    none(violations);
}

struct House {
    files: BTreeMap<Vec<String>, (String, File)>,
    imports: BTreeMap<(String, String), (usize, String)>,
}

impl House {
    fn read() -> Self {
        let mut files = BTreeMap::new();
        for source in sources().into_iter().filter(|source| !source.is_test()) {
            let file = File::read(&source);
            files.insert(file.module.clone(), (source.path, file));
        }
        let mut house = Self { files, imports: BTreeMap::new() };
        let mut imports = BTreeMap::new();
        for (path, file) in house.files.values() {
            for (line, named) in &file.paths {
                let Some(found) = house.find(&file.absolute(named, &house), 0) else { continue };
                let name = named.last().map_or("", String::as_str);
                let is_part = file.parts.contains(name) && house.holds(found, &file.module);
                if found != path && !is_part {
                    imports
                        .entry((path.clone(), found.to_owned()))
                        .or_insert_with(|| (*line, named.join("::")));
                }
            }
        }
        house.imports = imports;
        house
    }

    /// Whether the file of this path is a module that the other module stands in.
    fn holds(&self, path: &str, module: &[String]) -> bool {
        (0..module.len())
            .any(|length| self.files.get(&module[..length]).is_some_and(|(held, _)| held == path))
    }

    /// The file in which the item of this path from the root is defined.
    fn find(&self, path: &[String], depth: usize) -> Option<&str> {
        if depth > 9 {
            return None;
        }
        let mut length = 0;
        while length < path.len() && self.files.contains_key(&path[..=length]) {
            length += 1;
        }
        let (name, rest) = path[length..].split_first()?;
        let (place, file) = self.files.get(&path[..length])?;
        if file.items.contains(name) {
            return Some(place);
        }
        if let Some(from) = file.names.get(name) {
            let mut whole = file.absolute(from, self);
            whole.extend_from_slice(rest);
            return self.find(&whole, depth + 1);
        }
        file.globs.iter().find_map(|glob| {
            let mut whole = file.absolute(glob, self);
            whole.extend_from_slice(&path[length..]);
            self.find(&whole, depth + 1)
        })
    }

    /// Sets of files each of which imports all the others, by way of them.
    fn circles(&self) -> Vec<BTreeSet<&str>> {
        let mut after: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in self.imports.keys() {
            after.entry(from).or_default().insert(to);
        }
        let reached = |from: &str| {
            let mut found = BTreeSet::new();
            let mut open: Vec<&str> = after.get(from).into_iter().flatten().copied().collect();
            while let Some(file) = open.pop() {
                if found.insert(file) {
                    open.extend(after.get(file).into_iter().flatten());
                }
            }
            found
        };
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            after.keys().map(|file| (*file, reached(file))).collect();
        let mut circles = Vec::new();
        for (file, others) in &reached {
            let known = circles.iter().any(|circle: &BTreeSet<&str>| circle.contains(file));
            if others.contains(file) && !known {
                let back = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(file));
                circles.push(others.iter().filter(back).copied().collect());
            }
        }
        circles
    }
}

impl File {
    fn read(source: &Source) -> Self {
        let mut module: Vec<String> =
            source.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod" || last == "lib") {
            module.pop();
        }
        let mut file = Self { module, ..Self::default() };
        let tokens = tokens(source.before_tests());
        let word = |at: usize| tokens.get(at).map_or("", |(_, word)| &**word);
        let mut depth = 0;
        // What a macro writes out stands in its file.
        let mut in_macro = false;
        let mut at = 0;
        let mut public = Vec::new();
        let mut used = BTreeSet::new();
        while at < tokens.len() {
            match word(at) {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    in_macro &= depth > 0;
                }
                "use" if word(at + 1) != "<" => {
                    let is_public = at > 0 && matches!(word(at - 1), "pub" | ")");
                    let end = (at..tokens.len()).find(|at| word(*at) == ";").unwrap_or(tokens.len());
                    let mut place = at + 1;
                    let mut found = Vec::new();
                    tree(&tokens, &mut place, &[], &mut found);
                    for (name, path) in found {
                        if name == "*" {
                            file.globs.push(path);
                            continue;
                        }
                        if is_public {
                            public.push((tokens[at].0, name.clone(), path.clone()));
                        } else {
                            file.paths.push((tokens[at].0, path.clone()));
                        }
                        file.names.insert(name, path);
                    }
                    at = end;
                }
                "struct" | "enum" | "fn" | "trait" | "type" | "const" | "static" | "union"
                    if depth == 0 || in_macro =>
                {
                    let name = if word(at + 1) == "fn" || word(at + 1) == "mut" { at + 2 } else { at + 1 };
                    file.items.insert(word(name).to_owned());
                }
                "impl" if depth == 0 => {
                    let open = (at..tokens.len()).find(|at| word(*at) == "{").unwrap_or(tokens.len());
                    if !(at..open).any(|at| word(at) == "for") {
                        file.parts.extend(
                            (at + 1..open).map(|at| word(at).to_owned()).filter(|name| is_name(name)),
                        );
                    }
                }
                "mod" => at += 1,
                "macro_rules" => {
                    file.items.insert(word(at + 2).to_owned());
                    in_macro = true;
                }
                name if is_name(name) && word(at.wrapping_sub(1)) != "::" => {
                    let mut path = vec![name.to_owned()];
                    let line = tokens[at].0;
                    while word(at + 1) == "::" && is_name(word(at + 2)) {
                        path.push(word(at + 2).to_owned());
                        at += 2;
                    }
                    used.insert(name.to_owned());
                    if path.len() > 1 {
                        file.paths.push((line, path));
                    }
                }
                _ => {}
            }
            at += 1;
        }
        // A name that is only handed on is no import.
        file.paths.extend(
            public.into_iter().filter(|(_, name, _)| used.contains(name)).map(|(line, _, path)| (line, path)),
        );
        file
    }

    /// A path as this file writes it, from the root.
    fn absolute(&self, path: &[String], house: &House) -> Vec<String> {
        let mut base = self.module.clone();
        let mut rest = path;
        match &*path[0] {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                let child = [base.clone(), vec![first.to_owned()]].concat();
                if house.files.contains_key(&child) || self.items.contains(first) {
                } else if let Some(from) = self.names.get(first).filter(|from| from[0] != first) {
                    base = self.absolute(from, house);
                    rest = &path[1..];
                } else {
                    return vec!["::".to_owned()];
                }
            }
        }
        base.extend_from_slice(rest);
        base
    }
}

/// The names of a `use` and their paths.
fn tree(
    tokens: &[(usize, String)],
    at: &mut usize,
    before: &[String],
    found: &mut Vec<(String, Vec<String>)>,
) {
    let word = |at: usize| tokens.get(at).map_or("", |(_, word)| &**word);
    let mut path = before.to_vec();
    loop {
        match word(*at) {
            "{" => {
                *at += 1;
                while word(*at) != "}" && *at < tokens.len() {
                    tree(tokens, at, &path, found);
                    if word(*at) == "," {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "::" => *at += 1,
            "*" => {
                *at += 1;
                found.push(("*".to_owned(), path));
                return;
            }
            "as" => {
                found.push((word(*at + 1).to_owned(), path));
                *at += 2;
                return;
            }
            name if is_name(name) => {
                if name != "self" || path.is_empty() {
                    path.push(name.to_owned());
                }
                *at += 1;
            }
            _ => {
                let name = path.last().cloned().unwrap_or_default();
                found.push((name, path));
                return;
            }
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// The words and marks of a text without comments and literals, with their lines.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    let ahead = |at: usize| text.get(at).copied().unwrap_or(' ');
    while at < text.len() {
        let start = at;
        match text[at] {
            '/' if ahead(at + 1) == '/' => {
                while at < text.len() && text[at] != '\n' {
                    at += 1;
                }
                continue;
            }
            'r' | 'b' if ahead(at + 1) == '"' || (ahead(at + 1) == '#' && ahead(at + 2) == '"') => {
                if text[at] == 'b' && ahead(at + 1) == '"' {
                    at += 1;
                    continue;
                }
                let hashes = usize::from(ahead(at + 1) == '#');
                at += 2 + hashes;
                while at < text.len() && !(text[at] == '"' && (hashes == 0 || ahead(at + 1) == '#')) {
                    at += 1;
                }
                at += 1 + hashes;
            }
            '"' => {
                at += 1;
                while at < text.len() && text[at] != '"' {
                    at += if text[at] == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            '\'' if ahead(at + 1) == '\\' => {
                at += 3;
                while at < text.len() && text[at] != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if ahead(at + 2) == '\'' => at += 3,
            letter if letter.is_alphanumeric() || letter == '_' => {
                while ahead(at).is_alphanumeric() || ahead(at) == '_' {
                    at += 1;
                }
                tokens.push((line, text[start..at].iter().collect()));
            }
            ':' if ahead(at + 1) == ':' => {
                tokens.push((line, "::".to_owned()));
                at += 2;
            }
            other => {
                if !other.is_whitespace() {
                    tokens.push((line, other.to_string()));
                }
                at += 1;
            }
        }
        line += text[start..at.min(text.len())].iter().filter(|letter| **letter == '\n').count();
    }
    tokens
}
