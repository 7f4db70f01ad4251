//! Debug builds wrap each operator: what comes out of it must have the columns that its plan promises, and its watermarks
//! must only rise. A violation is a defect of ours and panics, which fails the job by name.

use super::checks;
use crate::api::{Armed, Moment, Operator, Output, PlannedOperator, Rejected, Settled, StateRead};
use crate::inspect::{OperatorView, StateQuery};
use crate::state::StateDelta;
use crate::types::{Batch, CheckpointId, Result, Schema};

/// `operator`, checked in debug builds and as it is in others.
pub(super) fn checked(operator: Box<dyn Operator>, planned: &dyn PlannedOperator) -> Box<dyn Operator> {
    if !cfg!(debug_assertions) {
        return operator;
    }
    let promise = Promise {
        name: planned.name().to_owned(),
        output: planned.output().clone(),
        sides: planned.side_outputs().into_iter().map(|side| side.schema).collect(),
        watermark_in: None,
        watermark_out: None,
    };
    Box::new(Checked { operator, promise })
}

struct Checked {
    operator: Box<dyn Operator>,
    promise: Promise,
}

/// The promise that the plan makes of an operator, and what was seen of it.
struct Promise {
    name: String,
    output: Schema,
    sides: Vec<Schema>,
    watermark_in: Option<i64>,
    watermark_out: Option<i64>,
}

/// The operator's output, looked at on the way.
struct Checking<'a> {
    promise: &'a mut Promise,
    out: &'a mut dyn Output,
}

impl Operator for Checked {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        assert!(!batch.is_empty(), "{} is given an empty batch", self.promise.name);
        self.operator.process(input, batch, &mut Checking { promise: &mut self.promise, out })
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        let before = self.promise.watermark_in.replace(watermark);
        assert!(before <= Some(watermark), "{}: watermark {watermark} behind {before:?}", self.promise.name);
        self.operator.watermark(watermark, &mut Checking { promise: &mut self.promise, out })
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.operator.advance(now, &mut Checking { promise: &mut self.promise, out })
    }

    fn end_of_input(&mut self, input: usize, out: &mut dyn Output) -> Result<()> {
        self.operator.end_of_input(input, &mut Checking { promise: &mut self.promise, out })
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<StateDelta> {
        self.operator.snapshot(checkpoint)
    }

    fn settle(&mut self, checkpoint: CheckpointId, settled: Settled) {
        self.operator.settle(checkpoint, settled);
    }

    fn inspect(&mut self) -> OperatorView {
        self.operator.inspect()
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.operator.read_state(query)
    }
}

impl Output for Checking<'_> {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        checks::columns(&batch, &self.promise.output);
        self.out.batch(batch)
    }

    fn watermark(&mut self, watermark: i64) -> Result<()> {
        let before = self.promise.watermark_out.replace(watermark);
        assert!(before <= Some(watermark), "{} emits watermark {watermark} behind {before:?}", self.promise.name);
        self.out.watermark(watermark)
    }

    fn side(&mut self, port: usize, batch: Batch) -> Result<()> {
        let schema = self.promise.sides.get(port);
        assert!(schema.is_some(), "{} has no side output {port}", self.promise.name);
        if let Some(schema) = schema {
            checks::columns(&batch, schema);
        }
        self.out.side(port, batch)
    }

    fn reject(&mut self, rows: Vec<Rejected>) -> Result<()> {
        self.out.reject(rows)
    }

    fn arm(&mut self, armed: Armed) {
        self.out.arm(armed);
    }

    fn has_room(&self) -> bool {
        self.out.has_room()
    }

    fn close(&mut self) {
        self.out.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OperatorContext;
    use crate::types::{Field, LogicalType};

    /// Plans one column, and breaks its word as it is told.
    #[derive(Debug)]
    struct Liar {
        schema: Schema,
    }

    impl PlannedOperator for Liar {
        fn name(&self) -> &'static str {
            "Liar"
        }

        fn describe(&self) -> String {
            String::new()
        }

        fn output(&self) -> &Schema {
            &self.schema
        }

        fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
            Ok(Box::new(Passing))
        }
    }

    /// Passes everything on, watermarks a millisecond earlier each time.
    struct Passing;

    impl Operator for Passing {
        fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
            out.batch(batch)
        }

        fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
            out.watermark(-watermark)
        }
    }

    struct Nowhere;

    impl Output for Nowhere {
        fn batch(&mut self, _batch: Batch) -> Result<()> {
            Ok(())
        }

        fn watermark(&mut self, _watermark: i64) -> Result<()> {
            Ok(())
        }

        fn side(&mut self, _port: usize, _batch: Batch) -> Result<()> {
            Ok(())
        }

        fn reject(&mut self, _rows: Vec<Rejected>) -> Result<()> {
            Ok(())
        }

        fn arm(&mut self, _armed: Armed) {}

        fn has_room(&self) -> bool {
            true
        }

        fn close(&mut self) {}
    }

    fn liar() -> Box<dyn Operator> {
        let schema = Schema::new([Field::new("n", LogicalType::BigInt)]);
        checked(Box::new(Passing), &Liar { schema })
    }

    fn rows(ty: LogicalType) -> Batch {
        let schema = Schema::new([Field::new("n", ty)]);
        let columns = schema.fields().iter().map(|field| arrow_array::new_null_array(&field.ty.to_arrow(), 1));
        let rows = arrow_array::RecordBatch::try_new(schema.arrow().clone(), columns.collect()).expect("one column");
        Batch::untimed(rows)
    }

    #[test]
    fn what_the_plan_promises_passes() {
        liar().process(0, rows(LogicalType::BigInt), &mut Nowhere).expect("the planned column");
    }

    #[test]
    #[should_panic(expected = "on an edge of")]
    fn other_columns_are_a_defect() {
        let _ = liar().process(0, rows(LogicalType::String), &mut Nowhere);
    }

    #[test]
    #[should_panic(expected = "Liar emits watermark -2 behind")]
    fn a_falling_watermark_is_a_defect() {
        let mut operator = liar();
        operator.watermark(1, &mut Nowhere).expect("the first may be any");
        let _ = operator.watermark(2, &mut Nowhere);
    }
}
