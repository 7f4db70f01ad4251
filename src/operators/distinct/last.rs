//! The last row of each key, by event time or by arrival: Flink's `RowTimeDeduplicateFunction` and
//! `ProcTimeDeduplicateKeepLastRowFunction`; of a changelog its `ChangelogNormalize`.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;

use super::due::with_keys;
use super::seen::{keys_of, table_of};
use super::spec::Distinct;
use crate::api::{Armed, Moment, Operator, OperatorContext, Output, StateRead};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{IdleGroups, NO_ROW, RowStore};
use crate::state::StateDelta;
use crate::types::{Batch, CheckpointId, Clock, Result, RowKind};

/// The running `distinct … keep last`.
pub(super) struct LastRow {
    plan: Distinct,
    table: GroupTable,
    store: RowStore,
    /// The row of each group.
    last: Vec<u32>,
    idle: Option<IdleGroups>,
    groups: Vec<u32>,
    hot_keys: HotKeys,
    clock: Arc<dyn Clock>,
}

impl LastRow {
    pub(super) fn new(plan: &Distinct, context: &OperatorContext) -> Result<Self> {
        let mut this = Self {
            table: table_of(plan)?,
            store: RowStore::new(plan.rows(), context.max_parallelism),
            last: Vec::new(),
            idle: plan.ttl_ms.map(IdleGroups::new),
            groups: Vec::new(),
            hot_keys: HotKeys::default(),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            this.store.restore(&**restored, &mut this.table)?;
            this.last.resize(this.table.numbers(), NO_ROW);
            for group in this.table.groups() {
                let row = this.store.first(group);
                this.last[group as usize] = row;
                if let Some(idle) = &mut this.idle {
                    idle.touch(group, this.store.mark(row));
                }
            }
            let processing_time_ms = this.idle.as_ref().and_then(IdleGroups::next_ms);
            context.armed.set(Armed { processing_time_ms, ..Armed::NOTHING });
        }
        Ok(this)
    }

    /// Forgets the keys that nobody has written for too long.
    fn expire(&mut self, now_ms: i64) -> Result<()> {
        let Some(idle) = &mut self.idle else { return Ok(()) };
        for group in idle.take_due(now_ms) {
            self.store.remove(std::mem::replace(&mut self.last[group as usize], NO_ROW))?;
            self.table.free(group);
        }
        Ok(())
    }

    fn arm(&self, out: &mut dyn Output) {
        if let Some(idle) = &self.idle {
            out.arm(Armed { processing_time_ms: idle.next_ms(), ..Armed::NOTHING });
        }
    }

    /// Takes in a row of a group, of this kind, and tells what changes; whether the row is gone.
    fn take(&mut self, group: u32, row: u32, kind: RowKind, now_ms: i64, told: &mut Told) {
        let before = self.last[group as usize];
        match kind {
            RowKind::Insert | RowKind::UpdateAfter => {
                let time = self.store.time(row);
                if before == NO_ROW {
                    told.push(RowKind::Insert, row, time);
                } else if self.plan.by_event_time && time < self.store.time(before) {
                    told.gone.push(row);
                    return;
                } else {
                    if self.plan.update_before {
                        told.push(RowKind::UpdateBefore, before, time);
                    }
                    told.push(RowKind::UpdateAfter, row, time);
                    told.gone.push(before);
                }
                self.last[group as usize] = row;
                if let Some(idle) = &mut self.idle {
                    idle.touch(group, now_ms);
                    self.store.set_mark(row, now_ms);
                }
            }
            // The row that it announces replaces it.
            RowKind::UpdateBefore => told.gone.push(row),
            RowKind::Delete => {
                if before != NO_ROW {
                    told.push(RowKind::Delete, before, self.store.time(row));
                    told.gone.push(before);
                    self.last[group as usize] = NO_ROW;
                    if let Some(idle) = &mut self.idle {
                        idle.remove(group);
                    }
                }
                told.gone.push(row);
            }
        }
    }
}

/// The changes of a batch, and the rows that go with it.
#[derive(Default)]
struct Told {
    kinds: Vec<i8>,
    rows: Vec<u32>,
    times: Vec<i64>,
    gone: Vec<u32>,
}

impl Told {
    fn push(&mut self, kind: RowKind, row: u32, time: i64) {
        self.kinds.push(kind as i8);
        self.rows.push(row);
        self.times.push(time);
    }
}

impl Operator for LastRow {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.expire(now_ms)?;
        let keys = keys_of(&self.plan, &batch);
        self.hot_keys.sample(&keys, batch.rows())?;
        let mut groups = std::mem::take(&mut self.groups);
        self.table.intern(&keys, batch.rows(), &mut groups)?;
        if self.last.len() < self.table.numbers() {
            self.last.resize(self.table.numbers(), NO_ROW);
        }
        let mut stored = Vec::with_capacity(batch.rows());
        self.store.append(&with_keys(&self.plan, &batch)?, &groups, &mut stored)?;
        let mut told = Told::default();
        for (at, (&group, &row)) in groups.iter().zip(&stored).enumerate() {
            self.take(group, row, batch.kind(at), now_ms, &mut told);
        }
        if !told.rows.is_empty() {
            let columns = self.store.gather(&told.rows, &self.plan.columns)?;
            let columns = self.plan.output.record_batch(columns, told.rows.len())?;
            let times: ScalarBuffer<i64> = told.times.into();
            out.batch(Batch::new(columns, times).with_kinds(Some(told.kinds.into())))?;
        }
        told.gone.into_iter().try_for_each(|row| self.store.remove(row))?;
        groups.sort_unstable();
        groups.dedup();
        groups.retain(|&group| self.last[group as usize] == NO_ROW);
        for &group in &groups {
            self.table.free(group);
        }
        self.groups = groups;
        self.arm(out);
        Ok(())
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.expire(now.now_ms)?;
        self.arm(out);
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut changes = Vec::new();
        self.store.changes(&mut changes)?;
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let idle = self.idle.as_ref().map_or(0, IdleGroups::bytes);
        let bytes = self.table.bytes() + self.store.bytes() + self.last.capacity() * 4 + idle;
        let entries = EntriesView { count: self.store.len() as u64, bytes: bytes as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { watermark: None, sections }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.store.read(query)?.into_iter().collect()))
    }
}
