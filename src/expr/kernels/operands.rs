//! The parts that operations on two operands share.

use arrow_array::ArrayRef;

use crate::expr::value::{Scope, Value};

/// The message for a row that divides by zero.
pub(super) const DIVISION_BY_ZERO: &str = "division by zero";

/// `data` as the value of an operation on `left` and `right`: constant when both are.
pub(super) fn shaped(data: ArrayRef, left: &Value, right: &Value) -> Value {
    if left.is_scalar() && right.is_scalar() { Value::Scalar(data) } else { Value::Array(data) }
}

/// The number of rows that an operation on two operands computes.
pub(super) fn span(left: &Value, right: &Value, scope: &Scope<'_>) -> usize {
    if left.is_scalar() && right.is_scalar() { 1 } else { scope.rows() }
}
