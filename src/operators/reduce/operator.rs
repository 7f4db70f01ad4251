//! The running un-windowed `reduce`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use super::spec::Reduce;
use crate::api::{Operator, OperatorContext, Output, StateRead};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::RowStore;
use crate::state::StateDelta;
use crate::types::floats::canonical_column;
use crate::types::{Batch, CheckpointId, Clock, Result, RowKind};

pub(super) struct ReduceOperator {
    plan: Reduce,
    table: GroupTable,
    store: RowStore,
    hot_keys: HotKeys,
    groups: Vec<u32>,
    place: String,
    clock: Arc<dyn Clock>,
}

impl ReduceOperator {
    pub(super) fn new(plan: &Reduce, context: &OperatorContext) -> Result<Self> {
        let fields = plan.reducer.schema.fields();
        let types: Vec<DataType> = plan.keys.iter().map(|&key| fields[key].ty.to_arrow()).collect();
        let mut this = Self {
            table: GroupTable::new(&types, 0)?,
            store: RowStore::new(plan.state(), context.max_parallelism),
            hot_keys: HotKeys::default(),
            groups: Vec::new(),
            place: context.place(),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            this.store.restore(&**restored, &mut this.table)?;
        }
        Ok(this)
    }
}

impl Operator for ReduceOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let keys: Vec<ArrayRef> = self.plan.keys.iter().map(|&key| canonical_column(batch.column(key))).collect();
        self.hot_keys.sample(&keys, batch.rows())?;
        self.table.intern(&keys, batch.rows(), &mut self.groups)?;
        let (store, reducer) = (&mut self.store, &self.plan.reducer);
        let place = (self.clock.now_ms(), self.place.as_str());
        let fold = reducer.fold(batch.columns(), &self.groups, |groups| store.single(groups), place, out)?;
        let last = Batch::untimed(fold.last(&reducer.schema)?);
        let groups: Vec<u32> = fold.groups.iter().map(|(group, _)| *group).collect();
        store.replace(&last, &groups)?;
        let (rows, results) = fold.rows(&reducer.schema)?;
        if rows.is_empty() {
            return Ok(());
        }
        let times: Vec<i64> = rows.iter().map(|&row| batch.times()[row as usize]).collect();
        let results = self.plan.columns.iter().map(|&column| results.column(column).clone()).collect();
        let results = self.plan.output.record_batch(results, times.len())?;
        let kinds = self.plan.only_last.then(|| vec![RowKind::UpdateAfter as i8; times.len()].into());
        out.batch(Batch::new(results, times.into()).with_kinds(kinds))
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut delta = StateDelta::default();
        self.store.changes(&mut delta.changes)?;
        Ok(delta)
    }

    fn inspect(&mut self) -> OperatorView {
        let entries =
            EntriesView { count: self.store.len() as u64, bytes: (self.store.bytes() + self.table.bytes()) as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { sections, ..OperatorView::default() }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.store.read(query)?.into_iter().collect()))
    }
}
