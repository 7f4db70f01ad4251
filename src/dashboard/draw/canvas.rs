//! A buffer that nothing can be drawn outside of.

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{clean, fit, graphemes, width, wrap};
use crate::dashboard::Theme;

/// Text in several styles, one behind the other.
pub(crate) type Pieces = Vec<(String, Style)>;

/// The screen, clipped.
#[derive(Debug)]
pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
}

impl<'a> Canvas<'a> {
    /// The whole screen; `area` cut to it.
    pub(crate) fn new(frame: &'a mut Frame<'_>, area: Rect) -> (Self, Rect) {
        let buffer = frame.buffer_mut();
        let area = area.intersection(buffer.area);
        (Self { buffer }, area)
    }

    /// `text` from column `x` of row `y` of `area`; the column behind it.
    pub(crate) fn put(&mut self, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
        let area = area.intersection(self.buffer.area);
        if y >= area.height || x >= area.width {
            return x;
        }
        let mut x = x;
        for (symbol, width) in graphemes(&clean(text)) {
            let width = u16::try_from(width).unwrap_or(u16::MAX);
            if width > area.width.saturating_sub(x) {
                break;
            }
            for part in 0..width {
                if let Some(cell) = self.buffer.cell_mut((area.x + x + part, area.y + y)) {
                    if part == 0 {
                        cell.set_symbol(symbol).set_style(style);
                    } else {
                        // The second half of a wide glyph.
                        cell.reset();
                        cell.set_style(style);
                    }
                }
            }
            x += width;
        }
        x
    }

    /// `text` in row `y` of `area`, cut with a mark.
    pub(crate) fn text(&mut self, area: Rect, y: u16, text: &str, style: Style) {
        self.put(area, 0, y, &fit(text, usize::from(area.width)), style);
    }

    /// `pieces` in row `y` of `area`, cut with a mark.
    pub(crate) fn pieces(&mut self, area: Rect, y: u16, pieces: &Pieces) -> u16 {
        let mut x = 0;
        for (index, (text, style)) in pieces.iter().enumerate() {
            let room = usize::from(area.width.saturating_sub(x));
            let more = pieces.iter().skip(index + 1).any(|(text, _)| !text.trim().is_empty());
            let text = clean(text);
            if more && width(&text) >= room {
                self.put(area, x, y, &fit(&format!("{text} …"), room), *style);
                return area.width;
            }
            x = self.put(area, x, y, &fit(&text, room), *style);
        }
        x
    }

    /// `pieces` at the right end of row `y` of `area`, if there is room behind column `from`.
    pub(crate) fn right(&mut self, area: Rect, from: u16, y: u16, pieces: &Pieces) {
        let all: usize = pieces.iter().map(|(text, _)| width(&clean(text))).sum();
        let Ok(all) = u16::try_from(all) else { return };
        if area.width < all.saturating_add(from) {
            return;
        }
        let mut x = area.width - all;
        for (text, style) in pieces {
            x = self.put(area, x, y, text, *style);
        }
    }

    /// A heading with a rule behind it, in the first row of `area`.
    pub(crate) fn heading(&mut self, area: Rect, title: &str, theme: &Theme) {
        let x = self.put(area, 0, 0, &fit(title, usize::from(area.width)), theme.heading);
        let rule = "─".repeat(usize::from(area.width.saturating_sub(x.saturating_add(1))));
        self.put(area, x.saturating_add(1), 0, &rule, theme.border);
    }

    /// `text` wrapped into `area`; the rows that it took.
    pub(crate) fn paragraph(&mut self, area: Rect, text: &str, style: Style) -> u16 {
        let lines = wrap(text, usize::from(area.width), usize::from(area.height));
        for (y, line) in (0..).zip(&lines) {
            self.put(area, 0, y, line, style);
        }
        u16::try_from(lines.len()).unwrap_or(area.height)
    }

    /// Draws what is missing, and how to get it.
    pub(crate) fn empty(&mut self, area: Rect, what: &str, how: &str, theme: &Theme) {
        let mut area = inside(area);
        let used = self.paragraph(area, what, theme.text);
        area.cut_top(used.saturating_add(1));
        self.paragraph(area, how, theme.dim);
    }

    /// Restyles `area`.
    pub(crate) fn style(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area, style);
    }
}

/// `area` with a column of air on both sides where it is wide enough, and a row above where it is high enough.
const fn inside(area: Rect) -> Rect {
    let (x, width) = if area.width > 20 { (area.x + 1, area.width - 2) } else { (area.x, area.width) };
    let (y, height) = if area.height > 6 { (area.y + 1, area.height - 1) } else { (area.y, area.height) };
    Rect { x, y, width, height }
}

/// Pieces cut off a rectangle, which keeps the rest.
pub(crate) trait Cut {
    /// Takes `rows` from the top.
    fn cut_top(&mut self, rows: u16) -> Rect;
    /// Takes `rows` from the bottom.
    fn cut_bottom(&mut self, rows: u16) -> Rect;
    /// Takes `columns` from the left.
    fn cut_left(&mut self, columns: u16) -> Rect;
    /// Takes `columns` from the right.
    fn cut_right(&mut self, columns: u16) -> Rect;
}

impl Cut for Rect {
    fn cut_top(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.height);
        let cut = Rect { height: rows, ..*self };
        self.y += rows;
        self.height -= rows;
        cut
    }

    fn cut_bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.height);
        self.height -= rows;
        Rect { y: self.y + self.height, height: rows, ..*self }
    }

    fn cut_left(&mut self, columns: u16) -> Rect {
        let columns = columns.min(self.width);
        let cut = Rect { width: columns, ..*self };
        self.x += columns;
        self.width -= columns;
        cut
    }

    fn cut_right(&mut self, columns: u16) -> Rect {
        let columns = columns.min(self.width);
        self.width -= columns;
        Rect { x: self.x + self.width, width: columns, ..*self }
    }
}

/// By how many rows the wheel of a mouse scrolls.
pub(crate) fn scroll(event: MouseEvent) -> Option<isize> {
    match event.kind {
        MouseEventKind::ScrollUp => Some(-3),
        MouseEventKind::ScrollDown => Some(3),
        MouseEventKind::Down(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => None,
    }
}
