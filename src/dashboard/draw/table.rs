//! A table that gives up its least important columns rather than cut all of them.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::bars::{bar, load_bar, sparkline};
use super::{Canvas, Cursor, Cut, Pieces, clean, pad_left, pad_right, width};
use crate::dashboard::{Rates, Theme};
use crate::session::Align;

/// Columns between two columns.
const GAP: usize = 1;

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Col {
    title: String,
    align: Align,
    /// Below this it is not worth showing.
    min: usize,
    /// Above this nothing is gained; what grows takes what is left over.
    max: usize,
    /// The highest goes first when there is no room; 0 stays.
    rank: u8,
    grows: bool,
}

impl Col {
    /// Text of `min` to `max` columns.
    pub(crate) fn text(title: impl Into<String>, min: usize, max: usize, rank: u8) -> Self {
        Self { title: title.into(), align: Align::Left, min, max, rank, grows: false }
    }

    /// A number of at least `min` columns: one that grows and shrinks must not shake the table.
    pub(crate) fn number(title: impl Into<String>, min: usize, rank: u8) -> Self {
        Self { title: title.into(), align: Align::Right, min, max: min.max(24), rank, grows: false }
    }

    /// The column, taking the room that is left over.
    pub(crate) const fn grows(mut self) -> Self {
        self.grows = true;
        self
    }

    /// The column, its heading shown with `mark` behind it.
    pub(crate) fn marked(mut self, mark: &str) -> Self {
        self.title.push_str(mark);
        self
    }
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// Text, cut where it must be.
    Text(String, Style),
    /// Text in several styles.
    Pieces(Pieces),
    /// A share, 0 to 1.
    Bar(f64, Style),
    /// The shares busy, back-pressured and idle.
    Load(Rates),
    /// Values over time.
    Spark(Vec<f64>, Style),
}

impl Cell {
    fn width(&self) -> usize {
        match self {
            Self::Text(text, _) => width(&clean(text)),
            Self::Pieces(pieces) => pieces.iter().map(|(text, _)| width(&clean(text))).sum(),
            Self::Bar(..) | Self::Load(_) | Self::Spark(..) => 0,
        }
    }
}

/// A table: columns, and how many rows there are to ask for.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    cols: Vec<Col>,
}

impl Table {
    /// A table with these columns.
    pub(crate) const fn new(cols: Vec<Col>) -> Self {
        Self { cols }
    }

    /// Draws headings and the rows around the chosen one: `row` makes those that are shown. The chosen row is marked when `focused`.
    pub(crate) fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        mut area: Rect,
        (len, row): (usize, impl Fn(usize) -> Vec<Cell>),
        cursor: &mut Cursor,
        (theme, focused): (&Theme, bool),
    ) {
        let head = area.cut_top(1);
        let range = cursor.place(len, area);
        let scrolls = range.len() < len && area.width > 4;
        let rows: Vec<Vec<Cell>> = range.clone().map(row).collect();
        let room = usize::from(area.width).saturating_sub(usize::from(scrolls));
        let widths = self.widths(&rows, room);
        let mut x = 0;
        for (col, width) in self.cols.iter().zip(&widths) {
            let Some(width) = *width else { continue };
            let title = match col.align {
                Align::Left => pad_right(&col.title, width),
                Align::Right => pad_left(&col.title, width),
            };
            canvas.put(head, x, 0, &title, theme.heading);
            x = x.saturating_add(u16::try_from(width + GAP).unwrap_or(u16::MAX));
        }
        for (y, (index, cells)) in (0..).zip(range.clone().zip(&rows)) {
            let mut x = 0_u16;
            for ((col, width), cell) in self.cols.iter().zip(&widths).zip(cells) {
                let Some(width) = *width else { continue };
                cell_at(canvas, area, (x, y), cell, (width, col.align), theme);
                x = x.saturating_add(u16::try_from(width + GAP).unwrap_or(u16::MAX));
            }
            if focused && index == cursor.selected {
                let line = Rect { y: area.y + y, height: 1, width: area.width - u16::from(scrolls), ..area };
                canvas.style(line, theme.selected);
            }
        }
        if scrolls {
            scrollbar(canvas, area, (range.start, range.len(), len), theme);
        }
    }

    /// The width of each column; `None` for those without room.
    fn widths(&self, rows: &[Vec<Cell>], room: usize) -> Vec<Option<usize>> {
        let natural: Vec<usize> = self
            .cols
            .iter()
            .enumerate()
            .map(|(index, col)| {
                let cells = rows.iter().filter_map(|row| row.get(index)).map(Cell::width);
                cells.max().unwrap_or(0).max(width(&col.title)).max(col.min).min(col.max.max(col.min))
            })
            .collect();
        let mut widths: Vec<Option<usize>> = self.cols.iter().map(|col| Some(col.min)).collect();
        let needed = |widths: &[Option<usize>]| {
            let shown = widths.iter().flatten();
            (shown.clone().sum::<usize>() + GAP * shown.count()).saturating_sub(GAP)
        };
        while needed(&widths) > room {
            let shown =
                self.cols.iter().enumerate().filter(|(index, _)| widths.get(*index).is_some_and(Option::is_some));
            // The last of several equally unimportant ones.
            match shown.filter(|(_, col)| col.rank > 0).max_by_key(|(_, col)| col.rank) {
                Some((index, _)) => widths[index] = None,
                None => break,
            }
        }
        let mut left = room.saturating_sub(needed(&widths));
        let mut order: Vec<usize> = (0..self.cols.len()).collect();
        // A number that is cut is another number: those first.
        order.sort_by_key(|&index| (self.cols[index].align == Align::Left, self.cols[index].rank));
        for index in order {
            if let Some(width) = &mut widths[index] {
                let more = natural[index].saturating_sub(*width).min(left);
                *width += more;
                left -= more;
            }
        }
        let growing: Vec<usize> =
            (0..self.cols.len()).filter(|&index| self.cols[index].grows && widths[index].is_some()).collect();
        for (nth, &index) in growing.iter().enumerate() {
            if let Some(width) = &mut widths[index] {
                let share = (left / (growing.len() - nth)).min(self.cols[index].max.saturating_sub(*width));
                *width += share;
                left -= share;
            }
        }
        widths
    }
}

fn cell_at(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (x, y): (u16, u16),
    cell: &Cell,
    (width, align): (usize, Align),
    theme: &Theme,
) {
    match cell {
        Cell::Text(text, style) => {
            let text = match align {
                Align::Left => pad_right(text, width),
                Align::Right => pad_left(text, width),
            };
            canvas.put(area, x, y, &text, *style);
        }
        Cell::Pieces(pieces) => {
            let columns = u16::try_from(width).unwrap_or(u16::MAX);
            let slot = Rect { x: area.x.saturating_add(x), width: columns.min(area.width.saturating_sub(x)), ..area };
            canvas.pieces(slot, y, pieces);
        }
        Cell::Bar(share, style) => {
            canvas.put(area, x, y, &bar(*share, width), *style);
        }
        Cell::Load(rates) => {
            let mut x = x;
            for (text, style) in load_bar(rates, width, theme) {
                x = canvas.put(area, x, y, &text, style);
            }
        }
        Cell::Spark(values, style) => {
            canvas.put(area, x, y, &sparkline(values, width), *style);
        }
    }
}

/// The scrollbar at the right edge: where in `len` rows the `shown` ones from `first` are.
pub(crate) fn scrollbar(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (first, shown, len): (usize, usize, usize),
    theme: &Theme,
) {
    let height = usize::from(area.height);
    if height == 0 {
        return;
    }
    let thumb = (shown * height / len.max(1)).clamp(1, height.max(1));
    let top = (first * (height - thumb)).checked_div(len.saturating_sub(shown)).unwrap_or(0);
    for y in 0..area.height {
        let on = (top..top + thumb).contains(&usize::from(y));
        let (symbol, style) = if on { ("┃", theme.focus) } else { ("│", theme.border) };
        canvas.put(area, area.width.saturating_sub(1), y, symbol, style);
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Col, Table};

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned(), ratatui::style::Style::new())
    }

    #[test]
    fn the_least_important_columns_go_first() {
        let table =
            Table::new(vec![Col::text("name", 6, 20, 0), Col::number("rows", 6, 1), Col::number("bytes", 6, 2)]);
        let rows = vec![vec![text("a long vertex name"), text("12"), text("99")]];
        assert_eq!(table.widths(&rows, 40), [Some(18), Some(6), Some(6)]);
        assert_eq!(table.widths(&rows, 22), [Some(8), Some(6), Some(6)]);
        assert_eq!(table.widths(&rows, 14), [Some(7), Some(6), None]);
        assert_eq!(table.widths(&rows, 8), [Some(8), None, None]);
        assert_eq!(table.widths(&rows, 0), [Some(6), None, None]);
    }

    #[test]
    fn what_grows_takes_what_is_left() {
        let table = Table::new(vec![Col::text("name", 4, 8, 0), Col::text("load", 5, 30, 1).grows()]);
        assert_eq!(
            table.widths(&[vec![text("ab"), Cell::Bar(0.5, ratatui::style::Style::new())]], 25),
            [Some(4), Some(20)]
        );
    }
}
