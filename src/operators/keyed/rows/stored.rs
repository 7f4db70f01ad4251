//! Rows as they are stored, restored and shown.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow_ord::sort::sort_to_indices;
use arrow_select::take::take;

use super::chunks::{CHUNK_ROWS, Numbers};
use super::facts::{DIRTY, GONE, NewRows, STORED};
use super::{NO_ROW, RowStore};
use crate::api::{StateRead, StateReader};
use crate::inspect::StateQuery;
use crate::operators::group_table::GroupTable;
use crate::operators::rows::{Entries, keyed_rows};
use crate::state::{RestoredState, StateChange};
use crate::types::{Error, Result};

/// Says the groups of rows, of their keys and columns.
type GroupOf<'f> = &'f mut dyn FnMut(&[ArrayRef], &RecordBatch, &mut Vec<u32>) -> Result<()>;

impl RowStore {
    /// Pushes the changes since the last snapshot.
    ///
    /// # Errors
    /// When rows can't be put together: a defect of ours.
    pub(in crate::operators) fn changes(&mut self, changes: &mut Vec<StateChange>) -> Result<()> {
        self.tell_gone()?;
        let name = self.state.name;
        let schema = self.state.descriptor().schema;
        let key_schema = schema.project(&(0..=self.state.keys.len()).collect::<Vec<_>>());
        for (keys, numbers) in std::mem::take(&mut self.removed) {
            let entries = Entries { keys, rows: numbers.len(), values: vec![Arc::new(Int64Array::from(numbers))] };
            let rows = keyed_rows(&key_schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: name, namespace: 0, rows });
        }
        let mut live = Vec::with_capacity(self.dirty.len());
        for row in std::mem::take(&mut self.dirty) {
            self.facts.unset(row, DIRTY);
            if self.facts.is(row, GONE) {
                self.facts.free.push(row);
            } else {
                self.facts.set(row, STORED);
                live.push(row);
            }
        }
        for part in live.chunks(CHUNK_ROWS) {
            let keys = self.gather(part, &self.state.keys)?;
            let column =
                |value: &dyn Fn(&u32) -> i64| -> ArrayRef { Arc::new(part.iter().map(value).collect::<Int64Array>()) };
            let number = column(&|&row| self.number(row));
            let time = column(&|&row| self.time(row));
            let mark = self.state.mark.map(|_| column(&|&row| self.mark(row)));
            let others = self.gather(part, &self.state.others().collect::<Vec<_>>())?;
            let values = [number, time].into_iter().chain(mark).chain(others).collect();
            let rows = keyed_rows(&schema, Entries { keys, values, rows: part.len() }, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: name, namespace: 0, rows });
        }
        Ok(())
    }

    /// Takes up stored rows; their keys become groups of `table`.
    ///
    /// # Errors
    /// When they can't be read.
    pub(in crate::operators) fn restore(&mut self, restored: &dyn RestoredState, table: &mut GroupTable) -> Result<()> {
        self.restore_into(restored, &mut |keys, rows, groups| table.intern(keys, rows.num_rows(), groups))
    }

    /// Takes up stored rows, whose groups `group_of` says.
    ///
    /// # Errors
    /// When they can't be read.
    pub(in crate::operators) fn restore_into(
        &mut self,
        restored: &dyn RestoredState,
        group_of: GroupOf<'_>,
    ) -> Result<()> {
        let keys = self.state.keys.len();
        for (_, stored) in restored.keyed(&self.state.descriptor())? {
            let order = sort_to_indices(stored.column(keys), None, None)?;
            for from in (0..stored.num_rows()).step_by(CHUNK_ROWS) {
                let part = order.slice(from, CHUNK_ROWS.min(stored.num_rows() - from));
                let columns = stored.columns().iter().map(|column| take(column, &part, None));
                let columns = columns.collect::<Result<Vec<_>, _>>()?;
                let mut groups = Vec::new();
                let number = |column: usize| {
                    let values = columns[column].as_primitive_opt::<Int64Type>().map(|values| values.values().clone());
                    values.ok_or_else(|| Error::state("a stored row has no number"))
                };
                let (numbers, times) = (number(keys)?, number(keys + 1)?);
                let mut at = keys + 2;
                let marks = if self.state.mark.is_some() {
                    at += 1;
                    Some(number(at - 1)?)
                } else {
                    None
                };
                let mut row: Vec<Option<ArrayRef>> = vec![None; self.state.schema.len()];
                for (column, key) in self.state.keys.iter().zip(&columns) {
                    row[*column] = Some(key.clone());
                }
                for (column, other) in self.state.others().zip(&columns[at..]) {
                    row[column] = Some(other.clone());
                }
                let row = row.into_iter().flatten().collect();
                let row = self.state.schema.record_batch(row, part.len())?;
                group_of(&columns[..keys], &row, &mut groups)?;
                self.next_number = self.next_number.max(numbers.last().map_or(0, |last| last + 1));
                let new = NewRows { groups: &groups, marks: marks.as_deref(), state: STORED };
                self.put((row, times), Numbers::Each(numbers), &new, &mut Vec::new());
            }
        }
        Ok(())
    }

    /// Reads the rows for people.
    ///
    /// # Errors
    /// When they can't be shown.
    pub(in crate::operators) fn read(&self, query: &StateQuery) -> Result<Option<StateRead>> {
        let Some(mut reader) = StateReader::new(query, self.state.descriptor(), self.max_parallelism)? else {
            return Ok(None);
        };
        for chunk in self.chunks.iter() {
            let places = (0_u32..).zip(&chunk.ids).filter(|&(_, &row)| row != NO_ROW && !self.facts.is(row, GONE));
            let places: Vec<u32> = places.map(|(at, _)| at).collect();
            if places.is_empty() {
                continue;
            }
            let at = UInt32Array::from(places.clone());
            let of = |values: &dyn Fn(u32) -> i64, places: &[u32]| -> ArrayRef {
                Arc::new(places.iter().map(|&at| values(chunk.ids[at as usize])).collect::<Int64Array>())
            };
            let keys = self.state.keys.iter().map(|&key| take(chunk.rows.column(key), &at, None));
            let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
            keys.push(of(&|row| self.number(row), &places));
            let bytes = chunk.rows.get_array_memory_size() as u64 / (chunk.ids.len() as u64).max(1);
            reader.add(0, &keys, places.len(), bytes * places.len() as u64, &mut |wanted| {
                let wanted: Vec<u32> = wanted.iter().map(|&at| places[at as usize]).collect();
                let at = UInt32Array::from(wanted.clone());
                let times = wanted.iter().map(|&at| chunk.times[at as usize]);
                let mut values: Vec<ArrayRef> = vec![Arc::new(times.collect::<Int64Array>())];
                values.extend(self.state.mark.map(|_| of(&|row| self.mark(row), &wanted)));
                for column in self.state.others() {
                    values.push(take(chunk.rows.column(column), &at, None)?);
                }
                Ok(values)
            })?;
        }
        Ok(Some(reader.finish()))
    }
}
