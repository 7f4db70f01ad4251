//! Variance and standard deviation, by Welford's recurrence (1962) and the merge of Chan, Golub and `LeVeque` (1979).

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, Float64Array, Int64Array};
use arrow_schema::DataType;

use super::accumulator::{column, wrong_type};
use super::kernel::{Kernel, Typed};
use super::sum::MAX_PRECISION;
use super::{Accumulator, AggregateCall, AggregateSpec};
use crate::expr::TypedExpr;
use crate::types::{Field, LogicalType, Result};

macro_rules! spec {
    ($(#[$doc:meta])* $const:ident, $name:literal, $aliases:expr, $sample:literal, $root:literal, $summary:literal, $flink:literal) => {
        $(#[$doc])*
        pub(super) const $const: AggregateSpec = AggregateSpec {
            name: $name,
            aliases: $aliases,
            arguments: "x",
            summary: $summary,
            examples: &[concat!("bids | key_by auction | window tumble(10s) | aggregate ", $name, "(price) as spread;")],
            flink: Some($flink),
            star: false,
            arity: (1, 1),
            coerce: Some(LogicalType::Double),
            result,
            state,
            make: |call, _| make::<$sample, $root>(call),
        };
    };
}

spec!(/// `stddev_pop`
    STDDEV_POP, "stddev_pop", &[], false, true, "the standard deviation of all values", "STDDEV_POP");
spec!(/// `stddev_samp`
    STDDEV_SAMP, "stddev_samp", &["stddev"], true, true,
    "the standard deviation that a sample suggests; null for fewer than two values", "STDDEV_SAMP");
spec!(/// `var_pop`
    VAR_POP, "var_pop", &[], false, false, "the variance of all values", "VAR_POP");
spec!(/// `var_samp`
    VAR_SAMP, "var_samp", &["variance"], true, false,
    "the variance that a sample suggests; null for fewer than two values", "VAR_SAMP");

/// Flink gives these the type of their argument, so those of whole numbers are cut off; of decimals that of the average.
fn result(args: &[TypedExpr]) -> Result<(LogicalType, bool), String> {
    let ty = args[0].ty();
    if let LogicalType::Decimal(_, scale) = ty {
        return Ok((LogicalType::Decimal(MAX_PRECISION, (*scale).max(6)), true));
    }
    if ty.is_numeric() { Ok((ty.clone(), true)) } else { Err("a number".to_owned()) }
}

fn make<const SAMPLE: bool, const ROOT: bool>(call: &AggregateCall) -> Result<Box<dyn Accumulator>> {
    fn typed<O: ArrowPrimitiveType, const SAMPLE: bool, const ROOT: bool>(
        out: DataType,
        unit: f64,
    ) -> Box<dyn Accumulator>
    where
        O::Native: Rounded,
    {
        Box::new(Typed::new(Variance::<O, SAMPLE, ROOT> { out, unit, result: PhantomData }))
    }
    let out = call.ty.to_arrow();
    #[expect(clippy::wildcard_enum_match_arm, reason = "the types that `result` lets pass")]
    Ok(match &call.ty {
        LogicalType::TinyInt => typed::<Int8Type, SAMPLE, ROOT>(out, 1.0),
        LogicalType::SmallInt => typed::<Int16Type, SAMPLE, ROOT>(out, 1.0),
        LogicalType::Int => typed::<Int32Type, SAMPLE, ROOT>(out, 1.0),
        LogicalType::BigInt => typed::<Int64Type, SAMPLE, ROOT>(out, 1.0),
        LogicalType::Float => typed::<Float32Type, SAMPLE, ROOT>(out, 1.0),
        LogicalType::Double => typed::<Float64Type, SAMPLE, ROOT>(out, 1.0),
        LogicalType::Decimal(_, scale) => typed::<Decimal128Type, SAMPLE, ROOT>(out, 10_f64.powi((*scale).into())),
        other => return Err(wrong_type(&other.to_arrow())),
    })
}

fn state(_: &AggregateCall, _: bool) -> Vec<Field> {
    vec![
        Field::new("count", LogicalType::BigInt).not_null(),
        Field::new("mean", LogicalType::Double).not_null(),
        Field::new("squares", LogicalType::Double).not_null(),
    ]
}

/// The number of values, their mean, and the sum of the squares of their distances from it.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: i64,
    mean: f64,
    squares: f64,
}

/// A result type, from a double in its units: whole numbers are cut off.
trait Rounded {
    fn from_double(value: f64) -> Self;
}

macro_rules! rounded {
    ($($ty:ty),*) => {
        $(impl Rounded for $ty {
            #[expect(clippy::cast_possible_truncation, reason = "cutting off is what Flink does")]
            fn from_double(value: f64) -> Self {
                value as Self
            }
        })*
    };
}
rounded!(i8, i16, i32, i64, f32);
impl Rounded for f64 {
    fn from_double(value: f64) -> Self {
        value
    }
}

impl Rounded for i128 {
    #[expect(clippy::cast_possible_truncation, reason = "a decimal's unscaled value, rounded half up")]
    fn from_double(value: f64) -> Self {
        value.round() as Self
    }
}

struct Variance<O, const SAMPLE: bool, const ROOT: bool> {
    out: DataType,
    /// The value of one in the result: 10^scale of a decimal.
    unit: f64,
    result: PhantomData<fn() -> O>,
}

#[expect(clippy::cast_precision_loss, reason = "a count above 2^53 rows is out of reach")]
impl<O: ArrowPrimitiveType, const SAMPLE: bool, const ROOT: bool> Kernel for Variance<O, SAMPLE, ROOT>
where
    O::Native: Rounded,
{
    type Arg = Float64Type;
    type Out = O;
    type State = Moments;
    const TOTAL: bool = !SAMPLE;

    fn add(state: &mut Moments, value: f64) {
        state.count += 1;
        let distance = value - state.mean;
        state.mean += distance / state.count as f64;
        state.squares += distance * (value - state.mean);
    }

    fn retract(state: &mut Moments, value: f64) {
        if state.count <= 1 {
            *state = Moments { count: state.count - 1, ..Moments::default() };
            return;
        }
        let distance = value - state.mean;
        state.count -= 1;
        state.mean -= distance / state.count as f64;
        state.squares = (state.squares - distance * (value - state.mean)).max(0.0);
    }

    fn merge(state: &mut Moments, other: &Moments) {
        if state.count == 0 || other.count == 0 {
            if state.count == 0 {
                *state = *other;
            }
            return;
        }
        let (ours, theirs) = (state.count as f64, other.count as f64);
        let distance = other.mean - state.mean;
        state.mean += distance * theirs / (ours + theirs);
        state.squares += other.squares + distance * distance * ours * theirs / (ours + theirs);
        state.count += other.count;
    }

    fn value(&self, state: &Moments) -> O::Native {
        let variance = state.squares / (state.count - i64::from(SAMPLE)) as f64;
        O::Native::from_double(if ROOT { variance.sqrt() } else { variance } * self.unit)
    }

    fn is_null(&self, state: &Moments) -> bool {
        state.count <= i64::from(SAMPLE)
    }

    fn out_type(&self) -> DataType {
        self.out.clone()
    }

    fn encode(&self, states: &[Moments]) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(states.iter().map(|state| state.count))),
            Arc::new(Float64Array::from_iter_values(states.iter().map(|state| state.mean))),
            Arc::new(Float64Array::from_iter_values(states.iter().map(|state| state.squares))),
        ])
    }

    fn decode(&self, columns: &[ArrayRef]) -> Result<Vec<Moments>> {
        let counts = column(columns, 0)?;
        let counts = counts.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(counts.data_type()))?;
        let float = |index| -> Result<&Float64Array> {
            let values = column(columns, index)?;
            values.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong_type(values.data_type()))
        };
        let rows = counts.values().iter().zip(float(1)?.values()).zip(float(2)?.values());
        Ok(rows.map(|((&count, &mean), &squares)| Moments { count, mean, squares }).collect())
    }
}
