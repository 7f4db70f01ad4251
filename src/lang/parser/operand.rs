//! Expressions where they stand inside of something else.

use nom::combinator::map;
use nom::multi::separated_list1;
use nom::{Err, Parser};

use super::expected::Kind;
use super::input::{Fail, PResult, Tokens, comma, labelled, refuse};
use super::power;
use super::tree::Measured;
use crate::expr::ast::ExprNode;
use crate::lang::token::{Symbol, TokenKind};
use crate::types::Diagnostic;

/// Words that stand between operands.
pub(super) const OPERATOR_WORDS: &[&str] = &["and", "between", "in", "is", "like", "not", "or"];

/// An expression whose operators bind at least as tightly as `least`.
fn binding<'a>(least: u8) -> impl Fn(Tokens<'a>) -> PResult<'a, Measured> {
    move |input| (input.source.climb)(input, least)
}

/// An expression.
pub(crate) fn expr(input: Tokens<'_>) -> PResult<'_, ExprNode> {
    map(measured, |measured| measured.node).parse(input)
}

/// An expression with its height.
pub(super) fn measured(input: Tokens<'_>) -> PResult<'_, Measured> {
    labelled(Kind::Expression, binding(0))(input)
}

/// An operand above the level of comparisons, as `between` and `position` take it.
pub(super) fn operand(input: Tokens<'_>) -> PResult<'_, Measured> {
    labelled(Kind::Expression, binding(power::CONCAT))(input)
}

/// Expressions separated by commas.
pub(super) fn measured_list(input: Tokens<'_>) -> PResult<'_, Vec<Measured>> {
    separated_list1(comma, measured).parse(input)
}

/// Refuses a query in brackets, which SQL allows.
pub(super) fn refuse_query(input: Tokens<'_>) -> Result<(), Err<Fail>> {
    let query = input.ahead(1).is_some_and(|token| token.is_word("select"))
        && input.ahead(2).is_some_and(|token| {
            token.is(Symbol::Star)
                || matches!(token.kind, TokenKind::Text(_) | TokenKind::Integer(_))
                || matches!(token.kind, TokenKind::Word(word) if !OPERATOR_WORDS.contains(&word))
        });
    if query {
        return refuse(Diagnostic::at(input.skip(1).span(), "a query inside an expression is not available yet"));
    }
    Ok(())
}
