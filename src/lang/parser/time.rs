//! Stretches of time, and what makes watermarks.

use nom::Parser;
use nom::combinator::map;

use super::expected::{Expected, Kind};
use super::input::{PResult, Tokens, keyword, labelled, refuse, symbol};
use super::operand::expr;
use crate::api::{TimeRange, WatermarkClause};
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Diagnostic, Spanned};

/// `10s` or `interval '10' second`, not negative.
pub(super) fn duration(input: Tokens<'_>) -> PResult<'_, Spanned<i64>> {
    use crate::expr::ast::{Expr, Literal, UnaryOp};
    if let Some(TokenKind::Integer(digits)) = input.peek().map(|token| &token.kind) {
        return refuse(
            Diagnostic::at(input.span(), "the duration has no unit")
                .label("expected a duration, such as `10s`")
                .help(format!("did you mean `{digits}s`?")),
        );
    }
    let begins = match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Duration(_) | TokenKind::Symbol(Symbol::Minus)) => true,
        Some(TokenKind::Word(word)) => word.eq_ignore_ascii_case("interval"),
        _ => false,
    };
    if !begins {
        return input.fail(Kind::Duration);
    }
    let (rest, found) = labelled(Kind::Duration, super::expr::signed)(input)?;
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a duration")]
    match found.node {
        Expr::Literal(Literal::IntervalDayTime(ms)) if ms >= 0 => Ok((rest, Spanned::new(ms, found.span))),
        Expr::Literal(Literal::IntervalDayTime(_)) | Expr::Unary(UnaryOp::Minus, _) => {
            refuse(Diagnostic::at(found.span, "a duration here can't be negative"))
        }
        Expr::Literal(Literal::IntervalYearMonth(_)) => refuse(
            Diagnostic::at(found.span, "months and years have no fixed length")
                .label("expected a duration, such as `10s`"),
        ),
        _ => input.fail(Kind::Duration),
    }
}

/// A duration before or after a moment.
fn signed_duration(start: Tokens<'_>) -> PResult<'_, Spanned<i64>> {
    start.note(Expected::Exactly("-"));
    let minus = start.peek().is_some_and(|token| token.is(Symbol::Minus));
    let (rest, found) = duration(if minus { start.skip(1) } else { start })?;
    let ms = if minus { -found.node } else { found.node };
    Ok((rest, Spanned::new(ms, rest.span_from(start))))
}

/// `-1s..10s`, `-1s..<10s`
pub(super) fn range(start: Tokens<'_>) -> PResult<'_, Spanned<TimeRange>> {
    let (rest, from) = signed_duration(start)?;
    let (rest, _) = symbol(Symbol::DotDot)(rest)?;
    let open = rest.peek().is_some_and(|token| token.is(Symbol::Lt));
    let (rest, to) = signed_duration(if open { rest.skip(1) } else { rest })?;
    let span = rest.span_from(start);
    let (from_ms, to_ms) = (from.node, if open { to.node.saturating_sub(1) } else { to.node });
    if from_ms > to_ms {
        return refuse(Diagnostic::at(
            span,
            "nothing lies in this stretch of time: its end comes before its beginning",
        ));
    }
    Ok((rest, Spanned::new(TimeRange { from_ms, to_ms }, span)))
}

/// `4s`, `4s when e`, `when e`, `ascending`, `as e`
pub(super) fn watermark(input: Tokens<'_>) -> PResult<'_, WatermarkClause> {
    if let Ok((rest, _)) = keyword("ascending")(input) {
        return Ok((rest, WatermarkClause::Ascending));
    }
    if let Ok((rest, _)) = keyword("as")(input) {
        return map(expr, WatermarkClause::As).parse(rest);
    }
    let is_when = |input: Tokens<'_>| input.peek().is_some_and(|token| token.is_word("when"));
    let (rest, delay_ms) = if is_when(input) {
        (input, 0)
    } else {
        watermark_words(input);
        let (rest, delay) = duration(input)?;
        (rest, delay.node)
    };
    if rest.continues() && is_when(rest) {
        let (rest, when) = expr(rest.skip(1))?;
        return Ok((rest, WatermarkClause::Behind { delay_ms, when: Some(when) }));
    }
    rest.note(Expected::Exactly("when"));
    Ok((rest, WatermarkClause::Behind { delay_ms, when: None }))
}

/// Notes what a watermark may begin with beside a duration.
pub(super) fn watermark_words(input: Tokens<'_>) {
    for word in ["ascending", "when", "as"] {
        input.note(Expected::Exactly(word));
    }
}
