//! Rows of keys, kept in columns: what joins, windows of elements and patterns remember.
//!
//! Rows stay in the batches in which they came (chunks), and each has a number that it keeps; the rows of a group are a
//! list in the order of their arrival. A chunk that is small, or most of whose rows are gone, is merged with others of its
//! kind, so that a row is copied a few times at most and memory follows what is held.

mod stored;
#[cfg(test)]
mod tests;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow_buffer::ScalarBuffer;
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use crate::state::StateDescriptor;
use crate::types::{Batch, Error, Field, LogicalType, Result, Schema};

/// The number that no row has.
pub(in crate::operators) const NO_ROW: u32 = u32::MAX;

/// The column of a stored row that tells rows of a key apart, and their order.
const NUMBER: &str = "#";
/// The column of a stored row's event time, epoch milliseconds.
const TIME: &str = "#time";
/// A chunk of fewer rows is merged with others.
const SMALL: usize = 1_024;
/// Chunks to be merged are, when there are so many, or their rows fill a batch.
const SMALL_MAX: usize = 64;
/// Rows of a merged chunk, at least where there are so many.
const CHUNK_ROWS: usize = 8_192;

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
    chunks: Vec<Option<Chunk>>,
    free_chunks: Vec<u32>,
    /// Chunks that are to be merged.
    small: Vec<u32>,
    small_rows: usize,
    rows: Vec<Row>,
    free: Vec<u32>,
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

struct Chunk {
    rows: RecordBatch,
    times: ScalarBuffer<i64>,
    /// The row at each place; `NO_ROW` where it is gone.
    ids: Vec<u32>,
    /// Rows that are neither gone nor to be told of.
    held: usize,
    /// No row is earlier.
    first_time: i64,
    /// Whether it is to be merged.
    small: bool,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    next: u32,
    before: u32,
    group: u32,
    chunk: u32,
    at: u32,
    dirty: bool,
    stored: bool,
    gone: bool,
    number: i64,
    mark: i64,
}

impl RowStore {
    /// A store without rows.
    pub(in crate::operators) fn new(state: RowState, max_parallelism: u16) -> Self {
        Self {
            state,
            max_parallelism,
            chunks: Vec::new(),
            free_chunks: Vec::new(),
            small: Vec::new(),
            small_rows: 0,
            rows: Vec::new(),
            free: Vec::new(),
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
    pub(in crate::operators) fn is_empty(&self, group: u32) -> bool {
        self.first(group) == NO_ROW
    }

    /// The first row of a group, [`NO_ROW`] when it has none.
    pub(in crate::operators) fn first(&self, group: u32) -> u32 {
        self.ends.get(group as usize).map_or(NO_ROW, |ends| ends.0)
    }

    /// The row that came after `row` in its group.
    pub(in crate::operators) fn next(&self, row: u32) -> u32 {
        self.rows[row as usize].next
    }

    /// The rows of a group in the order of their arrival.
    pub(in crate::operators) fn of(&self, group: u32) -> impl Iterator<Item = u32> {
        let some = |row: u32| (row != NO_ROW).then_some(row);
        std::iter::successors(some(self.first(group)), move |&row| some(self.next(row)))
    }

    /// The event time of a row.
    pub(in crate::operators) fn time(&self, row: u32) -> i64 {
        let Row { chunk, at, .. } = self.rows[row as usize];
        self.chunks[chunk as usize].as_ref().map_or(0, |chunk| chunk.times[at as usize])
    }

    /// The number of a row, which it keeps through restores: greater than those of the rows of its group before it.
    pub(in crate::operators) fn number(&self, row: u32) -> i64 {
        self.rows[row as usize].number
    }

    /// A time that no row is earlier than; `None` without rows.
    pub(in crate::operators) fn first_time(&self) -> Option<i64> {
        self.chunks.iter().flatten().map(|chunk| chunk.first_time).min().filter(|_| self.len > 0)
    }

    /// The group of a row.
    pub(in crate::operators) fn group(&self, row: u32) -> u32 {
        self.rows[row as usize].group
    }

    /// The number beside a row, 0 at first.
    pub(in crate::operators) fn mark(&self, row: u32) -> i64 {
        self.rows[row as usize].mark
    }

    /// Sets the number beside a row.
    pub(in crate::operators) fn set_mark(&mut self, row: u32, mark: i64) {
        let at = &mut self.rows[row as usize];
        if at.mark != mark {
            at.mark = mark;
            if !at.dirty {
                at.dirty = true;
                self.dirty.push(row);
            }
        }
    }

    /// Takes in the rows of `batch`, of these groups; their numbers are pushed to `rows`. Kinds are not kept.
    ///
    /// # Errors
    /// When chunks can't be merged: a defect of ours.
    pub(in crate::operators) fn append(&mut self, batch: &Batch, groups: &[u32], rows: &mut Vec<u32>) -> Result<()> {
        let from = self.next_number;
        self.next_number += i64::try_from(groups.len()).unwrap_or(i64::MAX);
        let numbers: Vec<i64> = (from..self.next_number).collect();
        self.put(batch.columns().clone(), batch.times().clone(), groups, &numbers, None, false, rows);
        if self.dirty.len() > 2 * self.len + CHUNK_ROWS {
            // Without checkpoints nobody else gives the numbers of rows that are gone free.
            let (rows, free) = (&self.rows, &mut self.free);
            self.dirty.retain(|&row| {
                let gone = rows[row as usize].gone;
                if gone {
                    free.push(row);
                }
                !gone
            });
        }
        self.merge_small()
    }

    #[expect(clippy::too_many_arguments, reason = "a row has so many parts")]
    fn put(
        &mut self,
        columns: RecordBatch,
        times: ScalarBuffer<i64>,
        groups: &[u32],
        numbers: &[i64],
        marks: Option<&[i64]>,
        stored: bool,
        rows: &mut Vec<u32>,
    ) {
        if groups.is_empty() {
            return;
        }
        let highest = groups.iter().copied().max().unwrap_or(0) as usize;
        if self.ends.len() <= highest {
            self.ends.resize(highest + 1, (NO_ROW, NO_ROW));
        }
        let slot = self.chunk_slot();
        let mut ids = Vec::with_capacity(groups.len());
        for (at, (&group, &number)) in (0_u32..).zip(groups.iter().zip(numbers)) {
            let mark = marks.map_or(0, |marks| marks[at as usize]);
            let before = self.ends[group as usize].1;
            let dirty = !stored;
            let row = Row { next: NO_ROW, before, group, chunk: slot, at, dirty, stored, gone: false, number, mark };
            let id = if let Some(id) = self.free.pop() {
                self.rows[id as usize] = row;
                id
            } else {
                self.rows.push(row);
                index(self.rows.len() - 1)
            };
            if dirty {
                self.dirty.push(id);
            }
            if before == NO_ROW {
                self.ends[group as usize].0 = id;
            } else {
                self.rows[before as usize].next = id;
            }
            self.ends[group as usize].1 = id;
            ids.push(id);
        }
        self.len += ids.len();
        rows.extend_from_slice(&ids);
        self.set_chunk(slot, columns, times, ids);
    }

    fn chunk_slot(&mut self) -> u32 {
        self.free_chunks.pop().unwrap_or_else(|| {
            self.chunks.push(None);
            index(self.chunks.len() - 1)
        })
    }

    fn set_chunk(&mut self, slot: u32, rows: RecordBatch, times: ScalarBuffer<i64>, ids: Vec<u32>) {
        let held = ids.len();
        let small = held < SMALL;
        if small {
            self.small.push(slot);
            self.small_rows += held;
        }
        let first_time = times.iter().copied().min().unwrap_or(i64::MAX);
        self.chunks[slot as usize] = Some(Chunk { rows, times, ids, held, first_time, small });
    }

    /// Takes a row out.
    ///
    /// # Errors
    /// When its key can't be read: a defect of ours.
    pub(in crate::operators) fn remove(&mut self, row: u32) -> Result<()> {
        let Row { next, before, group, stored, .. } = self.rows[row as usize];
        let ends = &mut self.ends[group as usize];
        if before == NO_ROW {
            ends.0 = next;
        }
        if next == NO_ROW {
            ends.1 = before;
        }
        if before != NO_ROW {
            self.rows[before as usize].next = next;
        }
        if next != NO_ROW {
            self.rows[next as usize].before = before;
        }
        self.rows[row as usize].gone = true;
        self.len -= 1;
        if !stored {
            self.forget(row);
            return Ok(());
        }
        self.gone.push(row);
        if self.gone.len() >= CHUNK_ROWS { self.tell_gone() } else { Ok(()) }
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
        while !self.is_empty(group) {
            self.remove(self.first(group))?;
        }
        Ok(())
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
        let mut last = NO_ROW;
        while one != NO_ROW || other != NO_ROW {
            let number = |row: u32| if row == NO_ROW { i64::MAX } else { self.rows[row as usize].number };
            let next = if number(one) <= number(other) { &mut one } else { &mut other };
            let row = *next;
            *next = self.rows[row as usize].next;
            let at = &mut self.rows[row as usize];
            (at.group, at.before) = (into, last);
            if last == NO_ROW {
                self.ends[into as usize].0 = row;
            } else {
                self.rows[last as usize].next = row;
            }
            last = row;
        }
        self.rows[last as usize].next = NO_ROW;
        self.ends[into as usize].1 = last;
        self.ends[from as usize] = (NO_ROW, NO_ROW);
    }

    /// Gives a row's number and place free.
    fn forget(&mut self, row: u32) {
        let Row { chunk: slot, at, dirty, .. } = self.rows[row as usize];
        if !dirty {
            // One that is dirty is still listed as such; the snapshot gives its number free.
            self.free.push(row);
        }
        let Some(chunk) = &mut self.chunks[slot as usize] else { return };
        chunk.ids[at as usize] = NO_ROW;
        chunk.held -= 1;
        if chunk.small {
            self.small_rows = self.small_rows.saturating_sub(1);
        } else if chunk.held * 2 < chunk.ids.len() {
            chunk.small = true;
            self.small.push(slot);
            self.small_rows += chunk.held;
        }
        if chunk.held == 0 && !chunk.small {
            self.chunks[slot as usize] = None;
            self.free_chunks.push(slot);
        }
    }

    /// Notes the keys of the rows that are gone, whose entries the next snapshot removes, and forgets them.
    fn tell_gone(&mut self) -> Result<()> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let gone = std::mem::take(&mut self.gone);
        let keys = self.gather(&gone, &self.state.keys)?;
        let numbers = gone.iter().map(|&row| self.rows[row as usize].number).collect();
        self.removed.push((keys, numbers));
        for row in gone {
            self.forget(row);
        }
        Ok(())
    }

    /// Merges small chunks once there are enough of them.
    fn merge_small(&mut self) -> Result<()> {
        if self.small.len() < SMALL_MAX && self.small_rows < CHUNK_ROWS {
            return Ok(());
        }
        self.tell_gone()?;
        let slots = std::mem::take(&mut self.small);
        self.small_rows = 0;
        let rows: Vec<u32> = slots
            .iter()
            .filter_map(|&slot| self.chunks[slot as usize].as_ref())
            .flat_map(|chunk| chunk.ids.iter().copied().filter(|&row| row != NO_ROW))
            .collect();
        for part in rows.chunks(CHUNK_ROWS) {
            let all: Vec<usize> = (0..self.state.schema.len()).collect();
            let columns = self.gather(part, &all)?;
            let columns = self.state.schema.record_batch(columns, part.len())?;
            let times: ScalarBuffer<i64> = part.iter().map(|&row| self.time(row)).collect();
            let slot = self.chunk_slot();
            for (at, &row) in (0_u32..).zip(part) {
                let row = &mut self.rows[row as usize];
                (row.chunk, row.at) = (slot, at);
            }
            self.set_chunk(slot, columns, times, part.to_vec());
        }
        for slot in slots {
            self.chunks[slot as usize] = None;
            self.free_chunks.push(slot);
        }
        Ok(())
    }

    /// A time that no row is earlier than, the time of the first one or close to it; `None` without rows.
    pub(in crate::operators) fn earliest(&self) -> Option<i64> {
        self.chunks.iter().flatten().map(|chunk| chunk.first_time).min().filter(|&time| time < i64::MAX)
    }

    /// The rows earlier than `time`, in the order of their chunks; whoever asks takes them out. Chunks whose rows are all
    /// later cost nothing.
    pub(in crate::operators) fn due(&mut self, time: i64) -> Vec<u32> {
        let mut due = Vec::new();
        for chunk in self.chunks.iter_mut().flatten().filter(|chunk| chunk.first_time < time) {
            chunk.first_time = i64::MAX;
            for (&row, &at) in chunk.ids.iter().zip(chunk.times.iter()) {
                if row == NO_ROW || self.rows[row as usize].gone {
                } else if at < time {
                    due.push(row);
                } else {
                    chunk.first_time = chunk.first_time.min(at);
                }
            }
        }
        due
    }

    /// These columns of these rows; nulls for [`NO_ROW`].
    ///
    /// # Errors
    /// When they can't be put together: a defect of ours.
    pub(in crate::operators) fn gather(&self, rows: &[u32], columns: &[usize]) -> Result<Vec<ArrayRef>> {
        let mut used: Vec<(u32, &Chunk)> = Vec::new();
        let mut dense = vec![NO_ROW; self.chunks.len()];
        let mut places = Vec::with_capacity(rows.len());
        let mut nulls = false;
        for &row in rows {
            if row == NO_ROW {
                nulls = true;
                places.push((usize::MAX, 0));
                continue;
            }
            let Row { chunk: slot, at, .. } = self.rows[row as usize];
            let known = &mut dense[slot as usize];
            if *known == NO_ROW {
                let Some(chunk) = &self.chunks[slot as usize] else {
                    return Err(Error::state("a row that is kept is nowhere"));
                };
                *known = index(used.len());
                used.push((slot, chunk));
            }
            places.push((*known as usize, at as usize));
        }
        if let ([(_, chunk)], false) = (used.as_slice(), nulls) {
            let at: UInt32Array = places.iter().map(|&(_, at)| index(at)).collect();
            return columns.iter().map(|&column| Ok(take(chunk.rows.column(column), &at, None)?)).collect();
        }
        for place in places.iter_mut().filter(|place| place.0 == usize::MAX) {
            place.0 = used.len();
        }
        let one = |&column: &usize| -> Result<ArrayRef> {
            let ty = self.state.schema.arrow().field(column).data_type();
            if places.is_empty() {
                return Ok(new_null_array(ty, 0));
            }
            let null = nulls.then(|| new_null_array(ty, 1));
            let arrays = used.iter().map(|(_, chunk)| chunk.rows.column(column)).chain(&null);
            Ok(interleave(&arrays.map(AsRef::as_ref).collect::<Vec<&dyn Array>>(), &places)?)
        };
        columns.iter().map(one).collect()
    }

    /// The event times of these rows.
    pub(in crate::operators) fn times(&self, rows: &[u32]) -> ScalarBuffer<i64> {
        rows.iter().map(|&row| self.time(row)).collect()
    }

    /// Bytes held.
    pub(in crate::operators) fn bytes(&self) -> usize {
        let chunk = |chunk: &Chunk| {
            chunk.rows.get_array_memory_size() + chunk.ids.capacity() * size_of::<u32>() + chunk.times.len() * 8
        };
        self.chunks.iter().flatten().map(chunk).sum::<usize>()
            + self.rows.capacity() * size_of::<Row>()
            + self.ends.capacity() * size_of::<(u32, u32)>()
    }
}

/// Rows fit into memory, so their number fits 32 bits.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NO_ROW)
}
