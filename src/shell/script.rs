//! Running a text of statements.

use std::io::IsTerminal;
use std::path::Path;

use super::dashboard::Left;
use super::end::End;
use super::foreground::{PreviewEnd, lost_rows, wait_for_preview};
use super::pager::Pager;
use super::record::Recorder;
use super::script_text;
use super::shell::Shell;
use super::{ask, foreground, outside, print, render, tutorial};
use crate::lang::ast::Statement;
use crate::session::{Failure, Outcome, Preview, ShellRequest};
use crate::types::{Diagnostic, Error, Printable, Result, Spanned, counted, printable};

/// The depth to which `.read` may nest.
const READ_DEPTH: usize = 16;

/// Runs the statements of `text`, which comes from `origin` (a file's name or `<stdin>`), in order, up to the first that
/// fails. The whole text is parsed first, so that a slip of the pen in the last line does not show after an hour.
pub(super) fn run(shell: &mut Shell, origin: &str, text: &str) -> Result<End> {
    Script { shell, origin: origin.to_owned(), depth: 0 }.run(text)
}

/// A text of statements and where it came from.
struct Script<'a> {
    shell: &'a mut Shell,
    origin: String,
    depth: usize,
}

impl Script<'_> {
    fn run(&mut self, text: &str) -> Result<End> {
        let statements = match self.shell.session.parse(text) {
            Ok(statements) => statements,
            Err(diagnostic) => {
                self.shell.failure(&diagnostic.into(), text, &self.origin);
                self.record(text)?;
                return Ok(End::Failed);
            }
        };
        for Spanned { node: statement, span } in statements {
            if self.shell.interrupts.take() {
                return Ok(End::Interrupted);
            }
            let started = self.shell.clock.nanos();
            if matches!(statement, Statement::Preview(_) | Statement::Run(_)) {
                // Before its first row can come.
                self.shell.rows.begin();
            }
            if matches!(statement, Statement::Preview(_)) && self.shell.pages() {
                self.shell.rows.hold_back();
            }
            let outcome = self.execute(&statement);
            if !matches!(outcome, Ok(Outcome::Preview(_))) {
                self.shell.rows.release(|_| false)?;
            }
            for warning in self.shell.session.take_warnings() {
                self.shell.message(Printable::line(&format!("warning: {warning}")));
            }
            let end = match outcome {
                Ok(outcome) => {
                    self.shell.ran(&statement, &text[span.range()]);
                    self.show(outcome, text)?
                }
                Err(failure) => {
                    self.shell.failure(&failure, text, &self.origin);
                    End::Failed
                }
            };
            if self.shell.timer {
                let took_ms = (self.shell.clock.nanos() - started) / 1_000_000;
                self.shell.message(format!("({took_ms} ms)\n"));
            }
            self.record(&text[span.range()])?;
            if end != End::Done {
                return Ok(end);
            }
        }
        Ok(End::Done)
    }

    /// Runs a statement. Before a definition takes the place of another the person is asked.
    fn execute(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        let Some(earlier) = self.shell.session.replaced_by(statement).filter(|_| self.shell.prompt.is_some()) else {
            return crate::commands::execute(&mut self.shell.session, statement);
        };
        let earlier = format!("{} {}", earlier.kind().name(), earlier.name());
        let question = Printable::from(format!("{earlier} is defined: replace it? [y/N] "));
        if !ask::yes(&self.shell.interrupts, &question)? {
            return Ok(Outcome::Message(format!("{earlier} stays as it is")));
        }
        self.shell.session.redefine(statement)
    }

    /// Writes what was typed, and what it showed, to the session that is being recorded.
    fn record(&mut self, typed: &str) -> Result<()> {
        if self.depth > 0 {
            return Ok(());
        }
        let Some(mut recorder) = self.shell.recorder.take() else { return Ok(()) };
        recorder.statement(typed, self.shell.session.registries())?;
        self.shell.recorder = Some(recorder);
        Ok(())
    }

    fn show(&mut self, outcome: Outcome, text: &str) -> Result<End> {
        match outcome {
            Outcome::Done => {}
            Outcome::Message(message) => self.shell.message(Printable::line(&message)),
            Outcome::Listing(listing) => self.shell.listing(&listing)?,
            Outcome::Text(text) => self.shell.data(text)?,
            Outcome::Json(value) => self.shell.data(render::json(&value))?,
            Outcome::Started { job, note } => {
                self.shell.told.remove(&job);
                self.shell.message(Printable::line(&format!("job {job} {}", note.as_deref().unwrap_or("runs"))));
            }
            Outcome::Preview(preview) => return self.preview(&preview, text),
            Outcome::Shell(request) => return self.request(request, text),
        }
        Ok(End::Done)
    }

    fn preview(&self, preview: &Preview, text: &str) -> Result<End> {
        let waited = wait_for_preview(self.shell, preview);
        self.shell.release_rows();
        let written = preview.file.as_ref().map(|file| file.finish().map(|rows| (rows, file.path())));
        match waited {
            Ok(PreviewEnd::Done | PreviewEnd::Interrupted) if let Some(written) = written => match written {
                Ok((rows, path)) => {
                    let rows = counted(rows, "row");
                    self.shell.message(Printable::line(&format!("({rows} written to {})", path.display())));
                }
                Err(error) => return Ok(self.failed(&error)),
            },
            Ok(PreviewEnd::Done) if preview.results.is_cut() => self.shell.rows_are_cut(),
            Ok(PreviewEnd::Done) => self.shell.count_rows(),
            Ok(PreviewEnd::Interrupted) => {}
            Ok(PreviewEnd::Failed) => return Ok(End::Failed),
            Err(error) if error.is_broken_pipe() => return Err(error),
            Err(error) => {
                self.shell.failure(&Failure::Engine(error), text, &self.origin);
                return Ok(End::Failed);
            }
        }
        for lost in lost_rows(&preview.job.view()) {
            self.shell.message(format!("({lost})\n"));
        }
        Ok(if matches!(waited, Ok(PreviewEnd::Interrupted)) { End::Interrupted } else { End::Done })
    }

    fn request(&mut self, request: ShellRequest, text: &str) -> Result<End> {
        match request {
            ShellRequest::Quit => return Ok(End::Quit),
            ShellRequest::Confirm { question, then } => return self.confirm(&question, &then),
            ShellRequest::Display(change) => match self.shell.set_display(change) {
                Ok(Some(remark)) => self.shell.message(Printable::line(&remark)),
                Ok(None) => {}
                Err(error) => return Ok(self.failed(&error)),
            },
            ShellRequest::Clear => {
                if self.shell.prompt.is_some() && std::io::stdout().is_terminal() {
                    print::clear();
                }
            }
            ShellRequest::Outside(_) | ShellRequest::Edit | ShellRequest::Pager(_) => {
                return Ok(self.prompt_request(request, text));
            }
            ShellRequest::Dashboard(job) => match super::dashboard::open(self.shell, job.as_deref())? {
                Left::Back | Left::ToPrompt => {}
                Left::Quit => return Ok(End::Quit),
                Left::Interrupted => return Ok(End::Interrupted),
            },
            ShellRequest::Read(file) => return self.read(&file),
            ShellRequest::Record(file) => return Ok(self.start_recording(file.as_deref())),
            ShellRequest::Tutorial(name) => return tutorial::from_prompt(self.shell, name.as_deref(), run),
            ShellRequest::Wait(request) => {
                let waited = foreground::wait_for(self.shell, &request);
                self.shell.release_rows();
                match waited {
                    Ok(PreviewEnd::Done) => {}
                    Ok(PreviewEnd::Interrupted) => return Ok(End::Interrupted),
                    Ok(PreviewEnd::Failed) => return Ok(End::Failed),
                    Err(error) => return Ok(self.failed(&error)),
                }
            }
        }
        Ok(End::Done)
    }

    /// Asks; runs the statement `then` if the answer is yes.
    fn confirm(&mut self, question: &str, then: &str) -> Result<End> {
        if !ask::is_interactive() || !self.shell.rows.is_shown() {
            return Ok(self.failed(&Error::config(format!("{question} There is nobody to ask; `{then}` does it"))));
        }
        let question = Printable::from(printable(&format!("{question} [y/N] ")).as_ref());
        if ask::yes(&self.shell.interrupts, &question)? {
            return self.run(then);
        }
        self.shell.message("nothing is changed\n");
        Ok(End::Done)
    }

    /// Does what starts programs: only where a person sits.
    fn prompt_request(&mut self, request: ShellRequest, text: &str) -> End {
        let Some(prompt) = &mut self.shell.prompt else {
            let refused = Diagnostic::new("only the prompt starts programs; a script can't");
            self.shell.failure(&refused.into(), text, &self.origin);
            return End::Failed;
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other request is fulfilled elsewhere")]
        match request {
            ShellRequest::Outside(command) => return self.outside(&command),
            ShellRequest::Edit => prompt.edit = true,
            ShellRequest::Pager(Some(name)) => prompt.pager = Pager::named(&name),
            ShellRequest::Pager(None) => {
                let pager = prompt.pager.command().map_or_else(|| "off".to_owned(), |command| format!("`{command}`"));
                self.shell.message(Printable::line(&format!("the pager is {pager}")));
            }
            _ => {}
        }
        End::Done
    }

    fn outside(&self, command: &str) -> End {
        let done = outside::run(command);
        // Ctrl-C there was meant for the command.
        self.shell.interrupts.take();
        match done {
            Ok(status) if status.success() => {}
            Ok(status) => self.shell.message(Printable::line(&format!("({status})"))),
            Err(error) => return self.failed(&error),
        }
        End::Done
    }

    fn failed(&self, error: &Error) -> End {
        self.shell.failure(&Failure::Engine(error.clone()), "", &self.origin);
        End::Failed
    }

    fn read(&mut self, file: &Path) -> Result<End> {
        if self.depth == READ_DEPTH {
            return Err(Error::config(format!("`.read` is nested more than {READ_DEPTH} deep")));
        }
        let text = match script_text::read(file) {
            Ok(text) => text,
            Err(error) => return Ok(self.failed(&error)),
        };
        let origin = file.display().to_string();
        Script { shell: self.shell, origin, depth: self.depth + 1 }.run(&text)
    }

    fn start_recording(&mut self, file: Option<&Path>) -> End {
        if self.shell.transcript.is_some() && self.shell.recorder.is_none() {
            return self.failed(&Error::config("this session is being replayed and can't be recorded"));
        }
        let ended = self.shell.stop_recording();
        let Some(file) = file else {
            let remark = match ended {
                Some(recorder) => format!("recorded {}", recorder.file().display()),
                None => "nothing was being recorded".to_owned(),
            };
            self.shell.message(Printable::line(&remark));
            return End::Done;
        };
        match Recorder::create(
            file,
            self.shell.rows.mode(),
            self.shell.rows.wanted(),
            &self.shell.session.settings().base_dir,
        ) {
            Ok(recorder) => self.shell.start_recording(recorder),
            Err(error) => return self.failed(&error),
        }
        self.shell.message(Printable::line(&format!("recording to {}; `.record off` ends it", file.display())));
        End::Done
    }
}
