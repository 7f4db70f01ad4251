//! One key among rows.

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_row::{RowConverter, SortField};
use arrow_select::filter::filter_record_batch;

use crate::types::Result;

/// The rows whose first columns are `key`, a column of one row each; all rows where there is no key column.
pub(super) fn rows_of_key(rows: &RecordBatch, key: &[ArrayRef]) -> Result<RecordBatch> {
    if key.is_empty() {
        return Ok(rows.clone());
    }
    let fields = key.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let wanted = converter.convert_columns(key)?;
    let keys = converter.convert_columns(&rows.columns()[..key.len()])?;
    let equal: BooleanArray = keys.iter().map(|row| Some(row == wanted.row(0))).collect();
    Ok(filter_record_batch(rows, &equal)?)
}
