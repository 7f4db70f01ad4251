//! Arrays seen as ranges of one column of items, and new arrays made by choosing items by number.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, ListArray, PrimitiveArray, UInt32Array, cast::AsArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_ord::ord::make_comparator;
use arrow_schema::{DataType, SortOptions};
use arrow_select::take::take;

use super::args::Args;
use crate::expr::value::{Value, mistyped};
use crate::types::{LogicalType, Result};

/// An array argument.
pub(super) struct Lists<'a> {
    list: &'a ListArray,
    scalar: bool,
}

impl<'a> Lists<'a> {
    pub(super) fn new(args: &Args<'a>, i: usize) -> Result<Self> {
        let value: &'a Value = &args.values[i];
        let list = value.data().as_list_opt().ok_or_else(|| mistyped(value.data(), "array"))?;
        Ok(Self { list, scalar: value.is_scalar() })
    }

    /// All items of all rows.
    pub(super) fn items(&self) -> &'a ArrayRef {
        self.list.values()
    }

    /// The numbers of a row's items, unless the array is null.
    pub(super) fn get(&self, row: usize) -> Option<Range<usize>> {
        let row = if self.scalar { 0 } else { row };
        if self.list.is_null(row) {
            return None;
        }
        let offsets = self.list.value_offsets();
        let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
        Some(place(offsets[row])..place(offsets[row + 1]))
    }
}

/// The comparison of item `i` of one column with item `j` of another.
pub(super) type Comparator = Box<dyn Fn(usize, usize) -> Option<Ordering>>;

/// The comparison of items of two columns; nulls are equal, and below everything else. Floats compare as Java's
/// primitives, as in Flink: `NaN` with nothing, and the two zeros are equal.
pub(super) fn comparator(left: &ArrayRef, right: &ArrayRef) -> Result<Comparator> {
    if let (Some(left), Some(right)) = (left.as_primitive_opt::<Float64Type>(), right.as_primitive_opt()) {
        return Ok(floats::<Float64Type>(left, right));
    }
    if let (Some(left), Some(right)) = (left.as_primitive_opt::<Float32Type>(), right.as_primitive_opt()) {
        return Ok(floats::<Float32Type>(left, right));
    }
    let compare = make_comparator(left, right, SortOptions::default())?;
    Ok(Box::new(move |i, j| Some(compare(i, j))))
}

fn floats<T: ArrowPrimitiveType>(left: &PrimitiveArray<T>, right: &PrimitiveArray<T>) -> Comparator {
    let (left, right) = (left.clone(), right.clone());
    Box::new(move |i, j| match (left.is_valid(i), right.is_valid(j)) {
        (true, true) => left.value(i).partial_cmp(&right.value(j)),
        (left, right) => Some(left.cmp(&right)),
    })
}

/// Builds one array a row out of items of one column.
pub(super) struct ListChooser {
    chosen: Vec<Option<u32>>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl ListChooser {
    pub(super) fn new(rows: usize) -> Self {
        Self { chosen: Vec::new(), offsets: vec![0], nulls: NullBufferBuilder::new(rows) }
    }

    pub(super) fn push(&mut self, item: usize) {
        self.chosen.push(u32::try_from(item).ok());
    }

    /// Ends a row's array.
    pub(super) fn end(&mut self, is_valid: bool) {
        self.offsets.push(i32::try_from(self.chosen.len()).unwrap_or(i32::MAX));
        self.nulls.append(is_valid);
    }

    /// The arrays, of the type `ty`, their items taken from `items`.
    pub(super) fn finish(mut self, items: &ArrayRef, ty: &LogicalType) -> Result<ArrayRef> {
        let DataType::List(field) = ty.to_arrow() else { return Err(mistyped(items, "array")) };
        let values = take(items, &UInt32Array::from(self.chosen), None)?;
        let offsets = OffsetBuffer::new(self.offsets.into());
        Ok(Arc::new(ListArray::try_new(field, offsets, values, self.nulls.finish())?))
    }
}

/// The place of the first item of `range` that equals item `other` of the comparator's right side.
pub(super) fn find(compare: &Comparator, mut range: Range<usize>, other: usize) -> Option<usize> {
    range.find(|&item| compare(item, other) == Some(Ordering::Equal))
}
