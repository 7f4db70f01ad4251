//! Groups that leave memory and come back.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::take::take;

use super::GroupAggregateOperator;
use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::operators::keyed::Cold;
use crate::state::{ManagedMemory, Mark};
use crate::types::Result;

/// Groups by which the bytes of one are measured.
const SAMPLE: usize = 4_096;
/// Entries restored together.
const RESTORED: usize = 8_192;

impl GroupAggregateOperator {
    /// What keeps the operator within `memory`.
    pub(super) fn within(&self, memory: &ManagedMemory) -> Result<Cold> {
        let types: Vec<_> = self.plan.keys.iter().map(|&key| self.plan.input.fields()[key].ty.to_arrow()).collect();
        let mut bytes = GroupTable::new(&types, SAMPLE)?.bytes();
        for mut accumulator in self.aggregates.accumulators()? {
            accumulator.resize(SAMPLE);
            bytes += accumulator.bytes();
        }
        let rows = if self.plan.changelog_input { size_of::<i64>() } else { 0 };
        // A bit of a group is in each of seven sets of flags.
        Cold::new(memory, &self.plan.descriptor(), self.max_parallelism, bytes.div_ceil(SAMPLE) + rows + 1)
    }

    /// The number of groups to make room for.
    pub(super) fn room(&mut self) -> usize {
        let numbers = self.table.numbers();
        let bytes = if self.cold.as_ref().is_some_and(|cold| cold.is_growing(numbers)) { self.bytes() } else { 0 };
        let Some(cold) = &mut self.cold else { return numbers };
        let room = cold.make_room(numbers, bytes);
        self.table.reserve(room);
        room
    }

    /// The groups of rows with these keys: they are all in memory then.
    pub(super) fn warm(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        let mut groups = std::mem::take(&mut self.groups);
        self.table.find(keys, rows, &mut groups)?;
        let missing: Vec<u32> =
            (0..).zip(&groups).filter(|(_, group)| **group == NO_GROUP).map(|(row, _)| row).collect();
        if let Some(cold) = &mut self.cold {
            if missing.is_empty() {
                cold.touch(&groups, &mut Vec::new());
            } else {
                let hits: Vec<u32> = groups.iter().copied().filter(|&group| group != NO_GROUP).collect();
                cold.touch(&hits, &mut Vec::new());
                let wanted = picked(keys, &missing)?;
                self.make_way(missing.len(), &hits)?;
                let came = self.bring(&wanted, missing.len())?;
                for (&row, group) in missing.iter().zip(came) {
                    groups[row as usize] = group;
                }
            }
        }
        if let Some(cold) = &mut self.cold {
            cold.change(&groups);
        }
        self.groups = groups;
        Ok(())
    }

    /// Gives groups to keys that have none, with the entries that they have in the file.
    fn bring(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let (mut groups, mut fresh) = (Vec::new(), Vec::new());
        self.table.intern(keys, rows, &mut groups)?;
        self.make_room();
        let Some(cold) = &mut self.cold else { return Ok(groups) };
        cold.touch(&groups, &mut fresh);
        let found = if fresh.len() == rows { cold.find(keys)? } else { cold.find(&picked(keys, &fresh)?)? };
        let known: Vec<u32> = found.rows.iter().map(|&row| groups[fresh[row as usize] as usize]).collect();
        cold.loaded(&known);
        self.fill(&known, found.entries.columns())?;
        Ok(groups)
    }

    /// Makes groups leave for `more` that come; none of `pinned`.
    fn make_way(&mut self, more: usize, pinned: &[u32]) -> Result<()> {
        let surplus = self.cold.as_ref().map_or(0, |cold| cold.surplus(&self.table, more));
        self.leave(surplus, pinned)
    }

    /// Makes groups leave while they hold more than they may, whatever their number.
    pub(super) fn lose_weight(&mut self) -> Result<()> {
        loop {
            let before = self.bytes();
            if self.table.is_empty() || !self.cold.as_mut().is_some_and(|cold| cold.is_overweight(before)) {
                return Ok(());
            }
            self.leave(self.table.len().div_ceil(16), &[])?;
            let after = self.bytes();
            if let Some(cold) = self.cold.as_mut().filter(|_| after >= before) {
                cold.stay(after, self.table.len());
            }
        }
    }

    /// Makes `count` groups leave, as far as there are so many.
    fn leave(&mut self, mut count: usize, pinned: &[u32]) -> Result<()> {
        while count > 0 {
            let Some(cold) = &mut self.cold else { return Ok(()) };
            let chosen = cold.choose(&self.table, count, pinned)?;
            if chosen.is_empty() {
                return Ok(());
            }
            count = count.saturating_sub(chosen.len());
            let unfiled = cold.unfiled(&chosen);
            let (keys, values) = (self.table.keys(&unfiled)?, self.values(&unfiled)?);
            let mark = |&group: &u32| Mark { changed: self.dirty.is_set(group), gone: self.is_empty(group) };
            let marks: Vec<Mark> = unfiled.iter().map(mark).collect();
            if let Some(cold) = self.cold.as_mut().filter(|_| !unfiled.is_empty()) {
                cold.file(&keys, &values, &marks)?;
            }
            for group in chosen {
                self.forget(group);
            }
        }
        Ok(())
    }

    /// Whether a group has no rows any more, and is kept only to be told of.
    pub(super) fn is_empty(&self, group: u32) -> bool {
        self.plan.changelog_input && self.rows[group as usize] == 0
    }

    /// Forgets a group that has left or expired; its number is used again.
    pub(super) fn forget(&mut self, group: u32) {
        self.accumulators.iter_mut().for_each(|accumulator| accumulator.clear(group));
        self.dirty.clear(group);
        self.live.clear(group);
        if self.plan.changelog_input {
            self.rows[group as usize] = 0;
            self.stored.clear(group);
        }
        if let Some(cold) = &mut self.cold {
            cold.forget(group);
        }
        self.table.free(group);
    }

    /// Takes in restored entries: those that find no room go to the file at once.
    pub(super) fn restore_cold(&mut self, rows: &RecordBatch) -> Result<()> {
        let keys = self.plan.keys.len();
        for from in (0..rows.num_rows()).step_by(RESTORED) {
            let part = rows.slice(from, RESTORED.min(rows.num_rows() - from));
            let (keys, values) = part.columns().split_at(keys);
            let Some(cold) = &mut self.cold else { continue };
            if cold.is_full(self.table.len(), part.num_rows()) {
                cold.file(keys, values, &vec![Mark::default(); part.num_rows()])?;
            } else {
                let mut groups = Vec::new();
                self.table.intern(keys, part.num_rows(), &mut groups)?;
                self.make_room();
                if let Some(cold) = &mut self.cold {
                    cold.touch(&groups, &mut Vec::new());
                    cold.change(&groups);
                }
                self.fill(&groups, part.columns())?;
            }
            self.lose_weight()?;
        }
        Ok(())
    }

    /// The entries of these keys, one row each, that are in the file alone.
    pub(super) fn filed(&mut self, key: &[ArrayRef]) -> Result<Option<RecordBatch>> {
        let Some(cold) = &mut self.cold else { return Ok(None) };
        let found = cold.find(key)?;
        self.only_filed(&found.entries)
    }

    /// Those of `entries` whose keys are not in memory; `None` when there is none.
    pub(super) fn only_filed(&mut self, entries: &RecordBatch) -> Result<Option<RecordBatch>> {
        let mut groups = Vec::new();
        let keys = self.plan.keys.len();
        self.table.find(&entries.columns()[..keys], entries.num_rows(), &mut groups)?;
        let alone: Vec<u32> = (0..).zip(&groups).filter(|(_, group)| **group == NO_GROUP).map(|(row, _)| row).collect();
        if alone.is_empty() {
            return Ok(None);
        }
        let columns = picked(entries.columns(), &alone)?;
        Ok(Some(RecordBatch::try_new(entries.schema(), columns)?))
    }
}

fn picked(columns: &[ArrayRef], rows: &[u32]) -> Result<Vec<ArrayRef>> {
    let rows = UInt32Array::from(rows.to_vec());
    Ok(columns.iter().map(|column| take(column, &rows, None)).collect::<std::result::Result<_, _>>()?)
}
