//! Text that came from data or from the user, made safe to show.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// Milliseconds as a duration is typed: `250ms`, `10s`, `1h`.
#[must_use]
pub fn typed_duration(ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match UNITS.iter().find(|(unit, _)| ms != 0 && ms % unit == 0) {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn thousands(number: u64) -> String {
    grouped(&number.to_string())
}

/// `1 row`, `1,234 rows`
#[must_use]
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A number with its thousands separated, up to a point or exponent: `-1234567.1234` as `-1,234,567.1234`.
#[must_use]
pub fn grouped(number: &str) -> String {
    let sign = usize::from(number.starts_with('-'));
    let digits = number[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let mut text = String::with_capacity(number.len() + digits / 3);
    for (i, c) in number.char_indices() {
        if i > sign && i < sign + digits && (sign + digits - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// The words of `text` in lines of at most `width` columns. What is to be typed, in backquotes, stands in one line where
/// it fits one. A longer word has a line of its own: none is broken.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(unbroken(rest, width));
        rest = behind.trim_start();
        let wide = word.width();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if taken + 1 + wide <= width => {
                line.extend([" ", word]);
                taken += 1;
            }
            Some(_) | None => {
                lines.push(word.to_owned());
                taken = 0;
            }
        }
        taken += wide;
    }
    lines
}

/// The length of what begins `text` and stands in one line of at most `width` columns: up to the first space that is not
/// in backquotes, or the first of all where that would be too wide, or a backquote has no other.
fn unbroken(text: &str, width: usize) -> usize {
    let mut first = None;
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        if c == '`' {
            quoted = !quoted;
        } else if c.is_whitespace() {
            let first = *first.get_or_insert(at);
            if !quoted {
                return if text[..at].width() <= width { at } else { first };
            }
            // A character has at most four bytes.
            if at > width.saturating_mul(4) {
                return first;
            }
        }
    }
    match first {
        Some(first) if quoted || text.width() > width => first,
        Some(_) | None => text.len(),
    }
}

/// Each line of `text` that is wider than `width` columns, broken between words; what follows stands `indent` columns
/// further in than the line.
fn hanging(text: &str, width: usize, indent: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if line.width() <= width {
            shown.extend([line, end]);
            continue;
        }
        let begins = line.len() - line.trim_start().len();
        let inner = (begins + indent).min(width / 2);
        // The first line has the room of the others, less what they are further in.
        let lines = wrapped(line, width.saturating_sub(inner));
        for (index, piece) in lines.iter().enumerate() {
            if index > 0 {
                shown.push('\n');
            }
            shown.extend(std::iter::repeat_n(' ', if index == 0 { begins } else { inner }));
            shown.push_str(piece);
        }
        shown.push_str(end);
    }
    shown
}

/// `text` with every control character (C0 except tab, DEL, C1) and every override of the writing direction shown as an
/// escape, so that data can never drive a terminal. Borrowed when there is nothing to change.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, drives_terminal, |c, shown| match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        c => {
            // Writing to a String cannot fail.
            let _ = match u32::from(c) {
                code @ ..0x100 => write!(shown, "\\x{code:02x}"),
                code => write!(shown, "\\u{{{code:x}}}"),
            };
        }
    })
}

/// JSON text in which nothing drives a terminal and which says the same: what [`printable`] escapes is escaped in JSON's
/// own way. Line ends are kept: in JSON text they stand between values only.
#[must_use]
pub fn printable_json(text: &str) -> Cow<'_, str> {
    escaped(
        text,
        |c| drives_terminal(c) && c != '\n',
        |c, shown| {
            // Writing to a String cannot fail. All of these characters are of the basic plane: one escape each.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        },
    )
}

fn escaped(text: &str, wanted: impl Fn(char) -> bool, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(&wanted) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if wanted(c) { escape(c, &mut shown) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Text on its way to a person: whatever in it came from data or was typed, it can't drive a terminal. Its only escape
/// sequences are colours of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printable(String);

impl Printable {
    /// `text` as one line: a line end inside it is shown as an escape, so that no name passes for a message of its own.
    #[must_use]
    pub fn line(text: &str) -> Self {
        let mut line = printable(text).into_owned();
        line.push('\n');
        Self(line)
    }

    /// Adds `text` in a colour: the numbers of the escape sequence, such as `1;31`.
    pub fn push_coloured(&mut self, colour: &'static str, text: &str) {
        self.0.extend(["\x1b[", colour, "m", Self::from(text).as_str(), "\x1b[0m"]);
    }

    /// Adds what is printable already.
    pub fn push(&mut self, text: &Self) {
        self.0.push_str(&text.0);
    }

    /// The same in lines of at most `width` columns, broken between words. What has colours is left as it is.
    #[must_use]
    pub fn wrapped(self, width: usize) -> Self {
        if self.0.contains('\u{1b}') || self.0.lines().all(|line| line.len() <= width) {
            return self;
        }
        Self(hanging(&self.0, width, 2))
    }

    /// The text that a renderer made of printable parts, with its colours.
    pub(super) const fn rendered(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Line by line: line ends are kept.
impl From<&str> for Printable {
    fn from(text: &str) -> Self {
        Self(text.split_inclusive('\n').flat_map(printable_line).collect())
    }
}

/// Line by line: line ends are kept.
impl From<String> for Printable {
    fn from(text: String) -> Self {
        let drives = text.chars().any(|c| drives_terminal(c) && c != '\n');
        if drives { Self::from(text.as_str()) } else { Self(text) }
    }
}

/// A line and its end.
fn printable_line(line: &str) -> [Cow<'_, str>; 2] {
    match line.strip_suffix('\n') {
        Some(line) => [printable(line), Cow::Borrowed("\n")],
        None => [printable(line), Cow::Borrowed("")],
    }
}

/// Whether `c` overrides the direction of writing, so that a text with it reads as another.
#[must_use]
pub const fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

fn drives_terminal(c: char) -> bool {
    (c.is_control() && c != '\t') || overrides_direction(c)
}

/// The first `chars` characters of a text that may be of any size and need be no UTF-8.
#[must_use]
pub fn excerpt(bytes: &[u8], chars: usize) -> String {
    // A character has at most four bytes.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(chars.saturating_mul(4))]);
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None if bytes.len() > chars.saturating_mul(4) => format!("{text}…"),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Printable, excerpt, printable, printable_json, wrapped};

    #[test]
    fn lines_are_broken_between_words_but_not_in_what_is_to_be_typed() {
        assert_eq!(wrapped("type `run hot`, or leave", 12), ["type", "`run hot`,", "or leave"]);
        assert_eq!(wrapped("  a  `b  c`  d ", 20), ["a `b  c` d"]);
        // What fits no line is broken all the same, and one backquote is no pair.
        assert_eq!(wrapped("`run hot = bids`", 8), ["`run hot", "= bids`"]);
        assert_eq!(wrapped("a ` b c", 4), ["a `", "b c"]);
        assert_eq!(wrapped("longer-than-this x", 5), ["longer-than-this", "x"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(printable("\u{1b}]0;x\u{7}\u{9b}6n"), "\\x1b]0;x\\x07\\x9b6n");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert!(matches!(printable("plain\ttext"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_printable_keeps_its_lines_and_our_colours() {
        assert_eq!(Printable::from("a\u{1b}[2J\r\nb\u{202e}\n").as_str(), "a\\x1b[2J\\r\nb\\u{202e}\n");
        assert_eq!(Printable::from(String::from("a\tb\n")).as_str(), "a\tb\n");
        assert_eq!(Printable::line("a\nerror: b").as_str(), "a\\nerror: b\n");
        let mut shown = Printable::default();
        shown.push_coloured("2", "x\u{9b}");
        shown.push(&Printable::from("\n"));
        assert_eq!(shown.as_str(), "\u{1b}[2mx\\x9b\u{1b}[0m\n");
    }

    #[test]
    fn json_says_the_same_in_escapes_of_its_own() {
        assert_eq!(printable_json("{\n\"a\": \"\u{7f}\u{202e}\"\n}"), "{\n\"a\": \"\\u007f\\u202e\"\n}");
    }

    #[test]
    fn an_excerpt_says_that_it_is_one() {
        assert_eq!(excerpt(b"abc", 3), "abc");
        assert_eq!(excerpt(b"abcd", 3), "abc…");
        assert_eq!(excerpt("漢字𝄞x".as_bytes(), 3), "漢字𝄞…");
        assert_eq!(excerpt(b"", 3), "");
        assert_eq!(excerpt(&[0xff; 3], 3), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(excerpt("𝄞".repeat(4).as_bytes(), 3), "𝄞𝄞𝄞…");
    }
}
