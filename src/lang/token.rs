//! Tokens: the words, numbers, texts and signs of a statement, each with its place.

use std::borrow::Cow;

use crate::types::Span;

/// A token, its place, and whether a line ended before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    /// The kind of token.
    pub kind: TokenKind<'a>,
    /// The token's place in the text.
    pub span: Span,
    /// The separation between the token and the one before it.
    pub before: LineBreak,
}

/// The separation of a token from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineBreak {
    /// Both are on one line.
    None,
    /// At least one line ended, and no empty line lies between.
    Line,
    /// An empty line lies between. A line with nothing but a comment is not empty.
    Blank,
}

/// The kinds of token.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind<'a> {
    /// `price`, `FILTER`: a keyword or a name, which of them depends on where it stands
    Word(&'a str),
    /// `` `event time` ``: a name, never a keyword
    Quoted(Cow<'a, str>),
    /// `'it''s'`
    Text(Cow<'a, str>),
    /// `x'0aff'`
    Bytes(Vec<u8>),
    /// `42`
    Integer(&'a str),
    /// `1.5`
    Decimal(&'a str),
    /// `1e5`
    Double(&'a str),
    /// `10s`, in milliseconds
    Duration(i64),
    /// `256mb`, in bytes
    Size(i64),
    /// `(`, `<=`, …
    Symbol(Symbol),
    /// `--json` behind a command that declares it; a comment everywhere else
    Flag(&'a str),
    /// `\d`, `.mode`: a command that ends with its line
    Directive(&'a str),
    /// An argument of a directive: anything up to white space
    Raw(&'a str),
}

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Signs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Symbol {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $name,)+
        }

        impl Symbol {
            /// The symbol as typed.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

symbols! {
    LeftParen = "(", RightParen = ")", LeftBracket = "[", RightBracket = "]", LeftBrace = "{", RightBrace = "}",
    Comma = ",", Semicolon = ";", Pipe = "|", Concat = "||", Arrow = "->", LongArrow = "->>", Eq = "=", NotEq = "<>", BangEq = "!=", Lt = "<", LtEq = "<=",
    Gt = ">", GtEq = ">=", Plus = "+", Minus = "-", Star = "*", Slash = "/", Percent = "%", Dot = ".", DotDot = "..", Colon = ":",
    Question = "?",
}

impl Symbol {
    /// The symbol that `text` begins with; the longest one wins.
    pub(super) fn at(text: &[u8]) -> Option<Self> {
        Some(match (text.first()?, text.get(1)) {
            (b'-', Some(b'>')) if text.get(2) == Some(&b'>') => Self::LongArrow,
            (b'-', Some(b'>')) => Self::Arrow,
            (b'|', Some(b'|')) => Self::Concat,
            (b'<', Some(b'>')) => Self::NotEq,
            (b'<', Some(b'=')) => Self::LtEq,
            (b'>', Some(b'=')) => Self::GtEq,
            (b'!', Some(b'=')) => Self::BangEq,
            (b'.', Some(b'.')) => Self::DotDot,
            (b'(', _) => Self::LeftParen,
            (b')', _) => Self::RightParen,
            (b'[', _) => Self::LeftBracket,
            (b']', _) => Self::RightBracket,
            (b'{', _) => Self::LeftBrace,
            (b'}', _) => Self::RightBrace,
            (b',', _) => Self::Comma,
            (b';', _) => Self::Semicolon,
            (b'|', _) => Self::Pipe,
            (b'=', _) => Self::Eq,
            (b'<', _) => Self::Lt,
            (b'>', _) => Self::Gt,
            (b'+', _) => Self::Plus,
            (b'-', _) => Self::Minus,
            (b'*', _) => Self::Star,
            (b'/', _) => Self::Slash,
            (b'%', _) => Self::Percent,
            (b'.', _) => Self::Dot,
            (b':', _) => Self::Colon,
            (b'?', _) => Self::Question,
            _ => return None,
        })
    }
}

impl Symbol {
    /// Whether it opens a bracket.
    pub(super) const fn opens(self) -> bool {
        self.closing().is_some()
    }

    /// The sign that closes the bracket which it opens, if it opens one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "three of many signs open a bracket")]
    pub(super) const fn closing(self) -> Option<Self> {
        match self {
            Self::LeftParen => Some(Self::RightParen),
            Self::LeftBracket => Some(Self::RightBracket),
            Self::LeftBrace => Some(Self::RightBrace),
            _ => None,
        }
    }

    /// Whether it closes a bracket.
    pub(super) const fn closes(self) -> bool {
        matches!(self, Self::RightParen | Self::RightBracket | Self::RightBrace)
    }
}

impl Token<'_> {
    /// The brackets that are open behind it, when `depth` are before it.
    #[must_use]
    pub const fn depth_behind(&self, depth: usize) -> usize {
        match self.kind {
            TokenKind::Symbol(symbol) if symbol.opens() => depth + 1,
            TokenKind::Symbol(symbol) if symbol.closes() => depth.saturating_sub(1),
            TokenKind::Symbol(_)
            | TokenKind::Word(_)
            | TokenKind::Quoted(_)
            | TokenKind::Text(_)
            | TokenKind::Bytes(_)
            | TokenKind::Integer(_)
            | TokenKind::Decimal(_)
            | TokenKind::Double(_)
            | TokenKind::Duration(_)
            | TokenKind::Size(_)
            | TokenKind::Flag(_)
            | TokenKind::Directive(_)
            | TokenKind::Raw(_) => depth,
        }
    }

    /// Whether it is this symbol.
    #[must_use]
    pub fn is(&self, symbol: Symbol) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }

    /// Whether it is this word, in any case. Directives and flags are words as well: `\d`, `--json`.
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.kind, TokenKind::Word(typed) | TokenKind::Flag(typed) | TokenKind::Directive(typed)
            if typed.eq_ignore_ascii_case(word))
    }
}
