//! One value a number: the equality and the order of floats wherever rows are grouped, counted once, ordered, or their
//! least and greatest looked for.
//!
//! These are those of Java's `Double.equals` and `Double.compare`, which Flink uses there: every `NaN` is one value, above
//! all others, and -0.0 is below 0.0. Between [canonical](canonical_column) floats they are the equality of bits and
//! IEEE 754's total order, which arrow's row encoding and comparisons have. Comparing in an expression (`=`, `<`) is
//! another thing, and Java's of primitives: `NaN` equals nothing, and the two zeros are equal.

use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, cast::AsArray, make_array};
use arrow_schema::DataType;

/// The number itself, with one bit pattern for every `NaN`.
#[must_use]
#[inline]
pub const fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// The column with one bit pattern for every `NaN`, in arrays, maps and rows too. It is not copied when it has no other.
#[must_use]
pub fn canonical_column(column: &ArrayRef) -> ArrayRef {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only floats have several patterns for one value")]
    match column.data_type() {
        DataType::Float64 => one_nan::<Float64Type>(column, f64::to_bits, f64::NAN),
        DataType::Float32 => one_nan::<Float32Type>(column, |value| f32::to_bits(value).into(), f32::NAN),
        ty if ty.is_nested() && has_floats(ty) => {
            let data = column.to_data();
            let children = data.child_data().iter();
            let children = children.map(|child| canonical_column(&make_array(child.clone())).to_data()).collect();
            // Children of the same types and lengths fit.
            data.into_builder().child_data(children).build().map_or_else(|_| column.clone(), make_array)
        }
        _ => column.clone(),
    }
}

fn has_floats(ty: &DataType) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the nested types of columns, and those that are floats")]
    match ty {
        DataType::Float32 | DataType::Float64 => true,
        DataType::List(field) | DataType::Map(field, _) => has_floats(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        _ => false,
    }
}

fn one_nan<T: ArrowPrimitiveType>(column: &ArrayRef, bits: fn(T::Native) -> u64, nan: T::Native) -> ArrayRef
where
    T::Native: PartialEq,
{
    let floats: &PrimitiveArray<T> = column.as_primitive();
    // A `NaN` is what does not equal itself.
    #[expect(clippy::eq_op, reason = "that is the test")]
    let is_other = |value: T::Native| value != value && bits(value) != bits(nan);
    if !floats.values().iter().fold(false, |other, &value| other | is_other(value)) {
        return column.clone();
    }
    Arc::new(floats.unary::<_, T>(|value| if is_other(value) { nan } else { value }))
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{Float32Array, Float64Array, Int64Array, ListArray};

    use super::*;

    #[test]
    fn every_nan_becomes_one_and_all_else_stays() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![Some(-f64::NAN), None, Some(-0.0), Some(f64::NAN)]));
        let canonical = canonical_column(&column);
        let bits: Vec<Option<u64>> =
            canonical.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect();
        assert_eq!(bits, [Some(f64::NAN.to_bits()), None, Some((-0.0_f64).to_bits()), Some(f64::NAN.to_bits())]);
        let small: ArrayRef = Arc::new(Float32Array::from(vec![-f32::NAN]));
        assert_eq!(canonical_column(&small).as_primitive::<Float32Type>().value(0).to_bits(), f32::NAN.to_bits());
    }

    #[test]
    fn what_is_canonical_is_not_copied() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN]));
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        for column in [floats, longs] {
            assert!(Arc::ptr_eq(&column, &canonical_column(&column)));
        }
    }

    #[test]
    fn items_of_arrays_are_canonical_too() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
        let column: ArrayRef = Arc::new(lists);
        assert!(Arc::ptr_eq(&column, &canonical_column(&column)));
        let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(-f64::NAN), Some(1.0)]), None]);
        let canonical = canonical_column(&(Arc::new(lists) as ArrayRef));
        let canonical = canonical.as_list::<i32>();
        let first = canonical.value(0);
        assert_eq!(first.as_primitive::<Float64Type>().value(0).to_bits(), f64::NAN.to_bits());
        assert!(canonical.is_null(1));
    }
}
