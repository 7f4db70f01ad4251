//! The items that the running windowed aggregate still has to give.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::super::spec::WindowAggregate;
use super::super::tree::Window;
use crate::api::Output;
use crate::types::{Batch, Result};

/// The items that are still to be given, in order.
pub(super) enum Owed {
    /// The windows that end up to the watermark, then the watermark.
    Watermark(i64),
    /// Rows that came too late for a window that fires, or that fire one again.
    Rows(Batch),
}

/// A window of which rows are being given.
pub(super) struct Firing {
    pub(super) end: i64,
    pub(super) window: Window,
    /// The first group that is not given yet.
    pub(super) at: u32,
    /// Groups up to which a snapshot says that they are given.
    pub(super) noted: u32,
    pub(super) keys: u64,
}

/// The end that gathering rows has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gathered {
    /// A batch; there may be more.
    Full,
    /// A window that is not merged yet.
    Merging,
    /// The last row.
    All,
}

/// Rows to be given, in order.
#[derive(Default)]
pub(super) struct Fired {
    rows: Vec<RecordBatch>,
    times: Vec<i64>,
}

impl Fired {
    pub(super) fn push(&mut self, rows: RecordBatch, time: i64) {
        self.times.resize(self.times.len() + rows.num_rows(), time);
        self.rows.push(rows);
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn flush(&mut self, plan: &WindowAggregate, out: &mut dyn Output) -> Result<()> {
        let rows = match self.rows.len() {
            0 => return Ok(()),
            1 => self.rows.swap_remove(0),
            _ => concat_batches(plan.output.arrow(), &self.rows)?,
        };
        self.rows.clear();
        out.batch(Batch::new(rows, std::mem::take(&mut self.times).into()))
    }
}
