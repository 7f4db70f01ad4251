//! `output`: what the sinks write now.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::dashboard::draw::{
    Canvas, Cell, Col, Cursor, Cut, Search, Table, clean, count, micros, numeric, plot, rate, value,
};
use crate::dashboard::{Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{JobView, LatencyView, OutputRowView, VertexView};
use crate::session::{Listing, listings};

/// The registry entry.
pub(super) const SPEC: PanelSpec = PanelSpec {
    name: "output",
    title: "output",
    help: "The rows that a sink writes, as they come: +I an insert, -U and +U an update's old and new row, -D a delete. A fast sink is sampled; what was not seen is counted. The last 5,000 rows seen are kept to scroll and search in.",
    keys: &[
        ("↑ ↓ j k PgUp PgDn Home End", "choose a row; End keeps to the newest"),
        ("← →", "show other columns, when there are too many"),
        ("p", "hold, and go on"),
        ("/", "search"),
        ("o", "the next sink"),
        ("Enter", "read the chosen row in full, and back"),
    ],
    create: || Box::new(Output::default()),
};

/// Rows kept.
const KEPT: usize = 5_000;

/// A row that was seen.
#[derive(Debug, Clone)]
struct Row {
    vertex: usize,
    subtask: usize,
    shown: Arc<OutputRowView>,
}

#[derive(Debug)]
struct Output {
    job: String,
    restarts: u32,
    rows: VecDeque<Row>,
    /// The last row seen of each subtask.
    seen: BTreeMap<(usize, usize), u64>,
    /// Rows of each sink that came and went between two views.
    missed: BTreeMap<usize, u64>,
    sink: usize,
    column: usize,
    held: bool,
    search: Search,
    cursor: Cursor,
    reading: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            job: String::new(),
            restarts: 0,
            rows: VecDeque::new(),
            seen: BTreeMap::new(),
            missed: BTreeMap::new(),
            sink: 0,
            column: 0,
            held: false,
            search: Search::default(),
            cursor: Cursor::at_end(),
            reading: false,
        }
    }
}

fn sinks(view: &JobView) -> Vec<&VertexView> {
    view.vertices.iter().filter(|vertex| vertex.sink).collect()
}

impl Output {
    /// Takes the rows that were not seen before.
    fn take(&mut self, view: &JobView) {
        if self.job != view.name {
            let search = std::mem::take(&mut self.search);
            *self = Self { job: view.name.clone(), restarts: view.restarts, search, ..Self::default() };
        }
        if self.restarts != view.restarts {
            // A new attempt counts from the start.
            self.restarts = view.restarts;
            self.seen.clear();
        }
        if self.held {
            return;
        }
        for vertex in sinks(view) {
            for subtask in &vertex.subtasks {
                self.take_of(vertex.id, subtask.index, &subtask.output);
            }
        }
    }

    fn take_of(&mut self, vertex: usize, subtask: usize, output: &[Arc<OutputRowView>]) {
        let (Some(first), Some(last)) = (output.first(), output.last()) else { return };
        let seen = self.seen.get(&(vertex, subtask)).copied().filter(|&seen| seen <= last.sequence);
        if let Some(seen) = seen {
            *self.missed.entry(vertex).or_default() += first.sequence.saturating_sub(seen).saturating_sub(1);
        }
        for row in output.iter().filter(|row| seen.is_none_or(|seen| row.sequence > seen)) {
            if self.rows.len() == KEPT {
                self.rows.pop_front();
                self.cursor.shift(1);
            }
            self.rows.push_back(Row { vertex, subtask, shown: Arc::clone(row) });
        }
        self.seen.insert((vertex, subtask), last.sequence);
    }

    fn shown(&self, vertex: usize) -> Vec<&Row> {
        let found = |row: &&Row| {
            self.search.text().is_none() || row.shown.values.iter().any(|value| self.search.matches(value.as_str()))
        };
        self.rows.iter().filter(|row| row.vertex == vertex).filter(found).collect()
    }

    fn header(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        (vertex, sinks): (&VertexView, usize),
        model: &Model,
        theme: &Theme,
    ) {
        let place = model.view.vertices.iter().position(|other| other.id == vertex.id).unwrap_or(0);
        let rates = model.vertex_rates(place);
        let missed = self.missed.get(&vertex.id).copied().unwrap_or(0);
        let latency = worst(vertex).map_or_else(String::new, |latency| {
            format!("  ·  latency p50 {} p99 {}", micros(latency.p50_us), micros(latency.p99_us))
        });
        let line = vec![
            (clean(&vertex.name).into_owned(), theme.heading),
            (format!("  {} rows/s{latency}", rate(rates.rows_out)), theme.text),
            (if missed > 0 { format!("  ·  sampled: {} not seen", count(missed)) } else { String::new() }, theme.dim),
        ];
        let x = canvas.pieces(area, 0, &line);
        let held =
            if self.held { ("‖ held (p)".to_owned(), theme.warn) } else { ("▶ live".to_owned(), theme.good) };
        canvas.right(area, x + 1, 0, &vec![held.clone()]);
        if sinks > 1 {
            canvas.right(area, x + 1, 0, &vec![(format!("o: sink {} of {sinks}  ", self.sink + 1), theme.dim), held]);
        }
    }

    /// Draws the rows; the cursor, where it is now, and the first column that was shown.
    fn table(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        vertex: &VertexView,
        shown: &[&Row],
        theme: &Theme,
    ) -> (Cursor, usize) {
        let columns = shown.iter().map(|row| row.shown.values.len()).max().unwrap_or(0).max(vertex.columns.len());
        let first = self.column.min(columns.saturating_sub(1));
        let mut cursor = self.cursor;
        // Where the rows will be: the widths are those of what is seen, the choice of alignment too.
        let range = cursor.place(shown.len(), Rect { height: area.height.saturating_sub(1), ..area });
        let seen = shown.get(range).unwrap_or(&[]);
        let subtask = Col::text("subtask", 7, 7, 250);
        let mut cols = vec![Col::text("", 2, 2, 0), subtask];
        for (rank, nth) in (1_u8..200).zip(first..columns) {
            let unnamed = format!("column {}", nth + 1);
            let name = vertex.columns.get(nth).map_or(unnamed, |name| clean(name).into_owned());
            let numbers = numeric(seen.iter().filter_map(|row| row.shown.values.get(nth)));
            cols.push(if numbers { Col::number(name, 4, rank) } else { Col::text(name, 6, 60, rank) });
        }
        let row = |index: usize| {
            let Some(row) = shown.get(index) else { return Vec::new() };
            let mut cells = vec![
                Cell::Text(row.shown.kind.clone(), kind_style(&row.shown.kind, theme)),
                Cell::Text(listings::subtask_name(row.vertex, row.subtask), theme.dim),
            ];
            cells.extend((first..columns).take(199).map(|nth| value(&row.shown.values, nth, theme)));
            cells
        };
        Table::new(cols).draw(canvas, area, (shown.len(), row), &mut cursor, (theme, true));
        (cursor, first)
    }

    /// The chosen row, a column a line.
    fn read(canvas: &mut Canvas<'_>, mut area: Rect, vertex: &VertexView, row: &Row, theme: &Theme) {
        let title = format!("{} of {}", row.shown.kind, listings::subtask_name(row.vertex, row.subtask));
        canvas.heading(area.cut_top(1), &title, theme);
        for (nth, value) in row.shown.values.iter().enumerate() {
            let mut line = area;
            let name = vertex.columns.get(nth).map_or("?", String::as_str);
            let label = line.cut_left((area.width / 4).min(20));
            canvas.text(label, 0, name, theme.dim);
            let used = canvas.paragraph(line, value.as_str(), theme.text).max(1);
            area.cut_top(used);
        }
    }
}

/// The worst of the sink's subtasks.
fn worst(vertex: &VertexView) -> Option<LatencyView> {
    vertex.subtasks.iter().filter_map(|subtask| subtask.latency).max_by_key(|latency| latency.p99_us)
}

/// The style of a row kind; its letters tell it without colour.
fn kind_style(kind: &str, theme: &Theme) -> Style {
    match kind {
        "+I" => theme.good,
        "+U" => theme.accent,
        "-U" => theme.dim,
        "-D" => theme.bad,
        _ => theme.text,
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds, drawn in eighths of a row")]
const fn to_f64(us: u64) -> f64 {
    us as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds that came from a u64")]
fn shown_us(us: f64) -> String {
    micros(us as u64)
}

/// Latency over time: the median and the 99th percentile.
fn latency_plots(canvas: &mut Canvas<'_>, area: Rect, model: &Model, theme: &Theme) {
    let mut right = area;
    let left = right.cut_left(area.width / 2);
    let of = |pick: fn((u64, u64)) -> u64| -> Vec<f64> {
        model.latency().map(|latency| latency.map_or(0.0, |both| to_f64(pick(both)))).collect()
    };
    let (median, slow) = (of(|(p50, _)| p50), of(|(_, p99)| p99));
    let now = |values: &[f64]| shown_us(values.last().copied().unwrap_or(0.0));
    let left = Rect { width: left.width.saturating_sub(2), ..left };
    plot(canvas, left, &format!("latency, median: {}", now(&median)), &median, shown_us, (theme, theme.accent));
    plot(canvas, right, &format!("latency, 99th percentile: {}", now(&slow)), &slow, shown_us, (theme, theme.warn));
}

impl Panel for Output {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        self.take(&model.view);
        let sinks = sinks(&model.view);
        if sinks.is_empty() {
            canvas.empty(
                area,
                "no output: the job has no sink",
                "… | into print (or a sink of your own) shows rows here",
                theme,
            );
            return;
        }
        self.sink %= sinks.len();
        let Some(vertex) = sinks.get(self.sink).copied() else { return };
        if area.height > 2 {
            let head = area.cut_top(1);
            self.header(&mut canvas, head, (vertex, sinks.len()), model, theme);
        }
        if area.height >= 30 && area.width >= 80 && worst(vertex).is_some() {
            let mut bottom = area.cut_bottom((area.height / 5).clamp(6, 12));
            bottom.cut_top(1);
            latency_plots(&mut canvas, bottom, model, theme);
        }
        let shown = self.shown(vertex.id);
        if self.search.shown() {
            let line = area.cut_bottom(1);
            self.search.draw(&mut canvas, line, &format!("{} found", shown.len()), theme);
        }
        if shown.is_empty() {
            let (what, how) = if self.search.text().is_some() {
                (
                    "no row seen contains that",
                    "/ changes the search; only rows seen since the panel was opened are searched",
                )
            } else {
                (
                    "no row yet: the sink has written nothing since somebody looked",
                    "a windowed job writes when its windows fire; see the windows panel",
                )
            };
            canvas.empty(area, what, how, theme);
            return;
        }
        let mut below = Rect::ZERO;
        if self.reading {
            if area.width >= 100 {
                below = area.cut_right(area.width * 2 / 5);
                area.cut_right(1);
            } else {
                below = area.cut_bottom(area.height / 2);
            }
        }
        let (cursor, column) = self.table(&mut canvas, area, vertex, &shown, theme);
        if let Some(row) = shown.get(cursor.selected) {
            Self::read(&mut canvas, below, vertex, row, theme);
        }
        (self.cursor, self.column) = (cursor, column);
    }

    fn key(&mut self, key: KeyEvent, _model: &Model) -> Reaction {
        if self.search.key(key) {
            return Reaction::Redraw;
        }
        if key.code == KeyCode::End || key.code == KeyCode::Char('G') {
            self.cursor.follows = true;
            return Reaction::Redraw;
        }
        if self.cursor.key(key) {
            return Reaction::Redraw;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key is the dashboard's")]
        match key.code {
            KeyCode::Char('p') => self.held = !self.held,
            KeyCode::Char('o') => {
                (self.sink, self.column, self.cursor) = (self.sink.wrapping_add(1), 0, Cursor::at_end());
            }
            KeyCode::Left | KeyCode::Char('h') => self.column = self.column.saturating_sub(1),
            KeyCode::Right | KeyCode::Char('l') => self.column = self.column.saturating_add(1),
            KeyCode::Enter => self.reading = !self.reading,
            _ => return Reaction::Ignored,
        }
        Reaction::Redraw
    }

    fn mouse(&mut self, event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        if self.cursor.mouse(event) { Reaction::Redraw } else { Reaction::Ignored }
    }

    fn takes_text(&self) -> bool {
        self.search.is_open()
    }

    fn chosen(&self, model: &Model) -> Option<String> {
        let sinks = sinks(&model.view);
        let vertex = sinks.get(self.sink.checked_rem(sinks.len())?)?;
        let shown = self.shown(vertex.id);
        let row = &shown.get(self.cursor.selected)?.shown;
        Some(listings::named(vertex.columns.iter().map(String::as_str), &row.values).to_string())
    }

    fn listing(&self, model: &Model) -> Listing {
        listings::output(&model.view)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::press;
    use super::{KEPT, Output};
    use crate::dashboard::testing::{model, view};

    #[test]
    fn rows_are_taken_once_and_kept_to_a_bound() {
        let mut output = Output::default();
        output.take(&view(0));
        let first = output.rows.len();
        assert_eq!(first, 2 * 60 + 1);
        output.take(&view(0));
        assert_eq!(output.rows.len(), first);
        output.take(&view(1));
        assert_eq!(output.rows.len(), first + 2 * 8);
        // 60 rows are shown at a time, 8 come a step: 100 steps on, most of them were not seen.
        output.take(&view(101));
        assert_eq!(output.missed[&4], 2 * (800 - 60));
        (102..1_000).for_each(|step| output.take(&view(step)));
        assert_eq!(output.rows.len(), KEPT);
    }

    #[test]
    fn a_restart_counts_anew_and_a_held_panel_stands_still() {
        let mut output = Output::default();
        output.take(&view(50));
        let mut again = view(0);
        again.restarts += 1;
        let before = output.rows.len();
        output.take(&again);
        assert_eq!(output.rows.len(), before + 121);
        press(&mut output, "p", &model());
        let before = output.rows.len();
        output.take(&view(60));
        assert_eq!(output.rows.len(), before);
    }

    #[test]
    fn rows_are_searched() {
        let mut output = Output::default();
        output.take(&view(0));
        let all = output.shown(4).len();
        press(&mut output, "/google\n", &model());
        let found = output.shown(4).len();
        assert!(found > 0 && found < all, "{found} of {all}");
    }
}
