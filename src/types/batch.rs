//! The unit of flow: columns with their event times.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{ArrowError, DataType, SchemaRef as ArrowSchemaRef};
use arrow_select::filter::FilterBuilder;
use arrow_select::take::take_record_batch;

/// Rows a batch holds unless a job says otherwise.
pub const DEFAULT_BATCH_ROWS: usize = 8_192;

/// The event time of a row that has none (no watermark was declared, or its time was null).
pub const NO_TIME: i64 = i64::MIN;

/// Whether any of `times` is [`NO_TIME`]. Looks at all of them: without a way out the loop is a few vectors long.
#[must_use]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy `||` is the way out that the loop must not have")]
#[inline]
pub fn any_untimed(times: &[i64]) -> bool {
    times.iter().fold(false, |found, &time| found | (time == NO_TIME))
}

/// The effect of a changelog's row on the table that the changelog describes: Flink's `RowKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i8)]
pub enum RowKind {
    /// `+I`: a new row.
    Insert = 0,
    /// `-U`: the old content of a row that changes.
    UpdateBefore = 1,
    /// `+U`: its new content.
    UpdateAfter = 2,
    /// `-D`: a row that goes.
    Delete = 3,
}

impl RowKind {
    /// The kind stored as `byte` in a kind column.
    #[must_use]
    #[inline]
    pub const fn from_byte(byte: i8) -> Self {
        match byte {
            1 => Self::UpdateBefore,
            2 => Self::UpdateAfter,
            3 => Self::Delete,
            _ => Self::Insert,
        }
    }

    /// As Flink prints it: `+I`, `-U`, `+U`, `-D`.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Insert => "+I",
            Self::UpdateBefore => "-U",
            Self::UpdateAfter => "+U",
            Self::Delete => "-D",
        }
    }

    /// Whether an aggregate adds the row (`+I`, `+U`) or takes it back (`-U`, `-D`).
    #[must_use]
    #[inline]
    pub const fn adds(self) -> bool {
        matches!(self, Self::Insert | Self::UpdateAfter)
    }
}

/// Rows in columns, their event times beside them (so that projecting the time column away loses no time), and, when
/// the stream is a changelog, the kind of each row. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Batch {
    columns: RecordBatch,
    times: ScalarBuffer<i64>,
    kinds: Option<ScalarBuffer<i8>>,
    watermarks: Option<ScalarBuffer<i64>>,
}

impl Batch {
    /// Insert-only rows.
    ///
    /// # Panics
    /// When there is not one time a row: the caller builds both from the same rows.
    #[must_use]
    pub fn new(columns: RecordBatch, times: ScalarBuffer<i64>) -> Self {
        assert_eq!(columns.num_rows(), times.len(), "one event time a row");
        Self { columns, times, kinds: None, watermarks: None }
    }

    /// Rows without event time.
    #[must_use]
    pub fn untimed(columns: RecordBatch) -> Self {
        let times = vec![NO_TIME; columns.num_rows()].into();
        Self { columns, times, kinds: None, watermarks: None }
    }

    /// The same rows with a kind each ([`RowKind`] as `i8`).
    ///
    /// # Panics
    /// When there is not one kind a row.
    #[must_use]
    pub fn with_kinds(mut self, kinds: Option<ScalarBuffer<i8>>) -> Self {
        assert!(kinds.as_ref().is_none_or(|kinds| kinds.len() == self.columns.num_rows()), "one kind a row");
        self.kinds = kinds;
        self
    }

    /// The same rows with the watermark that each meets.
    ///
    /// # Panics
    /// When there is not one watermark a row.
    #[must_use]
    pub fn with_watermarks(mut self, watermarks: Option<ScalarBuffer<i64>>) -> Self {
        assert!(watermarks.as_ref().is_none_or(|watermarks| watermarks.len() == self.columns.num_rows()), "one a row");
        self.watermarks = watermarks;
        self
    }

    /// The same rows with other event times.
    ///
    /// # Panics
    /// When there is not one time a row.
    #[must_use]
    pub fn with_times(mut self, times: ScalarBuffer<i64>) -> Self {
        assert_eq!(self.columns.num_rows(), times.len(), "one event time a row");
        self.times = times;
        self
    }

    /// The same times and kinds over other columns of as many rows (a projection).
    ///
    /// # Errors
    /// When a column's length or type does not fit `schema`.
    pub fn with_columns(&self, schema: ArrowSchemaRef, columns: Vec<ArrayRef>) -> Result<Self, ArrowError> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows()));
        let columns = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let watermarks = self.watermarks.clone();
        Ok(Self { columns, times: self.times.clone(), kinds: self.kinds.clone(), watermarks })
    }

    /// The number of rows.
    #[must_use]
    #[inline]
    pub fn rows(&self) -> usize {
        self.columns.num_rows()
    }

    /// Whether there is no row.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// The columns as an Arrow batch.
    #[must_use]
    #[inline]
    pub const fn columns(&self) -> &RecordBatch {
        &self.columns
    }

    /// One column.
    ///
    /// # Panics
    /// When `index` is out of bounds: indices come from binding.
    #[must_use]
    #[inline]
    pub fn column(&self, index: usize) -> &ArrayRef {
        self.columns.column(index)
    }

    /// The event time of each row, milliseconds since the epoch, [`NO_TIME`] for none.
    #[must_use]
    #[inline]
    pub const fn times(&self) -> &ScalarBuffer<i64> {
        &self.times
    }

    /// The kind of each row; `None` when all are inserts.
    #[must_use]
    #[inline]
    pub const fn kinds(&self) -> Option<&ScalarBuffer<i8>> {
        self.kinds.as_ref()
    }

    /// The watermark that stood when each row came, never falling; watermarks that rose between the rows of a batch come
    /// behind all of them by themselves. `None` where nobody in the job needs to know.
    #[must_use]
    #[inline]
    pub const fn watermarks(&self) -> Option<&ScalarBuffer<i64>> {
        self.watermarks.as_ref()
    }

    /// The kind of one row.
    #[must_use]
    #[inline]
    pub fn kind(&self, row: usize) -> RowKind {
        self.kinds.as_ref().map_or(RowKind::Insert, |kinds| RowKind::from_byte(kinds[row]))
    }

    /// Rows `offset..offset + length`, without copying.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        Self {
            columns: self.columns.slice(offset, length),
            times: self.times.slice(offset, length),
            kinds: self.kinds.as_ref().map(|kinds| kinds.slice(offset, length)),
            watermarks: self.watermarks.as_ref().map(|watermarks| watermarks.slice(offset, length)),
        }
    }

    /// The rows where `keep` is true (null drops the row).
    ///
    /// # Errors
    /// When `keep` is not as long as the batch.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self, ArrowError> {
        let kept = keep.true_count();
        if kept == self.rows() {
            return Ok(self.clone());
        }
        let predicate = FilterBuilder::new(keep).optimize().build();
        let columns = predicate.filter_record_batch(&self.columns)?;
        let pick = |values: &ScalarBuffer<i64>| -> Result<ScalarBuffer<i64>, ArrowError> {
            let array = arrow_array::Int64Array::new(values.clone(), None);
            let picked = predicate.filter(&array)?;
            Ok(picked.as_primitive::<arrow_array::types::Int64Type>().values().clone())
        };
        let times = pick(&self.times)?;
        let watermarks = self.watermarks.as_ref().map(pick).transpose()?;
        let kinds = match &self.kinds {
            None => None,
            Some(kinds) => {
                let array = arrow_array::Int8Array::new(kinds.clone(), None);
                let picked = predicate.filter(&array)?;
                Some(picked.as_primitive::<arrow_array::types::Int8Type>().values().clone())
            }
        };
        Ok(Self { columns, times, kinds, watermarks })
    }

    /// The rows at `indices`, in that order.
    ///
    /// # Errors
    /// When an index is out of bounds.
    pub fn take(&self, indices: &UInt32Array) -> Result<Self, ArrowError> {
        let columns = take_record_batch(&self.columns, indices)?;
        let of = |values: &ScalarBuffer<i64>| indices.values().iter().map(|&i| values[i as usize]).collect();
        let (times, watermarks) = (of(&self.times), self.watermarks.as_ref().map(of));
        let kinds = self.kinds.as_ref().map(|kinds| indices.values().iter().map(|&i| kinds[i as usize]).collect());
        Ok(Self { columns, times, kinds, watermarks })
    }

    /// Bytes that the values of the batch take in memory, shared buffers counted as if its own. Allocates nothing: it is
    /// asked at every hop.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = 0..self.rows();
        self.columns.columns().iter().map(|column| bytes_of(&**column, rows.clone())).sum::<usize>()
            + self.times.len() * size_of::<i64>()
            + self.kinds.as_ref().map_or(0, ScalarBuffer::len)
            + self.watermarks.as_ref().map_or(0, |watermarks| watermarks.len() * size_of::<i64>())
    }
}

/// Bytes that these rows of a column take.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "types that no column of ours has are counted with their whole buffers"
)]
fn bytes_of(column: &dyn Array, rows: Range<usize>) -> usize {
    let of_variable = |offsets: &[i32]| {
        let ends = [rows.start, rows.end].map(|row| usize::try_from(offsets[row]).unwrap_or(0));
        (size_of::<i32>() * (rows.len() + 1), ends[0]..ends[1])
    };
    let values = match column.data_type() {
        DataType::Null => 0,
        DataType::Boolean => rows.len().div_ceil(8),
        DataType::Utf8 | DataType::Binary => {
            let offsets = match column.as_string_opt::<i32>() {
                Some(strings) => strings.value_offsets(),
                None => column.as_binary::<i32>().value_offsets(),
            };
            let (offsets, values) = of_variable(offsets);
            offsets + values.len()
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let (offsets, values) = of_variable(lists.value_offsets());
            offsets + bytes_of(&**lists.values(), values)
        }
        DataType::Map(..) => {
            let maps = column.as_map();
            let (offsets, entries) = of_variable(maps.value_offsets());
            offsets + bytes_of(maps.entries(), entries)
        }
        DataType::Struct(_) => column.as_struct().columns().iter().map(|field| bytes_of(&**field, rows.clone())).sum(),
        other => match other.primitive_width() {
            Some(width) => width * rows.len(),
            None => column.get_buffer_memory_size(),
        },
    };
    values + column.nulls().map_or(0, |_| rows.len().div_ceil(8))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
    use arrow_array::{
        BinaryArray, Date32Array, Decimal128Array, Float32Array, Int64Array, NullArray, StringArray, StructArray,
    };

    use super::*;

    /// A column of each type, of six rows, with nulls.
    fn columns() -> Vec<ArrayRef> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        for row in 0..6_i64 {
            lists.append_value((0..row).map(|at| (at != 1).then(|| "x".repeat(usize::try_from(at).expect("small")))));
            for key in 0..row % 3 {
                maps.keys().append_value(format!("key {key}"));
                maps.values().append_option((key != 1).then_some(row));
            }
            maps.append(row != 4).expect("as many keys as values");
        }
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4), None, Some(6)]));
        let texts: ArrayRef =
            Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("four"), Some("e"), None]));
        let fields = [("n", ints.clone()), ("s", texts.clone())];
        vec![
            Arc::new(NullArray::new(6)),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None, Some(true), Some(true)])),
            Arc::new(Float32Array::from(vec![1.0; 6])),
            Arc::new(Date32Array::from(vec![7; 6])),
            Arc::new(Decimal128Array::from(vec![1, 2, 3, 4, 5, 6])),
            Arc::new(BinaryArray::from(vec![&b"ab"[..], b"", b"c", b"d", b"efg", b"h"])),
            Arc::new(StructArray::try_from(fields.to_vec()).expect("fields of one length")),
            ints,
            texts,
            Arc::new(lists.finish()),
            Arc::new(maps.finish()),
        ]
    }

    #[test]
    fn bytes_are_those_that_arrow_counts() {
        for column in columns() {
            let what = column.data_type();
            let counted = column.to_data().get_slice_memory_size().expect("counts");
            assert_eq!(bytes_of(&*column, 0..6), counted, "{what}");
            for (start, end) in [(0, 6), (1, 5), (2, 2), (5, 6)] {
                let sliced = column.slice(start, end - start);
                assert_eq!(bytes_of(&*sliced, 0..end - start), bytes_of(&*column, start..end), "{what} {start}..{end}");
                // Arrow counts all elements of nested ones, and no validity where no row of a slice is null.
                if !what.is_nested() && (sliced.null_count() > 0 || column.nulls().is_none()) {
                    let counted = sliced.to_data().get_slice_memory_size().expect("counts");
                    assert_eq!(bytes_of(&*column, start..end), counted, "{what} {start}..{end}");
                }
            }
        }
        let batch = Batch::new(
            RecordBatch::try_from_iter([("s", columns().remove(8)), ("n", columns().remove(7))]).expect("columns"),
            vec![0; 6].into(),
        );
        assert_eq!(batch.bytes(), (7 * 4 + 6 + 1) + (6 * 8 + 1) + 6 * 8);
        assert_eq!(batch.slice(3, 2).bytes(), (3 * 4 + 5 + 1) + (2 * 8 + 1) + 2 * 8);
    }
}
