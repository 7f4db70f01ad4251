//! Inside an expression: whether an operand or an operator is due.

use super::candidate::CandidateKind;
use super::names::{depth_behind, last_part, name, word};
use super::walk::Walk;
use super::want::Want;
use crate::api::Shape;
use crate::lang::{Symbol, Token, TokenKind};

/// Words behind which an operand is due.
const BEFORE_OPERANDS: &[&str] = &[
    "and", "or", "not", "in", "like", "between", "escape", "is", "case", "when", "then", "else", "distinct", "from",
    "where", "for", "placing", "interval", "as",
];
/// What may follow an operand.
const OPERATORS: &[(&str, &str)] = &[
    ("and", ""),
    ("or", ""),
    ("is null", ""),
    ("is not null", ""),
    ("in", "(value, …)"),
    ("not in", "(value, …)"),
    ("like", "'pattern': % any text, _ any character"),
    ("between", "low and high"),
];

impl Walk<'_, '_> {
    /// Walks an expression, or a list of them; whether it may be over at the cursor.
    pub(super) fn expression(&mut self, tokens: &[Token<'_>], shape: Shape, aggregates: bool) -> bool {
        let open = innermost(tokens);
        let inner = open.map_or(tokens, |open| &tokens[open + 1..]);
        let item = last_part(inner, Symbol::Comma);
        let several = matches!(shape, Shape::Exprs { .. }) && open.is_none();
        let star = matches!(shape, Shape::Exprs { star: true }) && open.is_none();
        let called = open.and_then(|open| tokens.get(open.checked_sub(1)?)).and_then(word);
        let is_called =
            |names: &[&str]| called.is_some_and(|typed| names.iter().any(|n| n.eq_ignore_ascii_case(typed)));
        if let Some(called) = called
            && inner.is_empty()
        {
            self.place.usage = arguments_of(called);
        }
        let Some(last) = item.last() else {
            if is_called(&["except"]) {
                self.want(Want::Column);
            } else if is_called(&["filter"]) && inner.is_empty() {
                self.words(CandidateKind::Keyword, &[("where", "only these rows are aggregated")]);
            } else {
                self.want(Want::Operand { aggregates: aggregates && open.is_none(), star });
            }
            return false;
        };
        if last.is_word("as") && (several || is_called(&["cast", "try_cast"])) {
            if several {
                self.usage("NAME");
            } else {
                self.want(Want::Type);
            }
            return false;
        }
        if last.is(Symbol::Dot) {
            if let Some(column) = item.len().checked_sub(2).and_then(|index| name(&item[index])) {
                self.want(Want::Field(column));
            }
            return false;
        }
        if !ends_operand(item) {
            let aggregates = aggregates && open.is_none();
            self.want(Want::Operand { aggregates, star: false });
            return false;
        }
        if star && item.len() == 1 && last.is(Symbol::Star) {
            self.words(CandidateKind::Keyword, &[("except", "(column, …)")]);
            return true;
        }
        let named = several && item.iter().rev().nth(1).is_some_and(|token| token.is_word("as"));
        if named {
            return true;
        }
        if several {
            self.words(CandidateKind::Keyword, &[("as", "names the column")]);
            if aggregates && last.is(Symbol::RightParen) {
                self.words(CandidateKind::Keyword, &[("filter (where", "only these rows are aggregated")]);
            }
        }
        self.words(CandidateKind::Keyword, OPERATORS);
        open.is_none()
    }
}

/// The bracket that is still open at the end of `tokens`, the innermost.
fn innermost(tokens: &[Token<'_>]) -> Option<usize> {
    let mut open = Vec::new();
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        let behind = depth_behind(token, depth);
        if behind > depth {
            open.push(index);
        } else if behind < depth {
            open.pop();
        }
        depth = behind;
    }
    open.pop()
}

/// Whether an operand ends with the last token of `item`.
fn ends_operand(item: &[Token<'_>]) -> bool {
    let Some((last, before)) = item.split_last() else { return false };
    match &last.kind {
        TokenKind::Word(word) => !BEFORE_OPERANDS.iter().any(|known| known.eq_ignore_ascii_case(word)),
        // Times, or all columns.
        TokenKind::Symbol(Symbol::Star) => before.is_empty(),
        TokenKind::Symbol(Symbol::RightParen | Symbol::RightBracket | Symbol::RightBrace)
        | TokenKind::Quoted(_)
        | TokenKind::Text(_)
        | TokenKind::Bytes(_)
        | TokenKind::Integer(_)
        | TokenKind::Decimal(_)
        | TokenKind::Double(_)
        | TokenKind::Duration(_)
        | TokenKind::Flag(_)
        | TokenKind::Directive(_)
        | TokenKind::Raw(_) => true,
        TokenKind::Symbol(_) => false,
    }
}

/// The arguments of the function called `typed`, with the closing bracket.
fn arguments_of(typed: &str) -> Option<String> {
    if let Some(function) = crate::expr::function(typed) {
        let signature = function.signature;
        return signature.split_once('(').map(|(_, arguments)| arguments.to_owned());
    }
    let aggregates = crate::expr::aggregate::aggregates();
    let found = aggregates
        .iter()
        .find(|spec| std::iter::once(&spec.name).chain(spec.aliases).any(|name| name.eq_ignore_ascii_case(typed)))?;
    Some(format!("{})", found.arguments))
}
