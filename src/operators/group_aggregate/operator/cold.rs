//! Groups that leave memory and come back.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::take::take;

use super::GroupAggregateOperator;
use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::operators::keyed::{Cold, IdleGroups};
use crate::state::{ManagedMemory, Mark};
use crate::types::{Error, Result};

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
        let rows = rows + if self.idle.is_some() { IdleGroups::BYTES } else { 0 };
        // A byte of a group is what is known of it here, and a bit is in each of three sets of flags.
        Cold::new(memory, &self.plan.descriptor(), self.max_parallelism, bytes.div_ceil(SAMPLE) + rows + 2)
    }

    /// The number of groups to make room for before `more` come.
    pub(super) fn room(&mut self, more: usize) -> usize {
        let numbers = self.table.numbers().max(self.table.len() + more);
        let bytes = if self.cold.as_ref().is_some_and(|cold| cold.is_growing(numbers)) { self.bytes() } else { 0 };
        let Some(cold) = &mut self.cold else { return numbers };
        let room = cold.make_room(numbers, self.table.len(), bytes);
        self.table.reserve(room);
        room
    }

    /// The groups of rows with these keys: they are all in memory then.
    pub(super) fn warm(&mut self, keys: &[ArrayRef], rows: usize, now_ms: i64) -> Result<()> {
        let mut groups = std::mem::take(&mut self.groups);
        self.table.find(keys, rows, &mut groups)?;
        let mut missing = Vec::new();
        if let Some(cold) = &mut self.cold {
            cold.touch(&groups, &mut missing);
        }
        if !missing.is_empty() {
            let wanted = picked(keys, &missing)?;
            self.make_way(missing.len(), &groups)?;
            let came = self.bring(&wanted, missing.len(), now_ms)?;
            for (&row, group) in missing.iter().zip(came) {
                groups[row as usize] = group;
            }
        }
        if let Some(cold) = &mut self.cold {
            cold.change(&groups);
        }
        self.groups = groups;
        Ok(())
    }

    /// Gives groups to keys that have none, with the entries that they have in the file.
    fn bring(&mut self, keys: &[ArrayRef], rows: usize, now_ms: i64) -> Result<Vec<u32>> {
        let (mut groups, mut fresh) = (Vec::new(), Vec::new());
        self.make_room(rows);
        self.table.intern(keys, rows, &mut groups)?;
        let Some(cold) = &mut self.cold else { return Ok(groups) };
        cold.hold(&groups, &mut fresh);
        let found = if fresh.len() == rows { cold.find(keys)? } else { cold.find(&picked(keys, &fresh)?)? };
        let known: Vec<u32> = found.rows.iter().map(|&row| groups[fresh[row as usize] as usize]).collect();
        cold.loaded(&known);
        let expired = self.expired_of(&found.entries, now_ms)?;
        if expired.iter().any(|&expired| expired) {
            let rows: Vec<u32> = (0..).zip(&expired).filter(|(_, expired)| !**expired).map(|(row, _)| row).collect();
            let live: Vec<u32> = rows.iter().map(|&row| known[row as usize]).collect();
            self.fill(&live, &picked(found.entries.columns(), &rows)?)?;
        } else {
            self.fill(&known, found.entries.columns())?;
        }
        Ok(groups)
    }

    /// Which of these entries nobody has written for too long; empty where none ever is.
    fn expired_of(&self, entries: &RecordBatch, now_ms: i64) -> Result<Vec<bool>> {
        let Some(idle) = &self.idle else { return Ok(Vec::new()) };
        let written = entries.columns().last().and_then(|written| written.as_primitive_opt::<Int64Type>());
        let written = written.ok_or_else(|| Error::state("the time of a stored group is no bigint"))?;
        Ok(written.values().iter().map(|&written| idle.is_due(written, now_ms)).collect())
    }

    /// Removes entries from the file that nobody has written for too long, some at a time.
    pub(super) fn sweep(&mut self, now_ms: i64) -> Result<()> {
        let Some(ttl_ms) = self.idle.as_ref().map(IdleGroups::ttl_ms) else { return Ok(()) };
        let Some(mut cold) = self.cold.take() else { return Ok(()) };
        let swept = cold.sweep(now_ms, ttl_ms, &mut |entries| {
            let expired = self.expired_of(entries, now_ms)?;
            let rows: Vec<u32> = (0..).zip(expired).filter(|(_, expired)| *expired).map(|(row, _)| row).collect();
            let entries = RecordBatch::try_new(entries.schema(), picked(entries.columns(), &rows)?)?;
            self.only_filed(&entries)
        });
        self.cold = Some(cold);
        swept
    }

    /// The processing time at which something may expire, epoch milliseconds.
    pub(super) fn next_ms(&self) -> Option<i64> {
        let swept = self.cold.as_ref().and_then(Cold::next_sweep_ms);
        self.idle.as_ref().and_then(IdleGroups::next_ms).into_iter().chain(swept).min()
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
            self.table.free_all(&chosen);
            for group in chosen {
                self.clear(group);
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
        self.table.free(group);
        self.clear(group);
    }

    /// The same of a group that the table has forgotten already.
    fn clear(&mut self, group: u32) {
        self.accumulators.iter_mut().for_each(|accumulator| accumulator.clear(group));
        if let Some(idle) = &mut self.idle {
            idle.remove(group);
        }
        self.dirty.clear(group);
        self.live.clear(group);
        if self.plan.changelog_input {
            self.rows[group as usize] = 0;
            self.stored.clear(group);
        }
        if let Some(cold) = &mut self.cold {
            cold.forget(group);
        }
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
                self.make_room(part.num_rows());
                self.table.intern(keys, part.num_rows(), &mut groups)?;
                if let Some(cold) = &mut self.cold {
                    cold.hold(&groups, &mut Vec::new());
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
        self.filed_and_live(&found.entries)
    }

    /// Those of `entries` whose keys are not in memory and which have not expired; `None` when there is none.
    pub(super) fn filed_and_live(&mut self, entries: &RecordBatch) -> Result<Option<RecordBatch>> {
        let expired = self.expired_of(entries, self.clock.now_ms())?;
        if !expired.contains(&true) {
            return self.only_filed(entries);
        }
        let live: Vec<u32> = (0..).zip(expired).filter(|(_, expired)| !expired).map(|(row, _)| row).collect();
        self.only_filed(&RecordBatch::try_new(entries.schema(), picked(entries.columns(), &live)?)?)
    }

    /// Those of `entries` whose keys are not in memory; `None` when there is none.
    fn only_filed(&mut self, entries: &RecordBatch) -> Result<Option<RecordBatch>> {
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
