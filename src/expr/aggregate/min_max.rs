//! `min` and `max`, over every type that has an order.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;

use super::accumulator::{column, wrong_type};
use super::bag::{Bag, Pick};
use super::encoded::{Encoded, Keep, encodable};
use super::kernel::{Kernel, Typed};
use super::{Accumulator, AggregateCall, AggregateSpec};
use crate::expr::TypedExpr;
use crate::types::{Field, LogicalType, Result};

/// `min`
pub(super) const MIN: AggregateSpec = AggregateSpec {
    name: "min",
    aliases: &[],
    arguments: "x",
    summary: "the smallest value that is not null",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate min(price) as lowest;"],
    flink: Some("MIN"),
    star: false,
    arity: (1, 1),
    coerce: None,
    result: ordered,
    state: |call, retracts| if retracts { Bag::state_fields(call) } else { value_field(call) },
    make: |call, retracts| make::<false>(call, retracts),
};

/// `max`
pub(super) const MAX: AggregateSpec = AggregateSpec {
    name: "max",
    aliases: &[],
    arguments: "x",
    summary: "the largest value that is not null",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate max(price) as highest;"],
    flink: Some("MAX"),
    star: false,
    arity: (1, 1),
    coerce: None,
    result: ordered,
    state: |call, retracts| if retracts { Bag::state_fields(call) } else { value_field(call) },
    make: |call, retracts| make::<true>(call, retracts),
};

fn ordered(args: &[TypedExpr]) -> Result<(LogicalType, bool), String> {
    let ty = args[0].ty();
    let ordered = !matches!(ty, LogicalType::Array(_) | LogicalType::Map(..) | LogicalType::Row(_) | LogicalType::Null);
    if ordered && encodable(ty) {
        Ok((ty.clone(), args[0].nullable()))
    } else {
        Err("a value that has an order".to_owned())
    }
}

/// The one column of a state that is a value.
pub(super) fn value_field(call: &AggregateCall) -> Vec<Field> {
    vec![Field::new("value", call.ty.clone())]
}

fn make<const MAX: bool>(call: &AggregateCall, retracts: bool) -> Result<Box<dyn Accumulator>> {
    let ty = call.args[0].ty();
    if retracts {
        return Ok(Box::new(Bag::new(ty, if MAX { Pick::Largest } else { Pick::Smallest })?));
    }
    let arrow = ty.to_arrow();
    Ok(match ty {
        LogicalType::TinyInt => extreme::<Int8Type, MAX>(arrow),
        LogicalType::SmallInt => extreme::<Int16Type, MAX>(arrow),
        LogicalType::Int => extreme::<Int32Type, MAX>(arrow),
        LogicalType::BigInt => extreme::<Int64Type, MAX>(arrow),
        LogicalType::Float => extreme::<Float32Type, MAX>(arrow),
        LogicalType::Double => extreme::<Float64Type, MAX>(arrow),
        LogicalType::Decimal(..) => extreme::<Decimal128Type, MAX>(arrow),
        LogicalType::Date => extreme::<Date32Type, MAX>(arrow),
        LogicalType::Time => extreme::<Time32MillisecondType, MAX>(arrow),
        LogicalType::Timestamp | LogicalType::TimestampLtz => extreme::<TimestampMillisecondType, MAX>(arrow),
        LogicalType::Null
        | LogicalType::Boolean
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth
        | LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Row(_) => Box::new(Encoded::new(ty, if MAX { Keep::Largest } else { Keep::Smallest })?),
    })
}

fn extreme<A: ArrowPrimitiveType, const MAX: bool>(out: DataType) -> Box<dyn Accumulator>
where
    A::Native: ArrowNativeTypeOp,
{
    Box::new(Typed::new(Extreme::<A, MAX> { out, arg: PhantomData }))
}

/// A value, once there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held<T> {
    pub(super) value: T,
    pub(super) set: bool,
}

impl<T: Copy + Default> Held<T> {
    pub(super) fn encode<A: ArrowPrimitiveType<Native = T>>(states: &[Self], ty: &DataType) -> ArrayRef {
        let values: PrimitiveArray<A> = states.iter().map(|state| state.set.then_some(state.value)).collect();
        Arc::new(values.with_data_type(ty.clone()))
    }

    pub(super) fn decode<A: ArrowPrimitiveType<Native = T>>(columns: &[ArrayRef]) -> Result<Vec<Self>> {
        let values = column(columns, 0)?;
        let values = values.as_primitive_opt::<A>().ok_or_else(|| wrong_type(values.data_type()))?;
        Ok(values.iter().map(|value| Self { value: value.unwrap_or_default(), set: value.is_some() }).collect())
    }
}

struct Extreme<A, const MAX: bool> {
    out: DataType,
    arg: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType, const MAX: bool> Kernel for Extreme<A, MAX>
where
    A::Native: ArrowNativeTypeOp,
{
    type Arg = A;
    type Out = A;
    type State = Held<A::Native>;

    fn add(state: &mut Self::State, value: A::Native) {
        let better = if MAX { value.is_gt(state.value) } else { value.is_lt(state.value) };
        if better || !state.set {
            *state = Held { value, set: true };
        }
    }

    fn retract(_: &mut Self::State, _: A::Native) {}

    fn merge(state: &mut Self::State, other: &Self::State) {
        if other.set {
            Self::add(state, other.value);
        }
    }

    fn value(&self, state: &Self::State) -> A::Native {
        state.value
    }

    fn is_null(&self, state: &Self::State) -> bool {
        !state.set
    }

    fn out_type(&self) -> DataType {
        self.out.clone()
    }

    fn encode(&self, states: &[Self::State]) -> Result<Vec<ArrayRef>> {
        Ok(vec![Held::encode::<A>(states, &self.out)])
    }

    fn decode(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>> {
        Held::decode::<A>(columns)
    }
}
