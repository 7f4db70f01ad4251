//! The rules for a cell that decoder, encoder and inference agree on.

use super::super::FormatOptions;

/// The quote of RFC 4180.
pub(super) const QUOTE: u8 = b'"';

/// The way in which a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// `None`: present when it is the columns' names.
    pub(super) header: Option<bool>,
    pub(super) null_literal: Vec<u8>,
    /// Quoted cells may hold line ends.
    pub(super) multiline: bool,
}

impl Dialect {
    pub(super) fn new(options: &FormatOptions) -> Result<Self, String> {
        Ok(Self {
            delimiter: options.character("delimiter")?.unwrap_or(b','),
            header: options.boolean("header")?,
            null_literal: options.text("null_literal").unwrap_or_default().as_bytes().to_vec(),
            multiline: options.boolean("multiline")?.unwrap_or(false),
        })
    }
}

/// A cell of a line taken apart one by one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SplitCell {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// The cells of one line, for headers and inference; `None` when its quotes do not close.
pub(super) fn split(line: &[u8], delimiter: u8) -> Option<Vec<SplitCell>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let quoted = rest.first() == Some(&QUOTE);
        let mut content = Vec::new();
        let end = if quoted {
            let mut at = 1;
            loop {
                match (rest.get(at)?, rest.get(at + 1)) {
                    (&QUOTE, Some(&QUOTE)) => {
                        content.push(QUOTE);
                        at += 2;
                    }
                    (&QUOTE, None) => break at + 1,
                    (&QUOTE, Some(&behind)) if behind == delimiter => break at + 1,
                    (&QUOTE, Some(_)) => return None,
                    (&byte, _) => {
                        content.push(byte);
                        at += 1;
                    }
                }
            }
        } else {
            let end = memchr::memchr(delimiter, rest).unwrap_or(rest.len());
            content.extend_from_slice(&rest[..end]);
            end
        };
        cells.push(SplitCell { text: String::from_utf8_lossy(&content).into_owned(), quoted });
        match rest.get(end + 1..) {
            Some(behind) if end < rest.len() => rest = behind,
            _ => return Some(cells),
        }
    }
}

/// Appends the content of a quoted cell with its doubled quotes made one.
pub(super) fn undouble(content: &[u8], out: &mut Vec<u8>) {
    let mut rest = content;
    while let Some(at) = memchr::memchr(QUOTE, rest) {
        out.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}
