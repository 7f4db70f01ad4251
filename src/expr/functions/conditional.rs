//! Choosing between values. All of these are built from `case` and `coalesce`, so that what is not chosen is not
//! computed, as far as a row's errors can tell.

use super::spec::{Binding, Family, FunctionSpec};
use crate::expr::TypedExpr;
use crate::expr::coerce::{coerce, coerce_all, coerce_condition};
use crate::expr::operators;
use crate::expr::typed::{CompareOp, Op};
use crate::types::{Diagnostic, LogicalType, Span};

const fn special(
    least: usize,
    most: usize,
    build: fn(Vec<TypedExpr>, Span) -> Result<TypedExpr, Diagnostic>,
) -> Binding {
    Binding::Special { arity: (least, most), build }
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    FunctionSpec::new(
        Family::Conditional,
        "coalesce",
        "coalesce(value, value, …) -> the values' common type",
        "the first value that is not null",
        &[("coalesce(null, 3)", "3"), ("coalesce(null, null, 'x')", "x")],
        special(1, usize::MAX, coalesce),
    ),
    FunctionSpec::new(
        Family::Conditional,
        "ifnull",
        "ifnull(value, replacement) -> their common type",
        "the value, or the replacement where the value is null",
        &[("ifnull(null, 9)", "9")],
        special(2, 2, coalesce),
    ),
    FunctionSpec::new(
        Family::Conditional,
        "nullif",
        "nullif(value, other) -> the value's type",
        "null where the two are equal, else the value",
        &[("nullif(5, 5)", "NULL"), ("nullif(5, 0)", "5")],
        special(2, 2, nullif),
    ),
    FunctionSpec::new(
        Family::Conditional,
        "if",
        "if(condition boolean, yes, no) -> their common type",
        "one of two values: `no` where the condition is false or null, else `yes`",
        &[("if(2 > 1, 'big', 'small')", "big")],
        special(3, 3, if_else),
    ),
    FunctionSpec::new(
        Family::Conditional,
        "greatest",
        "greatest(value, value, …) -> the values' common type",
        "the largest value; null if any is null",
        &[("greatest(1, 3, 2)", "3"), ("greatest(1, 2.5)", "2.5")],
        special(1, usize::MAX, |args, span| extreme("greatest", CompareOp::GtEq, args, span)),
    ),
    FunctionSpec::new(
        Family::Conditional,
        "least",
        "least(value, value, …) -> the values' common type",
        "the smallest value; null if any is null",
        &[("least(1, 3, -2)", "-2"), ("least('b', 'a')", "a")],
        special(1, usize::MAX, |args, span| extreme("least", CompareOp::LtEq, args, span)),
    ),
];

fn coalesce(args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let (args, ty) = coerce_all("coalesce", args, span)?;
    let nullable = args.iter().all(TypedExpr::nullable);
    Ok(TypedExpr::op(Op::Coalesce, args, ty, nullable))
}

fn nullif(args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let Ok([value, other]) = <[TypedExpr; 2]>::try_from(args) else { return Err(missing(span)) };
    let ty = value.ty().clone();
    let equal = operators::compare(CompareOp::Eq, value.clone(), other, span)?;
    Ok(TypedExpr::op(Op::Case, vec![equal, TypedExpr::null(ty.clone()), value], ty, true))
}

fn if_else(args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let Ok([condition, yes, no]) = <[TypedExpr; 3]>::try_from(args) else { return Err(missing(span)) };
    let condition = coerce_condition(condition)?;
    let (values, ty) = coerce_all("if", vec![yes, no], span)?;
    let nullable = values.iter().any(TypedExpr::nullable);
    Ok(TypedExpr::op(Op::Case, std::iter::once(condition).chain(values).collect(), ty, nullable))
}

/// A comparison kernel of its own, so that each argument is computed once however many there are.
fn extreme(name: &str, op: CompareOp, args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let (args, ty) = coerce_all(name, args, span)?;
    if matches!(ty, LogicalType::Array(_) | LogicalType::Map(..) | LogicalType::Row(_)) {
        return Err(Diagnostic::at(span, format!("`{name}` can't order values of type {ty}")));
    }
    let nullable = args.iter().any(TypedExpr::nullable);
    let args = args.into_iter().map(|arg| coerce(arg, &ty)).collect::<Result<Vec<_>, _>>()?;
    Ok(TypedExpr::op(Op::Extreme(op), args, ty, nullable))
}

fn missing(span: Span) -> Diagnostic {
    Diagnostic::at(span, "an argument is missing")
}
