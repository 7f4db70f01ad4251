//! The rows where a cast failed.

use arrow_buffer::BooleanBuffer;

use crate::types::LogicalType;

/// The rows that a cast failed in.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) rows: Vec<(usize, String)>,
    /// Nobody asks why.
    pub(super) ignored: bool,
    /// The rows that somebody asks about; `None` for all.
    pub(super) active: Option<BooleanBuffer>,
}

impl Failures {
    pub(super) fn push(&mut self, row: usize, message: impl FnOnce() -> String) {
        if !self.ignored && self.active.as_ref().is_none_or(|active| active.value(row)) {
            self.rows.push((row, message()));
        }
    }

    pub(super) fn text(&mut self, row: usize, text: &str, to: &LogicalType) {
        self.push(row, || cannot_cast(text, to));
    }
}

fn cannot_cast(text: &str, to: &LogicalType) -> String {
    let shown: String = text.chars().take(60).collect();
    let shown = crate::types::printable(&shown);
    format!("can't cast '{shown}' to {to}")
}
