//! The place of the cursor: the statement it is in, the tokens before it, and the part that is being typed.

use crate::api::Registries;
use crate::lang::{Splitter, Symbol, Token, TokenKind, lex};

/// Longer texts are not looked at: nobody completes in the middle of a pasted megabyte.
const LONGEST_BYTES: usize = 64 * 1_024;

/// The kind of the part at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A word, or nothing yet.
    Bare,
    /// An argument of a directive, a bare word too.
    Raw,
    /// A name in backquotes, not closed yet.
    Quoted,
    /// A text in quotes, not closed yet.
    Text,
}

/// The cursor in its statement.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    /// The tokens of the statement that end before the part at the cursor.
    pub(super) tokens: Vec<Token<'a>>,
    /// All text before the cursor; the tokens' places are in it.
    pub(super) before: &'a str,
    /// The typed text of the part at the cursor, without an opening quote.
    pub(super) typed: &'a str,
    /// The byte at which the part begins, the opening quote left out.
    pub(super) start: usize,
    /// The kind of part.
    pub(super) part: Part,
    /// Whether a quote already closes the part, behind the cursor.
    pub(super) closed: bool,
    /// Whether a line ended since the last token, outside of brackets: another statement may begin here.
    pub(super) fresh_line: bool,
}

/// `pos`, or the character boundary before it.
pub(super) fn floor(text: &str, pos: usize) -> usize {
    let mut pos = pos.min(text.len());
    while !text.is_char_boundary(pos) {
        pos -= 1;
    }
    pos
}

impl<'a> Cursor<'a> {
    /// The cursor at `pos`; `None` where nothing can be completed: inside a comment, behind a mistake, in a long text.
    pub(super) fn at(text: &'a str, pos: usize, grammar: &Registries) -> Option<Self> {
        let pos = floor(text, pos);
        let before = &text[..pos];
        if before.len() > LONGEST_BYTES {
            return None;
        }
        let (mut tokens, start, part) = parts(before, grammar)?;
        let opening = usize::from(matches!(part, Part::Quoted | Part::Text));
        let statement = statement_start(&before[..start - opening], grammar);
        tokens.retain(|token| token.span.start >= statement);
        let last = tokens.last().map_or(statement, |token| token.span.end);
        let depth = tokens.iter().fold(0, |depth, token| token.depth_behind(depth));
        let fresh_line = depth == 0
            && !tokens.is_empty()
            && !tokens.last().is_some_and(|token| token.is(Symbol::Pipe))
            && before[last..start].contains('\n');
        let directive = tokens.first().is_some_and(|first| matches!(first.kind, TokenKind::Directive(_)));
        let part = if directive && part == Part::Bare { Part::Raw } else { part };
        let quote = if part == Part::Quoted { '`' } else { '\'' };
        Some(Self {
            tokens,
            before,
            typed: &before[start..],
            start,
            part,
            closed: opening == 1 && text[pos..].starts_with(quote),
            fresh_line,
        })
    }
}

/// The tokens before the part at the end of `before`, where the part begins, and what it is.
fn parts<'a>(before: &'a str, grammar: &Registries) -> Option<(Vec<Token<'a>>, usize, Part)> {
    let lexed = lex(before, grammar);
    let mut tokens = lexed.tokens;
    if let Some(error) = lexed.error {
        let place = error.diagnostic.span?.start;
        return match (error.unterminated, before.as_bytes().get(place)) {
            (true, Some(b'\'')) => Some((tokens, place + 1, Part::Text)),
            (true, Some(b'`')) => Some((tokens, place + 1, Part::Quoted)),
            _ => None,
        };
    }
    let end = tokens.last().map_or(0, |token| token.span.end);
    let Some(last) = tokens.last().filter(|_| end == before.len()) else {
        return behind_token(before, end).map(|start| (tokens, start, Part::Bare));
    };
    let start = last.span.start;
    let part = match last.kind {
        TokenKind::Word(_) | TokenKind::Flag(_) | TokenKind::Directive(_) => Part::Bare,
        TokenKind::Raw(_) => Part::Raw,
        // The beginning of a directive: a point, where a statement begins.
        TokenKind::Symbol(Symbol::Dot) if tokens.len() == 1 => Part::Bare,
        TokenKind::Symbol(_) => return Some((tokens, before.len(), Part::Bare)),
        TokenKind::Quoted(_)
        | TokenKind::Text(_)
        | TokenKind::Bytes(_)
        | TokenKind::Integer(_)
        | TokenKind::Decimal(_)
        | TokenKind::Double(_)
        | TokenKind::Duration(_)
        | TokenKind::Size(_) => return None,
    };
    tokens.pop();
    Some((tokens, start, part))
}

/// The beginning of the part that stands behind the last token, which ends at `end`: at the cursor, or at the `--` of a
/// flag that is not whole yet. `None` inside a comment.
fn behind_token(before: &str, end: usize) -> Option<usize> {
    let line = before[end..].rfind('\n').map_or(end, |newline| end + newline + 1);
    match before[line..].find("--") {
        None => Some(before.len()),
        Some(at) => {
            let flag = &before[line + at + 2..];
            let whole = flag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            (whole && end > 0 && line == end).then_some(line + at)
        }
    }
}

/// The beginning of the statement that is not over at the end of `text`.
fn statement_start(text: &str, grammar: &Registries) -> usize {
    let mut splitter = Splitter::default();
    splitter.push(text, grammar);
    text.len() - splitter.finish().map_or(0, |rest| rest.len())
}
