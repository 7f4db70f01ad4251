//! `map auction, price * 0.908 as eur`

use std::sync::Arc;

use arrow_array::ArrayRef;

use super::rows::evaluated;
use super::select::{Selected, bind_list, no_window};
use crate::api::{
    Operator, OperatorContext, Output, PlannedOperator, Pruned, Role, Shape, Signature, StageArgs, StageContext,
    StageSpec, UpdateKind,
};
use crate::expr::{Evaluator, TypedExpr};
use crate::types::{Batch, Clock, Diagnostic, Field, Result, Schema};

/// `map`
pub(super) const MAP: StageSpec = StageSpec {
    name: "map",
    aliases: &["select"],
    signature: Signature { head: &[Shape::Exprs { star: true }], optional: &[], clauses: &[] },
    summary: "computes new columns from the columns of each row",
    help: "Each expression becomes a column, which `as` names. A column keeps its name; an expression without a name \
           is called EXPR$0, EXPR$1, … by its place. `*` stands for all columns, `* except (a, b)` for all but \
           those. A row keeps its event time even if the column does not stay. `proctime()` alone makes a column \
           a processing-time attribute.",
    examples: &[
        "bids | map auction, price * 0.908 as eur;",
        "bids | select * except (url), upper(channel) as shouted;",
    ],
    flink: Some("SELECT; DataStream.map"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let selected = bind_list(args.exprs(0)?, stream.shape())?;
    let is_proctime = |(at, expr): (usize, &TypedExpr)| (expr.to_string() == "proctime()").then_some(at);
    let proctime: Vec<usize> = selected.exprs.iter().enumerate().filter_map(is_proctime).collect();
    stream.apply(Arc::new(Project::new(selected)));
    for column in proctime {
        stream.shape_mut().time.set_processing_time(column);
    }
    Ok(())
}

/// Computes each output column from one row.
#[derive(Debug, Clone)]
pub struct Project {
    exprs: Vec<TypedExpr>,
    output: Schema,
}

impl Project {
    /// Computes these columns under these names.
    #[must_use]
    pub fn named(columns: Vec<(String, TypedExpr)>) -> Self {
        let field = |(name, expr): &(String, TypedExpr)| Field {
            name: name.clone(),
            ty: expr.ty().clone(),
            nullable: expr.nullable(),
        };
        let output = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        Self { exprs: columns.into_iter().map(|(_, expr)| expr).collect(), output }
    }

    pub(super) fn new(selected: Selected) -> Self {
        let exprs = selected.exprs.into_iter().map(TypedExpr::fold).collect();
        Self { exprs, output: Schema::new(selected.fields) }
    }
}

impl PlannedOperator for Project {
    fn name(&self) -> &'static str {
        "Calc"
    }

    fn describe(&self) -> String {
        let columns = self.exprs.iter().zip(self.output.names()).map(|(expr, name)| {
            let expr = expr.to_string();
            if expr == name { expr } else { format!("{expr} as {name}") }
        });
        format!("select=[{}]", columns.collect::<Vec<_>>().join(", "))
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.exprs.get(column)?.as_column()
    }

    fn needs(&self, _input: usize, output: UpdateKind) -> UpdateKind {
        output
    }

    fn role(&self) -> Role<'_> {
        Role::Projection(&self.exprs)
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let exprs: Vec<&TypedExpr> = needed.iter().map(|&index| &self.exprs[index]).collect();
        let mut inputs: Vec<usize> = exprs.iter().flat_map(|expr| expr.columns()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let moved = |column: usize| inputs.binary_search(&column).unwrap_or(column);
        let exprs = exprs.into_iter().map(|expr| expr.remap(&moved)).collect();
        let operator = Self { exprs, output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(ProjectOperator {
            exprs: self.exprs.iter().map(Evaluator::new).collect(),
            output: self.output.clone(),
            place: context.place(),
            clock: Arc::clone(&context.clock),
        }))
    }
}

struct ProjectOperator {
    exprs: Vec<Evaluator>,
    output: Schema,
    place: String,
    clock: Arc<dyn Clock>,
}

impl Operator for ProjectOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, columns) = evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| {
            self.exprs.iter().map(|expr| expr.evaluate(rows, context)).collect::<Result<Vec<ArrayRef>>>()
        })?;
        if batch.is_empty() {
            return Ok(());
        }
        out.batch(batch.with_columns(self.output.arrow().clone(), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Arg, SelectItem, TimeAttribute};
    use crate::operators::testing::{FakeStream, Values, at, batch, column, item, run};
    use crate::types::Span;

    fn star(except: &[&str]) -> SelectItem {
        SelectItem::Star { except: except.iter().map(|name| at((*name).to_owned())).collect(), span: Span::default() }
    }

    #[test]
    fn columns_are_chosen_renamed_and_left_out() {
        let (schema, rows) = batch(vec![
            ("a", Values::ints([1, 2])),
            ("b", Values::ints([3, 4])),
            ("c", Values::Text(vec![Some("x"), None])),
        ]);
        let rows = rows.with_times(vec![10, 20].into());
        let mut stream = FakeStream::new(&schema);
        let list = vec![star(&["B"]), item(column("b"), Some("d"))];
        stream.stage("map", vec![Arg::Exprs(list)], vec![]).expect("binds");
        assert_eq!(stream.last().describe(), "select=[a, c, b as d]");
        assert_eq!(run(stream.last(), vec![rows.clone()]).elements, ["1|x|3 @10", "2|null|4 @20"]);
        let pruned = stream.last().prune(&[2]).expect("narrows");
        assert_eq!((pruned.inputs, pruned.operator.output().to_string()), (vec![vec![1]], "(d bigint)".to_owned()));
        let none = stream.last().prune(&[]).expect("narrows");
        let no_columns = Batch::new(rows.columns().project(&[]).expect("projects"), rows.times().clone());
        assert_eq!(run(&*none.operator, vec![no_columns]).elements, [" @10", " @20"]);
    }

    #[test]
    fn a_column_of_the_processing_time_is_a_time_attribute() {
        let (schema, _) = batch(vec![("a", Values::ints([1, 2]))]);
        let mut stream = FakeStream::new(&schema);
        let list = vec![item(column("a"), None), item(column("proctime"), Some("pt"))];
        stream.stage("map", vec![Arg::Exprs(list)], vec![]).expect("binds");
        assert_eq!(stream.shape.time.attribute(1), Some(TimeAttribute::ProcessingTime));
        assert_eq!(stream.shape.time.attribute(0), None);
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused() {
        let (schema, _) = batch(vec![("a", Values::ints([])), ("b", Values::ints([]))]);
        let refused = |list| {
            let mut stream = FakeStream::new(&schema);
            stream.stage("map", vec![Arg::Exprs(list)], vec![]).expect_err("is refused").to_string()
        };
        insta::assert_snapshot!([
            refused(vec![star(&["a", "b"])]),
            refused(vec![star(&["aa"])]),
            refused(vec![star(&[]), item(column("a"), None)]),
            refused(vec![item(column("a"), Some("x")), item(column("b"), Some("x"))]),
        ].join("\n"), @r"
        `except` leaves no column
        there is no column `aa` (did you mean `a`?)
        there is a column `a` already (give one of the two another name with `as`)
        there is a column `x` already (give one of the two another name with `as`)
        ");
    }
}
