//! Programs that run on the shell's terminal: commands of the system, and the editor.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, ExitStatus};

use super::output::outlet;
use super::pager::Modes;
use super::scratch::Scratch;
use crate::types::{Error, Printable, Result};

/// Runs a command of the system; what it says goes to the terminal.
///
/// # Errors
/// When it can't be started.
pub(super) fn run(command: &str) -> Result<ExitStatus> {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".into());
    on_terminal(&shell, ["-c", command].map(OsStr::new))
}

/// The text that a person makes of `text` in an editor; `None` where the editor says that it failed.
///
/// # Errors
/// When there is no editor, or its file can't be written or read.
pub(super) fn edit(text: &str) -> Result<Option<String>> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let editor = named.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let scratch = Scratch::new("edit")?;
    let file = scratch.path().join("statement.lotic");
    let broken = |error: io::Error| Error::io(&file, error);
    // A statement may hold a password.
    let mut options = std::fs::OpenOptions::new();
    let mut to = options.write(true).create_new(true).mode(0o600).open(&file).map_err(broken)?;
    to.write_all(format!("{}\n", text.trim_end()).as_bytes()).map_err(broken)?;
    drop(to);
    // It may have arguments: `code --wait`.
    let script = format!("{editor} \"$1\"");
    let status = on_terminal(OsStr::new("sh"), [OsStr::new("-c"), script.as_ref(), editor.as_ref(), file.as_os_str()])?;
    if !status.success() {
        return Ok(None);
    }
    super::script_text::read(&file).map(Some)
}

fn on_terminal<const N: usize>(program: &OsStr, arguments: [&OsStr; N]) -> Result<ExitStatus> {
    let _held = outlet().ask(&Printable::default());
    let _modes = Modes::kept();
    Command::new(program).args(arguments).status().map_err(|error| Error::io(program.to_string_lossy().as_ref(), error))
}
