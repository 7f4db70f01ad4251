//! Decimal arithmetic: loops over 128-bit values, unchecked where the types prove that nothing can overflow.

use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Decimal128Array, cast::AsArray};
use arrow_buffer::ScalarBuffer;

use super::operands::{DIVISION_BY_ZERO, shaped, span};
use crate::expr::decimal::{self, POW10};
use crate::expr::typed::ArithmeticOp;
use crate::expr::value::{Scope, Value, mistyped, union_nulls};
use crate::types::{LogicalType, Result};

/// An operand without its nulls: integers are read as they are, so that `bigint * 0.9` makes no column of its own for
/// the left side.
enum Operand<'a> {
    Constant(i128),
    Long(&'a [i64]),
    Wide(&'a [i128]),
    Owned(Vec<i64>),
}

impl<'a> Operand<'a> {
    fn new(value: &'a Value) -> Result<Self> {
        let data = value.data();
        if value.is_scalar() {
            let constant = if let Some(array) = data.as_primitive_opt::<Decimal128Type>() {
                array.value(0)
            } else {
                i128::from(widen(value)?.first().copied().unwrap_or(0))
            };
            return Ok(Self::Constant(constant));
        }
        if let Some(array) = data.as_primitive_opt::<Decimal128Type>() {
            Ok(Self::Wide(array.values()))
        } else if let Some(array) = data.as_primitive_opt::<Int64Type>() {
            Ok(Self::Long(array.values()))
        } else {
            Ok(Self::Owned(widen(value)?))
        }
    }

    fn get(&self, row: usize) -> i128 {
        match self {
            Self::Constant(value) => *value,
            Self::Long(values) => values[row].into(),
            Self::Wide(values) => values[row],
            Self::Owned(values) => values[row].into(),
        }
    }
}

fn widen(value: &Value) -> Result<Vec<i64>> {
    let data = value.data();
    if let Some(array) = data.as_primitive_opt::<Int64Type>() {
        Ok(array.values().to_vec())
    } else if let Some(array) = data.as_primitive_opt::<Int32Type>() {
        Ok(array.values().iter().map(|&value| value.into()).collect())
    } else if let Some(array) = data.as_primitive_opt::<Int16Type>() {
        Ok(array.values().iter().map(|&value| value.into()).collect())
    } else if let Some(array) = data.as_primitive_opt::<Int8Type>() {
        Ok(array.values().iter().map(|&value| value.into()).collect())
    } else {
        Err(mistyped(data, "an exact number"))
    }
}

/// `left op right` in the decimal type `out`; overflow is null, division by zero fails the row.
pub(super) fn arithmetic(
    op: ArithmeticOp,
    left: (&Value, &LogicalType),
    right: (&Value, &LogicalType),
    out: (u8, u8),
    scope: &mut Scope<'_>,
) -> Result<Value> {
    let (left_type, right_type) = match (decimal::exact(left.1), decimal::exact(right.1)) {
        (Some(left), Some(right)) => (left, right),
        (None, _) => return Err(mistyped(left.0.data(), "an exact number")),
        (_, None) => return Err(mistyped(right.0.data(), "an exact number")),
    };
    let rows = span(left.0, right.0, scope);
    let (a, b) = (Operand::new(left.0)?, Operand::new(right.0)?);
    let nulls = union_nulls(left.0, right.0, rows);
    let array = match unchecked(op, left_type, right_type, out) {
        Some(Unchecked::Product) => Decimal128Array::new(loop_over(rows, &a, &b, i128::wrapping_mul), nulls),
        Some(Unchecked::Sum(up_left, up_right)) if op == ArithmeticOp::Add => Decimal128Array::new(
            loop_over(rows, &a, &b, |a, b| a.wrapping_mul(up_left).wrapping_add(b.wrapping_mul(up_right))),
            nulls,
        ),
        Some(Unchecked::Sum(up_left, up_right)) => Decimal128Array::new(
            loop_over(rows, &a, &b, |a, b| a.wrapping_mul(up_left).wrapping_sub(b.wrapping_mul(up_right))),
            nulls,
        ),
        None => {
            let divides = matches!(op, ArithmeticOp::Divide | ArithmeticOp::Modulo);
            let mut failures = Vec::new();
            let array: Decimal128Array = (0..rows)
                .map(|row| {
                    if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                        return None;
                    }
                    let (a, b) = (a.get(row), b.get(row));
                    if divides && b == 0 {
                        failures.push(row);
                        return None;
                    }
                    decimal::compute(op, a, left_type.1, b, right_type.1, out)
                })
                .collect();
            scope.fail_all(failures.into_iter(), left.0.is_scalar() && right.0.is_scalar(), DIVISION_BY_ZERO);
            array
        }
    };
    let typed = array.with_data_type(LogicalType::Decimal(out.0, out.1).to_arrow());
    Ok(shaped(Arc::new(typed), left.0, right.0))
}

enum Unchecked {
    Product,
    /// With the factors that bring both sides to the scale of the result.
    Sum(i128, i128),
}

/// The way to compute without any check, where the result type has room for every value of the operand types.
fn unchecked(op: ArithmeticOp, left: (u8, u8), right: (u8, u8), out: (u8, u8)) -> Option<Unchecked> {
    match op {
        ArithmeticOp::Multiply => {
            (out.1 == left.1 + right.1 && out.0 >= left.0 + right.0).then_some(Unchecked::Product)
        }
        ArithmeticOp::Add | ArithmeticOp::Subtract => {
            let digits = (left.0 - left.1).max(right.0 - right.1);
            (out.1 == left.1.max(right.1) && out.0 > digits + out.1)
                .then(|| Unchecked::Sum(POW10[usize::from(out.1 - left.1)], POW10[usize::from(out.1 - right.1)]))
        }
        ArithmeticOp::Divide | ArithmeticOp::Modulo => None,
    }
}

/// Applies `f` to every row, one tight loop for each layout that matters.
fn loop_over(rows: usize, a: &Operand<'_>, b: &Operand<'_>, f: impl Fn(i128, i128) -> i128) -> ScalarBuffer<i128> {
    match (a, b) {
        (Operand::Long(a), &Operand::Constant(b)) => match i64::try_from(b) {
            // Said as a 64-bit factor, the product is one machine multiplication.
            Ok(b) => a.iter().map(|&a| f(a.into(), b.into())).collect(),
            Err(_) => a.iter().map(|&a| f(a.into(), b)).collect(),
        },
        (&Operand::Constant(a), Operand::Long(b)) => match i64::try_from(a) {
            Ok(a) => b.iter().map(|&b| f(a.into(), b.into())).collect(),
            Err(_) => b.iter().map(|&b| f(a, b.into())).collect(),
        },
        (Operand::Wide(a), &Operand::Constant(b)) => a.iter().map(|&a| f(a, b)).collect(),
        (&Operand::Constant(a), Operand::Wide(b)) => b.iter().map(|&b| f(a, b)).collect(),
        (Operand::Wide(a), Operand::Wide(b)) => a.iter().zip(*b).map(|(&a, &b)| f(a, b)).collect(),
        (Operand::Long(a), Operand::Wide(b)) => a.iter().zip(*b).map(|(&a, &b)| f(a.into(), b)).collect(),
        (Operand::Wide(a), Operand::Long(b)) => a.iter().zip(*b).map(|(&a, &b)| f(a, b.into())).collect(),
        (a, b) => (0..rows).map(|row| f(a.get(row), b.get(row))).collect(),
    }
}
