//! `filter price > 1000`

use std::sync::Arc;

use super::rows::evaluated;
use super::select::no_window;
use crate::api::{
    Operator, OperatorContext, Output, PlannedOperator, Pruned, Role, Shape, Signature, StageArgs, StageContext,
    StageSpec,
};
use crate::expr::{Evaluator, TypedExpr, bind_predicate};
use crate::types::{Batch, Clock, Diagnostic, Result, Schema};

/// `filter`
pub(super) const FILTER: StageSpec = StageSpec {
    name: "filter",
    aliases: &["where"],
    signature: Signature { head: &[Shape::Expr], optional: &[], clauses: &[] },
    summary: "keeps the rows for which a condition is true",
    help: "A row for which the condition is false or unknown (null) is dropped. The watermark moves on with its \
           event time all the same.",
    examples: &["bids | filter price > 1000;", "bids | where channel = 'Google' and url is not null;"],
    flink: Some("WHERE; DataStream.filter"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let predicate = bind_predicate(args.expr(0)?, shape.scope())?.fold();
    stream.apply(Arc::new(Filter::new(&shape.schema, predicate)));
    // The columns are the same, and so are the keys.
    stream.shape_mut().keys = shape.keys;
    Ok(())
}

/// Keeps the rows for which a predicate is true.
#[derive(Debug, Clone)]
pub struct Filter {
    predicate: TypedExpr,
    /// The input columns that leave; `None` for all.
    columns: Option<Vec<usize>>,
    output: Schema,
}

impl Filter {
    /// Keeps the rows of `schema` for which `predicate` is true.
    #[must_use]
    pub fn new(schema: &Schema, predicate: TypedExpr) -> Self {
        Self { predicate, columns: None, output: schema.clone() }
    }
}

impl PlannedOperator for Filter {
    fn name(&self) -> &'static str {
        "Calc"
    }

    fn describe(&self) -> String {
        format!("where=[{}]", self.predicate)
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        passed(self.columns.as_deref(), column)
    }

    fn role(&self) -> Role<'_> {
        if self.columns.is_none() { Role::Filter(&self.predicate) } else { Role::Opaque }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let passed: Vec<usize> = match &self.columns {
            Some(columns) => needed.iter().map(|&index| columns[index]).collect(),
            None => needed.to_vec(),
        };
        let narrowed = Narrowed::new(&passed, self.predicate.columns());
        let operator = Self {
            predicate: self.predicate.remap(&|column| narrowed.moved(column)),
            columns: narrowed.projection(),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![narrowed.inputs] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(FilterOperator {
            predicate: Evaluator::new(&self.predicate),
            columns: self.columns.clone(),
            output: self.output.clone(),
            place: context.place(),
            clock: Arc::clone(&context.clock),
        }))
    }
}

/// The inputs of an operator that passes some columns on and reads others.
#[derive(Debug)]
pub(super) struct Narrowed {
    /// Ascending.
    pub(super) inputs: Vec<usize>,
    passed: Vec<usize>,
}

impl Narrowed {
    pub(super) fn new(passed: &[usize], read: Vec<usize>) -> Self {
        let mut inputs = read;
        inputs.extend_from_slice(passed);
        inputs.sort_unstable();
        inputs.dedup();
        Self { inputs, passed: passed.to_vec() }
    }

    /// The place where old input column `column` is now.
    pub(super) fn moved(&self, column: usize) -> usize {
        self.inputs.binary_search(&column).unwrap_or(column)
    }

    /// The narrowed input columns that leave; `None` when all do.
    pub(super) fn projection(&self) -> Option<Vec<usize>> {
        (self.passed != self.inputs).then(|| self.passed.iter().map(|&column| self.moved(column)).collect())
    }
}

/// The input column that output column `column` is, where these leave; `None` stands for all.
pub(super) fn passed(columns: Option<&[usize]>, column: usize) -> Option<usize> {
    columns.map_or(Some(column), |columns| columns.get(column).copied())
}

/// The batch of these columns.
pub(super) fn project(batch: Batch, columns: Option<&[usize]>, schema: &Schema) -> Result<Batch> {
    match columns {
        None => Ok(batch),
        Some(columns) => {
            let columns = columns.iter().map(|&column| batch.column(column).clone()).collect();
            Ok(batch.with_columns(schema.arrow().clone(), columns)?)
        }
    }
}

struct FilterOperator {
    predicate: Evaluator,
    columns: Option<Vec<usize>>,
    output: Schema,
    place: String,
    clock: Arc<dyn Clock>,
}

impl Operator for FilterOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, keep) = evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| {
            self.predicate.evaluate_predicate(rows, context)
        })?;
        // Projected first: columns that only the condition reads are not copied.
        let kept = project(batch, self.columns.as_deref(), &self.output)?.filter(&keep)?;
        if kept.is_empty() { Ok(()) } else { out.batch(kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{Values, batch, run};

    #[test]
    fn only_true_rows_pass_and_a_narrowed_filter_gives_only_what_is_needed() {
        let (schema, rows) = batch(vec![
            ("n", Values::ints([1, 2, 3])),
            ("keep", Values::Bool(vec![Some(true), None, Some(false)])),
            ("text", Values::Text(vec![Some("a"), Some("b"), Some("c")])),
        ]);
        let filter = Filter::new(&schema, TypedExpr::column(1, &schema.fields()[1]));
        assert_eq!(filter.describe(), "where=[keep]");
        assert!(matches!(filter.role(), Role::Filter(_)));
        assert_eq!(run(&filter, vec![rows.clone(), rows.slice(1, 2)]).elements, ["1|true|a"]);

        let pruned = filter.prune(&[2]).expect("narrows");
        assert_eq!(pruned.inputs, [vec![1, 2]]);
        assert!(matches!(pruned.operator.role(), Role::Opaque));
        let narrowed = Batch::untimed(rows.columns().project(&[1, 2]).expect("projects"));
        assert_eq!(run(&*pruned.operator, vec![narrowed]).elements, ["a"]);
    }
}
