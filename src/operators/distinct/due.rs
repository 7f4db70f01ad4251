//! The `distinct` that gives the row of each key that happened first, once none earlier can come: Flink's
//! `RowTimeDeduplicateKeepFirstRowFunction`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::seen::{Seen, keys_of, table_of};
use super::spec::Distinct;
use crate::api::{Armed, Moment, Operator, OperatorContext, OperatorMetrics, Output, StateRead};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{IdleGroups, NO_ROW, RowStore};
use crate::state::StateDelta;
use crate::types::{Batch, CheckpointId, Clock, MIN_WATERMARK, Result};

/// The running `distinct` that gives the earliest row of each key.
pub(super) struct FirstByTime {
    plan: Distinct,
    table: GroupTable,
    seen: Seen,
    /// The rows that wait, one a group.
    store: RowStore,
    waiting: Vec<u32>,
    /// The groups whose rows are given, by the event time of those; some have an earlier row by now.
    due: BTreeMap<i64, VecDeque<u32>>,
    watermark: i64,
    groups: Vec<u32>,
    hot_keys: HotKeys,
    metrics: Arc<OperatorMetrics>,
    batch_rows: usize,
    clock: Arc<dyn Clock>,
}

impl FirstByTime {
    pub(super) fn new(plan: &Distinct, context: &OperatorContext) -> Result<Self> {
        let mut table = table_of(plan)?;
        let seen = Seen::new(plan, context, &mut table)?;
        let mut this = Self {
            store: RowStore::new(plan.rows(), context.max_parallelism),
            plan: plan.clone(),
            table,
            seen,
            waiting: Vec::new(),
            due: BTreeMap::new(),
            watermark: MIN_WATERMARK,
            groups: Vec::new(),
            hot_keys: HotKeys::default(),
            metrics: Arc::clone(&context.metrics),
            batch_rows: context.batch_rows,
            clock: Arc::clone(&context.clock),
        };
        if let Some(restored) = &context.restored {
            this.store.restore(&**restored, &mut this.table)?;
            this.make_room();
            for group in this.table.groups() {
                let row = this.store.first(group);
                if row != NO_ROW {
                    this.waiting[group as usize] = row;
                    this.due.entry(this.store.time(row)).or_default().push_back(group);
                    if let Some(idle) = &mut this.seen.idle {
                        idle.touch(group, this.store.mark(row));
                    }
                }
            }
            context.armed.set(this.armed());
        }
        Ok(this)
    }

    fn make_room(&mut self) {
        self.seen.make_room(&self.table);
        if self.waiting.len() < self.table.numbers() {
            self.waiting.resize(self.table.numbers(), NO_ROW);
        }
    }

    fn armed(&self) -> Armed {
        // What comes with the watermark waits for the next.
        let event_time = self.due.keys().next().map(|&first| first.max(self.watermark.saturating_add(1)));
        let processing_time_ms = self.seen.idle.as_ref().and_then(IdleGroups::next_ms);
        Armed { event_time, processing_time_ms, ..Armed::NOTHING }
    }

    /// Forgets the keys that nobody has written for too long.
    fn expire(&mut self, now_ms: i64) -> Result<()> {
        let Some(idle) = &mut self.seen.idle else { return Ok(()) };
        let gone = idle.take_due(now_ms);
        for &group in &gone {
            let row = std::mem::replace(&mut self.waiting[group as usize], NO_ROW);
            if row != NO_ROW {
                self.store.remove(row)?;
            }
        }
        self.seen.forget(&gone, &mut self.table)
    }

    /// Gives the rows that are due, about a batch of them.
    fn give_due(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let mut given = Vec::new();
        while given.len() < self.batch_rows
            && let Some(mut first) = self.due.first_entry().filter(|first| *first.key() <= watermark)
        {
            let time = *first.key();
            let Some(group) = first.get_mut().pop_front() else {
                first.remove();
                continue;
            };
            let row = self.waiting[group as usize];
            // The group may have been forgotten, or have an earlier row since.
            if row == NO_ROW || self.store.time(row) != time || !self.seen.give(group, now_ms) {
                continue;
            }
            self.waiting[group as usize] = NO_ROW;
            given.push(row);
        }
        if given.is_empty() {
            return Ok(());
        }
        let columns = self.plan.output.record_batch(self.store.gather(&given, &self.plan.columns)?, given.len())?;
        out.batch(Batch::new(columns, self.store.times(&given)))?;
        given.into_iter().try_for_each(|row| self.store.remove(row))
    }
}

impl Operator for FirstByTime {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.expire(now_ms)?;
        let keys = keys_of(&self.plan, &batch);
        self.hot_keys.sample(&keys, batch.rows())?;
        let mut groups = std::mem::take(&mut self.groups);
        self.table.intern(&keys, batch.rows(), &mut groups)?;
        self.make_room();
        // The rows that are the earliest of their keys so far, one a key.
        let mut earliest: BTreeMap<u32, u32> = BTreeMap::new();
        let (mut late, mut unknown) = (0, Vec::new());
        for (row, &group) in (0_u32..).zip(&groups) {
            let time = batch.times()[row as usize];
            if self.seen.has(group) {
                continue;
            }
            let waits = self.waiting[group as usize];
            if time < self.watermark {
                late += 1;
                unknown.push(group);
                continue;
            }
            let before = match earliest.get(&group) {
                Some(&row) => Some(batch.times()[row as usize]),
                None if waits == NO_ROW => None,
                None => Some(self.store.time(waits)),
            };
            if before.is_none_or(|before| time < before) {
                earliest.insert(group, row);
            }
        }
        self.metrics.add_late(late);
        if !earliest.is_empty() {
            let rows = batch.take(&earliest.values().copied().collect::<Vec<u32>>().into())?;
            let groups: Vec<u32> = earliest.into_keys().collect();
            let mut stored = Vec::with_capacity(groups.len());
            self.store.append(&with_keys(&self.plan, &rows)?, &groups, &mut stored)?;
            for (&group, &row) in groups.iter().zip(&stored) {
                let before = std::mem::replace(&mut self.waiting[group as usize], row);
                if before != NO_ROW {
                    self.store.remove(before)?;
                }
                self.due.entry(self.store.time(row)).or_default().push_back(group);
                if let Some(idle) = &mut self.seen.idle {
                    idle.touch(group, now_ms);
                    self.store.set_mark(row, now_ms);
                }
            }
        }
        // Keys of which only late rows have come are not known.
        unknown.sort_unstable();
        unknown.dedup();
        for group in unknown.into_iter().filter(|&group| self.waiting[group as usize] == NO_ROW) {
            self.table.free(group);
        }
        self.groups = groups;
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = watermark;
        out.watermark(watermark)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.expire(now.now_ms)?;
        if now.watermark > self.watermark {
            self.give_due(now.watermark, out)?;
        }
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut changes = Vec::new();
        self.seen.changes(&self.table, &mut changes)?;
        self.store.changes(&mut changes)?;
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let bytes = self.table.bytes() + self.seen.bytes() + self.store.bytes() + self.waiting.capacity() * 4;
        let count = (self.seen.count() + self.store.len()) as u64;
        let sections = vec![
            Section::Entries(EntriesView { count, bytes: bytes as u64 }),
            Section::HotKeys(self.hot_keys.view()),
            Section::Timers(self.store.len() as u64),
        ];
        OperatorView { watermark: Some(self.watermark), sections }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let seen = self.seen.read(query, &self.table)?;
        Ok(Some(seen.into_iter().chain(self.store.read(query)?).collect()))
    }
}

/// The rows with one pattern for every NaN in their keys.
pub(super) fn with_keys(plan: &Distinct, rows: &Batch) -> Result<Batch> {
    let mut columns = rows.columns().columns().to_vec();
    for (&at, key) in plan.on.iter().zip(keys_of(plan, rows)) {
        columns[at] = key;
    }
    Ok(rows.with_columns(rows.columns().schema(), columns)?)
}
