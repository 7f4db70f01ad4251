//! The predicates behind `is`, `between`, `in` and `like`, and `case`.

use nom::Parser;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::expected::{Expected, Frame};
use super::input::{PResult, Tokens, bracketed, keyword, refuse, soft, unfinished, within};
use super::operand::{measured, measured_list, operand, refuse_query};
use super::tree::{Measured, unmeasured};
use crate::expr::ast::{Expr, ExprNode, IsTest};
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Diagnostic, Span};

/// Behind `is [not]`.
pub(super) fn is(input: Tokens<'_>, left: Measured, negated: bool) -> PResult<'_, Measured> {
    let tests =
        [("null", IsTest::Null), ("true", IsTest::True), ("false", IsTest::False), ("unknown", IsTest::Unknown)];
    for (word, test) in tests {
        if let Ok((rest, span)) = keyword(word)(input) {
            let (below, span) = (left.height, left.node.span.to(span));
            return Ok((rest, Measured::above(below, Expr::Is { expr: left.boxed(), test, negated }, span)?));
        }
    }
    if !negated {
        input.note(Expected::Exactly("not"));
    }
    if let Ok((rest, _)) = keyword("distinct")(input) {
        keyword("from")(rest)?;
    }
    soft()
}

/// Behind `[not] between`.
pub(super) fn between(input: Tokens<'_>, left: Measured, negated: bool) -> PResult<'_, Measured> {
    if input.peek().is_some_and(|token| token.is_word("symmetric") || token.is_word("asymmetric"))
        && input.ahead(1).is_some_and(|token| !matches!(token.kind, TokenKind::Symbol(_)) && !token.is_word("and"))
    {
        return refuse(Diagnostic::at(input.span(), "`between` takes no `symmetric` or `asymmetric` yet"));
    }
    let (rest, low) = unfinished(operand)(input)?;
    let (rest, _) = keyword("and")(rest)?;
    let (rest, high) = operand(rest)?;
    let span = left.node.span.to(high.node.span);
    let below = left.height.max(low.height).max(high.height);
    let expr = Expr::Between { expr: left.boxed(), negated, low: low.boxed(), high: high.boxed() };
    Ok((rest, Measured::above(below, expr, span)?))
}

/// Behind `[not] in`.
pub(super) fn in_list(input: Tokens<'_>, left: Measured, negated: bool) -> PResult<'_, Measured> {
    if input.peek().is_some_and(|token| token.is(Symbol::LeftParen))
        && input.ahead(1).is_some_and(|token| token.is_word("select"))
    {
        refuse_query(input)?;
    }
    let items = |input| within(input, || Frame::Brackets, measured_list);
    let (rest, list) = bracketed(Symbol::LeftParen, items, Symbol::RightParen)(input)?;
    let (list, below) = unmeasured(list);
    let below = below.max(left.height);
    let span = Span::new(left.node.span.start, rest.last_end());
    Ok((rest, Measured::above(below, Expr::InList { expr: left.boxed(), negated, list }, span)?))
}

/// Behind `[not] like`.
pub(super) fn like(input: Tokens<'_>, left: Measured, negated: bool) -> PResult<'_, Measured> {
    let (rest, pattern) = operand(input)?;
    let (rest, escape) =
        if rest.continues() { opt(preceded(keyword("escape"), operand)).parse(rest)? } else { (rest, None) };
    let below = left.height.max(pattern.height).max(escape.as_ref().map_or(0, |escape| escape.height));
    let span = Span::new(left.node.span.start, rest.last_end());
    let (pattern, escape) = (pattern.boxed(), escape.map(Measured::boxed));
    Ok((rest, Measured::above(below, Expr::Like { expr: left.boxed(), negated, pattern, escape }, span)?))
}

/// `case [operand] when … then … [else …] end`
pub(super) fn case(start: Tokens<'_>) -> PResult<'_, Measured> {
    let mut input = start.deeper()?.skip(1).opened();
    input.in_case = true;
    let mut below = 0;
    let mut part = |input| -> PResult<'_, ExprNode> {
        let (rest, part) = measured(input)?;
        below = below.max(part.height);
        Ok((rest, part.node))
    };
    let mut operand = None;
    input.suggest(Expected::Exactly("when"));
    let mut branches = Vec::new();
    if !input.peek().is_some_and(|token| token.is_word("when")) {
        let (rest, found) = part(input)?;
        (input, operand) = (rest, Some(Box::new(found)));
    }
    loop {
        let (rest, _) = match keyword("when")(input) {
            Err(_) if !branches.is_empty() => break,
            result => result?,
        };
        let (rest, condition) = part(rest)?;
        let (rest, _) = keyword("then")(rest)?;
        let (rest, result) = part(rest)?;
        branches.push((condition, result));
        input = rest;
    }
    let mut otherwise = None;
    if let Ok((rest, _)) = keyword("else")(input) {
        let (rest, found) = part(rest)?;
        (input, otherwise) = (rest, Some(Box::new(found)));
    }
    let (rest, _) = keyword("end")(input)?;
    let span = rest.span_from(start);
    Ok((rest.back_to(start), Measured::above(below, Expr::Case { operand, branches, otherwise }, span)?))
}
