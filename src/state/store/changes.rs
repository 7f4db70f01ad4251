//! The changes that operator instances handed over, as the net change of each namespace.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use super::block::{Block, batch};
use super::commit::OperatorDelta;
use super::merge::{gather, latest, merge};
use super::stored_state::StoredState;
use crate::state::{DeferredRows, KeyedRows, Namespace, OperatorEntry, StateChange};
use crate::types::{Error, Result};

/// Rows that are sorted together, where parts are smaller: they stay in the cache meanwhile.
const SORTED: usize = 32_768;

/// The net change of one namespace of one state: drops first, then removals, then entries. Key groups of different
/// instances never meet, so their changes need no order among each other.
#[derive(Default)]
pub(super) struct NamespaceChange<'a> {
    pub(super) drops: Vec<Range<u16>>,
    removed: Vec<Cow<'a, KeyedRows>>,
    entries: Vec<Cow<'a, KeyedRows>>,
    pub(super) in_order: Vec<InOrder<'a>>,
}

/// By position in the states given, by namespace.
pub(super) type Changes<'a> = Vec<BTreeMap<Namespace, NamespaceChange<'a>>>;

/// The steps of one instance on one namespace, in order, since it last dropped it.
struct Steps<'a> {
    /// The key groups that the instance owns.
    key_groups: &'a Range<u16>,
    dropped: bool,
    /// Whether entries are put (or else removed), and which.
    rows: Vec<(bool, &'a KeyedRows)>,
    /// What came before those of `rows` from an index on, and is not in memory.
    deferred: Vec<(usize, &'a dyn DeferredRows)>,
}

/// The net changes of one instance in the order in which they were made, where some of them are not in memory: they are
/// put together a key group at a time.
pub(super) struct InOrder<'a> {
    key_groups: Range<u16>,
    parts: Vec<Part<'a>>,
}

enum Part<'a> {
    Deferred(&'a dyn DeferredRows),
    Held(BTreeMap<u16, Block>),
}

/// The changes of keyed state in `deltas`. An instance may stand there several times, its older snapshots first: what it
/// had handed over for a checkpoint that came to nothing is part of the next one.
pub(super) fn keyed<'a, S: AsRef<StoredState>>(deltas: &'a [OperatorDelta], states: &[S]) -> Result<Changes<'a>> {
    let mut changes: Changes<'a> = Vec::new();
    changes.resize_with(states.len(), BTreeMap::new);
    let mut all: BTreeMap<(usize, Namespace, usize), Steps<'a>> = BTreeMap::new();
    for delta in deltas {
        for change in &delta.delta.changes {
            let (state, namespace, step) = match change {
                StateChange::Upsert { state, namespace, rows } => (*state, *namespace, Step::Rows(true, rows)),
                StateChange::Remove { state, namespace, rows } => (*state, *namespace, Step::Rows(false, rows)),
                StateChange::Deferred { state, namespace, rows } => (*state, *namespace, Step::Deferred(&**rows)),
                StateChange::DropNamespace { state, namespace } => (*state, *namespace, Step::Drop),
                StateChange::Operator { .. } | StateChange::Commit { .. } => continue,
            };
            let at = states
                .iter()
                .position(|stored| stored.as_ref().uid == delta.uid && stored.as_ref().descriptor.name == state)
                .ok_or_else(|| {
                    let uid = &delta.uid;
                    Error::state(format!("operator `{uid}` handed over state `{state}`, which it does not declare"))
                })?;
            let key_groups = &delta.key_groups;
            let none = Steps { key_groups, dropped: false, rows: Vec::new(), deferred: Vec::new() };
            let steps = all.entry((at, namespace, delta.subtask)).or_insert(none);
            match step {
                Step::Drop => *steps = Steps { key_groups, dropped: true, rows: Vec::new(), deferred: Vec::new() },
                Step::Deferred(deferred) => steps.deferred.push((steps.rows.len(), deferred)),
                Step::Rows(put, rows) => {
                    check(states[at].as_ref(), delta, put, rows)?;
                    if !rows.key_groups.is_empty() {
                        steps.rows.push((put, rows));
                    }
                }
            }
        }
    }
    for ((at, namespace, _), steps) in all {
        let change = changes[at].entry(namespace).or_default();
        if steps.dropped {
            change.drops.push(steps.key_groups.clone());
        }
        if steps.deferred.is_empty() {
            add_net(states[at].as_ref(), &steps.rows, change)?;
        } else {
            change.in_order.push(in_order(states[at].as_ref(), &steps)?);
        }
    }
    Ok(changes)
}

/// What a change says of a namespace.
enum Step<'a> {
    Rows(bool, &'a KeyedRows),
    Deferred(&'a dyn DeferredRows),
    Drop,
}

fn in_order<'a>(state: &StoredState, steps: &Steps<'a>) -> Result<InOrder<'a>> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let held = |range: Range<usize>, parts: &mut Vec<Part<'a>>| -> Result<()> {
        let mut change = NamespaceChange::default();
        add_net(state, &steps.rows[range], &mut change)?;
        let blocks = change.blocks(state)?;
        if !blocks.is_empty() {
            parts.push(Part::Held(blocks));
        }
        Ok(())
    };
    for &(at, deferred) in &steps.deferred {
        held(from..at, &mut parts)?;
        parts.push(Part::Deferred(deferred));
        from = at;
    }
    held(from..steps.rows.len(), &mut parts)?;
    Ok(InOrder { key_groups: steps.key_groups.clone(), parts })
}

impl InOrder<'_> {
    /// Calls `write` for each key group that has changes.
    pub(super) fn blocks(&self, state: &StoredState, write: &mut dyn FnMut(u16, Block) -> Result<()>) -> Result<()> {
        for key_group in self.key_groups.clone() {
            let mut blocks = Vec::new();
            for part in &self.parts {
                let block = match part {
                    Part::Held(blocks) => blocks.get(&key_group).cloned(),
                    Part::Deferred(rows) => {
                        let (entries, removed) = rows.of(key_group)?;
                        let (entries, removed) =
                            (with_schema(&state.layout.entries, &entries)?, with_schema(&state.layout.keys, &removed)?);
                        Some(Block { entries, removed, ..state.layout.empty() })
                    }
                };
                blocks.extend(block.filter(|block| !block.is_empty()));
            }
            if !blocks.is_empty() {
                write(key_group, merge(&state.layout, &state.keys, &blocks, false)?)?;
            }
        }
        Ok(())
    }
}

/// The entries that instances handed over beside keyed state, by operator, ordered by instance.
pub(super) fn entries(deltas: &[OperatorDelta]) -> BTreeMap<&str, Vec<OperatorEntry>> {
    let mut by_operator: BTreeMap<&str, Vec<OperatorEntry>> = BTreeMap::new();
    for delta in deltas {
        for change in &delta.delta.changes {
            let (state, entry) = match change {
                StateChange::Operator { state, entry } => (Some((*state).to_owned()), entry.clone()),
                StateChange::Commit { entry } => (None, entry.clone()),
                StateChange::Upsert { .. }
                | StateChange::Remove { .. }
                | StateChange::Deferred { .. }
                | StateChange::DropNamespace { .. } => continue,
            };
            let entry = OperatorEntry { state, subtask: delta.subtask, entry };
            by_operator.entry(delta.uid.as_str()).or_default().push(entry);
        }
    }
    for entries in by_operator.values_mut() {
        entries.sort_by_key(|entry| entry.subtask);
    }
    by_operator
}

/// Refuses rows that could not be read back, or that would be filed where their instance does not look for them.
fn check(state: &StoredState, delta: &OperatorDelta, put: bool, rows: &KeyedRows) -> Result<()> {
    let expected = if put { &state.layout.entries } else { &state.layout.keys };
    let schema = rows.rows.schema_ref();
    let fits = schema.fields().len() == expected.fields().len()
        && schema.fields().iter().zip(expected.fields()).all(|(a, b)| a.data_type().equals_datatype(b.data_type()));
    let name = || format!("state `{}` of operator `{}`", state.descriptor.name, state.uid);
    if !fits {
        return Err(Error::state(format!("{}: rows of {schema:?} were handed over for {expected:?}", name())));
    }
    if rows.key_groups.len() != rows.rows.num_rows() {
        let (groups, rows) = (rows.key_groups.len(), rows.rows.num_rows());
        return Err(Error::state(format!("{}: {groups} key groups were given for {rows} rows", name())));
    }
    let outside = rows.key_groups.iter().find(|group| !delta.key_groups.contains(group));
    if let Some(group) = outside {
        return Err(Error::state(format!(
            "{}: instance {} owns key groups {:?} but handed over a row of {group}",
            name(),
            delta.subtask,
            delta.key_groups
        )));
    }
    Ok(())
}

/// Adds the net effect of `steps`. Removals come before entries in a block, so a key that is removed after it was put
/// needs a closer look; otherwise the steps are taken as they are.
fn add_net<'a>(state: &StoredState, steps: &[(bool, &'a KeyedRows)], change: &mut NamespaceChange<'a>) -> Result<()> {
    let first_put = steps.iter().position(|(put, _)| *put).unwrap_or(steps.len());
    if steps[first_put..].iter().all(|(put, _)| *put) {
        for (put, rows) in steps {
            if *put { &mut change.entries } else { &mut change.removed }.push(Cow::Borrowed(*rows));
        }
        return Ok(());
    }
    let blocks = steps
        .iter()
        .map(|(put, rows)| {
            let mut block = Block { distinct: false, ..state.layout.empty() };
            let (target, schema) = if *put {
                (&mut block.entries, &state.layout.entries)
            } else {
                (&mut block.removed, &state.layout.keys)
            };
            *target = with_schema(schema, &rows.rows)?;
            Ok(block)
        })
        .collect::<Result<Vec<_>>>()?;
    let picked = latest(&state.keys, &blocks)?;
    for (put, picks) in [(false, picked.removed), (true, picked.entries)] {
        let batches: Vec<&RecordBatch> =
            blocks.iter().map(|block| if put { &block.entries } else { &block.removed }).collect();
        let schema = if put { &state.layout.entries } else { &state.layout.keys };
        let rows = KeyedRows {
            rows: gather(schema, &batches, &picks)?,
            key_groups: picks.iter().map(|(at, row)| steps[*at].1.key_groups[*row]).collect(),
        };
        if !rows.key_groups.is_empty() {
            if put { &mut change.entries } else { &mut change.removed }.push(Cow::Owned(rows));
        }
    }
    Ok(())
}

impl NamespaceChange<'_> {
    /// The change of each key group that has one, ascending; drops are not among them.
    pub(super) fn blocks(&self, state: &StoredState) -> Result<BTreeMap<u16, Block>> {
        let mut blocks = BTreeMap::new();
        self.each(state, &mut |key_group, block| {
            blocks.insert(key_group, block);
            Ok(())
        })?;
        Ok(blocks)
    }

    /// Calls `write` for each key group that has a change, ascending; drops are not among them. Rows are put together a key
    /// group at a time: together they would be all of the state once more.
    pub(super) fn each(&self, state: &StoredState, write: &mut dyn FnMut(u16, Block) -> Result<()>) -> Result<()> {
        let removed = ByGroup::new(&state.layout.keys, &self.removed)?;
        let entries = ByGroup::new(&state.layout.entries, &self.entries)?;
        let key_groups: BTreeSet<u16> = removed.key_groups().chain(entries.key_groups()).collect();
        for key_group in key_groups {
            let mut block = state.layout.empty();
            if let Some(rows) = removed.rows(key_group)? {
                block.removed = rows;
            }
            if let Some(rows) = entries.rows(key_group)? {
                (block.entries, block.distinct) = (rows, false);
            }
            write(key_group, block)?;
        }
        Ok(())
    }
}

/// The rows of each key group, in order.
struct ByGroup {
    schema: SchemaRef,
    parts: Vec<Sorted>,
    /// The first key group that has rows, and the last.
    key_groups: RangeInclusive<u16>,
}

/// Rows sorted by their key groups.
struct Sorted {
    rows: RecordBatch,
    /// Where the rows of each key group from the first on begin, and where the last ones end.
    begins: Vec<usize>,
}

impl ByGroup {
    fn new(schema: &SchemaRef, parts: &[Cow<'_, KeyedRows>]) -> Result<Self> {
        let groups = || parts.iter().flat_map(|part| &part.key_groups).copied();
        let (low, high) = (groups().min().unwrap_or(0), groups().max().unwrap_or(0));
        let (mut sorted, mut from) = (Vec::new(), 0);
        while from < parts.len() {
            let (mut until, mut rows) = (from + 1, parts[from].key_groups.len());
            while let Some(next) = parts.get(until)
                && rows + next.key_groups.len() <= SORTED
            {
                (until, rows) = (until + 1, rows + next.key_groups.len());
            }
            sorted.push(Sorted::new(schema, &parts[from..until], low..=high)?);
            from = until;
        }
        Ok(Self { schema: schema.clone(), parts: sorted, key_groups: low..=high })
    }

    fn key_groups(&self) -> impl Iterator<Item = u16> {
        let has = |at: usize| self.parts.iter().any(|part| !part.of(at).is_empty());
        self.key_groups.clone().enumerate().filter(move |(at, _)| has(*at)).map(|(_, group)| group)
    }

    /// The rows of a key group, if it has some.
    fn rows(&self, key_group: u16) -> Result<Option<RecordBatch>> {
        if !self.key_groups.contains(&key_group) {
            return Ok(None);
        }
        let at = usize::from(key_group - self.key_groups.start());
        let of = |part: &Sorted| {
            Some(part.of(at)).filter(|rows| !rows.is_empty()).map(|rows| part.rows.slice(rows.start, rows.len()))
        };
        let mut rows: Vec<RecordBatch> = self.parts.iter().filter_map(of).collect();
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            _ => Ok(Some(concat_batches(&self.schema, &rows)?)),
        }
    }
}

impl Sorted {
    /// One counting sort, one `take`.
    fn new(schema: &SchemaRef, parts: &[Cow<'_, KeyedRows>], key_groups: RangeInclusive<u16>) -> Result<Self> {
        let groups: Cow<'_, [u16]> = match parts {
            [only] => Cow::Borrowed(&only.key_groups),
            _ => Cow::Owned(parts.iter().flat_map(|part| part.key_groups.iter().copied()).collect()),
        };
        let batches = parts.iter().map(|part| with_schema(schema, &part.rows)).collect::<Result<Vec<_>>>()?;
        let rows = match batches.as_slice() {
            [only] => only.clone(),
            _ => concat_batches(schema, &batches)?,
        };
        let slot = |group: u16| usize::from(group - key_groups.start());
        let mut begins = vec![0; slot(*key_groups.end()) + 2];
        for &group in groups.iter() {
            begins[slot(group) + 1] += 1;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        if groups.is_sorted() {
            return Ok(Self { rows, begins });
        }
        let mut next = begins.clone();
        let mut order = vec![0_u32; groups.len()];
        for (row, &group) in groups.iter().enumerate() {
            let next = &mut next[slot(group)];
            order[*next] = u32::try_from(row).map_err(|_| Error::state("over 2^32 rows in one change"))?;
            *next += 1;
        }
        Ok(Self { rows: take_record_batch(&rows, &UInt32Array::from(order))?, begins })
    }

    /// The rows of the key group `at` places behind the first.
    fn of(&self, at: usize) -> Range<usize> {
        self.begins[at]..self.begins[at + 1]
    }
}

/// The same columns under the state's own schema, whatever metadata the operator's had.
fn with_schema(schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch> {
    batch(schema, rows.columns().to_vec(), rows.num_rows())
}
