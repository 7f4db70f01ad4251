//! Paths of files.

use std::path::Path;

use crate::types::printable;

/// Entries of a directory that are looked at.
const ENTRIES: usize = 10_000;

/// A path that begins as typed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// The whole path, as typed with the rest of its name; a directory ends with `/`.
    pub(super) path: String,
    /// The last part of the path.
    pub(super) name: String,
    /// Whether it is a directory.
    pub(super) directory: bool,
}

/// The files and directories whose path, from `base` on, begins with `typed`. Hidden ones only when a point is typed;
/// names that are not UTF-8 or could drive a terminal are left out.
pub(super) fn beginning_with(base: &Path, typed: &str) -> Vec<Found> {
    let (folder, prefix) = typed.rfind('/').map_or(("", typed), |slash| typed.split_at(slash + 1));
    let Ok(entries) = std::fs::read_dir(base.join(folder)) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.take(ENTRIES).flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let hidden = name.starts_with('.') && !prefix.starts_with('.');
        if hidden || !name.starts_with(prefix) || printable(&name) != name || name.contains('\t') {
            continue;
        }
        // Follows a symbolic link, so that one to a directory can be gone into.
        let directory = std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        let end = if directory { "/" } else { "" };
        found.push(Found { path: format!("{folder}{name}{end}"), name: format!("{name}{end}"), directory });
    }
    found.sort();
    found
}
