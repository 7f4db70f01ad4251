//! RFC 8259's grammar, strictly, over a record that ends at a line feed: the general parser behind the predicted layout.
//! It never passes a line feed, so that whatever is wrong is wrong with this line.

use super::super::scan;

/// Levels of nesting that are followed.
pub(super) const DEPTH_MAX: u32 = 128;

/// The record breaks the grammar; where and how stands in the [`Parser`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// A string's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    /// The first byte of its content.
    pub(super) start: usize,
    /// The position of the string's closing quote.
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// The piece that comes next in an object that is a record.
pub(super) enum Piece {
    /// A field: its name, and where its value begins.
    Field(Text, usize),
    /// The end of the record.
    End,
    /// A line without a record.
    Blank,
}

/// The parser of a record, and where the record broke.
#[derive(Debug)]
pub(super) struct Parser {
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

impl Parser {
    pub(super) const fn new() -> Self {
        Self { at: 0, expected: "" }
    }

    #[cold]
    const fn broken<T>(&mut self, at: usize, expected: &'static str) -> Result<T, Broken> {
        self.at = at;
        self.expected = expected;
        Err(Broken)
    }

    /// The next field of the object at `pos` (its opening brace when `first`, else what follows a value).
    pub(super) fn piece(&mut self, bytes: &[u8], pos: usize, first: bool, at_end: bool) -> Result<Piece, Broken> {
        let mut pos = space(bytes, pos);
        if first {
            match bytes.get(pos) {
                Some(b'{') => pos = space(bytes, pos + 1),
                Some(b'\n') => return Ok(Piece::Blank),
                None if at_end => return Ok(Piece::Blank),
                _ => return self.broken(pos, "an object"),
            }
            if bytes.get(pos) == Some(&b'}') {
                return self.end(bytes, pos + 1, at_end);
            }
        } else {
            match bytes.get(pos) {
                Some(b',') => pos = space(bytes, pos + 1),
                Some(b'}') => return self.end(bytes, pos + 1, at_end),
                _ => return self.broken(pos, "',' or '}'"),
            }
        }
        let (key, value) = self.key(bytes, pos)?;
        Ok(Piece::Field(key, value))
    }

    fn end(&mut self, bytes: &[u8], pos: usize, at_end: bool) -> Result<Piece, Broken> {
        let pos = space(bytes, pos);
        match bytes.get(pos) {
            Some(b'\n') => Ok(Piece::End),
            None if at_end => Ok(Piece::End),
            _ => self.broken(pos, "the end of the line"),
        }
    }

    /// A field's name at `pos`, and where its value begins.
    pub(super) fn key(&mut self, bytes: &[u8], pos: usize) -> Result<(Text, usize), Broken> {
        if bytes.get(pos) != Some(&b'"') {
            return self.broken(pos, "a field name in quotes");
        }
        let key = self.string(bytes, pos)?;
        let colon = space(bytes, key.end + 1);
        if bytes.get(colon) != Some(&b':') {
            return self.broken(colon, "':'");
        }
        Ok((key, space(bytes, colon + 1)))
    }

    /// The string whose opening quote stands at `pos`.
    #[inline]
    pub(super) fn string(&mut self, bytes: &[u8], pos: usize) -> Result<Text, Broken> {
        let start = pos + 1;
        let stop = scan::string_stop(bytes, start);
        if bytes.get(stop) == Some(&b'"') {
            return Ok(Text { start, end: stop, escaped: false });
        }
        self.rich_string(bytes, start, stop)
    }

    /// A string with escapes or characters beyond ASCII, plain up to `pos`.
    fn rich_string(&mut self, bytes: &[u8], start: usize, mut pos: usize) -> Result<Text, Broken> {
        let mut escaped = false;
        loop {
            pos = scan::escape_stop(bytes, pos);
            match bytes.get(pos) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    pos = self.escape(bytes, pos)?;
                }
                Some(b'\n') | None => return self.broken(pos, "a closing quote"),
                Some(_) => return self.broken(pos, "control characters to be escaped"),
            }
        }
        match simdutf8::compat::from_utf8(&bytes[start..pos]) {
            Ok(_) => Ok(Text { start, end: pos, escaped }),
            Err(error) => self.broken(start + error.valid_up_to(), "UTF-8"),
        }
    }

    /// Checks the escape at `pos`; returns the position behind it (behind both halves of a surrogate pair).
    fn escape(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Broken> {
        match bytes.get(pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
            Some(b'u') => {
                let unit = self.hex(bytes, pos + 2)?;
                if matches!(unit, 0xdc00..=0xdfff) {
                    return self.broken(pos, "a high surrogate before the low one");
                }
                if !matches!(unit, 0xd800..=0xdbff) {
                    return Ok(pos + 6);
                }
                for (at, expected) in [(pos + 6, b'\\'), (pos + 7, b'u')] {
                    if bytes.get(at) != Some(&expected) {
                        return self.broken(at, "a low surrogate behind the high one");
                    }
                }
                if !matches!(self.hex(bytes, pos + 8)?, 0xdc00..=0xdfff) {
                    return self.broken(pos + 8, "a low surrogate behind the high one");
                }
                Ok(pos + 12)
            }
            _ => self.broken(pos + 1, "an escape such as \\n or \\u0041"),
        }
    }

    fn hex(&mut self, bytes: &[u8], pos: usize) -> Result<u32, Broken> {
        let mut unit = 0;
        for at in pos..pos + 4 {
            match bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16)) {
                Some(digit) => unit = unit * 16 + digit,
                None => return self.broken(at, "four hexadecimal digits"),
            }
        }
        Ok(unit)
    }

    /// Checks the number at `pos`; returns the position behind it.
    pub(super) fn number(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Broken> {
        let mut at = pos + usize::from(bytes.get(pos) == Some(&b'-'));
        match bytes.get(at) {
            // Nothing but a point or an exponent may follow a zero; the caller finds anything else.
            Some(b'0') => at += 1,
            Some(b'1'..=b'9') => at = digits(bytes, at),
            _ => return self.broken(at, "a digit"),
        }
        if bytes.get(at) == Some(&b'.') {
            at = self.some_digits(bytes, at + 1)?;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            at = self.some_digits(bytes, at)?;
        }
        Ok(at)
    }

    fn some_digits(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Broken> {
        let end = digits(bytes, pos);
        if end == pos { self.broken(pos, "a digit") } else { Ok(end) }
    }

    /// Checks that `word` stands at `pos`; returns the position behind it.
    pub(super) fn word(&mut self, bytes: &[u8], pos: usize, word: &'static str) -> Result<usize, Broken> {
        for (at, &letter) in (pos..).zip(word.as_bytes()) {
            if bytes.get(at) != Some(&letter) {
                return self.broken(at, "a value");
            }
        }
        Ok(pos + word.len())
    }

    /// Checks the value at `pos`, whatever it is; returns the position behind it.
    pub(super) fn skip(&mut self, bytes: &[u8], pos: usize, depth: u32) -> Result<usize, Broken> {
        match bytes.get(pos) {
            Some(b'"') => Ok(self.string(bytes, pos)?.end + 1),
            Some(b'-' | b'0'..=b'9') => self.number(bytes, pos),
            Some(b't') => self.word(bytes, pos, "true"),
            Some(b'f') => self.word(bytes, pos, "false"),
            Some(b'n') => self.word(bytes, pos, "null"),
            Some(b'{') => self.members(bytes, pos, depth, |parser, bytes, pos| {
                let (_, value) = parser.key(bytes, pos)?;
                parser.skip(bytes, value, depth + 1)
            }),
            Some(b'[') => self.members(bytes, pos, depth, |parser, bytes, pos| parser.skip(bytes, pos, depth + 1)),
            _ => self.broken(pos, "a value"),
        }
    }

    /// The object or array whose bracket stands at `pos`, at `depth`: `member` takes each field or item and returns the
    /// position behind it. Returns the position behind the closing bracket.
    pub(super) fn members(
        &mut self,
        bytes: &[u8],
        pos: usize,
        depth: u32,
        mut member: impl FnMut(&mut Self, &[u8], usize) -> Result<usize, Broken>,
    ) -> Result<usize, Broken> {
        if depth >= DEPTH_MAX {
            return self.broken(pos, "at most 128 levels of nesting");
        }
        let (close, expected) = if bytes.get(pos) == Some(&b'{') { (b'}', "',' or '}'") } else { (b']', "',' or ']'") };
        let mut pos = space(bytes, pos + 1);
        if bytes.get(pos) == Some(&close) {
            return Ok(pos + 1);
        }
        loop {
            pos = space(bytes, member(self, bytes, pos)?);
            match bytes.get(pos) {
                Some(b',') => pos = space(bytes, pos + 1),
                Some(byte) if *byte == close => return Ok(pos + 1),
                _ => return self.broken(pos, expected),
            }
        }
    }
}

/// The position of the first byte at or behind `pos` that is no space; a line feed is one.
#[inline]
pub(super) fn space(bytes: &[u8], mut pos: usize) -> usize {
    while matches!(bytes.get(pos), Some(b' ' | b'\t' | b'\r')) {
        pos += 1;
    }
    pos
}

fn digits(bytes: &[u8], mut pos: usize) -> usize {
    while bytes.get(pos).is_some_and(u8::is_ascii_digit) {
        pos += 1;
    }
    pos
}

/// Appends what the content of a string, already checked, stands for.
pub(super) fn unescape(content: &[u8], out: &mut Vec<u8>) {
    let mut rest = content;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let taken = match rest.get(at + 1) {
            Some(b'b') => simple(out, 0x08),
            Some(b'f') => simple(out, 0x0c),
            Some(b'n') => simple(out, b'\n'),
            Some(b'r') => simple(out, b'\r'),
            Some(b't') => simple(out, b'\t'),
            Some(b'u') => unescape_unicode(&rest[at..], out),
            Some(&same) => simple(out, same),
            None => 1,
        };
        rest = rest.get(at + taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn simple(out: &mut Vec<u8>, byte: u8) -> usize {
    out.push(byte);
    2
}

fn unescape_unicode(escape: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 4).unwrap_or_default();
        digits.iter().fold(0, |unit, &digit| unit * 16 + char::from(digit).to_digit(16).unwrap_or(0))
    };
    let (code, taken) = match unit(2) {
        high @ 0xd800..=0xdbff => (0x1_0000 + ((high - 0xd800) << 10) + (unit(8) & 0x3ff), 12),
        code => (code, 6),
    };
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    taken
}
