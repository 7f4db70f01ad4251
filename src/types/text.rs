//! Text that came from data or from the user, made safe to show.

use std::borrow::Cow;
use std::fmt::Write;

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

fn drives_terminal(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(printable("\u{1b}]0;x\u{7}\u{9b}6n"), "\\x1b]0;x\\x07\\x9b6n");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert!(matches!(printable("plain\ttext"), std::borrow::Cow::Borrowed(_)));
    }
}
