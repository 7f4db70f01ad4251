//! The CSV decoder (RFC 4180): cells straight into columns.
//!
//! Delimiters, quotes and line ends are found 64 bytes at a time as a mask of bits; only the cells that somebody reads
//! are looked at, while the number of cells, their quoting and their UTF-8 are checked of every line.

mod plain;
mod record;

use arrow_array::{RecordBatch, RecordBatchOptions};

use super::super::column::Column;
use super::super::{BadRecord, Decoder};
use crate::types::Result;
use record::Cursor;

pub use record::CsvDecoder;

impl Decoder for CsvDecoder {
    fn decode(&mut self, bytes: &[u8], at_end: bool, max_rows: usize) -> Result<usize> {
        if self.lines.still_partial(bytes, at_end) {
            return Ok(0);
        }
        let Some(mut pos) = self.lines.start(bytes, at_end) else { return Ok(0) };
        if self.header_ahead && pos < bytes.len() {
            match self.header(bytes, pos, at_end)? {
                Some(next) => pos = next,
                None => return Ok(self.lines.partial(bytes, pos, self.rows)),
            }
        }
        let mut cursor = None;
        while pos < bytes.len() && self.lines.has_room(self.rows, max_rows, pos) {
            let next = self.plain_records(bytes, pos, max_rows);
            if next > pos {
                (pos, cursor) = (next, None);
                continue;
            }
            let cursor = cursor.get_or_insert_with(|| Cursor::at(bytes, pos, self.dialect.delimiter));
            let next = match self.record(bytes, pos, at_end, cursor) {
                Ok(next) => next,
                Err(broken) => {
                    self.undo_to(self.rows);
                    let next = self.refuse(bytes, pos, &broken, at_end);
                    if let Some(next) = next {
                        *cursor = Cursor::at(bytes, next, self.dialect.delimiter);
                    }
                    next
                }
            };
            let Some(next) = next else {
                self.undo_to(self.rows);
                return Ok(self.lines.partial(bytes, pos, self.rows));
            };
            // Without a line end the last record ends where the bytes do.
            pos = next.min(bytes.len());
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
