//! Comparison, and looking a value up in a list.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_ord::cmp;
use arrow_ord::ord::make_comparator;
use arrow_schema::SortOptions;

use super::bits::test_each;
use super::logic;
use super::operands::{shaped, span};
use crate::expr::decimal;
use crate::expr::typed::CompareOp;
use crate::expr::value::{Primitive, Scope, Value, union_nulls};
use crate::types::floats::canonical_column;
use crate::types::{LogicalType, Result};

/// `left op right`, both of the type `ty` (decimals may differ in precision and scale).
pub(in crate::expr) fn compare(
    op: CompareOp,
    left: (&Value, &LogicalType),
    right: (&Value, &LogicalType),
    scope: &Scope<'_>,
) -> Result<Value> {
    let rows = span(left.0, right.0, scope);
    let data = match (left.1, right.1) {
        (LogicalType::Null, _) | (_, LogicalType::Null) if !is_distinct(op) => {
            return Ok(Value::null(&LogicalType::Boolean));
        }
        (LogicalType::Double, _) => floats::<Float64Type>(op, left.0, right.0, rows)?,
        (LogicalType::Float, _) => floats::<Float32Type>(op, left.0, right.0, rows)?,
        (LogicalType::Decimal(_, s1), LogicalType::Decimal(_, s2)) if s1 != s2 => {
            decimals(op, (left.0, *s1), (right.0, *s2), rows)?
        }
        (LogicalType::Decimal(..), LogicalType::Decimal(..)) if left.1 != right.1 => {
            decimals(op, (left.0, 0), (right.0, 0), rows)?
        }
        (LogicalType::Array(_) | LogicalType::Map(..) | LogicalType::Row(_) | LogicalType::Null, _) => {
            nested(op, left.0, right.0, rows)?
        }
        _ => ordered(op, left.0, right.0)?,
    };
    Ok(shaped(Arc::new(data), left.0, right.0))
}

/// As [`compare`], but floats by the order that they are sorted in: `NaN` is above all others, -0.0 below 0.0.
pub(in crate::expr) fn compare_sorted(
    op: CompareOp,
    left: &Value,
    right: &Value,
    ty: &LogicalType,
    scope: &Scope<'_>,
) -> Result<Value> {
    if !matches!(ty, LogicalType::Float | LogicalType::Double) {
        return compare(op, (left, ty), (right, ty), scope);
    }
    let canonical = |value: &Value| value.with(canonical_column(value.data()));
    Ok(shaped(Arc::new(ordered(op, &canonical(left), &canonical(right))?), left, right))
}

fn ordered(op: CompareOp, left: &Value, right: &Value) -> Result<BooleanArray> {
    let kernel = match op {
        CompareOp::Eq => cmp::eq,
        CompareOp::NotEq => cmp::neq,
        CompareOp::Lt => cmp::lt,
        CompareOp::LtEq => cmp::lt_eq,
        CompareOp::Gt => cmp::gt,
        CompareOp::GtEq => cmp::gt_eq,
        CompareOp::Distinct => cmp::distinct,
        CompareOp::NotDistinct => cmp::not_distinct,
    };
    Ok(kernel(left, right)?)
}

const fn is_distinct(op: CompareOp) -> bool {
    matches!(op, CompareOp::Distinct | CompareOp::NotDistinct)
}

/// As Java compares primitive floats: NaN equals nothing, -0.0 equals 0.0.
fn floats<T: ArrowPrimitiveType>(op: CompareOp, left: &Value, right: &Value, rows: usize) -> Result<BooleanArray>
where
    T::Native: PartialOrd,
{
    let (a, b) = (Primitive::<T>::new(left)?, Primitive::<T>::new(right)?);
    let (nulls, truth) = match op {
        CompareOp::Eq => (true, by_row::<T>(&a, &b, rows, |a, b| a == b)),
        CompareOp::NotEq => (true, by_row::<T>(&a, &b, rows, |a, b| a != b)),
        CompareOp::Lt => (true, by_row::<T>(&a, &b, rows, |a, b| a < b)),
        CompareOp::LtEq => (true, by_row::<T>(&a, &b, rows, |a, b| a <= b)),
        CompareOp::Gt => (true, by_row::<T>(&a, &b, rows, |a, b| a > b)),
        CompareOp::GtEq => (true, by_row::<T>(&a, &b, rows, |a, b| a >= b)),
        CompareOp::Distinct | CompareOp::NotDistinct => {
            let wanted = op == CompareOp::NotDistinct;
            let same = |row| match (a.get(row), b.get(row)) {
                (Some(a), Some(b)) => a == b,
                (a, b) => a.is_none() && b.is_none(),
            };
            (false, BooleanBuffer::collect_bool(rows, |row| same(row) == wanted))
        }
    };
    Ok(BooleanArray::new(truth, if nulls { union_nulls(left, right, rows) } else { None }))
}

fn by_row<T: ArrowPrimitiveType>(
    a: &Primitive<'_, T>,
    b: &Primitive<'_, T>,
    rows: usize,
    f: impl Fn(T::Native, T::Native) -> bool,
) -> BooleanBuffer {
    match (a.scalar, b.scalar) {
        (false, true) => {
            let b = b.values[0];
            test_each(a.values, |a| f(a, b))
        }
        (true, false) => {
            let a = a.values[0];
            test_each(b.values, |b| f(a, b))
        }
        _ => BooleanBuffer::collect_bool(rows, |row| f(a.values[row], b.values[row])),
    }
}

const fn holds(op: CompareOp, ordering: Ordering) -> bool {
    match op {
        CompareOp::Eq | CompareOp::NotDistinct => ordering.is_eq(),
        CompareOp::NotEq | CompareOp::Distinct => ordering.is_ne(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::LtEq => ordering.is_le(),
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::GtEq => ordering.is_ge(),
    }
}

/// Decimals whose scales have no common type in 38 digits, or that differ in precision only.
fn decimals(op: CompareOp, left: (&Value, u8), right: (&Value, u8), rows: usize) -> Result<BooleanArray> {
    let (a, b) = (Primitive::<Decimal128Type>::new(left.0)?, Primitive::<Decimal128Type>::new(right.0)?);
    let compare = |row| match (a.get(row), b.get(row)) {
        (Some(a), Some(b)) => Some(holds(op, decimal::compare(a, left.1, b, right.1))),
        (None, None) if is_distinct(op) => Some(op == CompareOp::NotDistinct),
        _ if is_distinct(op) => Some(op == CompareOp::Distinct),
        _ => None,
    };
    Ok((0..rows).map(compare).collect())
}

/// Arrays, maps and rows, compared deeply; nulls inside are equal to each other.
fn nested(op: CompareOp, left: &Value, right: &Value, rows: usize) -> Result<BooleanArray> {
    let compare = make_comparator(left.data(), right.data(), SortOptions::default())?;
    let place = |value: &Value, row: usize| if value.is_scalar() { 0 } else { row };
    let values = BooleanBuffer::collect_bool(rows, |row| holds(op, compare(place(left, row), place(right, row))));
    let nulls: Option<NullBuffer> = if is_distinct(op) { None } else { union_nulls(left, right, rows) };
    Ok(BooleanArray::new(values, nulls))
}

/// `value [not] in (list)`, all of one type.
pub(in crate::expr) fn in_list(
    value: (&Value, &LogicalType),
    list: &[(Value, LogicalType)],
    negated: bool,
    scope: &Scope<'_>,
) -> Result<Value> {
    let mut found = Value::boolean(false);
    for (candidate, ty) in list {
        let hit = compare(CompareOp::Eq, value, (candidate, ty), scope)?;
        found = logic::or(&found, &hit, scope.rows())?;
    }
    if negated { logic::not(&found) } else { Ok(found) }
}

/// A constant list of many values of one type, made ready for look-ups.
#[derive(Debug)]
pub(in crate::expr) struct Set {
    sorted: ArrayRef,
    has_null: bool,
}

impl Set {
    /// From a column of the values.
    pub(in crate::expr) fn new(values: &ArrayRef) -> Result<Self> {
        let sorted = arrow_ord::sort::sort(values, None)?;
        let nulls = sorted.logical_null_count();
        let sorted = sorted.slice(nulls, sorted.len() - nulls);
        Ok(Self { sorted, has_null: nulls > 0 })
    }

    /// `value [not] in (the list)`
    pub(in crate::expr) fn contains(&self, value: &Value, negated: bool) -> Result<Value> {
        let data = value.data();
        let compare = make_comparator(&self.sorted, data, SortOptions::default())?;
        let rows = data.len();
        let hits = BooleanBuffer::collect_bool(rows, |row| {
            let (mut low, mut high) = (0, self.sorted.len());
            while low < high {
                let middle = low + (high - low) / 2;
                match compare(middle, row) {
                    Ordering::Equal => return true,
                    Ordering::Less => low = middle + 1,
                    Ordering::Greater => high = middle,
                }
            }
            false
        });
        let mut nulls = data.logical_nulls();
        if self.has_null {
            // What is not found may be the unknown one.
            nulls = NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::new(hits.clone())));
        }
        let hits = if negated { !&hits } else { hits };
        Ok(value.with(Arc::new(BooleanArray::new(hits, nulls))))
    }
}
