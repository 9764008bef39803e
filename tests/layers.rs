//! The modules depend on each other in one direction only: read from the `crate::` paths of the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules by rank: each may use those of lower ranks, and itself.
const RANKS: [&[&str]; 6] = [
    &["error"],
    &["format"],
    &["vocab", "schema", "storage"],
    &["write", "read"],
    &["dataset"],
    &["load", "import", "export"],
];

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|rank| rank.contains(&module))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file without comments, and without its unit tests, which may use whatever they test with.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| match line.find("//") {
        Some(at) if !line[..at].contains('"') => &line[..at],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn identifier(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The names that follow `prefix`: one, or those of a group in braces.
fn names_after<'t>(code: &'t str, prefix: &str) -> Vec<&'t str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.trim_start().strip_prefix('{') {
            None => names.push(identifier(rest)),
            Some(group) => names.extend(group_names(group)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The first name of each path of a group, up to the brace that ends it.
fn group_names(group: &str) -> Vec<&str> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(identifier(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// What the crate's root hands on under a name of its own, and the module that it comes from.
fn reexports() -> BTreeMap<String, String> {
    let code = code(&root().join("lib.rs"));
    let mut names = BTreeMap::new();
    for line in code.split("pub use ").skip(1) {
        let path = line.split(';').next().unwrap();
        let module = identifier(path).to_owned();
        let last = path.rsplit("::").next().unwrap();
        for name in last.trim_matches(['{', '}']).split(',') {
            names.insert(name.split(" as ").last().unwrap().trim().to_owned(), module.clone());
        }
    }
    names
}

#[test]
fn a_module_uses_only_those_before_it() {
    let (root, reexports) = (root(), reexports());
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in sources(&root) {
        let parts = path.strip_prefix(&root).unwrap().with_extension("");
        let parts: Vec<_> = parts.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "mod").collect();
        if parts == ["lib"] || parts[0] == "bin" || parts.last() == Some(&"tests") {
            continue;
        }
        let Some(own) = rank(parts[0]) else { panic!("{} is in no rank: say where it belongs", path.display()) };
        let code = code(&path);
        for name in names_after(&code, "crate::") {
            let module = reexports.get(name).map_or(name, String::as_str);
            let used = rank(module);
            seen += 1;
            if used.is_none() || module != parts[0] && used >= Some(own) {
                wrong.push(format!("{} uses crate::{name}", path.display()));
            }
        }
        // So many `super::` in a row would reach the root by another way.
        if code.contains(&"super::".repeat(parts.len())) {
            wrong.push(format!("{} leaves its module by `super::`", path.display()));
        }
    }
    assert!(seen > 100, "only {seen} paths were found: does this test still read what the sources say?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_command_line_sees_of_the_crate_what_everybody_sees() {
    for path in sources(&root().join("bin")) {
        let code = code(&path);
        let bad = ["#[path", "include!("].iter().find(|bad| code.contains(**bad));
        assert_eq!(bad, None, "{} takes in sources of the library", path.display());
    }
}

#[test]
fn the_reading_of_paths_finds_them_all() {
    let code = "use crate::error::{Error, Result};\nuse crate::{\n a::{b, c}, d, e::f::*,\n};\nlet x = crate::g::h(); my_crate::i";
    assert_eq!(names_after(code, "crate::"), ["error", "a", "d", "e", "g"]);
}
