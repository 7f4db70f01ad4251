//! The printing of what is shown: short names for the outlet.

use super::output::{Framed, outlet};
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

/// Begins lines below everything else, which are written over.
pub(super) fn framed() -> Framed<'static> {
    outlet().framed()
}
