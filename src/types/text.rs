//! Text that came from data or from the user, made safe to show.

use std::borrow::Cow;
use std::fmt::Write;

/// Milliseconds as a duration is typed: `250ms`, `10s`, `1h`.
#[must_use]
pub fn typed_duration(ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match UNITS.iter().find(|(unit, _)| ms != 0 && ms % unit == 0) {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

/// `text` with every control character (C0 except tab, DEL, C1) and every bidirectional override shown as an escape,
/// so that data can never drive a terminal. Borrowed when there is nothing to change.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(drives_terminal) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            c if drives_terminal(c) && u32::from(c) < 0x100 => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c if drives_terminal(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
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

fn drives_terminal(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::{excerpt, printable};

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(printable("\u{1b}]0;x\u{7}\u{9b}6n"), "\\x1b]0;x\\x07\\x9b6n");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert!(matches!(printable("plain\ttext"), std::borrow::Cow::Borrowed(_)));
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
