//! What every join knows of its inputs, its condition and its result.

use crate::api::{Exchange, StreamShape};
use crate::expr::TypedExpr;
use crate::types::{Diagnostic, Field, Schema, Span};

use super::kind::JoinKind;

/// The inputs of a join, its condition and its result.
#[derive(Debug, Clone)]
pub(in crate::operators) struct JoinSpec {
    pub(in crate::operators) kind: JoinKind,
    pub(in crate::operators) inputs: [Schema; 2],
    /// The columns of each input whose values are equal in every pair.
    pub(in crate::operators) keys: [Vec<usize>; 2],
    /// For each key whether null equals null.
    pub(in crate::operators) null_safe: Vec<bool>,
    /// The rest of the condition, over the left columns and then the right ones.
    pub(in crate::operators) residual: Option<TypedExpr>,
    /// The columns of the result, over the left columns and then the right ones.
    pub(in crate::operators) columns: Vec<usize>,
    pub(in crate::operators) output: Schema,
}

impl JoinSpec {
    /// A join whose result has all columns: the left ones, then (unless it only filters) the right ones, of which one that
    /// is named like a left one has the right input's name in front.
    ///
    /// # Errors
    /// At `span`, when that makes two columns of one name.
    pub(super) fn new(
        [left, right]: [&StreamShape; 2],
        keys: [Vec<usize>; 2],
        null_safe: Vec<bool>,
        residual: Option<TypedExpr>,
        kind: JoinKind,
        span: Span,
    ) -> Result<Self, Diagnostic> {
        let nullable = |field: &Field, pads: bool| Field { nullable: field.nullable || pads, ..field.clone() };
        let mut fields: Vec<Field> = left.schema.fields().iter().map(|field| nullable(field, kind.pads(1))).collect();
        let others = if kind.filters() { &[] } else { right.schema.fields() };
        for field in others {
            let mut field = nullable(field, kind.pads(0));
            if left.schema.names().any(|name| name == field.name) {
                let alias = right.name.as_ref().map_or("right", |name| name.node.as_str());
                field.name = format!("{alias}_{}", field.name);
            }
            if fields.iter().any(|known| known.name == field.name) {
                let message = format!("the result would have two columns called `{}`", field.name);
                return Err(Diagnostic::at(span, message).help("rename one of them with `map` before the join"));
            }
            fields.push(field);
        }
        let inputs = [left.schema.clone(), right.schema.clone()];
        let columns = (0..fields.len()).collect();
        Ok(Self { kind, inputs, keys, null_safe, residual, columns, output: Schema::new(fields) })
    }

    /// The input that column `column`, over the left columns and then the right ones, is of, and its place there.
    pub(super) fn place(&self, column: usize) -> (usize, usize) {
        let width = self.inputs[0].len();
        if column < width { (0, column) } else { (1, column - width) }
    }

    /// By the keys; without any, all rows meet in one place.
    pub(super) fn exchange(&self, input: usize) -> Exchange {
        match &self.keys[input] {
            keys if keys.is_empty() => Exchange::Global,
            keys => Exchange::Hash(keys.clone()),
        }
    }

    pub(super) fn parallelism(&self) -> Option<usize> {
        self.keys[0].is_empty().then_some(1)
    }

    /// `joinType=[InnerJoin], where=[o.id = p.order_id], select=[…]`; `within` is what else is asked of a pair.
    pub(in crate::operators) fn describe(&self, within: &str) -> String {
        let name = |input: usize, column: usize| self.inputs[input].fields()[column].name.as_str();
        let keys = self.keys[0].iter().zip(&self.keys[1]).zip(&self.null_safe).map(|((&left, &right), &null_safe)| {
            let equal = if null_safe { "is not distinct from" } else { "=" };
            format!("{} {equal} {}", name(0, left), name(1, right))
        });
        let residual = self.residual.iter().map(ToString::to_string);
        let parts: Vec<String> = keys.chain(residual).collect();
        let on = if parts.is_empty() { "true".to_owned() } else { parts.join(" and ") };
        let select: Vec<&str> = self.output.names().collect();
        format!("joinType=[{}], {within}where=[{on}], select=[{}]", self.kind.name(), select.join(", "))
    }

    /// The same join with only the columns `needed` of its result, and the columns that it then reads of each input.
    pub(super) fn prune(&self, needed: &[usize]) -> (Self, Vec<Vec<usize>>) {
        let columns: Vec<usize> = needed.iter().map(|&column| self.columns[column]).collect();
        let mut reads = self.keys.clone();
        for &column in columns.iter().chain(&self.residual.iter().flat_map(TypedExpr::columns).collect::<Vec<_>>()) {
            let (input, at) = self.place(column);
            reads[input].push(at);
        }
        for reads in &mut reads {
            reads.sort_unstable();
            reads.dedup();
        }
        let at = |input: usize, column: usize| reads[input].binary_search(&column).unwrap_or(column);
        let moved = |column: usize| match self.place(column) {
            (0, column) => at(0, column),
            (_, column) => reads[0].len() + at(1, column),
        };
        let keys = [0, 1].map(|input| self.keys[input].iter().map(|&key| at(input, key)).collect());
        let narrowed = Self {
            kind: self.kind,
            inputs: [0, 1].map(|input| self.inputs[input].project(&reads[input])),
            keys,
            null_safe: self.null_safe.clone(),
            residual: self.residual.as_ref().map(|residual| residual.remap(&moved)),
            columns: columns.into_iter().map(moved).collect(),
            output: self.output.project(needed),
        };
        (narrowed, reads.to_vec())
    }
}
