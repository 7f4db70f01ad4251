//! Paths into JSON: Jayway's syntax without filters and functions, behind SQL's `lax` or `strict`.

use super::tree::Json;

/// A compiled path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::expr) struct Path {
    /// Whether what is not there is nothing, rather than an error; as in Flink, only where `lax` is said.
    pub(in crate::expr) lax: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `.name`, `['a', 'b']`
    Names(Vec<String>),
    /// `[0]`, `[-1]`, `[0, 2]`
    Items(Vec<i64>),
    /// `[from:to]`
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`
    All,
    /// `..`: here and everywhere further in.
    Deep,
}

/// The outcome of following a path.
#[derive(Debug, PartialEq)]
pub(in crate::expr) enum Found<'t, 'a> {
    /// There is nothing.
    Missing,
    /// The value of a path that leads to one.
    One(&'t Json<'a>),
    /// The values of a path that can lead to several.
    Several(Vec<&'t Json<'a>>),
}

impl Path {
    /// # Errors
    /// The reason why it is no path.
    pub(in crate::expr) fn new(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let word = |word: &str| {
            let head = trimmed.get(..word.len())?;
            let rest = trimmed[word.len()..].strip_prefix(char::is_whitespace)?;
            head.eq_ignore_ascii_case(word).then_some(rest.trim())
        };
        let (lax, spec) = match (word("lax"), word("strict")) {
            (Some(spec), _) => (true, spec),
            (None, Some(spec)) => (false, spec),
            (None, None) => (false, trimmed),
        };
        let shown = || format!("'{}' is not a path into JSON", crate::types::printable(text));
        let rest = spec.strip_prefix('$').ok_or_else(|| format!("{}: it begins with $", shown()))?;
        if rest.contains("?(") {
            return Err(format!("{}: filters are not available", shown()));
        }
        Ok(Self { lax, steps: steps(rest).ok_or_else(shown)? })
    }

    /// Whether it leads to one value at most.
    fn is_definite(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Names(names) => names.len() == 1,
            Step::Items(items) => items.len() == 1,
            Step::Slice(..) | Step::All | Step::Deep => false,
        })
    }

    /// Follows it.
    pub(in crate::expr) fn find<'t, 'a>(&self, root: &'t Json<'a>) -> Found<'t, 'a> {
        let mut at = vec![root];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in at {
                step.follow(value, &mut next);
            }
            at = next;
        }
        match (self.is_definite(), at.first()) {
            (true, Some(&value)) => Found::One(value),
            (true, None) => Found::Missing,
            (false, _) => Found::Several(at),
        }
    }
}

impl Step {
    fn follow<'t, 'a>(&self, value: &'t Json<'a>, out: &mut Vec<&'t Json<'a>>) {
        match (self, value) {
            (Self::Names(names), Json::Object(entries)) => {
                let of_name = |name: &String| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
                out.extend(names.iter().filter_map(of_name));
            }
            (Self::Items(items), Json::Array(array)) => {
                let item = |&index: &i64| usize::try_from(place(index, array.len())).ok().and_then(|at| array.get(at));
                out.extend(items.iter().filter_map(item));
            }
            (Self::Slice(from, to), Json::Array(array)) => {
                let end = |at: Option<i64>, default: usize| {
                    at.map_or(default, |at| usize::try_from(place(at, array.len())).unwrap_or(0).min(array.len()))
                };
                let (from, to) = (end(*from, 0), end(*to, array.len()));
                out.extend(array.get(from..to).unwrap_or_default());
            }
            (Self::All, Json::Array(array)) => out.extend(array),
            (Self::All, Json::Object(entries)) => out.extend(entries.iter().map(|(_, value)| value)),
            (Self::Deep, value) => {
                out.push(value);
                match value {
                    Json::Array(array) => array.iter().for_each(|item| self.follow(item, out)),
                    Json::Object(entries) => entries.iter().for_each(|(_, value)| self.follow(value, out)),
                    Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {}
                }
            }
            _ => {}
        }
    }
}

/// The place that an index means, counted from the end if negative.
fn place(index: i64, length: usize) -> i64 {
    if index < 0 { index + i64::try_from(length).unwrap_or(i64::MAX) } else { index }
}

fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix("..") {
            steps.push(Step::Deep);
            if behind.starts_with('[') {
                rest = behind;
                continue;
            }
            rest = name(behind, &mut steps)?;
        } else if let Some(behind) = rest.strip_prefix('.') {
            rest = name(behind, &mut steps)?;
        } else {
            rest = bracket(rest.strip_prefix('[')?, &mut steps)?;
        }
    }
    Some(steps)
}

/// The name behind a point, up to the next point or bracket.
fn name<'t>(rest: &'t str, steps: &mut Vec<Step>) -> Option<&'t str> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    match name.trim() {
        "" => return None,
        "*" => steps.push(Step::All),
        name if name.contains([' ', '(', ')', '\'', '"', ']']) => return None,
        name => steps.push(Step::Names(vec![name.to_owned()])),
    }
    Some(rest)
}

/// What stands between brackets.
fn bracket<'t>(rest: &'t str, steps: &mut Vec<Step>) -> Option<&'t str> {
    let mut inside = rest.trim_start();
    if inside.starts_with(['\'', '"']) {
        let mut names = Vec::new();
        loop {
            let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (name, behind) = quoted(&inside[1..], quote)?;
            names.push(name);
            inside = behind.trim_start();
            if let Some(behind) = inside.strip_prefix(']') {
                steps.push(Step::Names(names));
                return Some(behind);
            }
            inside = inside.strip_prefix(',')?.trim_start();
        }
    }
    let (inside, behind) = inside.split_once(']')?;
    let inside = inside.trim();
    let number = |text: &str| text.trim().parse::<i64>().ok();
    steps.push(if inside == "*" {
        Step::All
    } else if let Some((from, to)) = inside.split_once(':') {
        let end = |text: &str| if text.trim().is_empty() { Some(None) } else { number(text).map(Some) };
        Step::Slice(end(from)?, end(to)?)
    } else {
        Step::Items(inside.split(',').map(number).collect::<Option<_>>()?)
    });
    Some(behind)
}

/// The text up to the closing quote, and what stands behind it.
fn quoted(rest: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = rest.char_indices();
    loop {
        let (at, c) = chars.next()?;
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return Some((name, &rest[at + 1..])),
            c => name.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_one_or_to_several() {
        let root = Json::parse(r#"{"a":{"b":[1,2,{"c":3}]},"x y":4,"c":5}"#).expect("json");
        let shown = |path: &str| {
            let mut out = String::new();
            match Path::new(path).expect(path).find(&root) {
                Found::Missing => out.push('-'),
                Found::One(value) => value.write(&mut out),
                Found::Several(values) => values.iter().for_each(|value| value.write(&mut out)),
            }
            out
        };
        for (path, expected) in [
            ("$.a.b[1]", "2"),
            ("lax $.a.b[-1].c", "3"),
            ("strict $['x y']", "4"),
            ("$.a.z", "-"),
            ("$.a.b[7]", "-"),
            ("$.a.b[*]", r#"12{"c":3}"#),
            ("$.a.b[0:2]", "12"),
            ("$.a.b[0, 2].c", "3"),
            ("$..c", "53"),
            ("$['c','x y']", "54"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
        for path in ["a", "$.", "$[", "$.a[x]", "$.a[?(@.b)]", "$['a", "$a"] {
            assert!(Path::new(path).is_err(), "{path}");
        }
    }
}
