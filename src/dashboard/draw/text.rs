//! Text measured in terminal columns.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::types::{printable, wrapped};

/// A grapheme is shown with at most this many bytes: ten thousand combining marks on one letter are one letter.
const GRAPHEME_BYTES: usize = 24;

/// `text` as it may be shown: control characters and tabs as escapes.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let shown = printable(text);
    if shown.contains('\t') { Cow::Owned(shown.replace('\t', "\\t")) } else { shown }
}

/// The columns that clean text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { graphemes(text).map(|(_, width)| width).sum() }
}

/// The graphemes of clean text that take room, with the columns each takes.
pub(super) fn graphemes(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.graphemes(true).filter_map(|grapheme| {
        if let [b' '..=b'~'] = grapheme.as_bytes() {
            return Some((grapheme, 1));
        }
        let symbol = &grapheme[..grapheme.floor_char_boundary(GRAPHEME_BYTES)];
        // Clean text has none; where it has, none reaches the terminal.
        let width = if symbol.contains(char::is_control) { 0 } else { symbol.width() };
        (width > 0).then_some((symbol, width))
    })
}

/// Clean text in at most `room` columns; what is cut off is told by `…`.
pub(crate) fn fit(text: &str, room: usize) -> String {
    let text = clean(text);
    if text.is_ascii() && text.len() <= room {
        return text.into_owned();
    }
    // A text is never longer on screen than in bytes: the rest of a megabyte need not be measured.
    let head = if text.len() > room.saturating_mul(GRAPHEME_BYTES).saturating_add(GRAPHEME_BYTES) {
        let end = room.saturating_mul(GRAPHEME_BYTES).saturating_add(GRAPHEME_BYTES);
        let cut = (0..=end).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.get(..cut).unwrap_or("")
    } else {
        &text
    };
    let parts: Vec<(&str, usize)> = graphemes(head).collect();
    let all: usize = parts.iter().map(|(_, width)| width).sum();
    if all <= room && head.len() == text.len() {
        return parts.into_iter().map(|(symbol, _)| symbol).collect();
    }
    if room == 0 {
        return String::new();
    }
    let mut shown = String::new();
    let mut used = 0;
    for (symbol, width) in parts {
        if used + width > room - 1 {
            break;
        }
        used += width;
        shown.push_str(symbol);
    }
    shown.push('…');
    shown
}

/// [`fit`], filled up with spaces on the right.
pub(crate) fn pad_right(text: &str, room: usize) -> String {
    let mut shown = fit(text, room);
    let used = width(&shown);
    shown.extend(std::iter::repeat_n(' ', room.saturating_sub(used)));
    shown
}

/// [`fit`], filled up with spaces on the left.
pub(crate) fn pad_left(text: &str, room: usize) -> String {
    let shown = fit(text, room);
    let used = width(&shown);
    let mut padded: String = std::iter::repeat_n(' ', room.saturating_sub(used)).collect();
    padded.push_str(&shown);
    padded
}

/// Clean text in lines of at most `room` columns, as [`wrapped`] breaks them, and anywhere in a word that is wider; at most
/// `lines` of them, what is cut off told by `…`.
pub(crate) fn wrap(text: &str, room: usize, lines: usize) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    if room == 0 {
        return shown;
    }
    let text = clean(text);
    let whole = width(&text) <= room;
    for line in if whole { vec![text.into_owned()] } else { wrapped(&text, room) } {
        let mut piece = String::new();
        let mut used = 0;
        for (symbol, width) in graphemes(&line) {
            if used + width > room {
                shown.push(std::mem::take(&mut piece));
                used = 0;
            }
            piece.push_str(symbol);
            used += width;
        }
        shown.push(piece);
        if shown.len() > lines {
            shown.truncate(lines);
            if let Some(last) = shown.last_mut() {
                *last = format!("{}…", fit(last, room.saturating_sub(1)).trim_end_matches([' ', '…']));
            }
            break;
        }
    }
    shown.retain(|line| !line.is_empty());
    shown
}

#[cfg(test)]
mod tests {
    use super::{clean, fit, pad_left, pad_right, width, wrap};

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(fit("plain", 5), "plain");
        assert_eq!(fit("plains", 5), "plai…");
        // Each of these takes two columns: the third would end in column 6.
        assert_eq!(fit("東京都庁", 6), "東京…");
        assert_eq!(fit("東京都", 6), "東京都");
        assert_eq!(fit("x", 0), "");
        assert_eq!(width("東京"), 4);
        assert_eq!(pad_right("東", 4), "東  ");
        assert_eq!(pad_left("12", 4), "  12");
    }

    #[test]
    fn control_characters_and_tabs_are_shown() {
        assert_eq!(clean("a\tb\u{1b}[2J"), "a\\tb\\x1b[2J");
        assert_eq!(fit("\u{1b}]0;x\u{7}", 20), "\\x1b]0;x\\x07");
    }

    #[test]
    fn a_thousand_combining_marks_are_one_letter() {
        let zalgo = format!("a{}", "\u{301}".repeat(10_000));
        let shown = fit(&zalgo, 10);
        // The letter, and the mark that something was cut.
        assert_eq!(width(&shown), 2);
        assert!(shown.len() < 40, "{}", shown.len());
    }

    #[test]
    fn lines_break_at_spaces_and_end_with_a_mark_when_cut() {
        assert_eq!(wrap("the row that caused it", 10, 9), ["the row", "that", "caused it"]);
        assert_eq!(wrap("abcdefghijkl", 5, 9), ["abcde", "fghij", "kl"]);
        assert_eq!(wrap("press `kill hot` now", 11, 9), ["press", "`kill hot`", "now"]);
        assert!(wrap("", 5, 9).is_empty() && wrap("a b", 5, 0).is_empty());
        let cut = wrap("the row that caused it and more", 10, 2);
        assert_eq!(cut.len(), 2);
        assert!(cut[1].ends_with('…') && width(&cut[1]) <= 10, "{cut:?}");
    }
}
