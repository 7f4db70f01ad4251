//! Newline-delimited JSON.

mod decoder;
mod encoder;
mod infer;
mod layout;
mod syntax;
#[cfg(test)]
mod tests;
mod values;

pub use decoder::JsonDecoder;
pub use encoder::JsonEncoder;
pub use infer::infer;

pub(super) use encoder::write_value;
pub(super) use values::push_json;

use super::{FormatSpec, options};

/// The registry's entry.
pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "json",
    extensions: &["ndjson", "jsonl", "json"],
    summary: "one JSON object a line",
    options: &[options::MAX_RECORD_BYTES, options::CHANGELOG],
    decoder: |request| Ok(Box::new(JsonDecoder::new(request)?)),
    encoder: |schema, options| Ok(Box::new(JsonEncoder::new(schema, options)?)),
    infer,
};
