//! `primary key (currency)`: the rows of a table that is updated by its key, as changes of it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};

use super::group_aggregate::unchanged_pairs;
use super::group_table::GroupTable;
use super::keyed::{NO_ROW, RowState, RowStore};
use super::rows::display;
use super::select::{columns, no_window};
use crate::api::{
    ChangelogMode, Clause, Exchange, Operator, OperatorContext, Output, PlannedOperator, Pruned, Rejected, Shape,
    Signature, StageArgs, StageContext, StageSpec, StateRead,
};
use crate::formats::CHANGE;
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::state::{StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Diagnostic, LogicalType, Result, RowKind, Schema};

/// `primary key`
pub(super) const PRIMARY_KEY: StageSpec = StageSpec {
    name: "primary key",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Names],
        optional: &[],
        clauses: &[Clause {
            keyword: "kind",
            shape: Shape::Name,
            required: false,
            help: "the column that says what a row does: insert, update, delete",
        }],
    },
    summary: "says by which columns rows replace one another",
    help: "The stream becomes a table with one row a key: each row replaces the one before it, and a row that says by its \
           `kind` that it deletes takes it out. What follows hears of the changes. A source declares it too: `source s from \
           file 'x.csv' primary key (id) with (row_kind = 'op')`, and so does a stream: `stream s primary key (id) = …`. With an \
           event time its rows are the versions that `join … as of` finds.",
    examples: &[
        "bids | map auction, bidder, price | primary key auction | key_by bidder | aggregate count(*) as leads;",
    ],
    flink: Some("PRIMARY KEY; upsert sources"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(args.span, "the rows are changes already, and can't be given another key")
            .help("declare the key on the source, or leave it out"));
    }
    let names = args.words(0)?;
    let keys = columns(names, &shape.schema)?;
    let kind = match args.clause_word("kind")? {
        None => None,
        Some(name) => {
            let kind = columns(std::slice::from_ref(name), &shape.schema)?;
            if shape.schema.fields()[kind[0]].ty != LogicalType::String {
                return Err(Diagnostic::at(name.span, "what a row does is said by a string"));
            }
            kind.first().copied()
        }
    };
    for (at, (key, name)) in keys.iter().zip(names).enumerate() {
        if keys[..at].contains(key) || kind == Some(*key) {
            return Err(Diagnostic::at(name.span, format!("`{}` can't be part of the key", name.node))
                .help("a key has distinct columns, and not the one that says what a row does"));
        }
        if matches!(shape.schema.fields()[*key].ty, LogicalType::Map(..)) {
            return Err(Diagnostic::at(name.span, "a key can't be a map"));
        }
    }
    let mut kept = shape.schema.names().enumerate().filter(|(column, _)| kind != Some(*column));
    if kept.any(|(_, name)| name == CHANGE) {
        let message = format!("`{CHANGE}` is the name of a change's kind: no column of a changelog can have it");
        return Err(Diagnostic::at(args.span, message).help("give the column another name with `map` before"));
    }
    stream.apply(Arc::new(ChangelogNormalize::new(&shape.schema, keys, kind)));
    Ok(())
}

/// Tells what each row changes of the table that has one row a key: Flink's `ChangelogNormalize`. A row that says what it
/// does says so in the column `kind`, which then is no column of the table.
#[derive(Debug, Clone)]
pub struct ChangelogNormalize {
    input: Schema,
    keys: Vec<usize>,
    kind: Option<usize>,
    /// The input columns that leave.
    columns: Vec<usize>,
    output: Schema,
    /// Whether an update says what it replaces (`-U`).
    update_before: bool,
}

impl ChangelogNormalize {
    /// Of rows of `input`, whose columns `keys` are not the column `kind`.
    #[must_use]
    pub fn new(input: &Schema, keys: Vec<usize>, kind: Option<usize>) -> Self {
        let columns: Vec<usize> = (0..input.len()).filter(|&column| Some(column) != kind).collect();
        let output = input.project(&columns);
        Self { input: input.clone(), keys, kind, columns, output, update_before: true }
    }

    fn key(&self) -> Option<Vec<usize>> {
        self.keys.iter().map(|key| self.columns.iter().position(|column| column == key)).collect()
    }

    fn state(&self) -> RowState {
        RowState { name: "rows", schema: self.input.clone(), keys: self.keys.clone(), mark: None }
    }
}

impl PlannedOperator for ChangelogNormalize {
    fn name(&self) -> &'static str {
        "ChangelogNormalize"
    }

    fn describe(&self) -> String {
        let keys: Vec<&str> = self.keys.iter().map(|&key| self.input.fields()[key].name.as_str()).collect();
        format!("key=[{}]", keys.join(", "))
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Hash(self.keys.clone())
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied()
    }

    fn tells_versions(&self) -> bool {
        true
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        match self.key() {
            Some(key) if !self.update_before => ChangelogMode::Upsert(key),
            key => ChangelogMode::Retract(key),
        }
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(Arc::new(Self { update_before: false, ..self.clone() }))
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<usize> = needed.iter().map(|&column| self.columns[column]).collect();
        let mut reads: Vec<usize> = columns.iter().chain(&self.keys).chain(&self.kind).copied().collect();
        reads.sort_unstable();
        reads.dedup();
        let at = |column: &usize| reads.binary_search(column).unwrap_or(*column);
        let operator = Self {
            input: self.input.project(&reads),
            keys: self.keys.iter().map(at).collect(),
            kind: self.kind.as_ref().map(at),
            columns: columns.iter().map(at).collect(),
            output: self.output.project(needed),
            update_before: self.update_before,
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![reads] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.state().descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let types: Vec<_> = self.keys.iter().map(|&key| self.input.fields()[key].ty.to_arrow()).collect();
        let mut table = GroupTable::new(&types, 0)?;
        let mut store = RowStore::new(self.state(), context.max_parallelism);
        if let Some(restored) = &context.restored {
            store.restore(&**restored, &mut table)?;
        }
        let place = context.place();
        Ok(Box::new(NormalizeOperator { plan: self.clone(), table, store, place }))
    }
}

struct NormalizeOperator {
    plan: ChangelogNormalize,
    table: GroupTable,
    store: RowStore,
    place: String,
}

/// Whether a row of this kind is deleted; `None` when it is none.
fn deletes(kind: &str) -> Option<bool> {
    match kind.to_ascii_lowercase().as_str() {
        "+i" | "+u" | "i" | "u" | "c" | "r" | "insert" | "update" | "upsert" | "create" | "read" | "update_after" => {
            Some(false)
        }
        "-d" | "d" | "delete" => Some(true),
        _ => None,
    }
}

/// Whether a row of this kind only says what another replaces.
fn is_before(kind: &str) -> bool {
    matches!(kind.to_ascii_lowercase().as_str(), "-u" | "update_before")
}

impl NormalizeOperator {
    /// The rows that say something, and which of them are deletions. Those of an unknown kind are rejected.
    fn kinds(&self, batch: Batch, out: &mut dyn Output) -> Result<(Batch, Vec<bool>)> {
        let Some(kind) = self.plan.kind else {
            let rows = batch.rows();
            return Ok((batch, vec![false; rows]));
        };
        let kinds = batch.column(kind).as_string::<i32>().clone();
        let mut keep = vec![true; batch.rows()];
        let mut deleted = Vec::with_capacity(batch.rows());
        let mut rejected = Vec::new();
        for (row, keep) in keep.iter_mut().enumerate() {
            let text = if kinds.is_null(row) { "" } else { kinds.value(row) };
            match deletes(text) {
                Some(gone) => deleted.push(gone),
                None if is_before(text) => *keep = false,
                None => {
                    *keep = false;
                    let message = format!("`{text}` is no kind of a change: there are insert, update and delete");
                    let row = display(batch.columns(), row).into_bytes();
                    rejected.push(Rejected { place: self.place.clone(), row, message });
                }
            }
        }
        if !rejected.is_empty() {
            out.reject(rejected)?;
        }
        Ok((batch.filter(&BooleanArray::from(keep))?, deleted))
    }
}

impl Operator for NormalizeOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, deleted) = self.kinds(batch, out)?;
        if batch.is_empty() {
            return Ok(());
        }
        let keys: Vec<ArrayRef> = self.plan.keys.iter().map(|&key| batch.column(key).clone()).collect();
        let mut groups = Vec::new();
        self.table.intern(&keys, batch.rows(), &mut groups)?;
        // The row of each key before this batch; those of the batch stand behind it.
        let mut current: std::collections::BTreeMap<u32, u32> = std::collections::BTreeMap::new();
        for &group in &groups {
            current.entry(group).or_insert_with(|| self.store.first(group));
        }
        let mut rows = Vec::with_capacity(groups.len());
        self.store.append(&batch.clone().with_kinds(None), &groups, &mut rows)?;
        let (mut given, mut kinds, mut times, mut gone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, (&group, &row)) in groups.iter().zip(&rows).enumerate() {
            let before = current.insert(group, if deleted[at] { NO_ROW } else { row }).unwrap_or(NO_ROW);
            let mut give = |row: u32, kind: RowKind| {
                given.push(row);
                kinds.push(kind as i8);
                times.push(batch.times()[at]);
            };
            match (before == NO_ROW, deleted[at]) {
                (true, false) => give(row, RowKind::Insert),
                (false, false) => {
                    give(before, RowKind::UpdateBefore);
                    give(row, RowKind::UpdateAfter);
                }
                // The whole row: a deletion may tell the key alone.
                (false, true) => give(before, RowKind::Delete),
                // What was never there can't be taken back, as in Flink.
                (true, true) => {}
            }
            gone.extend([before, if deleted[at] { row } else { NO_ROW }].into_iter().filter(|&row| row != NO_ROW));
        }
        let columns = self.store.gather(&given, &self.plan.columns)?;
        let keep = unchanged_pairs(&kinds, &columns)?;
        let after = |row: usize| self.plan.update_before || kinds[row] != RowKind::UpdateBefore as i8;
        let keep: BooleanArray = (0..kinds.len()).map(|row| Some(keep.value(row) && after(row))).collect();
        for row in gone {
            self.store.remove(row)?;
        }
        for (group, row) in current {
            if row == NO_ROW {
                self.table.free(group);
            }
        }
        let given = Batch::new(self.plan.output.record_batch(columns, times.len())?, times.into());
        let given = given.with_kinds(Some(kinds.into())).filter(&keep)?;
        if given.is_empty() { Ok(()) } else { out.batch(given) }
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut delta = StateDelta::default();
        self.store.changes(&mut delta.changes)?;
        Ok(delta)
    }

    fn inspect(&mut self) -> OperatorView {
        let bytes = self.table.bytes() + self.store.bytes();
        let entries = EntriesView { count: self.store.len() as u64, bytes: bytes as u64 };
        OperatorView { watermark: None, sections: vec![Section::Entries(entries)] }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.store.read(query)?.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::api::Arg;
    use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order};
    use crate::operators::testing::{FakeStream, Random, Values, at, batch};

    type Row = (Option<i64>, i64, Option<&'static str>);

    fn rows(rows: &[Row]) -> (Schema, Batch) {
        batch(vec![
            ("k", Values::Int(rows.iter().map(|row| row.0).collect())),
            ("v", Values::ints(rows.iter().map(|row| row.1))),
            ("does", Values::Text(rows.iter().map(|row| row.2).collect())),
        ])
    }

    fn planned(kind: bool) -> Arc<dyn PlannedOperator> {
        let mut stream = FakeStream::new(&rows(&[]).0);
        let clauses = if kind { vec![("kind", Arg::Name(at("does".to_owned())))] } else { Vec::new() };
        stream.stage("primary key", vec![Arg::Names(vec![at("k".to_owned())])], clauses).expect("binds");
        assert_eq!(stream.shape.changelog, ChangelogMode::Retract(Some(vec![0])));
        Arc::clone(stream.applied.last().expect("applied"))
    }

    /// The changes, by the last row of each key.
    fn model(batches: &[Vec<Row>], kind: bool, before: bool) -> Vec<String> {
        let mut table: BTreeMap<Option<i64>, String> = BTreeMap::new();
        let mut given = Vec::new();
        for (k, v, op) in batches.iter().flatten() {
            let shown = |value: &Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
            let op_column = if kind { String::new() } else { format!("|{}", op.unwrap_or("null")) };
            let row = format!("{}|{v}{op_column}", shown(k));
            match (kind.then_some(*op).flatten(), table.get(k).cloned()) {
                (Some("update_before"), _) => {}
                (Some("d"), old) => {
                    given.extend(old.map(|old| format!("-D {old}")));
                    table.remove(k);
                }
                (_, None) => {
                    given.push(format!("+I {row}"));
                    table.insert(*k, row);
                }
                (_, Some(old)) if old == row => {}
                (_, Some(old)) => {
                    if before {
                        given.push(format!("-U {old}"));
                    }
                    given.push(format!("+U {row}"));
                    table.insert(*k, row);
                }
            }
        }
        given
    }

    #[test]
    fn random_rows_give_the_changes_of_a_table() {
        for seed in 0..cases(30) {
            let mut random = Random(seed * 49_979_687);
            let kind = random.below(2) == 0;
            let some = |random: &mut Random| -> Row {
                let op = ["c", "+U", "d", "update_before"][random.index(4)];
                (Some(random.int(4)).filter(|key| *key < 3), random.int(3), Some(op))
            };
            let batches: Vec<Vec<Row>> =
                (0..=random.below(6)).map(|_| (0..=random.below(5)).map(|_| some(&mut random)).collect()).collect();
            let steps: Vec<Step> = batches.iter().map(|batch| Step::Rows(0, rows(batch).1)).collect();
            let planned = planned(kind);
            assert_eq!(in_order(&*planned, &steps).rows, model(&batches, kind, true), "seed {seed}");
            let after = planned.only_after().expect("updates need no old row");
            assert_eq!(in_order(&*after, &steps).rows, model(&batches, kind, false), "seed {seed}");
            if seed % 5 == 0 {
                broken_anywhere(&*planned, &steps);
            }
        }
    }

    #[test]
    fn a_row_of_no_kind_is_rejected() {
        let steps = [Step::Rows(0, rows(&[(Some(1), 1, Some("c")), (Some(1), 2, Some("x")), (Some(2), 3, None)]).1)];
        let outcome = in_order(&*planned(true), &steps);
        assert_eq!(outcome.rows, ["+I 1|1"]);
        assert_eq!(outcome.rejected[0], "`x` is no kind of a change: there are insert, update and delete");
        assert_eq!(outcome.rejected.len(), 2);
        let pruned = planned(true).prune(&[1]).expect("narrows");
        assert_eq!(
            (pruned.inputs, pruned.operator.output().to_string()),
            (vec![vec![0, 1, 2]], "(v bigint)".to_owned())
        );
    }
}
