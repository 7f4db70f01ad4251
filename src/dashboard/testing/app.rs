//! A dashboard that has watched the job, of panels that show that they were drawn; and somebody who presses keys.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;
use serde_json::json;

use super::START_MS;
use crate::dashboard::{App, AppOptions, Effect, JobFacts, JobLine, Model, Panel, PanelSpec, Reaction, Theme};
use crate::inspect::{JobStatus, JobView, StateQuery};
use crate::session::{Column, Listing};

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

    fn chosen(&self, model: &Model) -> Option<String> {
        (self.name == "state").then(|| format!("{{\"job\":\"{}\"}}", model.view.name))
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

pub(in crate::dashboard) const PANELS: &[&PanelSpec] =
    plain!("graph", "subtasks", "watermarks", "windows", "state", "checkpoints", "output", "log");

/// The job `hot` after `seconds`.
pub(in crate::dashboard) fn at(seconds: i64) -> JobView {
    super::view(seconds * 2)
}

pub(in crate::dashboard) fn line(name: &str, status: JobStatus) -> JobLine {
    JobLine { name: name.into(), status, facts: JobFacts { parallelism: 2, rows_in: 1_200, ..JobFacts::default() } }
}

/// A dashboard that has watched `hot` for half a minute.
pub(in crate::dashboard) fn app() -> App {
    app_of(PANELS)
}

pub(in crate::dashboard) fn app_of(panels: &[&'static PanelSpec]) -> App {
    let mut app = App::new(panels, AppOptions::default());
    app.set_jobs(vec![line("hot", JobStatus::Running)], START_MS);
    for seconds in 0..=30 {
        app.update(Arc::new(at(seconds)));
    }
    app.set_jobs(vec![line("hot", JobStatus::Running)], START_MS + 30_000);
    app
}

/// The text that the screen shows.
pub(in crate::dashboard) fn screen(app: &mut App, width: u16, height: u16) -> String {
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

pub(in crate::dashboard) fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    app.key(KeyEvent::from(code))
}

/// Types characters; `\n` is Enter, `\t` Tab, ESC Esc.
pub(in crate::dashboard) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\u{1b}' => KeyCode::Esc,
        c => KeyCode::Char(c),
    };
    text.chars().flat_map(|c| press(app, code(c))).collect()
}

pub(in crate::dashboard) fn control(app: &mut App, c: char) -> Vec<Effect> {
    app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

/// The statement that is to be run, when that is all there is to do.
pub(in crate::dashboard) fn statement(effects: Vec<Effect>) -> String {
    match <[Effect; 1]>::try_from(effects) {
        Ok([Effect::Run(statement)]) => statement,
        other => panic!("not one statement: {other:?}"),
    }
}
