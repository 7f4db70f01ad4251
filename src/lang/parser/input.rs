//! The parser's input: a position in a slice of tokens, and what every parser shares while it reads them.
//!
//! Parsers are nom parsers over [`Tokens`]. A soft failure carries nothing: what was expected, and how far the parser
//! got, is noted in the [`Trace`] by the primitives that look at tokens, so that no `opt` or `alt` can lose it. A hard
//! failure carries its own diagnostic. In a text that is being typed, the [`Cursor`] collects what may stand at its end.

use nom::error::{ErrorKind, ParseError};
use nom::{IResult, Needed, Parser};

use super::expected::{Cursor, Expected, Frame, Kind};
pub(crate) use super::fail::{Fail, refuse, soft};
use super::trace::Trace;
use super::tree::Measured;
use crate::api::Registries;
use crate::lang::token::{LineBreak, Symbol, Token, TokenKind};
use crate::types::{Diagnostic, Span, Spanned};

/// Brackets, prefix operators and nested forms inside one another.
pub const MAX_NESTING: u16 = 200;

/// The source that all parsers of one text share.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) tokens: &'a [Token<'a>],
    pub(crate) grammar: &'a Registries,
    pub(crate) trace: Trace,
    /// Parses an expression whose operators bind at least so tightly. What stands in an expression reaches it through
    /// here, so that its files need not know it.
    pub(super) climb: Climb,
    /// The cursor of a text that is being typed, behind the last token.
    pub(super) cursor: Option<Cursor>,
}

/// A position in the tokens. Copied freely; `at` only grows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens<'a> {
    pub(crate) source: &'a Source<'a>,
    pub(crate) at: usize,
    pub(crate) end: usize,
    /// Whether something is still due (a closing bracket, the `=` of a `run`), so that the end of a line ends nothing.
    open: bool,
    /// Whether `when`, `then`, `else` and `end` belong to a `case` around this place.
    pub(crate) in_case: bool,
    depth: u16,
}

pub(crate) type PResult<'a, T> = IResult<Tokens<'a>, T, Fail>;

/// See [`Source::climb`].
pub(super) type Climb = for<'t> fn(Tokens<'t>, u8) -> PResult<'t, Measured>;

impl<'a> ParseError<Tokens<'a>> for Fail {
    fn from_error_kind(_: Tokens<'a>, _: ErrorKind) -> Self {
        Self(None)
    }

    fn append(_: Tokens<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token<'a>], grammar: &'a Registries, climb: Climb) -> Self {
        Self { text, tokens, grammar, trace: Trace::default(), climb, cursor: None }
    }

    /// The tokens from `at` on, at the outermost level.
    pub(crate) fn from(&'a self, at: usize) -> Tokens<'a> {
        Tokens { source: self, at, end: self.tokens.len(), open: false, in_case: false, depth: 0 }
    }
}

impl<'a> Tokens<'a> {
    /// The tokens that are left.
    pub(crate) fn rest(&self) -> &'a [Token<'a>] {
        &self.source.tokens[self.at..self.end]
    }

    pub(crate) fn peek(&self) -> Option<&'a Token<'a>> {
        self.rest().first()
    }

    /// The token `ahead` places on.
    pub(crate) fn ahead(&self, ahead: usize) -> Option<&'a Token<'a>> {
        self.rest().get(ahead)
    }

    pub(crate) fn skip(mut self, tokens: usize) -> Self {
        self.at += tokens;
        self
    }

    /// The same place with nothing visible from token `end` on.
    pub(crate) fn until(mut self, end: usize) -> Self {
        self.end = end;
        self
    }

    /// The same place where line ends end nothing.
    pub(crate) fn opened(mut self) -> Self {
        self.open = true;
        self
    }

    /// The same place with the surroundings of `outer`.
    pub(crate) fn back_to(mut self, outer: Self) -> Self {
        (self.open, self.in_case, self.depth) = (outer.open, outer.in_case, outer.depth);
        self
    }

    /// Whether something optional may go on here: not behind the end of a line, which ends a statement that is whole.
    pub(crate) fn continues(&self) -> bool {
        self.open || self.peek().map_or(self.source.cursor.is_some(), |token| token.before == LineBreak::None)
    }

    /// Whether a clause may go on here: it may stand on the next line, but not behind an empty one.
    pub(crate) fn continues_clause(&self) -> bool {
        self.open || self.peek().map_or(self.source.cursor.is_some(), |token| token.before < LineBreak::Blank)
    }

    /// The place of the next token; at the end, the end of the last one.
    pub(crate) fn span(&self) -> Span {
        self.peek().map_or_else(|| Span::new(self.last_end(), self.last_end()), |token| token.span)
    }

    /// The end of the token before this place.
    pub(crate) fn last_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |last| self.source.tokens[last].span.end)
    }

    /// From the beginning of `start`'s token to the end of the one before this place.
    pub(crate) fn span_from(&self, start: Self) -> Span {
        let from = start.span().start;
        Span::new(from, self.last_end().max(from))
    }

    pub(crate) fn note(&self, expected: Expected) {
        self.source.trace.note(self.at, expected);
        if let Some(cursor) = &self.source.cursor {
            if let Some(label) = self.source.trace.label(self.at) {
                cursor.note(self.at, Expected::Kind(label));
            }
            cursor.note(self.at, expected);
        }
    }

    /// Notes for the cursor what may stand here too, though no error lists it.
    pub(super) fn suggest(&self, expected: Expected) {
        if let Some(cursor) = &self.source.cursor {
            cursor.note(self.at, expected);
        }
    }

    /// Fails here, where `what` was expected.
    pub(crate) fn fail<T>(&self, what: Kind) -> Result<T, nom::Err<Fail>> {
        self.note(Expected::Kind(what));
        soft()
    }

    /// The same place one level deeper.
    ///
    /// # Errors
    /// When it is too deep.
    pub(crate) fn deeper(mut self) -> Result<Self, nom::Err<Fail>> {
        if self.depth >= MAX_NESTING {
            return refuse(
                Diagnostic::at(self.span(), format!("nested deeper than {MAX_NESTING} levels"))
                    .help("compute a part of it in a `map` before this stage"),
            );
        }
        self.depth += 1;
        Ok(self)
    }
}

/// The sign `symbol`.
pub(crate) fn symbol<'a>(symbol: Symbol) -> impl Fn(Tokens<'a>) -> PResult<'a, Span> {
    move |input| match input.peek() {
        Some(token) if token.is(symbol) => Ok((input.skip(1), token.span)),
        _ => {
            input.note(Expected::Exactly(symbol.text()));
            soft()
        }
    }
}

/// The keyword `word`, in any case.
pub(crate) fn keyword<'a>(word: &'static str) -> impl Fn(Tokens<'a>) -> PResult<'a, Span> {
    move |input| match input.peek() {
        Some(token) if token.is_word(word) => Ok((input.skip(1), token.span)),
        _ => {
            input.note(Expected::Exactly(word));
            soft()
        }
    }
}

/// Notes for the cursor the next word of each of these names of several words that begins with all tokens from `input` on.
pub(super) fn suggest_further(input: Tokens<'_>, names: impl Iterator<Item = &'static str>) {
    let Some(cursor) = &input.source.cursor else { return };
    let typed = input.rest();
    for name in names {
        let mut words = name.split(' ');
        if !typed.is_empty() && typed.iter().all(|token| words.next().is_some_and(|word| token.is_word(word))) {
            words.next().into_iter().for_each(|word| cursor.note(input.end, Expected::Exactly(word)));
        }
    }
}

/// `parser`, in the middle of `frame`.
pub(super) fn within<'a, P, T>(input: Tokens<'a>, frame: impl FnOnce() -> Frame, mut parser: P) -> PResult<'a, T>
where
    P: Parser<Tokens<'a>, Output = T, Error = Fail>,
{
    let Some(cursor) = &input.source.cursor else { return parser.parse(input) };
    cursor.enter(frame());
    let result = parser.parse(input);
    cursor.leave();
    result
}

/// The keywords of `words`, separated by blanks in it. Only the first is noted as expected when it is missing.
pub(crate) fn keywords<'a>(words: &'static str) -> impl Fn(Tokens<'a>) -> PResult<'a, Span> {
    move |start| {
        let mut input = start;
        for word in words.split(' ') {
            let (rest, _) = keyword(word)(input)?;
            input = rest;
        }
        Ok((input, input.span_from(start)))
    }
}

/// `parser`, if this line goes on.
pub(crate) fn on_line<'a, P, T>(mut parser: P) -> impl FnMut(Tokens<'a>) -> PResult<'a, T>
where
    P: Parser<Tokens<'a>, Output = T, Error = Fail>,
{
    move |input: Tokens<'a>| {
        if input.peek().is_some() && !input.continues() {
            return soft();
        }
        parser.parse(input)
    }
}

/// The comma between two items of a list.
pub(crate) fn comma(input: Tokens<'_>) -> PResult<'_, Span> {
    on_line(symbol(Symbol::Comma))(input)
}

/// `parser`, with `what` standing for everything that can be expected at its beginning.
pub(crate) fn labelled<'a, P, T>(what: Kind, mut parser: P) -> impl FnMut(Tokens<'a>) -> PResult<'a, T>
where
    P: Parser<Tokens<'a>, Output = T, Error = Fail>,
{
    move |input: Tokens<'a>| {
        let trace = &input.source.trace;
        let outer = trace.enter(input.at, what);
        let result = parser.parse(input);
        trace.leave(outer);
        result
    }
}

/// `parser` between two signs, with line ends ending nothing, one level deeper.
pub(crate) fn bracketed<'a, P, T>(
    open: Symbol,
    mut parser: P,
    close: Symbol,
) -> impl FnMut(Tokens<'a>) -> PResult<'a, T>
where
    P: Parser<Tokens<'a>, Output = T, Error = Fail>,
{
    move |outer: Tokens<'a>| {
        let (inside, _) = symbol(open)(outer)?;
        let mut inside = inside.back_to(outer.deeper()?).opened();
        inside.in_case = false;
        let (rest, inner) = parser.parse(inside)?;
        let (rest, _) = symbol(close)(rest)?;
        Ok((rest.back_to(outer), inner))
    }
}

/// `parser`, behind which something else must still come: line ends end nothing inside it.
pub(crate) fn unfinished<'a, P, T>(mut parser: P) -> impl FnMut(Tokens<'a>) -> PResult<'a, T>
where
    P: Parser<Tokens<'a>, Output = T, Error = Fail>,
{
    move |outer: Tokens<'a>| {
        let (rest, inner) = parser.parse(outer.opened())?;
        Ok((rest.back_to(outer), inner))
    }
}

/// Any word or quoted name, as the name of a column or field.
pub(crate) fn field_name(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    match input.peek() {
        Some(Token { kind: TokenKind::Word(name) | TokenKind::Raw(name), span, .. }) => {
            Ok((input.skip(1), Spanned::new((*name).to_owned(), *span)))
        }
        Some(Token { kind: TokenKind::Quoted(name), span, .. }) => {
            Ok((input.skip(1), Spanned::new(name.clone().into_owned(), *span)))
        }
        _ => input.fail(Kind::Name),
    }
}

/// The name of a source, sink, stream or job: it may become the name of a directory.
pub(crate) fn name(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    let (rest, name) = field_name(input)?;
    if name.node.starts_with('.') || name.node.contains(['/', '\\']) {
        return refuse(
            Diagnostic::at(name.span, format!("the name `{}` can't be used", name.node))
                .help("such a name can't contain `/` or `\\`, nor begin with a point"),
        );
    }
    Ok((rest, name))
}

/// `'text'`
pub(crate) fn text(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    match input.peek() {
        Some(Token { kind: TokenKind::Text(text), span, .. }) => {
            Ok((input.skip(1), Spanned::new(text.clone().into_owned(), *span)))
        }
        Some(Token { kind: TokenKind::Raw(text), span, .. }) => {
            Ok((input.skip(1), Spanned::new((*text).to_owned(), *span)))
        }
        _ => input.fail(Kind::Text),
    }
}

impl<'a> nom::Input for Tokens<'a> {
    type Item = &'a Token<'a>;
    type Iter = std::slice::Iter<'a, Token<'a>>;
    type IterIndices = std::iter::Enumerate<std::slice::Iter<'a, Token<'a>>>;

    fn input_len(&self) -> usize {
        self.end - self.at
    }

    fn take(&self, index: usize) -> Self {
        self.until(self.at + index)
    }

    fn take_from(&self, index: usize) -> Self {
        self.skip(index)
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.skip(index), self.take(index))
    }

    fn position<P>(&self, predicate: P) -> Option<usize>
    where
        P: Fn(Self::Item) -> bool,
    {
        self.rest().iter().position(predicate)
    }

    fn iter_elements(&self) -> Self::Iter {
        self.rest().iter()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.rest().iter().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        if count <= self.input_len() { Ok(count) } else { Err(Needed::new(count - self.input_len())) }
    }
}
