//! Literals of more than one token: `date '…'`, `interval '…' day to second`, `array[…]`.

use super::call::{collection, text_ahead};
use super::expected::{Expected, Kind};
use super::input::{Fail, PResult, Tokens, bracketed, field_name, keyword, refuse, text};
use super::tree::Measured;
use crate::expr::ast::Literal;
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Diagnostic, Spanned};

/// The literal that `word` begins here, if it does.
pub(super) fn typed_literal<'a>(input: Tokens<'a>, word: &str) -> Option<PResult<'a, Measured>> {
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    if is("array") || is("map") {
        return collection(input, word);
    }
    let behind = input.skip(1);
    if is("interval") {
        behind.suggest(Expected::Kind(Kind::Text));
        let signed = behind.peek().is_some_and(|token| token.is(Symbol::Minus) || token.is(Symbol::Plus));
        if signed && text_ahead(behind, 1) {
            behind.skip(2).suggest(Expected::Kind(Kind::IntervalUnit));
        }
        let sign = usize::from(signed && behind.ahead(2).is_some_and(|token| is_field(&token.kind)));
        return (behind.continues() && text_ahead(behind, sign)).then(|| interval(input, sign));
    }
    let literal: fn(String) -> Literal = if is("date") {
        Literal::Date
    } else if is("time") {
        Literal::Time
    } else if is("timestamp") {
        Literal::Timestamp
    } else {
        return None;
    };
    behind.suggest(Expected::Kind(Kind::Text));
    (behind.continues() && text_ahead(behind, 0)).then(|| {
        let (rest, text) = text(behind)?;
        Ok((rest, Measured::literal(literal(text.node), rest.span_from(input))))
    })
}

/// The fields of an interval, from the greatest: name, and how many of the next smaller one it holds.
const YEAR_MONTH: &[(&str, i64)] = &[("year", 12), ("month", 1)];
const DAY_TIME: &[(&str, i64)] = &[("day", 24), ("hour", 60), ("minute", 60), ("second", 1)];

/// Units of a single field, in months or milliseconds.
const MONTHS: &[(&str, i64)] = &[("year", 12), ("quarter", 3), ("month", 1)];
const MILLISECONDS: &[(&str, i64)] = &[
    ("week", 604_800_000),
    ("day", 86_400_000),
    ("hour", 3_600_000),
    ("minute", 60_000),
    ("second", 1_000),
    ("millisecond", 1),
];

const FIELDS: &[&str] = &["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"];

fn singular(word: &str) -> Option<&'static str> {
    let bare = word.strip_suffix(['s', 'S']).unwrap_or(word);
    FIELDS.iter().copied().find(|field| field.eq_ignore_ascii_case(bare))
}

fn is_field(kind: &TokenKind<'_>) -> bool {
    matches!(kind, TokenKind::Word(word) if singular(word).is_some())
}

/// `interval [-]'4' second`, `interval '1 10:00:00' day to second`. Precisions in brackets are read and ignored.
fn interval(start: Tokens<'_>, sign: usize) -> PResult<'_, Measured> {
    let negative = start.ahead(1).is_some_and(|token| token.is(Symbol::Minus));
    let (rest, value) = text(start.skip(1 + sign))?;
    let (rest, first) = field(rest)?;
    let (rest, last) = if rest.continues() && rest.peek().is_some_and(|token| token.is_word("to")) {
        let (rest, _) = keyword("to")(rest)?;
        let (rest, last) = field(rest)?;
        (rest, Some(last))
    } else {
        rest.note(Expected::Exactly("to"));
        (rest, None)
    };
    let span = rest.span_from(start);
    let Some(parsed) = parse_interval(&value.node, &first, last.as_ref())? else {
        let expected = match &last {
            Some(last) => format!("expected '{}'", shape(first.node, last.node)),
            None => format!("expected a number of {}s", first.node),
        };
        return refuse(Diagnostic::at(value.span, format!("`{}` is not such an interval", value.node)).label(expected));
    };
    let literal = match (parsed, negative) {
        (Literal::IntervalDayTime(ms), true) => Literal::IntervalDayTime(-ms),
        (Literal::IntervalYearMonth(months), true) => Literal::IntervalYearMonth(-months),
        (parsed, _) => parsed,
    };
    Ok((rest, Measured::literal(literal, span)))
}

/// A field's name, with its precision behind it.
fn field(input: Tokens<'_>) -> PResult<'_, Spanned<&'static str>> {
    let (rest, typed) = match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Word(_)) => field_name(input)?,
        _ => return input.fail(Kind::IntervalUnit),
    };
    let Some(unit) = singular(&typed.node) else {
        return refuse(
            Diagnostic::at(typed.span, format!("`{}` is not a unit of intervals", typed.node))
                .did_you_mean(&typed.node, FIELDS.iter().copied()),
        );
    };
    let mut rest = rest;
    rest.suggest(Expected::Exactly("("));
    if rest.continues() && rest.peek().is_some_and(|token| token.is(Symbol::LeftParen)) {
        (rest, ()) = bracketed(Symbol::LeftParen, precision, Symbol::RightParen)(rest)?;
    }
    Ok((rest, Spanned::new(unit, typed.span)))
}

fn precision(input: Tokens<'_>) -> PResult<'_, ()> {
    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Integer(_)) => Ok((input.skip(1), ())),
        _ => input.fail(Kind::Integer),
    }
}

fn shape(first: &str, last: &str) -> String {
    let fields = ["years", "months", "days", "hours", "minutes", "seconds"];
    let at = |name: &str| fields.iter().position(|field| field.starts_with(name));
    let (Some(first), Some(last)) = (at(first), at(last)) else { return "a whole number".to_owned() };
    let mut shape = fields[first].to_owned();
    for field in fields.iter().take(last + 1).skip(first + 1) {
        shape.push(match *field {
            "months" => '-',
            "hours" => ' ',
            _ => ':',
        });
        shape.push_str(field);
    }
    shape
}

/// The interval that `value` says, `None` when it says none.
///
/// # Errors
/// When the fields can't be combined.
fn parse_interval(
    value: &str,
    first: &Spanned<&'static str>,
    last: Option<&Spanned<&'static str>>,
) -> Result<Option<Literal>, nom::Err<Fail>> {
    let value = value.trim();
    let (value, negative) = match value.strip_prefix('-') {
        Some(value) => (value, true),
        None => (value.strip_prefix('+').unwrap_or(value), false),
    };
    let signed = |number: i64| if negative { -number } else { number };
    let months = |months: i64| i32::try_from(signed(months)).ok().map(Literal::IntervalYearMonth);
    let milliseconds = |ms: i64| Some(Literal::IntervalDayTime(signed(ms)));
    let find = |fields: &[(&str, i64)], name: &str| fields.iter().position(|&(field, _)| field == name);
    let Some(last) = last else {
        return Ok(if let Some(unit) = find(MONTHS, first.node) {
            digits(value).and_then(|number| number.checked_mul(MONTHS[unit].1)).and_then(months)
        } else if first.node == "second" {
            seconds(value).and_then(milliseconds)
        } else {
            let unit = find(MILLISECONDS, first.node).unwrap_or(0);
            digits(value).and_then(|number| number.checked_mul(MILLISECONDS[unit].1)).and_then(milliseconds)
        });
    };
    if let (Some(0), Some(1)) = (find(YEAR_MONTH, first.node), find(YEAR_MONTH, last.node)) {
        let parsed = value.split_once('-').and_then(|(years, rest)| {
            let rest = digits(rest).filter(|months| *months < 12)?;
            digits(years)?.checked_mul(12)?.checked_add(rest)
        });
        return Ok(parsed.and_then(months));
    }
    match (find(DAY_TIME, first.node), find(DAY_TIME, last.node)) {
        (Some(from), Some(to)) if from < to => Ok(day_time(value, from, to).and_then(milliseconds)),
        _ => refuse(
            Diagnostic::at(
                first.span.to(last.span),
                format!("an interval can't go from {} to {}", first.node, last.node),
            )
            .help("write `year to month`, or two of day, hour, minute, second, the greater first"),
        ),
    }
}

/// `1 10:00:00.5`, the fields `from` to `to` of [`DAY_TIME`], in milliseconds.
fn day_time(value: &str, from: usize, to: usize) -> Option<i64> {
    let (first, rest) = if from == 0 { value.split_once(' ')? } else { value.split_once(':')? };
    let mut parts = std::iter::once(first).chain(rest.trim_start().split(':'));
    let mut total: i64 = 0;
    for (index, &(name, _)) in DAY_TIME.iter().enumerate().take(to + 1).skip(from) {
        let part = parts.next()?;
        let scale = MILLISECONDS.iter().find(|(unit, _)| *unit == name)?.1;
        let ms = if name == "second" { seconds(part)? } else { digits(part)?.checked_mul(scale)? };
        let limit = index.checked_sub(1).map_or(i64::MAX, |above| DAY_TIME[above].1.saturating_mul(scale));
        if index > from && ms >= limit {
            return None;
        }
        total = total.checked_add(ms)?;
    }
    parts.next().is_none().then_some(total)
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `4.25` seconds in milliseconds; digits behind the third are dropped.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(fraction.get(..fraction.len().min(18))?)?;
    let thousandths = digits(&format!("{:0<3}", fraction.get(..fraction.len().min(3))?))?;
    digits(whole)?.checked_mul(1_000)?.checked_add(thousandths)
}

#[cfg(test)]
mod tests {
    use super::{day_time, seconds};

    #[test]
    fn fields_are_checked_against_the_next_greater() {
        assert_eq!(day_time("1 10:00:00", 0, 3), Some(86_400_000 + 36_000_000));
        assert_eq!(day_time("1 24:00:00", 0, 3), None);
        assert_eq!(day_time("100:59", 1, 2), Some(100 * 3_600_000 + 59 * 60_000));
        assert_eq!(day_time("100:60", 1, 2), None);
        assert_eq!(day_time("1 2:3:4:5", 0, 3), None);
        assert_eq!(day_time("05:59.5", 2, 3), Some(5 * 60_000 + 59_500));
    }

    #[test]
    fn fractions_of_seconds_are_milliseconds() {
        assert_eq!(seconds("4"), Some(4_000));
        assert_eq!(seconds("4.25"), Some(4_250));
        assert_eq!(seconds("4.0009"), Some(4_000));
        assert_eq!(seconds("4."), None);
        assert_eq!(seconds(".5"), None);
    }
}
