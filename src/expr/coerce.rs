//! Implicit casts: which types meet in which.

use super::cast;
use super::decimal;
use super::time::Zone;
use super::typed::{Op, TypedExpr};
use crate::types::{Diagnostic, LogicalType, Span};

/// The type that values of both types are brought to, by Flink's rules; `None` when there is none.
#[must_use]
pub fn common_type(left: &LogicalType, right: &LogicalType) -> Option<LogicalType> {
    use LogicalType as T;
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (T::Null, other) | (other, T::Null) => Some(other.clone()),
        (T::Array(left), T::Array(right)) => Some(T::Array(Box::new(common_type(left, right)?))),
        (T::Map(left_key, left_value), T::Map(right_key, right_value)) => {
            Some(T::Map(Box::new(common_type(left_key, right_key)?), Box::new(common_type(left_value, right_value)?)))
        }
        (T::Row(left), T::Row(right)) if left.len() == right.len() => Some(T::Row(
            left.iter()
                .zip(right)
                .map(|((name, left), (_, right))| Some((name.clone(), common_type(left, right)?)))
                .collect::<Option<_>>()?,
        )),
        (T::Date, T::Timestamp) | (T::Timestamp, T::Date) => Some(T::Timestamp),
        (T::Date | T::Timestamp, T::TimestampLtz) | (T::TimestampLtz, T::Date | T::Timestamp) => Some(T::TimestampLtz),
        _ => common_number(left, right),
    }
}

/// The type that two numbers are brought to.
pub(super) fn common_number(left: &LogicalType, right: &LogicalType) -> Option<LogicalType> {
    use LogicalType as T;
    if !left.is_numeric() || !right.is_numeric() {
        return None;
    }
    if left == right {
        return Some(left.clone());
    }
    Some(match (left, right) {
        (T::Double, _) | (_, T::Double) => T::Double,
        (T::Float, other) | (other, T::Float) => {
            if other.is_integer() {
                T::Float
            } else {
                T::Double
            }
        }
        (left, right) if left.is_integer() && right.is_integer() => wider_integer(left, right).clone(),
        (left, right) => {
            let (precision, scale) = decimal::common_type(decimal::exact(left)?, decimal::exact(right)?);
            T::Decimal(precision, scale)
        }
    })
}

/// The wider of two integer types.
pub(super) fn wider_integer<'t>(left: &'t LogicalType, right: &'t LogicalType) -> &'t LogicalType {
    let digits = |ty| decimal::exact(ty).map_or(0, |(precision, _)| precision);
    if digits(left) >= digits(right) { left } else { right }
}

/// Whether a value of `from` becomes one of `to` without being asked.
fn is_implicit(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType as T;
    if from == to || *from == T::Null {
        return true;
    }
    match (from, to) {
        (from, T::Double) => from.is_numeric(),
        // What came from a literal or another calculation is brought to the declared precision, as Flink's sinks do.
        (from, T::Float) => from.is_numeric() && *from != T::Double,
        (from, T::Decimal(..)) => decimal::exact(from).is_some(),
        (from, to) if from.is_integer() && to.is_integer() => wider_integer(from, to) == to,
        (T::Date, T::Timestamp | T::TimestampLtz)
        | (T::Timestamp, T::TimestampLtz)
        | (T::TimestampLtz, T::Timestamp) => true,
        (T::Array(from), T::Array(to)) => is_implicit(from, to),
        (T::Map(from_key, from_value), T::Map(to_key, to_value)) => {
            is_implicit(from_key, to_key) && is_implicit(from_value, to_value)
        }
        (T::Row(from), T::Row(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|((_, from), (_, to))| is_implicit(from, to))
        }
        _ => false,
    }
}

/// `expr` as a value of `ty`, with an implicit cast where its type is another.
///
/// # Errors
/// When no implicit cast leads there; the help says whether `cast` would.
pub fn coerce(expr: TypedExpr, ty: &LogicalType) -> Result<TypedExpr, Diagnostic> {
    if expr.ty == *ty {
        return Ok(expr);
    }
    if !is_implicit(&expr.ty, ty) {
        return Err(misfit(&expr, &ty.to_string(), Some(ty)));
    }
    Ok(implicit_cast(expr, ty))
}

/// As [`coerce`] for what is known to fit.
pub(super) fn implicit_cast(expr: TypedExpr, ty: &LogicalType) -> TypedExpr {
    if expr.ty == *ty {
        return expr;
    }
    let span = expr.span;
    if expr.is_null_literal() {
        return TypedExpr::null(ty.clone()).at(span);
    }
    let nullable = expr.nullable || cast::can_be_null(&expr.ty, ty);
    TypedExpr::op(
        Op::Cast { lenient: false, implicit: true, length: None, zone: Zone::default() },
        vec![expr],
        ty.clone(),
        nullable,
    )
    .at(span)
}

/// All of `args` as values of their common type.
///
/// # Errors
/// When they have none, at the first that does not fit those before it.
pub(super) fn coerce_all(
    name: &str,
    args: Vec<TypedExpr>,
    span: Span,
) -> Result<(Vec<TypedExpr>, LogicalType), Diagnostic> {
    let mut ty = LogicalType::Null;
    for arg in &args {
        ty = common_type(&ty, arg.ty()).ok_or_else(|| {
            let place = if arg.span == Span::default() { span } else { arg.span };
            let error =
                Diagnostic::at(place, format!("the values of `{name}` have no common type: {ty} and {}", arg.ty()))
                    .label(format!("this is {}, the values before it are {ty}", arg.ty()));
            if cast::exists(arg.ty(), &ty) { error.help(format!("cast it: cast({arg} as {ty})")) } else { error }
        })?;
    }
    let args = args.into_iter().map(|arg| implicit_cast(arg, &ty)).collect();
    Ok((args, ty))
}

/// `expr` as a condition.
///
/// # Errors
/// When it is not boolean.
pub(super) fn coerce_condition(expr: TypedExpr) -> Result<TypedExpr, Diagnostic> {
    if matches!(expr.ty, LogicalType::Boolean | LogicalType::Null) {
        return Ok(implicit_cast(expr, &LogicalType::Boolean));
    }
    let error = misfit(&expr, "a condition (boolean)", None);
    Err(if expr.ty.is_numeric() { error.help(format!("compare it: {expr} <> 0")) } else { error })
}

/// The error of an expression of the wrong type: `expected …, found …`.
pub(super) fn misfit(expr: &TypedExpr, expected: &str, castable: Option<&LogicalType>) -> Diagnostic {
    let error = Diagnostic::at(expr.span, format!("expected {expected}, found {}", expr.ty));
    match castable {
        Some(ty) if cast::exists(&expr.ty, ty) => error.help(format!("cast it: cast({expr} as {ty})")),
        Some(_) | None => error,
    }
}
