//! The dashboard as a state machine: what it knows goes in, what is to be done comes out as [`Effect`]s, and what it
//! looks like is drawn from it. It knows neither a terminal nor a session.

use std::fmt;
use std::sync::Arc;

use ratatui::layout::Rect;

use super::layout::Tiles;
use super::overlay::{Complete, Overlay, Popup};
use super::{Export, Leave, Model, Panel, PanelSpec, Theme};
use crate::inspect::{JobStatus, JobView, StateQuery, StateView, TrendView};

/// The time that a message stays on the status line, milliseconds.
const MESSAGE_MS: i64 = 8_000;
/// Statements that are remembered.
const HISTORY_MAX: usize = 500;
/// Statements that may be under way at once: each waits for the one before it.
const PENDING_MAX: usize = 8;

/// The work to be done by whoever holds the session and the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Run a statement.
    Run(String),
    /// End the preview under way.
    Interrupt,
    /// Close the dashboard.
    Leave(Leave),
    /// Give the terminal back and stop, until `fg`.
    Suspend,
    /// Draw every cell of the screen anew.
    Repaint,
    /// Write a file.
    Export(Export),
    /// Put a text into the terminal's clipboard.
    Copy(String),
}

/// The colouring of the dashboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Look {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// Without colour.
    Plain,
}

impl Look {
    /// The styles of this colouring.
    #[must_use]
    pub const fn theme(self) -> Theme {
        match self {
            Self::Dark => Theme::dark(),
            Self::Light => Theme::light(),
            Self::Plain => Theme::plain(),
        }
    }
}

/// The options that the dashboard begins with; those of them that last when it is closed.
#[derive(Debug, Clone, Default)]
pub struct AppOptions {
    /// The dashboard's colours.
    pub look: Look,
    /// The job to show; the one started last when there is none of that name.
    pub job: Option<String>,
    /// The panel that has the keys.
    pub panel: usize,
    /// Statements typed before, oldest first.
    pub history: Vec<String>,
    /// The demo that is watched: its jobs end when the dashboard is left. Does not last.
    pub demo: Option<Caption>,
}

/// What a person who watches a demo is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caption {
    /// The question that the demo's job answers.
    pub question: &'static str,
    /// What to look at now, and the next three keys worth pressing.
    pub look: &'static str,
}

/// One job of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLine {
    /// The job's name.
    pub name: String,
    /// The job's state.
    pub status: JobStatus,
    /// What `show jobs` tells of it besides.
    pub facts: JobFacts,
}

/// What `show jobs` tells of a job besides its name and state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFacts {
    /// The job's parallelism.
    pub parallelism: usize,
    /// Rows read by its sources.
    pub rows_in: u64,
    /// Rows written by its sinks.
    pub rows_out: u64,
    /// Restarts so far.
    pub restarts: u32,
    /// Checkpoints completed so far.
    pub checkpoints: usize,
    /// The last failure.
    pub cause: Option<String>,
}

impl JobLine {
    /// The line of the job that `view` shows.
    #[must_use]
    pub fn of(view: &JobView) -> Self {
        let facts = JobFacts {
            parallelism: view.parallelism,
            rows_in: view.source_rows,
            rows_out: view.sink_rows,
            restarts: view.restarts_in_all(),
            checkpoints: view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed()).count(),
            cause: view.cause.clone(),
        };
        Self { name: view.name.clone(), status: view.status, facts }
    }
}

/// The answer to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The statement, as it was sent.
    pub statement: String,
    /// In words: a line is said on the status line, more are shown over the panels.
    pub text: String,
    /// Whether it failed.
    pub failed: bool,
}

/// Something said on the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) failed: bool,
    pub(super) until_ms: i64,
}

/// A panel and what it is.
pub(super) struct Mounted {
    pub(super) spec: &'static PanelSpec,
    pub(super) panel: Box<dyn Panel>,
}

/// The areas where things were last drawn, for the mouse.
#[derive(Debug, Clone, Default)]
pub(super) struct Areas {
    pub(super) screen: Rect,
    pub(super) tabs: Vec<(Rect, usize)>,
    pub(super) tiles: Tiles,
    /// The area that each panel was given to draw in.
    pub(super) inside: Vec<(usize, Rect)>,
}

/// The dashboard.
pub struct App {
    pub(super) panels: Vec<Mounted>,
    /// The panel that has the keys.
    pub(super) focus: usize,
    /// The panel in the largest place.
    pub(super) main: usize,
    pub(super) zoom: bool,
    pub(super) look: Look,
    pub(super) theme: Theme,
    /// The model that is drawn.
    pub(super) model: Model,
    /// The job as it is now, also while the view is frozen.
    pub(super) live: Arc<JobView>,
    pub(super) jobs: Vec<JobLine>,
    pub(super) job: Option<String>,
    /// Since when the view is frozen.
    pub(super) frozen_ms: Option<i64>,
    pub(super) now_ms: i64,
    pub(super) overlay: Option<Overlay>,
    pub(super) message: Option<Message>,
    /// Statements under way, the oldest first.
    pub(super) pending: Vec<String>,
    pub(super) history: Vec<String>,
    pub(super) demo: Option<Caption>,
    pub(super) complete: Complete,
    pub(super) areas: Areas,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("job", &self.job)
            .field("focus", &self.focus)
            .field("overlay", &self.overlay)
            .field("message", &self.message)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl App {
    /// A dashboard of these panels, before it has seen a job.
    #[must_use]
    pub fn new(panels: &[&'static PanelSpec], options: AppOptions) -> Self {
        let AppOptions { look, job, panel, history, demo } = options;
        let live = Arc::new(JobView::default());
        let focus = panel.min(panels.len().saturating_sub(1));
        Self {
            panels: panels.iter().map(|&spec| Mounted { spec, panel: (spec.create)() }).collect(),
            focus,
            main: focus,
            zoom: false,
            look,
            theme: look.theme(),
            model: Model::new(Arc::clone(&live), Vec::new()),
            live,
            jobs: Vec::new(),
            job,
            frozen_ms: None,
            now_ms: 0,
            overlay: None,
            message: None,
            pending: Vec::new(),
            history,
            demo,
            complete: Box::new(|_, at| (at, Vec::new())),
            areas: Areas::default(),
        }
    }

    /// The options that last until the dashboard is opened again.
    #[must_use]
    pub fn into_options(self) -> AppOptions {
        AppOptions { look: self.look, job: self.job, panel: self.focus, history: self.history, demo: None }
    }

    /// The job that is shown.
    #[must_use]
    pub fn job(&self) -> Option<&str> {
        self.job.as_deref()
    }

    /// Shows another job.
    pub fn select(&mut self, job: &str) {
        if self.job.as_deref() != Some(job) {
            self.job = Some(job.to_owned());
            self.frozen_ms = None;
            self.model.state = None;
        }
    }

    /// Sets how lines are completed from now on.
    pub fn set_complete(&mut self, complete: Complete) {
        self.complete = complete;
    }

    /// Sets the time: something happens now, however long the last took.
    pub const fn tick(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// The jobs of the session, in the order they were started, and the clock. What is shown is one of them.
    pub fn set_jobs(&mut self, jobs: Vec<JobLine>, now_ms: i64) {
        self.now_ms = now_ms;
        if self.message.as_ref().is_some_and(|message| message.until_ms <= now_ms) {
            self.message = None;
        }
        self.jobs = jobs;
        let shown = self.jobs.iter().any(|job| Some(&job.name) == self.job.as_ref());
        if !shown && let Some(last) = self.jobs.last().map(|job| job.name.clone()) {
            self.select(&last);
        }
        self.model.jobs = self.jobs.iter().map(|job| job.name.clone()).collect();
    }

    /// The job that is shown has gone on to `view`.
    pub fn update(&mut self, view: Arc<JobView>) {
        // One that was made before another job was chosen.
        if self.job.as_deref() != Some(view.name.as_str()) {
            return;
        }
        self.live = Arc::clone(&view);
        if self.frozen_ms.is_none() {
            self.model.update(view);
        }
    }

    /// The job went on like this before it was looked at.
    pub fn begin(&mut self, trend: &[TrendView]) {
        self.model.begin(trend);
    }

    /// The query for keyed state: that of the panel with the keys, else of another on the screen.
    #[must_use]
    pub fn state_query(&self) -> Option<StateQuery> {
        if self.frozen_ms.is_some() || self.jobs.is_empty() {
            return None;
        }
        let query = |at: usize| self.panels.get(at).and_then(|mounted| mounted.panel.state_query());
        query(self.focus).or_else(|| self.areas.tiles.panels.iter().find_map(|&(panel, _)| query(panel)))
    }

    /// The keyed state, as it was asked for.
    pub fn set_state(&mut self, state: Result<Vec<StateView>, String>) {
        if self.frozen_ms.is_none() {
            self.model.state = Some(state);
        }
    }

    /// A statement has ended.
    pub fn answer(&mut self, answer: &Answer) {
        if let Some(at) = self.pending.iter().position(|statement| *statement == answer.statement) {
            self.pending.remove(at);
        }
        let text = answer.text.trim_end();
        if let Some(Overlay::Popup(popup)) = &mut self.overlay
            && popup.is_running()
        {
            popup.end(text, answer.failed);
        } else if text.lines().count() <= 1 {
            let text = if text.is_empty() { format!("{}: done", answer.statement) } else { text.to_owned() };
            self.say(text, answer.failed);
        } else {
            self.message = None;
            self.overlay = Some(Overlay::Popup(Popup::new(&answer.statement, text, answer.failed)));
        }
    }

    /// A preview has begun: its rows will come.
    pub fn preview(&mut self, statement: &str) {
        self.overlay = Some(Overlay::Popup(Popup::running(statement)));
    }

    /// Whether the rows of a preview are shown as they come.
    #[must_use]
    pub const fn is_previewing(&self) -> bool {
        matches!(&self.overlay, Some(Overlay::Popup(popup)) if popup.is_running())
    }

    /// The rows of the preview so far, as lines, and how many before them are left out.
    pub fn preview_rows(&mut self, lines: Vec<String>, left_out: u64) {
        if let Some(Overlay::Popup(popup)) = &mut self.overlay
            && popup.is_running()
        {
            popup.set(lines, left_out);
        }
    }

    /// Says something on the status line.
    pub fn say(&mut self, text: String, failed: bool) {
        self.message = Some(Message { text, failed, until_ms: self.now_ms.saturating_add(MESSAGE_MS) });
    }

    /// Statements that have not been answered yet, the oldest first.
    #[must_use]
    pub fn waiting(&self) -> &[String] {
        &self.pending
    }

    /// The greatest width of the text of an answer, in columns.
    #[must_use]
    pub const fn text_width(&self) -> u16 {
        super::overlay::text_width(self.areas.screen.width)
    }

    /// Asks for a statement to be run.
    pub(super) fn run(&mut self, statement: String) -> Vec<Effect> {
        if self.pending.len() >= PENDING_MAX {
            self.say("wait: statements are still under way".to_owned(), true);
            return Vec::new();
        }
        self.message = None;
        self.pending.push(statement.clone());
        vec![Effect::Run(statement)]
    }

    /// As [`Self::run`], of a statement that a person typed.
    pub(super) fn run_typed(&mut self, statement: String) -> Vec<Effect> {
        self.history.retain(|line| *line != statement);
        if self.history.len() == HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(statement.clone());
        self.run(statement)
    }

    /// Gives the keys to another panel.
    pub(super) fn focus(&mut self, panel: usize) {
        if panel >= self.panels.len() {
            return;
        }
        self.focus = panel;
        if self.zoom || !self.areas.tiles.shows(panel) {
            self.main = panel;
        }
    }
}
