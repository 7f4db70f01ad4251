//! The NDJSON encoder: one object a line, as Flink's `json` format writes it.

use super::super::view::{View, ViewValues};
use super::super::{Encoder, FormatOptions, options, scan};
use crate::types::{Batch, Result, Schema};

/// Encodes newline-delimited JSON.
#[derive(Debug)]
pub struct JsonEncoder {
    /// The text before each column's value: `,"price":`, the first with the opening brace.
    leads: Vec<Vec<u8>>,
    changelog: bool,
}

impl JsonEncoder {
    /// An encoder of batches with these columns.
    ///
    /// # Errors
    /// When an option does not fit, told by its name.
    pub fn new(schema: &Schema, options: &FormatOptions) -> Result<Self, String> {
        let changelog = options::changelog(schema, options)?;
        let leads = schema
            .names()
            .enumerate()
            .map(|(i, name)| {
                let mut lead = vec![if i == 0 && !changelog { b'{' } else { b',' }];
                write_string(name.as_bytes(), &mut lead);
                lead.push(b':');
                lead
            })
            .collect();
        Ok(Self { leads, changelog })
    }
}

impl Encoder for JsonEncoder {
    fn header(&self, _out: &mut Vec<u8>) {}

    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let views = batch.columns().columns().iter().map(View::new).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.rows() {
            if self.changelog {
                out.extend_from_slice(b"{\"op\":\"");
                out.extend_from_slice(batch.kind(row).short().as_bytes());
                out.push(b'"');
            } else if views.is_empty() {
                out.push(b'{');
            }
            for (lead, view) in self.leads.iter().zip(&views) {
                out.extend_from_slice(lead);
                write_value(view, row, out);
            }
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    }
}

/// Appends one value.
pub(in super::super) fn write_value(view: &View<'_>, row: usize, out: &mut Vec<u8>) {
    if view.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match &view.values {
        ViewValues::String(values) => write_string(values.value(row).as_bytes(), out),
        ViewValues::List { offsets, item } => {
            out.push(b'[');
            for (i, at) in range(offsets, row).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(item, at, out);
            }
            out.push(b']');
        }
        ViewValues::Map { offsets, key, value } => {
            out.push(b'{');
            for (i, at) in range(offsets, row).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_key(key, at, out);
                out.push(b':');
                write_value(value, at, out);
            }
            out.push(b'}');
        }
        ViewValues::Row(fields) => {
            out.push(b'{');
            for (i, (name, field)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(name.as_bytes(), out);
                out.push(b':');
                write_value(field, row, out);
            }
            out.push(b'}');
        }
        ViewValues::Float32(values) if values[row].is_finite() => bare(view, row, out),
        ViewValues::Float64(values) if values[row].is_finite() => bare(view, row, out),
        ViewValues::Null
        | ViewValues::Boolean(_)
        | ViewValues::Int8(_)
        | ViewValues::Int16(_)
        | ViewValues::Int32(_)
        | ViewValues::Int64(_)
        | ViewValues::Decimal(..) => bare(view, row, out),
        ViewValues::Bytes(_)
        | ViewValues::Date(_)
        | ViewValues::Time(_)
        | ViewValues::Timestamp(_)
        | ViewValues::Instant(_)
        | ViewValues::Float32(_)
        | ViewValues::Float64(_) => {
            out.push(b'"');
            view.write_plain(row, out);
            out.push(b'"');
        }
    }
}

fn bare(view: &View<'_>, row: usize, out: &mut Vec<u8>) {
    view.write_plain(row, out);
}

/// A map's key is a string in JSON, whatever its type.
fn write_key(key: &View<'_>, row: usize, out: &mut Vec<u8>) {
    if let ViewValues::String(values) = &key.values {
        write_string(values.value(row).as_bytes(), out);
        return;
    }
    out.push(b'"');
    if !key.write_plain(row, out) {
        let mut nested = Vec::new();
        write_value(key, row, &mut nested);
        write_escaped(&nested, out);
    }
    out.push(b'"');
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at = |row: usize| usize::try_from(offsets[row]).unwrap_or(0);
    at(row)..at(row + 1)
}

fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut done = 0;
    loop {
        let stop = scan::escape_stop(text, done);
        out.extend_from_slice(&text[done..stop]);
        let Some(&byte) = text.get(stop) else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        done = stop + 1;
    }
}
