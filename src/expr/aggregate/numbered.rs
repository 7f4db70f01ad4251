//! The state of groups that each hold several values, a number beside each: how often it is held, or when it came.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, ListArray};
use arrow_buffer::OffsetBuffer;
use arrow_row::Rows;
use arrow_schema::Field as ArrowField;

use super::accumulator::{column, wrong_type};
use super::encoded::Codec;
use crate::types::{LogicalType, Result};

/// State columns of lists: the values of each group, and their numbers.
pub(super) struct Numbered<'a> {
    values: &'a ListArray,
    numbers: &'a ListArray,
}

impl<'a> Numbered<'a> {
    /// # Errors
    /// When these are no such columns.
    pub(super) fn of(state: &'a [ArrayRef]) -> Result<Self> {
        let list = |index| {
            let column = column(state, index)?;
            column.as_list_opt::<i32>().ok_or_else(|| wrong_type(column.data_type()))
        };
        Ok(Self { values: list(0)?, numbers: list(1)? })
    }

    /// The encoded values of a row, and their numbers.
    ///
    /// # Errors
    /// When the values are not of the codec's type, or the numbers are none.
    pub(super) fn row(&self, row: usize, codec: &Codec) -> Result<(Rows, Int64Array)> {
        let numbers = self.numbers.value(row);
        let numbers = numbers.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(numbers.data_type()))?;
        Ok((codec.encode(&self.values.value(row))?, numbers.clone()))
    }

    /// The columns that hold the next `lengths[i]` of `values`, of type `ty`, and of their numbers in row `i`.
    pub(super) fn columns(values: ArrayRef, numbers: Int64Array, lengths: &[usize], ty: &LogicalType) -> Vec<ArrayRef> {
        vec![lists(values, lengths, ty), lists(Arc::new(numbers), lengths, &LogicalType::BigInt)]
    }
}

/// A list column: the next `lengths[i]` of `values` in row `i`.
pub(super) fn lists(values: ArrayRef, lengths: &[usize], ty: &LogicalType) -> ArrayRef {
    let item = Arc::new(ArrowField::new("item", ty.to_arrow(), true));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths.iter().copied()), values, None))
}
