//! Regular expressions, Java's syntax as far as a linear-time matcher has it: no backreferences, no look-around.

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use regex::Regex;

use super::args::{Args, Prepared};
use super::spec::{Family, FunctionSpec, Kernel, Nulls, Param, gives_boolean, gives_int, gives_string};
use crate::expr::value::Text;
use crate::types::Result;
use Param::Text as TextParam;

const fn regexp(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    kernel: Kernel,
) -> FunctionSpec {
    FunctionSpec::new(Family::Regexp, name, signature, summary, examples, kernel.prepare(prepare).fallible().bind())
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    regexp(
        "regexp",
        "regexp(text string, pattern string) -> boolean",
        "whether some part of a text matches a regular expression",
        &[("regexp('abc123', '[0-9]+')", "TRUE")],
        Kernel::new(&[TextParam, TextParam], gives_boolean, matches),
    )
    .aliases(&["regexp_like"]),
    regexp(
        "regexp_replace",
        "regexp_replace(text string, pattern string, replacement string) -> string",
        "a text with every match of a regular expression replaced, by the replacement as it stands",
        &[("regexp_replace('a1b22', '[0-9]+', '#')", "a#b#")],
        Kernel::new(&[TextParam, TextParam, TextParam], gives_string, replace).nulls(Nulls::Possible),
    ),
    regexp(
        "regexp_extract",
        "regexp_extract(text string, pattern string[, group int]) -> string",
        "a group of the first match of a regular expression, or the whole match if no group is given; null without a match",
        &[("regexp_extract('foothebar', 'foo(.*?)(bar)', 2)", "bar")],
        Kernel::new(&[TextParam, TextParam, Param::Int], gives_string, extract).least(2).nulls(Nulls::Possible),
    ),
    regexp(
        "regexp_substr",
        "regexp_substr(text string, pattern string) -> string",
        "the first match of a regular expression; null without one",
        &[("regexp_substr('a1b22', '[0-9]+')", "1")],
        Kernel::new(&[TextParam, TextParam], gives_string, extract).nulls(Nulls::Possible),
    ),
    regexp(
        "regexp_count",
        "regexp_count(text string, pattern string) -> int",
        "how often a regular expression matches in a text",
        &[("regexp_count('a1b22', '[0-9]+')", "2")],
        Kernel::new(&[TextParam, TextParam], gives_int, count).nulls(Nulls::Possible),
    ),
    regexp(
        "regexp_instr",
        "regexp_instr(text string, pattern string) -> int",
        "the place of the first match of a regular expression, counted from 1; 0 without one",
        &[("regexp_instr('a1b22', '[0-9]+')", "2")],
        Kernel::new(&[TextParam, TextParam], gives_int, instr).nulls(Nulls::Possible),
    ),
];

/// Compiles a constant pattern, once for all rows.
fn prepare(args: &[Option<&ArrayRef>]) -> Result<Option<Prepared>, String> {
    let Some(pattern) = args.get(1).copied().flatten().and_then(|pattern| pattern.as_string_opt::<i32>()) else {
        return Ok(None);
    };
    if pattern.is_null(0) {
        return Ok(None);
    }
    compile(pattern.value(0)).map(|regex| Some(Prepared::Regex(regex)))
}

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&ascii_classes(pattern)).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        format!("this is not a regular expression: {reason}")
    })
}

/// Java's `\d`, `\w` and `\s` are of ASCII.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str("[ \\t\\n\\x0B\\f\\r]"),
            Some('S') => out.push_str("[^ \\t\\n\\x0B\\f\\r]"),
            Some(escaped) => out.extend(['\\', escaped]),
            None => out.push('\\'),
        }
    }
    out
}

/// Whether a pattern that does not compile is none in Java either: Flink goes on then, without a match. Of other patterns
/// we do not know what they would have matched.
fn is_malformed(message: &str) -> bool {
    const MALFORMED: [&str; 5] = [
        "unclosed group",
        "unopened group",
        "unclosed character class",
        "incomplete escape sequence",
        "repetition operator missing expression",
    ];
    MALFORMED.iter().any(|malformed| message.contains(malformed))
}

/// The pattern of each row: the constant one, or a row's own, kept while it stays the same.
struct Patterns<'a> {
    constant: Option<&'a Regex>,
    texts: Text<'a>,
    last: Option<(&'a str, Result<Regex, String>)>,
    failures: Vec<(usize, String)>,
}

impl<'a> Patterns<'a> {
    fn new(args: &Args<'a>) -> Result<Self> {
        let constant = match args.prepared {
            Some(Prepared::Regex(regex)) => Some(regex),
            Some(Prepared::Pattern(_)) | None => None,
        };
        Ok(Self { constant, texts: args.text(1)?, last: None, failures: Vec::new() })
    }

    /// `None`: null, or the row fails. `Some(None)`: malformed.
    #[expect(clippy::option_option, reason = "null, and what is malformed, differ")]
    fn get(&mut self, row: usize) -> Option<Option<&Regex>> {
        if self.constant.is_some() {
            return Some(self.constant);
        }
        let pattern = self.texts.get(row)?;
        if self.last.as_ref().is_none_or(|(last, _)| *last != pattern) {
            self.last = Some((pattern, compile(pattern)));
        }
        match self.last.as_ref().map(|(_, compiled)| compiled)? {
            Ok(regex) => Some(Some(regex)),
            Err(message) if is_malformed(message) => Some(None),
            Err(message) => {
                self.failures.push((row, message.clone()));
                None
            }
        }
    }
}

/// The matches that Java's `find` finds one after the other: also the empty text right behind a match.
struct Matches<'r, 't> {
    regex: &'r Regex,
    text: &'t str,
    from: usize,
}

impl<'r, 't> Matches<'r, 't> {
    const fn new(regex: &'r Regex, text: &'t str) -> Self {
        Self { regex, text, from: 0 }
    }
}

impl<'t> Iterator for Matches<'_, 't> {
    type Item = regex::Match<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.from > self.text.len() {
            return None;
        }
        let found = self.regex.find_at(self.text, self.from)?;
        let step = if found.is_empty() { self.text[found.end()..].chars().next().map_or(1, char::len_utf8) } else { 0 };
        self.from = found.end() + step;
        Some(found)
    }
}

fn matches(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut patterns = Patterns::new(args)?;
    let result = args.booleans(|row| {
        let text = text.get(row)?;
        // As in Flink, an empty pattern matches nothing.
        Some(patterns.get(row)?.is_some_and(|regex| !regex.as_str().is_empty() && regex.is_match(text)))
    });
    args.failures.extend(patterns.failures);
    result
}

fn replace(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (text, with) = (args.text(0)?, args.text(2)?);
    let mut patterns = Patterns::new(args)?;
    let result = args.strings(|row, out| {
        let (text, with) = (text.get(row)?, with.get(row)?);
        let mut done = 0;
        for found in Matches::new(patterns.get(row)??, text) {
            out.push_str(&text[done..found.start()]);
            out.push_str(with);
            done = found.end();
        }
        out.push_str(&text[done..]);
        Some(())
    });
    args.failures.extend(patterns.failures);
    result
}

fn extract(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let group = args.optional(2, Args::int)?;
    let mut patterns = Patterns::new(args)?;
    let result = args.slices(|row| {
        let text = text.get(row)?;
        let group = match &group {
            Some(group) => usize::try_from(group.get(row)?).ok()?,
            None => 0,
        };
        let regex = patterns.get(row)??;
        if group == 0 {
            return regex.find(text).map(|found| found.as_str());
        }
        regex.captures(text)?.get(group).map(|found| found.as_str())
    });
    args.failures.extend(patterns.failures);
    result
}

fn count(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut patterns = Patterns::new(args)?;
    let result = args.numbers::<Int32Type>(|row| {
        let text = text.get(row)?;
        i32::try_from(Matches::new(patterns.get(row)??, text).count()).ok()
    });
    args.failures.extend(patterns.failures);
    result
}

fn instr(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut patterns = Patterns::new(args)?;
    let result = args.numbers::<Int32Type>(|row| {
        let text = text.get(row)?;
        let Some(found) = patterns.get(row)??.find(text) else { return Some(0) };
        i32::try_from(text[..found.start()].chars().count() + 1).ok()
    });
    args.failures.extend(patterns.failures);
    result
}
