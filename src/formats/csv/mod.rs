//! Comma-separated values, RFC 4180.

mod cells;
mod decoder;
mod encoder;
mod infer;
mod places;
#[cfg(test)]
mod tests;

pub use decoder::CsvDecoder;
pub use encoder::CsvEncoder;
pub use infer::infer;

use super::{FormatOption, FormatSpec, options};

/// The registry's entry.
pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "csv",
    extensions: &["csv", "tsv"],
    summary: "comma-separated values (RFC 4180)",
    options: &[
        FormatOption {
            name: "delimiter",
            values: "one character",
            help: "what stands between two cells (default a comma; `\\t` is a tab)",
        },
        FormatOption {
            name: "header",
            values: "true | false",
            help: "whether the first line of a file names its columns \
                   (default: read: when it does; written: true)",
        },
        FormatOption {
            name: "null_literal",
            values: "a text",
            help: "the unquoted cell that is null (default the empty cell)",
        },
        FormatOption {
            name: "multiline",
            values: "true | false",
            help: "whether a quoted cell may hold line ends; such a file has one reader (default false)",
        },
        options::MAX_RECORD_BYTES,
        options::CHANGELOG,
    ],
    decoder: |request| Ok(Box::new(CsvDecoder::new(request)?)),
    encoder: |schema, options| Ok(Box::new(CsvEncoder::new(schema, options)?)),
    infer,
};
