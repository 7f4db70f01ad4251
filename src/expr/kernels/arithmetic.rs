//! `+ - * / %` and the sign, for integers and floats; decimals and times are beside this file.

use std::sync::Arc;

use arrow_arith::numeric;
use arrow_array::types::{
    Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalYearMonthType,
};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, cast::AsArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer, ScalarBuffer};

use super::operands::{DIVISION_BY_ZERO, shaped, span};
use super::{decimal, divisor, temporal};
use crate::expr::TypedExpr;
use crate::expr::typed::ArithmeticOp;
use crate::expr::value::{Primitive, Scope, Value, mistyped, union_nulls};
use crate::types::{LogicalType, Result};

/// Whether `left op right` can fail in a row: a division by what may be zero.
pub(in crate::expr) fn can_fail(op: ArithmeticOp, ty: &LogicalType, right: &TypedExpr) -> bool {
    if !matches!(op, ArithmeticOp::Divide | ArithmeticOp::Modulo)
        || matches!(ty, LogicalType::Float | LogicalType::Double)
    {
        return false;
    }
    right.as_literal().is_none_or(|value| {
        let value = Value::Scalar(value.clone());
        #[expect(clippy::wildcard_enum_match_arm, reason = "only exact numbers are divided so")]
        match right.ty() {
            LogicalType::TinyInt => is_zero::<Int8Type>(&value),
            LogicalType::SmallInt => is_zero::<Int16Type>(&value),
            LogicalType::Int => is_zero::<Int32Type>(&value),
            LogicalType::BigInt => is_zero::<Int64Type>(&value),
            LogicalType::Decimal(..) => is_zero::<Decimal128Type>(&value),
            _ => true,
        }
    })
}

fn is_zero<T: ArrowPrimitiveType>(value: &Value) -> bool {
    Primitive::<T>::new(value).is_ok_and(|value| value.get(0) == Some(T::Native::usize_as(0)))
}

/// `left op right` of the type `ty`.
pub(in crate::expr) fn arithmetic(
    op: ArithmeticOp,
    left: (&Value, &LogicalType),
    right: (&Value, &LogicalType),
    ty: &LogicalType,
    scope: &mut Scope<'_>,
) -> Result<Value> {
    match ty {
        LogicalType::TinyInt => integers::<Int8Type>(op, left.0, right.0, i8::wrapping_div, i8::wrapping_rem, scope),
        LogicalType::SmallInt => {
            integers::<Int16Type>(op, left.0, right.0, i16::wrapping_div, i16::wrapping_rem, scope)
        }
        LogicalType::Int => integers::<Int32Type>(op, left.0, right.0, i32::wrapping_div, i32::wrapping_rem, scope),
        LogicalType::BigInt => match divisor::by_constant(op, left.0, right.0)? {
            Some(divided) => Ok(divided),
            None => integers::<Int64Type>(op, left.0, right.0, i64::wrapping_div, i64::wrapping_rem, scope),
        },
        LogicalType::Float | LogicalType::Double => {
            let kernel = match op {
                ArithmeticOp::Add => numeric::add_wrapping,
                ArithmeticOp::Subtract => numeric::sub_wrapping,
                ArithmeticOp::Multiply => numeric::mul_wrapping,
                ArithmeticOp::Divide => numeric::div,
                ArithmeticOp::Modulo => numeric::rem,
            };
            Ok(shaped(kernel(left.0, right.0)?, left.0, right.0))
        }
        LogicalType::Decimal(precision, scale) => decimal::arithmetic(op, left, right, (*precision, *scale), scope),
        LogicalType::Null
        | LogicalType::Boolean
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::Date
        | LogicalType::Time
        | LogicalType::Timestamp
        | LogicalType::TimestampLtz
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth
        | LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Row(_) => temporal::arithmetic(op, left, right, ty, scope),
    }
}

fn integers<T: ArrowPrimitiveType>(
    op: ArithmeticOp,
    left: &Value,
    right: &Value,
    divide: impl Fn(T::Native, T::Native) -> T::Native,
    modulo: impl Fn(T::Native, T::Native) -> T::Native,
    scope: &mut Scope<'_>,
) -> Result<Value> {
    match op {
        ArithmeticOp::Add => Ok(shaped(numeric::add_wrapping(left, right)?, left, right)),
        ArithmeticOp::Subtract => Ok(shaped(numeric::sub_wrapping(left, right)?, left, right)),
        ArithmeticOp::Multiply => Ok(shaped(numeric::mul_wrapping(left, right)?, left, right)),
        ArithmeticOp::Divide => division::<T>(left, right, divide, scope),
        ArithmeticOp::Modulo => division::<T>(left, right, modulo, scope),
    }
}

/// `f(left, right)` where `right` is not zero; the rows where it is fail.
fn division<T: ArrowPrimitiveType>(
    left: &Value,
    right: &Value,
    f: impl Fn(T::Native, T::Native) -> T::Native,
    scope: &mut Scope<'_>,
) -> Result<Value> {
    let zero = T::Native::usize_as(0);
    let (a, b) = (Primitive::<T>::new(left)?, Primitive::<T>::new(right)?);
    let rows = span(left, right, scope);
    let nulls = union_nulls(left, right, rows);
    let result = match (a.constant(), b.constant()) {
        (None, Some(divisor)) if divisor != zero && !a.scalar => {
            let values: ScalarBuffer<T::Native> = a.values.iter().map(|&value| f(value, divisor)).collect();
            PrimitiveArray::<T>::new(values, nulls)
        }
        _ if !a.scalar && !b.scalar && !b.values.contains(&zero) => {
            let values: ScalarBuffer<T::Native> = a.values.iter().zip(b.values).map(|(&a, &b)| f(a, b)).collect();
            PrimitiveArray::<T>::new(values, nulls)
        }
        _ => {
            let one = T::Native::usize_as(1);
            let at = |side: &Primitive<'_, T>, row: usize| side.values[if side.scalar { 0 } else { row }];
            let quotient = |row| match at(&b, row) {
                divisor if divisor == zero => f(at(&a, row), one),
                divisor => f(at(&a, row), divisor),
            };
            let values: ScalarBuffer<T::Native> = (0..rows).map(quotient).collect();
            let divides = BooleanBuffer::collect_bool(rows, |row| at(&b, row) != zero);
            let valid = NullBuffer::new(divides);
            let failed = valid
                .iter()
                .enumerate()
                .filter(|&(row, divides)| !divides && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
            scope.fail_all(failed.map(|(row, _)| row), left.is_scalar() && right.is_scalar(), DIVISION_BY_ZERO);
            PrimitiveArray::<T>::new(values, NullBuffer::union(nulls.as_ref(), Some(&valid)))
        }
    };
    Ok(shaped(Arc::new(result), left, right))
}

/// `-value`: an integer's minimum stays as it is.
pub(in crate::expr) fn negate(value: &Value, ty: &LogicalType) -> Result<Value> {
    fn map<T: ArrowPrimitiveType>(value: &Value, f: impl Fn(T::Native) -> T::Native) -> Result<Value> {
        let array = value.data().as_primitive_opt::<T>().ok_or_else(|| mistyped(value.data(), "a number"))?;
        let negated = array.unary::<_, T>(f).with_data_type(array.data_type().clone());
        Ok(value.with(Arc::new(negated)))
    }
    match ty {
        LogicalType::TinyInt => map::<Int8Type>(value, i8::wrapping_neg),
        LogicalType::SmallInt => map::<Int16Type>(value, i16::wrapping_neg),
        LogicalType::Int => map::<Int32Type>(value, i32::wrapping_neg),
        LogicalType::BigInt => map::<Int64Type>(value, i64::wrapping_neg),
        LogicalType::Float => map::<Float32Type>(value, |value| -value),
        LogicalType::Double => map::<Float64Type>(value, |value| -value),
        LogicalType::Decimal(..) => map::<Decimal128Type>(value, i128::wrapping_neg),
        LogicalType::IntervalDayTime => map::<DurationMillisecondType>(value, i64::wrapping_neg),
        LogicalType::IntervalYearMonth => map::<IntervalYearMonthType>(value, i32::wrapping_neg),
        LogicalType::Null => Ok(value.clone()),
        LogicalType::Boolean
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::Date
        | LogicalType::Time
        | LogicalType::Timestamp
        | LogicalType::TimestampLtz
        | LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Row(_) => Err(mistyped(value.data(), "a number")),
    }
}
