//! Casts between numbers and booleans, with Java's meaning: integers wrap, floats saturate, decimals overflow to null.

#![expect(clippy::wildcard_enum_match_arm, reason = "the other types are no numbers")]

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use arrow_array::{ArrayRef, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray, cast::AsArray};

use super::failures::Failures;
use crate::expr::decimal::{self, ParseDecimalError};
use crate::expr::value::mistyped;
use crate::types::{LogicalType, Result};

pub(super) fn cast(data: &ArrayRef, from: &LogicalType, to: &LogicalType, failures: &mut Failures) -> Result<ArrayRef> {
    match from {
        LogicalType::Boolean => {
            let bits = data.as_boolean_opt().ok_or_else(|| mistyped(data, "boolean"))?;
            let longs: Int64Array = bits.iter().map(|bit| bit.map(i64::from)).collect();
            from_integers(&longs, 1, to)
        }
        LogicalType::TinyInt => from_integers(data.as_primitive::<Int8Type>(), 3, to),
        LogicalType::SmallInt => from_integers(data.as_primitive::<Int16Type>(), 5, to),
        LogicalType::Int => from_integers(data.as_primitive::<Int32Type>(), 10, to),
        LogicalType::BigInt => from_integers(data.as_primitive::<Int64Type>(), 19, to),
        LogicalType::Float => from_floats(data.as_primitive::<Float32Type>(), to, failures),
        LogicalType::Double => from_floats(data.as_primitive::<Float64Type>(), to, failures),
        LogicalType::Decimal(_, scale) => from_decimals(data.as_primitive::<Decimal128Type>(), *scale, to),
        _ => Err(mistyped(data, "a number")),
    }
}

fn unary<I, O>(array: &PrimitiveArray<I>, f: impl Fn(I::Native) -> O::Native) -> ArrayRef
where
    I: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    Arc::new(array.unary::<_, O>(f))
}

fn to_boolean<I: ArrowPrimitiveType>(array: &PrimitiveArray<I>, f: impl Fn(I::Native) -> bool) -> ArrayRef {
    Arc::new(BooleanArray::from_unary(array, f))
}

fn decimals(array: Decimal128Array, to: &LogicalType) -> ArrayRef {
    Arc::new(array.with_data_type(to.to_arrow()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "integers wrap and lose precision as Java's do"
)]
fn from_integers<I>(array: &PrimitiveArray<I>, digits: u8, to: &LogicalType) -> Result<ArrayRef>
where
    I: ArrowPrimitiveType,
    I::Native: Into<i64>,
{
    let long = Into::<i64>::into;
    Ok(match to {
        LogicalType::Boolean => to_boolean(array, |value| long(value) != 0),
        LogicalType::TinyInt => unary::<I, Int8Type>(array, |value| long(value) as i8),
        LogicalType::SmallInt => unary::<I, Int16Type>(array, |value| long(value) as i16),
        LogicalType::Int => unary::<I, Int32Type>(array, |value| long(value) as i32),
        LogicalType::BigInt => unary::<I, Int64Type>(array, long),
        LogicalType::Float => unary::<I, Float32Type>(array, |value| long(value) as f32),
        LogicalType::Double => unary::<I, Float64Type>(array, |value| long(value) as f64),
        LogicalType::Decimal(precision, scale) => {
            let factor = decimal::POW10[usize::from(*scale)];
            if *precision >= digits + scale {
                decimals(array.unary(|value| i128::from(long(value)) * factor), to)
            } else {
                let fit = |value: I::Native| decimal::rescale_to(long(value).into(), 0, (*precision, *scale));
                decimals(array.unary_opt(fit), to)
            }
        }
        _ => return Err(mistyped(&(Arc::new(array.clone()) as ArrayRef), &to.to_string())),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates and takes NaN to 0, as Java does")]
fn from_floats<I>(array: &PrimitiveArray<I>, to: &LogicalType, failures: &mut Failures) -> Result<ArrayRef>
where
    I: ArrowPrimitiveType,
    I::Native: Into<f64>,
{
    let double = Into::<f64>::into;
    Ok(match to {
        LogicalType::Boolean => to_boolean(array, |value| double(value) != 0.0),
        // Java narrows to int first, and from there by wrapping.
        LogicalType::TinyInt => unary::<I, Int8Type>(array, |value| double(value) as i32 as i8),
        LogicalType::SmallInt => unary::<I, Int16Type>(array, |value| double(value) as i32 as i16),
        LogicalType::Int => unary::<I, Int32Type>(array, |value| double(value) as i32),
        LogicalType::BigInt => unary::<I, Int64Type>(array, |value| double(value) as i64),
        LogicalType::Float => unary::<I, Float32Type>(array, |value| double(value) as f32),
        LogicalType::Double => unary::<I, Float64Type>(array, double),
        LogicalType::Decimal(precision, scale) => {
            let row = |(row, value): (usize, Option<I::Native>)| {
                let value = double(value?);
                match decimal::from_double(value, (*precision, *scale)) {
                    Ok(value) => Some(value),
                    Err(ParseDecimalError::Overflow) => None,
                    Err(ParseDecimalError::Malformed) => {
                        failures.push(row, || format!("can't cast {value} to {to}"));
                        None
                    }
                }
            };
            decimals(array.iter().enumerate().map(row).collect(), to)
        }
        _ => return Err(mistyped(&(Arc::new(array.clone()) as ArrayRef), &to.to_string())),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are kept, as BigDecimal.intValue does")]
fn from_decimals(array: &Decimal128Array, scale: u8, to: &LogicalType) -> Result<ArrayRef> {
    let factor = decimal::POW10[usize::from(scale)];
    Ok(match to {
        LogicalType::Boolean => to_boolean(array, |value| value != 0),
        LogicalType::TinyInt => unary::<_, Int8Type>(array, |value| (value / factor) as i8),
        LogicalType::SmallInt => unary::<_, Int16Type>(array, |value| (value / factor) as i16),
        LogicalType::Int => unary::<_, Int32Type>(array, |value| (value / factor) as i32),
        LogicalType::BigInt => unary::<_, Int64Type>(array, |value| (value / factor) as i64),
        LogicalType::Float => unary::<_, Float32Type>(array, |value| decimal::to_double(value, scale) as f32),
        LogicalType::Double => unary::<_, Float64Type>(array, |value| decimal::to_double(value, scale)),
        LogicalType::Decimal(precision, to_scale) => {
            decimals(array.unary_opt(|value| decimal::rescale_to(value, scale, (*precision, *to_scale))), to)
        }
        _ => return Err(mistyped(&(Arc::new(array.clone()) as ArrayRef), &to.to_string())),
    })
}
