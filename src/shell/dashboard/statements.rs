//! The thread that has the session while the dashboard is open: it runs statements and says what came of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use super::super::foreground::lost_rows;
use super::super::shell::Shell;
use super::super::{render, script_text};
use super::capture::{Capture, CaptureSink};
use super::fault;
use super::messages::{Ask, Report};
use crate::dashboard::{Answer, Complete};
use crate::inspect::JobStatus;
use crate::lang::ast::Statement;
use crate::session::completion::Completer;
use crate::session::{Display, Failure, Outcome, Preview, Session, ShellRequest};
use crate::types::{Spanned, counted, printable};

/// The interval between two looks at a preview, milliseconds.
const LOOK_MS: u64 = 50;
/// The depth to which `.read` may nest.
const READ_DEPTH: usize = 16;

/// Runs statements until the dashboard is closed. Returns the answers that it was too late for.
pub(super) fn serve(
    shell: &mut Shell,
    asks: &Receiver<Ask>,
    reports: &SyncSender<Report>,
    capture: &Arc<Capture>,
) -> Vec<Answer> {
    let mut undelivered = Vec::new();
    let mut open = publish(shell, reports);
    while let Ok(Ask { statement, width }) = asks.recv() {
        fault::panic_if_asked("statements");
        let mut run = Run { shell, reports, capture, width, said: String::new() };
        let text = run.shell.continued(&statement).into_owned();
        let failed = run.text(&text, "<dashboard>", 0).is_err();
        let answer = Answer { text: run.said, statement, failed };
        open = open && publish(shell, reports);
        if !open {
            undelivered.push(answer);
        } else if let Err(failed) = reports.send(Report::Answered(answer)) {
            if let Report::Answered(answer) = failed.0 {
                undelivered.push(answer);
            }
            open = false;
        }
    }
    undelivered
}

/// Tells which jobs there are and how lines are completed; returns whether anybody listens.
fn publish(shell: &Shell, reports: &SyncSender<Report>) -> bool {
    let jobs = shell.session.jobs().map(|entry| Arc::clone(&entry.job)).collect();
    reports.send(Report::Jobs(jobs, complete(&shell.session))).is_ok()
}

/// Completes what the prompt completes.
fn complete(session: &Session) -> Complete {
    let completer = Completer::new(session);
    Box::new(move |line, at| {
        let found = completer.complete(line, at);
        (found.start, found.candidates.into_iter().map(|candidate| candidate.replacement).collect())
    })
}

/// Why the rest of a text is not run.
struct Stop;

/// One text of statements on its way.
struct Run<'a> {
    shell: &'a mut Shell,
    reports: &'a SyncSender<Report>,
    capture: &'a Arc<Capture>,
    width: u16,
    /// The text to show.
    said: String,
}

impl Run<'_> {
    fn text(&mut self, text: &str, origin: &str, depth: usize) -> Result<(), Stop> {
        let statements = match self.shell.session.parse(text) {
            Ok(statements) => statements,
            Err(diagnostic) => return Err(self.fail(&diagnostic.into(), text, origin)),
        };
        for Spanned { node: statement, span } in statements {
            let started = self.shell.clock.nanos();
            let done = match self.execute(&statement) {
                Ok(outcome) => {
                    self.shell.ran(&statement, &text[span.range()]);
                    self.show(outcome, text, origin, depth)
                }
                Err(failure) => Err(self.fail(&failure, text, origin)),
            };
            if self.shell.timer {
                let took_ms = (self.shell.clock.nanos() - started) / 1_000_000;
                self.say(&format!("({took_ms} ms)"));
            }
            done?;
        }
        Ok(())
    }

    /// A preview's rows go to the screen, or to the file of `.output`; those of a job where they always go.
    fn execute(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        if !matches!(statement, Statement::Preview(_)) {
            return crate::commands::execute(&mut self.shell.session, statement);
        }
        if self.shell.rows.has_file() {
            self.shell.rows.begin();
            return crate::commands::execute(&mut self.shell.session, statement);
        }
        self.capture.begin(self.shell.rows.mode(), self.shell.rows.look());
        let before = self.shell.session.set_results(Arc::new(CaptureSink(Arc::clone(self.capture))));
        let outcome = crate::commands::execute(&mut self.shell.session, statement);
        self.shell.session.set_results(before);
        outcome
    }

    fn show(&mut self, outcome: Outcome, text: &str, origin: &str, depth: usize) -> Result<(), Stop> {
        match outcome {
            Outcome::Done => {}
            Outcome::Message(message) => self.say(&message),
            Outcome::Listing(listing) => {
                let shown = render::listing(&listing, Some(self.width));
                self.say(shown.as_str());
            }
            Outcome::Text(text) => self.say(&text),
            Outcome::Json(value) => self.say(render::json(&value).as_str()),
            Outcome::Started { job, note } => {
                self.say(&format!("job {job} {}", note.as_deref().unwrap_or("runs")));
                self.select(job);
            }
            Outcome::Preview(preview) => return self.preview(&preview, text, origin),
            Outcome::Shell(request) => return self.request(request, depth),
        }
        Ok(())
    }

    fn request(&mut self, request: ShellRequest, depth: usize) -> Result<(), Stop> {
        match request {
            ShellRequest::Quit => {
                // Nobody listens any more when the dashboard has been closed meanwhile.
                let _ = self.reports.send(Report::Quit);
                return Err(Stop);
            }
            ShellRequest::Display(change) => return self.display(change),
            ShellRequest::Dashboard(Some(job)) => self.select(job),
            ShellRequest::Dashboard(None) => {}
            ShellRequest::Read(file) => return self.read(&file, depth),
            ShellRequest::Confirm { question, then } => {
                self.say(&format!("{question} `{then}` does it"));
            }
            ShellRequest::Record(_)
            | ShellRequest::Tutorial(_)
            | ShellRequest::Wait(_)
            | ShellRequest::Outside(_)
            | ShellRequest::Edit
            | ShellRequest::Clear
            | ShellRequest::Pager(_) => {
                self.say("error: this is for the prompt; F2 goes there");
                return Err(Stop);
            }
        }
        Ok(())
    }

    fn display(&mut self, change: Display) -> Result<(), Stop> {
        if matches!(change, Display::Rows(_)) {
            self.say("this holds at the prompt; a preview here goes on until Esc");
        }
        match self.shell.set_display(change) {
            Ok(Some(remark)) => self.say(&printable(&remark)),
            Ok(None) => {}
            Err(error) => return Err(self.fail(&Failure::Engine(error), "", "")),
        }
        Ok(())
    }

    fn read(&mut self, file: &Path, depth: usize) -> Result<(), Stop> {
        if depth == READ_DEPTH {
            self.say(&format!("error: `.read` is nested more than {READ_DEPTH} deep"));
            return Err(Stop);
        }
        match script_text::read(file) {
            Ok(text) => self.text(&text, &file.display().to_string(), depth + 1),
            Err(error) => {
                self.say(&format!("error: {error}"));
                Err(Stop)
            }
        }
    }

    /// Waits for a preview to end by itself or by the person's will.
    fn preview(&mut self, preview: &Preview, text: &str, origin: &str) -> Result<(), Stop> {
        if self.reports.send(Report::Previewing(text.to_owned())).is_err() {
            return Err(Stop);
        }
        let status = loop {
            if let Some(status) = preview.job.wait(Some(LOOK_MS)) {
                break status;
            }
            if self.capture.is_interrupted() {
                preview.job.cancel();
                let _ = preview.job.wait(None);
                self.say("-- ended by the person");
                return Err(Stop);
            }
        };
        if let (JobStatus::Failed, Some(error)) = (status, preview.job.failure()) {
            return Err(self.fail(&Failure::Engine(error), text, origin));
        }
        if let Some(file) = &preview.file {
            match file.finish() {
                Ok(rows) => self.say(&format!("({} written to {})", counted(rows, "row"), file.path().display())),
                Err(error) => return Err(self.fail(&Failure::Engine(error), text, origin)),
            }
        }
        if preview.file.is_none()
            && let (Some(path), Some(rows)) = (self.shell.rows.file_path(), self.shell.rows.begin().on_screen)
        {
            self.say(&format!("({} went to {})", counted(rows, "row"), printable(&path.display().to_string())));
        }
        for lost in lost_rows(&preview.job.view()) {
            self.say(&format!("({lost})"));
        }
        Ok(())
    }

    fn select(&self, job: String) {
        // Nobody listens any more when the dashboard has been closed meanwhile.
        let _ = self.reports.send(Report::Select(job));
    }

    fn say(&mut self, text: &str) {
        self.said.push_str(text.trim_end());
        self.said.push('\n');
    }

    fn fail(&mut self, failure: &Failure, text: &str, origin: &str) -> Stop {
        self.say(render::failure(failure, text, origin, false, Some(usize::from(self.width))).as_str());
        Stop
    }
}
