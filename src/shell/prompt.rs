//! The prompt.

use rustyline::error::ReadlineError;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Completer, Editor, Helper, Highlighter, Hinter};

use super::script::{End, Script};
use super::{EXIT_OK, Shell, foreground, paths, print};
use crate::lang::Completeness;
use crate::session::Session;
use crate::types::{Error, Result};

const WELCOME: &str =
    "lotic: type a pipeline, `help`, or \\q. A statement ends at `;` or at the end of a complete line.\n";

/// Lets a statement go on over lines until it is complete.
#[derive(Completer, Helper, Highlighter, Hinter)]
struct Lines {
    completeness: Box<dyn Fn(&str) -> Completeness>,
}

impl Validator for Lines {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match (self.completeness)(context.input()) {
            Completeness::Complete => ValidationResult::Valid(None),
            Completeness::Incomplete => ValidationResult::Incomplete,
        })
    }
}

/// Reads statements until Ctrl-D or `\q`. Running jobs take a last checkpoint when the shell is left.
pub(super) fn run(shell: &mut Shell) -> Result<u8> {
    let terminal = |error: ReadlineError| Error::config(format!("the terminal can't be read: {error}"));
    let mut editor: Editor<Lines, rustyline::history::FileHistory> = Editor::new().map_err(terminal)?;
    editor.set_helper(Some(Lines { completeness: Session::completeness(crate::commands::syntaxes()) }));
    let history = paths::state_dir()?.join("history");
    // No history yet is the ordinary first start.
    let _ = editor.load_history(&history);
    print::error(WELCOME);
    loop {
        match editor.readline("lotic> ") {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => {
                // A history that can't be kept is no reason to refuse a statement.
                let _ = editor.add_history_entry(text.as_str());
                match Script::new(shell, "<input>").run(&text) {
                    Ok(End::Quit) => break,
                    Ok(End::Done | End::Failed | End::Interrupted) => {}
                    Err(error) => print::error(&format!("error: {error}\n")),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(terminal(error)),
        }
    }
    let running: Vec<&str> = shell.session.running().map(|entry| entry.name.as_str()).collect();
    if !running.is_empty() {
        print::error(&format!("stopping {} with a last checkpoint\n", running.join(", ")));
    }
    shell.session.stop_all();
    if let Some(directory) = history.parent()
        && std::fs::create_dir_all(directory).is_ok()
    {
        let _ = editor.save_history(&history);
    }
    let _ = foreground::wait_for_jobs(shell);
    Ok(EXIT_OK)
}
