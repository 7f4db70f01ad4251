//! Text to tokens, in one pass.
//!
//! Two rules need to know where statements begin, and the lexer keeps just enough of that to decide them: `--json` is
//! a flag only behind a command that declares it (else a comment), and `\d` or `.mode` are directives, whose arguments
//! are bare words, only where a statement begins. White space is the same everywhere: [`is_space`].

use std::borrow::Cow;

use super::token::{LineBreak, Symbol, Token, TokenKind};
use crate::api::Registries;
use crate::api::Shape;
use crate::types::{Diagnostic, Span, overrides_direction};

/// The longest identifier and number, in bytes.
pub const MAX_WORD_BYTES: usize = 255;

/// The result of [`lex`]: all tokens of a text, or those before the first error.
#[derive(Debug)]
pub struct Lexed<'a> {
    /// The tokens in order.
    pub tokens: Vec<Token<'a>>,
    /// Why there are no more.
    pub error: Option<LexError>,
}

/// Why a text can't be cut into tokens.
#[derive(Debug)]
pub struct LexError {
    /// The error, at its place.
    pub diagnostic: Box<Diagnostic>,
    /// Whether more text could mend it: a text, quoted name or comment has no end.
    pub unterminated: bool,
}

impl LexError {
    /// The byte of `text` at which the mistake begins.
    #[must_use]
    pub fn place(&self, text: &str) -> usize {
        self.diagnostic.span.map_or(text.len(), |span| span.start.min(text.len()))
    }
}

/// Cuts `text` into tokens. Linear in its length.
#[must_use]
pub fn lex<'a>(text: &'a str, grammar: &Registries) -> Lexed<'a> {
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
        before: LineBreak::None,
        empty_line: false,
        depth: 0,
        statement: 0,
        grammar,
    };
    let error = lexer.run().err();
    Lexed { tokens: lexer.tokens, error }
}

struct Lexer<'a, 'g> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    /// The line break that has been seen since the last token.
    before: LineBreak,
    /// Whether the line so far holds nothing but white space.
    empty_line: bool,
    /// Open brackets.
    depth: usize,
    /// The token that the statement begins with.
    statement: usize,
    grammar: &'g Registries,
}

type Step = Result<(), LexError>;

fn error(span: Span, message: impl Into<String>) -> LexError {
    LexError { diagnostic: Box::new(Diagnostic::at(span, message)), unterminated: false }
}

impl LexError {
    fn help(mut self, help: &str) -> Self {
        self.diagnostic = Box::new(self.diagnostic.help(help));
        self
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.diagnostic = Box::new(self.diagnostic.label(label));
        self
    }
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn run(&mut self) -> Step {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        while self.skip_space()? {
            self.token()?;
        }
        Ok(())
    }

    /// Skips white space and comments; false at the end.
    fn skip_space(&mut self) -> Result<bool, LexError> {
        loop {
            match self.rest().chars().next() {
                None => return Ok(false),
                Some('\n') => {
                    self.before = if self.empty_line { LineBreak::Blank } else { self.before.max(LineBreak::Line) };
                    self.empty_line = true;
                    self.at += 1;
                }
                Some('-') if self.byte(1) == b'-' && self.flag_bytes() == 0 => {
                    self.empty_line = false;
                    self.at += memchr::memchr(b'\n', self.rest().as_bytes()).unwrap_or(self.rest().len());
                }
                Some('/') if self.byte(1) == b'*' => self.block_comment()?,
                Some(c) if is_space(c) => self.at += c.len_utf8(),
                Some(_) => return Ok(true),
            }
        }
    }

    fn block_comment(&mut self) -> Step {
        let length = self.rest()[2..].find("*/").map(|end| end + 4).ok_or_else(|| {
            self.unterminated(2, "this comment does not end", "a comment that begins with `/*` ends with `*/`")
        })?;
        if memchr::memchr(b'\n', &self.rest().as_bytes()[..length]).is_some() {
            self.before = self.before.max(LineBreak::Line);
        }
        self.empty_line = false;
        self.at += length;
        Ok(())
    }

    fn unterminated(&self, length: usize, message: &str, help: &str) -> LexError {
        let diagnostic = Diagnostic::at(self.span(length), message).label("it begins here").help(help);
        LexError { diagnostic: Box::new(diagnostic), unterminated: true }
    }

    fn span(&self, length: usize) -> Span {
        Span::new(self.at, self.at + length)
    }

    /// Whether the next token is the first of a statement.
    fn begins_statement(&self) -> bool {
        self.tokens.last().is_none_or(|last| {
            self.depth == 0 && (last.is(Symbol::Semicolon) || (self.before > LineBreak::None && !last.is(Symbol::Pipe)))
        })
    }

    /// The length of the flag that stands here, 0 for none.
    fn flag_bytes(&self) -> usize {
        let name = self.rest()[2..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        if name == 0 || self.depth > 0 || self.begins_statement() {
            return 0;
        }
        let flag = &self.rest()[..2 + name];
        let declared = self.grammar.command(&self.tokens[self.statement..]).is_some_and(|(command, _)| {
            let mut clauses = command.signature.clauses.iter();
            clauses.any(|clause| clause.shape == Shape::Flag && clause.keyword.eq_ignore_ascii_case(flag))
        });
        if declared { flag.len() } else { 0 }
    }

    fn push(&mut self, kind: TokenKind<'a>, length: usize) {
        debug_assert!(length > 0, "a token without a character would be found for ever");
        let is_pipe = kind == TokenKind::Symbol(Symbol::Pipe);
        if self.begins_statement() && !is_pipe {
            self.statement = self.tokens.len();
        }
        let token = Token { kind, span: self.span(length), before: self.before };
        self.depth = token.depth_behind(self.depth);
        self.tokens.push(token);
        self.at += length;
        self.before = LineBreak::None;
        self.empty_line = false;
    }

    fn token(&mut self) -> Step {
        let (first, second) = (self.byte(0), self.byte(1));
        match first {
            b'\\' if second == b'!' && self.begins_statement() => return self.outside_command(2),
            b'\\' if !self.rest()[1..].starts_with(|c| !is_bare(c)) => return self.directive(),
            b'?' if self.begins_statement() || self.behind_help() => return self.directive(),
            b'!' if second != b'=' && self.begins_statement() => return self.outside_command(1),
            b'!' if self.behind_help() => return self.directive(),
            b'.' if second.is_ascii_alphabetic() && (self.begins_statement() || self.behind_help()) => {
                return self.directive();
            }
            b'\'' => return self.text_literal(),
            b'`' => return self.quoted_name(),
            b'x' | b'X' if second == b'\'' => return self.bytes_literal(),
            b'0'..=b'9' => return self.number(),
            b'.' if second.is_ascii_digit() => return self.number(),
            b'-' if second == b'-' => {
                let length = self.flag_bytes();
                self.push(TokenKind::Flag(&self.rest()[..length]), length);
                return Ok(());
            }
            _ => {}
        }
        if let Some(symbol) = Symbol::at(self.rest().as_bytes()) {
            self.push(TokenKind::Symbol(symbol), symbol.text().len());
            return Ok(());
        }
        let c = self.rest().chars().next().unwrap_or('\0');
        if c.is_alphabetic() || c == '_' {
            let length = word_bytes(self.rest());
            self.check_length(length, "identifier")?;
            self.push(TokenKind::Word(&self.rest()[..length]), length);
            return Ok(());
        }
        Err(self.unexpected(c))
    }

    /// Whether the topic of `help` stands here.
    fn behind_help(&self) -> bool {
        matches!(&self.tokens[self.statement.min(self.tokens.len())..], [token] if token.is_word("help"))
    }

    fn check_length(&self, length: usize, what: &str) -> Step {
        if length > MAX_WORD_BYTES {
            return Err(error(self.span(length), format!("{what} longer than {MAX_WORD_BYTES} bytes"))
                .label(format!("it has {length}")));
        }
        Ok(())
    }

    fn unexpected(&self, c: char) -> LexError {
        let span = self.span(c.len_utf8());
        let shown = if c.is_control() || overrides_direction(c) {
            format!("unexpected character U+{:04X}", u32::from(c))
        } else {
            format!("unexpected character `{c}`")
        };
        let unexpected = error(span, shown);
        match c {
            '"' => unexpected.help("a text stands in single quotes: 'text'; a name in backquotes: `name`"),
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => {
                unexpected.help("a text stands in straight single quotes: 'text'")
            }
            '&' => unexpected.help("write `and`"),
            '!' => unexpected.help("write `not`, or `<>` for unequal"),
            '#' => unexpected.help("a comment begins with `--`"),
            _ => unexpected,
        }
    }

    fn text_literal(&mut self) -> Step {
        let Some((text, length)) = unquote(self.rest(), b'\'') else {
            return Err(self.unterminated(
                1,
                "this text does not end",
                "a text ends with `'`; a quote inside it is doubled: ''",
            ));
        };
        if let Some(nul) = memchr::memchr(0, text.as_bytes()) {
            return Err(error(Span::new(self.at + 1 + nul, self.at + 2 + nul), "a NUL character in a text"));
        }
        self.push(TokenKind::Text(text), length);
        Ok(())
    }

    fn quoted_name(&mut self) -> Step {
        let Some((name, length)) = unquote(self.rest(), b'`') else {
            return Err(self.unterminated(1, "this name does not end", "a quoted name ends with a backquote"));
        };
        if name.is_empty() {
            return Err(error(self.span(length), "an empty name"));
        }
        self.check_length(name.len(), "identifier")?;
        if let Some(c) = name.chars().find(|&c| c.is_control() || overrides_direction(c)) {
            return Err(error(self.span(length), format!("a name with the character U+{:04X}", u32::from(c)))
                .help("control characters and overrides of the writing direction can't stand in names"));
        }
        self.push(TokenKind::Quoted(name), length);
        Ok(())
    }

    fn bytes_literal(&mut self) -> Step {
        let rest = &self.rest()[1..];
        let Some((digits, length)) = unquote(rest, b'\'') else {
            return Err(self.unterminated(2, "this text does not end", "hexadecimal digits end with `'`"));
        };
        let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(hex(*high)? << 4 | hex(*low)?),
            _ => None,
        });
        let Some(bytes) = bytes.collect::<Option<Vec<u8>>>() else {
            return Err(error(self.span(length + 1), "not a sequence of bytes")
                .label("expected an even number of hexadecimal digits"));
        };
        self.push(TokenKind::Bytes(bytes), length + 1);
        Ok(())
    }

    /// `42`, `1.5`, `1e5`, `10s`
    fn number(&mut self) -> Step {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let whole = digits(0);
        let mut length = whole;
        let mut kind: fn(&'a str) -> TokenKind<'a> = TokenKind::Integer;
        let after_point = bytes.get(length + 1).copied().unwrap_or(0);
        if bytes.get(length) == Some(&b'.') && !after_point.is_ascii_alphabetic() && !matches!(after_point, b'_' | b'.')
        {
            length += 1 + digits(length + 1);
            kind = TokenKind::Decimal;
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(length + 1 + sign..).map_or(0, |_| digits(length + 1 + sign));
            if exponent > 0 {
                length += 1 + sign + exponent;
                kind = TokenKind::Double;
            }
        }
        self.check_length(length, "number")?;
        let number = &rest[..length];
        let suffix = word_bytes(&rest[length..]);
        if suffix > 0 {
            return self.duration(number, &rest[length..length + suffix]);
        }
        let kind = kind(number);
        if matches!(kind, TokenKind::Double(_)) && number.parse::<f64>().is_ok_and(f64::is_infinite) {
            return Err(error(self.span(length), format!("`{number}` is out of the range of a double")));
        }
        self.push(kind, length);
        Ok(())
    }

    fn duration(&mut self, number: &str, unit: &str) -> Step {
        let length = number.len() + unit.len();
        self.check_length(length, "identifier")?;
        let typed = format!("{number}{unit}");
        if let Some(shift) = size_shift(unit) {
            let bytes = number.parse::<i64>().ok().and_then(|number| number.checked_mul(1 << shift));
            let refused =
                || error(self.span(length), format!("`{typed}` is not a size")).label("expected such as 256mb");
            self.push(TokenKind::Size(bytes.ok_or_else(refused)?), length);
            return Ok(());
        }
        let unit_ms: i64 = match unit.to_ascii_lowercase().as_str() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => {
                let unknown = error(
                    Span::new(self.at + number.len(), self.at + length),
                    format!("`{unit}` is not a unit of time"),
                );
                return Err(unknown
                    .label("expected ms, s, m, h or d")
                    .help("a duration is a whole number and its unit: 250ms, 10s, 5m, 1h, 1d"));
            }
        };
        if number.bytes().any(|byte| !byte.is_ascii_digit()) {
            return Err(error(self.span(length), format!("`{typed}` is not a duration"))
                .label("expected a whole number and a unit")
                .help("write 1500ms for one and a half seconds"));
        }
        let Some(ms) = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_ms)) else {
            return Err(error(self.span(length), format!("the duration `{typed}` is out of range"))
                .label("more than 292 million years"));
        };
        self.push(TokenKind::Duration(ms), length);
        Ok(())
    }

    /// `\d bids`, `.mode csv`: the word, then its arguments as bare words up to the end of the line. Behind the first
    /// word of a statement (`help \d`) only the word.
    fn directive(&mut self) -> Step {
        let leads = self.begins_statement();
        if self.byte(0) == b'?' {
            // `?window` is `? window`.
            self.push(TokenKind::Directive("?"), 1);
        } else {
            self.bare_word(TokenKind::Directive)?;
        }
        if !leads {
            return Ok(());
        }
        loop {
            self.at += length_of(self.rest(), |c| is_space(c) && c != '\n');
            match (self.byte(0), self.byte(1)) {
                (0, _) if self.rest().is_empty() => break,
                (b'\n', _) => break,
                (b';', _) => {
                    self.push(TokenKind::Symbol(Symbol::Semicolon), 1);
                    break;
                }
                (b'-', b'-') if self.flag_bytes() == 0 => break,
                (b'-', b'-') => self.token()?,
                (b'\'', _) => self.text_literal()?,
                (b'`', _) => self.quoted_name()?,
                _ => self.bare_word(TokenKind::Raw)?,
            }
        }
        Ok(())
    }

    /// `!ls -l; pwd`: the sign, then the line as it stands.
    fn outside_command(&mut self, sign: usize) -> Step {
        self.push(TokenKind::Directive(&self.rest()[..sign]), sign);
        self.at += length_of(self.rest(), |c| is_space(c) && c != '\n');
        let line = memchr::memchr(b'\n', self.rest().as_bytes()).unwrap_or(self.rest().len());
        let line = self.rest()[..line].trim_end().len();
        if line > 0 { self.bare(TokenKind::Raw, line) } else { Ok(()) }
    }

    fn bare_word(&mut self, kind: fn(&'a str) -> TokenKind<'a>) -> Step {
        self.bare(kind, length_of(self.rest(), is_bare))
    }

    fn bare(&mut self, kind: fn(&'a str) -> TokenKind<'a>, length: usize) -> Step {
        let word = &self.rest()[..length];
        if let Some((at, c)) = word.char_indices().find(|&(_, c)| c.is_control() || overrides_direction(c)) {
            self.at += at;
            return Err(self.unexpected(c));
        }
        self.push(kind(word), length);
        Ok(())
    }
}

/// The text between the quote that `rest` begins with and the next single one, doubled quotes made single, and the
/// length of all of it.
fn unquote(rest: &str, quote: u8) -> Option<(Cow<'_, str>, usize)> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    let mut doubled = false;
    loop {
        at += memchr::memchr(quote, &bytes[at..])?;
        if bytes.get(at + 1) != Some(&quote) {
            break;
        }
        doubled = true;
        at += 2;
    }
    let inner = &rest[1..at];
    let quote = char::from(quote).to_string();
    let inner = if doubled { Cow::Owned(inner.replace(&quote.repeat(2), &quote)) } else { Cow::Borrowed(inner) };
    Some((inner, at + 1))
}

/// The length of the word that `text` begins with.
fn word_bytes(text: &str) -> usize {
    length_of(text, |c| c.is_alphanumeric() || c == '_')
}

/// The length, in bytes, of the characters that `text` begins with and that are `wanted`.
fn length_of(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c: char| !wanted(c)).unwrap_or(text.len())
}

/// White space: what separates tokens, and the bare words of a directive.
fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// Whether a bare word may hold `c`.
fn is_bare(c: char) -> bool {
    !is_space(c) && c != ';'
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The power of two that a unit of memory multiplies by; `None` for any other unit.
pub(super) fn size_shift(unit: &str) -> Option<u32> {
    match unit.to_ascii_lowercase().as_str() {
        "kb" => Some(10),
        "mb" => Some(20),
        "gb" => Some(30),
        _ => None,
    }
}
