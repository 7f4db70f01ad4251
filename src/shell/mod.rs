//! Layer 7: the terminal and the command line. The only place that prints.

mod ask;
mod bench;
mod cells;
mod cli;
mod compare;
mod dashboard;
mod demo;
mod display;
mod documents;
mod end;
mod exit;
mod foreground;
mod lesson;
mod live;
mod mode;
mod output;
mod outside;
mod pager;
mod paths;
mod print;
mod progress;
mod prompt;
mod record;
mod redact;
mod render;
mod row_text;
mod rows;
mod scratch;
mod script;
mod script_text;
#[expect(clippy::module_inception, reason = "the shell is what this layer is")]
mod shell;
mod signals;
mod test;
mod transcript;
mod tutorial;

pub use cli::Cli;

use std::io::IsTerminal;
use std::process::ExitCode;

use crate::session::Memory;
use crate::types::files::claim_stdin;
use crate::types::{Error, Printable};
use cli::{Command, RunOptions};
use end::End;
use exit::{EXIT_FAILURE, EXIT_OK};
use shell::Shell;

/// Does what the command line says; returns the exit code.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    let done = match cli.subcommand {
        None => statements(cli.command, &cli.run, !cli.no_history),
        Some(Command::Run { files, options }) => files_of(&files, &options),
        Some(Command::Demo { name, rows, options }) => demo::run(name.as_deref(), rows, &options),
        Some(Command::Bench(options)) => bench::run(&options),
        Some(Command::Test(options)) => test::run(&options),
        Some(Command::Tutorial { name, no_wait }) => tutorial::run(name.as_deref(), no_wait, script::run),
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

/// `lotic`, `lotic -c`, and statements from standard input.
fn statements(command: Option<String>, options: &RunOptions, keep_history: bool) -> Result<u8, Error> {
    let text = match command {
        Some(text) => ("<command>".to_owned(), text),
        None if std::io::stdin().is_terminal() => {
            // The first to claim it.
            let _ = claim_stdin("what is typed");
            return prompt::run(&mut Shell::new(options, Memory::Shared)?, keep_history);
        }
        // Before there is a shell: a signal ends the program at once while it waits for its input.
        None => ("<stdin>".to_owned(), standard_input()?),
    };
    script_to_end(&mut Shell::new(options, Memory::Shared)?, &[text])
}

/// `lotic run FILE…`
fn files_of(files: &[std::path::PathBuf], options: &RunOptions) -> Result<u8, Error> {
    let mut texts = Vec::new();
    for file in files {
        if file.as_os_str() == "-" {
            texts.push(("<stdin>".to_owned(), standard_input()?));
        } else {
            texts.push((file.display().to_string(), script_text::read(file)?));
        }
    }
    // What others have defined before does not change what a file means.
    let mut shell = Shell::new(options, Memory::Adds)?;
    script_to_end(&mut shell, &texts)
}

fn standard_input() -> Result<String, Error> {
    // The first to claim it.
    let _ = claim_stdin("what lotic runs");
    script_text::text_of(std::io::stdin().lock(), "standard input")
}

/// Runs scripts one after the other, then waits for the jobs they started.
fn script_to_end(shell: &mut Shell, texts: &[(String, String)]) -> Result<u8, Error> {
    for (origin, text) in texts {
        match script::run(shell, origin, text)? {
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
