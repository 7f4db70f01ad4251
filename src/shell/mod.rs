//! Layer 7: the terminal and the command line. The only place that prints.

mod bench;
mod cells;
mod cli;
mod compare;
mod dashboard;
mod demo;
mod documents;
mod foreground;
mod lesson;
mod output;
mod paths;
mod progress;
mod prompt;
mod record;
mod redact;
mod render;
mod row_text;
mod rows;
mod scratch;
mod script;
mod signals;
mod test;
mod transcript;
mod tutorial;

pub use cli::Cli;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use crate::runtime::Executor;
use crate::session::{Failure, Listing, RestoreFrom, Session, Settings};
use crate::types::{Clock, Error, Printable, SystemClock};
use cli::{Command, RunOptions};
use record::Recorder;
use rows::{Mode, RowPrinter};
use script::{End, Script};
use signals::Interrupts;
use transcript::Transcript;

/// Everything went well.
pub const EXIT_OK: u8 = 0;
/// A statement or a job failed.
pub const EXIT_FAILURE: u8 = 1;
/// The command line was wrong.
pub const EXIT_USAGE: u8 = 2;
/// Interrupted by Ctrl-C.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Does what the command line says; returns the exit code.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    let done = match cli.subcommand {
        None => statements(cli.command, &cli.run, !cli.no_history),
        Some(Command::Run { files, options }) => files_of(&files, &options),
        Some(Command::Demo { name, rows, options }) => demo::run(name.as_deref(), rows, &options),
        Some(Command::Bench(options)) => bench::run(&options),
        Some(Command::Test(options)) => test::run(&options),
        Some(Command::Tutorial { name, no_wait }) => tutorial::run(name.as_deref(), no_wait),
        Some(Command::Completions { shell }) => documents::completions(shell),
        Some(Command::Man { command }) => documents::man(command.as_deref()),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever reads standard output has gone: not a failure of ours (`lotic … | head`).
        Err(error) if error.is_broken_pipe() => ExitCode::from(EXIT_OK),
        Err(error) => {
            print::error(Printable::line(&format!("error: {error}")));
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// What is shown: short names for the outlet.
mod print {
    use super::output::outlet;
    use crate::types::{Printable, Result};

    /// Writes data.
    pub(super) fn data(text: impl Into<Printable>) -> Result<()> {
        outlet().data(&text.into())
    }

    /// Writes rows.
    pub(super) fn rows(text: &[u8]) -> Result<()> {
        outlet().rows(text)
    }

    /// Writes a remark or an error. Nobody can be told when that fails.
    pub(super) fn error(text: impl Into<Printable>) {
        outlet().notice(&text.into());
    }
}

/// What every way of running statements shares.
struct Shell {
    session: Session,
    rows: Arc<RowPrinter>,
    clock: Arc<dyn Clock>,
    interrupts: Interrupts,
    quiet: bool,
    timer: bool,
    /// What is shown goes there too: a session is being recorded or replayed.
    transcript: Option<Arc<Transcript>>,
    recorder: Option<Recorder>,
    /// Jobs of which it was said how they ended.
    told: BTreeSet<String>,
    /// What lasts of the dashboard between two openings.
    dashboard: Option<crate::dashboard::AppOptions>,
}

impl Shell {
    fn new(options: &RunOptions) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rows = Arc::new(RowPrinter::new(options.output.unwrap_or_else(Mode::default_for_stdout)));
        let session = Session::new(
            settings(options)?,
            clock.clone(),
            dashboard::PanickingRows::around(rows.clone()),
            crate::commands::specs(),
        );
        let interrupts = Interrupts::install()?;
        Ok(Self::with(session, rows, clock, interrupts, options.quiet))
    }

    fn with(
        mut session: Session,
        rows: Arc<RowPrinter>,
        clock: Arc<dyn Clock>,
        interrupts: Interrupts,
        quiet: bool,
    ) -> Self {
        let told = BTreeSet::new();
        let asked = interrupts.clone();
        session.set_interrupted(Arc::new(move || asked.is_pending()));
        Self {
            session,
            rows,
            clock,
            interrupts,
            quiet,
            timer: false,
            transcript: None,
            recorder: None,
            told,
            dashboard: None,
        }
    }

    /// Shows data.
    fn data(&self, text: impl Into<Printable>) -> Result<(), Error> {
        let text = text.into();
        if let Some(transcript) = &self.transcript {
            transcript.push(&text);
        }
        if self.rows.is_shown() { print::data(text) } else { Ok(()) }
    }

    /// Shows a remark.
    fn message(&self, text: impl Into<Printable>) {
        let text = text.into();
        if let Some(transcript) = &self.transcript {
            transcript.push(&text);
        }
        if self.rows.is_shown() {
            print::error(text);
        }
    }

    /// Shows a listing: as wide as the terminal, or as a session's page.
    fn listing(&self, listing: &Listing) -> Result<(), Error> {
        if let Some(transcript) = &self.transcript {
            transcript.push(&render::listing(listing, Some(transcript::WIDTH)));
        }
        if self.rows.is_shown() { print::data(render::listing(listing, render::terminal_width())) } else { Ok(()) }
    }

    /// Shows why a statement of `text` failed.
    fn failure(&self, failure: &Failure, text: &str, origin: &str) {
        if let Some(transcript) = &self.transcript {
            transcript.push(&render::failure(failure, text, "<input>", false));
        }
        if self.rows.is_shown() {
            print::error(render::failure(failure, text, origin, render::colour()));
        }
    }

    /// Says how many rows a preview had, to a person.
    fn count_rows(&self) {
        let mode = self.transcript.as_ref().map_or_else(|| self.rows.mode(), |transcript| transcript.mode());
        let text = match self.rows.begin() {
            _ if !mode.is_for_people() => return,
            0 => "(no rows)\n".to_owned(),
            1 => "(1 row)\n".to_owned(),
            rows => format!("({} rows)\n", progress::thousands(rows)),
        };
        let text = Printable::from(text);
        if let Some(transcript) = &self.transcript {
            transcript.push(&text);
        }
        if self.rows.is_shown() && std::io::stdout().is_terminal() {
            print::error(text);
        }
    }

    /// Puts the rows that jobs have printed meanwhile into the transcript.
    fn release_rows(&self) {
        if let Some(transcript) = &self.transcript {
            transcript.release();
        }
    }

    /// What is shown goes to this transcript too.
    fn set_transcript(&mut self, transcript: Option<Arc<Transcript>>) {
        self.rows.set_transcript(transcript.clone());
        self.transcript = transcript;
    }

    fn start_recording(&mut self, recorder: Recorder) {
        self.set_transcript(Some(recorder.transcript()));
        self.recorder = Some(recorder);
    }

    fn stop_recording(&mut self) -> Option<Recorder> {
        let recorder = self.recorder.take()?;
        self.set_transcript(None);
        Some(recorder)
    }
}

fn settings(options: &RunOptions) -> Result<Settings, Error> {
    let base_dir = std::env::current_dir().map_err(|error| Error::io(".", error))?;
    let state_dir = match &options.state_dir {
        Some(directory) => base_dir.join(directory),
        None => paths::state_dir()?,
    };
    let mut settings = Settings::new(base_dir.clone(), state_dir);
    settings.parallelism = options.parallelism;
    settings.restore = options.restore.as_deref().map(|from| match from {
        "latest" => RestoreFrom::Latest,
        directory => RestoreFrom::Savepoint(base_dir.join(directory)),
    });
    settings.allow_non_restored_state = options.allow_non_restored_state;
    settings.stop_after_rows = options.stop_after;
    settings.savepoint = options.savepoint.as_ref().map(|directory| base_dir.join(directory));
    settings.drain = !options.no_drain;
    settings.drain_at_limit = options.drain;
    if let Some(rows) = options.batch_rows {
        settings.batch_rows = rows.max(1);
    }
    if let Some(seed) = options.seed {
        settings.executor = Executor::Stepping { seed };
    }
    Ok(settings)
}

/// `lotic`, `lotic -c`, and statements from standard input.
fn statements(command: Option<String>, options: &RunOptions, keep_history: bool) -> Result<u8, Error> {
    let text = match command {
        Some(text) => ("<command>".to_owned(), text),
        None if std::io::stdin().is_terminal() => return prompt::run(&mut Shell::new(options)?, keep_history),
        // Before there is a shell: a signal ends the program at once while it waits for its input.
        None => ("<stdin>".to_owned(), standard_input()?),
    };
    script_to_end(&mut Shell::new(options)?, &[text])
}

/// `lotic run FILE…`
fn files_of(files: &[std::path::PathBuf], options: &RunOptions) -> Result<u8, Error> {
    let mut texts = Vec::new();
    for file in files {
        if file.as_os_str() == "-" {
            texts.push(("<stdin>".to_owned(), standard_input()?));
        } else {
            texts.push((file.display().to_string(), script::read(file)?));
        }
    }
    let mut shell = Shell::new(options)?;
    script_to_end(&mut shell, &texts)
}

fn standard_input() -> Result<String, Error> {
    script::text_of(std::io::stdin().lock(), "standard input")
}

/// Runs scripts one after the other, then waits for the jobs they started.
fn script_to_end(shell: &mut Shell, texts: &[(String, String)]) -> Result<u8, Error> {
    for (origin, text) in texts {
        match Script::new(shell, origin).run(text)? {
            End::Done => {}
            End::Quit => return Ok(foreground::wait_for_jobs(shell)),
            End::Failed => {
                shell.session.cancel_all();
                return Ok(EXIT_FAILURE);
            }
            End::Interrupted => {
                shell.session.cancel_all();
                return Ok(shell.interrupts.exit_code());
            }
        }
    }
    Ok(foreground::wait_for_jobs(shell))
}
