//! The view that the running un-windowed aggregate shows of itself.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};

use super::GroupAggregateOperator;
use crate::api::{StateRead, StateReader};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::types::Result;

impl GroupAggregateOperator {
    pub(super) fn view(&mut self) -> OperatorView {
        let entries = EntriesView { count: self.table.len() as u64, bytes: self.bytes() as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { watermark: None, sections }
    }

    fn bytes(&self) -> usize {
        let accumulators: usize = self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum();
        let flags =
            self.dirty.bytes() + self.stored.bytes() + self.live.bytes() + self.rows.capacity() * size_of::<i64>();
        let idle = self.idle.as_ref().map_or(0, crate::operators::keyed::IdleGroups::bytes);
        accumulators + self.table.bytes() + flags + idle
    }

    pub(super) fn read(&self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let Some(mut reader) = StateReader::new(query, self.plan.descriptor(), self.max_parallelism)? else {
            return Ok(Some(Vec::new()));
        };
        let mut groups = self.table.groups();
        if self.plan.changelog_input {
            // A group without rows only waits for the snapshot that removes it.
            groups.retain(|&group| self.rows[group as usize] != 0);
        }
        let keys = self.table.keys(&groups)?;
        let mut values = |rows: &[u32]| {
            let groups: Vec<u32> = rows.iter().map(|&row| groups[row as usize]).collect();
            let mut states: Vec<ArrayRef> = Vec::new();
            if self.plan.changelog_input {
                let counts = groups.iter().map(|&group| self.rows[group as usize]);
                states.push(Arc::new(Int64Array::from_iter_values(counts)));
            }
            for accumulator in self.owners() {
                states.extend(accumulator.state(&groups)?);
            }
            states.extend(self.written(&groups));
            Ok(states)
        };
        reader.add(0, &keys, groups.len(), self.bytes() as u64, &mut values)?;
        Ok(Some(vec![reader.finish()]))
    }
}
