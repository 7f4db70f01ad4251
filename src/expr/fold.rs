//! Constant folding.

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema as ArrowSchema;

use super::typed::{Op, TypedExpr, TypedKind};
use super::{EvalContext, Evaluator};

impl TypedExpr {
    /// The same expression with its constant parts computed. A constant part that would fail stays as it is, to fail
    /// when (and if) a row reaches it.
    #[must_use]
    pub fn fold(self) -> Self {
        fold(self)
    }
}

fn fold(expr: TypedExpr) -> TypedExpr {
    let TypedExpr { kind, ty, nullable, span } = expr;
    let TypedKind::Op(op, args) = kind else {
        return TypedExpr { kind, ty, nullable, span };
    };
    let args: Vec<TypedExpr> = args.into_iter().map(fold).collect();
    let folded = TypedExpr { kind: TypedKind::Op(op, args), ty, nullable, span };
    if folded.children().iter().all(|arg| arg.as_literal().is_some()) {
        return constant(&folded).unwrap_or(folded);
    }
    simplify(folded)
}

/// The value of an operation on constants, unless it fails or is not the same each time.
fn constant(expr: &TypedExpr) -> Option<TypedExpr> {
    if matches!(&expr.kind, TypedKind::Op(Op::Function(function), _) if function.body.volatile) {
        return None;
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(ArrowSchema::empty().into(), Vec::new(), &options).ok()?;
    let mut context = EvalContext::default();
    let value = Evaluator::unfolded(expr).evaluate(&row, &mut context).ok()?;
    context.errors.is_empty().then(|| TypedExpr::literal(value, expr.ty.clone()).at(expr.span))
}

/// Logic whose outcome constants decide. What is dropped could not have been reached, or changes nothing.
fn simplify(expr: TypedExpr) -> TypedExpr {
    let TypedExpr { kind, ty, nullable, span } = expr;
    let (op, args) = match kind {
        TypedKind::Op(op @ (Op::And | Op::Or | Op::Case), args) => (op, args),
        kind @ (TypedKind::Op(..) | TypedKind::Column { .. } | TypedKind::Literal(_)) => {
            return TypedExpr { kind, ty, nullable, span };
        }
    };
    let kept = if op == Op::Case { reachable_branches(args) } else { deciding_operands(args, op == Op::Or) };
    match <[TypedExpr; 1]>::try_from(kept) {
        Ok([only]) if only.ty == ty => only,
        Ok([only]) => TypedExpr { kind: TypedKind::Op(op, vec![only]), ty, nullable, span },
        Err(kept) if kept.is_empty() => TypedExpr::boolean(op == Op::And).at(span),
        Err(kept) => TypedExpr { kind: TypedKind::Op(op, kept), ty, nullable, span },
    }
}

/// Nested conjunctions made flat, without `true`, and nothing behind a `false`; the same for `or` the other way round.
fn deciding_operands(args: Vec<TypedExpr>, decides: bool) -> Vec<TypedExpr> {
    let mut kept = Vec::with_capacity(args.len());
    for arg in args {
        match arg.constant_boolean() {
            Some(value) if value == decides => {
                // Before it, operands that can fail would fail first.
                kept.push(arg);
                break;
            }
            Some(_) => {}
            None => match arg.kind {
                TypedKind::Op(Op::And, inner) if !decides => kept.extend(inner),
                TypedKind::Op(Op::Or, inner) if decides => kept.extend(inner),
                TypedKind::Op(..) | TypedKind::Column { .. } | TypedKind::Literal(_) => kept.push(arg),
            },
        }
    }
    kept
}

/// Without branches that are never taken, and without what stands behind one that always is.
fn reachable_branches(args: Vec<TypedExpr>) -> Vec<TypedExpr> {
    let mut kept = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    while let Some(condition) = args.next() {
        let Some(value) = args.next() else {
            // The value if no condition holds.
            kept.push(condition);
            break;
        };
        if condition.constant_boolean() == Some(true) {
            kept.push(value);
            break;
        }
        if condition.as_literal().is_none() {
            kept.extend([condition, value]);
        }
    }
    kept
}
