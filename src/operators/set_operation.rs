//! `intersect all returned`, `except returned`

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, UInt32Array};

use super::group_table::GroupTable;
use super::rows::{Entries, keyed_rows};
use super::select::no_window;
use super::union::same_columns;
use crate::api::{
    ChangelogMode, Exchange, Operator, OperatorContext, Output, PlannedOperator, Shape, Signature, StageArgs,
    StageContext, StageSpec, StateRead, StateReader, TimeAttributes,
};
use crate::formats::CHANGE;
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::state::{RestoredState, StateChange, StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Diagnostic, Error, Field, LogicalType, NO_TIME, Result, RowKind, Schema};

/// Name of the keyed state: how often each side has a row.
const COUNTS: &str = "counts";

const fn stage(
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    example: &'static [&'static str],
) -> StageSpec {
    let signature = Signature { head: &[Shape::Name], optional: &[], clauses: &[] };
    let flink = match name.as_bytes() {
        b"intersect" => "INTERSECT",
        b"intersect all" => "INTERSECT ALL",
        b"except" => "EXCEPT",
        _ => "EXCEPT ALL",
    };
    StageSpec { name, aliases: &[], signature, summary, help, examples: example, flink: Some(flink), bind }
}

/// The set operations beside `union`.
pub(super) const SET_OPERATIONS: [StageSpec; 4] = [
    stage(
        "intersect",
        "keeps the rows that both streams have, each once",
        "The streams must have as many columns of the same types in the same order. Null equals null. Rows that both have \
         are given once; where a stream takes rows back, so does the result.",
        &["stream bidders = bids | map bidder as id;\nauctions | map seller as id | intersect bidders;"],
    ),
    stage(
        "intersect all",
        "keeps the rows that both streams have, as often as both have them",
        "As `intersect`, but a row that the one has three times and the other twice is given twice.",
        &["stream bidders = bids | map bidder as id;\nauctions | map seller as id | intersect all bidders;"],
    ),
    stage(
        "except",
        "keeps the rows that the other stream has not, each once",
        "The streams must have as many columns of the same types in the same order. Null equals null. A row that the other \
         stream comes to have is taken back.",
        &["stream bidders = bids | map bidder as id;\nauctions | map seller as id | except bidders;"],
    ),
    stage(
        "except all",
        "takes each row of the other stream off once",
        "As `except`, but a row that the one has three times and the other once is given twice.",
        &["stream bidders = bids | map bidder as id;\nauctions | map seller as id | except all bidders;"],
    ),
];

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let name = args.word(0)?;
    let (other, theirs) = stream.stream(name)?;
    let output = same_columns(&shape.schema, &theirs.schema, name)?;
    if let Some(map) = output.fields().iter().find(|field| matches!(field.ty, LogicalType::Map(..))) {
        let message = format!("rows that hold maps (`{}`) can't be compared", map.name);
        return Err(Diagnostic::at(args.span, message).help("leave the map out with `map` before"));
    }
    let rule = match args.name.node.as_str() {
        "intersect" => Rule::Intersect,
        "intersect all" => Rule::IntersectAll,
        "except" => Rule::Except,
        _ => Rule::ExceptAll,
    };
    let append = shape.changelog.is_append() && theirs.changelog.is_append();
    if !(rule.is_intersect() && append) && output.names().any(|column| column == CHANGE) {
        let message = format!("`{CHANGE}` is the name of a change's kind: no column of a changelog can have it");
        return Err(Diagnostic::at(args.span, message).help("give the column another name with `map` before"));
    }
    stream.apply_many(Arc::new(SetOperation { rule, append: rule.is_intersect() && append, output }), &[other]);
    // A row has no time at which it is final.
    stream.shape_mut().time = TimeAttributes::default();
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Intersect,
    IntersectAll,
    Except,
    ExceptAll,
}

impl Rule {
    const fn is_intersect(self) -> bool {
        matches!(self, Self::Intersect | Self::IntersectAll)
    }

    const fn is_all(self) -> bool {
        matches!(self, Self::IntersectAll | Self::ExceptAll)
    }

    /// How often the result has a row that the sides have so often.
    fn count(self, [left, right]: [i64; 2]) -> i64 {
        match self {
            Self::Intersect => i64::from(left > 0 && right > 0),
            Self::IntersectAll => left.min(right),
            Self::Except => i64::from(left > 0 && right == 0),
            Self::ExceptAll => (left - right).max(0),
        }
    }
}

/// Counts the equal rows of two inputs: what Flink makes of semi and anti joins and of aggregates.
#[derive(Debug, Clone)]
pub struct SetOperation {
    rule: Rule,
    append: bool,
    output: Schema,
}

impl SetOperation {
    fn descriptor(&self) -> StateDescriptor {
        let counts = ["left", "right"].map(|side| Field::new(format!("#{side}"), LogicalType::BigInt).not_null());
        let fields: Vec<Field> = self.output.fields().iter().cloned().chain(counts).collect();
        StateDescriptor::new(COUNTS, Schema::new(fields), self.output.len())
    }
}

impl PlannedOperator for SetOperation {
    fn name(&self) -> &'static str {
        if self.rule.is_intersect() { "Intersect" } else { "Minus" }
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.output.names().collect();
        format!("all=[{}], select=[{}]", self.rule.is_all(), names.join(", "))
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Hash((0..self.output.len()).collect())
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        if self.append {
            ChangelogMode::Append
        } else {
            ChangelogMode::Retract((!self.rule.is_all()).then(|| (0..self.output.len()).collect()))
        }
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let types: Vec<_> = self.output.fields().iter().map(|field| field.ty.to_arrow()).collect();
        let mut running = SetOperator {
            table: GroupTable::new(&types, 0)?,
            counts: Vec::new(),
            dirty: Vec::new(),
            stored: Vec::new(),
            groups: Vec::new(),
            max_parallelism: context.max_parallelism,
            plan: self.clone(),
        };
        if let Some(restored) = &context.restored {
            running.restore(&**restored)?;
        }
        Ok(Box::new(running))
    }
}

struct SetOperator {
    plan: SetOperation,
    table: GroupTable,
    /// How often each side has the row of each group.
    counts: Vec<[i64; 2]>,
    /// The groups that changed since the last snapshot.
    dirty: Vec<bool>,
    /// The groups that stored state has.
    stored: Vec<bool>,
    groups: Vec<u32>,
    max_parallelism: u16,
}

impl SetOperator {
    fn make_room(&mut self) {
        let groups = self.table.numbers().max(self.counts.len());
        self.counts.resize(groups, [0, 0]);
        self.dirty.resize(groups, false);
        self.stored.resize(groups, false);
    }

    fn restore(&mut self, restored: &dyn RestoredState) -> Result<()> {
        let width = self.plan.output.len();
        for (_, rows) in restored.keyed(&self.plan.descriptor())? {
            let mut groups = Vec::new();
            self.table.intern(&rows.columns()[..width], rows.num_rows(), &mut groups)?;
            self.make_room();
            let count = |column: usize| {
                let counts = rows.column(column).as_primitive_opt::<Int64Type>();
                counts.ok_or_else(|| Error::state("a stored row count is no bigint"))
            };
            let (left, right) = (count(width)?, count(width + 1)?);
            for (&group, (&left, &right)) in groups.iter().zip(left.values().iter().zip(right.values())) {
                self.counts[group as usize] = [left, right];
                self.stored[group as usize] = true;
            }
        }
        Ok(())
    }

    /// The groups of rows, and whether each changes the result: the rows and their kinds.
    fn count(&mut self, input: usize, batch: &Batch) -> (Vec<u32>, Vec<i8>) {
        let (mut rows, mut kinds) = (Vec::new(), Vec::new());
        for (row, &group) in (0_u32..).zip(&self.groups) {
            let counts = &mut self.counts[group as usize];
            let before = self.plan.rule.count(*counts);
            let adds = batch.kind(row as usize).adds();
            // What was never there can't be taken back, as in Flink.
            counts[input] = (counts[input] + if adds { 1 } else { -1 }).max(0);
            let after = self.plan.rule.count(*counts);
            self.dirty[group as usize] = true;
            if after != before {
                rows.push(row);
                kinds.push(if after > before { RowKind::Insert } else { RowKind::Delete } as i8);
            }
        }
        (rows, kinds)
    }

    /// Frees the groups of the batch that neither side has any more and of which nothing is stored.
    fn free_emptied(&mut self) {
        for &group in &self.groups {
            let at = group as usize;
            if self.counts[at] == [0, 0] && !self.stored[at] && self.dirty[at] {
                self.dirty[at] = false;
                self.table.free(group);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.table.bytes() + self.counts.capacity() * size_of::<[i64; 2]>() + 2 * self.dirty.capacity()
    }

    /// The counts of these groups in columns.
    fn columns(&self, groups: &[u32]) -> Vec<ArrayRef> {
        let of = |side: usize| -> ArrayRef {
            Arc::new(groups.iter().map(|&group| self.counts[group as usize][side]).collect::<Int64Array>())
        };
        vec![of(0), of(1)]
    }
}

impl Operator for SetOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let mut groups = std::mem::take(&mut self.groups);
        self.table.intern(batch.columns().columns(), batch.rows(), &mut groups)?;
        self.groups = groups;
        self.make_room();
        let (rows, kinds) = self.count(input, &batch);
        self.free_emptied();
        if rows.is_empty() {
            return Ok(());
        }
        let times = vec![NO_TIME; rows.len()];
        let given = batch.take(&UInt32Array::from(rows))?.with_kinds(None);
        // Under the names of the first input.
        let columns = given.columns().columns().to_vec();
        let given = given.with_columns(self.plan.output.arrow().clone(), columns)?.with_times(times.into());
        out.batch(given.with_kinds((!self.plan.append).then(|| kinds.into())))
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        for (group, dirty) in (0_u32..).zip(&mut self.dirty) {
            if std::mem::take(dirty) {
                if self.counts[group as usize] == [0, 0] { gone.push(group) } else { live.push(group) }
            }
        }
        let mut changes = Vec::new();
        if !gone.is_empty() {
            let entries = Entries { keys: self.table.keys(&gone)?, values: Vec::new(), rows: gone.len() };
            let rows = keyed_rows(&self.plan.output, entries, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: COUNTS, namespace: 0, rows });
            for group in gone {
                self.stored[group as usize] = false;
                self.table.free(group);
            }
        }
        if !live.is_empty() {
            for &group in &live {
                self.stored[group as usize] = true;
            }
            let entries = Entries { keys: self.table.keys(&live)?, values: self.columns(&live), rows: live.len() };
            let rows = keyed_rows(&self.plan.descriptor().schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: COUNTS, namespace: 0, rows });
        }
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let entries = EntriesView { count: self.table.len() as u64, bytes: self.bytes() as u64 };
        OperatorView { watermark: None, sections: vec![Section::Entries(entries)] }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let Some(mut reader) = StateReader::new(query, self.plan.descriptor(), self.max_parallelism)? else {
            return Ok(Some(Vec::new()));
        };
        let mut groups = self.table.groups();
        // A row that nobody has only waits for the snapshot that removes it.
        groups.retain(|&group| self.counts[group as usize] != [0, 0]);
        let keys = self.table.keys(&groups)?;
        let mut values = |rows: &[u32]| {
            let wanted: Vec<u32> = rows.iter().map(|&row| groups[row as usize]).collect();
            Ok(self.columns(&wanted))
        };
        reader.add(0, &keys, groups.len(), self.bytes() as u64, &mut values)?;
        Ok(Some(vec![reader.finish()]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::api::{Arg, StreamShape};
    use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order};
    use crate::operators::testing::{FakeStream, Random, Values, at, batch};

    const STAGES: [&str; 4] = ["intersect", "intersect all", "except", "except all"];

    fn word(value: i64) -> &'static str {
        if value % 2 == 0 { "a" } else { "b" }
    }

    fn rows(values: &[Option<i64>]) -> (Schema, Batch) {
        let words = values.iter().map(|value| value.map(word)).collect();
        batch(vec![("n", Values::Int(values.to_vec())), ("s", Values::Text(words))])
    }

    fn planned(stage: &str, changes: bool) -> Arc<dyn PlannedOperator> {
        let (schema, _) = rows(&[]);
        let mut stream = FakeStream::new(&schema);
        let changelog = if changes { ChangelogMode::Retract(None) } else { ChangelogMode::Append };
        stream.shape.changelog = changelog.clone();
        stream.others = vec![("other", StreamShape { changelog, ..StreamShape::of(schema) })];
        stream.stage(stage, vec![Arg::Name(at("other".to_owned()))], vec![]).expect("binds");
        assert!(!stream.shape.time.event_time);
        assert_eq!(stream.shape.changelog.is_append(), !changes && stage.starts_with("intersect"), "{stage}");
        Arc::clone(stream.applied.last().expect("applied"))
    }

    /// Random changes of both sides, with both tables after each.
    fn script(random: &mut Random, changes: bool) -> Vec<(Step, [Vec<Option<i64>>; 2])> {
        let mut sides: [Vec<Option<i64>>; 2] = [Vec::new(), Vec::new()];
        let mut steps = Vec::new();
        for _ in 0..3 + random.below(10) {
            let input = random.index(2);
            let side = &mut sides[input];
            let (mut values, mut kinds) = (Vec::new(), Vec::new());
            for _ in 0..=random.below(5) {
                if changes && random.below(3) == 0 && !side.is_empty() {
                    values.push(side.remove(random.index(side.len())));
                    kinds.push(RowKind::Delete as i8);
                } else {
                    let value = Some(random.int(5)).filter(|value| *value < 4);
                    side.push(value);
                    values.push(value);
                    kinds.push(RowKind::Insert as i8);
                }
            }
            let batch = rows(&values).1.with_kinds(changes.then(|| kinds.into()));
            steps.push((Step::Rows(input, batch), sides.clone()));
        }
        steps
    }

    fn expected(stage: &str, sides: &[Vec<Option<i64>>; 2]) -> BTreeMap<String, i64> {
        let count = |side: usize, value: Option<i64>| {
            i64::try_from(sides[side].iter().filter(|row| **row == value).count()).expect("small")
        };
        let mut table = BTreeMap::new();
        for value in [None, Some(0), Some(1), Some(2), Some(3)] {
            let (left, right) = (count(0, value), count(1, value));
            let times = match stage {
                "intersect" => i64::from(left > 0 && right > 0),
                "intersect all" => left.min(right),
                "except" => i64::from(left > 0 && right == 0),
                _ => (left - right).max(0),
            };
            if times > 0 {
                let row = value.map_or("null|null".to_owned(), |value| format!("{value}|{}", word(value)));
                table.insert(row, times);
            }
        }
        table
    }

    #[test]
    fn random_changes_give_the_changelog_of_the_set_operation() {
        for seed in 0..cases(30) {
            let mut random = Random(seed * 611_953);
            let stage = STAGES[random.index(4)];
            let changes = random.below(2) == 0;
            let script = script(&mut random, changes);
            let planned = planned(stage, changes);
            let steps: Vec<Step> = script.iter().map(|(step, _)| step.clone()).collect();
            for (at, (_, sides)) in script.iter().enumerate() {
                let mut table: BTreeMap<String, i64> = BTreeMap::new();
                for row in in_order(&*planned, &steps[..=at]).rows {
                    let takes = row.starts_with("-D ");
                    let values = row.trim_start_matches("+I ").trim_start_matches("-D ").to_owned();
                    let count = table.entry(values).or_default();
                    *count += if takes { -1 } else { 1 };
                    assert!(*count >= 0);
                }
                table.retain(|_, count| *count > 0);
                assert_eq!(table, expected(stage, sides), "seed {seed}: {stage} step {at}");
            }
            if seed % 5 == 0 {
                broken_anywhere(&*planned, &steps);
            }
        }
    }

    #[test]
    fn rows_that_nobody_has_are_forgotten() {
        let planned = planned("except", true);
        let mut running = planned.create(&crate::operators::testing::context()).expect("creates");
        let mut out = crate::operators::testing::Recorder::default();
        let change = |kind: RowKind| rows(&[Some(1)]).1.with_kinds(Some(vec![kind as i8].into()));
        for round in 1..=2 {
            running.process(0, change(RowKind::Insert), &mut out).expect("processes");
            assert_eq!(running.inspect().entries().count, 1);
            running.snapshot(CheckpointId(round)).expect("snapshots");
            running.process(0, change(RowKind::Delete), &mut out).expect("processes");
            let removed = running.snapshot(CheckpointId(round + 10)).expect("snapshots");
            assert!(matches!(removed.changes.as_slice(), [StateChange::Remove { .. }]));
            assert_eq!(running.inspect().entries().count, 0);
        }
        assert_eq!(out.elements, ["+I 1|b", "-D 1|b", "+I 1|b", "-D 1|b"]);
    }
}
