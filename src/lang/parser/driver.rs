//! The driver of the parsers, which finds where statements end.

use nom::Err;

use super::expected::{Cursor, Expectations, Expected, Kind};
use super::expr::climb;
use super::input::{Fail, Source};
use super::operand::expr;
use super::report;
use super::statement::{command_end, is_command, statement};
use crate::api::Registries;
use crate::expr::ast::ExprNode;
use crate::lang::ast::Statement;
use crate::lang::lexer::{Lexed, lex};
use crate::lang::token::{LineBreak, Symbol, Token, TokenKind};
use crate::types::{Diagnostic, Spanned};

/// Parses all statements of `text`.
///
/// A statement ends at `;`, or at the end of a line that completes it: when nothing in it is due any more (no bracket
/// is open, no operand, stage or keyword missing) and the next line does not go on with it. A line goes on with it when it
/// begins with `|`, or with the keyword of a clause that may stand there and no empty line lies between. A command of
/// the shell ends with its line, except inside brackets and around `|`.
///
/// # Errors
/// The first mistake, at its place. Linear in the length of `text`.
pub fn parse(text: &str, grammar: &Registries) -> Result<Vec<Spanned<Statement>>, Diagnostic> {
    let Lexed { tokens, error } = lex(text, grammar);
    if let Some(error) = error {
        return Err(*error.diagnostic);
    }
    let source = source(text, &tokens, grammar);
    let mut statements = Vec::new();
    let mut at = 0;
    while let Some(outcome) = next_statement(&source, at) {
        statements.push(outcome.result.map_err(|failure| *failure.diagnostic)?);
        at = outcome.next;
    }
    Ok(statements)
}

/// The source that parsers of `text` share.
pub(crate) fn source<'a>(text: &'a str, tokens: &'a [Token<'a>], grammar: &'a Registries) -> Source<'a> {
    Source::new(text, tokens, grammar, climb)
}

/// Parses one expression, and nothing behind it.
///
/// # Errors
/// The first mistake, at its place.
pub fn parse_expr(text: &str) -> Result<ExprNode, Diagnostic> {
    let grammar = Registries::default();
    let Lexed { tokens, error } = lex(text, &grammar);
    if let Some(error) = error {
        return Err(*error.diagnostic);
    }
    let source = source(text, &tokens, &grammar);
    let end = tokens.len();
    match expr(source.from(0).opened()) {
        Ok((rest, parsed)) if rest.at == end => Ok(parsed),
        Ok((rest, _)) => {
            rest.note(Expected::Kind(Kind::EndOfExpression));
            Err(report::diagnostic(&source, end))
        }
        Err(failure) => Err(reported(&source, failure, end)),
    }
}

/// The expectations of what may stand behind `tokens`, the beginning of one statement of `text`. Nothing where they
/// hold a mistake that is not inside of a stage.
#[must_use]
pub fn expectations(text: &str, tokens: &[Token<'_>], grammar: &Registries) -> Expectations {
    let mut source = source(text, tokens, grammar);
    source.cursor = Some(Cursor::behind(tokens.len()));
    // What is wrong with it is of no interest here.
    let _ = statement(source.from(0));
    source.cursor.map(Cursor::into_found).unwrap_or_default()
}

/// What a text that is being typed still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the text is whole, or wrong in a way that more text can't mend.
    Nothing,
    /// A `;` or an empty line: the text ends with a definition (`source`, `sink`, `stream`, `run`) that is whole, but that
    /// a further line could go on with.
    End,
    /// The sign that closes a bracket, text, quoted name or comment.
    Closing(&'static str),
    /// An operand, a stage or a keyword.
    More,
}

/// What is due behind `text` before it ends with a whole statement, by the rule of [`parse`].
#[must_use]
pub fn due(text: &str, grammar: &Registries) -> Due {
    let Lexed { tokens, error } = lex(text, grammar);
    if let Some(error) = error {
        return if error.unterminated { Due::Closing(end_of(&text[error.place(text)..])) } else { Due::Nothing };
    }
    let Some(last) = unfinished_or_last(&source(text, &tokens, grammar)) else { return Due::Nothing };
    match last.result {
        Err(failure) if failure.unfinished => open_bracket(&tokens).map_or(Due::More, Due::Closing),
        Ok(statement) if last.ended == Ended::Text && !text.ends_with('\n') && is_definition(&statement.node) => {
            Due::End
        }
        Err(_) | Ok(_) => Due::Nothing,
    }
}

const fn is_definition(statement: &Statement) -> bool {
    match statement {
        Statement::Source(_)
        | Statement::Sink(_)
        | Statement::Stream { .. }
        | Statement::Process(_)
        | Statement::Function(_)
        | Statement::Run(_) => true,
        Statement::Preview(_) | Statement::Command(_) => false,
    }
}

/// The sign that ends what begins `text` and has no end.
fn end_of(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'/') => "*/",
        Some(b'`') => "`",
        _ => "'",
    }
}

/// The sign that closes the innermost bracket that `tokens` leave open.
fn open_bracket(tokens: &[Token<'_>]) -> Option<&'static str> {
    let mut open = Vec::new();
    for token in tokens {
        let TokenKind::Symbol(symbol) = token.kind else { continue };
        if symbol.closes() {
            open.pop();
        } else if let Some(closing) = symbol.closing() {
            open.push(closing.text());
        }
    }
    open.pop()
}

/// The statement that more text could mend, which reaches to the end, else the last one.
fn unfinished_or_last(source: &Source<'_>) -> Option<Outcome> {
    let mut last: Option<Outcome> = None;
    let mut at = 0;
    while let Some(outcome) = next_statement(source, at) {
        if outcome.result.as_ref().is_err_and(|failure| failure.unfinished) {
            return Some(outcome);
        }
        at = outcome.next;
        last = Some(outcome);
    }
    last
}

/// One statement, or why there is none, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Spanned<Statement>, Failure>,
    /// The token that the next statement begins with.
    pub(crate) next: usize,
    /// The end of the statement.
    pub(crate) ended: Ended,
}

/// The end of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A `;`.
    Semicolon,
    /// A line behind it that does not go on with it.
    Line,
    /// The end of the text: a further line could go on with it.
    Text,
}

/// Why a statement could not be parsed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) diagnostic: Box<Diagnostic>,
    /// Whether more text could mend it.
    pub(crate) unfinished: bool,
}

/// The statement that begins at token `at`; `None` when there is none any more.
pub(crate) fn next_statement(source: &Source<'_>, mut at: usize) -> Option<Outcome> {
    while source.tokens.get(at)?.is(Symbol::Semicolon) {
        at += 1;
    }
    source.trace.restart(at);
    let start = source.from(at);
    let all = source.tokens.len();
    let is_command = is_command(start);
    let end = if is_command { command_end(start) } else { all };
    let failure = match statement(start.until(end)) {
        Ok((rest, statement)) => match source.tokens.get(rest.at) {
            None => return Some(Outcome { result: Ok(statement), next: all, ended: Ended::Text }),
            Some(token) if token.is(Symbol::Semicolon) => {
                return Some(Outcome { result: Ok(statement), next: rest.at + 1, ended: Ended::Semicolon });
            }
            Some(token) if rest.at == end || (!is_command && token.before > LineBreak::None) => {
                return Some(Outcome { result: Ok(statement), next: rest.at, ended: Ended::Line });
            }
            Some(_) => {
                rest.note(Expected::Kind(Kind::EndOfStatement));
                Err::Error(Fail(None))
            }
        },
        Err(failure) => failure,
    };
    let hard = matches!(failure, Err::Failure(_));
    let mut unfinished = !hard && source.trace.read().0 >= all;
    if is_command && unfinished {
        unfinished = is_open(&source.tokens[at..]);
    }
    let diagnostic = Box::new(reported(source, failure, end));
    let next = command_end(start);
    let ended = match source.tokens.get(next) {
        None => Ended::Text,
        Some(token) if token.is(Symbol::Semicolon) => Ended::Semicolon,
        Some(_) => Ended::Line,
    };
    let next = if ended == Ended::Semicolon { next + 1 } else { next };
    Some(Outcome { result: Err(Failure { diagnostic, unfinished }), next, ended })
}

/// Whether `tokens` leave a bracket open or end with `|`.
fn is_open(tokens: &[Token<'_>]) -> bool {
    let depth = tokens.iter().fold(0, |depth, token| token.depth_behind(depth));
    depth > 0 || tokens.last().is_some_and(|token| token.is(Symbol::Pipe))
}

fn reported(source: &Source<'_>, failure: Err<Fail>, end: usize) -> Diagnostic {
    match failure {
        Err::Failure(Fail(Some(diagnostic))) | Err::Error(Fail(Some(diagnostic))) => *diagnostic,
        Err::Failure(Fail(None)) | Err::Error(Fail(None)) | Err::Incomplete(_) => report::diagnostic(source, end),
    }
}
