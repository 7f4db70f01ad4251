//! Calls, and the functions that SQL gives a syntax of their own. All become ordinary [`Call`]s, their arguments in
//! this order:
//!
//! | typed | call |
//! |---|---|
//! | `position(a in b)` | `position(a, b)` |
//! | `trim([both] [c] from x)` | `btrim(x[, c])` |
//! | `trim(leading [c] from x)`, `trim(trailing [c] from x)` | `ltrim(x[, c])`, `rtrim(x[, c])` |
//! | `substring(x from a [for n])` | `substring(x, a[, n])` |
//! | `overlay(x placing y from a [for n])` | `overlay(x, y, a[, n])` |
//! | `ceil(x to unit)`, `floor(x to unit)` | `ceil(x, 'unit')`, `floor(x, 'unit')` |
//! | `timestampadd(unit, n, t)`, `timestampdiff(unit, a, b)` | the unit as a text, `'unit'` |
//! | `current_timestamp` and the like without brackets | `current_timestamp()` |
//!
//! Units are in lower case and singular, whatever was typed.

use nom::Parser;
use nom::combinator::opt;
use nom::sequence::{pair, preceded};

use super::data_type::{cast_length, data_type};
use super::expected::{Expected, Frame, Kind};
use super::input::{PResult, Tokens, bracketed, comma, field_name, keyword, labelled, refuse, soft, symbol, within};
use super::operand::{measured, measured_list, operand};
use super::tree::{Measured, unmeasured};
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Diagnostic, LogicalType, Spanned};

/// Units of time, as `extract` and the like take them.
pub(crate) const UNITS: &[&str] = &[
    "nanosecond",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
    "epoch",
    "dow",
    "doy",
    "isodow",
    "isoyear",
];

/// Functions that are called without brackets.
const BARE_CALLS: &[&str] = &["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"];

/// `name([distinct] a, b)`, `name(*)`, with `filter (where e)` behind it.
pub(super) fn call(start: Tokens<'_>) -> PResult<'_, Measured> {
    let (rest, name) = field_name(start)?;
    let inside = |input| within(input, || Frame::Call(name.node.clone()), arguments);
    let (mut rest, (star, distinct, args)) = bracketed(Symbol::LeftParen, inside, Symbol::RightParen)(rest)?;
    let (args, mut below) = unmeasured(args);
    let mut filter = None;
    rest.suggest(Expected::Exactly("filter"));
    if rest.peek().is_some_and(|token| token.is_word("filter")) {
        rest.skip(1).suggest(Expected::Exactly("("));
    }
    if rest.continues()
        && rest.peek().is_some_and(|token| token.is_word("filter"))
        && rest.ahead(1).is_some_and(|token| token.is(Symbol::LeftParen))
    {
        let condition = |input| within(input, || Frame::Brackets, preceded(keyword("where"), measured));
        let (behind, condition) = bracketed(Symbol::LeftParen, condition, Symbol::RightParen)(rest.skip(1))?;
        below = below.max(condition.height);
        (rest, filter) = (behind, Some(Box::new(condition.node)));
    }
    let call = Call { name, args, star, distinct, filter };
    Ok((rest, Measured::above(below, Expr::Call(call), rest.span_from(start))?))
}

/// The contents of the brackets of a call: whether `*`, whether `distinct`, the arguments.
fn arguments(input: Tokens<'_>) -> PResult<'_, (bool, bool, Vec<Measured>)> {
    input.suggest(Expected::Kind(Kind::Arguments));
    input.suggest(Expected::Exactly(")"));
    if input.peek().is_some_and(|token| token.is(Symbol::RightParen)) {
        return Ok((input, (false, false, Vec::new())));
    }
    if let Ok((rest, _)) = symbol(Symbol::Star)(input) {
        return Ok((rest, (true, false, Vec::new())));
    }
    let (rest, distinct) = opt(keyword("distinct")).parse(input)?;
    let (rest, args) = measured_list(rest)?;
    Ok((rest, (false, distinct.is_some(), args)))
}

/// The special form that `word` begins here, if it does.
pub(super) fn special_call<'a>(input: Tokens<'a>, word: &str) -> Option<PResult<'a, Measured>> {
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let opens = input.skip(1);
    if !(opens.continues() && opens.peek().is_some_and(|token| token.is(Symbol::LeftParen))) {
        let bare = BARE_CALLS.iter().any(|name| is(name));
        let is_path = opens.peek().is_some_and(|token| token.is(Symbol::Dot));
        return (bare && !is_path).then(|| finish(input, opens, None, Vec::new()));
    }
    let parser: for<'t> fn(Tokens<'t>) -> PResult<'t, Form> = match word.to_ascii_lowercase().as_str() {
        "cast" => |input| cast(input, false),
        "try_cast" => |input| cast(input, true),
        "row" => row,
        "extract" => extract,
        "position" => position,
        "trim" => trim,
        "substring" => substring,
        "overlay" => overlay,
        "ceil" | "ceiling" | "floor" => round_to_unit,
        "timestampadd" | "timestampdiff" => with_unit,
        _ => return None,
    };
    let inside = |input| {
        let form = |input: Tokens<'a>| {
            input.suggest(Expected::Kind(Kind::Arguments));
            parser(input)
        };
        within(input, || Frame::Call(word.to_owned()), form)
    };
    let form = bracketed(Symbol::LeftParen, inside, Symbol::RightParen)(opens);
    Some(form.and_then(|(rest, form)| match form {
        Form::Call(name, args) => finish(input, rest, name, args),
        Form::Other(expr, below) => Ok((rest, Measured::above(below, expr, rest.span_from(input))?)),
    }))
}

/// The contents of the brackets of a special form.
enum Form {
    /// A call of the function typed, or of another.
    Call(Option<&'static str>, Vec<Measured>),
    /// An expression of its own above children of this height.
    Other(Expr, u16),
}

fn finish<'a>(
    start: Tokens<'a>,
    rest: Tokens<'a>,
    name: Option<&'static str>,
    args: Vec<Measured>,
) -> PResult<'a, Measured> {
    let (_, typed) = field_name(start)?;
    let name = match name {
        Some(name) => typed.map(|_| name.to_owned()),
        None => typed,
    };
    let (args, below) = unmeasured(args);
    let call = Call { name, args, star: false, distinct: false, filter: None };
    Ok((rest, Measured::above(below, Expr::Call(call), rest.span_from(start))?))
}

fn cast(input: Tokens<'_>, lenient: bool) -> PResult<'_, Form> {
    let (rest, expr) = measured(input)?;
    let (rest, _) = keyword("as")(rest)?;
    let length = cast_length(rest);
    let (rest, ty) = data_type(rest)?;
    let length = length.filter(|_| matches!(ty.node, LogicalType::String | LogicalType::Bytes));
    Ok((rest, Form::Other(Expr::Cast { expr: Box::new(expr.node), ty, lenient, length }, expr.height)))
}

fn row(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, items) = measured_list(input)?;
    let (items, below) = unmeasured(items);
    Ok((rest, Form::Other(Expr::Row(items), below)))
}

fn extract(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, unit) = unit(input)?;
    let (rest, _) = keyword("from")(rest)?;
    let (rest, from) = measured(rest)?;
    Ok((rest, Form::Other(Expr::Extract(unit, Box::new(from.node)), from.height)))
}

fn position(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, needle) = operand(input)?;
    let (rest, _) = keyword("in")(rest)?;
    let (rest, text) = measured(rest)?;
    Ok((rest, Form::Call(None, vec![needle, text])))
}

/// `both`, `leading` and `trailing` are keywords directly behind `trim(`.
fn trim(input: Tokens<'_>) -> PResult<'_, Form> {
    let sides = [("both", "btrim"), ("leading", "ltrim"), ("trailing", "rtrim")];
    for (word, _) in sides {
        input.suggest(Expected::Exactly(word));
    }
    let side = sides.iter().find(|(word, _)| input.peek().is_some_and(|token| token.is_word(word)));
    let (function, input) = match side {
        Some(&(_, function)) => (function, input.skip(1)),
        None => ("btrim", input),
    };
    if side.is_some()
        && let Ok((rest, _)) = keyword("from")(input)
    {
        let (rest, text) = measured(rest)?;
        return Ok((rest, Form::Call(Some(function), vec![text])));
    }
    let (rest, first) = measured(input)?;
    match keyword("from")(rest) {
        Ok((rest, _)) => {
            let (rest, text) = measured(rest)?;
            Ok((rest, Form::Call(Some(function), vec![text, first])))
        }
        Err(_) if side.is_some() => soft(),
        Err(_) => further(rest, vec![first]),
    }
}

/// `, b, c` behind the first argument of what turned out to be an ordinary call.
fn further(input: Tokens<'_>, mut args: Vec<Measured>) -> PResult<'_, Form> {
    let mut rest = input;
    if let Ok((behind, _)) = comma(input) {
        let (behind, more) = measured_list(behind)?;
        args.extend(more);
        rest = behind;
    }
    Ok((rest, Form::Call(None, args)))
}

fn substring(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, text) = measured(input)?;
    match keyword("from")(rest) {
        Ok((rest, _)) => from_for(rest, vec![text]),
        Err(_) => further(rest, vec![text]),
    }
}

fn overlay(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, text) = measured(input)?;
    match keyword("placing")(rest) {
        Ok((rest, _)) => {
            let (rest, by) = measured(rest)?;
            let (rest, _) = keyword("from")(rest)?;
            from_for(rest, vec![text, by])
        }
        Err(_) => further(rest, vec![text]),
    }
}

/// `a [for n]`
fn from_for(input: Tokens<'_>, mut args: Vec<Measured>) -> PResult<'_, Form> {
    let (rest, (from, count)) = pair(measured, opt(preceded(keyword("for"), measured))).parse(input)?;
    args.push(from);
    args.extend(count);
    Ok((rest, Form::Call(None, args)))
}

fn round_to_unit(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, number) = measured(input)?;
    match keyword("to")(rest) {
        Ok((rest, _)) => {
            let (rest, unit) = unit(rest)?;
            Ok((rest, Form::Call(None, vec![number, unit_text(unit)])))
        }
        Err(_) => further(rest, vec![number]),
    }
}

fn with_unit(input: Tokens<'_>) -> PResult<'_, Form> {
    let (rest, unit) = unit(input)?;
    let (rest, _) = comma(rest)?;
    let (rest, args) = measured_list(rest)?;
    Ok((rest, Form::Call(None, std::iter::once(unit_text(unit)).chain(args).collect())))
}

fn unit_text(unit: Spanned<String>) -> Measured {
    Measured::literal(Literal::String(unit.node), unit.span)
}

/// A unit of time, in lower case and singular.
pub(super) fn unit(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    let (rest, typed) = labelled(Kind::Unit, field_name)(input)?;
    let lower = typed.node.to_ascii_lowercase();
    let singular = lower.strip_suffix('s').filter(|singular| UNITS.contains(singular)).unwrap_or(&lower);
    if UNITS.contains(&singular) {
        return Ok((rest, Spanned::new(singular.to_owned(), typed.span)));
    }
    let mut unknown = Diagnostic::at(typed.span, format!("there is no unit of time `{}`", typed.node))
        .did_you_mean(&lower, UNITS.iter().copied());
    if unknown.help.is_none() {
        unknown = unknown.help("units are second, minute, hour, day, week, month, quarter, year and their like");
    }
    refuse(unknown)
}

/// `array[a, b]` and `map[k, v, …]`.
pub(super) fn collection<'a>(input: Tokens<'a>, word: &str) -> Option<PResult<'a, Measured>> {
    let is_map = word.eq_ignore_ascii_case("map");
    let opens = input.skip(1);
    let brackets = opens.continues() && opens.peek().is_some_and(|token| token.is(Symbol::LeftBracket));
    if !brackets || !(is_map || word.eq_ignore_ascii_case("array")) {
        return None;
    }
    let items = |input| within(input, || Frame::Brackets, measured_list);
    let parts = bracketed(Symbol::LeftBracket, items, Symbol::RightBracket)(opens);
    Some(parts.and_then(|(rest, parts)| {
        let (parts, below) = unmeasured(parts);
        let expr = match (is_map, parts.len()) {
            (false, _) => Expr::Array(parts),
            (true, 1) => index_of_map(input, parts)?,
            (true, count) if count % 2 == 1 => {
                let span = parts.last().map_or(rest.span(), |last| last.span);
                return refuse(
                    Diagnostic::at(span, "a key without a value").help("a map is map[key, value, key, value, …]"),
                );
            }
            (true, _) => {
                let mut parts = parts.into_iter();
                let mut entries = Vec::new();
                while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                    entries.push((key, value));
                }
                Expr::Map(entries)
            }
        };
        Ok((rest, Measured::above(below, expr, rest.span_from(input))?))
    }))
}

/// `map[k]`: the value at `k` of a column called `map`.
fn index_of_map(input: Tokens<'_>, parts: Vec<ExprNode>) -> Result<Expr, nom::Err<super::input::Fail>> {
    let (_, column) = field_name(input)?;
    let span = column.span;
    match parts.into_iter().next() {
        Some(key) => Ok(Expr::Index(Box::new(Spanned::new(Expr::Column(vec![column]), span)), Box::new(key))),
        None => soft(),
    }
}

/// Whether a text literal stands `ahead` tokens on.
pub(super) fn text_ahead(input: Tokens<'_>, ahead: usize) -> bool {
    input.ahead(ahead).is_some_and(|token| matches!(token.kind, TokenKind::Text(_)))
}
