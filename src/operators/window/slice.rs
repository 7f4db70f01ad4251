//! One slice of time: its keys and their accumulators.

use std::ops::Range;

use arrow_array::RecordBatch;

use crate::expr::aggregate::Accumulator;
use crate::operators::aggregates::Evaluated;
use crate::operators::flags::Flags;
use crate::operators::group_table::GroupTable;
use crate::operators::rows::Entries;
use crate::types::Result;

/// The keys that have rows in a slice (or in a window merged of slices) and their accumulators.
pub(super) struct Slice {
    pub(super) table: GroupTable,
    pub(super) accumulators: Vec<Box<dyn Accumulator>>,
    /// The end of the next window to fire that contains it; `None` when all have fired.
    pub(super) next_end: Option<i64>,
    /// Whether stored state has entries of it.
    pub(super) stored: bool,
    /// Rows taken in since this attempt began.
    pub(super) rows: u64,
    /// The groups that changed since the last snapshot; kept only once there was one, as before all have.
    dirty: Flags,
}

impl Slice {
    pub(super) fn new(table: GroupTable, accumulators: Vec<Box<dyn Accumulator>>, next_end: Option<i64>) -> Self {
        Self { table, accumulators, next_end, stored: false, rows: 0, dirty: Flags::default() }
    }

    fn make_room(&mut self) {
        let groups = self.table.numbers();
        for accumulator in &mut self.accumulators {
            accumulator.resize(groups);
        }
        if self.stored {
            self.dirty.resize(groups);
        }
    }

    /// Takes rows in. `groups` is scratch space, and holds their groups afterwards.
    pub(super) fn add(&mut self, rows: &Evaluated, groups: &mut Vec<u32>) -> Result<()> {
        self.table.intern(&rows.keys, rows.rows, groups)?;
        self.make_room();
        self.rows += rows.rows as u64;
        for ((accumulator, args), keep) in self.accumulators.iter_mut().zip(&rows.args).zip(&rows.keep) {
            accumulator.update(groups, args, keep.as_ref())?;
        }
        if self.stored {
            self.dirty.set_all(groups);
        }
        Ok(())
    }

    /// Adds these groups of `other`. `groups` is scratch space.
    pub(super) fn merge(&mut self, other: &Self, range: Range<u32>, groups: &mut Vec<u32>) -> Result<()> {
        self.table.intern_from(&other.table, range.clone(), groups)?;
        self.make_room();
        for (accumulator, other) in self.accumulators.iter_mut().zip(&other.accumulators) {
            accumulator.merge_from(groups, other.as_ref(), range.start)?;
        }
        Ok(())
    }

    /// Takes back what [`Self::changed`] gave: keys, then the states of the accumulators, `widths` columns each.
    pub(super) fn restore(&mut self, rows: &RecordBatch, keys: usize, widths: &[usize]) -> Result<()> {
        let columns = rows.columns();
        let mut groups = Vec::new();
        self.table.intern(&columns[..keys], rows.num_rows(), &mut groups)?;
        self.stored = true;
        self.make_room();
        let mut at = keys;
        for (accumulator, width) in self.accumulators.iter_mut().zip(widths) {
            accumulator.merge(&groups, &columns[at..at + width])?;
            at += width;
        }
        Ok(())
    }

    /// The entries that changed since the last call, keys then states; `None` when none did.
    pub(super) fn changed(&mut self) -> Result<Option<Entries>> {
        let groups = if self.stored { self.dirty.take() } else { self.table.groups() };
        if groups.is_empty() {
            return Ok(None);
        }
        self.stored = true;
        self.make_room();
        let keys = self.table.keys(&groups)?;
        let mut states = Vec::new();
        for accumulator in &self.accumulators {
            states.extend(accumulator.state(&groups)?);
        }
        Ok(Some(Entries { keys, values: states, rows: groups.len() }))
    }

    pub(super) fn bytes(&self) -> usize {
        let accumulators: usize = self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum();
        accumulators + self.table.bytes() + self.dirty.bytes()
    }
}
