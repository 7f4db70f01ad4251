//! `limit 5`

use std::sync::Arc;

use super::select::no_window;
use super::top::first_to_arrive;
use crate::api::{
    Exchange, Operator, OperatorContext, Output, PlannedOperator, Pruned, Shape, Signature, StageArgs, StageContext,
    StageSpec,
};
use crate::state::{OperatorStateDescriptor, StateChange, StateDelta};
use crate::types::{Batch, CheckpointId, Diagnostic, Error, Result, Schema};

/// `limit`
pub(super) const LIMIT: StageSpec = StageSpec {
    name: "limit",
    aliases: &[],
    signature: Signature { head: &[Shape::Integer], optional: &[], clauses: &[] },
    summary: "passes the first N rows, and then ends the input",
    help: "The first rows are those that arrive first, whichever they are. Behind them nothing more is read. Of a \
           changelog N rows are valid at a time: where one is taken back, the next takes its place, so all are kept.",
    examples: &["bids | filter price > 1000 | limit 5;"],
    flink: Some("LIMIT"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let schema = stream.shape().schema.clone();
    let rows = usize::try_from(args.integer(0)?.node).unwrap_or(usize::MAX);
    if !stream.shape().changelog.is_append() && rows > 0 {
        // A row that is taken back makes room for another: none can be passed by.
        let keys = stream.shape().keys.clone();
        let top = first_to_arrive(stream.shape(), rows, args.span)?;
        stream.apply(Arc::new(top));
        stream.shape_mut().keys = keys;
        return Ok(());
    }
    stream.apply(Arc::new(Limit { rows: args.integer(0)?.node, output: schema }));
    Ok(())
}

/// Passes the first rows.
#[derive(Debug, Clone)]
pub struct Limit {
    rows: u64,
    output: Schema,
}

/// The operator state: the rows passed so far, eight bytes, little endian.
const PASSED: OperatorStateDescriptor = OperatorStateDescriptor::split("passed");

impl PlannedOperator for Limit {
    fn name(&self) -> &'static str {
        "Limit"
    }

    fn describe(&self) -> String {
        format!("fetch={}", self.rows)
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Global
    }

    fn parallelism(&self) -> Option<usize> {
        Some(1)
    }

    fn passes(&self, column: usize) -> Option<usize> {
        Some(column)
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let operator = Self { rows: self.rows, output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![needed.to_vec()] })
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![PASSED]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut passed = 0_u64;
        if let Some(restored) = &context.restored {
            for entry in restored.operator(&PASSED)? {
                let bytes = entry.try_into().map_err(|_| Error::state("a stored row count is not eight bytes"))?;
                passed = passed.saturating_add(u64::from_le_bytes(bytes));
            }
        }
        Ok(Box::new(LimitOperator { rows: self.rows, passed, closed: false }))
    }
}

struct LimitOperator {
    rows: u64,
    passed: u64,
    closed: bool,
}

impl LimitOperator {
    fn close_when_done(&mut self, out: &mut dyn Output) {
        if self.passed >= self.rows && !self.closed {
            self.closed = true;
            out.close();
        }
    }
}

impl Operator for LimitOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let left = usize::try_from(self.rows.saturating_sub(self.passed)).unwrap_or(usize::MAX);
        let rows = left.min(batch.rows());
        self.passed += rows as u64;
        if rows > 0 {
            out.batch(if rows == batch.rows() { batch } else { batch.slice(0, rows) })?;
        }
        self.close_when_done(out);
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        // Reached before the first row when the limit is 0 or was reached before a restart.
        self.close_when_done(out);
        out.watermark(watermark)
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let entry = self.passed.to_le_bytes().to_vec();
        Ok(StateDelta { changes: vec![StateChange::Operator { state: PASSED.name, entry }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{MemoryState, Recorder, Values, apply, batch, context, instance};

    #[test]
    fn the_first_rows_pass_and_the_count_lasts_through_a_restore() {
        let (schema, rows) = batch(vec![("n", Values::ints(0..4))]);
        let limit = Limit { rows: 6, output: schema };
        let mut running = limit.create(&context()).expect("creates");
        let mut out = Recorder::default();
        running.process(0, rows.clone(), &mut out).expect("processes");
        let mut state = MemoryState::default();
        apply(&mut state, &context(), &running.snapshot(CheckpointId(1)).expect("snapshots"), 0);
        let mut running = limit.create(&instance(0, 1, Some(&state))).expect("creates");
        assert_eq!(out.closed, 0);
        for _ in 0..2 {
            running.process(0, rows.clone(), &mut out).expect("processes");
        }
        assert_eq!(out.elements, ["0", "1", "2", "3", "0", "1"]);
        assert_eq!(out.closed, 1);
    }

    #[test]
    fn a_limit_of_nothing_closes_with_the_first_element() {
        let (schema, _) = batch(vec![("n", Values::ints(0..4))]);
        let mut running = Limit { rows: 0, output: schema }.create(&context()).expect("creates");
        let mut out = Recorder::default();
        running.watermark(5, &mut out).expect("passes");
        assert_eq!((out.closed, out.elements), (1, vec!["~5".to_owned()]));
    }
}
