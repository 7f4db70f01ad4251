//! Records that all look like the ones before: read field by field over many records at once. Where the next field of a
//! record begins is known only once the one before it was read; with several records under way the processor has
//! something else to do meanwhile.

use super::super::super::column::Kind;
use super::super::super::scan;
use super::super::layout::UNREAD;
use super::record::JsonDecoder;
use super::under_way::CHUNK_BYTES;

impl JsonDecoder {
    /// Reads records at `start` that have the fields of the prediction and nothing else; returns the position behind them.
    /// Whatever is different, broken or does not fit is left to [`record`](Self::record).
    pub(super) fn alike_records(&mut self, bytes: &[u8], start: usize, max_rows: usize) -> usize {
        if self.alike.one_by_one > 0 {
            self.alike.one_by_one -= 1;
            return start;
        }
        if !self.fills_every_column || self.lines.is_too_long(CHUNK_BYTES) {
            return start;
        }
        self.alike.find(bytes, start, max_rows.saturating_sub(self.rows + self.lines.bad.len()));
        let mut records = self.alike.at.len();
        for step in 0..self.layout.members.len() {
            records = match self.layout.members[step].target {
                UNREAD => self.skip_fields(bytes, step, records),
                target => self.read_fields(bytes, step, target, records),
            };
        }
        for (record, (&at, &end)) in self.alike.at[..records].iter().zip(&self.alike.ends).enumerate() {
            if bytes[at] != b'}' || at + 2 != end {
                records = record;
                break;
            }
        }
        self.rows += records;
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        self.alike.learn(records);
        records.checked_sub(1).map_or(start, |last| self.alike.ends[last])
    }

    /// Passes over field `step` of the first `records` records; returns how many have it.
    #[inline(never)]
    fn skip_fields(&mut self, bytes: &[u8], step: usize, records: usize) -> usize {
        let (lead, reader) = (self.layout.lead(step), &mut self.reader);
        let at = &mut self.alike.at[..records];
        // What the first record has there, the others mostly have too.
        let first = at.first().and_then(|&at| bytes.get(lead.follow(bytes, at)?));
        let integers = lead.short().filter(|_| first.is_some_and(u8::is_ascii_digit));
        for (record, at) in at.iter_mut().enumerate() {
            if let Some(member) = integers
                && let Some((window, value)) = member.window(bytes, *at)
                && let Some(end) = scan::window_integer_end(window, value)
            {
                *at += end;
                continue;
            }
            let Some(value) = lead.follow(bytes, *at) else { return record };
            let Ok(end) = reader.skip(bytes, value) else { return record };
            *at = end;
        }
        records
    }

    /// Reads field `step` of the first `records` records into its column; returns how many have it, with a value that
    /// fits.
    fn read_fields(&mut self, bytes: &[u8], step: usize, target: usize, records: usize) -> usize {
        let mut record = 0;
        while record < records {
            record += self.read_run(bytes, step, target, record, records);
            if record < records {
                if !self.read_field(bytes, step, target, record) {
                    return record;
                }
                record += 1;
            }
        }
        records
    }

    /// Reads as many fields from record `from` on as are what most values of such a column are.
    #[inline(never)]
    fn read_run(&mut self, bytes: &[u8], step: usize, target: usize, from: usize, to: usize) -> usize {
        let (lead, reader) = (self.layout.lead(step), &mut self.reader);
        let column = &mut self.columns[target];
        let records = self.alike.at[from..to].iter_mut();
        match (column.kind(), lead.short()) {
            // What stands behind the digits is looked at when the next field is followed: of a fraction or an exponent
            // the whole record is left to others.
            (Kind::BigInt, Some(member)) => column.extend_i64(records.map(|at| {
                let (window, value) = member.window(bytes, *at)?;
                let (number, end) = scan::window_integer(window, value)?;
                *at += end;
                Some(number)
            })),
            (Kind::Timestamp, Some(member)) => {
                let mut minute = reader.minute;
                let read = column.extend_i64(records.map(|at| {
                    let (window, value) = member.window(bytes, *at)?;
                    let (ms, end) = minute.quoted_in(window, value)?;
                    *at += end;
                    Some(ms)
                }));
                reader.minute = minute;
                read
            }
            _ => {
                for (record, at) in records.enumerate() {
                    let Some(value) = lead.follow(bytes, *at) else { return record };
                    let Some(end) = reader.read_plain(bytes, value, column) else { return record };
                    *at = end;
                }
                to - from
            }
        }
    }

    /// Reads one field with all care; false when the record is not to be taken here.
    #[cold]
    fn read_field(&mut self, bytes: &[u8], step: usize, target: usize, record: usize) -> bool {
        let Some((value, _)) = self.layout.follow(step, bytes, self.alike.at[record]) else { return false };
        let column = &mut self.columns[target];
        let Ok(end) = self.reader.read(bytes, value, column) else {
            self.reader.misfit = None;
            return false;
        };
        self.alike.at[record] = end;
        let missing = !self.fields[target].nullable && column.is_null(self.rows + record);
        self.reader.misfit.take().is_none() && !missing
    }
}
