//! Date and time patterns: the letters of Java's `DateTimeFormatter`, and of its `SimpleDateFormat`, which some of Flink's
//! functions take. Weeks begin on Sunday, and the first of a year has its first day, as in the locale that Flink formats for.

mod field;
mod read;
mod write;

use super::Civil;
use field::{Field, Item, Letters};
pub(in super::super) use read::Resolve;
use read::{Found, Reader};
use write::write_items;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Pattern {
    items: Vec<Item>,
    letters: Letters,
}

impl Pattern {
    /// Compiles `yyyy-MM-dd HH:mm:ss` and the like; the error says what is not understood.
    pub(in super::super) fn new(pattern: &str) -> Result<Self, String> {
        let mut chars = pattern.chars().peekable();
        let items = compile(&mut chars, Letters::Formatter, 0)?;
        Ok(Self { items, letters: Letters::Formatter })
    }

    /// Compiles a pattern as `SimpleDateFormat` understands it.
    pub(in super::super) fn simple(pattern: &str) -> Result<Self, String> {
        let mut chars = pattern.chars().peekable();
        Ok(Self { items: compile(&mut chars, Letters::Simple, 0)?, letters: Letters::Simple })
    }

    /// Writes a wall-clock time in milliseconds. `offset_ms` is that of its zone, where it has one.
    ///
    /// # Errors
    /// A message, when the pattern wants a zone that the time has not.
    pub(in super::super) fn write(&self, out: &mut String, ms: i64, offset_ms: Option<i64>) -> Result<(), String> {
        write_items(out, &self.items, self.letters, Civil::from_ms(ms), offset_ms)
    }

    /// Reads a wall-clock time in milliseconds: a field that the pattern lacks is that of 1970-01-01 00:00. A day that
    /// its month lacks (`30 February`) is what `resolve` says.
    pub(in super::super) fn parse(&self, text: &str, resolve: Resolve) -> Option<i64> {
        self.parse_zoned(text, resolve).map(|(ms, _)| ms)
    }

    /// As [`parse`](Self::parse), and the offset of the zone, milliseconds, that the text tells.
    pub(in super::super) fn parse_zoned(&self, text: &str, resolve: Resolve) -> Option<(i64, Option<i64>)> {
        let mut reader = Reader { rest: text };
        let mut found = Found::default();
        found.read_items(&mut reader, &self.items, self.letters)?;
        if !reader.rest.is_empty() && resolve == Resolve::Smart {
            return None;
        }
        Some((found.resolve(resolve)?, found.offset_ms))
    }
}

fn compile(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    letters: Letters,
    depth: usize,
) -> Result<Vec<Item>, String> {
    /// Optional parts within one another.
    const DEEPEST: usize = 20;
    let (mut items, mut pad) = (Vec::new(), None);
    let simple = letters == Letters::Simple;
    while let Some(c) = chars.next() {
        if c == '\'' {
            items.push(Item::Text(quoted(chars)?));
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            if c == 'p' && !simple && pad.is_none() && chars.peek().is_some_and(char::is_ascii_alphabetic) {
                pad = Some(count);
                continue;
            }
            let field = Field::from_letter(c, letters).ok_or_else(|| {
                let known = if simple {
                    "G y Y M L w W D d F E u a H k K h m s S z Z X"
                } else {
                    "y u Y G Q q M L d D E e c w W F a H k h K m s S A n N g X x Z z V O p"
                };
                format!("pattern letter `{c}` is not supported; known are {known}")
            })?;
            if count > if simple { 64 } else { field.most_letters() } {
                return Err(format!("too many pattern letters `{c}`"));
            }
            items.push(match pad.take() {
                Some(width) => Item::Padded(width, field, count),
                None => Item::Field(field, count),
            });
        } else if c == '[' && !simple && depth < DEEPEST {
            items.push(Item::Optional(compile(chars, letters, depth + 1)?));
        } else if c == ']' && depth > 0 {
            return Ok(items);
        } else if !simple && matches!(c, '[' | ']' | '{' | '}' | '#') {
            return Err(format!("`{c}` is reserved in patterns; quote it: '{c}'"));
        } else {
            items.push(Item::Text(c.to_string()));
        }
    }
    Ok(items)
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match chars.next() {
            None => return Err("the pattern ends inside a quoted text".to_owned()),
            Some('\'') if chars.next_if_eq(&'\'').is_none() => return Ok(text),
            Some(c) => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_timestamp;
    use super::*;

    fn ms(text: &str) -> i64 {
        parse_timestamp(text).expect(text)
    }

    #[test]
    fn patterns_write() {
        let at = ms("2020-02-29 13:14:15.678");
        for (pattern, expected) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2020-02-29 13:14:15.678"),
            ("EEE, d MMM yy hh:mm a", "Sat, 29 Feb 20 01:14 PM"),
            ("D E EEEE MMMM", "60 Sat Saturday February"),
            ("'at' H 'o''clock' ''", "at 13 o'clock '"),
            ("k K h SSSSSS Q", "13 1 1 678000 1"),
        ] {
            let mut out = String::new();
            Pattern::new(pattern).expect(pattern).write(&mut out, at, None).expect(pattern);
            assert_eq!(out, expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_read() {
        for (pattern, text, expected) in [
            ("dd/MM/yyyy HH:mm", "29/02/2020 10:11", Some("2020-02-29 10:11:00")),
            ("yyyyMMddHHmmss", "20200229101112", Some("2020-02-29 10:11:12")),
            ("MMM d yyyy hh a", "Feb 3 2020 12 AM", Some("2020-02-03 00:00:00")),
            ("d/M/yy", "9/2/20", Some("2020-02-09")),
            ("yyyy-MM-dd", "2020-02-30", Some("2020-02-29")),
            ("yyyy-MM-dd", "2020-02-32", None),
            ("yyyy-MM-dd", "2020-02-29 ", None),
            ("HH:mm", "24:01", None),
            ("yyyy-MM-dd HH:mm", "2020-02-28 24:00", Some("2020-02-29")),
        ] {
            let found = Pattern::new(pattern).expect(pattern).parse(text, Resolve::Smart);
            assert_eq!(found, expected.map(ms), "{pattern} {text}");
        }
        let lenient = Pattern::new("yyyy-MM-dd").expect("valid").parse("2020-02-30", Resolve::Lenient);
        assert_eq!(lenient, Some(ms("2020-03-01")));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for pattern in ["bb", "'open", "yyyy]", "MMMMMM", "dddd", "p"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
