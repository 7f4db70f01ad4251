//! A job as the dashboard sees it, and panels that show that they were drawn.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;
use serde_json::json;

use crate::dashboard::{App, AppOptions, Effect, JobLine, Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{
    CheckpointView, EdgeView, JobStatus, JobView, LatencyView, SavepointView, StateQuery, SubtaskView, VertexView,
};
use crate::session::{Column, Listing};

pub(super) const NOW_MS: i64 = 1_767_225_600_000;

/// A panel that says its name and what it was given.
struct Plain {
    name: &'static str,
    typing: Option<String>,
    keys: String,
}

impl Panel for Plain {
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, _theme: &Theme) {
        let typing = self.typing.as_ref().map_or_else(String::new, |text| format!("\n/{text}"));
        let text = format!(
            "{} of {} in {}x{}\nkeys {}{typing}",
            self.name, model.view.name, area.width, area.height, self.keys
        );
        frame.render_widget(Paragraph::new(text), area);
    }

    fn key(&mut self, key: KeyEvent, _model: &Model) -> Reaction {
        match (key.code, &mut self.typing) {
            (KeyCode::Char(c), Some(text)) => {
                text.push(c);
                Reaction::Redraw
            }
            (KeyCode::Esc | KeyCode::Enter, Some(_)) => {
                self.typing = None;
                Reaction::Redraw
            }
            (KeyCode::Char('/'), None) => {
                self.typing = Some(String::new());
                Reaction::Redraw
            }
            (KeyCode::Char('o'), None) => {
                self.keys.push('o');
                Reaction::Redraw
            }
            (KeyCode::Char('K'), None) => {
                Reaction::Ask { question: "Kill it?".to_owned(), statement: "kill subtask 1[0] of hot".to_owned() }
            }
            (KeyCode::Char('m'), None) => Reaction::Message("of the panel".to_owned()),
            _ => Reaction::Ignored,
        }
    }

    fn mouse(&mut self, event: MouseEvent, area: Rect, _model: &Model) -> Reaction {
        assert!(area.contains((event.column, event.row).into()));
        self.keys.push('*');
        Reaction::Redraw
    }

    fn takes_text(&self) -> bool {
        self.typing.is_some()
    }

    fn listing(&self, model: &Model) -> Listing {
        let mut listing = Listing::new(vec![Column::text("job"), Column::number("rows")], "none");
        listing.push(vec![json!(model.view.name), json!(model.view.source_rows)]);
        listing
    }

    fn state_query(&self) -> Option<StateQuery> {
        (self.name == "state").then(StateQuery::default)
    }
}

macro_rules! plain {
    ($($title:literal),*) => {
        &[$(&PanelSpec {
            name: $title,
            title: $title,
            help: concat!("Shows the ", $title, " of the job."),
            keys: &[("↑ ↓", "choose a row"), ("o", "sort by another column"), ("/", "search")],
            create: || Box::new(Plain { name: $title, typing: None, keys: String::new() }),
        }),*]
    };
}

pub(super) const PANELS: &[&PanelSpec] =
    plain!("graph", "subtasks", "watermarks", "windows", "state", "checkpoints", "output", "log");

fn subtask(index: usize, rows: u64) -> SubtaskView {
    SubtaskView {
        index,
        status: "running".into(),
        rows_in: rows,
        rows_out: rows,
        watermark: Some(NOW_MS - 4_000),
        newest_event_time: Some(NOW_MS),
        latency: Some(LatencyView { markers: 9, p50_us: 2_300, p95_us: 7_000, p99_us: 11_000, max_us: 20_000 }),
        ..SubtaskView::default()
    }
}

/// The job `hot` after `seconds`, at 50,000 rows a second and a bit.
pub(super) fn view(seconds: i64) -> JobView {
    let rows = seconds.unsigned_abs() * 50_000 + (seconds.unsigned_abs() % 7) * 9_000;
    let vertex = |id: usize, name: &str| VertexView {
        id,
        name: name.into(),
        source: id == 0,
        sink: id == 2,
        subtasks: vec![subtask(0, rows / 2), subtask(1, rows / 2)],
        ..VertexView::default()
    };
    let checkpoint = |id: u64, status: &str, at: i64| CheckpointView {
        id,
        status: status.into(),
        triggered_ms: NOW_MS + at * 1_000,
        duration_ms: Some(12),
        alignment_ms: Some(1),
        delta_bytes: Some(12_000),
        full_bytes: Some(345_000),
        cause: None,
    };
    JobView {
        name: "hot".into(),
        status: JobStatus::Running,
        uptime_ms: 130_000 + seconds * 1_000,
        parallelism: 2,
        max_parallelism: 128,
        now_ms: NOW_MS + seconds * 1_000,
        vertices: vec![vertex(0, "Source: bids"), vertex(1, "window"), vertex(2, "Sink: print")],
        edges: vec![EdgeView { from: 0, to: 1, exchange: "hash[auction]".into(), rows }],
        checkpoints: vec![
            checkpoint(6, "discarded", -10),
            checkpoint(7, "completed", -5),
            checkpoint(8, "completed", 0),
            checkpoint(9, "failed", 3),
        ],
        checkpoint_interval_ms: Some(5_000),
        next_checkpoint_ms: Some(NOW_MS + seconds * 1_000 + 3_200),
        savepoints: vec![SavepointView {
            checkpoint: 7,
            directory: "savepoints/hot's".into(),
            written_ms: NOW_MS - 3_000,
            cause: None,
        }],
        progress: Some((rows, 4_000_000)),
        source_rows: rows,
        sink_rows: rows / 10,
        ..JobView::default()
    }
}

pub(super) fn line(name: &str, status: JobStatus) -> JobLine {
    JobLine { name: name.into(), status }
}

/// A dashboard that has watched `hot` for half a minute.
pub(super) fn app() -> App {
    app_of(PANELS)
}

pub(super) fn app_of(panels: &[&'static PanelSpec]) -> App {
    let mut app = App::new(panels, AppOptions::default());
    app.set_jobs(vec![line("hot", JobStatus::Running)], NOW_MS);
    for seconds in 0..=30 {
        app.update(Arc::new(view(seconds)));
    }
    app.set_jobs(vec![line("hot", JobStatus::Running)], NOW_MS + 30_000);
    app
}

/// What the screen shows.
pub(super) fn screen(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    terminal.draw(|frame| app.draw(frame)).expect("drawn");
    let buffer = terminal.backend().buffer().clone();
    let mut text = String::new();
    for y in 0..height {
        let row: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

pub(super) fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    app.key(KeyEvent::from(code))
}

/// Types characters; `\n` is Enter, `\t` Tab, ESC Esc.
pub(super) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\u{1b}' => KeyCode::Esc,
        c => KeyCode::Char(c),
    };
    text.chars().flat_map(|c| press(app, code(c))).collect()
}

pub(super) fn control(app: &mut App, c: char) -> Vec<Effect> {
    app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

/// The statement that is to be run, when that is all there is to do.
pub(super) fn statement(effects: Vec<Effect>) -> String {
    match <[Effect; 1]>::try_from(effects) {
        Ok([Effect::Run(statement)]) => statement,
        other => panic!("not one statement: {other:?}"),
    }
}
