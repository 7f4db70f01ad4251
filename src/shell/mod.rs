//! Layer 7: the terminal and the command line. The only place that prints.

mod bench;
mod cli;
mod dashboard;
mod demo;
mod foreground;
mod paths;
mod progress;
mod prompt;
mod render;
mod rows;
mod script;

pub use cli::Cli;

use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::sync::Arc;

use crate::runtime::Executor;
use crate::session::{RestoreFrom, Session, Settings};
use crate::types::{Clock, Error, SystemClock};
use cli::{Command, RunOptions};
use foreground::Interrupts;
use rows::{Mode, RowPrinter};
use script::{End, Script};

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
        None => statements(cli.command, &cli.run),
        Some(Command::Run { files, options }) => files_of(&files, &options),
        Some(Command::Demo { name, rows, options }) => demo::run(name.as_deref(), rows, &options),
        Some(Command::Bench(options)) => bench::run(&options),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(EXIT_OK),
        Err(error) => {
            print::error(&format!("error: {error}\n"));
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// Whoever reads standard output has gone: not a failure of ours (`lotic … | head`).
fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Standard output and error, written without a panic when nobody reads them.
mod print {
    use std::io::{self, Write};

    use crate::types::{Error, Result};

    /// Writes data.
    pub(super) fn data(text: &str) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| Error::io("standard output", error))
    }

    /// Writes a remark or an error. Nobody can be told when that fails.
    pub(super) fn error(text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
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
            crate::commands::syntaxes(),
        );
        let interrupts = Interrupts::install()?;
        Ok(Self { session, rows, clock, interrupts, quiet: options.quiet, timer: false, dashboard: None })
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
    if let Some(rows) = options.batch_rows {
        settings.batch_rows = rows.max(1);
    }
    if let Some(seed) = options.seed {
        settings.executor = Executor::Stepping { seed };
    }
    Ok(settings)
}

/// `lotic`, `lotic -c`, and statements from standard input.
fn statements(command: Option<String>, options: &RunOptions) -> Result<u8, Error> {
    let mut shell = Shell::new(options)?;
    match command {
        Some(text) => script_to_end(&mut shell, &[("<command>".to_owned(), text)]),
        None if std::io::stdin().is_terminal() => {
            let code = prompt::run(&mut shell)?;
            Ok(shell.interrupts.ended_by().unwrap_or(code))
        }
        None => {
            let text = standard_input()?;
            script_to_end(&mut shell, &[("<stdin>".to_owned(), text)])
        }
    }
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
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Error::io("standard input", error))?;
    script::text_of(bytes, "standard input")
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
                return Ok(EXIT_INTERRUPTED);
            }
        }
    }
    Ok(foreground::wait_for_jobs(shell))
}
