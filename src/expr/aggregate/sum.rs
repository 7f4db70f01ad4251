//! `sum`, and the state that `avg` shares with it: a sum and how many values it is of.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, Decimal128Array, Int64Array, PrimitiveArray};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;

use super::accumulator::{column, wrong_type};
use super::kernel::{Kernel, Typed};
use super::{Accumulator, AggregateCall, AggregateSpec};
use crate::types::{Field, LogicalType, Result};

/// `sum`
pub(super) const SUM: AggregateSpec = AggregateSpec {
    name: "sum",
    aliases: &[],
    arguments: "x",
    summary: "the sum of the values that are not null; null when there is none",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate sum(price) as total;"],
    flink: Some("SUM"),
    star: false,
    arity: (1, 1),
    coerce: None,
    result: |args| {
        let ty = args[0].ty();
        if let LogicalType::Decimal(_, scale) = ty {
            return Ok((LogicalType::Decimal(MAX_PRECISION, *scale), true));
        }
        if ty.is_numeric() { Ok((ty.clone(), args[0].nullable())) } else { Err("a number".to_owned()) }
    },
    state: |call, _| state_fields(call),
    make: |call, _| make(call, false),
};

pub(super) const MAX_PRECISION: u8 = 38;
const LIMIT: i128 = 10_i128.pow(38);

/// The columns of a sum's state.
pub(super) fn state_fields(call: &AggregateCall) -> Vec<Field> {
    let ty = match call.args.first().map(crate::expr::TypedExpr::ty) {
        Some(LogicalType::Decimal(_, scale)) => LogicalType::Decimal(MAX_PRECISION, *scale),
        Some(LogicalType::Float | LogicalType::Double) => LogicalType::Double,
        _ => LogicalType::BigInt,
    };
    vec![Field::new("sum", ty), Field::new("count", LogicalType::BigInt)]
}

/// The accumulators of `sum`, or of `avg`.
pub(super) fn make(call: &AggregateCall, average: bool) -> Result<Box<dyn Accumulator>> {
    let ty = call.args[0].ty();
    Ok(match (ty, &call.ty) {
        (LogicalType::TinyInt, _) => Box::new(Typed::new(IntSum::<Int8Type> { average, arg: PhantomData })),
        (LogicalType::SmallInt, _) => Box::new(Typed::new(IntSum::<Int16Type> { average, arg: PhantomData })),
        (LogicalType::Int, _) => Box::new(Typed::new(IntSum::<Int32Type> { average, arg: PhantomData })),
        (LogicalType::BigInt, _) => Box::new(Typed::new(IntSum::<Int64Type> { average, arg: PhantomData })),
        (LogicalType::Float, _) => Box::new(Typed::new(FloatSum::<Float32Type> { average, arg: PhantomData })),
        (LogicalType::Double, _) => Box::new(Typed::new(FloatSum::<Float64Type> { average, arg: PhantomData })),
        (LogicalType::Decimal(_, from), LogicalType::Decimal(_, to)) => {
            Box::new(Typed::new(DecimalSum { average, sum_scale: *from, scale: *to }))
        }
        _ => return Err(wrong_type(&ty.to_arrow())),
    })
}

/// Whole numbers of any width.
pub(super) trait Int: Into<i64> + Copy {
    /// The low bits, as Java's narrowing does.
    fn wrap(value: i64) -> Self;
}

macro_rules! int {
    ($($ty:ty),*) => {
        $(impl Int for $ty {
            #[expect(clippy::cast_possible_truncation, reason = "wrapping is what is asked for")]
            fn wrap(value: i64) -> Self {
                value as Self
            }
        })*
    };
}
int!(i8, i16, i32);
impl Int for i64 {
    fn wrap(value: i64) -> Self {
        value
    }
}

/// Floating-point numbers of both widths, summed in 64 bits.
pub(super) trait Float: Into<f64> + Copy {
    /// The nearest number of this width.
    fn narrow(value: f64) -> Self;
}
impl Float for f32 {
    #[expect(clippy::cast_possible_truncation, reason = "the nearest float is what is asked for")]
    fn narrow(value: f64) -> Self {
        value as Self
    }
}
impl Float for f64 {
    fn narrow(value: f64) -> Self {
        value
    }
}

/// A sum and how many values it is of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SumCount<T> {
    sum: T,
    count: i64,
}

impl<T: ArrowNativeType> SumCount<T> {
    fn encode<A: ArrowPrimitiveType<Native = T>>(states: &[Self]) -> Vec<ArrayRef> {
        let sums = PrimitiveArray::<A>::from_iter_values(states.iter().map(|state| state.sum));
        vec![Arc::new(sums), write_counts(states.iter().map(|state| state.count))]
    }

    fn decode<A: ArrowPrimitiveType<Native = T>>(columns: &[ArrayRef]) -> Result<Vec<Self>> {
        let states = read_sums::<A>(columns)?.values().iter().zip(read_counts(columns)?.values());
        Ok(states.map(|(&sum, &count)| Self { sum, count }).collect())
    }
}

/// One type for the sum and the average, so that either can read the other's states.
struct IntSum<A> {
    average: bool,
    arg: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType> Kernel for IntSum<A>
where
    A::Native: Int,
{
    type Arg = A;
    type Out = A;
    type State = SumCount<i64>;

    fn add(state: &mut Self::State, value: A::Native) {
        state.sum = state.sum.wrapping_add(value.into());
        state.count += 1;
    }

    fn retract(state: &mut Self::State, value: A::Native) {
        state.sum = state.sum.wrapping_sub(value.into());
        state.count -= 1;
    }

    fn merge(state: &mut Self::State, other: &Self::State) {
        state.sum = state.sum.wrapping_add(other.sum);
        state.count += other.count;
    }

    fn value(&self, state: &Self::State) -> A::Native {
        if self.average {
            A::Native::wrap(state.sum.checked_div(state.count).unwrap_or(0))
        } else {
            A::Native::wrap(state.sum)
        }
    }

    fn is_null(&self, state: &Self::State) -> bool {
        state.count == 0
    }

    fn out_type(&self) -> DataType {
        A::DATA_TYPE
    }

    fn encode(&self, states: &[Self::State]) -> Result<Vec<ArrayRef>> {
        Ok(SumCount::encode::<Int64Type>(states))
    }

    fn decode(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>> {
        SumCount::decode::<Int64Type>(columns)
    }
}

struct FloatSum<A> {
    average: bool,
    arg: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType> Kernel for FloatSum<A>
where
    A::Native: Float,
{
    type Arg = A;
    type Out = A;
    type State = SumCount<f64>;

    fn add(state: &mut Self::State, value: A::Native) {
        state.sum += value.into();
        state.count += 1;
    }

    fn retract(state: &mut Self::State, value: A::Native) {
        state.sum -= value.into();
        state.count -= 1;
    }

    fn merge(state: &mut Self::State, other: &Self::State) {
        state.sum += other.sum;
        state.count += other.count;
    }

    #[expect(clippy::cast_precision_loss, reason = "a count above 2^53 rows is out of reach")]
    fn value(&self, state: &Self::State) -> A::Native {
        A::Native::narrow(if self.average { state.sum / state.count as f64 } else { state.sum })
    }

    fn is_null(&self, state: &Self::State) -> bool {
        state.count == 0
    }

    fn out_type(&self) -> DataType {
        A::DATA_TYPE
    }

    fn encode(&self, states: &[Self::State]) -> Result<Vec<ArrayRef>> {
        Ok(SumCount::encode::<Float64Type>(states))
    }

    fn decode(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>> {
        SumCount::decode::<Float64Type>(columns)
    }
}

struct DecimalSum {
    average: bool,
    sum_scale: u8,
    scale: u8,
}

/// A decimal sum; `overflowed` once it has left 38 digits, which lasts.
#[derive(Debug, Clone, Copy, Default)]
struct DecimalState {
    sum: i128,
    count: i64,
    overflowed: bool,
}

impl DecimalState {
    fn shift(&mut self, by: Option<i128>, count: i64) {
        match by.filter(|sum| sum.abs() < LIMIT) {
            Some(sum) => self.sum = sum,
            None => self.overflowed = true,
        }
        self.count += count;
    }
}

impl Kernel for DecimalSum {
    type Arg = Decimal128Type;
    type Out = Decimal128Type;
    type State = DecimalState;
    const TOTAL: bool = false;

    fn add(state: &mut Self::State, value: i128) {
        state.shift(state.sum.checked_add(value), 1);
    }

    fn retract(state: &mut Self::State, value: i128) {
        state.shift(state.sum.checked_sub(value), -1);
    }

    fn merge(state: &mut Self::State, other: &Self::State) {
        state.shift(state.sum.checked_add(other.sum), other.count);
        state.overflowed |= other.overflowed;
    }

    fn value(&self, state: &Self::State) -> i128 {
        if self.average { average(state, self.scale - self.sum_scale).unwrap_or(0) } else { state.sum }
    }

    fn is_null(&self, state: &Self::State) -> bool {
        state.count == 0 || state.overflowed || (self.average && average(state, self.scale - self.sum_scale).is_none())
    }

    fn out_type(&self) -> DataType {
        DataType::Decimal128(MAX_PRECISION, self.scale.cast_signed())
    }

    fn encode(&self, states: &[Self::State]) -> Result<Vec<ArrayRef>> {
        let sums: Decimal128Array = states.iter().map(|state| (!state.overflowed).then_some(state.sum)).collect();
        let sums = sums.with_precision_and_scale(MAX_PRECISION, self.sum_scale.cast_signed())?;
        Ok(vec![Arc::new(sums), write_counts(states.iter().map(|state| state.count))])
    }

    fn decode(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>> {
        let states = read_sums::<Decimal128Type>(columns)?.iter().zip(read_counts(columns)?.values());
        Ok(states
            .map(|(sum, &count)| DecimalState { sum: sum.unwrap_or(0), count, overflowed: sum.is_none() })
            .collect())
    }
}

/// The average with `digits` more decimal places, rounded half up; `None` when it is too large.
fn average(state: &DecimalState, digits: u8) -> Option<i128> {
    let count = i128::from(state.count);
    let scaled = state.sum.checked_mul(10_i128.pow(u32::from(digits)))?;
    let (quotient, rest) = (scaled.checked_div(count)?, scaled.checked_rem(count)?);
    let up = i128::from(rest.abs() * 2 >= count.abs()) * scaled.signum() * count.signum();
    Some(quotient + up).filter(|value| value.abs() < LIMIT)
}

fn write_counts(counts: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(counts))
}

/// The column `sum` of a sum's state.
fn read_sums<A: ArrowPrimitiveType>(columns: &[ArrayRef]) -> Result<&PrimitiveArray<A>> {
    let sums = column(columns, 0)?;
    sums.as_primitive_opt().ok_or_else(|| wrong_type(sums.data_type()))
}

/// The column `count` of a sum's state.
fn read_counts(columns: &[ArrayRef]) -> Result<&Int64Array> {
    let counts = column(columns, 1)?;
    counts.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(counts.data_type()))
}
