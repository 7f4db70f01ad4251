//! The thread that has the terminal: keys in, frames out. It waits for nobody.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::Duration;

use crossterm::event::{self, Event};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::super::signals::Interrupts;
use super::capture::Capture;
use super::fault;
use super::job_control::JobControl;
use super::messages::{Ask, Errand, Left, Report};
use super::terminal::{self, Guard, Screen};
use crate::dashboard::{App, AppOptions, Effect, JobLine, Leave};
use crate::inspect::StateQuery;
use crate::runtime::Job;
use crate::types::{Clock, Error, Result};

/// Between two looks at the job, milliseconds; `LOTIC_DASHBOARD_HZ` (1 to 20) sets another, for measurements.
const LOOK_MS: i64 = 100;
/// Between two looks at a job that is over, or at the other jobs.
const SLOW_MS: i64 = 1_000;
/// Between two reads of keyed state, milliseconds.
const STATE_MS: i64 = 1_000;
/// The longest the thread sleeps, milliseconds: answers of the other threads and signals are seen within this.
const SLEEP_MS: i64 = 50;
/// Events that are taken before the next frame.
const EVENTS_MAX: usize = 1_000;

/// The channels to the other threads and from them.
pub(super) struct Channels {
    /// Statements to run.
    pub(super) asks: SyncSender<Ask>,
    /// The errands, which take time.
    pub(super) errands: SyncSender<Errand>,
    /// The reports of the other threads.
    pub(super) reports: Receiver<Report>,
}

/// The signals that have come.
pub(super) struct Signals<'a> {
    /// The signals that end a program.
    pub(super) interrupts: Interrupts,
    /// The signals that stop and continue a program.
    pub(super) job_control: &'a JobControl,
}

/// The rest of the dashboard when it is closed.
pub(super) struct Closed {
    /// The way in which the dashboard was left.
    pub(super) left: Result<Left>,
    /// The options that last until the dashboard is opened again.
    pub(super) options: AppOptions,
    /// Statements that are still under way.
    pub(super) waiting: Vec<String>,
}

type Canvas = Terminal<CrosstermBackend<Screen>>;

/// The dashboard on the terminal.
pub(super) struct Ui<'a> {
    app: App,
    channels: Channels,
    clock: Arc<dyn Clock>,
    signals: Signals<'a>,
    capture: &'a Capture,
    jobs: Vec<Watched>,
    /// The number of times the process has been continued, as far as the screen has been drawn anew for it.
    continued: usize,
    look_ms: i64,
    /// When the job, and when the other jobs are looked at next.
    next_look: (u64, u64),
    state: StateRead,
    /// The job whose past is in the model.
    begun: Option<String>,
    dirty: bool,
    left: Option<Left>,
}

/// A job of the session.
struct Watched {
    line: JobLine,
    job: Arc<Job>,
}

/// The last read of keyed state.
#[derive(Default)]
struct StateRead {
    query: Option<(String, StateQuery)>,
    under_way: bool,
    next: u64,
}

impl<'a> Ui<'a> {
    pub(super) fn new(
        app: App,
        channels: Channels,
        clock: Arc<dyn Clock>,
        signals: Signals<'a>,
        capture: &'a Capture,
    ) -> Self {
        let hz = std::env::var("LOTIC_DASHBOARD_HZ").ok().and_then(|hz| hz.parse::<i64>().ok());
        Self {
            app,
            channels,
            clock,
            continued: signals.job_control.continued(),
            signals,
            capture,
            jobs: Vec::new(),
            look_ms: hz.map_or(LOOK_MS, |hz| 1_000 / hz.clamp(1, 20)),
            next_look: (0, 0),
            state: StateRead::default(),
            begun: None,
            dirty: true,
            left: None,
        }
    }

    /// Shows the dashboard until it is left; the terminal is as it was then.
    pub(super) fn run(mut self) -> Closed {
        let left = self.show();
        // A preview ends with the dashboard: its rows would go nowhere.
        self.capture.interrupt();
        let waiting = self.app.waiting().to_vec();
        Closed { left, options: self.app.into_options(), waiting }
    }

    fn show(&mut self) -> Result<Left> {
        let guard = terminal::enter()?;
        let mut canvas = canvas()?;
        while self.left.is_none() {
            self.hear();
            self.signals(&guard, &mut canvas)?;
            self.look();
            self.read_state();
            if terminal::is_lost() {
                return Err(Error::config("a thread panicked and the dashboard is closed; `dashboard` opens it again"));
            }
            if std::mem::take(&mut self.dirty) {
                canvas.draw(|frame| self.app.draw(frame)).map_err(lost)?;
                fault::panic_if_asked("ui");
            }
            self.events(&guard, &mut canvas)?;
        }
        Ok(self.left.unwrap_or(Left::Back))
    }

    fn now(&self) -> u64 {
        self.clock.nanos() / 1_000_000
    }

    /// Hears what the other threads tell.
    fn hear(&mut self) {
        while let Ok(report) = self.channels.reports.try_recv() {
            self.dirty = true;
            match report {
                Report::Jobs(jobs, complete) => {
                    self.app.set_complete(complete);
                    self.jobs = jobs.into_iter().map(|job| Watched { line: JobLine::of(&job.view()), job }).collect();
                    self.next_look = (0, 0);
                    self.set_jobs();
                }
                Report::Answered(answer) => {
                    // The last rows of a preview come before its end.
                    self.take_rows();
                    self.app.answer(&answer);
                }
                Report::Previewing(statement) => self.app.preview(&statement),
                Report::Select(job) => self.app.select(&job),
                Report::State(state) => {
                    self.state.under_way = false;
                    self.app.set_state(state);
                }
                Report::Said(text, failed) => self.app.say(text, failed),
                Report::Quit => self.left = Some(Left::Quit),
            }
        }
        self.take_rows();
    }

    /// Takes the rows of a preview that have come.
    fn take_rows(&mut self) {
        // Rows may come before the word that they will.
        if self.app.is_previewing()
            && let Some((lines, left_out)) = self.capture.changed()
        {
            self.app.preview_rows(lines, left_out);
            self.dirty = true;
        }
    }

    fn set_jobs(&mut self) {
        let lines = self.jobs.iter().map(|watched| watched.line.clone()).collect();
        self.app.set_jobs(lines, self.clock.now_ms());
    }

    /// Looks at the job that is shown, and now and then at the others.
    fn look(&mut self) {
        let now = self.now();
        let slow = now >= self.next_look.1;
        if now < self.next_look.0 && !slow {
            return;
        }
        let shown = self.app.job().map(str::to_owned);
        let (mut view, mut trend) = (None, Vec::new());
        for watched in &mut self.jobs {
            let is_shown = Some(&watched.line.name) == shown.as_ref();
            if is_shown || (slow && !watched.line.status.is_final()) {
                let now = watched.job.view();
                if is_shown && self.begun.as_ref() != Some(&watched.line.name) {
                    self.begun = Some(watched.line.name.clone());
                    trend = watched.job.trend();
                }
                watched.line = JobLine::of(&now);
                if is_shown {
                    view = Some(now);
                }
            }
        }
        self.set_jobs();
        let over = view.as_ref().is_none_or(|view| view.status.is_final());
        if let Some(view) = view {
            self.app.update(view);
            self.app.begin(&trend);
        }
        let after = |ms: i64| now.saturating_add(ms.unsigned_abs());
        self.next_look.0 = after(if over { SLOW_MS } else { self.look_ms });
        if slow {
            self.next_look.1 = after(SLOW_MS);
        }
        self.dirty = true;
    }

    /// Asks for the keyed state that the panels on the screen want.
    fn read_state(&mut self) {
        let Some(query) = self.app.state_query() else { return };
        let Some(name) = self.app.job() else { return };
        let asked = Some((name.to_owned(), query));
        let changed = asked != self.state.query;
        if self.state.under_way || (self.now() < self.state.next && !changed) {
            return;
        }
        let Some(job) = self.jobs.iter().find(|watched| watched.line.name == name).map(|w| Arc::clone(&w.job)) else {
            return;
        };
        self.state.next = self.now().saturating_add(STATE_MS.unsigned_abs());
        self.state.query.clone_from(&asked);
        if let Some((_, query)) = asked {
            self.state.under_way = self.channels.errands.try_send(Errand::State(job, query)).is_ok();
        }
    }

    /// SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT.
    fn signals(&mut self, guard: &Guard, canvas: &mut Canvas) -> Result<()> {
        let Signals { interrupts, job_control } = &self.signals;
        if interrupts.take() {
            self.left = Some(if interrupts.ended_by().is_some() { Left::Quit } else { Left::Interrupted });
        }
        if job_control.take_stop() {
            self.stop(guard, canvas)?;
        } else if job_control.continued() != self.continued {
            // Somebody stopped the process in a way that nobody can see coming: the terminal may be anything now.
            terminal::again(guard)?;
            self.repaint(canvas)?;
        }
        self.continued = self.signals.job_control.continued();
        Ok(())
    }

    /// Stops the process until it is continued.
    fn stop(&mut self, guard: &Guard, canvas: &mut Canvas) -> Result<()> {
        terminal::stop(guard, || self.signals.job_control.continued())?;
        self.continued = self.signals.job_control.continued();
        self.repaint(canvas)
    }

    fn repaint(&mut self, canvas: &mut Canvas) -> Result<()> {
        // Not `clear`, which asks the terminal where its cursor is and waits for the answer.
        let size = canvas.size().map_err(lost)?;
        canvas.resize(ratatui::layout::Rect::new(0, 0, size.width, size.height)).map_err(lost)?;
        self.dirty = true;
        self.next_look = (0, 0);
        Ok(())
    }

    /// Waits for events until there is something else to do, and acts on them.
    fn events(&mut self, guard: &Guard, canvas: &mut Canvas) -> Result<()> {
        let next = self.next_look.0.min(self.next_look.1).saturating_sub(self.now());
        let mut wait = Duration::from_millis(next.min(SLEEP_MS.unsigned_abs()));
        for _ in 0..EVENTS_MAX {
            if self.left.is_some() || !event::poll(wait).map_err(lost)? {
                break;
            }
            wait = Duration::ZERO;
            let event = event::read().map_err(lost)?;
            // A paste may have taken its time: what is said of it is said now.
            self.app.tick(self.clock.now_ms());
            let effects = match event {
                Event::Key(key) => self.app.key(key),
                Event::Mouse(mouse) => self.app.mouse(mouse),
                Event::Paste(text) => {
                    self.app.paste(&text);
                    Vec::new()
                }
                Event::Resize(..) | Event::FocusGained | Event::FocusLost => Vec::new(),
            };
            self.dirty = true;
            for effect in effects {
                self.effect(effect, guard, canvas)?;
            }
        }
        Ok(())
    }

    fn effect(&mut self, effect: Effect, guard: &Guard, canvas: &mut Canvas) -> Result<()> {
        match effect {
            Effect::Run(statement) => {
                let ask = Ask { statement, width: self.app.text_width() };
                if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.channels.asks.try_send(ask) {
                    self.app.say("the session does not take statements now".to_owned(), true);
                }
            }
            Effect::Interrupt => self.capture.interrupt(),
            Effect::Leave(Leave::Back) => self.left = Some(Left::Back),
            Effect::Leave(Leave::ToPrompt) => self.left = Some(Left::ToPrompt),
            Effect::Suspend if terminal::has_job_control() => self.stop(guard, canvas)?,
            Effect::Suspend => {
                self.app.say("there is no shell that could continue it; F2 goes to the prompt".to_owned(), false);
            }
            Effect::Copy(text) => terminal::copy(&text)?,
            Effect::Repaint => self.repaint(canvas)?,
            Effect::Export(export) => {
                if self.channels.errands.try_send(Errand::Export(export)).is_err() {
                    self.app.say("not written: too much is being read".to_owned(), true);
                }
            }
        }
        Ok(())
    }
}

fn canvas() -> Result<Canvas> {
    Terminal::new(CrosstermBackend::new(Screen::default())).map_err(lost)
}

fn lost(error: std::io::Error) -> Error {
    Error::io("the terminal", error)
}
