//! Text in cells: how wide it is on a terminal, and how it is cut.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::types::{grouped, printable};

/// Marks what was cut.
pub(super) const ELLIPSIS: char = '…';
/// Marks that stack on one character, at most: more of them paint over the lines above and below.
const MARKS_MAX: usize = 8;

/// Columns of a terminal that `text` takes: wide glyphs two, combining marks none.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` made safe for a cell: control characters shown, tabs too because their width depends on where they stand.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    let shown = printable(text);
    let shown = if shown.contains('\t') { Cow::Owned(shown.replace('\t', "\\t")) } else { shown };
    if has_stacked_marks(&shown) { Cow::Owned(without_stacked_marks(&shown)) } else { shown }
}

fn is_mark(c: char) -> bool {
    // Joiners and variation selectors are part of a glyph; they stack nothing.
    c.width() == Some(0) && !matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

fn has_stacked_marks(text: &str) -> bool {
    let mut marks = 0;
    !text.is_ascii()
        && text.chars().any(|c| {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            marks > MARKS_MAX
        })
}

/// Each run of marks beyond the most that one character may carry becomes an ellipsis: cut, and seen to be cut.
fn without_stacked_marks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(1_024));
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            kept.push(c);
        } else if marks == MARKS_MAX + 1 {
            kept.push(ELLIPSIS);
        }
    }
    kept
}

/// `text` in at most `limit` columns; what does not fit is replaced by `…`. `None` when it fits as it is.
pub(super) fn cut(text: &str, limit: usize) -> Option<String> {
    if width(text) <= limit {
        return None;
    }
    let room = limit.saturating_sub(1);
    let mut kept = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide > room {
            break;
        }
        taken += wide;
        kept.push(c);
    }
    // A joiner without what it joins would draw the ellipsis into the glyph before it.
    while kept.ends_with('\u{200d}') {
        kept.pop();
    }
    if limit > 0 {
        kept.push(ELLIPSIS);
    }
    Some(kept)
}

/// As [`cut`], with the length of the whole behind it where there is room: `abc… (1,204 characters)`.
pub(super) fn cut_counted(text: &str, limit: usize) -> Option<String> {
    /// Less of a text says nothing.
    const LEAST: usize = 8;
    if width(text) <= limit {
        return None;
    }
    let length = format!(" ({} characters)", grouped(&text.chars().count().to_string()));
    match limit.checked_sub(length.len()) {
        Some(room) if room >= LEAST => cut(text, room).map(|kept| kept + &length),
        _ => cut(text, limit),
    }
}

/// Appends `text` and spaces up to `to` columns, in front of the text when `right`.
pub(super) fn pad(out: &mut String, text: &str, to: usize, right: bool) {
    let spaces = to.saturating_sub(width(text));
    if right {
        out.extend(std::iter::repeat_n(' ', spaces));
    }
    out.push_str(text);
    if !right {
        out.extend(std::iter::repeat_n(' ', spaces));
    }
}

/// Columns between two columns of a table.
pub(super) const GAP: usize = 2;

/// The width of a table whose columns are this wide.
pub(super) fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Narrows the widest columns until the table fits into `limit`, none below its least width. Whether it fits.
pub(super) fn fit(widths: &mut [usize], least: &[usize], limit: usize) -> bool {
    let capped = |cap: usize, widths: &[usize]| -> Vec<usize> {
        widths.iter().zip(least).map(|(&width, &least)| width.min(cap.max(least))).collect()
    };
    if total(widths) <= limit {
        return true;
    }
    if total(&capped(0, widths)) > limit {
        return false;
    }
    // The largest cap under which it fits: the widest columns give way, the others stay whole.
    let (mut low, mut high) = (0, limit);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if total(&capped(middle, widths)) <= limit {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let fitted = capped(low, widths);
    widths.copy_from_slice(&fitted);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_glyphs_take_two_columns_and_marks_none() {
        assert_eq!((width("abc"), width("漢字"), width("e\u{301}"), width("👩\u{200d}💻")), (3, 4, 1, 2));
        assert_eq!(cut("漢字漢字", 8), None);
        assert_eq!(cut("漢字漢字", 7).as_deref(), Some("漢字漢…"));
        assert_eq!(cut("漢字漢字", 6).as_deref(), Some("漢字…"), "a wide glyph at the edge is not halved");
        assert_eq!(cut("abc", 1).as_deref(), Some("…"));
        assert_eq!(cut("abc", 0).as_deref(), Some(""));
        let padded = |text, right| {
            let mut out = String::new();
            pad(&mut out, text, 5, right);
            out
        };
        assert_eq!((padded("漢字", false), padded("漢字", true)), ("漢字 ".to_owned(), " 漢字".to_owned()));
    }

    #[test]
    fn ten_thousand_marks_on_one_letter_are_cut_and_seen_to_be_cut() {
        let stacked = format!("e{}x", "\u{301}".repeat(10_000));
        let shown = safe(&stacked);
        assert!(shown.len() < 64 && shown.contains(ELLIPSIS) && shown.ends_with('x'), "{shown}");
        assert_eq!(safe("e\u{301}\u{308}"), "e\u{301}\u{308}", "an ordinary letter with marks stays");
    }

    #[test]
    fn control_bytes_and_tabs_are_shown() {
        assert_eq!(safe("a\tb\u{1b}]0;x\u{7}\u{9b}6n"), "a\\tb\\x1b]0;x\\x07\\x9b6n");
    }

    #[test]
    fn the_widest_columns_give_way_first_and_none_below_its_least() {
        let mut widths = [10, 60, 30];
        assert!(fit(&mut widths, &[10, 8, 8], 70));
        assert_eq!((widths, total(&widths)), ([10, 28, 28], 70));
        let mut widths = [10, 60, 30];
        assert!(fit(&mut widths, &[10, 8, 8], 200));
        assert_eq!(widths, [10, 60, 30]);
        assert!(!fit(&mut widths, &[10, 8, 8], 29), "30 columns are the least");
        assert!(fit(&mut widths, &[10, 8, 8], 30));
    }

    #[test]
    fn whatever_is_cut_fits() {
        let texts = ["", "abc", "漢字かな交じり", "👩\u{200d}💻👩\u{200d}💻", "e\u{301}e\u{301}e\u{301}", "a漢b字c"];
        for text in texts {
            for limit in 0..16 {
                let shown = cut(text, limit).unwrap_or_else(|| text.to_owned());
                assert!(width(&shown) <= limit, "{text} in {limit}: {shown}");
            }
        }
    }
}
