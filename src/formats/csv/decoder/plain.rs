//! Plain records, many at a time: their cells' places are found first, then each column is converted in one loop.

use super::super::super::column::Kind;
use super::super::super::scan;
use super::super::places::{CHUNK_BYTES, PATIENCE_MAX};
use super::record::{Cell, CsvDecoder, UNREAD};

impl CsvDecoder {
    /// Reads records at `start` that are plain, column by column; returns the position behind them. What is not plain, or
    /// must not stand, is left to [`record`](Self::record).
    pub(super) fn plain_records(&mut self, bytes: &[u8], start: usize, max_rows: usize) -> usize {
        if self.plain.one_by_one > 0 {
            self.plain.one_by_one -= 1;
            return start;
        }
        let (bytes, width) = (&bytes[start..], self.targets.len());
        let room = max_rows.saturating_sub(self.rows + self.lines.bad.len());
        self.plain.places.find(bytes, self.dialect.delimiter);
        let mut records = self.plain.places.records(bytes, self.dialect.delimiter, width, room);
        if self.lines.is_too_long(CHUNK_BYTES) {
            records = 0;
        }
        for cell in 0..width {
            let target = self.targets[cell];
            if target != UNREAD {
                records = self.take_column(bytes, cell, target, records);
            }
        }
        self.rows += records;
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        if records == 0 {
            self.plain.one_by_one = self.plain.patience;
            self.plain.patience = (self.plain.patience * 2).min(PATIENCE_MAX);
            return start;
        }
        self.plain.patience = 1;
        start + self.plain.places.cell(records * width - 1).1 + 1
    }

    /// Converts a cell of each of the first `records` plain records into its column; returns the number of records
    /// before the first whose cell does not fit.
    fn take_column(&mut self, bytes: &[u8], cell: usize, target: usize, records: usize) -> usize {
        let width = self.targets.len();
        let is_last = cell + 1 == width;
        let must = !self.fields[target].nullable;
        let mut record = 0;
        while record < records {
            record += self.take_run(bytes, (cell + record * width, width), target, records - record);
            if record == records {
                break;
            }
            let (start, mut end) = self.plain.places.cell(cell + record * width);
            if is_last && end > start && bytes[end - 1] == b'\r' {
                end -= 1;
            }
            self.take(bytes, Cell { start, end, quoted: false, escaped: false }, target);
            if self.misfit.take().is_some() || must && self.columns[target].is_null(self.rows + record) {
                return record;
            }
            record += 1;
        }
        records
    }

    /// As many of the `records` cells at `first`, one each `width`, as are what most cells of such a column are.
    #[inline]
    fn take_run(&mut self, bytes: &[u8], (first, width): (usize, usize), target: usize, records: usize) -> usize {
        let column = &mut self.columns[target];
        let kind = column.kind();
        if self.careful || !matches!(kind, Kind::BigInt | Kind::Timestamp) {
            return 0;
        }
        let (places, minute) = (&self.plain.places, &mut self.minute);
        let cells = (0..records).map(|record| places.cell(first + record * width));
        if kind == Kind::BigInt {
            column.extend_i64(cells.map(|(start, end)| scan::cell_integer(bytes, start, end)))
        } else {
            column.extend_i64(cells.map(|(start, end)| {
                minute.timestamp_at(bytes, start).filter(|&(_, behind)| behind == end).map(|(ms, _)| ms)
            }))
        }
    }
}
