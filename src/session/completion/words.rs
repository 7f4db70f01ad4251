//! Words of the language that no registry declares, with what people should know about them.

use super::candidate::CandidateKind as Kind;
use crate::lang::{Expectation, Expected, Frame};

/// The statements that are no commands.
pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("source", "names where rows come from"),
    ("sink", "names where rows go"),
    ("stream", "names a pipeline"),
    ("run", "starts a job"),
    ("process", "names a process function: state and timers of a key"),
    ("function", "names an expression"),
];
/// Data types by name.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("bigint", "64 bits"),
    ("string", "text"),
    ("int", "32 bits"),
    ("double", "64 bits, floating"),
    ("boolean", "true or false"),
    ("timestamp", "date and time, milliseconds"),
    ("timestamp_ltz", "an instant, milliseconds"),
    ("decimal", "(precision, scale)"),
    ("date", "days"),
    ("time", "of day, milliseconds"),
    ("float", "32 bits, floating"),
    ("tinyint", "8 bits"),
    ("smallint", "16 bits"),
    ("bytes", "binary"),
    ("varchar", "(length): text"),
    ("array<", "type>"),
    ("map<", "type, type>"),
    ("row<", "name type, …>"),
];
/// The beginnings of an expression, besides functions.
pub(super) const BEGINNINGS: &[(&str, &str)] = &[
    ("case", "when … then … else … end"),
    ("cast(", "value as type)"),
    ("try_cast(", "value as type): null where it does not fit"),
    ("extract(", "unit from time)"),
    ("not", ""),
    ("null", ""),
    ("true", ""),
    ("false", ""),
    ("interval", "'10' second"),
    ("timestamp", "'2026-01-01 00:00:00'"),
    ("date", "'2026-01-01'"),
    ("array[", "value, …]"),
    ("map[", "key, value, …]"),
    ("row(", "value, …)"),
];
/// The words that go on with an expression, besides signs.
pub(super) const OPERATORS: &[(&str, &str)] = &[
    ("and", ""),
    ("or", ""),
    ("is null", ""),
    ("is not null", ""),
    ("in", "(value, …)"),
    ("not in", "(value, …)"),
    ("like", "'pattern': % any text, _ any character"),
    ("between", "low and high"),
];
/// Words of definitions.
const DEFINING: &[(&str, Kind, &str)] = &[
    ("from", Kind::Keyword, "a connector"),
    ("to", Kind::Keyword, "a connector"),
    ("columns", Kind::Clause, "(name type, …): the columns; a file's are inferred without it"),
    ("event_time", Kind::Clause, "a column or expression: when a row happened"),
    ("watermark", Kind::Clause, "how far rows may be out of order"),
    ("ascending", Kind::Keyword, "rows come in order, several of the newest time too"),
    ("align", Kind::Clause, "how far it may be ahead of the slowest source that says so"),
    ("with", Kind::Clause, "(option = value, …)"),
    ("=", Kind::Keyword, "what it stands for"),
    ("{", Kind::Keyword, "several pipelines; …"),
    ("|", Kind::Keyword, "the next stage"),
];

/// The offer of `word` where it may stand: as it is typed, its kind and its help. `None` for signs that nobody looks
/// up.
pub(super) fn offered(word: &'static str, within: &[Frame]) -> Option<(&'static str, Kind, &'static str)> {
    if let [] | [Frame::Connector { .. }] = within
        && let Some(&defining) = DEFINING.iter().find(|(known, ..)| *known == word)
    {
        return Some(defining);
    }
    match (word, within.last()) {
        ("|", _) => Some((word, Kind::Keyword, "the next stage")),
        ("=" | "(", Some(Frame::Options(_))) => Some((word, Kind::Keyword, "")),
        ("=" | "{" | "with", Some(Frame::Arguments { .. } | Frame::Connector { .. })) => {
            DEFINING.iter().find(|(known, ..)| *known == word).copied()
        }
        ("*", Some(Frame::Arguments { .. })) => Some((word, Kind::Keyword, "all columns")),
        ("as", Some(Frame::Arguments { .. })) => Some((word, Kind::Keyword, "names the column")),
        ("except", Some(Frame::Arguments { .. })) => Some((word, Kind::Keyword, "(column, …)")),
        ("run", Some(Frame::Arguments { .. })) => Some((word, Kind::Keyword, "a job that is not started")),
        ("where", _) => Some((word, Kind::Keyword, "only these rows are aggregated")),
        ("filter", Some(Frame::Arguments { of, .. })) if aggregates(of) => {
            Some(("filter (where", Kind::Keyword, "only these rows are aggregated"))
        }
        ("filter", _) => None,
        ("not", Some(Frame::Columns)) => Some(("not null", Kind::Keyword, "rows without a value are refused")),
        _ if word.starts_with(|c: char| c.is_alphabetic()) => {
            Some((word, if within.is_empty() { Kind::Command } else { Kind::Keyword }, ""))
        }
        _ => None,
    }
}

/// Whether expressions of the stage `name` are aggregates.
pub(super) fn aggregates(name: &str) -> bool {
    matches!(name, "aggregate" | "reduce" | "match")
}

/// The further word of a command's name that may stand there, if `item` is one.
pub(super) fn is_further(item: &Expectation) -> Option<&'static str> {
    let Expected::Exactly(word) = item.expected else { return None };
    let defining = DEFINING.iter().any(|(known, ..)| *known == word);
    (item.within.is_empty() && !defining && word.starts_with(|c: char| c.is_alphabetic())).then_some(word)
}
