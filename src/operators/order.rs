//! Orders of rows: expressions, and how their values are compared.

use std::fmt::Write as _;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::SortOptions;

use crate::api::{OrderItem, StreamShape};
use crate::expr::{EvalContext, Evaluator, TypedExpr, bind};
use crate::types::floats::canonical_column;
use crate::types::{Diagnostic, LogicalType, Result};

/// What rows are sorted by.
#[derive(Debug, Clone)]
pub(super) struct Order {
    parts: Vec<(TypedExpr, SortOptions)>,
}

impl Order {
    /// The order typed as `items`; null is the least value where nothing else is typed, as in Flink.
    ///
    /// # Errors
    /// A mistake in an expression, or one whose values have no order, at its place.
    pub(super) fn bind(items: &[OrderItem], shape: &StreamShape) -> Result<Self, Diagnostic> {
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            let expr = bind(&item.expr, shape.scope())?.fold();
            if matches!(expr.ty(), LogicalType::Map(..) | LogicalType::Null) {
                return Err(Diagnostic::at(item.expr.span, format!("values of type {} have no order", expr.ty())));
            }
            let nulls_first = item.nulls_first.unwrap_or(!item.descending);
            parts.push((expr, SortOptions { descending: item.descending, nulls_first }));
        }
        Ok(Self { parts })
    }

    /// The order of arrival.
    pub(super) const fn of_arrival() -> Self {
        Self { parts: Vec::new() }
    }

    /// The columns that it reads.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().flat_map(|(expr, _)| expr.columns())
    }

    /// The same over other columns.
    pub(super) fn remap(&self, moved: &dyn Fn(usize) -> usize) -> Self {
        Self { parts: self.parts.iter().map(|(expr, options)| (expr.remap(moved), *options)).collect() }
    }

    /// As Flink's `explain` shows it: `n DESC, a ASC`.
    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for (expr, options) in &self.parts {
            let way = if options.descending { "DESC" } else { "ASC" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{expr} {way}", if text.is_empty() { "" } else { ", " });
            if options.nulls_first == options.descending {
                text.push_str(if options.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
            }
        }
        text
    }

    /// What computes the places of rows in this order.
    ///
    /// # Errors
    /// When a type can't be sorted: a defect of ours.
    pub(super) fn keys(&self) -> Result<SortKeys> {
        let fields =
            self.parts.iter().map(|(expr, options)| SortField::new_with_options(expr.ty().to_arrow(), *options));
        let fields: Vec<SortField> = fields.collect();
        Ok(SortKeys {
            exprs: self.parts.iter().map(|(expr, _)| Evaluator::new(expr)).collect(),
            converter: if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) },
        })
    }
}

/// Computes of rows byte strings that are ordered as the rows are.
#[derive(Debug)]
pub(super) struct SortKeys {
    exprs: Vec<Evaluator>,
    /// `None` where all rows are equal.
    converter: Option<RowConverter>,
}

impl SortKeys {
    /// The values that `rows` are sorted by; errors of rows go to `context`.
    ///
    /// # Errors
    /// When they can't be computed: a defect of ours.
    pub(super) fn values(&self, rows: &RecordBatch, context: &mut EvalContext) -> Result<Vec<ArrayRef>> {
        self.exprs.iter().map(|expr| expr.evaluate(rows, context)).collect()
    }

    /// The byte strings of these values of `rows` rows, as a column.
    ///
    /// # Errors
    /// When they can't be encoded: a defect of ours.
    pub(super) fn places(&self, values: &[ArrayRef], rows: usize) -> Result<BinaryArray> {
        match self.encode(values)?.0 {
            Some(encoded) => Ok(encoded.try_into_binary()?),
            None => Ok(BinaryArray::from_iter_values(std::iter::repeat_n([], rows))),
        }
    }

    /// The byte strings of these values.
    ///
    /// # Errors
    /// When they can't be encoded: a defect of ours.
    pub(super) fn encode(&self, values: &[ArrayRef]) -> Result<Encoded> {
        let Some(converter) = &self.converter else { return Ok(Encoded(None)) };
        let values: Vec<ArrayRef> = values.iter().map(canonical_column).collect();
        Ok(Encoded(Some(converter.convert_columns(&values)?)))
    }
}

/// The byte strings of rows.
#[derive(Debug)]
pub(super) struct Encoded(Option<Rows>);

impl Encoded {
    /// That of row `row`.
    pub(super) fn of(&self, row: usize) -> &[u8] {
        self.0.as_ref().map_or(&[], |rows| rows.row(row).data())
    }
}
