//! `join customers as c on o.customer = c.id`: both sides in state, the result a changelog.
//!
//! What a row gives is what Flink's `StreamingJoinOperator` and `StreamingSemiAntiJoinOperator` give. Beside each row of a
//! side that is also given alone stands the number of rows that it matches; its result alone is taken back with the first
//! and given again with the last of them.

use std::sync::Arc;

use super::contents::Contents;
use super::kind::JoinKind;
use super::merge::MergeJoin;
use super::pairs::{Pairing, Pairs, Probe};
use super::side::{Sides, descriptors};
use super::spec::JoinSpec;
use crate::api::{
    Armed, ChangelogMode, Exchange, Inputs, Moment, Operator, OperatorContext, Output, PlannedOperator, Pruned,
    StateRead,
};
use crate::inspect::{OperatorView, StateQuery};
use crate::operators::group_table::NO_GROUP;
use crate::operators::keyed::NO_ROW;
use crate::state::{StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Clock, NO_TIME, Result, RowKind, Schema};

/// Batches given in one call.
const BATCHES: usize = 2;

/// Joins two changing tables: Flink's `Join`.
#[derive(Debug, Clone)]
pub struct RegularJoin {
    spec: JoinSpec,
    /// For each input the columns that tell its rows apart; `None` where rows are only added.
    identity: [Option<Vec<usize>>; 2],
    /// Rows are forgotten this long after they came, processing time.
    ttl_ms: Option<i64>,
}

impl RegularJoin {
    pub(super) fn new(spec: JoinSpec, inputs: [&ChangelogMode; 2], ttl_ms: Option<i64>) -> Self {
        let identity = [0, 1].map(|input| {
            let mode = inputs[input];
            // A row found by its key is the right one only where all of the key's rows come here.
            (!mode.is_append()).then(|| match mode.key() {
                Some(key) if spec.exchange(input).keeps(key) && !key.is_empty() => key.to_vec(),
                _ => (0..spec.inputs[input].len()).collect(),
            })
        });
        Self { spec, identity, ttl_ms }
    }

    /// For each input whether its rows have the number of their matches beside them.
    fn marks(&self) -> [Option<&'static str>; 2] {
        let kind = self.spec.kind;
        [0, 1].map(|input| (kind.pads(input) || kind.filters() && input == 0).then_some("matches"))
    }

    /// Whether rows of the result stay.
    pub(super) fn is_append(&self) -> bool {
        matches!(self.spec.kind, JoinKind::Inner | JoinKind::Semi) && self.identity.iter().all(Option::is_none)
    }

    /// The columns of the result that are `key` of input `input`.
    fn result_key(&self, input: usize, key: &[usize]) -> Option<Vec<usize>> {
        let place = |&column: &usize| self.spec.columns.iter().position(|&of| self.spec.place(of) == (input, column));
        key.iter().map(place).collect()
    }
}

impl PlannedOperator for RegularJoin {
    fn name(&self) -> &'static str {
        "Join"
    }

    fn describe(&self) -> String {
        let ttl = self.ttl_ms.map_or_else(String::new, |ttl_ms| format!("ttl=[{ttl_ms}ms], "));
        self.spec.describe(&ttl)
    }

    fn output(&self) -> &Schema {
        &self.spec.output
    }

    fn exchange(&self, input: usize) -> Exchange {
        self.spec.exchange(input)
    }

    fn parallelism(&self) -> Option<usize> {
        self.spec.parallelism()
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        let append = self.identity.iter().all(Option::is_none);
        append.then(|| -> Arc<dyn PlannedOperator> { Arc::new(MergeJoin::new(self.spec.clone())) })
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        if self.is_append() {
            return ChangelogMode::Append;
        }
        let [left, right] = [0, 1].map(|input| {
            let key = inputs.get(input)?.key()?;
            self.result_key(input, key)
        });
        if self.spec.kind.filters() {
            return ChangelogMode::Retract(left);
        }
        let both = left.zip(right).map(|(mut left, right)| {
            left.extend(right);
            left
        });
        ChangelogMode::Retract(both)
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (spec, inputs) = self.spec.prune(needed);
        let identity = [0, 1].map(|input| {
            let kept = |column: &usize| inputs[input].binary_search(column).ok();
            let identity = self.identity[input].as_ref()?;
            // Rows that differ only in what nobody reads are as good as equal.
            let narrowed = identity.iter().map(kept).collect::<Option<Vec<_>>>();
            Some(narrowed.unwrap_or_else(|| (0..inputs[input].len()).collect()))
        });
        Some(Pruned { operator: Arc::new(Self { spec, identity, ttl_ms: self.ttl_ms }), inputs })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        descriptors(&self.spec, self.marks())
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let sides = Sides::new(&self.spec, self.marks(), context)?;
        let contents = |input: usize| {
            let identity = self.identity[input].clone();
            let schema = &self.spec.inputs[input];
            identity.map(|columns| Contents::new(schema, columns, &sides.stores[input], &sides.table)).transpose()
        };
        let contents = [contents(0)?, contents(1)?];
        let running = RegularJoinOperator {
            pairing: Pairing::new(&self.spec, context),
            sides,
            contents,
            probe: None,
            held: Vec::new(),
            append: self.is_append(),
            counted: self.marks().map(|mark| mark.is_some()),
            batch_rows: context.batch_rows,
            clock: Arc::clone(&context.clock),
            plan: self.clone(),
        };
        context.armed.set(running.armed());
        Ok(Box::new(running))
    }
}

struct RegularJoinOperator {
    plan: RegularJoin,
    pairing: Pairing,
    sides: Sides,
    contents: [Option<Contents>; 2],
    /// The batch that is worked off.
    probe: Option<Probe>,
    /// The content of each of its rows, where rows of its input are taken back.
    held: Vec<u32>,
    append: bool,
    /// For each input whether its rows have the number of their matches beside them.
    counted: [bool; 2],
    batch_rows: usize,
    clock: Arc<dyn Clock>,
}

/// Rows of the result: one of the batch at hand and one of the other input, or nulls, and the kind.
#[derive(Default)]
struct Changes {
    rows: Vec<u32>,
    others: Vec<u32>,
    kinds: Vec<i8>,
}

impl Changes {
    fn push(&mut self, row: u32, other: u32, kind: RowKind) {
        self.rows.push(row);
        self.others.push(other);
        self.kinds.push(kind as i8);
    }
}

impl RegularJoinOperator {
    fn armed(&self) -> Armed {
        if self.probe.is_some() {
            return Armed { more: true, full: Inputs::ALL, indivisible: true, ..Armed::NOTHING };
        }
        let due = self.plan.ttl_ms.and_then(|ttl_ms| {
            let first = self.sides.stores.iter().filter_map(crate::operators::keyed::RowStore::earliest).min()?;
            Some(first.saturating_add(ttl_ms))
        });
        Armed { processing_time_ms: due, ..Armed::NOTHING }
    }

    fn begin(&mut self, input: usize, batch: Batch) -> Result<()> {
        let batch = match self.plan.ttl_ms {
            Some(_) => {
                let (now, rows) = (self.clock.now_ms(), batch.rows());
                batch.with_times(vec![now; rows].into())
            }
            None => batch,
        };
        let groups = self.sides.groups(input, &batch)?;
        self.held = match &mut self.contents[input] {
            Some(contents) => contents.of(&batch)?,
            None => Vec::new(),
        };
        let keep = |row: usize| groups[row] != NO_GROUP && batch.kind(row).adds();
        let kept = self.sides.keep(input, &batch, &groups, keep)?;
        self.probe = Some(Probe::new(input, batch, groups, kept));
        Ok(())
    }

    /// Works off a batch or two of what is under way.
    fn go_on(&mut self, out: &mut dyn Output) -> Result<()> {
        for given in 0..BATCHES {
            let Some(mut probe) = self.probe.take_if(|_| given == 0 || out.has_room()) else { break };
            let other = &self.sides.stores[1 - probe.input];
            let mut pairs = probe.find(other, self.batch_rows, |_, _| true);
            self.pairing.filter(&mut pairs, probe.input, &probe.batch, other, out)?;
            probe.carry(&pairs);
            let changes = if self.append && self.plan.spec.kind == JoinKind::Inner {
                // Nothing else follows from a pair than that it is given.
                Changes { rows: pairs.rows, others: pairs.others, kinds: Vec::new() }
            } else {
                self.settle(&probe, &pairs)?
            };
            self.give(&probe, changes, out)?;
            if probe.is_done() {
                self.end(&probe);
            } else {
                self.probe = Some(probe);
            }
        }
        Ok(())
    }

    /// The changes that `pairs` make, in the order of their rows.
    fn settle(&mut self, probe: &Probe, pairs: &Pairs) -> Result<Changes> {
        let mut changes = Changes::default();
        let mut at = 0;
        for (row, of_row, met) in pairs.done() {
            at = of_row.end;
            self.meet(probe, &pairs.others[of_row], row, &mut changes);
            self.finish(probe, row, met, &mut changes)?;
        }
        if at < pairs.others.len() {
            let row = pairs.rows[at] as usize;
            self.meet(probe, &pairs.others[at..], row, &mut changes);
        }
        Ok(changes)
    }

    /// Row `row` meets `others`.
    fn meet(&mut self, probe: &Probe, others: &[u32], row: usize, changes: &mut Changes) {
        let (input, kind) = (probe.input, self.plan.spec.kind);
        let change = probe.batch.kind(row);
        let adds = change.adds();
        let at = u32::try_from(row).unwrap_or(NO_ROW);
        let paired = match (kind, adds) {
            (JoinKind::Inner, _) => change,
            (_, true) => RowKind::Insert,
            (_, false) if kind.pads(input) => RowKind::Delete,
            (_, false) => change,
        };
        let counted = self.counted[1 - input];
        if kind.filters() && !counted {
            return;
        }
        let store = &mut self.sides.stores[1 - input];
        for &other in others {
            let before = if counted { store.mark(other) } else { 0 };
            if counted {
                store.set_mark(other, if adds { before + 1 } else { (before - 1).max(0) });
            }
            // The other row is the first that matches, or was the last.
            let turns = counted && before == i64::from(!adds);
            match kind {
                JoinKind::Semi if turns => changes.push(NO_ROW, other, change),
                JoinKind::Anti if turns => {
                    changes.push(NO_ROW, other, if adds { RowKind::Delete } else { RowKind::Insert });
                }
                JoinKind::Semi | JoinKind::Anti => {}
                JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                    if turns && adds {
                        changes.push(NO_ROW, other, RowKind::Delete);
                    }
                    changes.push(at, other, paired);
                    if turns && !adds {
                        changes.push(NO_ROW, other, RowKind::Insert);
                    }
                }
            }
        }
    }

    /// Row `row` has met all `met` rows that match it.
    fn finish(&mut self, probe: &Probe, row: usize, met: i64, changes: &mut Changes) -> Result<()> {
        let (input, kind) = (probe.input, self.plan.spec.kind);
        let change = probe.batch.kind(row);
        let at = u32::try_from(row).unwrap_or(NO_ROW);
        if kind.filters() {
            if input == 0 && (met > 0) == (kind == JoinKind::Semi) {
                changes.push(at, NO_ROW, change);
            }
        } else if kind.pads(input) && met == 0 {
            changes.push(at, NO_ROW, if change.adds() { RowKind::Insert } else { RowKind::Delete });
        }
        let kept = probe.kept[row];
        let store = &mut self.sides.stores[input];
        if kept != NO_ROW && self.counted[input] {
            store.set_mark(kept, met);
        }
        let Some(contents) = &mut self.contents[input] else { return Ok(()) };
        if kept != NO_ROW {
            contents.push(self.held[row], kept);
        } else if probe.groups[row] != NO_GROUP
            && let Some(gone) = contents.pop(self.held[row])
        {
            store.remove(gone)?;
        }
        Ok(())
    }

    fn give(&self, probe: &Probe, changes: Changes, out: &mut dyn Output) -> Result<()> {
        if changes.rows.is_empty() {
            return Ok(());
        }
        let other = &self.sides.stores[1 - probe.input];
        let columns = self.pairing.rows(probe.input, &probe.batch, other, [&changes.rows, &changes.others])?;
        let times = vec![NO_TIME; changes.rows.len()];
        let kinds = (!self.append).then(|| changes.kinds.into());
        out.batch(self.pairing.batch(columns, times)?.with_kinds(kinds))
    }

    /// A batch is done: keys and contents that nobody has are forgotten.
    fn end(&mut self, probe: &Probe) {
        let not_kept = probe.groups.iter().zip(&probe.kept).filter(|(_, kept)| **kept == NO_ROW);
        self.sides.free(not_kept.map(|(&group, _)| group).collect());
        if let Some(contents) = &mut self.contents[probe.input] {
            contents.free(std::mem::take(&mut self.held));
        }
    }

    /// Forgets the rows whose time is over.
    fn expire(&mut self) -> Result<()> {
        let Some(ttl_ms) = self.plan.ttl_ms else { return Ok(()) };
        let before = self.clock.now_ms().saturating_sub(ttl_ms).saturating_add(1);
        let mut gone = Vec::new();
        for (store, contents) in self.sides.stores.iter_mut().zip(&mut self.contents) {
            for row in store.due(before) {
                if let Some(contents) = contents {
                    contents.remove(row);
                }
                let group = store.group(row);
                store.remove(row)?;
                gone.extend(store.is_empty(group).then_some(group));
            }
        }
        self.sides.free(gone);
        Ok(())
    }
}

impl Operator for RegularJoinOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.expire()?;
        self.begin(input, batch)?;
        self.go_on(out)?;
        out.arm(self.armed());
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        if self.probe.is_some() {
            self.go_on(out)?;
        } else {
            self.expire()?;
        }
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        Ok(StateDelta { changes: self.sides.changes()? })
    }

    fn inspect(&mut self) -> OperatorView {
        let contents = self.contents.iter().flatten().map(Contents::bytes).sum();
        self.sides.view(contents)
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.sides.read(query)
    }
}
