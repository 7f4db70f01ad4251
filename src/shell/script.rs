//! Running a text of statements.

use std::path::Path;

use super::dashboard::Left;
use super::foreground::{PreviewEnd, wait_for_preview};
use super::{Shell, print, render};
use crate::session::{Failure, Outcome, ShellRequest};
use crate::types::{Error, Result, Spanned};

/// How deep `.read` may nest.
const READ_DEPTH: usize = 16;

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All statements ran.
    Done,
    /// `\q`
    Quit,
    /// A statement failed; what it was has been said.
    Failed,
    /// Ctrl-C.
    Interrupted,
}

/// A text of statements and where it came from.
pub(super) struct Script<'a> {
    shell: &'a mut Shell,
    origin: String,
    depth: usize,
}

impl<'a> Script<'a> {
    /// Statements of `origin`, a file's name or `<stdin>`.
    pub(super) fn new(shell: &'a mut Shell, origin: &str) -> Self {
        Self { shell, origin: origin.to_owned(), depth: 0 }
    }

    /// Runs the statements of `text` in order, up to the first that fails. The whole text is parsed first, so that a
    /// slip of the pen in the last line does not show after an hour.
    pub(super) fn run(&mut self, text: &str) -> Result<End> {
        let statements = match self.shell.session.parse(text) {
            Ok(statements) => statements,
            Err(diagnostic) => {
                print::error(&render::failure(&diagnostic.into(), text, &self.origin));
                return Ok(End::Failed);
            }
        };
        for Spanned { node: statement, .. } in statements {
            let started = self.shell.clock.nanos();
            let outcome = crate::commands::execute(&mut self.shell.session, &statement);
            let end = match outcome {
                Ok(outcome) => self.show(outcome, text)?,
                Err(failure) => {
                    print::error(&render::failure(&failure, text, &self.origin));
                    End::Failed
                }
            };
            if self.shell.timer {
                let took_ms = (self.shell.clock.nanos() - started) / 1_000_000;
                print::error(&format!("({took_ms} ms)\n"));
            }
            if end != End::Done {
                return Ok(end);
            }
        }
        Ok(End::Done)
    }

    fn show(&mut self, outcome: Outcome, text: &str) -> Result<End> {
        match outcome {
            Outcome::Done => {}
            Outcome::Message(message) => print::error(&format!("{message}\n")),
            Outcome::Listing(listing) => print::data(&render::listing(&listing, render::terminal_width()))?,
            Outcome::Text(text) => print::data(&text)?,
            Outcome::Json(value) => print::data(&render::json(&value))?,
            Outcome::Started { job, note } => {
                print::error(&format!("job {job} {}\n", note.as_deref().unwrap_or("runs")));
            }
            Outcome::Preview(preview) => {
                self.shell.rows.begin();
                match wait_for_preview(self.shell, &preview) {
                    Ok(PreviewEnd::Done) => {}
                    Ok(PreviewEnd::Interrupted) => return Ok(End::Interrupted),
                    Err(error) => {
                        print::error(&render::failure(&Failure::Engine(error), text, &self.origin));
                        return Ok(End::Failed);
                    }
                }
            }
            Outcome::Shell(request) => return self.request(request),
        }
        Ok(End::Done)
    }

    fn request(&mut self, request: ShellRequest) -> Result<End> {
        match request {
            ShellRequest::Quit => return Ok(End::Quit),
            ShellRequest::Mode(mode) => {
                if let Ok(mode) = mode.parse() {
                    self.shell.rows.set_mode(mode);
                }
            }
            ShellRequest::Timer(on) => self.shell.timer = on,
            ShellRequest::Dashboard(job) => match super::dashboard::open(self.shell, job.as_deref())? {
                Left::Back | Left::ToPrompt => {}
                Left::Quit => return Ok(End::Quit),
                Left::Interrupted => return Ok(End::Interrupted),
            },
            ShellRequest::Read(file) => {
                if self.depth == READ_DEPTH {
                    return Err(Error::config(format!("`.read` is nested more than {READ_DEPTH} deep")));
                }
                let text = match read(&file) {
                    Ok(text) => text,
                    Err(error) => {
                        print::error(&format!("error: {error}\n"));
                        return Ok(End::Failed);
                    }
                };
                let origin = file.display().to_string();
                return Script { shell: self.shell, origin, depth: self.depth + 1 }.run(&text);
            }
        }
        Ok(End::Done)
    }
}

/// The text of a file of statements.
pub(super) fn read(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).map_err(|error| Error::io(file, error))?;
    text_of(bytes, &file.display().to_string())
}

/// Bytes as text; where they are not UTF-8, an error that says where.
pub(super) fn text_of(bytes: Vec<u8>, origin: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count() + 1;
        Error::config(format!("{origin}:{line}: the text is not UTF-8 (byte {at})"))
    })
}
