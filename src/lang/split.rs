//! Statements out of lines that arrive one after another, as on standard input.

use super::lexer::{Lexed, lex};
use super::parser::{Ended, next_statement, source};
use crate::api::Registries;

/// From this size on, unfinished text is looked at again only after it has grown by an eighth.
const OFTEN_BYTES: usize = 16 * 1_024;

/// Cuts a stream of lines into statements by the rule of [`parse`](super::parse). A statement is given out when it is
/// certain to be over: at its `;`, or when a line has come that does not go on with it.
#[derive(Debug, Default)]
pub struct Splitter {
    held: String,
    /// Held text below this size is known to be unfinished.
    look_at_bytes: usize,
}

impl Splitter {
    /// Takes further text, a line with its line end as a rule, and gives out the text of each statement that is over, to
    /// be handed to [`parse`](super::parse). A statement with a mistake is given out as well.
    pub fn push(&mut self, text: &str, grammar: &Registries) -> Vec<String> {
        self.held.push_str(text);
        if self.held.len() < self.look_at_bytes && !text.trim_end().ends_with(';') {
            return Vec::new();
        }
        let (statements, rest) = cut(&self.held, grammar);
        let statements = statements.into_iter().map(str::to_owned).collect();
        self.held.drain(..rest);
        self.look_at_bytes = match self.held.len() {
            few if few < OFTEN_BYTES => 0,
            many => many + many / 8,
        };
        statements
    }

    /// The text that is left when no more will come, if any.
    pub fn finish(&mut self) -> Option<String> {
        self.look_at_bytes = 0;
        let held = std::mem::take(&mut self.held);
        (!held.trim().is_empty()).then_some(held)
    }
}

/// The statements of `text` that are over, and where the rest begins.
fn cut<'a>(text: &'a str, grammar: &Registries) -> (Vec<&'a str>, usize) {
    let Lexed { tokens, error } = lex(text, grammar);
    let source = source(text, &tokens, grammar);
    let mut statements = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(outcome) = next_statement(&source, at) {
        if outcome.ended == Ended::Text || outcome.result.as_ref().is_err_and(|failure| failure.unfinished) {
            break;
        }
        at = outcome.next;
        let end = match outcome.ended {
            Ended::Semicolon => tokens[at - 1].span.end,
            Ended::Line | Ended::Text => tokens[at].span.start,
        };
        statements.push(&text[from..end]);
        from = end;
    }
    if let Some(error) = error
        && !error.unterminated
        && let Some(place) = error.diagnostic.span
        && let Some(line) = text[place.start..].find('\n')
    {
        let end = place.start + line + 1;
        statements.push(&text[from..end]);
        from = end;
    }
    (statements, from)
}
