//! Bars and sparklines of a line's height.

use super::Pieces;
use crate::dashboard::{Load, Rates, Theme};

const EIGHTHS: [&str; 9] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
const HEIGHTS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A share, 0 to 1, as a bar of `width` columns on a dotted ground.
pub(crate) fn bar(share: f64, width: usize) -> String {
    let eighths = cells(share, width.saturating_mul(8));
    let (full, part) = (eighths / 8, eighths % 8);
    let mut bar = "█".repeat(full);
    bar.push_str(EIGHTHS.get(part).copied().unwrap_or(""));
    let used = full + usize::from(part > 0);
    bar.push_str(&"░".repeat(width.saturating_sub(used)));
    bar
}

/// The shares busy, back-pressured and idle, in `width` columns: full, half-tone, dots.
pub(crate) fn load_bar(rates: &Rates, width: usize, theme: &Theme) -> Pieces {
    let busy = cells(rates.busy, width);
    let both = cells(rates.busy + rates.backpressured, width).max(busy);
    vec![
        ("█".repeat(busy), theme.load(Load::Busy)),
        ("▒".repeat(both - busy), theme.load(Load::Backpressured)),
        ("·".repeat(width.saturating_sub(both)), theme.load(Load::Idle)),
    ]
}

/// The share of `width` cells, rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share between 0 and 1 of the width of a screen"
)]
pub(super) fn cells(share: f64, width: usize) -> usize {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    ((share * width as f64).round() as usize).min(width)
}

/// The last `width` of `values`, each as high as its share of the greatest.
pub(crate) fn sparkline(values: &[f64], width: usize) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or(values);
    let top = shown.iter().copied().fold(0.0, f64::max);
    let mut line = " ".repeat(width.saturating_sub(shown.len()));
    for value in shown {
        let height = if top > 0.0 { cells(value / top, HEIGHTS.len() - 1) } else { 0 };
        line.push_str(HEIGHTS.get(height).copied().unwrap_or("▁"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{bar, load_bar, sparkline};
    use crate::dashboard::{Rates, Theme};

    #[test]
    fn a_bar_fills_in_eighths() {
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(0.56, 4), "██▎░");
        assert_eq!(bar(2.0, 3), "███");
        assert_eq!(bar(f64::NAN, 2), "░░");
        assert_eq!(bar(0.5, 0), "");
    }

    #[test]
    fn a_load_bar_is_as_wide_as_asked_and_told_apart_without_colour() {
        let rates = Rates { busy: 0.5, backpressured: 0.3, idle: 0.2, ..Rates::default() };
        let text: String = load_bar(&rates, 10, &Theme::plain()).into_iter().map(|(text, _)| text).collect();
        assert_eq!(text, "█████▒▒▒··");
    }

    #[test]
    fn a_sparkline_shows_the_newest_values() {
        assert_eq!(sparkline(&[9.0, 0.0, 1.0, 2.0], 3), "▁▅█");
        assert_eq!(sparkline(&[0.0], 3), "  ▁");
        assert_eq!(sparkline(&[], 2), "  ");
    }
}
