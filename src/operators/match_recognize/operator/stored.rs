//! Partial matches as they are stored, restored and shown.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_ord::sort::sort_to_indices;
use arrow_select::take::take_record_batch;
use hashbrown::HashMap;

use super::super::matcher::{NONE, Node};
use super::super::spec::WATERMARK;
use super::MatchOperator;
use crate::api::{StateRead, StateReader};
use crate::inspect::{CounterView, EntriesView, OperatorView, Section, StateQuery};
use crate::operators::rows::{Entries, keyed_rows};
use crate::state::{RestoredState, StateChange, StateDelta, StateDescriptor};
use crate::types::{Error, MIN_WATERMARK, Result};

impl MatchOperator {
    /// The changes since the last snapshot.
    pub(super) fn changes(&mut self) -> Result<StateDelta> {
        let mut changes = Vec::new();
        self.waiting.changes(&mut changes)?;
        self.matched.changes(&mut changes)?;
        self.changed_nodes(&mut changes)?;
        if let (Some(numbers), Some(descriptor)) = (&self.numbers, self.plan.match_numbers()) {
            let mut groups = std::mem::take(&mut self.numbers_dirty);
            groups.sort_unstable();
            groups.dedup();
            if !groups.is_empty() {
                let values = groups.iter().map(|&group| numbers[group as usize]).collect::<Int64Array>();
                let entries =
                    Entries { keys: self.table.keys(&groups)?, values: vec![Arc::new(values)], rows: groups.len() };
                let rows = keyed_rows(&descriptor.schema, entries, self.max_parallelism)?;
                changes.push(StateChange::Upsert { state: descriptor.name, namespace: 0, rows });
            }
        }
        let entry = self.watermark.to_le_bytes().to_vec();
        changes.push(StateChange::Operator { state: WATERMARK.name, entry });
        Ok(StateDelta { changes })
    }

    fn changed_nodes(&mut self, changes: &mut Vec<StateChange>) -> Result<()> {
        let StateDescriptor { name, schema, key_columns, .. } = self.plan.partial_matches();
        let removed = std::mem::take(&mut self.matcher.removed);
        if !removed.is_empty() {
            let (groups, numbers): (Vec<u32>, Vec<i64>) = removed.iter().copied().unzip();
            let key_schema = schema.project(&(0..key_columns).collect::<Vec<_>>());
            let rows = numbers.len();
            let entries =
                Entries { keys: self.table.keys(&groups)?, values: vec![Arc::new(Int64Array::from(numbers))], rows };
            let rows = keyed_rows(&key_schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: name, namespace: 0, rows });
            for &group in &groups {
                self.matcher.groups[group as usize].unsaid = 0;
            }
            let mut groups = groups;
            groups.sort_unstable();
            groups.dedup();
            self.tidy(&groups);
        }
        let mut live = Vec::new();
        for node in std::mem::take(&mut self.matcher.dirty) {
            let at = &mut self.matcher.nodes[node as usize];
            if std::mem::take(&mut at.dirty) {
                at.stored = true;
                live.push(node);
            }
        }
        if !live.is_empty() {
            let groups: Vec<u32> = live.iter().map(|&node| self.matcher.nodes[node as usize].group).collect();
            let (keys, values) = (self.table.keys(&groups)?, self.node_columns(&live));
            let rows = keyed_rows(&schema, Entries { keys, values, rows: live.len() }, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: name, namespace: 0, rows });
        }
        Ok(())
    }

    /// The columns of these nodes, from their number on.
    fn node_columns(&self, nodes: &[u32]) -> Vec<ArrayRef> {
        let at = |node: &u32| &self.matcher.nodes[*node as usize];
        let number = |value: &dyn Fn(&Node) -> i64| -> ArrayRef {
            Arc::new(nodes.iter().map(|node| value(at(node))).collect::<Int64Array>())
        };
        let flag = |value: &dyn Fn(&Node) -> bool| -> ArrayRef {
            Arc::new(nodes.iter().map(|node| Some(value(at(node)))).collect::<BooleanArray>())
        };
        let before =
            |node: &u32| Some(at(node).before).filter(|&before| before != NONE).map(|before| at(&before).number);
        let variable = |node: &u32| Some(self.plan.variables[self.matcher.variable(*node)].name.as_str());
        vec![
            number(&|node| node.number),
            Arc::new(nodes.iter().map(variable).collect::<StringArray>()),
            number(&|node| node.order),
            Arc::new(nodes.iter().map(before).collect::<Int64Array>()),
            number(&|node| i64::from(node.state)),
            number(&|node| node.open.cast_signed()),
            flag(&|node| node.fresh),
            flag(&|node| node.held),
        ]
    }

    /// Takes up what a checkpoint holds.
    pub(super) fn restore(&mut self, restored: &dyn RestoredState) -> Result<()> {
        let marks = restored.operator(&WATERMARK)?;
        let mark = |entry: Vec<u8>| {
            let bytes = entry.try_into().map_err(|_| Error::state("a stored watermark is not eight bytes"))?;
            Ok(i64::from_le_bytes(bytes))
        };
        let marks = marks.into_iter().map(mark).collect::<Result<Vec<_>>>()?;
        self.watermark = marks.into_iter().min().unwrap_or(MIN_WATERMARK);
        self.waiting.restore(restored, &mut self.table)?;
        self.matched.restore(restored, &mut self.table)?;
        self.make_room();
        for (_, rows) in restored.keyed(&self.plan.partial_matches())? {
            let order = sort_to_indices(rows.column(self.plan.keys.len()), None, None)?;
            self.restore_nodes(&take_record_batch(&rows, &order)?)?;
        }
        if let Some(descriptor) = self.plan.match_numbers() {
            for (_, rows) in restored.keyed(&descriptor)? {
                let keys = self.plan.keys.len();
                let mut groups = Vec::new();
                self.table.intern(&rows.columns()[..keys], rows.num_rows(), &mut groups)?;
                self.make_room();
                let counts = bigint(rows.column(keys))?;
                for (at, &group) in groups.iter().enumerate() {
                    if let Some(numbers) = &mut self.numbers {
                        numbers[group as usize] = counts.value(at);
                    }
                }
            }
        }
        for group in self.table.groups() {
            if self.look_back > 0 {
                let rows: Vec<u32> = self.matched.of(group).collect();
                let recent = &rows[rows.len().saturating_sub(self.look_back)..];
                for &row in recent {
                    self.matcher.keep(row);
                }
                self.recent[group as usize] = recent.to_vec();
            }
            let Self { matcher, .. } = self;
            let nodes = &matcher.nodes;
            let of = &mut matcher.groups[group as usize];
            of.runs.sort_by_key(|&node| (nodes[node as usize].start, nodes[node as usize].number));
            of.held.sort_by_key(|&node| (nodes[node as usize].start, nodes[node as usize].number));
            self.schedule(group);
        }
        Ok(())
    }

    /// Takes up nodes, each behind the one before it.
    fn restore_nodes(&mut self, rows: &RecordBatch) -> Result<()> {
        let keys = self.plan.keys.len();
        let mut groups = Vec::new();
        self.table.intern(&rows.columns()[..keys], rows.num_rows(), &mut groups)?;
        self.make_room();
        let number = |column: usize| bigint(rows.column(keys + column));
        let flag = |column: usize| {
            rows.column(keys + column).as_boolean_opt().ok_or_else(|| Error::state("a stored partial match is damaged"))
        };
        let (numbers, orders, before, states, open) = (number(0)?, number(2)?, number(3)?, number(4)?, number(5)?);
        let (fresh, held) = (flag(6)?, flag(7)?);
        let mut kept: HashMap<(u32, i64), u32> = HashMap::new();
        let mut nodes: HashMap<(u32, i64), u32> = HashMap::new();
        for &group in &groups {
            if !kept.contains_key(&(group, i64::MIN)) {
                kept.insert((group, i64::MIN), NONE);
                kept.extend(self.matched.of(group).map(|row| ((group, self.matched.number(row)), row)));
            }
        }
        for (at, &group) in groups.iter().enumerate() {
            let order = orders.value(at);
            let damaged = || Error::state("a stored partial match lacks a part");
            let row = *kept.get(&(group, order)).ok_or_else(damaged)?;
            let (mut start, mut start_time, mut parent) = (order, self.matched.time(row), NONE);
            if before.is_valid(at) {
                parent = *nodes.get(&(group, before.value(at))).ok_or_else(damaged)?;
                let parent = &mut self.matcher.nodes[parent as usize];
                parent.uses += 1;
                (start, start_time) = (parent.start, parent.start_time);
            }
            let (open, held) = (open.value(at).cast_unsigned(), held.value(at));
            let number = numbers.value(at);
            self.matcher.next_number = self.matcher.next_number.max(number + 1);
            let node = self.matcher.put(Node {
                before: parent,
                row,
                order,
                state: u32::try_from(states.value(at))
                    .ok()
                    .filter(|&state| self.has_state(state))
                    .ok_or_else(damaged)?,
                group,
                start,
                start_time,
                number,
                open,
                fresh: fresh.value(at),
                held,
                uses: u32::from(open != 0) + u32::from(held),
                dirty: false,
                stored: true,
            });
            nodes.insert((group, number), node);
            let of = &mut self.matcher.groups[group as usize];
            if open != 0 {
                of.runs.push(node);
            }
            if held {
                of.held.push(node);
            }
        }
        Ok(())
    }

    fn has_state(&self, state: u32) -> bool {
        (state as usize) < self.plan.nfa.variables.len()
    }

    /// The entries of the keyed states that `query` asks for.
    pub(super) fn read(&self, query: &StateQuery) -> Result<Vec<StateRead>> {
        let mut reads: Vec<StateRead> =
            [self.waiting.read(query)?, self.matched.read(query)?].into_iter().flatten().collect();
        if let Some(mut reader) = StateReader::new(query, self.plan.partial_matches(), self.max_parallelism)? {
            let live = |&node: &u32| self.matcher.nodes[node as usize].uses > 0;
            let nodes: Vec<u32> = (0_u32..).take(self.matcher.nodes.len()).filter(live).collect();
            let groups: Vec<u32> = nodes.iter().map(|&node| self.matcher.nodes[node as usize].group).collect();
            let mut keys = self.table.keys(&groups)?;
            let numbers = nodes.iter().map(|&node| self.matcher.nodes[node as usize].number);
            keys.push(Arc::new(numbers.collect::<Int64Array>()));
            let bytes = (nodes.len() * size_of::<Node>()) as u64;
            reader.add(0, &keys, nodes.len(), bytes, &mut |wanted| {
                let wanted: Vec<u32> = wanted.iter().map(|&at| nodes[at as usize]).collect();
                Ok(self.node_columns(&wanted).split_off(1))
            })?;
            reads.push(reader.finish());
        }
        if let (Some(numbers), Some(descriptor)) = (&self.numbers, self.plan.match_numbers())
            && let Some(mut reader) = StateReader::new(query, descriptor, self.max_parallelism)?
        {
            let groups: Vec<u32> =
                self.table.groups().into_iter().filter(|&group| numbers[group as usize] > 0).collect();
            let bytes = (groups.len() * size_of::<i64>()) as u64;
            reader.add(0, &self.table.keys(&groups)?, groups.len(), bytes, &mut |wanted| {
                let of = |&at: &u32| numbers[groups[at as usize] as usize];
                Ok(vec![Arc::new(wanted.iter().map(of).collect::<Int64Array>())])
            })?;
            reads.push(reader.finish());
        }
        Ok(reads)
    }

    pub(super) fn view(&mut self) -> OperatorView {
        let bytes = self.waiting.bytes() + self.matched.bytes() + self.table.bytes() + self.matcher.bytes();
        let counter = |name: &str, value: usize| CounterView { name: name.to_owned(), value: value as u64 };
        OperatorView {
            watermark: (self.watermark != MIN_WATERMARK).then_some(self.watermark),
            sections: vec![
                Section::Late(self.late_rows.view(&self.plan.input, None)),
                Section::Timers(self.plan.within_ms.map_or(0, |_| self.deadlines.len() as u64)),
                Section::Entries(EntriesView { count: self.table.len() as u64, bytes: bytes as u64 }),
                Section::HotKeys(self.hot_keys.view()),
                Section::Counters(vec![
                    counter("rows waiting", self.waiting.len()),
                    counter("partial matches", self.matcher.partial()),
                ]),
            ],
        }
    }
}

fn bigint(column: &ArrayRef) -> Result<&Int64Array> {
    column.as_primitive_opt::<Int64Type>().ok_or_else(|| Error::state("a stored partial match is damaged"))
}
