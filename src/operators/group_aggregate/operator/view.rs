//! The view that the running un-windowed aggregate shows of itself.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::take::take;

use super::GroupAggregateOperator;
use crate::api::{StateRead, StateReader};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::keyed::Cold;
use crate::types::Result;

impl GroupAggregateOperator {
    pub(super) fn view(&mut self) -> OperatorView {
        let elsewhere = self.cold.as_ref().map_or(0, Cold::filed_only);
        let entries = EntriesView { count: self.table.len() as u64 + elsewhere, bytes: self.bytes() as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { watermark: None, sections }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let accumulators: usize = self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum();
        let flags =
            self.dirty.bytes() + self.stored.bytes() + self.live.bytes() + self.rows.capacity() * size_of::<i64>();
        let idle = self.idle.as_ref().map_or(0, crate::operators::keyed::IdleGroups::bytes);
        accumulators + self.table.bytes() + flags + idle + self.cold.as_ref().map_or(0, Cold::bytes)
    }

    pub(super) fn read(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let Some(mut reader) = StateReader::new(query, self.plan.descriptor(), self.max_parallelism)? else {
            return Ok(Some(Vec::new()));
        };
        let mut groups = self.table.groups();
        // A group without rows only waits for the snapshot that removes it.
        groups.retain(|&group| !self.is_empty(group));
        let keys = self.table.keys(&groups)?;
        let mut values = |rows: &[u32]| {
            let groups: Vec<u32> = rows.iter().map(|&row| groups[row as usize]).collect();
            self.values(&groups)
        };
        reader.add(0, &keys, groups.len(), self.bytes() as u64, &mut values)?;
        self.read_filed(&mut reader)?;
        Ok(Some(vec![reader.finish()]))
    }

    /// Adds the entries that are not in memory, of which they take none.
    fn read_filed(&mut self, reader: &mut StateReader) -> Result<()> {
        let wanted = reader.key()?;
        let keys = self.plan.keys.len();
        let mut add = |entries: Option<RecordBatch>| -> Result<()> {
            let Some(entries) = entries else { return Ok(()) };
            let (keys, values) = entries.columns().split_at(keys);
            let mut values = |rows: &[u32]| -> Result<Vec<ArrayRef>> {
                let rows = UInt32Array::from(rows.to_vec());
                Ok(values.iter().map(|column| take(column, &rows, None)).collect::<std::result::Result<_, _>>()?)
            };
            reader.add(0, keys, entries.num_rows(), 0, &mut values)
        };
        if let Some((_, key)) = wanted {
            return add(self.filed(&key)?);
        }
        let Some(cold) = self.cold.take() else { return Ok(()) };
        let read = cold.scan(&mut |entries| add(self.filed_and_live(&entries)?));
        self.cold = Some(cold);
        read
    }
}
