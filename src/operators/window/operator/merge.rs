//! What several slices of a window come to.

use std::ops::Bound::{Excluded, Included};

use arrow_array::ArrayRef;

use super::super::slice::Slice;
use super::WindowAggregateOperator;
use crate::operators::group_table::NO_GROUP;
use crate::types::Result;

impl WindowAggregateOperator {
    /// These keys' state in all slices of a window, their groups numbered in order.
    pub(super) fn merged(&mut self, start: i64, end: i64, keys: &[ArrayRef], rows: usize) -> Result<Slice> {
        let mut merged = self.empty_slice(None, rows)?;
        let mut groups = Vec::new();
        merged.table.intern(keys, rows, &mut groups)?;
        for accumulator in &mut merged.accumulators {
            accumulator.resize(rows);
        }
        for (_, slice) in self.slices.range_mut((Excluded(start), Included(end))) {
            slice.table.find(keys, rows, &mut groups)?;
            let found = (0_u32..).zip(&groups).filter(|(_, group)| **group != NO_GROUP);
            let (into, from): (Vec<u32>, Vec<u32>) = found.map(|(row, &group)| (row, group)).unzip();
            if into.is_empty() {
                continue;
            }
            for (accumulator, of_slice) in merged.accumulators.iter_mut().zip(&slice.accumulators) {
                accumulator.merge(&into, &of_slice.state(&from)?)?;
            }
        }
        Ok(merged)
    }
}
