//! The CSV encoder (RFC 4180, lines end in `\n`).

use super::super::json::write_value;
use super::super::view::{View, ViewValues};
use super::super::{CHANGE, Encoder, FormatOptions, options};
use super::cells::{Dialect, QUOTE};
use crate::types::{Batch, Result, Schema};

/// Encodes comma-separated values.
#[derive(Debug)]
pub struct CsvEncoder {
    names: Vec<String>,
    dialect: Dialect,
    changelog: bool,
}

impl CsvEncoder {
    /// An encoder of batches with these columns.
    ///
    /// # Errors
    /// When an option does not fit, told by its name.
    pub fn new(schema: &Schema, options: &FormatOptions) -> Result<Self, String> {
        Ok(Self {
            names: schema.names().map(str::to_owned).collect(),
            dialect: Dialect::new(options)?,
            changelog: options::changelog(schema, options)?,
        })
    }

    fn write_text(&self, text: &[u8], out: &mut Vec<u8>) {
        // A text that would be read as null is quoted, which says that it is none.
        let plain = text != self.dialect.null_literal
            && !text.is_empty()
            && !text.iter().any(|&byte| byte == self.dialect.delimiter || matches!(byte, QUOTE | b'\n' | b'\r'));
        if plain {
            out.extend_from_slice(text);
            return;
        }
        out.push(QUOTE);
        let mut rest = text;
        while let Some(at) = memchr::memchr(QUOTE, rest) {
            out.extend_from_slice(&rest[..=at]);
            out.push(QUOTE);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(QUOTE);
    }

    fn write_cell(&self, view: &View<'_>, row: usize, out: &mut Vec<u8>, scratch: &mut Vec<u8>) {
        if view.is_null(row) {
            out.extend_from_slice(&self.dialect.null_literal);
            return;
        }
        if let ViewValues::String(values) = &view.values {
            self.write_text(values.value(row).as_bytes(), out);
            return;
        }
        scratch.clear();
        if !view.write_plain(row, scratch) {
            // Arrays, maps and rows have no text form of their own.
            write_value(view, row, scratch);
        }
        self.write_text(scratch, out);
    }
}

impl Encoder for CsvEncoder {
    fn header(&self, out: &mut Vec<u8>) {
        if self.dialect.header == Some(false) {
            return;
        }
        let names = self.changelog.then_some(CHANGE).into_iter().chain(self.names.iter().map(String::as_str));
        for (i, name) in names.enumerate() {
            if i > 0 {
                out.push(self.dialect.delimiter);
            }
            self.write_text(name.as_bytes(), out);
        }
        out.push(b'\n');
    }

    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let views = batch.columns().columns().iter().map(View::new).collect::<Result<Vec<_>>>()?;
        let mut scratch = Vec::new();
        for row in 0..batch.rows() {
            if self.changelog {
                out.extend_from_slice(batch.kind(row).short().as_bytes());
            }
            for (i, view) in views.iter().enumerate() {
                if i > 0 || self.changelog {
                    out.push(self.dialect.delimiter);
                }
                self.write_cell(view, row, out, &mut scratch);
            }
            out.push(b'\n');
        }
        Ok(())
    }
}
