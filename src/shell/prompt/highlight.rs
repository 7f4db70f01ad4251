//! Colours for the line that is being typed, from its tokens.

mod words;

use std::borrow::Cow;

use crate::api::Registries;
use crate::lang::lex;
use crate::types::overrides_direction;
use words::{COMMENT, MISTAKE, Reader, TEXT};

/// Longer texts stay plain: each key press colours all of it anew.
pub(super) const LONGEST_BYTES: usize = 16 * 1_024;

/// `text` without what drives a terminal, which has no width.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let is_shown = |&c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || overrides_direction(c));
    if text.chars().all(|c| is_shown(&c)) { text.into() } else { text.chars().filter(is_shown).collect() }
}

/// `text` from byte `from` on, with colours. Shown, it is as wide as without; it is [`harmless`].
pub(super) fn highlighted(text: &str, from: usize, registries: &Registries) -> String {
    let lexed = lex(text, registries);
    let mut painter = Painter { out: String::with_capacity(text.len() + text.len() / 2), text, from, at: 0 };
    let mut reader = Reader::new(registries, &lexed.tokens, text);
    for index in 0..lexed.tokens.len() {
        let token = &lexed.tokens[index];
        painter.gap(token.span.start);
        let style = reader.style(index);
        painter.paint(token.span.end, style);
    }
    let mistake = lexed.error.and_then(|error| Some((error.diagnostic.span?.start, error.unterminated)));
    match mistake {
        None => painter.gap(text.len()),
        Some((start, unterminated)) => {
            painter.gap(start.max(painter.at));
            let style = match (unterminated, text.as_bytes().get(start)) {
                (true, Some(b'/')) => COMMENT,
                (true, _) => TEXT,
                (false, _) => MISTAKE,
            };
            painter.paint(text.len(), Some(style));
        }
    }
    painter.out
}

/// Writes the text piece by piece.
struct Painter<'a> {
    out: String,
    text: &'a str,
    /// Nothing before it is written.
    from: usize,
    at: usize,
}

impl Painter<'_> {
    /// Paints what lies between tokens, up to `end`: white space and comments.
    fn gap(&mut self, end: usize) {
        let gap = &self.text[self.at.min(end)..end];
        let style = if gap.trim().is_empty() { None } else { Some(COMMENT) };
        self.paint(end, style);
    }

    fn paint(&mut self, end: usize, style: Option<&str>) {
        let piece = &self.text[self.at.max(self.from).min(end)..end];
        self.at = self.at.max(end);
        if piece.is_empty() {
            return;
        }
        if let Some(style) = style {
            self.out.push_str("\x1b[");
            self.out.push_str(style);
            self.out.push('m');
        }
        self.out.push_str(&harmless(piece));
        if style.is_some() {
            self.out.push_str("\x1b[0m");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::words::{CLAUSE, FUNCTION, KEYWORD, NUMBER, STAGE};
    use super::*;
    use crate::session::registries;

    /// With `⟨style text⟩` for each colour.
    fn shown(text: &str) -> String {
        let coloured = highlighted(text, 0, &registries(crate::commands::specs()));
        let mut out = String::new();
        for piece in coloured.split("\x1b[") {
            match piece.split_once('m') {
                Some(("0", rest)) => out.extend(["⟩", rest]),
                Some((style, rest)) if style.chars().all(|c| c.is_ascii_digit() || c == ';') => {
                    let name = match style {
                        KEYWORD => "keyword",
                        STAGE => "stage",
                        CLAUSE => "clause",
                        FUNCTION => "function",
                        TEXT => "text",
                        NUMBER => "number",
                        COMMENT => "comment",
                        _ => "mistake",
                    };
                    out.extend(["⟨", name, " ", rest]);
                }
                Some(_) | None => out.push_str(piece),
            }
        }
        out
    }

    #[test]
    fn words_are_coloured_by_what_they_are() {
        for (text, wanted) in [
            (
                "run hot with (parallelism = 2) = bids -- all\n  | key_by auction",
                "⟨keyword run⟩ hot ⟨clause with⟩ (parallelism = ⟨number 2⟩) = bids⟨comment  -- all\n  ⟩| ⟨stage key_by⟩ auction",
            ),
            (
                "bids | window tumble(10s) lateness 5s | aggregate count(*) as n, nope(1) as m",
                "bids | ⟨stage window⟩ ⟨function tumble⟩(⟨number 10s⟩) ⟨clause lateness⟩ ⟨number 5s⟩ | ⟨stage aggregate⟩ \
                 ⟨function count⟩(*) ⟨clause as⟩ n, ⟨mistake nope⟩(⟨number 1⟩) ⟨clause as⟩ m",
            ),
            (
                "source b from file 'x' columns (a bigint) event_time a watermark 4s",
                "⟨keyword source⟩ b ⟨clause from⟩ file ⟨text 'x'⟩ ⟨clause columns⟩ (a bigint) ⟨clause event_time⟩ a \
                 ⟨clause watermark⟩ ⟨number 4s⟩",
            ),
            (
                "why late hot --json; kill subtask window[1] of hot",
                "⟨keyword why⟩ ⟨keyword late⟩ hot ⟨clause --json⟩; ⟨keyword kill⟩ ⟨keyword subtask⟩ window[⟨number 1⟩] \
                 ⟨clause of⟩ hot",
            ),
            ("frobnicate the bids; .mode table", "⟨mistake frobnicate⟩ the bids; ⟨keyword .mode⟩ table"),
            // A word that is still being typed may become right.
            ("bids | fil", "bids | fil"),
            ("bids | fliter x", "bids | ⟨mistake fliter⟩ x"),
            ("bids | filter x = 'abc", "bids | ⟨stage filter⟩ x = ⟨text 'abc⟩"),
            ("bids | filter # 1", "bids | ⟨stage filter⟩ ⟨mistake # 1⟩"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn a_further_line_has_the_colours_of_its_place_in_the_statement() {
        let registries = registries(crate::commands::specs());
        for (earlier, line) in [
            ("bids | filter a = 'x\n", "y' | limit 5"),
            ("run r = bids\n", "  | window tumble(10s) lateness 5s -- x"),
            ("bids /* a\n", "b */ | limit 1"),
        ] {
            let whole = highlighted(&format!("{earlier}{line}"), 0, &registries);
            let further = highlighted(&format!("{earlier}{line}"), earlier.len(), &registries);
            // Where a colour goes over the line end it begins anew.
            let tail = |text: &str| text.split('m').next_back().map(str::to_owned);
            assert_eq!(tail(&further), tail(&whole));
            assert!(!further.contains("bids"), "{further:?}");
        }
    }

    #[test]
    fn colours_change_nothing_but_colours_and_control_characters_are_not_sent() {
        let registries = registries(crate::commands::specs());
        for text in [
            "bids | filter a > 1 -- x\n",
            "\u{1b}[2J bids",
            "bids | \u{9b}6n",
            "bids -- \u{202e}sdib",
            "börse | map 'ü",
            "",
            "\n\n",
            "|",
            "/* x",
        ] {
            let coloured = highlighted(text, 0, &registries);
            let mut plain = String::new();
            for (index, piece) in coloured.split('\x1b').enumerate() {
                let rest = if index == 0 { piece } else { piece.split_once('m').expect("a colour").1 };
                plain.push_str(rest);
            }
            assert_eq!(plain, harmless(text), "{text:?}");
        }
    }
}
