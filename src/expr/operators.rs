//! The types of operators: what each takes, gives, and which implicit casts that needs.

use super::coerce::{common_number, common_type, implicit_cast, misfit, wider_integer};
use super::decimal;
use super::typed::{ArithmeticOp, CompareOp, Op, TypedExpr};
use crate::types::{Diagnostic, LogicalType, Span};

/// `left op right`
///
/// # Errors
/// When Flink has no such operation on these types.
pub(super) fn arithmetic(
    op: ArithmeticOp,
    left: TypedExpr,
    right: TypedExpr,
    span: Span,
) -> Result<TypedExpr, Diagnostic> {
    use LogicalType as T;
    let nullable = left.nullable || right.nullable;
    let build =
        |left, right, ty: T, nullable| TypedExpr::op(Op::Arithmetic(op), vec![left, right], ty, nullable).at(span);
    // A bare null takes the other side's type.
    let (left, right) = match (left.ty(), right.ty()) {
        (T::Null, T::Null) => (implicit_cast(left, &T::Int), implicit_cast(right, &T::Int)),
        (T::Null, other) if other.is_numeric() => (implicit_cast(left, &other.clone()), right),
        (other, T::Null) if other.is_numeric() => {
            let ty = other.clone();
            (left, implicit_cast(right, &ty))
        }
        _ => (left, right),
    };
    let (a, b) = (left.ty().clone(), right.ty().clone());
    if let Some(ty) = temporal_type(op, &a, &b) {
        return Ok(build(left, right, ty, nullable));
    }
    let Some(common) = common_number(&a, &b) else { return Err(no_arithmetic(op, &left, &right, span)) };
    if common.is_integer() {
        let ty = wider_integer(&a, &b).clone();
        let result = build(implicit_cast(left, &ty), implicit_cast(right, &ty), ty.clone(), nullable);
        // `a % b` is of the type of `b`, which holds every remainder.
        return Ok(if op == ArithmeticOp::Modulo { implicit_cast(result, &b) } else { result });
    }
    if let (Some(left_type), Some(right_type)) = (decimal::exact(&a), decimal::exact(&b)) {
        let (precision, scale) = decimal::result_type(op, left_type, right_type);
        // Whatever has no room for all its results can overflow to null.
        let nullable = nullable || precision == decimal::MAX_PRECISION;
        let result = build(left, right, T::Decimal(precision, scale), nullable);
        let whole = op == ArithmeticOp::Modulo && (left_type.1, right_type.1) == (0, 0);
        // As between integers, a remainder of whole numbers is of the type of the divisor.
        return Ok(if whole { implicit_cast(result, &b) } else { result });
    }
    if op == ArithmeticOp::Modulo {
        return Err(Diagnostic::at(span, format!("`%` takes integers and decimals, not {a} and {b}"))
            .label("as in Flink, only exact numbers have a remainder")
            .help("cast both: cast(… as decimal(38, 10)) % cast(… as decimal(38, 10))"));
    }
    // Flink computes a FLOAT with a DOUBLE in the type of the left side.
    let ty = if (&a, &b) == (&T::Float, &T::Double) { T::Float } else { common };
    Ok(build(implicit_cast(left, &ty), implicit_cast(right, &ty), ty, nullable))
}

/// The type of arithmetic on times and intervals; `None` when it is no such thing.
fn temporal_type(op: ArithmeticOp, left: &LogicalType, right: &LogicalType) -> Option<LogicalType> {
    use ArithmeticOp::{Add, Multiply, Subtract};
    use LogicalType as T;
    let interval = |ty: &T| matches!(ty, T::IntervalDayTime | T::IntervalYearMonth);
    let instant = |ty: &T| matches!(ty, T::Date | T::Time | T::Timestamp | T::TimestampLtz);
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is defined on times")]
    match op {
        Add | Subtract if instant(left) && interval(right) => Some(left.clone()),
        Add if interval(left) && instant(right) => Some(right.clone()),
        Add | Subtract if interval(left) && left == right => Some(left.clone()),
        Multiply if interval(left) && right.is_integer() => Some(left.clone()),
        Multiply if left.is_integer() && interval(right) => Some(right.clone()),
        _ => None,
    }
}

fn no_arithmetic(op: ArithmeticOp, left: &TypedExpr, right: &TypedExpr, span: Span) -> Diagnostic {
    use LogicalType as T;
    let (a, b) = (left.ty(), right.ty());
    let error = Diagnostic::at(span, format!("`{}` can't be applied to {a} and {b}", op.symbol()));
    let instant = |ty: &T| matches!(ty, T::Date | T::Time | T::Timestamp | T::TimestampLtz);
    if op == ArithmeticOp::Subtract && instant(a) && instant(b) {
        return error.help(format!("timestampdiff(second, {right}, {left}) is the time between them"));
    }
    if instant(a) && b.is_numeric() {
        return error.help(format!("add an interval: {left} {} interval '1' day", op.symbol()));
    }
    if op == ArithmeticOp::Add && (*a == T::String || *b == T::String) {
        return error.help("`||` joins strings");
    }
    for (side, other) in [(left, b), (right, a)] {
        if *side.ty() == T::String && other.is_numeric() {
            return error.help(format!("cast the string: cast({side} as {other})"));
        }
    }
    error
}

/// `-x`
///
/// # Errors
/// When it is neither a number nor an interval.
pub(super) fn negate(expr: TypedExpr, span: Span) -> Result<TypedExpr, Diagnostic> {
    let ty = expr.ty().clone();
    if ty.is_numeric()
        || matches!(ty, LogicalType::IntervalDayTime | LogicalType::IntervalYearMonth | LogicalType::Null)
    {
        let nullable = expr.nullable;
        return Ok(TypedExpr::op(Op::Negate, vec![expr], ty, nullable).at(span));
    }
    Err(misfit(&expr, "a number or an interval", None))
}

/// `left op right`
///
/// # Errors
/// When Flink does not compare these types.
pub(super) fn compare(op: CompareOp, left: TypedExpr, right: TypedExpr, span: Span) -> Result<TypedExpr, Diagnostic> {
    let (left, right) = comparable(op, left, right, span)?;
    let nullable = !matches!(op, CompareOp::Distinct | CompareOp::NotDistinct) && (left.nullable || right.nullable);
    Ok(TypedExpr::op(Op::Compare(op), vec![left, right], LogicalType::Boolean, nullable).at(span))
}

/// A value and one of those that it may be `in`. As in Flink, numbers are looked for among texts, and texts among numbers, as
/// they are written, and a text beside a boolean is one.
///
/// # Errors
/// As [`compare`].
pub(super) fn candidate(value: TypedExpr, candidate: TypedExpr) -> Result<TypedExpr, Diagnostic> {
    use LogicalType as T;
    let place = candidate.span();
    let is_text = |expr: &TypedExpr| *expr.ty() == T::String && expr.as_literal().is_none();
    let (value, candidate) = match (value.ty(), candidate.ty()) {
        (T::Boolean, T::String) => {
            let candidate = from_text(CompareOp::Eq, candidate, &T::Boolean, place)?;
            (value, candidate)
        }
        (a, b) if is_text(&value) && b.is_numeric() || a.is_numeric() && is_text(&candidate) => {
            (implicit_cast(value, &T::String), implicit_cast(candidate, &T::String))
        }
        _ => (value, candidate),
    };
    compare(CompareOp::Eq, value, candidate, place)
}

/// Both sides in the type they are compared in.
fn comparable(
    op: CompareOp,
    left: TypedExpr,
    right: TypedExpr,
    span: Span,
) -> Result<(TypedExpr, TypedExpr), Diagnostic> {
    use LogicalType as T;
    let (a, b) = (left.ty().clone(), right.ty().clone());
    let (left, right) = match (&a, &b) {
        // As in Flink, a boolean equals the text that it is written as, 'TRUE' or 'FALSE'.
        (T::Boolean, T::String) if op.is_equality() => (implicit_cast(left, &T::String), right),
        (T::String, T::Boolean) if op.is_equality() => (left, implicit_cast(right, &T::String)),
        (T::String, other) if reads_text(other) => (from_text(op, left, other, span)?, right),
        (other, T::String) if reads_text(other) => {
            let right = from_text(op, right, other, span)?;
            (left, right)
        }
        // Without this, `date < timestamp` would silently be midnight's; Flink refuses it as well.
        (T::Date, T::Timestamp | T::TimestampLtz) | (T::Timestamp | T::TimestampLtz, T::Date) => {
            let date = if a == T::Date { &left } else { &right };
            return Err(no_comparison(op, &a, &b, span).help(format!("cast the date: cast({date} as timestamp(3))")));
        }
        _ => (left, right),
    };
    let (a, b) = (left.ty(), right.ty());
    let ty = match (decimal::exact(a), decimal::exact(b)) {
        // Exact numbers are compared exactly, in a common decimal if there is one and by the slow way if not.
        (Some(left_type), Some(right_type)) if !(a.is_integer() && b.is_integer()) => {
            return Ok(comparable_decimals(left, right, left_type, right_type));
        }
        _ => common_type(a, b),
    };
    let Some(ty) = ty else {
        return Err(no_comparison(op, a, b, span));
    };
    if !op.is_equality() && matches!(ty, T::Array(_) | T::Map(..) | T::Row(_)) || matches!(ty, T::Map(..)) {
        return Err(no_comparison(op, a, b, span));
    }
    Ok((implicit_cast(left, &ty), implicit_cast(right, &ty)))
}

fn comparable_decimals(
    left: TypedExpr,
    right: TypedExpr,
    (p1, s1): (u8, u8),
    (p2, s2): (u8, u8),
) -> (TypedExpr, TypedExpr) {
    let scale = s1.max(s2);
    let precision = (p1 - s1).max(p2 - s2) + scale;
    if precision <= decimal::MAX_PRECISION {
        let ty = LogicalType::Decimal(precision, scale);
        return (implicit_cast(left, &ty), implicit_cast(right, &ty));
    }
    let own = |side, (precision, scale)| implicit_cast(side, &LogicalType::Decimal(precision, scale));
    (own(left, (p1, s1)), own(right, (p2, s2)))
}

fn no_comparison(op: CompareOp, left: &LogicalType, right: &LogicalType, span: Span) -> Diagnostic {
    Diagnostic::at(span, format!("`{}` can't compare {left} with {right}", op.symbol()))
}

/// How a value of such a type is written.
const fn written(ty: &LogicalType) -> &'static str {
    use LogicalType as T;
    #[expect(clippy::wildcard_enum_match_arm, reason = "of the types that a string is read as the others are numbers")]
    match ty {
        T::Date => "a date is written '2020-02-29'",
        T::Time => "a time is written '13:30:00'",
        T::Timestamp | T::TimestampLtz => "a timestamp is written '2020-02-29 13:30:00'",
        _ => "a number is written without quotes: 100",
    }
}

/// Types that a string beside them is read as.
fn reads_text(ty: &LogicalType) -> bool {
    use LogicalType as T;
    ty.is_numeric() || matches!(ty, T::Boolean | T::Date | T::Time | T::Timestamp | T::TimestampLtz)
}

/// A string beside a value of another type. As in Flink, a string column is not equated with a number.
fn from_text(op: CompareOp, text: TypedExpr, ty: &LogicalType, span: Span) -> Result<TypedExpr, Diagnostic> {
    if text.as_literal().is_none() && op.is_equality() && ty.is_numeric() {
        return Err(no_comparison(op, text.ty(), ty, span).help(format!("cast one side: cast({text} as {ty})")));
    }
    let place = text.span();
    let shown = text.to_string();
    let literal = text.as_literal().is_some();
    let cast = implicit_cast(text, ty);
    let folded = cast.clone().fold();
    // Which instant a text means is known once the zone is.
    let cast = if *ty == LogicalType::TimestampLtz { cast } else { folded.clone() };
    if literal && folded.as_literal().is_none() {
        let error = Diagnostic::at(place, format!("{shown} is not a value of type {ty}"));
        return Err(error.label(format!("compared with {ty}")).help(written(ty)));
    }
    Ok(cast)
}
