//! Texts of statements, read.

use std::io::Read;
use std::path::Path;

use crate::types::{Error, Result};

/// Bytes of a file of statements, at most: a device that never ends is none.
const SCRIPT_BYTES_MAX: u64 = 64 << 20;

/// The text of a file of statements.
pub(super) fn read(file: &Path) -> Result<String> {
    let opened = std::fs::File::open(file).map_err(|error| Error::io(file, error))?;
    text_of(opened, &file.display().to_string())
}

/// The text of `from`; where it is too long or not UTF-8, an error that says so.
pub(super) fn text_of(from: impl Read, origin: &str) -> Result<String> {
    let mut bytes = Vec::new();
    from.take(SCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| Error::io(origin, error))?;
    if bytes.len() as u64 > SCRIPT_BYTES_MAX {
        let most = SCRIPT_BYTES_MAX >> 20;
        return Err(Error::config(format!(
            "{origin}: statements end after {most} MiB at the latest, and this does not"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count() + 1;
        Error::config(format!("{origin}:{line}: the text is not UTF-8 (byte {at})"))
    })
}
