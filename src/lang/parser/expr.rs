//! Expressions: operators by precedence climbing, so that long chains take no stack.

use nom::combinator::map;
use nom::{Err, Parser};

use super::call::{call, special_call};
use super::expected::{Expected, Frame, Kind};
use super::input::{Fail, PResult, Tokens, bracketed, field_name, labelled, soft, within};
use super::literal::typed_literal;
use super::operand::{OPERATOR_WORDS, measured, measured_list, refuse_query};
use super::power;
use super::predicate::{between, case, in_list, is, like};
use super::tree::{MAX_HEIGHT, Measured, unmeasured};
use crate::expr::ast::{BinaryOp, Expr, ExprNode, Literal, UnaryOp};
use crate::lang::token::{Symbol, TokenKind};
use crate::types::{Span, Spanned};

/// Longer chains of `and`, `or` and `||`, which are associative, are built as balanced trees.
const LEFT_DEEP_TERMS: usize = 16;

/// Words that begin no operand and are no column's name unless quoted.
pub const RESERVED: &[&str] =
    &["and", "as", "between", "case", "distinct", "false", "in", "is", "like", "not", "null", "or", "true"];

/// Words that belong to a `case` inside of one, and are names elsewhere.
const RESERVED_IN_CASE: &[&str] = &["when", "then", "else", "end"];

/// An operand with a sign, without operators.
pub(super) fn signed(input: Tokens<'_>) -> PResult<'_, ExprNode> {
    map(|input| prefix(input, u8::MAX), |measured| measured.node).parse(input)
}

/// The operator between two operands.
#[derive(Clone, Copy)]
enum Infix {
    Binary(BinaryOp),
    Is,
    Between,
    In,
    Like,
}

/// The operator here: what it is, how tightly it binds, the tokens it takes, and whether `not` is among them.
fn infix(input: Tokens<'_>) -> Option<(Infix, u8, usize, bool)> {
    use power::{AND, COMPARISON, CONCAT, IS, OR, PRODUCT, RANGE, SUM};
    let word_at = |ahead: usize, word: &str| input.ahead(ahead).is_some_and(|token| token.is_word(word));
    let binary = |op, power| Some((Infix::Binary(op), power, 1, false));
    let token = input.peek()?;
    let TokenKind::Symbol(symbol) = token.kind else {
        let not = usize::from(token.is_word("not"));
        if word_at(not, "between") {
            return Some((Infix::Between, RANGE, not + 1, not > 0));
        } else if word_at(not, "in") {
            return Some((Infix::In, RANGE, not + 1, not > 0));
        } else if word_at(not, "like") {
            return Some((Infix::Like, RANGE, not + 1, not > 0));
        } else if not > 0 {
            input.skip(1).note(Expected::Exactly("between"));
            input.skip(1).note(Expected::Exactly("in"));
            input.skip(1).note(Expected::Exactly("like"));
            return None;
        } else if token.is_word("and") {
            return binary(BinaryOp::And, AND);
        } else if token.is_word("or") {
            return binary(BinaryOp::Or, OR);
        } else if token.is_word("is") {
            let not = usize::from(word_at(1, "not"));
            if word_at(1 + not, "distinct") && word_at(2 + not, "from") {
                let op = if not > 0 { BinaryOp::IsNotDistinctFrom } else { BinaryOp::IsDistinctFrom };
                return Some((Infix::Binary(op), COMPARISON, 3 + not, false));
            }
            return Some((Infix::Is, IS, 1 + not, not > 0));
        }
        return None;
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "most signs are no operators")]
    match symbol {
        Symbol::Eq => binary(BinaryOp::Eq, COMPARISON),
        Symbol::NotEq | Symbol::BangEq => binary(BinaryOp::NotEq, COMPARISON),
        Symbol::Lt => binary(BinaryOp::Lt, COMPARISON),
        Symbol::LtEq => binary(BinaryOp::LtEq, COMPARISON),
        Symbol::Gt => binary(BinaryOp::Gt, COMPARISON),
        Symbol::GtEq => binary(BinaryOp::GtEq, COMPARISON),
        Symbol::Concat => binary(BinaryOp::Concat, CONCAT),
        Symbol::Plus => binary(BinaryOp::Plus, SUM),
        Symbol::Minus => binary(BinaryOp::Minus, SUM),
        Symbol::Star => binary(BinaryOp::Multiply, PRODUCT),
        Symbol::Slash => binary(BinaryOp::Divide, PRODUCT),
        Symbol::Percent => binary(BinaryOp::Modulo, PRODUCT),
        _ => None,
    }
}

/// An operand and the operators behind it that bind at least as tightly as `least`. Iterative along a chain.
pub(super) fn climb(start: Tokens<'_>, least: u8) -> PResult<'_, Measured> {
    let (mut input, mut left) = prefix(start, least)?;
    // An operator that binds more tightly than the one before it has gone to that one's right side already.
    let mut most = u8::MAX;
    loop {
        let found = if input.continues() { infix(input) } else { None };
        let Some((infix, power, tokens, negated)) = found.filter(|&(_, power, ..)| least <= power && power <= most)
        else {
            input.note(Expected::Kind(Kind::Operator));
            input.source.trace.note_near(input.at, OPERATOR_WORDS);
            return Ok((input, left));
        };
        most = power;
        let behind = input.skip(tokens);
        let operator = Span::new(input.span().start, behind.last_end());
        (input, left) = match infix {
            Infix::Binary(op @ (BinaryOp::And | BinaryOp::Or | BinaryOp::Concat)) => chain(input, left, op, power)?,
            Infix::Binary(op) => {
                let (rest, right) = right_side(behind, power)?;
                (rest, binary(left, Spanned::new(op, operator), right)?)
            }
            Infix::Is => is(behind, left, negated)?,
            Infix::Between => between(behind, left, negated)?,
            Infix::In => in_list(behind, left, negated)?,
            Infix::Like => like(behind, left, negated)?,
        };
    }
}

fn right_side(input: Tokens<'_>, power: u8) -> PResult<'_, Measured> {
    labelled(Kind::Expression, |input| climb(input, power + 1))(input)
}

fn binary(left: Measured, op: Spanned<BinaryOp>, right: Measured) -> Result<Measured, Err<Fail>> {
    let span = left.node.span.to(right.node.span);
    let below = left.height.max(right.height);
    if below >= MAX_HEIGHT {
        return Measured::above(below, Expr::Literal(Literal::Null), op.span);
    }
    Measured::above(below, Expr::Binary(left.boxed(), op, right.boxed()), span)
}

/// `left op b op c …` of one associative operator.
fn chain(mut input: Tokens<'_>, left: Measured, op: BinaryOp, power: u8) -> PResult<'_, Measured> {
    let mut terms = vec![left];
    let mut operators = Vec::new();
    while input.continues()
        && let Some((Infix::Binary(next), _, tokens, _)) = infix(input)
        && next == op
    {
        operators.push(Spanned::new(op, input.span()));
        let (rest, right) = right_side(input.skip(tokens), power)?;
        terms.push(right);
        input = rest;
    }
    let tree = if terms.len() <= LEFT_DEEP_TERMS {
        let mut terms = terms.into_iter();
        let Some(mut tree) = terms.next() else { return soft() };
        for (operator, term) in operators.into_iter().zip(terms) {
            tree = binary(tree, operator, term)?;
        }
        tree
    } else {
        balanced(terms, operators)?
    };
    Ok((input, tree))
}

/// Joins neighbours until one is left. `operators[i]` stands behind `terms[i]`.
fn balanced(mut terms: Vec<Measured>, mut operators: Vec<Spanned<BinaryOp>>) -> Result<Measured, Err<Fail>> {
    while terms.len() > 1 {
        let mut joined = Vec::with_capacity(terms.len().div_ceil(2));
        let mut between = Vec::with_capacity(operators.len() / 2);
        let mut pairs = terms.into_iter();
        let mut signs = operators.into_iter();
        while let Some(left) = pairs.next() {
            match (pairs.next(), signs.next()) {
                (Some(right), Some(sign)) => joined.push(binary(left, sign, right)?),
                _ => joined.push(left),
            }
            between.extend(signs.next());
        }
        (terms, operators) = (joined, between);
    }
    match terms.pop() {
        Some(tree) => Ok(tree),
        None => soft(),
    }
}

/// `not x`, `-x`, or an operand with what hangs behind it.
fn prefix(input: Tokens<'_>, least: u8) -> PResult<'_, Measured> {
    let Some(token) = input.peek() else { return primary(input) };
    let (op, least) = if token.is(Symbol::Minus) {
        (UnaryOp::Minus, u8::MAX)
    } else if token.is(Symbol::Plus) {
        (UnaryOp::Plus, u8::MAX)
    } else if least <= power::NOT && token.is_word("not") {
        (UnaryOp::Not, power::NOT)
    } else {
        return postfix(input);
    };
    let inside = input.deeper()?.skip(1);
    let (rest, inner) =
        labelled(
            Kind::Expression,
            |inside| if least == u8::MAX { prefix(inside, least) } else { climb(inside, least) },
        )(inside)?;
    let span = token.span.to(inner.node.span);
    let below = inner.height;
    Ok((rest.back_to(input), Measured::above(below, Expr::Unary(op, inner.boxed()), span)?))
}

/// An operand with `[i]` and `.field` behind it.
fn postfix(start: Tokens<'_>) -> PResult<'_, Measured> {
    let (mut input, mut left) = primary(start)?;
    let mut is_path = matches!(left.node.node, Expr::Column(_)) && input.at == start.at + 1;
    loop {
        input.suggest(Expected::Exactly("["));
        input.suggest(Expected::Exactly("."));
        if !input.continues() {
            break;
        }
        let span = |input: Tokens<'_>| Span::new(left.node.span.start, input.last_end());
        if input.peek().is_some_and(|token| token.is(Symbol::LeftBracket)) {
            let index = |input| within(input, || Frame::Brackets, measured);
            let (rest, index) = bracketed(Symbol::LeftBracket, index, Symbol::RightBracket)(input)?;
            let span = span(rest);
            let below = left.height.max(index.height);
            left = Measured::above(below, Expr::Index(left.boxed(), index.boxed()), span)?;
            (input, is_path) = (rest, false);
        } else if input.peek().is_some_and(|token| token.is(Symbol::Dot)) {
            let (rest, name) = within(input.skip(1), || Frame::Path(path(&left.node.node)), field)?;
            let span = span(rest);
            if is_path && let Expr::Column(parts) = &mut left.node.node {
                parts.push(name);
                left.node.span = span;
            } else {
                let below = left.height;
                left = Measured::above(below, Expr::FieldAccess(left.boxed(), name), span)?;
            }
            input = rest;
        } else {
            break;
        }
    }
    Ok((input, left))
}

fn field(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    input.suggest(Expected::Kind(Kind::Field));
    field_name(input)
}

/// The names of a column and its fields, when `expr` is nothing else.
fn path(expr: &Expr) -> Vec<String> {
    let Expr::Column(parts) = expr else { return Vec::new() };
    parts.iter().map(|part| part.node.clone()).collect()
}

fn primary(input: Tokens<'_>) -> PResult<'_, Measured> {
    let Some(token) = input.peek() else { return input.fail(Kind::Expression) };
    let constant = |literal| Ok((input.skip(1), Measured::literal(literal, token.span)));
    #[expect(clippy::wildcard_enum_match_arm, reason = "everything else begins no expression")]
    match &token.kind {
        TokenKind::Integer(digits) => constant(Literal::Integer((*digits).to_owned())),
        TokenKind::Decimal(digits) => constant(Literal::Decimal((*digits).to_owned())),
        TokenKind::Double(digits) => constant(Literal::Double((*digits).to_owned())),
        TokenKind::Duration(ms) => constant(Literal::IntervalDayTime(*ms)),
        TokenKind::Size(bytes) => constant(Literal::Integer(bytes.to_string())),
        TokenKind::Text(text) => constant(Literal::String(text.clone().into_owned())),
        TokenKind::Bytes(bytes) => constant(Literal::Bytes(bytes.clone())),
        TokenKind::Symbol(Symbol::LeftParen) => parenthesised(input),
        TokenKind::Quoted(_) => named(input),
        TokenKind::Word(word) => word_primary(input, word),
        _ => input.fail(Kind::Expression),
    }
}

/// A word: a constant, a special form, a call, or a column.
fn word_primary<'a>(input: Tokens<'a>, word: &str) -> PResult<'a, Measured> {
    let typed = |other: &&str| other.eq_ignore_ascii_case(word);
    if input.in_case && RESERVED_IN_CASE.iter().any(typed) {
        return input.fail(Kind::Expression);
    }
    if RESERVED.iter().any(typed) {
        let constant = |literal| Ok((input.skip(1), Measured::literal(literal, input.span())));
        return match word.to_ascii_lowercase().as_str() {
            "null" => constant(Literal::Null),
            "true" => constant(Literal::Boolean(true)),
            "false" => constant(Literal::Boolean(false)),
            "case" => case(input),
            _ => input.fail(Kind::Expression),
        };
    }
    if let Some(result) = typed_literal(input, word).or_else(|| special_call(input, word)) {
        return result;
    }
    named(input)
}

/// A call, or the first part of a column.
fn named(input: Tokens<'_>) -> PResult<'_, Measured> {
    let opens = input.skip(1);
    opens.suggest(Expected::Exactly("("));
    if opens.continues() && opens.peek().is_some_and(|token| token.is(Symbol::LeftParen)) {
        return call(input);
    }
    let (rest, name) = field_name(input)?;
    let span = name.span;
    Ok((rest, Measured::leaf(Expr::Column(vec![name]), span)))
}

/// `(e)`, or the row `(a, b)`.
pub(super) fn parenthesised(input: Tokens<'_>) -> PResult<'_, Measured> {
    refuse_query(input)?;
    let list = |input| within(input, || Frame::Brackets, measured_list);
    let (rest, mut items) = bracketed(Symbol::LeftParen, list, Symbol::RightParen)(input)?;
    let span = rest.span_from(input);
    if items.len() == 1
        && let Some(mut only) = items.pop()
    {
        only.node.span = span;
        return Ok((rest, only));
    }
    let (items, below) = unmeasured(items);
    Ok((rest, Measured::above(below, Expr::Row(items), span)?))
}
