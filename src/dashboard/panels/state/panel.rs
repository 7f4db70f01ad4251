//! The state panel: the states at the left, the keys of the chosen one at the right.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::keys;
use crate::dashboard::draw::{
    Canvas, Cell, Col, Cursor, Cut, Search, Table, clean, count, numeric, time, value, width,
};
use crate::dashboard::{Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{StateEntryView, StateOrigin, StateQuery, StateView};
use crate::session::{Column, Listing, listings};

/// The registry entry.
pub(in crate::dashboard::panels) const SPEC: PanelSpec = PanelSpec {
    name: "state",
    title: "state",
    help: "The keyed state of the job: choose a state at the left, a key at the right; values are decoded by the state's columns. Below, the bytes in each key group, the hottest keys, and timers that wait. Live state is asked of the running operators between two batches, checkpoint state is read from the last checkpoint; the first line says which is shown.",
    keys: &[
        ("↑ ↓ j k PgUp PgDn Home End", "choose a state, or a key"),
        ("← →", "to the states, to the keys"),
        ("/", "search by key"),
        ("l", "live state, checkpoint state"),
        ("Enter", "read the chosen entry in full, and back"),
    ],
    create: || Box::new(State::default()),
};

/// Entries asked for of each state: more than a large screen shows.
const LIMIT: usize = 200;

#[derive(Debug, Default)]
struct State {
    states: Cursor,
    entries: Cursor,
    on_entries: bool,
    checkpointed: bool,
    search: Search,
    reading: bool,
}

fn namespace(state: &StateView, entry: &StateEntryView) -> Cell {
    let text = if state.namespace.is_some() { time(entry.namespace) } else { String::new() };
    Cell::Text(text, ratatui::style::Style::new())
}

impl State {
    fn header(&self, canvas: &mut Canvas<'_>, area: Rect, state: Option<&StateView>, theme: &Theme) {
        let (told, style) = match state.map(|state| state.origin) {
            Some(StateOrigin::Live) => ("● live state, between two batches".to_owned(), theme.good),
            Some(StateOrigin::Checkpoint(id)) => (format!("▣ state of checkpoint {id}"), theme.accent),
            None if self.checkpointed => ("▣ checkpoint state".to_owned(), theme.accent),
            None => ("● live state".to_owned(), theme.good),
        };
        let fell_back =
            !self.checkpointed && matches!(state.map(|state| state.origin), Some(StateOrigin::Checkpoint(_)));
        let note = if fell_back { "  (live state can't be read)" } else { "" };
        let x = canvas.pieces(area, 0, &vec![(told, style), (note.to_owned(), theme.warn)]);
        let other = if self.checkpointed { "l: live state" } else { "l: last checkpoint" };
        canvas.right(area, x + 2, 0, &vec![(format!("{other}   / search by key"), theme.dim)]);
    }

    fn list(&mut self, canvas: &mut Canvas<'_>, area: Rect, states: &[StateView], theme: &Theme) {
        let table = Table::new(vec![Col::text("state", 12, 60, 0).grows(), Col::number("entries", 7, 1)]);
        let row = |index: usize| {
            let Some(state) = states.get(index) else { return Vec::new() };
            vec![
                Cell::Pieces(vec![
                    (clean(&state.operator).into_owned(), theme.dim),
                    (" → ".to_owned(), theme.dim),
                    (clean(&state.state).into_owned(), theme.text),
                ]),
                Cell::Text(count(state.entries), theme.text),
            ]
        };
        let focused = !self.on_entries;
        table.draw(canvas, area, (states.len(), row), &mut self.states, (theme, focused));
    }

    fn entries(&mut self, canvas: &mut Canvas<'_>, mut area: Rect, state: &StateView, theme: &Theme) {
        let shown = state.rows.len();
        let all = u64::try_from(shown).unwrap_or(u64::MAX) >= state.matching;
        let (entries, matching) = (count(state.entries), count(state.matching));
        let title = match (self.search.text(), all) {
            (None, true) => format!("{entries} entries"),
            (None, false) => format!("the first {shown} of {entries} entries, / searches"),
            (Some(_), true) => format!("{matching} found of {entries} entries"),
            (Some(_), false) => format!("the first {shown} of {matching} found"),
        };
        canvas.heading(area.cut_top(1), &title, theme);
        if state.rows.is_empty() {
            let how = if self.search.text().is_some() { "/ changes the search" } else { "rows will make some" };
            canvas.empty(area, "no entry", how, theme);
            return;
        }
        // A heading that is cut names nothing.
        let text = |title: String, nth| {
            // The last one takes what is left.
            let most = if usize::from(nth) + 1 == state.columns.len() { 200 } else { 40 };
            Col::text(title.clone(), width(&title).clamp(7, 20), most, nth)
        };
        let mut cols = Vec::new();
        for (nth, column) in (0_u8..200).zip(&state.columns) {
            let numbers = numeric(state.rows.iter().filter_map(|row| row.values.get(usize::from(nth))));
            // A column of the key is marked: without colour, too.
            let title = if column.key { format!("{}*", clean(&column.name)) } else { clean(&column.name).into_owned() };
            cols.push(if numbers { Col::number(title, 5, nth) } else { text(title, nth) });
        }
        let has_namespace = state.namespace.is_some();
        if let Some(name) = &state.namespace {
            cols.push(Col::text(clean(name), 23, 23, 201));
        }
        cols.push(Col::number("group", 5, 202));
        let row = |index: usize| {
            let Some(entry) = state.rows.get(index) else { return Vec::new() };
            let mut cells: Vec<Cell> =
                (0..state.columns.len().min(200)).map(|nth| value(&entry.values, nth, theme)).collect();
            if has_namespace {
                cells.push(namespace(state, entry));
            }
            cells.push(Cell::Text(entry.key_group.to_string(), theme.dim));
            cells
        };
        let focused = self.on_entries;
        Table::new(cols).draw(canvas, area, (shown, row), &mut self.entries, (theme, focused));
    }

    /// The chosen entry, a column a line, with types.
    fn read(canvas: &mut Canvas<'_>, mut area: Rect, state: &StateView, entry: &StateEntryView, theme: &Theme) {
        let title =
            format!("entry of {} → {}, key group {}", clean(&state.operator), clean(&state.state), entry.key_group);
        canvas.heading(area.cut_top(1), &title, theme);
        if let Some(name) = &state.namespace {
            let line = area.cut_top(1);
            canvas.text(line, 0, &format!("{name}  {}", time(entry.namespace)), theme.text);
        }
        for (column, value) in state.columns.iter().zip(&entry.values) {
            let mut line = area;
            let label = line.cut_left((area.width / 3).min(30));
            let key = if column.key { "*" } else { "" };
            canvas.text(label, 0, &format!("{}{key} {}", column.name, column.ty), theme.dim);
            let used = canvas.paragraph(line, value.as_str(), theme.text).max(1);
            area.cut_top(used);
        }
    }

    /// Draws what is said in place of state.
    fn missing(&self, canvas: &mut Canvas<'_>, area: Rect, model: &Model, theme: &Theme) -> bool {
        match &model.state {
            Some(Ok(states)) if !states.is_empty() => return false,
            Some(Ok(_)) if self.checkpointed => canvas.empty(
                area,
                "no keyed state in a checkpoint: none was completed yet, or the job keeps none",
                "c takes a checkpoint; l shows live state",
                theme,
            ),
            Some(Ok(_)) => canvas.empty(
                area,
                "no keyed state: the job has no operator that keeps any",
                "… | key_by auction | window … | aggregate … keeps accumulators by key",
                theme,
            ),
            Some(Err(error)) => {
                canvas.empty(
                    area,
                    &format!("✗ the state can't be read: {error}"),
                    "l shows that of the last checkpoint, or live state",
                    theme,
                );
            }
            None => canvas.empty(area, "the state is being read …", "operators answer between two batches", theme),
        }
        true
    }
}

impl Panel for State {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        let none = Vec::new();
        let states = match &model.state {
            Some(Ok(states)) => states,
            _ => &none,
        };
        let chosen = states.get(self.states.selected.min(states.len().saturating_sub(1)));
        if area.height > 3 {
            let head = area.cut_top(1);
            self.header(&mut canvas, head, chosen, theme);
        }
        if self.search.shown() {
            let line = area.cut_bottom(1);
            let found: u64 = states.iter().map(|state| state.matching).sum();
            self.search.draw(&mut canvas, line, &format!("{} found in all states", count(found)), theme);
        }
        if self.missing(&mut canvas, area, model, theme) {
            return;
        }
        let Some(state) = chosen else { return };
        let below = if self.reading {
            area.cut_bottom(area.height / 2)
        } else if area.height >= 12 {
            area.cut_bottom((area.height / 3).clamp(5, 14))
        } else {
            Rect::ZERO
        };
        if area.width >= 56 {
            let left = area.cut_left((area.width / 3).clamp(28, 50));
            area.cut_left(2);
            self.list(&mut canvas, left, states, theme);
        } else if area.height >= 8 {
            let top = area.cut_top(area.height / 3);
            self.list(&mut canvas, top, states, theme);
        }
        self.entries(&mut canvas, area, state, theme);
        match (self.reading, state.rows.get(self.entries.selected)) {
            (true, Some(entry)) => Self::read(&mut canvas, below, state, entry, theme),
            _ => keys::draw(&mut canvas, below, state, &model.view, theme),
        }
    }

    fn key(&mut self, key: KeyEvent, _model: &Model) -> Reaction {
        if self.search.key(key) {
            return Reaction::Redraw;
        }
        let cursor = if self.on_entries { &mut self.entries } else { &mut self.states };
        if cursor.key(key) {
            return Reaction::Redraw;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key is the dashboard's")]
        match key.code {
            KeyCode::Left | KeyCode::Char('h') => self.on_entries = false,
            KeyCode::Right => self.on_entries = true,
            KeyCode::Char('l') => self.checkpointed = !self.checkpointed,
            // The first Enter goes to the keys, those after it open and close the entry.
            KeyCode::Enter if !self.on_entries => self.on_entries = true,
            KeyCode::Enter => self.reading = !self.reading,
            _ => return Reaction::Ignored,
        }
        Reaction::Redraw
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if self.states.mouse(event) {
            self.on_entries = false;
        } else if self.entries.mouse(event) {
            self.on_entries = true;
        } else {
            return Reaction::Ignored;
        }
        Reaction::Redraw
    }

    fn takes_text(&self) -> bool {
        self.search.is_open()
    }

    fn chosen(&self, model: &Model) -> Option<String> {
        let Some(Ok(states)) = &model.state else { return None };
        let state = states.get(self.states.selected.min(states.len().saturating_sub(1)))?;
        let entry = state.rows.get(self.entries.selected)?;
        Some(listings::named(state.columns.iter().map(|column| column.name.as_str()), &entry.values).to_string())
    }

    fn listing(&self, model: &Model) -> Listing {
        match &model.state {
            Some(Ok(states)) => listings::state(states),
            Some(Err(error)) => {
                let mut listing = Listing::new(vec![Column::text("error")], "no entries");
                listing.push(vec![serde_json::json!(error)]);
                listing
            }
            None => listings::state(&[]),
        }
    }

    fn state_query(&self) -> Option<StateQuery> {
        Some(StateQuery {
            search: self.search.text().map(str::to_owned),
            limit: LIMIT,
            checkpointed: self.checkpointed,
            ..StateQuery::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SPEC;
    use crate::dashboard::panels::tests::{press, screen};
    use crate::dashboard::testing::{model, states};
    use crate::inspect::StateOrigin;

    #[test]
    fn what_is_searched_for_and_where_is_asked_for() {
        let model = model();
        let mut panel = (SPEC.create)();
        let query = panel.state_query().unwrap();
        assert_eq!((query.search, query.checkpointed, query.limit), (None, false, 200));
        press(panel.as_mut(), "/1001\nl", &model);
        let query = panel.state_query().unwrap();
        assert_eq!((query.search.as_deref(), query.checkpointed), (Some("1001"), true));
    }

    #[test]
    fn live_and_checkpoint_state_are_told_apart_and_errors_said() {
        let mut model = model();
        let mut panel = (SPEC.create)();
        assert!(screen(panel.as_mut(), &model, 78, 19).contains("live state, between two batches"));
        model.state = Some(Ok(states(StateOrigin::Checkpoint(7))));
        let drawn = screen(panel.as_mut(), &model, 78, 19);
        assert!(drawn.contains("state of checkpoint 7") && drawn.contains("can't be read"), "{drawn}");
        press(panel.as_mut(), "l", &model);
        assert!(!screen(panel.as_mut(), &model, 78, 19).contains("can't be read"));
        model.state = Some(Err("the job has no state directory".to_owned()));
        assert!(screen(panel.as_mut(), &model, 78, 19).contains("no state directory"));
    }
}
