//! Windows that fire, a batch or two at a time; one of several slices is [merged](super::merge) before, some groups at a
//! time.
//!
//! A watermark that fires windows is owed to whoever is behind until all their rows are given. Rows that come meanwhile and
//! touch none of those windows are taken in at once; others wait behind the watermark, so that what leaves, and in which
//! order, is the same as if all windows had fired within one call. Windows fire in the order of their ends, the keys of one in
//! the order of their arrival in its slices.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMillisecondArray, UInt32Array};

use super::super::slice::Slice;
use super::super::spec::{Column, FIRING, GIVEN, OWED_ROWS};
use super::WindowAggregateOperator;
use super::owed::{Firing, Gathered, Owed};
use super::resumed::{Mark, Resumed};
use crate::api::{Armed, Inputs, Output};
use crate::inspect::FiredWindowView;
use crate::operators::rows::{Entries, decode_batch, encode_batch, index, keyed_rows};
use crate::state::{RestoredState, StateChange};
use crate::types::{Batch, Result, key_group};

/// Batches given within one call.
const BATCHES: usize = 2;
/// Batches of groups merged within one call.
const MERGED_BATCHES: usize = 8;
/// The number of items that may be owed before the operator takes no more.
const OWED_MAX: usize = 3;

impl WindowAggregateOperator {
    /// Event time has reached `watermark`: fires what it reaches, or notes that it is owed.
    pub(super) fn reach(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        let before = self.watermark;
        self.watermark = watermark.max(before);
        if !self.owed.is_empty() {
            let fires = watermark >= self.earliest_after(before);
            match self.owed.back_mut() {
                // Nothing can fire between the two.
                Some(Owed::Watermark(last)) if !fires => *last = watermark,
                _ => self.owed.push_back(Owed::Watermark(watermark)),
            }
            self.arm(out);
            return Ok(());
        }
        if self.next_due(watermark).is_none() {
            self.purge(watermark);
            return out.watermark(watermark);
        }
        self.owed.push_back(Owed::Watermark(watermark));
        self.give(out)
    }

    /// A watermark below which no window fires that `watermark` does not.
    fn earliest_after(&self, watermark: i64) -> i64 {
        let slice_end = self.assigner.slice_end(watermark.saturating_add(1));
        let first = self.assigner.first_window_end(slice_end);
        if first > self.assigner.last_window_end(slice_end) { watermark } else { first.saturating_sub(1) }
    }

    /// Gives a batch or two of what is owed.
    pub(super) fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        let mut batches = 0;
        self.to_merge = self.batch_rows.saturating_mul(MERGED_BATCHES);
        while let Some(owed) = self.owed.front() {
            if batches == BATCHES || (batches > 0 && !out.has_room()) {
                break;
            }
            if let Owed::Watermark(watermark) = *owed {
                let gathered = self.gather(watermark)?;
                if self.gathered.len() > 0 {
                    self.gathered.flush(&self.plan, out)?;
                    batches += 1;
                }
                match gathered {
                    Gathered::Full => {}
                    Gathered::Merging => break,
                    Gathered::All => {
                        self.owed.pop_front();
                        self.resumed.take_if(|resumed| resumed.last_watermark() <= watermark);
                        self.purge(watermark);
                        out.watermark(watermark)?;
                    }
                }
            } else if let Some(Owed::Rows(rows)) = self.owed.pop_front() {
                self.take_in(rows, out)?;
                batches += 1;
            }
        }
        self.arm(out);
        Ok(())
    }

    /// Asks for what the operator needs while something is owed.
    pub(super) fn arm(&self, out: &mut dyn Output) {
        if let Some(armed) = self.wants() {
            out.arm(armed);
        }
    }

    pub(super) fn wants(&self) -> Option<Armed> {
        let rows = matches!(self.owed.back()?, Owed::Rows(_));
        let full = if rows || self.owed.len() >= OWED_MAX { Inputs::ALL } else { Inputs::NONE };
        Some(Armed { more: true, full, ..Armed::NOTHING })
    }

    /// The rows that may be taken in although windows are firing: those that touch none of them. The others are put off.
    pub(super) fn put_off(&mut self, batch: Batch) -> Result<Batch> {
        if self.next_arrival.is_some() {
            // Rows are numbered where they are taken in.
            let none = batch.slice(0, 0);
            self.owed.push_back(Owed::Rows(batch));
            return Ok(none);
        }
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for run in self.runs(batch.times()) {
            let free = self.assigner.first_window_end(run.slice_end).saturating_sub(1) > self.watermark;
            let rows = (run.start..run.start + run.length).map(index);
            if free { now.extend(rows) } else { later.extend(rows) }
        }
        if later.is_empty() {
            return Ok(batch);
        }
        self.owed.push_back(Owed::Rows(batch.take(&UInt32Array::from(later))?));
        Ok(batch.take(&UInt32Array::from(now))?)
    }

    /// The end of the first window that `watermark` fires and that has not been given.
    fn next_due(&self, watermark: i64) -> Option<i64> {
        self.due.first().map(|&(end, _)| end).filter(|end| end.saturating_sub(1) <= watermark)
    }

    /// Gathers up to a batch of rows of the windows that `watermark` fires. Jumps over windows without data, however many.
    fn gather(&mut self, watermark: i64) -> Result<Gathered> {
        while self.gathered.len() < self.batch_rows {
            let mut firing = match (self.firing.take(), self.next_due(watermark)) {
                (Some(firing), _) => firing,
                (None, Some(end)) => match self.merge(end)? {
                    Some(window) => Firing { end, window, at: 0, noted: 0, keys: 0 },
                    None => return Ok(Gathered::Merging),
                },
                (None, None) => return Ok(Gathered::All),
            };
            if self.give_some(&mut firing)? {
                self.fired_all(&firing, watermark);
            } else {
                self.firing = Some(firing);
            }
        }
        Ok(Gathered::Full)
    }

    /// Gathers rows of a window up to a full batch; whether they were its last.
    fn give_some(&mut self, firing: &mut Firing) -> Result<bool> {
        let room = self.batch_rows.saturating_sub(self.gathered.len()).max(1);
        let mut resumed = self.resumed.take();
        let at = firing.at;
        let window = self.slice_of(&firing.window)?;
        // A window that stands has lost no group, so their numbers have no gaps.
        let all = index(window.table.numbers());
        let next = all.min(at.saturating_add(index(room)));
        let mut groups: Vec<u32> = (at..next).collect();
        if let Some(resumed) = &mut resumed {
            let keys = window.table.keys(&groups)?;
            let owed = resumed.owes(firing.end, &keys, groups.len(), self.max_parallelism)?;
            groups = groups.into_iter().zip(owed).filter_map(|(group, owed)| owed.then_some(group)).collect();
        }
        let rows = if groups.is_empty() { None } else { Some(self.result(firing.end, window, &groups)?) };
        self.resumed = resumed;
        firing.at = next;
        firing.keys += groups.len() as u64;
        if let Some(rows) = rows {
            self.gathered.push(rows, firing.end.saturating_sub(1));
        }
        Ok(next == all)
    }

    /// Everything of a window is given.
    fn fired_all(&mut self, firing: &Firing, watermark: i64) {
        let (start, end) = (self.assigner.window_start(firing.end), firing.end);
        self.fired.push(FiredWindowView { start, end, keys: firing.keys, watermark, again: false });
        if firing.noted > 0 {
            self.given_up.push(end);
        }
        while let Some(&(due, slice_end)) = self.due.first()
            && due <= end
        {
            self.due.pop_first();
            let next = self.assigner.next_window_end(end);
            let next = (next > end && next <= self.assigner.last_window_end(slice_end)).then_some(next);
            if let Some(slice) = self.slices.get_mut(&slice_end) {
                slice.next_end = next;
                self.due.extend(next.map(|next| (next, slice_end)));
            }
        }
    }

    /// The result rows of these groups in the window that ends at `end`.
    pub(super) fn result(&self, end: i64, window: &Slice, groups: &[u32]) -> Result<RecordBatch> {
        let keys = window.table.keys(groups)?;
        let bound = |time: i64| -> ArrayRef { Arc::new(TimestampMillisecondArray::from_value(time, groups.len())) };
        let column = |column: &Column| match *column {
            Column::Key(key) => Ok(keys[key].clone()),
            Column::Start => Ok(bound(self.assigner.window_start(end))),
            Column::End => Ok(bound(end)),
            Column::Call(call) => self.shared.values(call, &window.accumulators, groups),
        };
        let columns: Vec<ArrayRef> = self.plan.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        Ok(RecordBatch::try_new_with_options(self.plan.output.arrow().clone(), columns, &options)?)
    }

    /// The changes that tell a snapshot of a firing under way.
    fn progress(&mut self) -> Result<Vec<StateChange>> {
        let mut changes: Vec<StateChange> = std::mem::take(&mut self.given_up)
            .into_iter()
            .map(|namespace| StateChange::DropNamespace { state: GIVEN, namespace })
            .collect();
        let Some(mut firing) = self.firing.take() else { return Ok(changes) };
        // Without a key there is one row, which is given or not.
        if firing.noted < firing.at && !self.key_types.is_empty() {
            let groups: Vec<u32> = (firing.noted..firing.at).collect();
            let keys = self.slice_of(&firing.window)?.table.keys(&groups)?;
            let entries = Entries { keys, values: Vec::new(), rows: groups.len() };
            let rows = keyed_rows(&self.plan.given_descriptor().schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: GIVEN, namespace: firing.end, rows });
            firing.noted = firing.at;
        }
        self.firing = Some(firing);
        Ok(changes)
    }

    /// The changes that tell a snapshot of what is owed.
    pub(super) fn owed_changes(&mut self) -> Result<Vec<StateChange>> {
        let mut changes = self.progress()?;
        let below = match self.owed.front() {
            None => return Ok(changes),
            Some(Owed::Watermark(_)) => self.due.first().map(|&(end, _)| end),
            Some(Owed::Rows(_)) => None,
        };
        let (mut watermarks, mut rows) = (Vec::new(), Vec::new());
        for owed in &self.owed {
            match owed {
                Owed::Watermark(watermark) => watermarks.push(*watermark),
                Owed::Rows(batch) => rows.push(encode_batch(batch)?),
            }
        }
        let mark = Mark { groups: self.key_groups.clone(), below: below.unwrap_or(i64::MAX), watermarks };
        changes.push(StateChange::Operator { state: FIRING.name, entry: mark.encode() });
        changes.extend(rows.into_iter().map(|entry| StateChange::Operator { state: OWED_ROWS.name, entry }));
        Ok(changes)
    }

    /// Takes up what instances owed whose keys this one has; `None` when they owed nothing.
    pub(super) fn resume(&mut self, restored: &dyn RestoredState) -> Result<()> {
        let marks = restored.operator(&FIRING)?.iter().map(|mark| Mark::decode(mark)).collect::<Result<_>>()?;
        let given =
            if self.key_types.is_empty() { Vec::new() } else { restored.keyed(&self.plan.given_descriptor())? };
        // Once given in full they are dropped, also those that this instance has no use for.
        self.given_up = given.iter().map(|(end, _)| *end).collect();
        self.resumed = Resumed::new(marks, &self.key_groups, &self.key_types, &given)?;
        if let Some(resumed) = &self.resumed {
            self.owed.extend(resumed.watermarks().into_iter().map(Owed::Watermark));
        }
        for entry in restored.operator(&OWED_ROWS)? {
            let batch = decode_batch(&entry)?;
            let keys: Vec<ArrayRef> = self.plan.keys.iter().map(|&key| batch.column(key).clone()).collect();
            let mut hashes = Vec::new();
            key_group::hash_keys(&keys, &mut hashes)?;
            hashes.resize(batch.rows(), 0);
            let own = |&hash: &u64| self.key_groups.contains(&key_group::key_group(hash, self.max_parallelism));
            let batch = batch.filter(&hashes.iter().map(own).collect::<Vec<_>>().into())?;
            if !batch.is_empty() {
                self.owed.push_back(Owed::Rows(batch));
            }
        }
        Ok(())
    }
}
