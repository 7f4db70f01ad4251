//! JSON as a tree over the text it came from: numbers keep their digits, texts without escapes are slices.

use std::borrow::Cow;
use std::fmt::Write;

use hashbrown::HashMap;

/// The brackets that may stand inside each other: what recurses over a tree stays well inside a thread's stack.
const MAX_DEPTH: usize = 500;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::expr) enum Json<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    /// Each key once, where it stood first, with the value that stood last.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Json<'a> {
    /// The value that `text` begins with; as in Flink, what stands behind it is not read.
    pub(in crate::expr) fn parse(text: &'a str) -> Option<Self> {
        Parser { text, at: 0, unique: false }.value(0)
    }

    /// The value that the whole of `text` is; with `unique`, a key that stands twice in an object is a mistake.
    pub(in crate::expr) fn parse_with(text: &'a str, unique: bool) -> Option<Self> {
        let mut parser = Parser { text, at: 0, unique };
        let value = parser.value(0)?;
        parser.space();
        (parser.at == text.len()).then_some(value)
    }

    pub(in crate::expr) const fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// Writes it without spaces, the keys of objects in their order.
    pub(in crate::expr) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => write_number(out, digits),
            Self::Text(text) => quote(out, text),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    separate(out, i);
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(entries) => {
                out.push('{');
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|(one, _), (other, _)| one.cmp(other));
                for (i, (key, value)) in entries.into_iter().enumerate() {
                    separate(out, i);
                    quote(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// A comma before every item but the first.
pub(in crate::expr) fn separate(out: &mut String, i: usize) {
    if i > 0 {
        out.push(',');
    }
}

/// A number as Java's `BigDecimal` writes what it has read.
pub(in crate::expr) fn write_number(out: &mut String, written: &str) {
    let (mantissa, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Some(exponent) = exponent.parse::<i64>().ok().filter(|exponent| exponent.abs() < 1 << 30) else {
        return out.push_str(written);
    };
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let all = format!("{whole}{fraction}");
    let digits = match all.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let scale = length(fraction) - exponent;
    let adjusted = length(digits) - 1 - scale;
    out.push_str(sign);
    if scale == 0 {
        return out.push_str(digits);
    }
    if scale > 0 && adjusted >= -6 {
        let padded = format!("{}{digits}", "0".repeat(usize::try_from(scale + 1 - length(digits)).unwrap_or(0)));
        let point = padded.len() - usize::try_from(scale).unwrap_or(0);
        out.push_str(&padded[..point]);
        out.push('.');
        return out.push_str(&padded[point..]);
    }
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out.push_str(if adjusted < 0 { "E" } else { "E+" });
    out.push_str(&adjusted.to_string());
}

/// Writes a text in quotes, with the escapes that JSON requires.
pub(in crate::expr) fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text, false);
    out.push('"');
}

/// Writes a text with the escapes that JSON requires, those of `ascii` for everything else too.
pub(in crate::expr) fn escape(out: &mut String, text: &str, ascii: bool) {
    let unicode = |out: &mut String, code: u16| {
        let _ = if ascii { write!(out, "\\u{code:04x}") } else { write!(out, "\\u{code:04X}") };
    };
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if ascii => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || ascii && !c.is_ascii() => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|&code| unicode(out, code));
            }
            c => out.push(c),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    unique: bool,
}

impl<'a> Parser<'a> {
    fn space(&mut self) {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes `wanted` if it stands here, behind space.
    fn eat(&mut self, wanted: u8) -> bool {
        self.space();
        let found = self.text.as_bytes().get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.text.as_bytes().get(self.at)? {
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'"' => self.string().map(Json::Text),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Some(Json::Array(items));
            }
            self.eat(b',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json<'a>> {
        self.at += 1;
        let mut entries: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        let mut places: HashMap<Cow<'a, str>, usize> = HashMap::new();
        if self.eat(b'}') {
            return Some(Json::Object(entries));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.eat(b':').then_some(())?;
            let value = self.value(depth + 1)?;
            match places.get(&key) {
                Some(_) if self.unique => return None,
                Some(&place) => entries[place].1 = value,
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
            if self.eat(b'}') {
                return Some(Json::Object(entries));
            }
            self.eat(b',').then_some(())?;
        }
    }

    fn number(&mut self) -> Option<Json<'a>> {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(rest[0] == b'-');
        let whole = digits(end);
        if whole == 0 || whole > 1 && rest[end] == b'0' {
            return None;
        }
        end += whole;
        if rest.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            (fraction > 0).then_some(())?;
            end += 1 + fraction;
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + signed);
            (exponent > 0).then_some(())?;
            end += 1 + signed + exponent;
        }
        let number = &self.text[self.at..self.at + end];
        self.at += end;
        Some(Json::Number(number))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let rest = self.text[self.at..].strip_prefix('"')?;
        let plain = rest.bytes().position(|b| matches!(b, b'"' | b'\\') || b < b' ')?;
        if rest.as_bytes()[plain] == b'"' {
            self.at += plain + 2;
            return Some(Cow::Borrowed(&rest[..plain]));
        }
        let (text, length) = unescape(rest)?;
        self.at += length + 2;
        Some(Cow::Owned(text))
    }
}

/// The text in front of the next quote, and how many bytes it was written in.
fn unescape(rest: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = rest.char_indices();
    let code = |chars: &mut std::str::CharIndices<'_>| -> Option<u16> {
        let digits = chars.as_str().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        chars.nth(3)?;
        u16::from_str_radix(digits, 16).ok()
    };
    loop {
        let (at, c) = chars.next()?;
        out.push(match c {
            '"' => return Some((out, at)),
            '\\' => match chars.next()?.1 {
                c @ ('"' | '\\' | '/') => c,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let first = code(&mut chars)?;
                    let pair = (0xd800..0xdc00).contains(&first) && chars.as_str().starts_with("\\u");
                    let second = if pair {
                        chars.nth(1)?;
                        Some(code(&mut chars)?)
                    } else {
                        None
                    };
                    let decoded = char::decode_utf16(std::iter::once(first).chain(second)).next()?;
                    decoded.unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                _ => return None,
            },
            c if c < ' ' => return None,
            c => c,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    fn round(text: &str) -> Option<String> {
        let mut out = String::new();
        Json::parse(text)?.write(&mut out);
        Some(out)
    }

    #[test]
    fn what_is_json_is_read_and_what_is_not_is_refused() {
        for (text, written) in [
            (" { \"b\" : [ 1 , -2.50 , 1e3, 0.00000012 ] , \"a\" : null } ", r#"{"a":null,"b":[1,-2.50,1E+3,1.2E-7]}"#),
            ("1 2", "1"),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (r#""\u0041\ud834\udd1e\n\/""#, "\"A\u{1d11e}\\n/\""),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("[]", "[]"),
            ("{}", "{}"),
        ] {
            assert_eq!(round(text).as_deref(), Some(written), "{text}");
        }
        for text in ["", "{", "[1,]", "{\"a\"}", "01", "1.", "\"", "nul", "{a:1}", "\"\\x\"", "'a'", "-", "\"\n\""] {
            assert_eq!(round(text), None, "{text}");
        }
        assert!(Json::parse_with(r#"{"a":1,"a":2}"#, true).is_none() && Json::parse_with("1 2", false).is_none());
        let deep = "[".repeat(100_000);
        assert!(Json::parse(&deep).is_none());
    }
}
