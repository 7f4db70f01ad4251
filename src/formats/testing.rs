//! The helpers that the tests of both formats share.

use super::{BadRecord, DecoderRequest, Encoder, FormatOptions, FormatSpec, format_named};
use crate::types::{Batch, Field, LogicalType, Schema};

pub(super) fn options(entries: &[(&str, &str)]) -> FormatOptions {
    FormatOptions::new(entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

pub(super) fn schema(columns: &[(&str, LogicalType)]) -> Schema {
    Schema::new(columns.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect::<Vec<_>>())
}

/// The rows that a file was read as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Decoded {
    /// The rows, each as our encoder writes it in JSON.
    pub(super) rows: Vec<String>,
    pub(super) bad: Vec<BadRecord>,
}

impl Decoded {
    pub(super) fn messages(&self) -> Vec<&str> {
        self.bad.iter().map(|bad| bad.message.as_str()).collect()
    }
}

/// Reads `bytes` as a connector does: `reads` bytes at a time (over and over), what is not consumed kept in front.
pub(super) fn decode_in(
    format: &str,
    request: &DecoderRequest<'_>,
    bytes: &[u8],
    reads: &[usize],
    max_rows: usize,
) -> Decoded {
    let spec: &FormatSpec = format_named(format).expect("a format");
    let mut decoder = (spec.decoder)(request).expect("valid options");
    let projected = request.schema.project(request.projection);
    let mut writer = super::json::JsonEncoder::new(&projected, &FormatOptions::default()).expect("an encoder");
    let mut outcome = Decoded::default();
    let mut buffer = Vec::new();
    let mut rest = bytes;
    let mut reads = reads.iter().cycle();
    loop {
        let read = reads.next().copied().unwrap_or(usize::MAX).clamp(1, rest.len().max(1)).min(rest.len());
        buffer.extend_from_slice(&rest[..read]);
        rest = &rest[read..];
        let at_end = rest.is_empty();
        loop {
            let taken = decoder.decode(&buffer, at_end, max_rows).expect("decodes");
            buffer.drain(..taken);
            let full = decoder.is_full(max_rows);
            if full || at_end {
                let (batch, bad) = decoder.flush().expect("flushes");
                assert!(batch.num_rows() + bad.len() <= max_rows);
                let mut text = Vec::new();
                writer.encode(&Batch::untimed(batch), &mut text).expect("encodes");
                // Where a bad record stands among all rows does not depend on the reads.
                let earlier = outcome.rows.len();
                outcome.rows.extend(String::from_utf8(text).expect("utf-8").lines().map(str::to_owned));
                outcome.bad.extend(bad.into_iter().map(|bad| BadRecord { before: earlier + bad.before, ..bad }));
            }
            if !full {
                break;
            }
        }
        if at_end {
            assert!(buffer.is_empty(), "everything is consumed in the end");
            return outcome;
        }
    }
}

/// Reads `bytes` at once, all columns.
pub(super) fn decode(format: &str, schema: &Schema, entries: &[(&str, &str)], bytes: &[u8]) -> Decoded {
    let all: Vec<usize> = (0..schema.len()).collect();
    let options = options(entries);
    let request = DecoderRequest { schema, projection: &all, options: &options, at_file_start: true };
    decode_in(format, &request, bytes, &[usize::MAX], 8_192)
}

/// One column of every type that text is read into.
pub(super) fn all_types() -> Vec<LogicalType> {
    vec![
        LogicalType::Boolean,
        LogicalType::TinyInt,
        LogicalType::SmallInt,
        LogicalType::Int,
        LogicalType::BigInt,
        LogicalType::Float,
        LogicalType::Double,
        LogicalType::Decimal(10, 3),
        LogicalType::String,
        LogicalType::Bytes,
        LogicalType::Date,
        LogicalType::Time,
        LogicalType::Timestamp,
        LogicalType::TimestampLtz,
        LogicalType::IntervalDayTime,
        LogicalType::IntervalYearMonth,
        LogicalType::Array(Box::new(LogicalType::BigInt)),
        LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::Double)),
        LogicalType::Row(vec![("a".into(), LogicalType::Int), ("b".into(), LogicalType::String)]),
    ]
}

/// A JSON value of each of [`all_types`], as our encoder writes it.
pub(super) fn a_value_each() -> Vec<&'static str> {
    vec![
        "true",
        "-128",
        "32767",
        "-2147483648",
        "9223372036854775807",
        "1.1",
        "-0.1",
        "1234567.891",
        "\"a \\\"b\\\" ,é\\n\"",
        "\"Zm9v\"",
        "\"2026-02-28\"",
        "\"23:59:59.5\"",
        "\"2026-02-28 00:00:10\"",
        "\"2026-02-28 00:00:10.001Z\"",
        "86400000",
        "14",
        "[1,null,3]",
        "{\"x\":1.5,\"y\":null}",
        "{\"a\":1,\"b\":\"two\"}",
    ]
}
