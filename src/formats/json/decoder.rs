//! The NDJSON decoder: one object a line, straight into columns.
//!
//! Each field is first compared with the one that the record before had in its place ([`Layout`]); where that fails, and
//! near the end of the bytes, the strict general parser takes over for the field. Either way every byte of the line is
//! checked, whichever fields are read.

mod alike;
mod record;
mod under_way;

use arrow_array::{RecordBatch, RecordBatchOptions};

use super::super::column::Column;
use super::super::{BadRecord, Decoder};
use crate::types::Result;

pub use record::JsonDecoder;

impl Decoder for JsonDecoder {
    fn decode(&mut self, bytes: &[u8], at_end: bool, max_rows: usize) -> Result<usize> {
        if self.lines.still_partial(bytes, at_end) {
            return Ok(0);
        }
        let Some(mut pos) = self.lines.start(bytes, at_end) else { return Ok(0) };
        while pos < bytes.len() && self.lines.has_room(self.rows, max_rows, pos) {
            let behind = self.alike_records(bytes, pos, max_rows);
            if behind > pos {
                pos = behind;
                continue;
            }
            // The end is looked for first: the processor can then begin with the next record before it knows where its
            // way through this one ends.
            let (next, last) = match memchr::memchr(b'\n', &bytes[pos..]) {
                Some(end) => (pos + end + 1, false),
                None if at_end => (bytes.len(), true),
                None => return Ok(self.lines.partial(bytes, pos, self.rows)),
            };
            if self.record(bytes, pos, next, last).is_err() {
                self.refuse(bytes, pos, next);
            }
            pos = next;
        }
        self.lines.consumed(pos);
        Ok(pos)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn is_full(&self, max_rows: usize) -> bool {
        self.lines.is_full(self.rows, max_rows)
    }

    fn mid_record(&self) -> bool {
        self.lines.skipping
    }

    fn flush(&mut self) -> Result<(RecordBatch, Vec<BadRecord>)> {
        let columns = self.columns.iter_mut().map(Column::finish).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        let batch = RecordBatch::try_new_with_options(self.arrow.clone(), columns, &options)?;
        Ok((batch, self.lines.take_bad()))
    }
}
