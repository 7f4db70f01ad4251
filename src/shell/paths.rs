//! The directories where lotic keeps what it keeps: the XDG base directories.

use std::path::PathBuf;

use crate::types::{Error, Result};

/// `$XDG_STATE_HOME/lotic`, or `~/.local/state/lotic`.
///
/// # Errors
/// When neither is known.
pub(super) fn state_dir() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("lotic"))
        .ok_or_else(|| Error::config("neither XDG_STATE_HOME nor HOME is set; give --state-dir"))
}

/// The file where the prompt keeps its history; `None` when no place for it is known.
pub(super) fn history_file() -> Option<PathBuf> {
    state_dir().ok().map(|directory| directory.join("history"))
}
