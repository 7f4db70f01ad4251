//! The printing of what is shown: short names for the outlet.

use super::output::{Framed, outlet};
use super::render;
use crate::types::{Printable, Result};

/// Writes data.
pub(super) fn data(text: impl Into<Printable>) -> Result<()> {
    outlet().data(&text.into())
}

/// Writes rows.
pub(super) fn rows(text: &[u8]) -> Result<()> {
    outlet().rows(text)
}

/// Empties the screen.
pub(super) fn clear() {
    outlet().clear();
}

/// Writes a remark or an error, its lines broken between words. Nobody can be told when that fails.
pub(super) fn error(text: impl Into<Printable>) {
    let text = text.into();
    placed(match render::message_width() {
        Some(width) => text.wrapped(width),
        None => text,
    });
}

/// Writes an error as it is: it shows a place in a text.
pub(super) fn placed(text: impl Into<Printable>) {
    outlet().notice(&text.into());
}

/// Begins lines below everything else, which are written over.
pub(super) fn framed() -> Framed<'static> {
    outlet().framed()
}
