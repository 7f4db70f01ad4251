//! Division of a column by a constant: a multiplication by its reciprocal, as compilers do it where the constant is
//! known to them (T. Granlund and P. Montgomery, "Division by Invariant Integers using Multiplication", 1994).

use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow_buffer::ScalarBuffer;
use std::sync::Arc;

use super::bits::test_each;
use crate::expr::typed::ArithmeticOp;
use crate::expr::value::{Primitive, Value};
use crate::types::Result;

/// A divisor of 2 or more.
#[derive(Debug, Clone, Copy)]
struct Divisor {
    value: i64,
    /// 2^(63 + l) / value, rounded up to more than it, where 2^l is the next power of two.
    reciprocal: u64,
    /// l - 1
    shift: u32,
}

impl Divisor {
    fn new(value: i64) -> Option<Self> {
        if value < 2 {
            return None;
        }
        let power = value.cast_unsigned().next_power_of_two().trailing_zeros();
        let reciprocal = (1_u128 << (63 + power)) / u128::from(value.cast_unsigned()) + 1;
        Some(Self { value, reciprocal: u64::try_from(reciprocal).ok()?, shift: power - 1 })
    }

    /// `of / self`, towards zero.
    #[inline]
    fn quotient(self, of: i64) -> i64 {
        let product = i128::from(of) * i128::from(self.reciprocal);
        // Rounded down so far: a negative quotient is one too small.
        (((product >> 64) as i64) >> self.shift) - (of >> 63)
    }

    /// `of / self` of what is not negative.
    #[inline]
    fn quotient_of_natural(self, of: i64) -> i64 {
        let product = u128::from(of.cast_unsigned()) * u128::from(self.reciprocal);
        ((product >> 64) as u64 >> self.shift).cast_signed()
    }

    #[inline]
    fn remainder_of_natural(self, of: i64) -> i64 {
        of - self.quotient_of_natural(of) * self.value
    }

    #[inline]
    fn remainder(self, of: i64) -> i64 {
        of.wrapping_sub(self.quotient(of).wrapping_mul(self.value))
    }
}

/// Whether a bigint is a multiple of a constant: one multiplication, without the remainder (Granlund and Montgomery, §9).
#[derive(Debug, Clone, Copy)]
pub(in crate::expr) struct Multiples {
    /// The inverse of the odd part of the constant, modulo 2^64.
    inverse: u64,
    /// The number of twos that the constant has besides.
    twos: u32,
    /// The largest quotient.
    most: u64,
}

impl Multiples {
    /// The multiples of a constant of 1 or more.
    pub(in crate::expr) fn of(constant: i64) -> Option<Self> {
        let constant = u64::try_from(constant).ok().filter(|&constant| constant > 0)?;
        let twos = constant.trailing_zeros();
        let odd = constant >> twos;
        // Newton's iteration: each step doubles the bits that are right, of which there are three at first.
        let inverse =
            (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse))));
        Some(Self { inverse, twos, most: u64::MAX / constant })
    }

    #[inline]
    const fn contains(self, value: i64) -> bool {
        value.unsigned_abs().wrapping_mul(self.inverse).rotate_right(self.twos) <= self.most
    }

    /// Whether each of a column of bigints is one, or whether it is none.
    pub(in crate::expr) fn test(self, values: &Value, is_one: bool) -> Result<Value> {
        let bigints = Primitive::<Int64Type>::new(values)?.values;
        let truth = test_each(bigints, |value| self.contains(value));
        let truth = if is_one { truth } else { !&truth };
        let data = Arc::new(BooleanArray::new(truth, values.data().nulls().cloned()));
        Ok(if values.is_scalar() { Value::Scalar(data) } else { Value::Array(data) })
    }
}

/// `left op right` when that divides a column of bigints by a constant of 2 or more; `None` leaves it to the general way.
pub(super) fn by_constant(op: ArithmeticOp, left: &Value, right: &Value) -> Result<Option<Value>> {
    if !matches!(op, ArithmeticOp::Divide | ArithmeticOp::Modulo) || left.is_scalar() {
        return Ok(None);
    }
    let divisor = Primitive::<Int64Type>::new(right)?;
    let Some(divisor) = divisor.constant().and_then(Divisor::new) else { return Ok(None) };
    let dividends = Primitive::<Int64Type>::new(left)?.values;
    // Without a sign it is one multiplication less a row, and most columns have none. A sign stays in the sum of all bits.
    let natural = dividends.iter().fold(0, |bits, value| bits | value) >= 0;
    let values: ScalarBuffer<i64> = match (op == ArithmeticOp::Divide, natural) {
        (true, true) => dividends.iter().map(|&value| divisor.quotient_of_natural(value)).collect(),
        (true, false) => dividends.iter().map(|&value| divisor.quotient(value)).collect(),
        (false, true) => dividends.iter().map(|&value| divisor.remainder_of_natural(value)).collect(),
        (false, false) => dividends.iter().map(|&value| divisor.remainder(value)).collect(),
    };
    let result: ArrayRef = Arc::new(Int64Array::new(values, left.data().nulls().cloned()));
    Ok(Some(Value::Array(result)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::key_group::mix;

    #[test]
    fn divides_as_the_processor_does() {
        let near = |value: i64| (-2..=2).map(move |by| value.wrapping_add(by));
        let powers = (1..63).flat_map(|bits| near(1 << bits));
        let some = (0..200_u64).map(|seed| (mix(seed) >> (seed % 63 + 1)).cast_signed());
        let divisors: Vec<i64> = [3, 7, 10, 123, 1_000, i64::MAX].into_iter().chain(powers).chain(some).collect();
        for divisor in divisors.into_iter().filter(|divisor| *divisor >= 2) {
            let by = Divisor::new(divisor).expect("2 or more");
            let test = Multiples::of(divisor).expect("1 or more");
            let multiples = (0..40_u64).flat_map(|seed| near(mix(seed).cast_signed() / divisor * divisor));
            let edges = [0, i64::MIN, i64::MAX, divisor, -divisor].into_iter().flat_map(near);
            for value in multiples.chain(edges) {
                assert_eq!(by.quotient(value), value / divisor, "{value} / {divisor}");
                assert_eq!(by.remainder(value), value % divisor, "{value} % {divisor}");
                assert_eq!(test.contains(value), value % divisor == 0, "{value} % {divisor} = 0");
                if value >= 0 {
                    assert_eq!(by.quotient_of_natural(value), value / divisor, "{value} / {divisor}");
                    assert_eq!(by.remainder_of_natural(value), value % divisor, "{value} % {divisor}");
                }
            }
        }
        assert!(Multiples::of(1).is_some_and(|all| all.contains(i64::MIN) && all.contains(7)));
        assert!(Multiples::of(0).is_none() && Multiples::of(-5).is_none());
        assert!(Divisor::new(1).is_none() && Divisor::new(0).is_none() && Divisor::new(-5).is_none());
    }
}
