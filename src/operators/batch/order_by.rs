//! `order_by price desc` over input that ends: all of it is sorted.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array};
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;

use super::SortsAll;
use super::final_rows::{AT_THE_END, places};
use crate::api::{
    ChangelogMode, Exchange, Moment, Operator, OperatorContext, OrderItem, Output, PlannedOperator, Pruned,
    StageContext,
};
use crate::operators::order::{Order, SortKeys};
use crate::operators::rows::evaluated;
use crate::types::{Batch, Clock, Diagnostic, Result, Schema};

/// Binds `order_by` of a job that reads all of its input before it gives results; `None` sorts by event time.
///
/// # Errors
/// A mistake in an expression, at its place.
pub(in crate::operators) fn sort_all(
    items: Option<&[OrderItem]>,
    stream: &mut dyn StageContext,
) -> Result<(), Diagnostic> {
    stream.final_rows();
    let shape = stream.shape().clone();
    let order = items.map(|items| Order::bind(items, &shape)).transpose()?;
    stream.apply(Arc::new(SortAll { order, columns: (0..shape.schema.len()).collect(), output: shape.schema }));
    stream.shape_mut().keys = shape.keys;
    Ok(())
}

/// Sorts all rows when the last has come, in files where they are more than the memory: Flink's `Sort`.
#[derive(Debug, Clone)]
pub struct SortAll {
    /// `None` for the order of event times.
    order: Option<Order>,
    /// The input columns that leave.
    columns: Vec<usize>,
    output: Schema,
}

impl PlannedOperator for SortAll {
    fn name(&self) -> &'static str {
        "Sort"
    }

    fn describe(&self) -> String {
        let order = self.order.as_ref().map_or_else(|| "event_time ASC".to_owned(), Order::describe);
        format!("orderBy=[{order}]")
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

    fn is_ordered(&self) -> bool {
        true
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied()
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let leaving: Vec<usize> = needed.iter().map(|&column| self.columns[column]).collect();
        let read = self.order.iter().flat_map(Order::columns);
        let mut inputs: Vec<usize> = leaving.iter().copied().chain(read).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let moved = |column: usize| inputs.iter().position(|&input| input == column).unwrap_or(column);
        let operator = Self {
            order: self.order.as_ref().map(|order| order.remap(&moved)),
            columns: leaving.iter().map(|&column| moved(column)).collect(),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let keys = match &self.order {
            Some(order) => Keys::Values(order.keys()?),
            None => Keys::Times(RowConverter::new(vec![SortField::new(DataType::Int64)])?),
        };
        Ok(Box::new(SortAllOperator {
            keys,
            rows: SortsAll::new(&self.output, context.batch_rows, &context.spill),
            place: context.place(),
            clock: Arc::clone(&context.clock),
            plan: self.clone(),
        }))
    }
}

struct SortAllOperator {
    plan: SortAll,
    keys: Keys,
    rows: SortsAll,
    place: String,
    clock: Arc<dyn Clock>,
}

enum Keys {
    Values(SortKeys),
    Times(RowConverter),
}

impl SortAllOperator {
    /// Rows whose place can't be computed are rejected.
    fn places(&self, batch: Batch, out: &mut dyn Output) -> Result<(Batch, BinaryArray)> {
        match &self.keys {
            Keys::Values(keys) => {
                let now_ms = self.clock.now_ms();
                let (batch, values) =
                    evaluated(batch, now_ms, &self.place, out, |rows, context| keys.values(rows, context))?;
                let places = keys.places(&values, batch.rows())?;
                Ok((batch, places))
            }
            Keys::Times(converter) => {
                let times: ArrayRef = Arc::new(Int64Array::new(batch.times().clone(), None));
                let places = places(Some(converter), &[times], batch.rows())?;
                Ok((batch, places))
            }
        }
    }
}

impl Operator for SortAllOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, places) = self.places(batch, out)?;
        let columns = self.plan.columns.iter().map(|&column| batch.column(column).clone());
        let leaving = batch.with_columns(self.plan.output.arrow().clone(), columns.collect())?;
        self.rows.push(&leaving, places)?;
        out.arm(AT_THE_END);
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        if let Some((batch, _)) = self.rows.next()? {
            out.arm(AT_THE_END);
            return out.batch(batch);
        }
        Ok(())
    }
}
