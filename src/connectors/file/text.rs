//! The smallest format there is, for tests of everything around formats: a record is a line, its one column the text.
//! A line that begins with `!` is bad; one that begins with `"` goes on to the next `"`, over line ends; a first line
//! that begins with `#` is a header.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, RecordBatchOptions, StringArray};

use super::format::FileFormat;
use crate::api::Options;
use crate::formats::{BadRecord, Decoder, Encoder, Inferred};
use crate::types::{Batch, Diagnostic, Field, LogicalType, Result, Schema};

#[derive(Debug, Clone, Copy)]
pub(super) struct TextFormat {
    record_bytes_max: usize,
    multiline: bool,
}

impl TextFormat {
    pub(super) fn new(options: &Options) -> Result<Self, Diagnostic> {
        let record_bytes_max = options.integer("max_record_bytes")?.unwrap_or(1 << 26);
        let multiline = options.boolean("multiline")?.unwrap_or(false);
        Ok(Self { record_bytes_max: usize::try_from(record_bytes_max).unwrap_or(0), multiline })
    }
}

pub(super) fn text_schema() -> Schema {
    Schema::new([Field::new("line", LogicalType::String)])
}

impl FileFormat for TextFormat {
    fn name(&self) -> &'static str {
        "text"
    }

    fn extension(&self) -> &'static str {
        "text"
    }

    fn splittable(&self) -> bool {
        !self.multiline
    }

    fn decoder(&self, schema: &Schema, projection: &[usize], at_file_start: bool) -> Result<Box<dyn Decoder>> {
        Ok(Box::new(TextDecoder {
            at_file_start,
            skipping: false,
            record_bytes_max: self.record_bytes_max,
            schema: schema.project(projection),
            rows: Vec::new(),
            bad: Vec::new(),
            consumed: 0,
        }))
    }

    fn encoder(&self, _schema: &Schema, changelog: bool) -> Result<Box<dyn Encoder>, Diagnostic> {
        Ok(Box::new(TextEncoder { changelog }))
    }

    fn infer(&self, sample: &[u8]) -> Result<Inferred, Diagnostic> {
        if sample.is_empty() {
            return Err(Diagnostic::new("no line"));
        }
        Ok(Inferred { schema: text_schema(), records: memchr::memchr_iter(b'\n', sample).count() })
    }
}

struct TextDecoder {
    schema: Schema,
    at_file_start: bool,
    skipping: bool,
    record_bytes_max: usize,
    rows: Vec<String>,
    bad: Vec<BadRecord>,
    consumed: u64,
}

impl Decoder for TextDecoder {
    fn decode(&mut self, bytes: &[u8], at_end: bool, max_rows: usize) -> Result<usize> {
        let mut at = 0;
        if self.skipping {
            let end = memchr::memchr(b'\n', bytes);
            self.skipping = end.is_none() && !at_end;
            at = end.map_or(bytes.len(), |end| end + 1);
        }
        if self.at_file_start && bytes.starts_with("\u{feff}".as_bytes()) {
            at = 3;
        }
        while at < bytes.len() && !self.is_full(max_rows) {
            let rest = &bytes[at..];
            let from = if rest[0] == b'"' { memchr::memchr(b'"', &rest[1..]).map(|end| end + 1) } else { Some(0) };
            let end = from.and_then(|from| memchr::memchr(b'\n', &rest[from..]).map(|end| from + end));
            let (line, len) = match end {
                Some(end) => (&rest[..end], end + 1),
                None if at_end => (rest, rest.len()),
                None if rest.len() > self.record_bytes_max + 1 => {
                    self.skipping = true;
                    (rest, rest.len())
                }
                None => break,
            };
            let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
            let offset = self.consumed + u64::try_from(at).unwrap();
            if text.len() > self.record_bytes_max {
                let record = line[..line.len().min(100)].to_vec();
                self.bad.push(BadRecord { offset, before: self.rows.len(), record, message: "is too long".to_owned() });
            } else if text.starts_with('!') || from.is_none() {
                self.bad.push(BadRecord {
                    offset,
                    before: self.rows.len(),
                    record: line.to_vec(),
                    message: "is bad".to_owned(),
                });
            } else if !(self.at_file_start && text.starts_with('#')) {
                self.rows.push(text);
            }
            self.at_file_start = false;
            at += len;
        }
        self.consumed += u64::try_from(at).unwrap();
        Ok(at)
    }

    fn is_full(&self, max_rows: usize) -> bool {
        self.rows.len() + self.bad.len() >= max_rows
    }

    fn mid_record(&self) -> bool {
        self.skipping
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn flush(&mut self) -> Result<(RecordBatch, Vec<BadRecord>)> {
        let rows = std::mem::take(&mut self.rows);
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let text = Arc::new(StringArray::from_iter_values(rows));
        let columns = if self.schema.is_empty() { Vec::new() } else { vec![text as _] };
        let rows = RecordBatch::try_new_with_options(self.schema.arrow().clone(), columns, &options)?;
        Ok((rows, std::mem::take(&mut self.bad)))
    }
}

struct TextEncoder {
    changelog: bool,
}

impl Encoder for TextEncoder {
    fn header(&self, _out: &mut Vec<u8>) {}

    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let text = batch.column(0).as_string::<i32>();
        for row in 0..batch.rows() {
            if self.changelog {
                out.extend_from_slice(batch.kind(row).short().as_bytes());
            }
            out.extend_from_slice(text.value(row).as_bytes());
            out.push(b'\n');
        }
        Ok(())
    }
}
