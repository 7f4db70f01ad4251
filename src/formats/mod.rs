//! Layer 1: text and files to columns and back.

pub(crate) use base64::encode as encode_base64;

mod base64;
mod column;
pub mod csv;
mod guess;
pub mod json;
mod lines;
mod number;
mod options;
pub mod scan;
mod spec;
#[cfg(test)]
mod testing;
pub mod time;
mod view;

pub use options::{CHANGE, FormatOption, FormatOptions};
pub use spec::{
    BadRecord, Decoder, DecoderRequest, Encoder, FormatSpec, Inferred, MakeDecoder, MakeEncoder, record_boundary,
};

use crate::types::{Error, Result, Schema};

static FORMATS: [FormatSpec; 2] = [json::SPEC, csv::SPEC];

/// Every format.
#[must_use]
pub fn formats() -> &'static [FormatSpec] {
    &FORMATS
}

/// The format called `name`.
#[must_use]
pub fn format_named(name: &str) -> Option<&'static FormatSpec> {
    formats().iter().find(|format| format.name.eq_ignore_ascii_case(name))
}

/// An encoder of the format called `name` as it is without options; rows of a changelog begin with their kind, `op`.
///
/// # Errors
/// When there is no such format, or a column's type has no text form in it.
pub fn encoder(name: &str, schema: &Schema, changelog: bool) -> Result<Box<dyn Encoder>> {
    let spec = format_named(name).ok_or_else(|| Error::config(format!("there is no format `{name}`")))?;
    let options = FormatOptions::new(vec![("changelog".to_owned(), changelog.to_string())]);
    (spec.encoder)(schema, &options).map_err(Error::config)
}
