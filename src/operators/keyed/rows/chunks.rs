//! The columns of rows, in the batches in which they came.

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow_buffer::ScalarBuffer;
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use super::facts::{Facts, GONE, NO_ROW, Place, index};
use crate::types::{Error, Result, Schema};

/// Rows of a merged chunk, at least where there are so many.
pub(super) const CHUNK_ROWS: usize = 8_192;
/// A chunk of fewer rows is merged with others.
const SMALL: usize = 1_024;
/// Chunks to be merged are, when there are so many, or their rows fill a batch.
const SMALL_MAX: usize = 64;

/// The chunks of a store.
pub(super) struct Chunks {
    schema: Schema,
    all: Vec<Option<Chunk>>,
    free: Vec<u32>,
    /// Chunks that are to be merged.
    small: Vec<u32>,
    small_rows: usize,
}

pub(super) struct Chunk {
    pub(super) rows: RecordBatch,
    pub(super) times: ScalarBuffer<i64>,
    numbers: Numbers,
    /// The row at each place; `NO_ROW` where it is gone.
    pub(super) ids: Vec<u32>,
    /// Rows that are neither gone nor to be told of.
    held: usize,
    /// No row is earlier.
    first_time: i64,
    /// Whether it is to be merged.
    small: bool,
}

/// The numbers of the rows of a chunk, which they keep.
pub(super) enum Numbers {
    /// One after another.
    From(i64),
    Each(ScalarBuffer<i64>),
}

impl Numbers {
    fn at(&self, at: u32) -> i64 {
        match self {
            Self::From(first) => first + i64::from(at),
            Self::Each(numbers) => numbers[at as usize],
        }
    }
}

impl Chunks {
    /// For rows of these columns.
    pub(super) fn new(schema: &Schema) -> Self {
        Self { schema: schema.clone(), all: Vec::new(), free: Vec::new(), small: Vec::new(), small_rows: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Chunk> {
        self.all.iter().flatten()
    }

    /// A time that no row is earlier than.
    pub(super) fn first_time(&self) -> Option<i64> {
        self.iter().map(|chunk| chunk.first_time).min()
    }

    /// The number of the chunk that is [set](Self::set) next.
    pub(super) fn slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            index(self.all.len() - 1)
        })
    }

    pub(super) fn set(
        &mut self,
        slot: u32,
        (rows, times): (RecordBatch, ScalarBuffer<i64>),
        numbers: Numbers,
        ids: Vec<u32>,
    ) {
        let held = ids.len();
        let small = held < SMALL;
        if small {
            self.small.push(slot);
            self.small_rows += held;
        }
        let first_time = times.iter().copied().min().unwrap_or(i64::MAX);
        self.all[slot as usize] = Some(Chunk { rows, times, numbers, ids, held, first_time, small });
    }

    /// The time of the row at this place.
    #[inline]
    pub(super) fn time(&self, (slot, at): Place) -> i64 {
        self.all[slot as usize].as_ref().map_or(0, |chunk| chunk.times[at as usize])
    }

    /// The number of the row at this place.
    #[inline]
    pub(super) fn number(&self, (slot, at): Place) -> i64 {
        self.all[slot as usize].as_ref().map_or(0, |chunk| chunk.numbers.at(at))
    }

    /// The row at this place is gone.
    #[inline]
    pub(super) fn take_out(&mut self, (slot, at): Place) {
        let Some(chunk) = &mut self.all[slot as usize] else { return };
        chunk.ids[at as usize] = NO_ROW;
        chunk.held -= 1;
        if chunk.small {
            self.small_rows = self.small_rows.saturating_sub(1);
        } else if chunk.held == 0 {
            self.all[slot as usize] = None;
            self.free.push(slot);
        } else if chunk.held * 2 < chunk.ids.len() {
            chunk.small = true;
            self.small.push(slot);
            self.small_rows += chunk.held;
        }
    }

    /// Whether there are enough small chunks to be merged.
    pub(super) const fn are_small(&self) -> bool {
        self.small.len() >= SMALL_MAX || self.small_rows >= CHUNK_ROWS
    }

    /// Merges the small chunks.
    pub(super) fn merge_small(&mut self, facts: &mut Facts) -> Result<()> {
        let slots = std::mem::take(&mut self.small);
        self.small_rows = 0;
        let rows: Vec<u32> = slots
            .iter()
            .filter_map(|&slot| self.all[slot as usize].as_ref())
            .flat_map(|chunk| chunk.ids.iter().copied().filter(|&row| row != NO_ROW))
            .collect();
        for part in rows.chunks(CHUNK_ROWS) {
            let all: Vec<usize> = (0..self.schema.len()).collect();
            let columns = self.gather(part, &all, facts)?;
            let columns = self.schema.record_batch(columns, part.len())?;
            let places = || part.iter().map(|&row| facts.place[row as usize]);
            let times = places().map(|place| self.time(place)).collect();
            let numbers = Numbers::Each(places().map(|place| self.number(place)).collect());
            let slot = self.slot();
            for (at, &row) in (0_u32..).zip(part) {
                facts.place[row as usize] = (slot, at);
            }
            self.set(slot, (columns, times), numbers, part.to_vec());
        }
        for slot in slots {
            self.all[slot as usize] = None;
            self.free.push(slot);
        }
        Ok(())
    }

    /// The rows earlier than `time`, in the order of their chunks.
    pub(super) fn due(&mut self, time: i64, facts: &Facts) -> Vec<u32> {
        let mut due = Vec::new();
        for chunk in self.all.iter_mut().flatten().filter(|chunk| chunk.first_time < time) {
            chunk.first_time = i64::MAX;
            for (&row, &at) in chunk.ids.iter().zip(chunk.times.iter()) {
                if row == NO_ROW || facts.is(row, GONE) {
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
    pub(super) fn gather(&self, rows: &[u32], columns: &[usize], facts: &Facts) -> Result<Vec<ArrayRef>> {
        let mut used: Vec<&Chunk> = Vec::new();
        let mut dense = vec![NO_ROW; self.all.len()];
        let mut places = Vec::with_capacity(rows.len());
        let mut nulls = false;
        for &row in rows {
            if row == NO_ROW {
                nulls = true;
                places.push((usize::MAX, 0));
                continue;
            }
            let (slot, at) = facts.place[row as usize];
            let known = &mut dense[slot as usize];
            if *known == NO_ROW {
                let Some(chunk) = &self.all[slot as usize] else {
                    return Err(Error::state("a row that is kept is nowhere"));
                };
                *known = index(used.len());
                used.push(chunk);
            }
            places.push((*known as usize, at as usize));
        }
        if let ([chunk], false) = (used.as_slice(), nulls) {
            let column = |&column: &usize| chunk.rows.column(column);
            let (first, count) = (places[0].1, places.len());
            // A slice of few rows would keep all of them.
            let most = count * 2 >= chunk.ids.len();
            if most && places.iter().zip(first..).all(|(&(_, at), next)| at == next) {
                return Ok(columns.iter().map(column).map(|column| column.slice(first, count)).collect());
            }
            let at: UInt32Array = places.iter().map(|&(_, at)| index(at)).collect();
            return columns.iter().map(column).map(|column| Ok(take(column, &at, None)?)).collect();
        }
        for place in places.iter_mut().filter(|place| place.0 == usize::MAX) {
            place.0 = used.len();
        }
        let one = |&column: &usize| -> Result<ArrayRef> {
            let ty = self.schema.arrow().field(column).data_type();
            if places.is_empty() {
                return Ok(new_null_array(ty, 0));
            }
            let null = nulls.then(|| new_null_array(ty, 1));
            let arrays = used.iter().map(|chunk| chunk.rows.column(column)).chain(&null);
            Ok(interleave(&arrays.map(AsRef::as_ref).collect::<Vec<&dyn Array>>(), &places)?)
        };
        columns.iter().map(one).collect()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let chunk = |chunk: &Chunk| {
            chunk.rows.get_array_memory_size() + chunk.ids.capacity() * size_of::<u32>() + chunk.times.len() * 8
        };
        self.iter().map(chunk).sum()
    }
}
