//! Three-valued logic, and choosing between values by mask.

use std::sync::Arc;

use arrow_arith::boolean;
use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use arrow_select::zip::zip;

use crate::expr::ast::IsTest;
use crate::expr::value::Value;
use crate::types::Result;

/// `left and right`
pub(in crate::expr) fn and(left: &Value, right: &Value, rows: usize) -> Result<Value> {
    combine(left, right, rows, false, boolean::and_kleene)
}

/// `left or right`
pub(in crate::expr) fn or(left: &Value, right: &Value, rows: usize) -> Result<Value> {
    combine(left, right, rows, true, boolean::or_kleene)
}

type Kernel = fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, arrow_schema::ArrowError>;

/// `decides` is the value of a side that makes the other side irrelevant.
fn combine(left: &Value, right: &Value, rows: usize, decides: bool, kernel: Kernel) -> Result<Value> {
    for (constant, other) in [(left, right), (right, left)] {
        match constant.constant_boolean() {
            Some(Some(value)) if value == decides => return Ok(constant.clone()),
            Some(Some(_)) => return Ok(other.clone()),
            Some(None) | None => {}
        }
    }
    if left.is_scalar() && right.is_scalar() {
        return Ok(Value::Scalar(Arc::new(kernel(left.as_boolean()?, right.as_boolean()?)?)));
    }
    let left = Value::Array(left.clone().into_array(rows)?);
    let right = Value::Array(right.clone().into_array(rows)?);
    Ok(Value::Array(Arc::new(kernel(left.as_boolean()?, right.as_boolean()?)?)))
}

/// `not value`
pub(in crate::expr) fn not(value: &Value) -> Result<Value> {
    Ok(value.with(Arc::new(boolean::not(value.as_boolean()?)?)))
}

/// `value is [not] …`
pub(in crate::expr) fn is(value: &Value, test: IsTest, negated: bool) -> Result<Value> {
    let result = match test {
        IsTest::Null | IsTest::Unknown if negated => boolean::is_not_null(value.data())?,
        IsTest::Null | IsTest::Unknown => boolean::is_null(value.data())?,
        IsTest::True | IsTest::False => {
            let array = value.as_boolean()?;
            let wanted = if test == IsTest::True { array.values().clone() } else { !array.values() };
            let mask = match array.nulls() {
                Some(nulls) => &wanted & nulls.inner(),
                None => wanted,
            };
            BooleanArray::new(if negated { !&mask } else { mask }, None)
        }
    };
    Ok(value.with(Arc::new(result)))
}

/// The rows where a boolean is true and not null.
pub(in crate::expr) fn trues(value: &Value, rows: usize) -> Result<BooleanBuffer> {
    exactly(value, rows, true)
}

/// The rows where a boolean is false and not null.
pub(in crate::expr) fn falses(value: &Value, rows: usize) -> Result<BooleanBuffer> {
    exactly(value, rows, false)
}

fn exactly(value: &Value, rows: usize, wanted: bool) -> Result<BooleanBuffer> {
    if let Some(constant) = value.constant_boolean() {
        return Ok(if constant == Some(wanted) {
            BooleanBuffer::new_set(rows)
        } else {
            BooleanBuffer::new_unset(rows)
        });
    }
    let array = value.as_boolean()?;
    let values = if wanted { array.values().clone() } else { !array.values() };
    Ok(match array.nulls() {
        Some(nulls) => &values & nulls.inner(),
        None => values,
    })
}

/// `yes` in the rows of `mask`, `no` in the others.
pub(in crate::expr) fn select(mask: &BooleanBuffer, yes: &Value, no: &Value) -> Result<Value> {
    let chosen = mask.count_set_bits();
    if chosen == mask.len() && !mask.is_empty() {
        return Ok(yes.clone());
    }
    if chosen == 0 {
        return Ok(no.clone());
    }
    Ok(Value::Array(zip(&BooleanArray::new(mask.clone(), None), yes, no)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: [Option<bool>; 3] = [Some(true), Some(false), None];

    fn all_pairs() -> (Vec<Option<bool>>, Vec<Option<bool>>) {
        THREE.iter().flat_map(|&a| THREE.iter().map(move |&b| (a, b))).unzip()
    }

    #[test]
    fn logic_is_kleenes_for_columns_and_constants() {
        let (a, b) = all_pairs();
        let column = |values: &[Option<bool>]| Value::Array(Arc::new(BooleanArray::from(values.to_vec())));
        let expected_and: Vec<_> = a
            .iter()
            .zip(&b)
            .map(|(&a, &b)| if a == Some(false) || b == Some(false) { Some(false) } else { Some(a? && b?) })
            .collect();
        assert_eq!(and(&column(&a), &column(&b), 9).unwrap().as_boolean().unwrap(), &BooleanArray::from(expected_and));
        for constant in THREE {
            let scalar = Value::Scalar(Arc::new(BooleanArray::from(vec![constant])));
            let found = or(&scalar, &column(&THREE), 3).unwrap().into_array(3).unwrap();
            let expected: BooleanArray = THREE
                .iter()
                .map(|&b| if constant == Some(true) || b == Some(true) { Some(true) } else { Some(constant? || b?) })
                .collect();
            assert_eq!(found.as_ref(), &expected as &dyn Array);
        }
    }

    #[test]
    fn tests_of_truth_are_never_null() {
        let value = Value::Array(Arc::new(BooleanArray::from(THREE.to_vec())));
        for (test, negated, expected) in [
            (IsTest::True, false, [true, false, false]),
            (IsTest::True, true, [false, true, true]),
            (IsTest::False, false, [false, true, false]),
            (IsTest::False, true, [true, false, true]),
            (IsTest::Unknown, false, [false, false, true]),
            (IsTest::Null, true, [true, true, false]),
        ] {
            let found = is(&value, test, negated).unwrap();
            assert_eq!(found.as_boolean().unwrap(), &BooleanArray::from(expected.to_vec()), "{test:?} {negated}");
        }
    }
}
