//! Regular expressions of Java, and SQL's.

mod similar;

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;

use super::args::{Args, Prepared};
use super::java_regex::{Groups, JavaRegex};
use super::spec::{Family, FunctionSpec, Kernel, Nulls, Param, gives_boolean, gives_int, gives_string};
use crate::expr::value::{Text, mistyped};
use crate::types::{LogicalType, Result};
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
        "regexp_extract_all",
        "regexp_extract_all(text string, pattern string[, group int]) -> array<string>",
        "a group of every match, the first unless another is given and the whole match for 0",
        &[("regexp_extract_all('100-200, 300-400', '([0-9]+)-([0-9]+)', 2)", "[200, 400]")],
        Kernel::new(
            &[TextParam, TextParam, Param::Int],
            |_| Ok(LogicalType::Array(Box::new(LogicalType::String))),
            extract_all,
        )
        .least(2)
        .nulls(Nulls::Possible),
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
    similar::SIMILAR,
];

/// Compiles a constant pattern, once for all rows.
fn prepare(args: &[Option<&ArrayRef>]) -> Result<Option<Prepared>, String> {
    let Some(pattern) = args.get(1).copied().flatten().and_then(|pattern| pattern.as_string_opt::<i32>()) else {
        return Ok(None);
    };
    if pattern.is_null(0) {
        return Ok(None);
    }
    JavaRegex::new(pattern.value(0)).map(|regex| Some(Prepared::Regex(regex)))
}

/// Whether a pattern that does not compile is none in Java either: Flink goes on then, without a match. Of other patterns
/// we do not know what they would have matched.
fn is_malformed(message: &str) -> bool {
    const MALFORMED: [&str; 6] = [
        "unclosed group",
        "unopened group",
        "unclosed character class",
        "incomplete escape sequence",
        "repetition operator missing expression",
        "Opening parenthesis without closing parenthesis",
    ];
    MALFORMED.iter().any(|malformed| message.contains(malformed))
}

/// The pattern of each row: the constant one, or a row's own, kept while it stays the same.
struct Patterns<'a> {
    constant: Option<&'a JavaRegex>,
    texts: Text<'a>,
    last: Option<(&'a str, Result<JavaRegex, String>)>,
    failures: Vec<(usize, String)>,
}

impl<'a> Patterns<'a> {
    fn new(args: &Args<'a>) -> Result<Self> {
        let constant = match args.prepared {
            Some(Prepared::Regex(regex)) => Some(regex),
            Some(_) | None => None,
        };
        Ok(Self { constant, texts: args.text(1)?, last: None, failures: Vec::new() })
    }

    /// `None`: null, or the row fails. `Some(None)`: malformed.
    #[expect(clippy::option_option, reason = "null, and what is malformed, differ")]
    fn get(&mut self, row: usize) -> Option<Option<&JavaRegex>> {
        if self.constant.is_some() {
            return Some(self.constant);
        }
        let pattern = self.texts.get(row)?;
        if self.last.as_ref().is_none_or(|(last, _)| *last != pattern) {
            self.last = Some((pattern, JavaRegex::new(pattern)));
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
    regex: &'r JavaRegex,
    text: &'t str,
    from: usize,
}

impl<'r, 't> Matches<'r, 't> {
    const fn new(regex: &'r JavaRegex, text: &'t str) -> Self {
        Self { regex, text, from: 0 }
    }

    /// Goes on behind a match.
    fn pass(&mut self, (start, end): (usize, usize)) {
        self.from = end + if start == end { self.text[end..].chars().next().map_or(1, char::len_utf8) } else { 0 };
    }

    /// The groups of the next match.
    fn next_groups(&mut self) -> Option<Result<Groups, String>> {
        if self.from > self.text.len() {
            return None;
        }
        let groups = self.regex.groups_at(self.text, self.from).transpose()?;
        if let Ok(groups) = &groups {
            self.pass(groups.first().copied().flatten()?);
        }
        Some(groups)
    }
}

impl Iterator for Matches<'_, '_> {
    type Item = Result<(usize, usize), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.from > self.text.len() {
            return None;
        }
        let found = self.regex.find_at(self.text, self.from).transpose()?;
        match found {
            Ok(found) => self.pass(found),
            // It would fail again.
            Err(_) => self.from = self.text.len() + 1,
        }
        Some(found)
    }
}

/// What is to be said of a row, or that it fails.
type Answer<T> = Result<Option<T>, String>;

/// The answer of a row; one that fails is noted.
fn noted<T>(answer: Answer<T>, row: usize, failures: &mut Vec<(usize, String)>) -> Option<T> {
    answer.unwrap_or_else(|message| {
        failures.push((row, message));
        None
    })
}

fn matches(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut patterns = Patterns::new(args)?;
    let mut failures = Vec::new();
    let result = args.booleans(|row| {
        let text = text.get(row)?;
        // As in Flink, an empty pattern matches nothing.
        let Some(regex) = patterns.get(row)?.filter(|regex| !regex.is_empty()) else { return Some(false) };
        noted(regex.is_match(text).map(Some), row, &mut failures)
    });
    args.failures.extend(patterns.failures.into_iter().chain(failures));
    result
}

fn replace(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (text, with) = (args.text(0)?, args.text(2)?);
    let mut patterns = Patterns::new(args)?;
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let (text, with) = (text.get(row)?, with.get(row)?);
        let mut done = 0;
        for found in Matches::new(patterns.get(row)??, text) {
            let (start, end) = noted(found.map(Some), row, &mut failures)?;
            out.push_str(&text[done..start]);
            out.push_str(with);
            done = end;
        }
        out.push_str(&text[done..]);
        Some(())
    });
    args.failures.extend(patterns.failures.into_iter().chain(failures));
    result
}

fn extract(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let group = args.optional(2, Args::int)?;
    let mut patterns = Patterns::new(args)?;
    let mut failures = Vec::new();
    let result = args.slices(|row| {
        let text = text.get(row)?;
        let group = match &group {
            Some(group) => usize::try_from(group.get(row)?).ok()?,
            None => 0,
        };
        let regex = patterns.get(row)??;
        let (start, end) = if group == 0 {
            noted(regex.find_at(text, 0), row, &mut failures)?
        } else {
            noted(regex.groups_at(text, 0), row, &mut failures)?.get(group).copied()??
        };
        Some(&text[start..end])
    });
    args.failures.extend(patterns.failures.into_iter().chain(failures));
    result
}

fn extract_all(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let group = args.optional(2, Args::int)?;
    let mut patterns = Patterns::new(args)?;
    let mut failures = Vec::new();
    let DataType::List(field) = args.ty.to_arrow() else { return Err(mistyped(args.values[0].data(), "array")) };
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in 0..args.rows {
        let mut found = || -> Option<Vec<Option<&str>>> {
            let text = text.get(row)?;
            let group = match &group {
                Some(group) => usize::try_from(group.get(row)?).ok()?,
                None => 1,
            };
            let regex = patterns.get(row)??;
            if group >= regex.groups() {
                return None;
            }
            let mut matches = Matches::new(regex, text);
            let mut found = Vec::new();
            while let Some(groups) = matches.next_groups() {
                let groups = noted(groups.map(Some), row, &mut failures)?;
                found.push(groups.get(group).copied().flatten().map(|(start, end)| &text[start..end]));
            }
            Some(found)
        };
        let found = found();
        let is_some = found.is_some();
        found.into_iter().flatten().for_each(|text| builder.values().append_option(text));
        builder.append(is_some);
    }
    args.failures.extend(patterns.failures.into_iter().chain(failures));
    Ok(Arc::new(builder.finish()))
}

fn count(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut patterns = Patterns::new(args)?;
    let mut failures = Vec::new();
    let result = args.numbers::<Int32Type>(|row| {
        let text = text.get(row)?;
        let found: Result<Vec<_>, _> = Matches::new(patterns.get(row)??, text).collect();
        i32::try_from(noted(found.map(Some), row, &mut failures)?.len()).ok()
    });
    args.failures.extend(patterns.failures.into_iter().chain(failures));
    result
}

fn instr(args: &mut Args<'_>) -> Result<ArrayRef> {
    let text = args.text(0)?;
    let mut patterns = Patterns::new(args)?;
    let mut failures = Vec::new();
    let result = args.numbers::<Int32Type>(|row| {
        let text = text.get(row)?;
        let found = patterns.get(row)??.find_at(text, 0);
        match noted(found.map(Some), row, &mut failures)? {
            Some((start, _)) => i32::try_from(text[..start].chars().count() + 1).ok(),
            None => Some(0),
        }
    });
    args.failures.extend(patterns.failures.into_iter().chain(failures));
    result
}
