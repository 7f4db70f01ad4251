//! A column that was evaluated a batch at a time, read a row at a time.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalYearMonthType, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use hashbrown::HashMap;

use super::fault::{Eval, Fault};
use super::values::{Class, int_class};
use crate::expr::value::{RowError, mistyped};
use crate::types::{LogicalType, Result};

/// The values of an expression for the rows of a batch.
#[derive(Debug)]
pub struct Column {
    data: Data,
    nulls: Option<NullBuffer>,
    /// The rows that failed.
    failed: Option<HashMap<usize, String>>,
}

#[derive(Debug)]
enum Data {
    Bool(BooleanBuffer),
    Int(ScalarBuffer<i64>),
    Float(ScalarBuffer<f64>),
    Wide(ScalarBuffer<i128>),
    Text(StringArray),
    Any(ArrayRef),
}

impl Column {
    /// The column `values` of `ty`, in which the rows of `errors` failed.
    ///
    /// # Errors
    /// When the column is of another type.
    pub fn new(ty: &LogicalType, values: ArrayRef, errors: Vec<RowError>) -> Result<Self> {
        let wrong = || mistyped(&values, "another type");
        let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let data = match Class::of(ty) {
            Class::Bool => Data::Bool(values.as_boolean_opt().ok_or_else(wrong)?.values().clone()),
            Class::Int => int_class!(ty, T => {
                let values = values.as_primitive_opt::<T>().ok_or_else(wrong)?.values();
                Data::Int(widened(values))
            }),
            Class::Float if *ty == LogicalType::Float => {
                let values = values.as_primitive_opt::<Float32Type>().ok_or_else(wrong)?.values();
                Data::Float(values.iter().map(|&value| f64::from(value)).collect())
            }
            Class::Float => Data::Float(values.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?.values().clone()),
            Class::Wide => Data::Wide(values.as_primitive_opt::<Decimal128Type>().ok_or_else(wrong)?.values().clone()),
            Class::Text => Data::Text(values.as_string_opt().ok_or_else(wrong)?.clone()),
            Class::Any => Data::Any(values),
        };
        let failed = errors.into_iter().map(|error| (error.row, error.message));
        let failed: HashMap<usize, String> = failed.collect();
        Ok(Self { data, nulls, failed: (!failed.is_empty()).then_some(failed) })
    }

    /// Whether the row has a value.
    #[inline]
    fn known(&self, row: usize) -> Result<bool, Fault> {
        if let Some(failed) = &self.failed
            && let Some(message) = failed.get(&row)
        {
            return Err(Fault::new(message.clone()));
        }
        Ok(self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)))
    }

    #[inline]
    pub(super) fn bool(&self, row: usize) -> Eval<bool> {
        let Data::Bool(values) = &self.data else { return Ok(None) };
        Ok(if self.known(row)? { Some(values.value(row)) } else { None })
    }

    #[inline]
    pub(super) fn int(&self, row: usize) -> Eval<i64> {
        let Data::Int(values) = &self.data else { return Ok(None) };
        Ok(if self.known(row)? { Some(values[row]) } else { None })
    }

    #[inline]
    pub(super) fn float(&self, row: usize) -> Eval<f64> {
        let Data::Float(values) = &self.data else { return Ok(None) };
        Ok(if self.known(row)? { Some(values[row]) } else { None })
    }

    #[inline]
    pub(super) fn wide(&self, row: usize) -> Eval<i128> {
        let Data::Wide(values) = &self.data else { return Ok(None) };
        Ok(if self.known(row)? { Some(values[row]) } else { None })
    }

    #[inline]
    pub(super) fn text(&self, row: usize) -> Eval<Cow<'_, str>> {
        let Data::Text(values) = &self.data else { return Ok(None) };
        Ok(if self.known(row)? { Some(Cow::Borrowed(values.value(row))) } else { None })
    }

    pub(super) fn any(&self, row: usize) -> Result<ArrayRef, Fault> {
        self.known(row)?;
        let Data::Any(values) = &self.data else { return Err(Fault::new("a column of another type")) };
        Ok(values.slice(row, 1))
    }
}

/// `values` as 64 bits: without a copy where they are.
fn widened<N: arrow_buffer::ArrowNativeType + Into<i64>>(values: &ScalarBuffer<N>) -> ScalarBuffer<i64> {
    if size_of::<N>() == size_of::<i64>() {
        return ScalarBuffer::from(values.inner().clone());
    }
    values.iter().map(|&value| value.into()).collect()
}
