//! Results that are still to be given.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::operators::window::general::function::Results;
use crate::types::{Batch, Result, Schema};

/// Rows to be given, in order.
#[derive(Default)]
pub(super) struct Pending {
    rows: VecDeque<RecordBatch>,
    times: VecDeque<i64>,
}

impl Pending {
    /// The windows that fired have these times.
    pub(super) fn push(&mut self, results: Results, times: &[i64]) {
        let Results { rows, windows } = results;
        if rows.num_rows() == 0 {
            return;
        }
        match windows {
            Some(windows) => self.times.extend(windows.iter().map(|&window| times[window as usize])),
            None => self.times.extend(times),
        }
        self.rows.push_back(rows);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// The first rows, up to so many.
    pub(super) fn take(&mut self, schema: &Schema, rows: usize) -> Result<Option<Batch>> {
        let (mut parts, mut room) = (Vec::new(), rows);
        while room > 0
            && let Some(first) = self.rows.pop_front()
        {
            let taken = first.num_rows().min(room);
            room -= taken;
            parts.push(first.slice(0, taken));
            if taken < first.num_rows() {
                self.rows.push_front(first.slice(taken, first.num_rows() - taken));
            }
        }
        let columns = match parts.len() {
            0 => return Ok(None),
            1 => parts.swap_remove(0),
            _ => concat_batches(schema.arrow(), &parts)?,
        };
        let times: Vec<i64> = self.times.drain(..columns.num_rows()).collect();
        Ok(Some(Batch::new(columns, times.into())))
    }
}
