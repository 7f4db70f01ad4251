//! The first rows where rows are taken back: all are kept, since any may become one of the first. Flink's
//! `RetractableTopNFunction`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::DataType;

use super::append::{no_errors, stored_rows, with_canonical};
use super::emitted::Emitted;
use super::spec::{Kind, TopN};
use crate::api::{Armed, Inputs, Moment, Operator, OperatorContext, Output, StateRead};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{IdleGroups, NO_ROW, RowStore};
use crate::operators::order::{Encoded, SortKeys};
use crate::operators::rows::evaluated;
use crate::state::StateDelta;
use crate::types::floats::canonical_column;
use crate::types::{Batch, CheckpointId, Clock, Result, RowKind};

/// The place of a row: what it is sorted by, then the number of its arrival.
type Position = (Arc<[u8]>, u64);

/// A row that is kept.
struct Kept {
    position: Position,
    /// What tells it from others.
    identity: u32,
}

/// A batch that is being taken in.
struct Taken {
    batch: Batch,
    groups: Vec<u32>,
    identities: Vec<u32>,
    keys: Encoded,
    /// The row in the store of each row that is added.
    rows: Vec<u32>,
    /// The first row that has not been taken in.
    at: usize,
}

/// The running continuous `top` over a changelog.
pub(super) struct RetractTop {
    plan: TopN,
    table: GroupTable,
    store: RowStore,
    sort_keys: SortKeys,
    /// The rows of each group, in their order.
    by_group: Vec<BTreeMap<Position, u32>>,
    /// By row of the store.
    kept: Vec<Option<Kept>>,
    /// What tells rows apart, and for each the rows that are equal in it, in the order of their arrival.
    identities: GroupTable,
    same: Vec<VecDeque<u32>>,
    arrivals: u64,
    idle: Option<IdleGroups>,
    taken: Option<Taken>,
    emitted: Emitted,
    /// The rows that were taken back by the batch at hand.
    gone: Vec<u32>,
    hot_keys: HotKeys,
    place: String,
    batch_rows: usize,
    clock: Arc<dyn Clock>,
}

impl RetractTop {
    pub(super) fn new(plan: &TopN, context: &OperatorContext) -> Result<Self> {
        let ty = |&column: &usize| plan.input.fields()[column].ty.to_arrow();
        let per: Vec<DataType> = plan.per.iter().map(ty).collect();
        let identity: Vec<DataType> = identity(plan).iter().map(ty).collect();
        let mut this = Self {
            table: GroupTable::new(&per, 0)?,
            store: RowStore::new(plan.state(), context.max_parallelism),
            sort_keys: plan.order.keys()?,
            by_group: Vec::new(),
            kept: Vec::new(),
            identities: GroupTable::new(&identity, 0)?,
            same: Vec::new(),
            arrivals: 0,
            idle: plan.ttl_ms.map(IdleGroups::new),
            taken: None,
            emitted: Emitted::default(),
            gone: Vec::new(),
            hot_keys: HotKeys::default(),
            place: context.place(),
            batch_rows: context.batch_rows,
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            this.store.restore(&**restored, &mut this.table)?;
            for group in this.table.groups() {
                this.restore(group, context)?;
            }
            let processing_time_ms = this.idle.as_ref().and_then(IdleGroups::next_ms);
            context.armed.set(Armed { processing_time_ms, ..Armed::NOTHING });
        }
        Ok(this)
    }

    fn restore(&mut self, group: u32, context: &OperatorContext) -> Result<()> {
        let rows: Vec<u32> = self.store.of(group).collect();
        let columns = stored_rows(&self.plan, &self.store, &rows)?;
        let keys = self.sort_keys.values(&columns, &mut no_errors(context))?;
        let keys = self.sort_keys.encode(&keys)?;
        let identities = self.identify(&columns)?;
        self.make_room();
        for (at, &row) in rows.iter().enumerate() {
            self.insert(group, row, keys.of(at), identities[at]);
            if let Some(idle) = &mut self.idle {
                idle.touch(group, self.store.mark(row));
            }
        }
        Ok(())
    }

    fn make_room(&mut self) {
        let groups = self.table.numbers();
        if self.by_group.len() < groups {
            self.by_group.resize_with(groups, BTreeMap::new);
        }
        let identities = self.identities.numbers();
        if self.same.len() < identities {
            self.same.resize_with(identities, VecDeque::new);
        }
    }

    /// What tells these rows from others.
    fn identify(&mut self, rows: &RecordBatch) -> Result<Vec<u32>> {
        let columns: Vec<ArrayRef> =
            identity(&self.plan).into_iter().map(|column| canonical_column(rows.column(column))).collect();
        let mut identities = Vec::new();
        self.identities.intern(&columns, rows.num_rows(), &mut identities)?;
        Ok(identities)
    }

    fn evaluate(&mut self, batch: Batch, out: &mut dyn Output) -> Result<Taken> {
        let (batch, values) = evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| {
            self.sort_keys.values(rows, context)
        })?;
        let keys = self.sort_keys.encode(&values)?;
        let batch = with_canonical(&batch, &self.plan.per)?;
        let per: Vec<ArrayRef> = self.plan.per.iter().map(|&key| batch.column(key).clone()).collect();
        self.hot_keys.sample(&per, batch.rows())?;
        let mut groups = Vec::new();
        self.table.intern(&per, batch.rows(), &mut groups)?;
        let identities = self.identify(batch.columns())?;
        self.make_room();
        let adds: BooleanArray = (0..batch.rows()).map(|row| Some(batch.kind(row).adds())).collect();
        let added: Vec<u32> =
            groups.iter().zip(adds.values()).filter(|(_, adds)| *adds).map(|(group, _)| *group).collect();
        let mut stored = Vec::with_capacity(added.len());
        self.store.append(&batch.filter(&adds)?, &added, &mut stored)?;
        let mut stored = stored.into_iter();
        let rows = adds.values().iter().map(|adds| if adds { stored.next().unwrap_or(NO_ROW) } else { NO_ROW });
        Ok(Taken { rows: rows.collect(), batch, groups, identities, keys, at: 0 })
    }

    fn insert(&mut self, group: u32, row: u32, key: &[u8], identity: u32) {
        let position: Position = (key.into(), self.arrivals);
        self.arrivals += 1;
        self.by_group[group as usize].insert(position.clone(), row);
        if self.kept.len() <= row as usize {
            self.kept.resize_with(row as usize + 1, || None);
        }
        self.kept[row as usize] = Some(Kept { position, identity });
        self.same[identity as usize].push_back(row);
    }

    /// A row came: those behind it move down.
    fn add(&mut self, taken: &Taken, at: usize) {
        let (group, row, time) = (taken.groups[at], taken.rows[at], taken.batch.times()[at]);
        self.insert(group, row, taken.keys.of(at), taken.identities[at]);
        let rows = &self.by_group[group as usize];
        let n = self.plan.n;
        let Some(place) = rows.values().take(n).position(|&other| other == row) else { return };
        if !self.plan.replaces() {
            if let Some(&last) = rows.values().nth(n) {
                self.emitted.push(RowKind::Delete, last, n - 1, time);
            }
            self.emitted.push(RowKind::Insert, row, place, time);
            return;
        }
        let mut coming = row;
        for (at, &old) in rows.values().enumerate().take(n.saturating_add(1)).skip(place + 1) {
            self.emitted.replace(&self.plan, (old, coming), at - 1, time);
            coming = old;
        }
        if rows.len() <= n {
            self.emitted.push(RowKind::Insert, coming, rows.len() - 1, time);
        }
    }

    /// A row was taken back: those behind it move up. What was never there can't be taken back.
    fn take_back(&mut self, taken: &Taken, at: usize) {
        let (group, time) = (taken.groups[at], taken.batch.times()[at]);
        let Some(row) = self.same[taken.identities[at] as usize].pop_front() else { return };
        let Some(kept) = self.kept[row as usize].take() else { return };
        self.gone.push(row);
        let n = self.plan.n;
        let rows = &mut self.by_group[group as usize];
        let place = rows.values().take(n).position(|&other| other == row);
        rows.remove(&kept.position);
        let Some(place) = place else { return };
        if !self.plan.replaces() {
            self.emitted.push(RowKind::Delete, row, place, time);
            if let Some(&next) = rows.values().nth(n - 1) {
                self.emitted.push(RowKind::Insert, next, n - 1, time);
            }
            return;
        }
        let mut going = row;
        for (at, &next) in rows.values().enumerate().take(n).skip(place) {
            self.emitted.replace(&self.plan, (going, next), at, time);
            going = next;
        }
        if rows.len() < n {
            self.emitted.push(RowKind::Delete, going, rows.len(), time);
        }
    }

    /// Takes in rows until there is a batch of changes.
    fn go_on(&mut self, out: &mut dyn Output) -> Result<()> {
        let Some(mut taken) = self.taken.take() else { return Ok(()) };
        while taken.at < taken.batch.rows() && self.emitted.len() < self.batch_rows {
            let at = taken.at;
            if taken.rows[at] == NO_ROW {
                self.take_back(&taken, at);
            } else {
                self.add(&taken, at);
            }
            self.touch(taken.groups[at]);
            taken.at += 1;
        }
        if self.emitted.len() > 0 {
            self.emitted.give(&self.plan, &self.store, true, self.batch_rows, out)?;
        }
        std::mem::take(&mut self.gone).into_iter().try_for_each(|row| self.store.remove(row))?;
        if taken.at < taken.batch.rows() {
            self.taken = Some(taken);
        } else {
            self.free_emptied(taken);
        }
        self.arm(out);
        Ok(())
    }

    /// Notes that a group was written: beside its first row, which has been so whenever another was.
    fn touch(&mut self, group: u32) {
        let Some(idle) = &mut self.idle else { return };
        let now_ms = self.clock.now_ms();
        match self.by_group[group as usize].first_key_value() {
            Some((_, &first)) => {
                idle.touch(group, now_ms);
                self.store.set_mark(first, now_ms);
            }
            None => idle.remove(group),
        }
    }

    /// Frees the numbers of what is no longer there.
    fn free_emptied(&mut self, taken: Taken) {
        let Taken { mut groups, mut identities, .. } = taken;
        for numbers in [&mut groups, &mut identities] {
            numbers.sort_unstable();
            numbers.dedup();
        }
        groups.retain(|&group| self.by_group[group as usize].is_empty());
        for group in groups {
            self.table.free(group);
        }
        identities.retain(|&identity| self.same[identity as usize].is_empty());
        for identity in identities {
            self.identities.free(identity);
        }
    }

    /// Forgets the groups that nobody has written for too long.
    fn expire(&mut self, now_ms: i64) -> Result<()> {
        let Some(idle) = &mut self.idle else { return Ok(()) };
        for group in idle.take_due(now_ms) {
            for (_, row) in std::mem::take(&mut self.by_group[group as usize]) {
                if let Some(Kept { identity, .. }) = self.kept[row as usize].take() {
                    let same = &mut self.same[identity as usize];
                    same.retain(|&other| other != row);
                    if same.is_empty() {
                        self.identities.free(identity);
                    }
                }
                self.store.remove(row)?;
            }
            self.table.free(group);
        }
        Ok(())
    }

    fn arm(&self, out: &mut dyn Output) {
        let more = self.taken.is_some();
        let full = if more { Inputs::ALL } else { Inputs::NONE };
        let processing_time_ms = self.idle.as_ref().filter(|_| !more).and_then(IdleGroups::next_ms);
        // Changes of one row must not overtake each other.
        out.arm(Armed { more, full, indivisible: more, processing_time_ms, ..Armed::NOTHING });
    }

    fn bytes(&self) -> usize {
        let keys: usize = self.kept.iter().flatten().map(|kept| kept.position.0.len()).sum();
        keys + self.store.bytes()
            + self.table.bytes()
            + self.identities.bytes()
            + self.kept.capacity() * size_of::<Option<Kept>>()
            + self.store.len() * size_of::<(Position, u32)>()
            + self.same.capacity() * size_of::<VecDeque<u32>>()
            + self.idle.as_ref().map_or(0, IdleGroups::bytes)
    }
}

/// The columns by which the row that is taken back is found.
fn identity(plan: &TopN) -> Vec<usize> {
    match &plan.kind {
        Kind::Retract(Some(key)) => key.clone(),
        Kind::Append | Kind::Retract(None) | Kind::Window { .. } => (0..plan.input.len()).collect(),
    }
}

impl Operator for RetractTop {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.expire(self.clock.now_ms())?;
        self.taken = Some(self.evaluate(batch, out)?);
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
        let mut changes = Vec::new();
        self.store.changes(&mut changes)?;
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let entries = EntriesView { count: self.store.len() as u64, bytes: self.bytes() as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { watermark: None, sections }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.store.read(query)?.into_iter().collect()))
    }
}
