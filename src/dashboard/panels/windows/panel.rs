//! The windows panel: a table of what is open, its keys beside it, what fired and what was late below.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::merge::{Open, Operator, bounds, operators};
use super::rounds;
use crate::dashboard::draw::{Canvas, Cell, Col, Cursor, Cut, Table, clean, clock, count, duration, numeric, value};
use crate::dashboard::{Model, Panel, PanelSpec, Reaction, Theme};
use crate::session::{Listing, listings};

/// The registry entry.
pub(in crate::dashboard::panels) const SPEC: PanelSpec = PanelSpec {
    name: "windows",
    title: "windows",
    help: "The open windows of a window operator, the next to fire first: the bar fills as the watermark comes to the window's end. Beside them the keys of the chosen window with what their aggregates come to now (≥: there may be more); below, what fired last (↻: once more, for late rows) and what came too late, in the columns that the window reads: `:why late JOB` shows whole rows. Of `iterate` it shows the rounds, the newest first, and some of the rows that the chosen one changed.",
    keys: &[
        ("↑ ↓ j k PgUp PgDn Home End", "choose a window, a key or a round"),
        ("← →", "to the windows, to the keys"),
        ("o", "the next window operator"),
    ],
    create: || Box::new(Windows::default()),
};

#[derive(Debug, Default)]
struct Windows {
    operator: usize,
    open: Cursor,
    entries: Cursor,
    /// Whether the keys have the cursor.
    on_entries: bool,
}

fn at_least(open: &Open<'_>) -> &'static str {
    if open.keys_at_least { "≥" } else { "" }
}

fn open_cells(open: &Open<'_>, theme: &Theme) -> Vec<Cell> {
    let text = |text: String| Cell::Text(text, theme.text);
    let key = match open.entries.as_slice() {
        [(_, entry)] if open.keys == 1 => entry.key.join(", "),
        _ => format!("{}{}", at_least(open), count(open.keys)),
    };
    let style = if open.fired { theme.dim } else { theme.accent };
    let to_go = match open.to_go_ms {
        _ if open.fired => Cell::Text("✓ fired".to_owned(), theme.dim),
        None => Cell::Text("-".to_owned(), theme.dim),
        Some(0) => Cell::Text("now".to_owned(), theme.good),
        Some(ms) => text(duration(ms)),
    };
    vec![text(bounds(open.start, open.end)), Cell::Bar(open.passed, style), to_go, text(key), text(count(open.rows))]
}

impl Windows {
    fn header(
        canvas: &mut Canvas<'_>,
        area: Rect,
        (nth, all): (usize, &[Operator<'_>]),
        open: &[Open<'_>],
        theme: &Theme,
    ) {
        let Some(operator) = all.get(nth) else { return };
        let waiting: Vec<&Open<'_>> = open.iter().filter(|open| !open.fired).collect();
        let next = waiting.first().and_then(|open| open.to_go_ms);
        let next = next.map_or_else(String::new, |ms| format!("  ·  next fires in {}", duration(ms)));
        let left_out: u64 =
            operator.views().map(|(_, _, view)| view.windows().map_or(0, |windows| windows.left_out)).sum();
        let more = if left_out > 0 { format!(", {} more not listed", count(left_out)) } else { String::new() };
        let fired = open.len() - waiting.len();
        let unanswered = listings::unanswered_note(operator.vertex.unanswered);
        let line = vec![
            (clean(&operator.name()).into_owned(), theme.heading),
            (next, theme.text),
            (format!("  ·  {} open{more}", waiting.len()), theme.text),
            (if fired > 0 { format!(", {fired} fired wait for late rows") } else { String::new() }, theme.dim),
            (unanswered.map_or_else(String::new, |note| format!("  ·  {note}")), theme.warn),
        ];
        let x = canvas.pieces(area, 0, &line);
        if all.len() > 1 {
            canvas.right(area, x + 2, 0, &vec![(format!("o: operator {} of {}", nth + 1, all.len()), theme.dim)]);
        }
    }

    fn entries(
        &mut self,
        canvas: &mut Canvas<'_>,
        mut area: Rect,
        operator: &Operator<'_>,
        open: &Open<'_>,
        theme: &Theme,
    ) {
        let shown = open.entries.len() as u64;
        let more = if open.keys > shown { format!(", {shown} of them shown") } else { String::new() };
        let title = format!("{}{} keys of {}{more}", at_least(open), open.keys, bounds(open.start, open.end));
        canvas.heading(area.cut_top(1), &title, theme);
        let named = operator.views().filter_map(|(_, _, view)| view.windows());
        let named = named.max_by_key(|windows| windows.keys.len() + windows.values.len());
        let (keys, values) = named.map_or((&[][..], &[][..]), |windows| (&windows.keys[..], &windows.values[..]));
        let mut cols = Vec::new();
        for (nth, name) in (0_u8..).zip(keys) {
            let all = open.entries.iter().filter_map(|(_, entry)| entry.key.get(usize::from(nth)));
            cols.push(if numeric(all) { Col::number(name, 6, nth) } else { Col::text(name, 6, 32, nth) });
        }
        for (nth, name) in (0_u8..).zip(values) {
            let all = open.entries.iter().filter_map(|(_, entry)| entry.values.get(usize::from(nth)));
            let rank = nth.saturating_add(1);
            cols.push(if numeric(all) { Col::number(name, 5, rank) } else { Col::text(name, 5, 40, rank) });
        }
        cols.push(Col::number("subtask", 7, 200));
        let row = |index: usize| {
            let Some((subtask, entry)) = open.entries.get(index) else { return Vec::new() };
            let mut cells: Vec<Cell> = (0..keys.len()).map(|nth| value(&entry.key, nth, theme)).collect();
            cells.extend((0..values.len()).map(|nth| value(&entry.values, nth, theme)));
            cells.push(Cell::Text(listings::subtask_name(operator.vertex.id, *subtask), theme.dim));
            cells
        };
        let focused = self.on_entries;
        Table::new(cols).draw(canvas, area, (open.entries.len(), row), &mut self.entries, (theme, focused));
    }

    fn fired(canvas: &mut Canvas<'_>, mut area: Rect, operator: &Operator<'_>, theme: &Theme) {
        canvas.heading(area.cut_top(1), "fired last, rows", theme);
        let fired = operator.fired();
        if fired.is_empty() {
            canvas.text(area, 0, "nothing yet", theme.dim);
        }
        for (y, fired) in (0..area.height).zip(&fired) {
            let mark = if fired.again { "↻" } else { "✓" };
            let again = if fired.again { " again" } else { "" };
            let style = if fired.again { theme.warn } else { theme.text };
            let line = format!("{mark} {}  {} out{again}", bounds(fired.start, fired.end), count(fired.keys));
            canvas.text(area, y, &line, style);
        }
    }

    fn late(canvas: &mut Canvas<'_>, mut area: Rect, operator: &Operator<'_>, theme: &Theme) {
        let total: u64 = operator.vertex.subtasks.iter().map(|subtask| subtask.late_rows).sum();
        canvas.heading(area.cut_top(1), &format!("late: {} rows", count(total)), theme);
        if area.height > 3
            && let Some(said) = listings::lateness(operator.vertex)
        {
            let line = area.cut_top(1);
            canvas.text(line, 0, &said, theme.text);
        }
        let late = operator.late();
        if late.is_empty() {
            let tell = if total > 0 { "a late_to stream reads them" } else { "nothing was late" };
            canvas.text(area, 0, tell, theme.dim);
        }
        for (y, (subtask, late)) in (0..area.height).zip(&late) {
            let line = vec![
                (format!("by {} ", duration(late.late_by_ms)), theme.warn),
                (format!("{} ", clock(Some(late.time))), theme.text),
                (format!("[{subtask}] "), theme.dim),
                (late.row.clone(), theme.text),
            ];
            canvas.pieces(Rect { y: area.y + y, height: 1, ..area }, 0, &line);
        }
    }
}

impl Panel for Windows {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        let operators = operators(&model.view);
        if operators.is_empty() {
            canvas.empty(
                area,
                "no windows: the job has no window stage, or it has taken no row yet",
                "… | key_by auction | window tumble(10s) | aggregate count(*) as n opens them",
                theme,
            );
            return;
        }
        self.operator %= operators.len();
        let Some(operator) = operators.get(self.operator) else { return };
        if let Some(rounds) = rounds::rounds(operator) {
            rounds::draw(&mut canvas, area, (operator, rounds), &mut self.open, theme);
            return;
        }
        let open = operator.open();
        if area.height > 2 {
            let head = area.cut_top(1);
            Self::header(&mut canvas, head, (self.operator, &operators), &open, theme);
        }
        if area.height >= 12 {
            let mut bottom = area.cut_bottom((area.height / 3).clamp(5, 16));
            let fired = if area.width >= 50 { bottom.cut_left((area.width / 3).clamp(32, 44)) } else { Rect::ZERO };
            let gap = bottom.cut_left(1);
            Self::fired(&mut canvas, Rect { width: fired.width.saturating_sub(gap.width), ..fired }, operator, theme);
            Self::late(&mut canvas, bottom, operator, theme);
        }
        let mut right = Rect::ZERO;
        if area.width >= 60 {
            let wide = area.width.saturating_sub(if area.width >= 150 { 76 } else { 50 });
            right = area.cut_right(wide);
            area.cut_right(2);
        } else if area.height >= 10 {
            right = area.cut_bottom(area.height / 2);
        }
        let table = Table::new(vec![
            Col::text("window", 17, 25, 0),
            Col::text("passed", 6, 40, 1).grows(),
            Col::number("fires in", 8, 0),
            Col::number("keys", 5, 3),
            Col::number("rows in", 7, 2),
        ]);
        let row = |index: usize| open.get(index).map_or_else(Vec::new, |open| open_cells(open, theme));
        if open.is_empty() {
            canvas.empty(area, "no window is open now", "those of the next rows will be", theme);
        } else {
            let focused = !self.on_entries;
            table.draw(&mut canvas, area, (open.len(), row), &mut self.open, (theme, focused));
        }
        if let Some(open) = open.get(self.open.selected) {
            self.entries(&mut canvas, right, operator, open, theme);
        }
    }

    fn key(&mut self, key: KeyEvent, _model: &Model) -> Reaction {
        let cursor = if self.on_entries { &mut self.entries } else { &mut self.open };
        if cursor.key(key) {
            return Reaction::Redraw;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key is the dashboard's")]
        match key.code {
            KeyCode::Left | KeyCode::Char('h') => self.on_entries = false,
            KeyCode::Right | KeyCode::Char('l') | KeyCode::Enter => self.on_entries = true,
            KeyCode::Char('o') => *self = Self { operator: self.operator.wrapping_add(1), ..Self::default() },
            _ => return Reaction::Ignored,
        }
        Reaction::Redraw
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if self.open.mouse(event) {
            self.on_entries = false;
        } else if self.entries.mouse(event) {
            self.on_entries = true;
        } else {
            return Reaction::Ignored;
        }
        Reaction::Redraw
    }

    fn chosen(&self, model: &Model) -> Option<String> {
        let operators = operators(&model.view);
        let operator = operators.get(self.operator.checked_rem(operators.len())?)?;
        let open = operator.open();
        let (_, entry) = open.get(self.open.selected)?.entries.get(self.entries.selected)?;
        let windows = operator.views().find_map(|(_, _, view)| view.windows())?;
        let names = windows.keys.iter().chain(&windows.values).map(String::as_str);
        let values: Vec<_> = entry.key.iter().chain(&entry.values).cloned().collect();
        Some(listings::named(names, &values).to_string())
    }

    fn listing(&self, model: &Model) -> Listing {
        let operators = operators(&model.view);
        let shown = self.operator.checked_rem(operators.len()).and_then(|nth| operators.get(nth));
        match shown.and_then(rounds::rounds) {
            Some(_) => listings::rounds(&model.view),
            None => listings::windows(&model.view),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SPEC;
    use crate::dashboard::panels::tests::{press, screen};
    use crate::dashboard::testing::model;

    #[test]
    fn the_cursor_goes_to_the_keys_and_back() {
        let model = model();
        let mut panel = (SPEC.create)();
        let before = screen(panel.as_mut(), &model, 78, 19);
        press(panel.as_mut(), "j", &model);
        let second = screen(panel.as_mut(), &model, 78, 19);
        assert_ne!(before, second, "the keys are those of the second window");
        press(panel.as_mut(), "lj", &model);
        assert_eq!(screen(panel.as_mut(), &model, 78, 19), second, "the window stays chosen");
    }
}
