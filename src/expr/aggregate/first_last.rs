//! `first_value` and `last_value`: by arrival, nulls left out.

use std::marker::PhantomData;

use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_schema::DataType;

use super::bag::{Bag, Pick};
use super::encoded::{Encoded, Keep, encodable};
use super::kernel::{Kernel, Typed};
use super::min_max::{Held, value_field};
use super::{Accumulator, AggregateCall, AggregateSpec, arrivals};
use crate::expr::TypedExpr;
use crate::types::{Field, LogicalType, Result};

/// `first_value`
pub(super) const FIRST_VALUE: AggregateSpec = AggregateSpec {
    name: "first_value",
    aliases: &["first"],
    arguments: "x",
    summary: "the value that arrived first, nulls left out",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate first(price) as opening;"],
    flink: Some("FIRST_VALUE"),
    star: false,
    arity: (1, 1),
    coerce: None,
    result: any,
    state: |call, retracts| state::<false>(call, retracts),
    make: |call, retracts| make::<false>(call, retracts),
};

/// `last_value`
pub(super) const LAST_VALUE: AggregateSpec = AggregateSpec {
    name: "last_value",
    aliases: &["last"],
    arguments: "x",
    summary: "the value that arrived last, nulls left out",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate last(price) as closing;"],
    flink: Some("LAST_VALUE"),
    star: false,
    arity: (1, 1),
    coerce: None,
    result: any,
    state: |call, retracts| state::<true>(call, retracts),
    make: |call, retracts| make::<true>(call, retracts),
};

fn any(args: &[TypedExpr]) -> Result<(LogicalType, bool), String> {
    let ty = args[0].ty();
    if encodable(ty) { Ok((ty.clone(), args[0].nullable())) } else { Err("a value that can be kept".to_owned()) }
}

fn state<const LAST: bool>(call: &AggregateCall, retracts: bool) -> Vec<Field> {
    match (retracts, call.by_arrival) {
        (true, _) => Bag::state_fields(call),
        (false, true) if LAST && call.distinct => arrivals::All::state_fields(call),
        (false, true) => arrivals::End::state_fields(call),
        (false, false) => value_field(call),
    }
}

fn make<const LAST: bool>(call: &AggregateCall, retracts: bool) -> Result<Box<dyn Accumulator>> {
    let ty = call.args[0].ty();
    match (retracts, call.by_arrival) {
        (true, _) => Ok(Box::new(Bag::new(ty, if LAST { Pick::Last } else { Pick::First })?)),
        // The last of those that came for the first time.
        (false, true) if LAST && call.distinct => Ok(Box::new(arrivals::All::new(call, None)?)),
        (false, true) => Ok(Box::new(arrivals::End::new(LAST, one::<true>(ty)?))),
        (false, false) => one::<LAST>(ty),
    }
}

/// Keeps the first or the last value that it is given.
fn one<const LAST: bool>(ty: &LogicalType) -> Result<Box<dyn Accumulator>> {
    let arrow = ty.to_arrow();
    #[expect(clippy::wildcard_enum_match_arm, reason = "the common types have a way of their own, the rest has one")]
    Ok(match ty {
        LogicalType::Int => end::<Int32Type, LAST>(arrow),
        LogicalType::BigInt => end::<Int64Type, LAST>(arrow),
        LogicalType::Double => end::<Float64Type, LAST>(arrow),
        LogicalType::Timestamp | LogicalType::TimestampLtz => end::<TimestampMillisecondType, LAST>(arrow),
        ty => Box::new(Encoded::new(ty, if LAST { Keep::Last } else { Keep::First })?),
    })
}

fn end<A: ArrowPrimitiveType, const LAST: bool>(out: DataType) -> Box<dyn Accumulator> {
    Box::new(Typed::new(End::<A, LAST> { out, arg: PhantomData }))
}

struct End<A, const LAST: bool> {
    out: DataType,
    arg: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType, const LAST: bool> Kernel for End<A, LAST> {
    type Arg = A;
    type Out = A;
    type State = Held<A::Native>;

    fn add(state: &mut Self::State, value: A::Native) {
        if LAST || !state.set {
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
