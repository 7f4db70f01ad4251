//! What a cast knows besides its column, and the rows where it failed.

use arrow_buffer::BooleanBuffer;

use crate::expr::time::Zone;
use crate::types::LogicalType;

/// The rows that a cast failed in.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) rows: Vec<(usize, String)>,
    /// Nobody asks why.
    pub(super) ignored: bool,
    /// The rows that somebody asks about; `None` for all.
    pub(super) active: Option<BooleanBuffer>,
    /// The zone in which instants are read as dates and times of day.
    pub(super) zone: Zone,
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
