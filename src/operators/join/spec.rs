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
    pub(in crate::operators) fn place(&self, column: usize) -> (usize, usize) {
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
        let narrowed = self.giving(needed);
        let reads = narrowed.reads();
        let inputs = [0, 1].map(|input| self.inputs[input].project(&reads[input]));
        let moved = |input: usize, column: usize| reads[input].binary_search(&column).unwrap_or(column);
        (narrowed.over(inputs, &moved), reads.to_vec())
    }

    /// The same join with only the columns `needed` of its result.
    pub(in crate::operators) fn giving(&self, needed: &[usize]) -> Self {
        let columns = needed.iter().map(|&column| self.columns[column]).collect();
        Self { columns, output: self.output.project(needed), ..self.clone() }
    }

    /// The columns that it reads of each input, ascending.
    pub(in crate::operators) fn reads(&self) -> [Vec<usize>; 2] {
        let mut reads = self.keys.clone();
        let residual = self.residual.iter().flat_map(TypedExpr::columns);
        for (input, at) in self.columns.iter().copied().chain(residual).map(|column| self.place(column)) {
            reads[input].push(at);
        }
        for reads in &mut reads {
            reads.sort_unstable();
            reads.dedup();
        }
        reads
    }

    /// The same join over inputs of these columns; `moved` says where a column of an input has gone.
    pub(in crate::operators) fn over(&self, inputs: [Schema; 2], moved: &dyn Fn(usize, usize) -> usize) -> Self {
        let width = inputs[0].len();
        let place = |column: usize| match self.place(column) {
            (0, column) => moved(0, column),
            (_, column) => width + moved(1, column),
        };
        Self {
            keys: [0, 1].map(|input| self.keys[input].iter().map(|&key| moved(input, key)).collect()),
            residual: self.residual.as_ref().map(|residual| residual.remap(&place)),
            columns: self.columns.iter().map(|&column| place(column)).collect(),
            inputs,
            ..self.clone()
        }
    }
}
