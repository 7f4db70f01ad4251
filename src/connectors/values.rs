//! `values`: rows typed into the statement.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_select::concat::concat;

use super::generator::{RowGenerator, RowPlan, readers};
use super::options::{place, source_options};
use crate::api::{Bounds, ConnectorSpec, OptionSpec, OptionValue, PlannedSource, Source, SourceRequest, SourceStart};
use crate::expr::ast::{Expr, ExprNode};
use crate::expr::{EvalContext, Evaluator, TypedExpr, bind, bind_as};
use crate::types::{Diagnostic, Field, LogicalType, Result, Schema, Span, Spanned, counted};

/// The registry entry.
pub(super) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "values",
    summary: "a source of rows that are typed into the statement",
    help: "The rows are given once, in order. Columns that are not declared are called f0, f1, … and have the type \
           that fits all their values.",
    target: None,
    options: &OPTIONS,
    examples: &[
        "source v from values columns (id bigint, name string) with (rows = array[row(1, 'a'), row(2, 'b')]);\nv | limit 2;",
    ],
    flink: Some("values"),
    source: Some(source),
    sink: None,
};

const OPTIONS: [OptionSpec; 5] = source_options([OptionSpec {
    name: "rows",
    values: "array[row(…), …]",
    help: "the rows; of a single column, the values alone will do",
}]);

fn source(request: &SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
    const USAGE: &str = "write with (rows = array[row(1, 'a'), row(2, 'b')])";
    let options = &request.options;
    let Some(value) = options.get("rows") else {
        return Err(Diagnostic::at(request.span, "the connector `values` needs the option `rows`").help(USAGE));
    };
    let OptionValue::Expr(ExprNode { node: Expr::Array(rows), .. }) = &value.node else {
        return Err(
            Diagnostic::at(place(options, "rows", request.span), "option `rows` takes an array of rows").help(USAGE)
        );
    };
    let rows: Vec<&[ExprNode]> = rows.iter().map(cells).collect();
    let width = match (&request.columns, rows.first()) {
        (Some(schema), _) => schema.len(),
        (None, Some(row)) => row.len(),
        (None, None) => {
            return Err(Diagnostic::at(value.span, "there are no rows to infer the columns from")
                .help("declare them: columns (id bigint, name string)"));
        }
    };
    for row in &rows {
        if row.len() != width {
            let span = row.first().zip(row.last()).map_or(value.span, |(first, last)| first.span.to(last.span));
            let (values, columns) = (counted(row.len() as u64, "value"), counted(width as u64, "column"));
            return Err(Diagnostic::at(span, format!("this row has {values} for {columns}")));
        }
    }
    let mut fields = Vec::with_capacity(width);
    let mut columns = Vec::with_capacity(width);
    for at in 0..width {
        let cells: Vec<&ExprNode> = rows.iter().map(|row| &row[at]).collect();
        let (field, column) = match &request.columns {
            Some(schema) => (schema.fields()[at].clone(), declared(&schema.fields()[at], &cells)?),
            None => inferred(at, &cells, value.span)?,
        };
        fields.push(field);
        columns.push(column);
    }
    let schema = Schema::new(fields);
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let rows = RecordBatch::try_new_with_options(schema.arrow().clone(), columns, &options)
        .map_err(|error| Diagnostic::at(value.span, format!("these rows can't be read: {error}")))?;
    Ok(Arc::new(ValuesSource { schema, rows }))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever is no row is a single value")]
fn cells(row: &ExprNode) -> &[ExprNode] {
    match &row.node {
        Expr::Row(cells) => cells,
        _ => std::slice::from_ref(row),
    }
}

fn declared(field: &Field, cells: &[&ExprNode]) -> Result<ArrayRef, Diagnostic> {
    let mut values = Vec::with_capacity(cells.len());
    for cell in cells {
        let value = constant(&bind_as(cell, &no_columns(), &field.ty)?, cell.span)?;
        if !field.nullable && value.is_null(0) {
            return Err(Diagnostic::at(cell.span, format!("column `{}` is declared not null", field.name)));
        }
        values.push(value);
    }
    let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
    if values.is_empty() {
        return Ok(new_null_array(&field.ty.to_arrow(), 0));
    }
    concat(&values).map_err(|error| Diagnostic::new(format!("column `{}`: {error}", field.name)))
}

/// The values as one array, whose element type is the one that all of them fit.
fn inferred(at: usize, cells: &[&ExprNode], span: Span) -> Result<(Field, ArrayRef), Diagnostic> {
    let whole = cells.first().zip(cells.last()).map_or(span, |(first, last)| first.span.to(last.span));
    let array: ExprNode = Spanned::new(Expr::Array(cells.iter().map(|&cell| cell.clone()).collect()), whole);
    let typed = bind(&array, &no_columns())?;
    let LogicalType::Array(ty) = typed.ty().clone() else {
        return Err(Diagnostic::at(whole, "these values have no common type")
            .help("declare it: columns (id bigint, name string)"));
    };
    let values = constant(&typed, whole)?;
    let values = values.as_list_opt::<i32>().map(|list| list.value(0));
    let values = values.ok_or_else(|| Diagnostic::at(whole, "these values have no common type"))?;
    Ok((Field::new(format!("f{at}"), *ty), values))
}

fn no_columns() -> Schema {
    Schema::new([])
}

fn constant(expr: &TypedExpr, span: Span) -> Result<ArrayRef, Diagnostic> {
    let mut context = EvalContext::default();
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let value = RecordBatch::try_new_with_options(no_columns().arrow().clone(), Vec::new(), &one_row)
        .map_err(crate::types::Error::from)
        .and_then(|row| Evaluator::new(expr).evaluate(&row, &mut context))
        .map_err(|error| Diagnostic::at(span, error.to_string()))?;
    match context.errors.first() {
        None => Ok(value),
        Some(error) => Err(Diagnostic::at(span, error.message.clone())),
    }
}

#[derive(Debug)]
struct ValuesSource {
    schema: Schema,
    rows: RecordBatch,
}

impl PlannedSource for ValuesSource {
    fn describe(&self) -> String {
        format!("values {} rows", self.rows.num_rows())
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn bounds(&self) -> Bounds {
        Bounds::Bounded
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        let total = u64::try_from(self.rows.num_rows()).ok();
        let plan = RowPlan { input: format!("{} {}", self.describe(), self.schema), total, rate: None };
        let rows = self.rows.project(&start.projection)?;
        readers(&plan, start, || Box::new(Slices(rows.clone())))
    }
}

struct Slices(RecordBatch);

impl RowGenerator for Slices {
    fn rows(&mut self, first: u64, count: usize) -> Result<RecordBatch> {
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(self.0.num_rows());
        Ok(self.0.slice(first, count.min(self.0.num_rows() - first)))
    }
}

#[cfg(test)]
mod tests;
