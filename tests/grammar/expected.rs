//! What completion expects, against what comes: at each place of a sentence the next token is among what the parser
//! looks for there, and a keyword is offered.

use std::collections::BTreeMap;
use std::sync::Arc;

use lotic::api::ResultSink;
use lotic::lang::{Expectation, Expected, Frame, Kind, RESERVED, Symbol, Token, TokenKind, expectations, lex};
use lotic::session::completion::Completer;
use lotic::session::{Session, Settings};
use lotic::types::{Batch, Result, SystemClock};

use crate::registry::GRAMMAR;

struct Nobody;

impl ResultSink for Nobody {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}

/// A completer of a session in which nothing is defined.
pub(crate) fn completer(directory: &std::path::Path) -> Completer {
    let settings = Settings::new(directory.to_path_buf(), directory.join("state"));
    let commands = lotic::commands::specs();
    Completer::new(&Session::new(settings, Arc::new(SystemClock::new()), Arc::new(Nobody), commands))
}

/// Signs that stand between two operands.
const OPERATORS: &[Symbol] = &[
    Symbol::Eq,
    Symbol::NotEq,
    Symbol::BangEq,
    Symbol::Lt,
    Symbol::LtEq,
    Symbol::Gt,
    Symbol::GtEq,
    Symbol::Concat,
    Symbol::Plus,
    Symbol::Minus,
    Symbol::Star,
    Symbol::Slash,
    Symbol::Percent,
];
const OPERATOR_WORDS: &[&str] = &["and", "or", "not", "is", "in", "like", "between"];
/// Reserved words that begin an operand.
const BEGINNINGS: &[&str] = &["not", "null", "true", "false", "case"];

fn any_word(token: &Token<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| token.is_word(word))
}

/// Whether `token` is of the class that is expected.
fn admits(item: &Expectation, token: &Token<'_>) -> bool {
    let exactly = |word: &str| {
        token.is_word(word)
            || matches!(token.kind, TokenKind::Symbol(symbol) if symbol.text() == word)
            || matches!(token.kind, TokenKind::Raw(typed) if typed.eq_ignore_ascii_case(word))
    };
    let is_name = matches!(token.kind, TokenKind::Word(_) | TokenKind::Quoted(_));
    let is_text = matches!(token.kind, TokenKind::Text(_) | TokenKind::Raw(_));
    let is_integer = matches!(token.kind, TokenKind::Integer(_));
    let kind = match item.expected {
        Expected::Exactly(word) => return exactly(word),
        Expected::Clause(clause, words) => return clause.keyword.split(' ').nth(words).is_some_and(exactly),
        Expected::Argument(_) => return false,
        Expected::Kind(kind) => kind,
    };
    match kind {
        Kind::Expression => match &token.kind {
            TokenKind::Word(_) => any_word(token, BEGINNINGS) || !any_word(token, RESERVED),
            TokenKind::Symbol(symbol) => matches!(symbol, Symbol::LeftParen | Symbol::Minus | Symbol::Plus),
            TokenKind::Flag(_) | TokenKind::Directive(_) | TokenKind::Raw(_) => false,
            _ => true,
        },
        Kind::Operator => any_word(token, OPERATOR_WORDS) || OPERATORS.iter().any(|&symbol| token.is(symbol)),
        Kind::Name => match (&token.kind, item.within.last()) {
            // `help \d`, `tutorial 2`.
            (TokenKind::Directive(_), Some(Frame::Arguments { of: "help", .. }))
            | (TokenKind::Integer(_), Some(Frame::Arguments { of: "tutorial", .. }))
            | (TokenKind::Raw(_), Some(Frame::Arguments { .. })) => true,
            _ => is_name,
        },
        Kind::Text | Kind::Target => is_text,
        Kind::OptionName | Kind::Stream => is_name || is_text,
        Kind::Subtask => is_name || is_text || is_integer,
        Kind::Integer => is_integer,
        Kind::Duration => matches!(token.kind, TokenKind::Duration(_)) || token.is_word("interval"),
        Kind::Statement => is_name || is_text || matches!(token.kind, TokenKind::Directive(_)),
        Kind::Type | Kind::Unit | Kind::IntervalUnit | Kind::Stage | Kind::Window => {
            matches!(token.kind, TokenKind::Word(_))
        }
        Kind::NewSource
        | Kind::NewSink
        | Kind::NewStream
        | Kind::NewJob
        | Kind::NewProcess
        | Kind::NewFunction
        | Kind::Action
        | Kind::SourceConnector
        | Kind::SinkConnector
        | Kind::Sink
        | Kind::Column
        | Kind::Field => is_name,
        Kind::Arguments | Kind::EndOfExpression | Kind::EndOfStatement => false,
    }
}

/// The keyword that `token` is there, if nothing but that keyword is expected of its class.
fn keyword<'t>(items: &[Expectation], token: &Token<'t>) -> Option<&'t str> {
    let TokenKind::Word(word) = token.kind else { return None };
    let admitting: Vec<_> = items.iter().filter(|item| admits(item, token)).collect();
    let only = admitting.iter().all(|item| matches!(item.expected, Expected::Exactly(_) | Expected::Clause(..)));
    (only && !admitting.is_empty()).then_some(word)
}

/// Checks every place of the sentence `text`; counts the tokens by what admitted them.
pub(crate) fn check(text: &str, completer: &Completer, seen: &mut BTreeMap<&'static str, usize>) {
    let lexed = lex(text, &GRAMMAR);
    for (at, token) in lexed.tokens.iter().enumerate() {
        // What ends a statement is no part of it.
        if &text[token.span.range()] == ";" {
            break;
        }
        let before = &lexed.tokens[..at];
        let items = expectations(text, before, &GRAMMAR).items;
        let Some(item) = items.iter().find(|item| admits(item, token)) else {
            panic!("{:?} is not expected in\n{text}\nbut {items:?}", &text[token.span.range()]);
        };
        let class = match item.expected {
            Expected::Exactly(_) => "word",
            Expected::Clause(..) => "clause",
            Expected::Argument(_) => "argument",
            Expected::Kind(Kind::Expression) => "expression",
            Expected::Kind(_) => "other",
        };
        *seen.entry(class).or_default() += 1;
        if let Some(word) = keyword(&items, token) {
            // `filter` is offered behind aggregates only.
            let offered = completer.complete(text, token.span.start + 1).candidates;
            let begins =
                |text: &str| text.split([' ', '(']).next().is_some_and(|first| first.eq_ignore_ascii_case(word));
            assert!(
                word.eq_ignore_ascii_case("filter") || offered.iter().any(|candidate| begins(&candidate.replacement)),
                "`{word}` at {} is not offered in\n{text}\nbut {offered:?}",
                token.span.start,
            );
            *seen.entry("offered").or_default() += 1;
        }
    }
}
