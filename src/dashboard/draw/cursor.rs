//! The chosen row of a list that scrolls.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::scroll;

/// The chosen row of a list that scrolls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The chosen row.
    pub(crate) selected: usize,
    /// The first row shown.
    pub(crate) offset: usize,
    /// Whether it keeps to the last row while rows are added.
    pub(crate) follows: bool,
    /// Rows there are.
    len: usize,
    /// The area where rows were drawn last.
    area: Rect,
}

impl Cursor {
    /// One that keeps to the last row until it is moved away from it.
    pub(crate) fn at_end() -> Self {
        Self { follows: true, ..Self::default() }
    }

    /// The list has `len` rows now and is drawn into `area`, a row a line: the rows to draw.
    pub(crate) fn place(&mut self, len: usize, area: Rect) -> std::ops::Range<usize> {
        self.len = len;
        self.area = area;
        if self.follows {
            self.selected = len.saturating_sub(1);
        }
        self.selected = self.selected.min(len.saturating_sub(1));
        let height = usize::from(area.height);
        let last = len.saturating_sub(height);
        self.offset = self.offset.min(last).min(self.selected);
        if height > 0 && self.selected >= self.offset + height {
            self.offset = self.selected + 1 - height;
        }
        self.offset..len.min(self.offset + height)
    }

    /// Rows were taken away at the front: the chosen one stays chosen.
    pub(crate) fn shift(&mut self, rows: usize) {
        self.selected = self.selected.saturating_sub(rows);
        self.offset = self.offset.saturating_sub(rows);
    }

    /// Moves by `rows`.
    pub(crate) fn move_by(&mut self, rows: isize) {
        self.select(self.selected.saturating_add_signed(rows));
    }

    /// Chooses a row.
    pub(crate) fn select(&mut self, row: usize) {
        let last = self.len.saturating_sub(1);
        self.selected = row.min(last);
        if self.follows && self.selected < last {
            self.follows = false;
        }
    }

    /// Arrows, j and k, pages, Home and End.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return false;
        }
        let page = isize::try_from(self.area.height.saturating_sub(1).max(1)).unwrap_or(1);
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key is somebody else's")]
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp => self.move_by(-page),
            KeyCode::PageDown => self.move_by(page),
            KeyCode::Home | KeyCode::Char('g') => self.select(0),
            KeyCode::End | KeyCode::Char('G') => self.select(usize::MAX),
            _ => return false,
        }
        true
    }

    /// The wheel over the rows, or a click on one.
    pub(crate) fn mouse(&mut self, event: MouseEvent) -> bool {
        if !self.area.contains((event.column, event.row).into()) {
            return false;
        }
        if let Some(rows) = scroll(event) {
            self.move_by(rows);
            return true;
        }
        let row = self.offset + usize::from(event.row.saturating_sub(self.area.y));
        let clicked = matches!(event.kind, MouseEventKind::Down(_)) && row < self.len;
        if clicked {
            self.select(row);
        }
        clicked
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    use ratatui::layout::Rect;

    use super::Cursor;

    fn press(cursor: &mut Cursor, code: KeyCode) -> bool {
        cursor.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn the_chosen_row_is_always_shown() {
        let area = Rect::new(2, 3, 10, 4);
        let mut cursor = Cursor::default();
        assert_eq!(cursor.place(10, area), 0..4);
        assert!(press(&mut cursor, KeyCode::End));
        assert_eq!(cursor.place(10, area), 6..10);
        assert!(press(&mut cursor, KeyCode::PageUp));
        assert_eq!((cursor.place(10, area), cursor.selected), (6..10, 6));
        assert!(press(&mut cursor, KeyCode::Char('k')));
        assert_eq!(cursor.place(10, area), 5..9);
        assert_eq!((cursor.place(2, area), cursor.selected), (0..2, 1));
        assert_eq!(cursor.place(0, area), 0..0);
        assert!(!press(&mut cursor, KeyCode::Char('x')));
    }

    #[test]
    fn one_that_follows_stays_at_the_end_until_moved() {
        let area = Rect::new(0, 0, 10, 4);
        let mut cursor = Cursor::at_end();
        cursor.place(10, area);
        assert_eq!(cursor.place(12, area), 8..12);
        press(&mut cursor, KeyCode::Up);
        assert_eq!(cursor.place(20, area), 8..12);
        cursor.shift(3);
        assert_eq!((cursor.place(20, area), cursor.selected), (5..9, 7));
    }

    #[test]
    fn a_click_chooses_the_row_under_it() {
        let mut cursor = Cursor::default();
        cursor.place(10, Rect::new(2, 3, 10, 4));
        let click = |column, row| MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        };
        assert!(cursor.mouse(click(4, 5)));
        assert_eq!(cursor.selected, 2);
        assert!(!cursor.mouse(click(4, 9)));
        assert!(cursor.mouse(MouseEvent { kind: MouseEventKind::ScrollDown, ..click(4, 5) }));
        assert_eq!(cursor.selected, 5);
    }
}
