//! Patterns of rows: `(A B+ -> C?)`.

use nom::Parser;
use nom::combinator::{map, opt};
use nom::multi::separated_list1;

use super::expected::{Expected, Kind};
use super::input::{PResult, Tokens, bracketed, field_name, keyword, refuse, soft, symbol};
use crate::api::{Link, Pattern};
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Diagnostic, Spanned};

/// The greatest number of repetitions that can be typed.
const MOST: u32 = 1_000;

/// `(A B+ -> C?)`
pub(super) fn pattern(input: Tokens<'_>) -> PResult<'_, Pattern> {
    bracketed(Symbol::LeftParen, either, Symbol::RightParen)(input)
}

/// `A B | C`
fn either(input: Tokens<'_>) -> PResult<'_, Pattern> {
    map(separated_list1(symbol(Symbol::Pipe), sequence), |mut all| {
        if all.len() == 1 { all.swap_remove(0) } else { Pattern::Either(all) }
    })
    .parse(input)
}

/// `A B -> C`, and `-> A+` where repetitions of the first are to be linked so.
fn sequence(input: Tokens<'_>) -> PResult<'_, Pattern> {
    let (mut input, first) = opt(link).parse(input)?;
    let mut links = first;
    let mut parts = Vec::new();
    loop {
        let (rest, part) = item(input)?;
        parts.push((links.take().unwrap_or(Link::Strict), part));
        let (rest, next) = opt(link).parse(rest)?;
        if next.is_none() && !begins(rest) {
            // Notes what else may stand here.
            rest.note(Expected::Kind(Kind::Name));
            rest.note(Expected::Exactly("not"));
            rest.note(Expected::Exactly("("));
            let one = parts.len() == 1 && first.is_none();
            let whole = if one { parts.swap_remove(0).1 } else { Pattern::Sequence(parts) };
            return Ok((rest, whole));
        }
        (input, links) = (rest, next);
    }
}

/// Whether another part of a sequence begins here.
fn begins(input: Tokens<'_>) -> bool {
    input.peek().is_some_and(|token| {
        token.is(Symbol::LeftParen) || matches!(token.kind, TokenKind::Word(_) | TokenKind::Quoted(_))
    })
}

fn link(input: Tokens<'_>) -> PResult<'_, Link> {
    if let Ok((rest, _)) = symbol(Symbol::Arrow)(input) {
        return Ok((rest, Link::Next));
    }
    map(symbol(Symbol::LongArrow), |_| Link::Any).parse(input)
}

/// `not B`, `A`, `(A B)`, and how often.
fn item(start: Tokens<'_>) -> PResult<'_, Pattern> {
    if let Ok((rest, _)) = keyword("not")(start) {
        return map(variable, Pattern::Not).parse(rest);
    }
    let (rest, pattern) = if start.peek().is_some_and(|token| token.is(Symbol::LeftParen)) {
        pattern(start)?
    } else {
        start.note(Expected::Exactly("("));
        map(variable, Pattern::Variable).parse(start)?
    };
    let optional = rest.peek().is_some_and(|token| token.is(Symbol::Question));
    let (rest, found) = opt(times).parse(rest)?;
    let Some((min, max)) = found else { return Ok((rest, pattern)) };
    let (rest, reluctant) = if optional {
        // With it and without, both are tried already.
        (rest, false)
    } else {
        map(opt(symbol(Symbol::Question)), |found| found.is_some()).parse(rest)?
    };
    let span = rest.span_from(start);
    Ok((rest, Pattern::Repeat { pattern: Box::new(pattern), min, max, reluctant, span }))
}

fn variable(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    if input.peek().is_some_and(|token| token.is_word("not")) {
        return input.fail(Kind::Name);
    }
    field_name(input)
}

/// `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`, `{,3}`
fn times(input: Tokens<'_>) -> PResult<'_, (u32, Option<u32>)> {
    for (sign, times) in [(Symbol::Star, (0, None)), (Symbol::Plus, (1, None)), (Symbol::Question, (0, Some(1)))] {
        if let Ok((rest, _)) = symbol(sign)(input) {
            return Ok((rest, times));
        }
    }
    let (rest, (min, max)) = bracketed(Symbol::LeftBrace, bounds, Symbol::RightBrace)(input)?;
    if max == Some(0) || max.is_some_and(|max| max < min) {
        let span = rest.span_from(input);
        return refuse(
            Diagnostic::at(span, "a number of repetitions is out of range").label("at most less than at least"),
        );
    }
    Ok((rest, (min, max)))
}

fn bounds(input: Tokens<'_>) -> PResult<'_, (u32, Option<u32>)> {
    let (rest, min) = opt(count).parse(input)?;
    match (symbol(Symbol::Comma)(rest), min) {
        (Ok((rest, _)), Some(min)) => map(opt(count), |max| (min, max)).parse(rest),
        (Ok((rest, _)), None) => map(count, |max| (0, Some(max))).parse(rest),
        (Err(_), Some(min)) => Ok((rest, (min, Some(min)))),
        (Err(error), None) => Err(error),
    }
}

fn count(input: Tokens<'_>) -> PResult<'_, u32> {
    let Some(TokenKind::Integer(digits)) = input.peek().map(|token| &token.kind) else {
        input.note(Expected::Kind(Kind::Integer));
        return soft();
    };
    match digits.parse() {
        Ok(count) if count <= MOST => Ok((input.skip(1), count)),
        _ => refuse(
            Diagnostic::at(input.span(), "a number of repetitions is out of range")
                .label(format!("expected a whole number up to {MOST}")),
        ),
    }
}
