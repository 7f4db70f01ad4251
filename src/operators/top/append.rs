//! The first rows where rows are only added: no other needs to be kept. Flink's `AppendOnlyTopNFunction`.

use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::DataType;

use super::emitted::Emitted;
use super::spec::TopN;
use crate::api::{Armed, Inputs, Moment, Operator, OperatorContext, Output, StateRead};
use crate::expr::EvalContext;
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{IdleGroups, RowStore};
use crate::operators::order::{Encoded, SortKeys};
use crate::operators::rows::evaluated;
use crate::state::StateDelta;
use crate::types::floats::canonical_column;
use crate::types::{Batch, CheckpointId, Clock, Result, RowKind};

/// A row that came with the batch at hand: its number, with this bit, is its place among [`Firsts::fresh`].
const FRESH: u32 = 1 << 31;

/// A row among the first of its group, and what it is sorted by.
struct Entry {
    key: Box<[u8]>,
    row: u32,
}

/// The first rows of each group, in their order.
pub(super) struct Firsts {
    pub(super) plan: TopN,
    pub(super) table: GroupTable,
    pub(super) store: RowStore,
    sort_keys: SortKeys,
    by_group: Vec<Vec<Entry>>,
    /// The rows of the batch at hand that came among the first, and whether they still are.
    fresh: Vec<(u32, bool)>,
    /// The rows of before that no longer are.
    left: Vec<u32>,
    hot_keys: HotKeys,
    place: String,
    clock: Arc<dyn Clock>,
}

/// A batch that is being taken in: its rows' groups and sort keys.
pub(super) struct Taken {
    pub(super) batch: Batch,
    pub(super) groups: Vec<u32>,
    keys: Encoded,
    /// The first row that has not been taken in.
    pub(super) at: usize,
}

impl Firsts {
    /// Those of `plan`, with the rows that were stored.
    pub(super) fn new(plan: &TopN, context: &OperatorContext) -> Result<Self> {
        let types: Vec<DataType> = plan.per.iter().map(|&key| plan.input.fields()[key].ty.to_arrow()).collect();
        let mut this = Self {
            table: GroupTable::new(&types, 0)?,
            store: RowStore::new(plan.state(), context.max_parallelism),
            sort_keys: plan.order.keys()?,
            by_group: Vec::new(),
            fresh: Vec::new(),
            left: Vec::new(),
            hot_keys: HotKeys::default(),
            place: context.place(),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            this.store.restore(&**restored, &mut this.table)?;
            this.make_room();
            for group in this.table.groups() {
                let rows: Vec<u32> = this.store.of(group).collect();
                let columns = stored_rows(&this.plan, &this.store, &rows)?;
                let keys = this.sort_keys.values(&columns, &mut no_errors(context))?;
                let keys = this.sort_keys.encode(&keys)?;
                let entries = &mut this.by_group[group as usize];
                entries.extend(rows.iter().enumerate().map(|(at, &row)| Entry { key: keys.of(at).into(), row }));
                // Stable: rows stand in the order of their arrival.
                entries.sort_by(|a, b| a.key.cmp(&b.key));
            }
        }
        Ok(this)
    }

    fn make_room(&mut self) {
        let groups = self.table.numbers();
        if self.by_group.len() < groups {
            self.by_group.resize_with(groups, Vec::new);
        }
    }

    /// Computes the groups and sort keys of a batch; rows that fail are rejected.
    pub(super) fn evaluate(&mut self, batch: Batch, out: &mut dyn Output) -> Result<Taken> {
        let (batch, values) = evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| {
            self.sort_keys.values(rows, context)
        })?;
        let keys = self.sort_keys.encode(&values)?;
        let batch = with_canonical(&batch, &self.plan.per)?;
        let per: Vec<_> = self.plan.per.iter().map(|&key| batch.column(key).clone()).collect();
        self.hot_keys.sample(&per, batch.rows())?;
        let mut groups = Vec::new();
        self.table.intern(&per, batch.rows(), &mut groups)?;
        self.make_room();
        Ok(Taken { batch, groups, keys, at: 0 })
    }

    /// Takes in row `row`: its place among the first of its group, if it has one. The row that lost its place is among
    /// those to be [let go](Self::let_go).
    pub(super) fn insert(&mut self, taken: &Taken, row: usize) -> Option<usize> {
        let key = taken.keys.of(row);
        let entries = &mut self.by_group[taken.groups[row] as usize];
        let full = entries.len() == self.plan.n;
        // What equals the last of so many comes too late.
        if full && entries.last().is_some_and(|last| *last.key <= *key) {
            return None;
        }
        let place = entries.partition_point(|entry| *entry.key <= *key);
        let fresh = u32::try_from(self.fresh.len()).unwrap_or(FRESH) | FRESH;
        self.fresh.push((u32::try_from(row).unwrap_or(u32::MAX), true));
        let lost = if full { entries.pop() } else { None };
        entries.insert(place, Entry { key: key.into(), row: fresh });
        if let Some(Entry { row, .. }) = lost {
            if row & FRESH == 0 {
                self.left.push(row);
            } else {
                self.fresh[(row & !FRESH) as usize].1 = false;
            }
        }
        Some(place)
    }

    /// Takes in row `row` and tells what changes; whether it is among the first.
    fn tell(&mut self, taken: &Taken, row: usize, emitted: &mut Emitted) -> bool {
        let group = taken.groups[row] as usize;
        let full = self.by_group[group].len() == self.plan.n;
        let last = self.by_group[group].last().filter(|_| full).map(|last| last.row);
        let Some(place) = self.insert(taken, row) else { return false };
        let (time, entries) = (taken.batch.times()[row], &self.by_group[group]);
        if !self.plan.replaces() {
            if let Some(last) = last {
                emitted.push(RowKind::Delete, last, entries.len() - 1, time);
            }
            emitted.push(RowKind::Insert, entries[place].row, place, time);
            return true;
        }
        // Everyone moves down by one place.
        let mut coming = entries[place].row;
        for (at, entry) in entries.iter().enumerate().skip(place + 1) {
            emitted.replace(&self.plan, (entry.row, coming), at - 1, time);
            coming = entry.row;
        }
        match last {
            Some(last) => emitted.replace(&self.plan, (last, coming), entries.len() - 1, time),
            None => emitted.push(RowKind::Insert, coming, entries.len() - 1, time),
        }
        true
    }

    /// Keeps the rows of `taken` that came among the first, all of them with `all`, and gives each the number that it has in
    /// the store from now on. Those that lost their place are to be [let go](Self::let_go).
    pub(super) fn keep(&mut self, taken: &Taken, all: bool, emitted: &mut Emitted) -> Result<()> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        let fresh = std::mem::take(&mut self.fresh);
        let kept = || fresh.iter().filter(|(_, stays)| all || *stays);
        let rows: UInt32Array = kept().map(|(row, _)| *row).collect();
        let groups: Vec<u32> = kept().map(|(row, _)| taken.groups[*row as usize]).collect();
        let mut stored = Vec::with_capacity(groups.len());
        self.store.append(&taken.batch.take(&rows)?, &groups, &mut stored)?;
        let mut stored = stored.into_iter();
        let numbers: Vec<u32> = fresh
            .iter()
            .map(|(_, stays)| if all || *stays { stored.next().unwrap_or(u32::MAX) } else { u32::MAX })
            .collect();
        let number = |row: u32| if row & FRESH == 0 { row } else { numbers[(row & !FRESH) as usize] };
        emitted.rename(number);
        let mut groups = groups;
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            self.by_group[group as usize].iter_mut().for_each(|entry| entry.row = number(entry.row));
        }
        self.left.extend(numbers.iter().zip(&fresh).filter(|(_, (_, stays))| all && !stays).map(|(row, _)| *row));
        Ok(())
    }

    /// Forgets the rows that lost their place.
    pub(super) fn let_go(&mut self) -> Result<()> {
        std::mem::take(&mut self.left).into_iter().try_for_each(|row| self.store.remove(row))
    }

    /// The first rows of a group, in order.
    pub(super) fn of(&self, group: u32) -> impl Iterator<Item = u32> {
        self.by_group[group as usize].iter().map(|entry| entry.row)
    }

    /// Forgets a group.
    pub(super) fn forget(&mut self, group: u32) -> Result<()> {
        let entries = std::mem::take(&mut self.by_group[group as usize]);
        entries.into_iter().try_for_each(|entry| self.store.remove(entry.row))?;
        self.table.free(group);
        Ok(())
    }

    pub(super) fn snapshot(&mut self) -> Result<StateDelta> {
        let mut changes = Vec::new();
        self.store.changes(&mut changes)?;
        Ok(StateDelta { changes })
    }

    pub(super) fn sections(&mut self) -> Vec<Section> {
        let keys: usize = self.by_group.iter().flatten().map(|entry| entry.key.len() + size_of::<Entry>()).sum();
        let bytes = keys + self.store.bytes() + self.table.bytes() + self.by_group.capacity() * size_of::<Vec<Entry>>();
        let entries = EntriesView { count: self.store.len() as u64, bytes: bytes as u64 };
        vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())]
    }
}

/// These rows of a store, whole.
pub(super) fn stored_rows(plan: &TopN, store: &RowStore, rows: &[u32]) -> Result<RecordBatch> {
    let all: Vec<usize> = (0..plan.input.len()).collect();
    plan.input.record_batch(store.gather(rows, &all)?, rows.len())
}

/// The batch with one pattern for every NaN in these columns, which are keys.
pub(super) fn with_canonical(batch: &Batch, keys: &[usize]) -> Result<Batch> {
    let mut columns = batch.columns().columns().to_vec();
    for &key in keys {
        columns[key] = canonical_column(&columns[key]);
    }
    Ok(batch.with_columns(batch.columns().schema(), columns)?)
}

/// A context for values that were computed before without an error.
pub(super) fn no_errors(context: &OperatorContext) -> EvalContext {
    EvalContext::new(context.clock.now_ms(), &context.uid.to_string())
}

/// The running continuous `top` over rows that are only added.
pub(super) struct AppendTop {
    firsts: Firsts,
    idle: Option<IdleGroups>,
    /// The groups that were written since they were last touched.
    written: Vec<u32>,
    /// The batch whose rows are not all taken in.
    taken: Option<Taken>,
    emitted: Emitted,
    batch_rows: usize,
}

impl AppendTop {
    pub(super) fn new(plan: &TopN, context: &OperatorContext) -> Result<Self> {
        let firsts = Firsts::new(plan, context)?;
        let mut idle = plan.ttl_ms.map(IdleGroups::new);
        if let Some(idle) = &mut idle {
            for group in firsts.table.groups() {
                firsts.of(group).for_each(|row| idle.touch(group, firsts.store.mark(row)));
            }
            context.armed.set(Armed { processing_time_ms: idle.next_ms(), ..Armed::NOTHING });
        }
        Ok(Self {
            firsts,
            idle,
            written: Vec::new(),
            taken: None,
            emitted: Emitted::default(),
            batch_rows: context.batch_rows,
        })
    }

    /// Forgets the groups that nobody has written for too long.
    fn expire(&mut self, now_ms: i64) -> Result<()> {
        let Some(idle) = &mut self.idle else { return Ok(()) };
        idle.take_due(now_ms).into_iter().try_for_each(|group| self.firsts.forget(group))
    }

    /// Notes when the groups were written: beside their first rows, one of which every group has.
    fn touch(&mut self) {
        let Some(idle) = &mut self.idle else { return };
        let now_ms = self.firsts.clock.now_ms();
        for group in self.written.drain(..) {
            idle.touch(group, now_ms);
            let first = self.firsts.of(group).next();
            if let Some(first) = first {
                self.firsts.store.set_mark(first, now_ms);
            }
        }
    }

    /// Takes in rows until there is a batch of changes.
    fn go_on(&mut self, out: &mut dyn Output) -> Result<()> {
        let Some(mut taken) = self.taken.take() else { return Ok(()) };
        while taken.at < taken.batch.rows() && self.emitted.len() < self.batch_rows {
            if self.firsts.tell(&taken, taken.at, &mut self.emitted) && self.idle.is_some() {
                self.written.push(taken.groups[taken.at]);
            }
            taken.at += 1;
        }
        self.firsts.keep(&taken, true, &mut self.emitted)?;
        self.touch();
        if self.emitted.len() > 0 {
            self.emitted.give(&self.firsts.plan, &self.firsts.store, true, self.batch_rows, out)?;
        }
        self.firsts.let_go()?;
        if taken.at < taken.batch.rows() {
            self.taken = Some(taken);
        }
        self.arm(out);
        Ok(())
    }

    fn arm(&self, out: &mut dyn Output) {
        let more = self.taken.is_some();
        let full = if more { Inputs::ALL } else { Inputs::NONE };
        let processing_time_ms = self.idle.as_ref().filter(|_| !more).and_then(IdleGroups::next_ms);
        // Changes of one row must not overtake each other.
        out.arm(Armed { more, full, indivisible: more, processing_time_ms, ..Armed::NOTHING });
    }
}

impl Operator for AppendTop {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.expire(self.firsts.clock.now_ms())?;
        let taken = self.firsts.evaluate(batch, out)?;
        self.taken = Some(taken);
        self.go_on(out)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        if self.taken.is_some() {
            return self.go_on(out);
        }
        self.expire(now.now_ms)?;
        self.arm(out);
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        self.firsts.snapshot()
    }

    fn inspect(&mut self) -> OperatorView {
        OperatorView { watermark: None, sections: self.firsts.sections() }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.firsts.store.read(query)?.into_iter().collect()))
    }
}
