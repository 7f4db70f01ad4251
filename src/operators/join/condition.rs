//! The condition of a join: what makes rows meet, and what is asked of the pair besides.

use crate::api::StreamShape;
use crate::expr::ast::ExprNode;
use crate::expr::{TypedExpr, bind_predicate};
use crate::types::{Diagnostic, LogicalType};

/// A condition over two inputs, taken apart.
#[derive(Debug)]
pub(in crate::operators) struct Condition {
    /// Expressions over the left columns and over the right ones, whose values are equal in every pair.
    pub(in crate::operators) keys: Vec<Key>,
    /// The rest, over the left columns and then the right ones.
    pub(in crate::operators) residual: Option<TypedExpr>,
}

/// `left = right`
#[derive(Debug)]
pub(in crate::operators) struct Key {
    pub(in crate::operators) left: TypedExpr,
    pub(in crate::operators) right: TypedExpr,
    /// Whether null equals null: `is not distinct from`.
    pub(in crate::operators) null_safe: bool,
    /// The whole of it, over the left columns and then the right ones.
    pub(in crate::operators) part: TypedExpr,
}

impl Condition {
    /// Binds `on` over both inputs.
    pub(in crate::operators) fn bind(
        on: &ExprNode,
        left: &StreamShape,
        right: &StreamShape,
    ) -> Result<Self, Diagnostic> {
        let scope = left.scope().and(right.name.as_ref(), &right.schema);
        let condition = bind_predicate(on, &scope)?.fold();
        let width = left.schema.len();
        let (mut keys, mut residual) = (Vec::new(), None::<TypedExpr>);
        for part in condition.conjuncts() {
            match key(&part, width) {
                Some(key) => keys.push(key),
                None if part.is_true() => {}
                None => {
                    residual = Some(match residual {
                        Some(residual) => residual.and(part),
                        None => part,
                    });
                }
            }
        }
        Ok(Self { keys, residual })
    }

    /// Keeps only the keys that are right columns among `columns`; the others are asked of the pair.
    pub(in crate::operators) fn keyed_by(mut self, columns: &[usize]) -> Self {
        let is_key = |key: &Key| key.right.as_column().is_some_and(|column| columns.contains(&column));
        let (keys, others): (Vec<Key>, Vec<Key>) = self.keys.into_iter().partition(is_key);
        for Key { part, .. } in others {
            self.residual = Some(match self.residual {
                Some(residual) => residual.and(part),
                None => part,
            });
        }
        Self { keys, residual: self.residual }
    }
}

/// The key that `part` of a condition says, where the first `width` columns are the left ones.
fn key(part: &TypedExpr, width: usize) -> Option<Key> {
    let (a, b, null_safe) = part.equality()?;
    if a.ty() != b.ty() || matches!(a.ty(), LogicalType::Map(..) | LogicalType::Null) {
        return None;
    }
    let side = |expr: &TypedExpr| match expr.columns().as_slice() {
        [] => None,
        columns if columns.iter().all(|&column| column < width) => Some(0),
        columns if columns.iter().all(|&column| column >= width) => Some(1),
        _ => None,
    };
    let (left, right) = match (side(a)?, side(b)?) {
        (0, 1) => (a, b),
        (1, 0) => (b, a),
        _ => return None,
    };
    Some(Key { left: left.clone(), right: right.remap(&|column| column - width), null_safe, part: part.clone() })
}
