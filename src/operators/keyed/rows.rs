//! Rows of keys, kept in columns: what joins, windows of elements and patterns remember.
//!
//! Rows stay in the batches in which they came (chunks), and each has a number that it keeps; the rows of a group are a
//! list in the order of their arrival. A chunk that is small, or most of whose rows are gone, is merged with others of its
//! kind, so that a row is copied a few times at most and memory follows what is held.

mod chunks;
mod facts;
mod stored;
#[cfg(test)]
mod tests;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::ScalarBuffer;

use chunks::{CHUNK_ROWS, Chunks, Numbers};
use facts::{DIRTY, Facts, GONE, NewRows, STORED};

pub(in crate::operators) use facts::NO_ROW;

use crate::state::StateDescriptor;
use crate::types::{Batch, Field, LogicalType, Result, Schema};

/// The column of a stored row that tells rows of a key apart, and their order.
const NUMBER: &str = "#";
/// The column of a stored row's event time, epoch milliseconds.
const TIME: &str = "#time";

/// The state that a [`RowStore`] is, as the plan declares it.
#[derive(Debug, Clone)]
pub(in crate::operators) struct RowState {
    /// The state's name: `left_rows`.
    pub(in crate::operators) name: &'static str,
    /// The columns of its rows.
    pub(in crate::operators) schema: Schema,
    /// The columns that are the key and route.
    pub(in crate::operators) keys: Vec<usize>,
    /// The name of the number that stands beside each row, where the operator keeps one: `matches`.
    pub(in crate::operators) mark: Option<&'static str>,
}

impl RowState {
    /// Stored as the key and a number of the row within it, then the time, the mark and the other columns.
    pub(in crate::operators) fn descriptor(&self) -> StateDescriptor {
        let fields = self.schema.fields();
        let keys = self.keys.iter().map(|&key| fields[key].clone());
        let number = Field::new(NUMBER, LogicalType::BigInt).not_null();
        let time = Field::new(TIME, LogicalType::BigInt).not_null();
        let mark = self.mark.map(|name| Field::new(name, LogicalType::BigInt).not_null());
        let others = self.others().map(|column| fields[column].clone());
        let all = keys.chain([number, time]).chain(mark).chain(others).collect::<Vec<_>>();
        let mut state = StateDescriptor::new(self.name, Schema::new(all), self.keys.len() + 1);
        state.partition = (0..self.keys.len()).collect();
        state
    }

    /// The columns that are no key.
    fn others(&self) -> impl Iterator<Item = usize> {
        (0..self.schema.len()).filter(|column| !self.keys.contains(column))
    }
}

/// The rows of an operator instance by group; groups are those of a [`GroupTable`] of the operator's.
pub(in crate::operators) struct RowStore {
    state: RowState,
    max_parallelism: u16,
    chunks: Chunks,
    facts: Facts,
    /// The first and the last row of each group.
    ends: Vec<(u32, u32)>,
    len: usize,
    next_number: i64,
    /// Rows that changed since the last snapshot; some may be gone.
    dirty: Vec<u32>,
    /// Rows that are gone and whose stored entries are not yet.
    gone: Vec<u32>,
    /// The keys and numbers of those before them.
    removed: Vec<(Vec<ArrayRef>, Vec<i64>)>,
}

impl RowStore {
    /// A store without rows.
    pub(in crate::operators) fn new(state: RowState, max_parallelism: u16) -> Self {
        Self {
            chunks: Chunks::new(&state.schema),
            state,
            max_parallelism,
            facts: Facts::default(),
            ends: Vec::new(),
            len: 0,
            next_number: 0,
            dirty: Vec::new(),
            gone: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// The number of rows.
    pub(in crate::operators) const fn len(&self) -> usize {
        self.len
    }

    /// Whether group `group` has no row.
    #[inline]
    pub(in crate::operators) fn is_empty(&self, group: u32) -> bool {
        self.first(group) == NO_ROW
    }

    /// The first row of a group, [`NO_ROW`] when it has none.
    #[inline]
    pub(in crate::operators) fn first(&self, group: u32) -> u32 {
        self.ends.get(group as usize).map_or(NO_ROW, |ends| ends.0)
    }

    /// The row that came after `row` in its group.
    #[inline]
    pub(in crate::operators) fn next(&self, row: u32) -> u32 {
        self.facts.next[row as usize]
    }

    /// The rows of a group in the order of their arrival.
    pub(in crate::operators) fn of(&self, group: u32) -> impl Iterator<Item = u32> {
        let some = |row: u32| (row != NO_ROW).then_some(row);
        std::iter::successors(some(self.first(group)), move |&row| some(self.next(row)))
    }

    /// The event time of a row.
    #[inline]
    pub(in crate::operators) fn time(&self, row: u32) -> i64 {
        self.chunks.time(self.facts.place[row as usize])
    }

    /// The number of a row, which it keeps through restores: greater than those of the rows of its group before it.
    #[inline]
    pub(in crate::operators) fn number(&self, row: u32) -> i64 {
        self.chunks.number(self.facts.place[row as usize])
    }

    /// A time that no row is earlier than; `None` without rows.
    pub(in crate::operators) fn first_time(&self) -> Option<i64> {
        self.chunks.first_time().filter(|_| self.len > 0)
    }

    /// A time that no row is earlier than, the time of the first one or close to it; `None` without rows.
    pub(in crate::operators) fn earliest(&self) -> Option<i64> {
        self.chunks.first_time().filter(|&time| time < i64::MAX)
    }

    /// The group of a row.
    #[inline]
    pub(in crate::operators) fn group(&self, row: u32) -> u32 {
        self.facts.group[row as usize]
    }

    /// The number beside a row, 0 at first.
    #[inline]
    pub(in crate::operators) fn mark(&self, row: u32) -> i64 {
        self.facts.mark.get(row as usize).copied().unwrap_or(0)
    }

    /// Sets the number beside a row.
    pub(in crate::operators) fn set_mark(&mut self, row: u32, mark: i64) {
        let Some(at) = self.facts.mark.get_mut(row as usize).filter(|at| **at != mark) else { return };
        *at = mark;
        if !self.facts.is(row, DIRTY) {
            self.facts.set(row, DIRTY);
            self.dirty.push(row);
        }
    }

    /// Takes in the rows of `batch`, of these groups; their numbers are pushed to `rows`. Kinds are not kept.
    ///
    /// # Errors
    /// When chunks can't be merged: a defect of ours.
    pub(in crate::operators) fn append(&mut self, batch: &Batch, groups: &[u32], rows: &mut Vec<u32>) -> Result<()> {
        let from = self.next_number;
        self.next_number += i64::try_from(groups.len()).unwrap_or(i64::MAX);
        let new = NewRows { groups, marks: None, state: DIRTY };
        self.put((batch.columns().clone(), batch.times().clone()), Numbers::From(from), &new, rows);
        if self.dirty.len() > 2 * self.len + CHUNK_ROWS {
            // Without checkpoints nobody else gives the numbers of rows that are gone free.
            let facts = &mut self.facts;
            self.dirty.retain(|&row| {
                let gone = facts.is(row, GONE);
                if gone {
                    facts.free.push(row);
                }
                !gone
            });
        }
        self.merge_small()
    }

    fn put(
        &mut self,
        columns: (RecordBatch, ScalarBuffer<i64>),
        numbers: Numbers,
        new: &NewRows<'_>,
        rows: &mut Vec<u32>,
    ) {
        if new.groups.is_empty() {
            return;
        }
        let highest = new.groups.iter().copied().max().unwrap_or(0) as usize;
        if self.ends.len() <= highest {
            self.ends.resize(highest + 1, (NO_ROW, NO_ROW));
        }
        let slot = self.chunks.slot();
        let ids = self.facts.add(slot, new, self.state.mark.is_some());
        for (&id, &group) in ids.iter().zip(new.groups) {
            let (first, last) = &mut self.ends[group as usize];
            if *last == NO_ROW {
                *first = id;
            } else {
                self.facts.before[id as usize] = *last;
                self.facts.next[*last as usize] = id;
            }
            *last = id;
        }
        if new.state & DIRTY != 0 {
            self.dirty.extend_from_slice(&ids);
        }
        self.len += ids.len();
        rows.extend_from_slice(&ids);
        self.chunks.set(slot, columns, numbers, ids);
    }

    /// Takes a row out.
    ///
    /// # Errors
    /// When its key can't be read: a defect of ours.
    pub(in crate::operators) fn remove(&mut self, row: u32) -> Result<()> {
        let (next, before) = (self.facts.next[row as usize], self.facts.before[row as usize]);
        let ends = &mut self.ends[self.facts.group[row as usize] as usize];
        if before == NO_ROW {
            ends.0 = next;
        } else {
            self.facts.next[before as usize] = next;
        }
        if next == NO_ROW {
            ends.1 = before;
        } else {
            self.facts.before[next as usize] = before;
        }
        self.let_go(row);
        if self.gone.len() >= CHUNK_ROWS { self.tell_gone() } else { Ok(()) }
    }

    /// A row is in no list any more.
    #[inline]
    fn let_go(&mut self, row: u32) {
        self.facts.set(row, GONE);
        self.len -= 1;
        if self.facts.is(row, STORED) {
            self.gone.push(row);
        } else {
            self.forget(row);
        }
    }

    /// Whether these groups have a row, and the rows of those that have (of which there is one each).
    ///
    /// # Errors
    /// When they can't be read: a defect of ours.
    pub(in crate::operators) fn single(&self, groups: &[u32]) -> Result<(Vec<bool>, Vec<ArrayRef>)> {
        let rows: Vec<u32> = groups.iter().map(|&group| self.first(group)).filter(|&row| row != NO_ROW).collect();
        let columns: Vec<usize> = (0..self.state.schema.len()).collect();
        Ok((groups.iter().map(|&group| !self.is_empty(group)).collect(), self.gather(&rows, &columns)?))
    }

    /// Puts one row each in place of all that these groups have.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(in crate::operators) fn replace(&mut self, batch: &Batch, groups: &[u32]) -> Result<()> {
        for &group in groups {
            self.clear(group)?;
        }
        self.append(batch, groups, &mut Vec::new())
    }

    /// Takes all rows of a group out.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub(in crate::operators) fn clear(&mut self, group: u32) -> Result<()> {
        let mut row = self.first(group);
        if row == NO_ROW {
            return Ok(());
        }
        self.ends[group as usize] = (NO_ROW, NO_ROW);
        while row != NO_ROW {
            let next = self.next(row);
            self.let_go(row);
            row = next;
        }
        if self.gone.len() >= CHUNK_ROWS { self.tell_gone() } else { Ok(()) }
    }

    /// Puts the rows of group `from` into group `into`; all stay in the order of their arrival.
    pub(in crate::operators) fn merge(&mut self, from: u32, into: u32) {
        let (mut one, mut other) = (self.first(into), self.first(from));
        if other == NO_ROW {
            return;
        }
        let highest = from.max(into) as usize;
        if self.ends.len() <= highest {
            self.ends.resize(highest + 1, (NO_ROW, NO_ROW));
        }
        let (facts, chunks) = (&mut self.facts, &self.chunks);
        let mut last = NO_ROW;
        while one != NO_ROW || other != NO_ROW {
            let number = |row: u32| if row == NO_ROW { i64::MAX } else { chunks.number(facts.place[row as usize]) };
            let next = if number(one) <= number(other) { &mut one } else { &mut other };
            let row = *next;
            *next = facts.next[row as usize];
            (facts.group[row as usize], facts.before[row as usize]) = (into, last);
            if last == NO_ROW {
                self.ends[into as usize].0 = row;
            } else {
                facts.next[last as usize] = row;
            }
            last = row;
        }
        facts.next[last as usize] = NO_ROW;
        self.ends[into as usize].1 = last;
        self.ends[from as usize] = (NO_ROW, NO_ROW);
    }

    /// Gives a row's number and place free.
    #[inline]
    fn forget(&mut self, row: u32) {
        if !self.facts.is(row, DIRTY) {
            // One that is dirty is still listed as such; the snapshot gives its number free.
            self.facts.free.push(row);
        }
        self.chunks.take_out(self.facts.place[row as usize]);
    }

    /// Notes the keys of the rows that are gone, whose entries the next snapshot removes, and forgets them.
    fn tell_gone(&mut self) -> Result<()> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let gone = std::mem::take(&mut self.gone);
        let keys = self.gather(&gone, &self.state.keys)?;
        let numbers = gone.iter().map(|&row| self.number(row)).collect();
        self.removed.push((keys, numbers));
        for row in gone {
            self.forget(row);
        }
        Ok(())
    }

    /// Merges small chunks once there are enough of them.
    fn merge_small(&mut self) -> Result<()> {
        if self.chunks.are_small() {
            self.tell_gone()?;
            self.chunks.merge_small(&mut self.facts)?;
        }
        Ok(())
    }

    /// The rows earlier than `time`, in the order of their chunks; whoever asks takes them out. Chunks whose rows are all
    /// later cost nothing.
    pub(in crate::operators) fn due(&mut self, time: i64) -> Vec<u32> {
        self.chunks.due(time, &self.facts)
    }

    /// These columns of these rows; nulls for [`NO_ROW`].
    ///
    /// # Errors
    /// When they can't be put together: a defect of ours.
    pub(in crate::operators) fn gather(&self, rows: &[u32], columns: &[usize]) -> Result<Vec<ArrayRef>> {
        self.chunks.gather(rows, columns, &self.facts)
    }

    /// The event times of these rows.
    pub(in crate::operators) fn times(&self, rows: &[u32]) -> ScalarBuffer<i64> {
        rows.iter().map(|&row| self.time(row)).collect()
    }

    /// Bytes held.
    pub(in crate::operators) fn bytes(&self) -> usize {
        self.chunks.bytes() + self.facts.bytes() + self.ends.capacity() * size_of::<(u32, u32)>()
    }
}
