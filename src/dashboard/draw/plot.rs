//! Values over time as columns.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::bars::cells;
use super::{Canvas, Cut, pad_left};
use crate::dashboard::Theme;

/// Columns for the scale at the left.
const SCALE: u16 = 8;

/// Draws the newest of `values` (newest last) as columns, a value a column of the screen, under `title`; the scale at the left is
/// written by `shown`. Nothing below three rows.
pub(crate) fn plot(
    canvas: &mut Canvas<'_>,
    mut area: Rect,
    title: &str,
    values: &[f64],
    shown: impl Fn(f64) -> String,
    (theme, style): (&Theme, Style),
) {
    if area.height < 3 || area.width < SCALE + 8 {
        return;
    }
    let head = area.cut_top(1);
    let scale = area.cut_left(SCALE);
    let columns = usize::from(area.width);
    let values = values.get(values.len().saturating_sub(columns)..).unwrap_or(values);
    let top = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    canvas.text(head, 0, title, theme.heading);
    canvas.put(scale, 0, 0, &format!("{}┤", pad_left(&shown(top), usize::from(SCALE) - 1)), theme.dim);
    for y in 1..area.height.saturating_sub(1) {
        canvas.put(scale, SCALE - 1, y, "│", theme.dim);
    }
    let bottom = format!("{}┤", pad_left(&shown(0.0), usize::from(SCALE) - 1));
    canvas.put(scale, 0, area.height - 1, &bottom, theme.dim);
    let levels = usize::from(area.height) * 8;
    let first = columns - values.len();
    for (column, value) in (first..).zip(values) {
        let Ok(x) = u16::try_from(column) else { return };
        let level = if top > 0.0 && *value > 0.0 { cells(value / top, levels).max(1) } else { 0 };
        for row in 0..area.height {
            let below = usize::from(area.height - 1 - row) * 8;
            let symbol = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
            let part = level.saturating_sub(below).min(8);
            if part > 0 {
                canvas.put(area, x, row, symbol.get(part).copied().unwrap_or("█"), style);
            }
        }
    }
}
