//! Data types, under all their SQL names.

use nom::Parser;
use nom::multi::separated_list1;

use super::expected::{Expected, Kind};
use super::input::{PResult, Tokens, bracketed, comma, field_name, keyword, keywords, labelled, refuse};
use crate::expr::ast::Length;
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Diagnostic, LogicalType, Spanned};

/// Every name that a type begins with.
pub(crate) const TYPE_NAMES: &[&str] = &[
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "integer",
    "bigint",
    "float",
    "double",
    "decimal",
    "dec",
    "numeric",
    "string",
    "varchar",
    "char",
    "bytes",
    "varbinary",
    "binary",
    "date",
    "time",
    "timestamp",
    "timestamp_ltz",
    "interval",
    "array",
    "map",
    "row",
];

const UNSUPPORTED: &[&str] = &["multiset", "raw", "variant", "bitmap", "timestamp_tz"];

/// A type and its place.
pub(crate) fn data_type(input: Tokens<'_>) -> PResult<'_, Spanned<LogicalType>> {
    let (mut rest, mut ty) = labelled(Kind::Type, plain)(input)?;
    let mut level = input;
    rest.suggest(Expected::Exactly("array"));
    while rest.continues() && rest.peek().is_some_and(|token| token.is_word("array")) {
        level = level.deeper()?;
        ty = LogicalType::Array(Box::new(ty));
        rest = rest.skip(1);
        rest.suggest(Expected::Exactly("array"));
    }
    Ok((rest, Spanned::new(ty, rest.span_from(input))))
}

fn plain(input: Tokens<'_>) -> PResult<'_, LogicalType> {
    let Some(TokenKind::Word(word)) = input.peek().map(|token| &token.kind) else { return input.fail(Kind::Type) };
    let rest = input.skip(1);
    match word.to_ascii_lowercase().as_str() {
        "boolean" => Ok((rest, LogicalType::Boolean)),
        "tinyint" => Ok((rest, LogicalType::TinyInt)),
        "smallint" => Ok((rest, LogicalType::SmallInt)),
        "int" | "integer" => Ok((rest, LogicalType::Int)),
        "bigint" => Ok((rest, LogicalType::BigInt)),
        "float" => Ok((rest, LogicalType::Float)),
        "double" => Ok((optional_word(rest, "precision"), LogicalType::Double)),
        "decimal" | "dec" | "numeric" => decimal(rest),
        "string" => Ok((rest, LogicalType::String)),
        "varchar" | "char" => Ok((length(rest)?, LogicalType::String)),
        "bytes" => Ok((rest, LogicalType::Bytes)),
        "varbinary" | "binary" => Ok((length(rest)?, LogicalType::Bytes)),
        "date" => Ok((rest, LogicalType::Date)),
        "time" => {
            let (rest, _) = zone(time_precision(rest)?, false)?;
            Ok((rest, LogicalType::Time))
        }
        "timestamp" => {
            let (rest, local) = zone(time_precision(rest)?, true)?;
            Ok((rest, if local { LogicalType::TimestampLtz } else { LogicalType::Timestamp }))
        }
        "timestamp_ltz" => Ok((time_precision(rest)?, LogicalType::TimestampLtz)),
        "interval" => interval(rest),
        "array" => {
            let (rest, item) = angled(rest, element)?;
            Ok((rest, LogicalType::Array(Box::new(item))))
        }
        "map" => {
            let (rest, (key, value)) = angled(rest, |input| {
                let (rest, key) = element(input)?;
                let (rest, _) = comma(rest)?;
                let (rest, value) = element(rest)?;
                Ok((rest, (key, value)))
            })?;
            Ok((rest, LogicalType::Map(Box::new(key), Box::new(value))))
        }
        "row" => row(rest),
        lower if UNSUPPORTED.contains(&lower) => {
            refuse(Diagnostic::at(input.span(), format!("the type `{lower}` is not available yet")))
        }
        lower => {
            let unknown = Diagnostic::at(input.span(), format!("there is no type `{word}`"));
            refuse(match lower {
                "bool" => unknown.help("did you mean `boolean`?"),
                "text" | "str" | "varchar2" => unknown.help("did you mean `string`?"),
                "long" | "int64" | "int8" => unknown.help("did you mean `bigint`?"),
                "datetime" => unknown.help("did you mean `timestamp`?"),
                "real" | "float4" => unknown.help("did you mean `float`?"),
                "float8" | "float64" => unknown.help("did you mean `double`?"),
                _ => unknown.did_you_mean(word, TYPE_NAMES.iter().copied()),
            })
        }
    }
}

fn optional_word<'a>(input: Tokens<'a>, word: &'static str) -> Tokens<'a> {
    if input.continues() { keyword(word)(input).map_or(input, |(rest, _)| rest) } else { input }
}

fn opens(input: Tokens<'_>) -> bool {
    if !input.continues() {
        return false;
    }
    input.note(Expected::Exactly("("));
    input.peek().is_some_and(|token| token.is(Symbol::LeftParen))
}

/// A whole number of at most nine digits.
fn number(input: Tokens<'_>) -> PResult<'_, Spanned<u32>> {
    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Integer(digits)) => match digits.parse() {
            Ok(number) => Ok((input.skip(1), Spanned::new(number, input.span()))),
            Err(_) => refuse(Diagnostic::at(input.span(), format!("`{digits}` is out of range"))),
        },
        _ => input.fail(Kind::Integer),
    }
}

/// `(p[, s])`, by default (10, 0) as in Flink.
fn decimal(input: Tokens<'_>) -> PResult<'_, LogicalType> {
    if !opens(input) {
        return Ok((input, LogicalType::Decimal(10, 0)));
    }
    let (rest, numbers) = bracketed(Symbol::LeftParen, separated_list1(comma, number), Symbol::RightParen)(input)?;
    let span = rest.span_from(input);
    let (precision, scale) = match numbers.as_slice() {
        [precision] => (precision.node, 0),
        [precision, scale] => (precision.node, scale.node),
        _ => return refuse(Diagnostic::at(span, "a decimal has a precision and a scale, no more")),
    };
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok((rest, LogicalType::Decimal(precision, scale))),
        _ => refuse(
            Diagnostic::at(span, format!("there is no decimal({precision}, {scale})"))
                .label("expected a precision from 1 to 38 and a scale from 0 to the precision"),
        ),
    }
}

/// The length that a cast to the type at `input` keeps; of `char` and `binary` one, unless said, as in Flink.
pub(super) fn cast_length(input: Tokens<'_>) -> Option<Length> {
    let Some(TokenKind::Word(word)) = input.peek().map(|token| &token.kind) else { return None };
    let fixed = match word.to_ascii_lowercase().as_str() {
        "char" | "binary" => true,
        "varchar" | "varbinary" => false,
        _ => return None,
    };
    let length = bracketed(Symbol::LeftParen, number, Symbol::RightParen)(input.skip(1)).ok();
    let most = length.map(|(_, length)| length.node).or(fixed.then_some(1))?;
    Some(Length { most, fixed })
}

/// `(n)` of a text or byte type: read and dropped, since columns hold texts of any length.
fn length(input: Tokens<'_>) -> Result<Tokens<'_>, nom::Err<super::input::Fail>> {
    if !opens(input) {
        return Ok(input);
    }
    let (rest, length) = bracketed(Symbol::LeftParen, number, Symbol::RightParen)(input)?;
    if length.node == 0 {
        return refuse(Diagnostic::at(length.span, "a length is at least 1"));
    }
    Ok(rest)
}

/// `(p)` of a time type: read, checked and dropped, since times are kept in milliseconds.
fn time_precision(input: Tokens<'_>) -> Result<Tokens<'_>, nom::Err<super::input::Fail>> {
    if !opens(input) {
        return Ok(input);
    }
    let (rest, precision) = bracketed(Symbol::LeftParen, number, Symbol::RightParen)(input)?;
    if precision.node > 9 {
        return refuse(Diagnostic::at(precision.span, "a precision of time is from 0 to 9"));
    }
    Ok(rest)
}

/// `without time zone`, and for timestamps `with local time zone`: whether the latter.
fn zone(input: Tokens<'_>, local: bool) -> PResult<'_, bool> {
    if !input.continues() {
        return Ok((input, false));
    }
    if let Ok((rest, _)) = keyword("without")(input) {
        let (rest, _) = keywords("time zone")(rest)?;
        return Ok((rest, false));
    }
    if local {
        input.suggest(Expected::Exactly("with"));
        if input.peek().is_some_and(|token| token.is_word("with")) {
            input.skip(1).suggest(Expected::Exactly("local"));
        }
    }
    // `with` may be the next clause's.
    let zoned = ["local", "time"].iter().any(|word| input.ahead(1).is_some_and(|token| token.is_word(word)));
    if !(local && zoned && input.peek().is_some_and(|token| token.is_word("with"))) {
        return Ok((input, false));
    }
    if input.ahead(1).is_some_and(|token| token.is_word("time")) {
        let span = input.span().to(input.skip(1).span());
        return refuse(
            Diagnostic::at(span, "a timestamp with a time zone of its own is not available")
                .help("write `timestamp_ltz(3)` for an instant"),
        );
    }
    let (rest, _) = keywords("with local time zone")(input)?;
    Ok((rest, true))
}

/// `year to month`, `day to second` and their parts, with precisions.
fn interval(input: Tokens<'_>) -> PResult<'_, LogicalType> {
    let field = |input| -> PResult<'_, usize> {
        for (index, name) in ["year", "month", "day", "hour", "minute", "second"].into_iter().enumerate() {
            if let Ok((rest, _)) = keyword(name)(input) {
                return Ok((time_precision(rest)?, index));
            }
        }
        super::input::soft()
    };
    let (mut rest, first) = field(input)?;
    let mut last = first;
    if rest.continues()
        && let Ok((behind, _)) = keyword("to")(rest)
    {
        (rest, last) = field(behind)?;
    }
    match (first, last) {
        (0 | 1, 0 | 1) if first <= last => Ok((rest, LogicalType::IntervalYearMonth)),
        (2..=5, 2..=5) if first <= last => Ok((rest, LogicalType::IntervalDayTime)),
        _ => refuse(
            Diagnostic::at(rest.span_from(input), "there is no such interval")
                .help("write `interval year to month` or `interval day to second`"),
        ),
    }
}

/// `<…>`, one level deeper.
fn angled<'a, T>(input: Tokens<'a>, parser: impl FnMut(Tokens<'a>) -> PResult<'a, T>) -> PResult<'a, T> {
    bracketed(Symbol::Lt, parser, Symbol::Gt)(input)
}

/// A type inside another; `not null` behind it is read and dropped, since only columns keep it.
fn element(input: Tokens<'_>) -> PResult<'_, LogicalType> {
    let (rest, ty) = data_type(input)?;
    let (rest, _) = nullability(rest)?;
    Ok((rest, ty.node))
}

/// `not null`, `null` or nothing: whether nulls are allowed.
pub(super) fn nullability(input: Tokens<'_>) -> PResult<'_, bool> {
    if !input.continues() {
        return Ok((input, true));
    }
    if let Ok((rest, _)) = keyword("null")(input) {
        return Ok((rest, true));
    }
    if let Ok((rest, _)) = keyword("not")(input) {
        let (rest, _) = keyword("null")(rest)?;
        return Ok((rest, false));
    }
    Ok((input, true))
}

/// `<name type, …>` or `(name type, …)`
fn row(input: Tokens<'_>) -> PResult<'_, LogicalType> {
    fn field(input: Tokens<'_>) -> PResult<'_, (String, LogicalType)> {
        let (rest, name) = field_name(input)?;
        let (rest, ty) = element(rest)?;
        Ok((rest, (name.node, ty)))
    }
    let fields = |input| separated_list1(comma, field).parse(input);
    input.suggest(Expected::Exactly("("));
    let (rest, fields) = if input.peek().is_some_and(|token| token.is(Symbol::LeftParen)) {
        bracketed(Symbol::LeftParen, fields, Symbol::RightParen)(input)?
    } else {
        angled(input, fields)?
    };
    let mut names = std::collections::BTreeSet::new();
    for (name, _) in &fields {
        if !names.insert(name) {
            return refuse(Diagnostic::at(rest.span_from(input), format!("the field `{name}` is given twice")));
        }
    }
    Ok((rest, LogicalType::Row(fields)))
}

/// `name type [not null]` of a `columns` clause.
pub(super) fn column(input: Tokens<'_>) -> PResult<'_, (Spanned<String>, Spanned<LogicalType>, bool)> {
    let (rest, name) = field_name(input)?;
    let (rest, ty) = data_type(rest)?;
    let (rest, nullable) = nullability(rest)?;
    Ok((rest, (name, ty, nullable)))
}
