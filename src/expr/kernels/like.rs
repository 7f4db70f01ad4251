//! `like`, its constant patterns compiled once.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, StringArray, cast::AsArray};
use memchr::memmem;

use crate::expr::value::{Scope, Text, Value};
use crate::types::Result;

/// A compiled pattern: most are a text with `%` at its ends.
#[derive(Debug)]
pub(in crate::expr) enum LikePattern {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(Box<memmem::Finder<'static>>),
    /// The parts that `%` separates: each part is characters, `None` for `_`; the first and the last are anchored.
    General(Vec<Vec<Option<char>>>),
}

impl LikePattern {
    /// Compiles `pattern`; the error says what is wrong with the use of the escape character.
    pub(in crate::expr) fn new(pattern: &str, escape: Option<char>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if Some(c) == escape {
                match chars.next() {
                    Some(next) if next == '%' || next == '_' || Some(next) == escape => part.push(Some(next)),
                    _ => {
                        return Err(format!(
                            "in the pattern '{pattern}' the escape character `{c}` must stand before `%`, `_` or itself"
                        ));
                    }
                }
            } else if c == '%' {
                parts.push(std::mem::take(&mut part));
            } else if c == '_' {
                part.push(None);
            } else {
                part.push(Some(c));
            }
        }
        parts.push(part);
        let plain = |part: &Vec<Option<char>>| part.iter().copied().collect::<Option<String>>();
        Ok(match parts.as_slice() {
            [whole] => match plain(whole) {
                Some(text) => Self::Equals(text),
                None => Self::General(parts),
            },
            [first, last] => match (plain(first), plain(last)) {
                (Some(text), Some(end)) if end.is_empty() => Self::StartsWith(text),
                (Some(start), Some(text)) if start.is_empty() => Self::EndsWith(text),
                _ => Self::General(parts),
            },
            [first, middle, last] if first.is_empty() && last.is_empty() => match plain(middle) {
                Some(text) => Self::Contains(Box::new(memmem::Finder::new(text.as_bytes()).into_owned())),
                None => Self::General(parts),
            },
            _ => Self::General(parts),
        })
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(whole) => text == whole,
            Self::StartsWith(start) => text.starts_with(start.as_str()),
            Self::EndsWith(end) => text.ends_with(end.as_str()),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Self::General(parts) => general(parts, text),
        }
    }
}

/// Matches the first part at the start, the last at the end, and each between at its first place: never backtracks
/// over more than one part.
fn general(parts: &[Vec<Option<char>>], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some(mut text) = strip(first, text) else { return false };
    let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
    for part in middle {
        let mut from = text;
        loop {
            if let Some(after) = strip(part, from) {
                text = after;
                break;
            }
            let mut chars = from.chars();
            if chars.next().is_none() {
                return false;
            }
            from = chars.as_str();
        }
    }
    let length = text.chars().count();
    let Some(skip) = length.checked_sub(last.len()) else { return false };
    let tail = text.char_indices().nth(skip).map_or("", |(at, _)| &text[at..]);
    strip(last, tail).is_some_and(str::is_empty)
}

fn strip<'t>(part: &[Option<char>], text: &'t str) -> Option<&'t str> {
    let mut chars = text.chars();
    for expected in part {
        let found = chars.next()?;
        if expected.is_some_and(|expected| expected != found) {
            return None;
        }
    }
    Some(chars.as_str())
}

/// `text [not] like pattern [escape c]`; `compiled` when the pattern is constant.
pub(in crate::expr) fn like(
    args: &[Value],
    compiled: Option<&LikePattern>,
    negated: bool,
    scope: &mut Scope<'_>,
) -> Result<Value> {
    let text = &args[0];
    if let Some(pattern) = compiled {
        let array: &StringArray = text.data().as_string();
        let hits = arrow_buffer::BooleanBuffer::collect_bool(array.len(), |row| {
            // A null's text is empty or stale; its result is masked.
            pattern.matches(array.value(row)) != negated
        });
        return Ok(text.with(Arc::new(BooleanArray::new(hits, array.nulls().cloned()))));
    }
    let scalar = args.iter().all(Value::is_scalar);
    let rows = if scalar { 1 } else { scope.rows() };
    let (texts, patterns) = (Text::new(text)?, Text::new(&args[1])?);
    let escapes = args.get(2).map(Text::new).transpose()?;
    let mut failures = Vec::new();
    let array: BooleanArray = (0..rows)
        .map(|row| {
            let escape = match &escapes {
                Some(escapes) => Some(escapes.get(row)?),
                None => None,
            };
            let (text, pattern) = (texts.get(row)?, patterns.get(row)?);
            match escape_char(escape).and_then(|escape| LikePattern::new(pattern, escape)) {
                Ok(pattern) => Some(pattern.matches(text) != negated),
                Err(message) => {
                    failures.push((row, message));
                    None
                }
            }
        })
        .collect();
    scope.report(failures, scalar);
    let array = Arc::new(array);
    Ok(if scalar { Value::Scalar(array) } else { Value::Array(array) })
}

/// The escape character of an `escape` clause.
pub(in crate::expr) fn escape_char(escape: Option<&str>) -> Result<Option<char>, String> {
    let Some(escape) = escape else { return Ok(None) };
    let mut chars = escape.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Some(c)),
        _ => Err("the escape must be one character".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("héllo", "h_llo", true),
            ("", "%", true),
            ("", "", true),
            ("", "_", false),
            ("a%b", "a%b", true),
            ("aXbYc", "a%b%c", true),
            ("aba", "a%a%a", false),
            ("abab", "%ab", true),
            ("xay", "%a_", true),
            ("mississippi", "m%iss%pi", true),
            ("x\ny", "x%y", true),
        ] {
            let found = LikePattern::new(pattern, None).unwrap().matches(text);
            assert_eq!(found, expected, "{text} like {pattern}");
        }
        assert!(LikePattern::new("10!%", Some('!')).unwrap().matches("10%"));
        assert!(!LikePattern::new("10!%", Some('!')).unwrap().matches("100"));
        assert!(LikePattern::new("a!b", Some('!')).is_err());
    }

    #[test]
    fn many_wildcards_are_not_exponential() {
        let pattern = LikePattern::new(&"%a".repeat(200), None).unwrap();
        assert!(!pattern.matches(&"a".repeat(199)));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(5_000))));
    }
}
