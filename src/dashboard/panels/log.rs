//! `log`: what happened, with the row that caused it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::dashboard::draw::{Canvas, Cell, Col, Cursor, Cut, Search, Table, clean, clock, duration, time};
use crate::dashboard::{Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{JobView, LateRowView, RejectedRowView, Severity};
use crate::session::{Listing, listings};

/// The registry entry.
pub(super) const SPEC: PanelSpec = PanelSpec {
    name: "log",
    title: "log",
    help: "Restarts, checkpoints, errors, rejected rows and late rows in the order in which they happened, each with the row that caused it. A late row is listed when it is first seen: its time is marked ≤.",
    keys: &[
        ("↑ ↓ j k PgUp PgDn Home End", "choose an entry; End keeps to the newest"),
        ("Enter", "read the chosen entry in full, and back"),
        ("f", "everything, warnings and errors, errors only"),
        ("/", "search"),
    ],
    create: || Box::new(Log::default()),
};

/// Events kept.
const EVENTS: usize = 1_000;
/// Late and rejected rows kept, apart from events: a flood of late rows must not wash an error away.
const ROWS: usize = 500;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    at_ms: i64,
    /// Whether it happened then, and not only was seen then.
    exact: bool,
    severity: Severity,
    subject: String,
    message: String,
    row: Option<String>,
}

#[derive(Debug)]
struct Log {
    job: String,
    events: VecDeque<Entry>,
    rows: VecDeque<Entry>,
    /// The last event taken.
    sequence: u64,
    /// The rows that each subtask showed last.
    rejected: BTreeMap<(usize, usize), Vec<Arc<RejectedRowView>>>,
    late: BTreeMap<(usize, usize, usize), Vec<LateRowView>>,
    least: Severity,
    search: Search,
    cursor: Cursor,
    reading: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            job: String::new(),
            events: VecDeque::new(),
            rows: VecDeque::new(),
            sequence: 0,
            rejected: BTreeMap::new(),
            late: BTreeMap::new(),
            least: Severity::Info,
            search: Search::default(),
            cursor: Cursor::at_end(),
            reading: false,
        }
    }
}

/// The position in `now`, a list of the newest, where what `before` did not have begins.
fn unseen<T: PartialEq>(before: &[T], now: &[T]) -> usize {
    for gone in 0..before.len() {
        let kept = before.get(gone..).unwrap_or(&[]);
        if kept.len() <= now.len() && now.starts_with(kept) {
            return kept.len();
        }
    }
    0
}

fn push(list: &mut VecDeque<Entry>, entry: Entry, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(entry);
}

impl Log {
    /// Takes what is new in the job's view.
    fn take(&mut self, view: &JobView) {
        let last = view.events.last().map_or(0, |event| event.sequence);
        if self.job != view.name || last < self.sequence {
            let search = std::mem::take(&mut self.search);
            *self = Self { job: view.name.clone(), search, least: self.least, ..Self::default() };
        }
        for event in view.events.iter().filter(|event| event.sequence > self.sequence) {
            let entry = Entry {
                at_ms: event.at_ms,
                exact: true,
                severity: event.severity,
                subject: event.subject.clone(),
                message: event.message.clone(),
                row: event.row.clone(),
            };
            push(&mut self.events, entry, EVENTS);
        }
        self.sequence = last;
        for vertex in &view.vertices {
            for subtask in &vertex.subtasks {
                let place = (vertex.id, subtask.index);
                self.take_rejected(place, &subtask.rejected);
                for (nth, operator) in subtask.operators.iter().enumerate() {
                    self.take_late((place.0, place.1, nth), operator.late(), view.now_ms);
                }
            }
        }
    }

    fn take_rejected(&mut self, (vertex, subtask): (usize, usize), now: &[Arc<RejectedRowView>]) {
        let before = self.rejected.entry((vertex, subtask)).or_default();
        if before == now {
            return;
        }
        for rejected in now.iter().skip(unseen(before, now)) {
            let entry = Entry {
                at_ms: rejected.at_ms,
                exact: true,
                severity: Severity::Warning,
                subject: listings::subtask_name(vertex, subtask),
                message: format!("rejected {}: {}", rejected.place, rejected.message),
                row: Some(rejected.row.clone()),
            };
            push(&mut self.rows, entry, ROWS);
        }
        before.clear();
        before.extend_from_slice(now);
    }

    fn take_late(&mut self, place: (usize, usize, usize), now: &[LateRowView], now_ms: i64) {
        let before = self.late.entry(place).or_default();
        if before == now {
            return;
        }
        for late in now.iter().skip(unseen(before, now)) {
            let entry = Entry {
                at_ms: now_ms,
                exact: false,
                severity: Severity::Warning,
                subject: listings::subtask_name(place.0, place.1),
                message: format!(
                    "dropped a row late by {}: its time {}, the watermark {}",
                    duration(late.late_by_ms),
                    time(Some(late.time)),
                    time(Some(late.watermark))
                ),
                row: Some(late.row.clone()),
            };
            push(&mut self.rows, entry, ROWS);
        }
        before.clear();
        before.extend_from_slice(now);
    }

    /// The entries that the filters let through, oldest first.
    fn shown(&self) -> Vec<&Entry> {
        let passes = |entry: &&Entry| {
            entry.severity >= self.least
                && (self.search.text().is_none()
                    || [&entry.subject, &entry.message]
                        .into_iter()
                        .chain(&entry.row)
                        .any(|text| self.search.matches(text)))
        };
        let mut shown: Vec<&Entry> = self.events.iter().chain(&self.rows).filter(passes).collect();
        shown.sort_by_key(|entry| entry.at_ms);
        shown
    }

    const fn filter_name(&self) -> &'static str {
        match self.least {
            Severity::Info => "everything",
            Severity::Warning => "warnings and errors",
            Severity::Error => "errors only",
        }
    }

    fn header(&self, canvas: &mut Canvas<'_>, area: Rect, shown: usize, view: &JobView, theme: &Theme) {
        let of = |severity| self.events.iter().chain(&self.rows).filter(|entry| entry.severity == severity).count();
        let late: u64 = view.vertices.iter().flat_map(|vertex| &vertex.subtasks).map(|subtask| subtask.late_rows).sum();
        let rejected: u64 =
            view.vertices.iter().flat_map(|vertex| &vertex.subtasks).map(|subtask| subtask.rejected_rows).sum();
        let plural = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let restarts = plural(view.restarts_in_all().try_into().unwrap_or(usize::MAX), "restart");
        let line = vec![
            (format!("✗ {}", plural(of(Severity::Error), "error")), theme.bad),
            (format!("  ! {}", plural(of(Severity::Warning), "warning")), theme.warn),
            (format!("  ·  {restarts}  ·  {late} late, {rejected} rejected"), theme.text),
        ];
        let x = canvas.pieces(area, 0, &line);
        canvas.right(area, x + 2, 0, &vec![(format!("f: {} ({shown})", self.filter_name()), theme.dim)]);
    }

    /// The chosen entry in full.
    fn read(canvas: &mut Canvas<'_>, mut area: Rect, entry: &Entry, theme: &Theme) {
        let title = format!("{} {}  {}", mark(entry.severity), severity(entry.severity), clean(&entry.subject));
        canvas.heading(area.cut_top(1), &title, theme);
        let seen = if entry.exact { "" } else { "seen first at " };
        let text = format!("{seen}{}  {}", time(Some(entry.at_ms)), entry.message);
        let used = canvas.paragraph(area, &text, theme.severity(entry.severity));
        area.cut_top(used);
        if let Some(row) = &entry.row {
            canvas.paragraph(area, &format!("row: {row}"), theme.text);
        }
    }
}

const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "·",
        Severity::Warning => "!",
        Severity::Error => "✗",
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn cells(entry: &Entry, theme: &Theme) -> Vec<Cell> {
    let style = theme.severity(entry.severity);
    let mut message = vec![(entry.message.clone(), style)];
    if let Some(row) = &entry.row {
        message.push(("  row: ".to_owned(), theme.dim));
        message.push((row.clone(), theme.text));
    }
    vec![
        Cell::Text(mark(entry.severity).to_owned(), style),
        Cell::Text(format!("{}{}", if entry.exact { " " } else { "≤" }, clock(Some(entry.at_ms))), theme.dim),
        Cell::Text(entry.subject.clone(), theme.text),
        Cell::Pieces(message),
    ]
}

impl Panel for Log {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
        let (mut canvas, mut area) = Canvas::new(frame, area);
        self.take(&model.view);
        let mut cursor = self.cursor;
        let shown = self.shown();
        if area.height > 3 {
            let head = area.cut_top(1);
            self.header(&mut canvas, head, shown.len(), &model.view, theme);
        }
        if self.search.shown() {
            let line = area.cut_bottom(1);
            self.search.draw(&mut canvas, line, &format!("{} found", shown.len()), theme);
        }
        if shown.is_empty() {
            let (what, how) = if self.events.is_empty() && self.rows.is_empty() {
                ("nothing has happened yet", "restarts, checkpoints, errors, rejected and late rows are told here")
            } else {
                ("nothing passes the filters", "f shows more, / changes the search")
            };
            canvas.empty(area, what, how, theme);
            return;
        }
        let below = match (self.reading, area.height) {
            (true, height) => area.cut_bottom(height * 2 / 3),
            (false, 12..) => area.cut_bottom(4),
            (false, _) => Rect::ZERO,
        };
        let table = Table::new(vec![
            Col::text("", 1, 1, 0),
            Col::text(" time", 13, 13, 2),
            Col::text("what", 6, 20, 0),
            Col::text("message", 12, 400, 1).grows(),
        ]);
        let row = |index: usize| shown.get(index).map_or_else(Vec::new, |entry| cells(entry, theme));
        table.draw(&mut canvas, area, (shown.len(), row), &mut cursor, (theme, true));
        if let Some(entry) = shown.get(cursor.selected) {
            Self::read(&mut canvas, below, entry, theme);
        }
        self.cursor = cursor;
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
            KeyCode::Enter => self.reading = !self.reading,
            KeyCode::Char('f') => {
                self.least = match self.least {
                    Severity::Info => Severity::Warning,
                    Severity::Warning => Severity::Error,
                    Severity::Error => Severity::Info,
                };
            }
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

    fn chosen(&self, _model: &Model) -> Option<String> {
        let shown = self.shown();
        let entry = shown.get(self.cursor.selected)?;
        // The row is what one wants to look into, where there is one.
        Some(entry.row.clone().unwrap_or_else(|| entry.message.clone()))
    }

    fn listing(&self, model: &Model) -> Listing {
        listings::log(&model.view)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::press;
    use super::{Log, ROWS, unseen};
    use crate::dashboard::testing::{model, view};

    #[test]
    fn what_was_seen_is_not_taken_twice() {
        assert_eq!(unseen(&[1, 2, 3], &[1, 2, 3, 4]), 3);
        assert_eq!(unseen(&[1, 2, 3], &[2, 3, 4, 5]), 2);
        assert_eq!(unseen(&[1, 2, 3], &[4, 5]), 0);
        assert_eq!(unseen(&[1, 2], &[]), 0);
        let mut log = Log::default();
        log.take(&view(1));
        let once = (log.events.len(), log.rows.len());
        assert_eq!(once, (6, 5));
        log.take(&view(1));
        assert_eq!((log.events.len(), log.rows.len()), once);
    }

    #[test]
    fn a_flood_of_late_rows_washes_no_error_away() {
        let mut log = Log::default();
        // Every view has other late rows.
        (0..400).for_each(|step| log.take(&view(step)));
        assert_eq!((log.rows.len(), log.events.len()), (ROWS, 6));
    }

    #[test]
    fn entries_are_filtered_by_severity_and_text() {
        let (mut log, model) = (Log::default(), model());
        log.take(&model.view);
        let all = log.shown().len();
        press(&mut log, "f", &model);
        let warnings = log.shown().len();
        press(&mut log, "f", &model);
        let errors = log.shown().len();
        assert!(all > warnings && warnings > errors && errors == 2, "{all} {warnings} {errors}");
        press(&mut log, "f/OVERFLOWED\n", &model);
        assert_eq!(log.shown().len(), 1);
        assert_eq!(log.shown()[0].row.as_deref(), Some("auction=1001, price=9223372036854775807"));
    }
}
