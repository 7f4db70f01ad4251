//! From the furthest place that parsing reached to an error for people.

use super::expected::Expected;
use super::input::Source;
use crate::lang::token::{Symbol, Token, TokenKind};
use crate::types::{Diagnostic, Span, nearest};

/// Longer tokens are cut short in messages.
const SHOWN_CHARS: usize = 40;

/// The error for what was expected at the furthest place; tokens from `end` on are out of sight.
pub(super) fn diagnostic(source: &Source<'_>, end: usize) -> Diagnostic {
    let (at, expected, near) = source.trace.read();
    let Some(token) = source.tokens[..end].get(at) else {
        let last = source.tokens[..end].last().map_or(0, |token| token.span.end);
        return label(Diagnostic::at(Span::new(last, last), "unexpected end of the statement"), &expected);
    };
    let unexpected = label(Diagnostic::at(token.span, format!("unexpected {}", shown(source.text, token))), &expected);
    if token.is(Symbol::Eq) && at > 0 && source.tokens[at - 1].is(Symbol::Eq) {
        return unexpected.help("equality is one `=`");
    }
    let TokenKind::Word(typed) = token.kind else { return unexpected };
    let words = expected.iter().filter_map(|&expected| word(expected));
    // Short words are near to everything.
    let candidates = words.chain(near).filter(|word| word.len() > 2 && word.starts_with(|c: char| c.is_alphabetic()));
    match nearest(typed, candidates) {
        Some(word) if typed.len() > 2 && !word.eq_ignore_ascii_case(typed) => {
            unexpected.help(format!("did you mean `{word}`?"))
        }
        _ => unexpected,
    }
}

/// The word or sign that is expected, if it is one.
fn word(expected: Expected) -> Option<&'static str> {
    match expected {
        Expected::Exactly(word) => Some(word),
        Expected::Clause(clause, words) => clause.keyword.split(' ').nth(words),
        Expected::Kind(_) | Expected::Argument(_) => None,
    }
}

fn label(diagnostic: Diagnostic, expected: &[Expected]) -> Diagnostic {
    let mut words: Vec<String> = Vec::new();
    for &expected in expected {
        let text = match (expected, word(expected)) {
            (_, Some(word)) => format!("`{word}`"),
            (Expected::Kind(kind), None) => kind.text().to_owned(),
            (Expected::Exactly(_) | Expected::Clause(..) | Expected::Argument(_), None) => continue,
        };
        if !words.contains(&text) {
            words.push(text);
        }
    }
    match words.pop() {
        None => diagnostic,
        Some(only) if words.is_empty() => diagnostic.label(format!("expected {only}")),
        Some(last) => diagnostic.label(format!("expected {} or {last}", words.join(", "))),
    }
}

fn shown(text: &str, token: &Token<'_>) -> String {
    let typed = &text[token.span.range()];
    let typed = match typed.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &typed[..end]),
        None => typed.to_owned(),
    };
    match token.kind {
        TokenKind::Quoted(_) => format!("name {typed}"),
        TokenKind::Text(_) => format!("text {typed}"),
        TokenKind::Bytes(_) => format!("bytes {typed}"),
        TokenKind::Integer(_) | TokenKind::Decimal(_) | TokenKind::Double(_) => format!("number {typed}"),
        TokenKind::Duration(_) => format!("duration {typed}"),
        TokenKind::Size(_) => format!("size {typed}"),
        TokenKind::Word(_)
        | TokenKind::Flag(_)
        | TokenKind::Directive(_)
        | TokenKind::Raw(_)
        | TokenKind::Symbol(_) => format!("`{typed}`"),
    }
}
