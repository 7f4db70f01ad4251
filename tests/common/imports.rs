//! Which file of a module imports which, read from the text of the code: paths are followed through `use`, re-exports and
//! modules to the file that defines what they name. Methods of a type are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The identifier at the start.
pub(crate) fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// A word or a sign of the code; comments, texts and numbers are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hashes =
            rest.trim_start_matches('b').strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
        let raw = hashes.filter(|&hashes| rest.trim_start_matches('b')[1 + hashes..].starts_with('"'));
        rest = if rest.starts_with("//") {
            rest.find('\n').map_or("", |end| &rest[end..])
        } else if let Some(hashes) = raw {
            let body = &rest[rest.find('"').map_or(0, |at| at + 1)..];
            let end = format!("\"{}", "#".repeat(hashes));
            body.find(&end).map_or("", |at| &body[at + end.len()..])
        } else if first == '"' {
            let escaped = rest[1..].char_indices().scan(false, |escape, (at, c)| {
                let ends = c == '"' && !*escape;
                *escape = c == '\\' && !*escape;
                Some((at, ends))
            });
            let end = escaped.into_iter().find(|&(_, ends)| ends).map_or(rest.len() - 1, |(at, _)| at + 2);
            &rest[end..]
        } else if first == '\'' {
            // A character, or the name of a lifetime.
            let mut after = rest[1..].char_indices();
            match (after.next(), after.next()) {
                (Some((_, '\\')), Some((at, c))) => {
                    let from = 1 + at + c.len_utf8();
                    rest[from..].find('\'').map_or("", |end| &rest[from + end + 1..])
                }
                (_, Some((at, '\''))) => &rest[at + 2..],
                _ => &rest[1 + ident(&rest[1..]).len()..],
            }
        } else if first == '_' || first.is_ascii_alphanumeric() {
            let word = ident(rest);
            let rest = &rest[word.len()..];
            tokens.push(word);
            rest
        } else if let Some(behind) = rest.strip_prefix("::") {
            tokens.push("::".to_owned());
            behind
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            &rest[first.len_utf8()..]
        };
    }
    tokens
}

/// A module of the tree, in a file of its own or within its parent's.
#[derive(Debug, Default)]
struct Module {
    /// Below `src`, with `/`.
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// What names brought in by `use` stand for, with whether they are exported.
    names: BTreeMap<String, (Vec<String>, bool)>,
    globs: Vec<Vec<String>>,
    /// The paths in its code, and its single words.
    paths: Vec<Vec<String>>,
    words: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Tree(Vec<Module>);

/// What a path leads to.
enum Target {
    Module,
    Item(usize),
}

impl Tree {
    /// The modules of `src`, those of tests left out.
    pub(crate) fn read(root: &Path) -> Self {
        let mut tree = Self(vec![Module { file: "lib.rs".to_owned(), ..Module::default() }]);
        tree.scan(0, &file_tokens(&root.join("lib.rs")), root, root);
        tree
    }

    fn child(&mut self, of: usize, name: &str, file: String) -> usize {
        let at = self.0.len();
        self.0.push(Module { file, parent: Some(of), ..Module::default() });
        self.0[of].children.insert(name.to_owned(), at);
        at
    }

    /// Reads the code of `module`, whose child files are in `folder`.
    fn scan(&mut self, module: usize, tokens: &[String], folder: &Path, root: &Path) {
        let (mut at, mut depth) = (0, 0_usize);
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1).map_or("", String::as_str);
            match token.as_str() {
                "#" if tokens[at..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(str::to_owned)) => {
                    at += 7;
                    at += item_len(&tokens[at..]);
                    continue;
                }
                "mod" if tokens.get(at + 2).is_some_and(|token| token == ";") => {
                    let candidates = [folder.join(format!("{next}.rs")), folder.join(next).join("mod.rs")];
                    let file = candidates.iter().find(|file| file.exists()).expect("the file of a module");
                    let name = file.strip_prefix(root).expect("a file below src").display().to_string();
                    let child = self.child(module, next, name);
                    self.scan(child, &file_tokens(file), &folder.join(next), root);
                    at += 3;
                    continue;
                }
                "mod" if tokens.get(at + 2).is_some_and(|token| token == "{") => {
                    let len = item_len(&tokens[at..]);
                    let child = self.child(module, next, self.0[module].file.clone());
                    self.scan(child, &tokens[at + 3..at + len - 1], &folder.join(next), root);
                    at += len;
                    continue;
                }
                "use" => {
                    let exported = at > 0 && matches!(tokens[at - 1].as_str(), "pub" | ")");
                    let end = at + tokens[at..].iter().position(|token| token == ";").expect("the end of a use");
                    self.read_use(module, &tokens[at + 1..end], &mut Vec::new(), exported);
                    at = end;
                    continue;
                }
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" if depth == 0 => {
                    self.0[module].items.insert(next.to_owned());
                }
                "macro_rules" => {
                    self.0[module].items.insert(tokens.get(at + 2).cloned().unwrap_or_default());
                }
                _ => {}
            }
            let starts = at == 0 || !matches!(tokens[at - 1].as_str(), "::" | "." | "fn" | "struct" | "enum" | "trait");
            // `pub(in a::b)` says who may see, it imports nothing.
            let visibility = at > 1 && tokens[at - 1] == "in" && tokens[at - 2] == "(";
            if starts && !visibility && is_word(token) {
                let mut path = vec![token.clone()];
                while tokens.get(at + 1).is_some_and(|token| token == "::")
                    && tokens.get(at + 2).is_some_and(|token| is_word(token))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                self.0[module].words.insert(path[0].clone());
                if path.len() > 1 {
                    self.0[module].paths.push(path);
                }
            }
            at += 1;
        }
    }

    /// `a::{b, c as d}` behind `prefix`.
    fn read_use(&mut self, module: usize, tokens: &[String], prefix: &mut Vec<String>, exported: bool) {
        let (depth, mut at) = (prefix.len(), 0);
        let mut alias = None;
        while let Some(token) = tokens.get(at) {
            match token.as_str() {
                "{" => {
                    let len = item_len(&tokens[at..]);
                    let (mut nested, mut start) = (0, at + 1);
                    for end in at + 1..at + len {
                        match tokens[end].as_str() {
                            "{" => nested += 1,
                            "}" if nested > 0 => nested -= 1,
                            "," | "}" if nested == 0 => {
                                self.read_use(module, &tokens[start..end], prefix, exported);
                                start = end + 1;
                            }
                            _ => {}
                        }
                    }
                    prefix.truncate(depth);
                    return;
                }
                "*" => {
                    self.0[module].globs.push(prefix.clone());
                    prefix.truncate(depth);
                    return;
                }
                "as" => {
                    alias = tokens.get(at + 1).cloned();
                    break;
                }
                "::" => {}
                "self" if !prefix.is_empty() => {}
                word => prefix.push(word.to_owned()),
            }
            at += 1;
        }
        if prefix.len() > depth || tokens.first().is_some_and(|token| token == "self") {
            let name = alias.or_else(|| prefix.last().cloned()).unwrap_or_default();
            self.0[module].names.insert(name, (prefix.clone(), exported));
        }
        prefix.truncate(depth);
    }

    /// What `path` leads to from `module`; `None` for what is not of this crate, or not found.
    fn resolve(&self, module: usize, path: &[String], fuel: usize) -> Option<Target> {
        let fuel = fuel.checked_sub(1)?;
        let mut at = module;
        for (i, name) in path.iter().enumerate() {
            let (here, rest) = (&self.0[at], &path[i + 1..]);
            match name.as_str() {
                "crate" if i == 0 => at = 0,
                "self" if i == 0 => {}
                "super" => at = here.parent?,
                name => {
                    let import = here.names.get(name).map(|(path, _)| path);
                    let child = here.children.get(name);
                    let aimed = import.filter(|_| child.is_none() || rest.is_empty());
                    if here.items.contains(name) {
                        return Some(Target::Item(at));
                    } else if let Some(import) = aimed {
                        let whole: Vec<String> = import.iter().chain(rest).cloned().collect();
                        return self.resolve(at, &whole, fuel);
                    } else if let Some(&child) = child {
                        at = child;
                    } else {
                        return here.globs.iter().find_map(|glob| {
                            let whole: Vec<String> = glob.iter().chain(&path[i..]).cloned().collect();
                            self.resolve(at, &whole, fuel)
                        });
                    }
                }
            }
        }
        Some(Target::Module)
    }

    /// Which file imports which, of one top-level module each.
    pub(crate) fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (at, module) in self.0.iter().enumerate() {
            // What is exported only is no import of the file that exports it.
            let brought = module.names.iter().filter(|(name, (_, exported))| !exported || module.words.contains(*name));
            for path in module.paths.iter().chain(brought.map(|(_, (path, _))| path)).chain(&module.globs) {
                if let Some(Target::Item(found)) = self.resolve(at, path, 16) {
                    let (from, to) = (module.file.as_str(), self.0[found].file.as_str());
                    if from != to && from.split('/').next() == to.split('/').next() {
                        edges.entry(from).or_default().insert(to);
                    }
                }
            }
        }
        edges
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
}

fn file_tokens(file: &Path) -> Vec<String> {
    tokens(&fs::read_to_string(file).expect("a readable file"))
}

/// How many tokens the item at the start has, up to its `;` or the end of its braces.
fn item_len(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == "}" {
                    return at + 1;
                }
            }
            ";" | "," if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The groups of files that reach each other.
pub(crate) fn circles<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reached = |from: &'a str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            open.extend(edges.get(file).into_iter().flatten().filter(|&&to| seen.insert(to)));
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|&file| (file, reached(file))).collect();
    let mut found = BTreeSet::new();
    for (file, targets) in reach.iter().filter(|(file, targets)| targets.contains(*file)) {
        found.insert(
            targets.iter().filter(|to| reach.get(*to).is_some_and(|back| back.contains(file))).copied().collect(),
        );
    }
    found.into_iter().collect()
}
