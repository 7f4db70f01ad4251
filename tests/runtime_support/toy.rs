//! A stage that the language has not, as a file of `src/operators` would be: what it costs to add one. `number n` numbers the
//! rows of each key, from 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use lotic::api::{
    Exchange, Operator, OperatorContext, Output, PlannedOperator, Shape, Signature, StageArgs, StageContext, StageSpec,
};
use lotic::state::{KeyedRows, StateChange, StateDelta, StateDescriptor};
use lotic::types::{Batch, CheckpointId, Diagnostic, Field, LogicalType, Result, Schema, key_group};

/// `number`
pub(crate) const NUMBER: StageSpec = StageSpec {
    name: "number",
    aliases: &[],
    signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[] },
    summary: "numbers the rows of each key",
    help: "Gives a row the number that it has among the rows of its key, in the order of their arrival.",
    examples: &["bids | key_by auction | number n;"],
    flink: Some("ROW_NUMBER"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let shape = stream.shape();
    let bigint = |key: &usize| shape.schema.fields()[*key].ty == LogicalType::BigInt;
    let (Some([key]), name) = (shape.keys.as_deref(), args.word(0)?) else {
        return Err(Diagnostic::at(args.span, "`number` needs one key").help("write `key_by auction | number n`"));
    };
    if !bigint(key) {
        return Err(Diagnostic::at(args.span, "the key of `number` is a bigint"));
    }
    let number = Field::new(name.node.clone(), LogicalType::BigInt).not_null();
    let output = Schema::new(shape.schema.fields().iter().cloned().chain([number]).collect::<Vec<_>>());
    stream.apply(Arc::new(Number { key: *key, output }));
    Ok(())
}

#[derive(Debug)]
struct Number {
    key: usize,
    output: Schema,
}

impl Number {
    fn numbers(&self) -> StateDescriptor {
        let key = self.output.fields()[self.key].clone();
        StateDescriptor::new("numbers", Schema::new([key, Field::new("last", LogicalType::BigInt)]), 1)
    }
}

impl PlannedOperator for Number {
    fn name(&self) -> &'static str {
        "Number"
    }

    fn describe(&self) -> String {
        format!("key=[{}]", self.output.fields()[self.key].name)
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Hash(vec![self.key])
    }

    fn passes(&self, column: usize) -> Option<usize> {
        (column + 1 < self.output.len()).then_some(column)
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.numbers()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let numbers = self.numbers();
        let mut last = BTreeMap::new();
        if let Some(restored) = &context.restored {
            for (_, rows) in restored.keyed(&numbers)? {
                last.extend(longs(rows.column(0)).into_iter().zip(longs(rows.column(1)).into_iter().flatten()));
            }
        }
        let (key, output, max) = (self.key, self.output.clone(), context.max_parallelism);
        Ok(Box::new(Numbering { key, output, last, dirty: BTreeMap::new(), numbers, max }))
    }
}

struct Numbering {
    key: usize,
    output: Schema,
    /// The last number of each key, and those given since the last snapshot.
    last: BTreeMap<Option<i64>, i64>,
    dirty: BTreeMap<Option<i64>, i64>,
    numbers: StateDescriptor,
    max: u16,
}

impl Operator for Numbering {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let next = |key| {
            let last = self.last.entry(key).or_default();
            *last += 1;
            self.dirty.insert(key, *last);
            *last
        };
        let numbers: Int64Array = longs(batch.column(self.key)).into_iter().map(next).collect();
        let columns = batch.columns().columns().iter().cloned().chain([Arc::new(numbers) as ArrayRef]);
        out.batch(batch.with_columns(Arc::clone(self.output.arrow()), columns.collect())?)
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        if self.dirty.is_empty() {
            return Ok(StateDelta::default());
        }
        let (keys, last): (Vec<_>, Vec<_>) = std::mem::take(&mut self.dirty).into_iter().unzip();
        let keys: ArrayRef = Arc::new(Int64Array::from(keys));
        let mut hashes = Vec::new();
        key_group::hash_keys(&[Arc::clone(&keys)], &mut hashes)?;
        let key_groups = hashes.into_iter().map(|hash| key_group::key_group(hash, self.max)).collect();
        let columns = vec![keys, Arc::new(Int64Array::from(last)) as ArrayRef];
        let rows = RecordBatch::try_new(Arc::clone(self.numbers.schema.arrow()), columns)?;
        let rows = KeyedRows { rows, key_groups };
        Ok(StateDelta { changes: vec![StateChange::Upsert { state: "numbers", namespace: 0, rows }] })
    }
}

fn longs(column: &ArrayRef) -> Vec<Option<i64>> {
    column.as_primitive::<Int64Type>().iter().collect()
}
