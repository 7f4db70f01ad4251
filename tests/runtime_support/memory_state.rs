//! The state of one operator in memory, as the deltas of its instances leave it: what tests restore operators from, and
//! what the store is compared with. The library's own tests include this file too.

use std::collections::BTreeMap;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::{RowConverter, SortField};
use arrow_select::concat::concat_batches;
use lotic::state::{
    Instance, KeyedRows, Namespace, OperatorEntry, OperatorStateDescriptor, RestoredState, StateChange, StateDelta,
    StateDescriptor,
};
use lotic::types::Result;

/// Rows and their key groups by encoded key.
type Entries = BTreeMap<Vec<u8>, (u16, RecordBatch)>;

/// Keyed state by name and namespace, and what belongs to instances.
#[derive(Debug, Clone)]
pub(crate) struct MemoryState {
    keyed: BTreeMap<(String, Namespace), Entries>,
    pub(crate) of_instances: Vec<OperatorEntry>,
    /// For whom it is read.
    instance: Instance,
}

impl Default for MemoryState {
    fn default() -> Self {
        Self { keyed: BTreeMap::new(), of_instances: Vec::new(), instance: (0..u16::MAX).into() }
    }
}

impl MemoryState {
    /// Another checkpoint begins: every instance gives what belongs to it anew.
    pub(crate) fn begin(&mut self) {
        self.of_instances.clear();
    }

    /// Applies what one instance handed over, in order. `key_columns` says how many a state has.
    pub(crate) fn apply(&mut self, instance: &Instance, delta: &StateDelta, key_columns: &dyn Fn(&str) -> usize) {
        for change in &delta.changes {
            match change {
                StateChange::Upsert { state, namespace, rows } => {
                    let keys = encoded_keys(rows, key_columns(state));
                    let entries = self.keyed.entry(((*state).to_owned(), *namespace)).or_default();
                    for (row, key) in keys.into_iter().enumerate() {
                        entries.insert(key, (rows.key_groups[row], rows.rows.slice(row, 1)));
                    }
                }
                StateChange::Remove { state, namespace, rows } => {
                    let entries = self.keyed.entry(((*state).to_owned(), *namespace)).or_default();
                    for key in encoded_keys(rows, key_columns(state)) {
                        entries.remove(&key);
                    }
                }
                StateChange::Deferred { state, namespace, rows } => {
                    for group in instance.key_groups.clone() {
                        let (put, removed) = rows.of(group).expect("is read");
                        let keyed = |rows: RecordBatch| KeyedRows { key_groups: vec![group; rows.num_rows()], rows };
                        let (state, namespace) = (*state, *namespace);
                        let removed = StateChange::Remove { state, namespace, rows: keyed(removed) };
                        let put = StateChange::Upsert { state, namespace, rows: keyed(put) };
                        self.apply(instance, &StateDelta { changes: vec![removed, put] }, key_columns);
                    }
                }
                StateChange::DropNamespace { state, namespace } => {
                    if let Some(entries) = self.keyed.get_mut(&((*state).to_owned(), *namespace)) {
                        entries.retain(|_, (group, _)| !instance.key_groups.contains(group));
                    }
                }
                StateChange::Operator { state, entry } => self.push(instance, Some(state), entry),
                StateChange::Commit { entry } => self.push(instance, None, entry),
            }
        }
        self.keyed.retain(|_, entries| !entries.is_empty());
    }

    fn push(&mut self, instance: &Instance, state: Option<&str>, entry: &[u8]) {
        let state = state.map(str::to_owned);
        self.of_instances.push(OperatorEntry { state, subtask: instance.index, entry: entry.to_vec() });
        self.of_instances.sort_by_key(|entry| entry.subtask);
    }

    /// How many entries of keyed state there are.
    pub(crate) fn entries(&self) -> usize {
        self.keyed.values().map(BTreeMap::len).sum()
    }

    /// The staged outputs.
    pub(crate) fn commits(&self) -> Vec<Vec<u8>> {
        let commits = self.of_instances.iter().filter(|entry| entry.state.is_none());
        commits.map(|entry| entry.entry.clone()).collect()
    }

    /// The same, for an instance to be restored from.
    pub(crate) fn for_instance(&self, instance: Instance) -> Self {
        Self { instance, ..self.clone() }
    }
}

impl RestoredState for MemoryState {
    fn keyed(&self, descriptor: &StateDescriptor) -> Result<Vec<(Namespace, RecordBatch)>> {
        let mut found = Vec::new();
        for ((state, namespace), entries) in &self.keyed {
            let own = entries.values().filter(|(group, _)| self.instance.key_groups.contains(group));
            let rows: Vec<&RecordBatch> = own.map(|(_, row)| row).collect();
            if state == descriptor.name && !rows.is_empty() {
                found.push((*namespace, concat_batches(descriptor.schema.arrow(), rows)?));
            }
        }
        Ok(found)
    }

    fn operator(&self, state: &OperatorStateDescriptor) -> Result<Vec<Vec<u8>>> {
        Ok(state.deal(self.of_instances.clone(), &self.instance))
    }
}

fn encoded_keys(rows: &KeyedRows, key_columns: usize) -> Vec<Vec<u8>> {
    assert_eq!(rows.rows.num_rows(), rows.key_groups.len());
    let columns: Vec<ArrayRef> = rows.rows.columns()[..key_columns].to_vec();
    if columns.is_empty() {
        return vec![Vec::new(); rows.rows.num_rows()];
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields).expect("keys can be compared");
    let encoded = converter.convert_columns(&columns).expect("keys can be encoded");
    encoded.iter().map(|row| row.as_ref().to_vec()).collect()
}
