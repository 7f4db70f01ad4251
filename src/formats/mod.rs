//! Layer 1: text and files to columns and back.

use arrow_array::RecordBatch;

use crate::types::{Batch, Result};

/// Reads rows of one text format into columns: the hot end of every file job. One decoder a reader, fed with
/// consecutive bytes that begin at the start of a record.
pub trait Decoder: Send {
    /// Decodes whole records from `bytes` until the decoder holds `max_rows` rows or the bytes hold no further whole
    /// record; returns the bytes consumed. With `at_end` the last record needs no line end. A record whose structure is
    /// broken, or that does not fit the columns, adds no row but a [`BadRecord`].
    ///
    /// # Errors
    /// Only when decoding can't go on at all.
    fn decode(&mut self, bytes: &[u8], at_end: bool, max_rows: usize) -> Result<usize>;

    /// Rows held.
    fn rows(&self) -> usize;

    /// The rows held, and the bad records since the last call; the decoder holds none afterwards.
    ///
    /// # Errors
    /// When the columns can't be built: a defect of ours.
    fn flush(&mut self) -> Result<(RecordBatch, Vec<BadRecord>)>;
}

/// A record that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// Where it begins: bytes consumed by this decoder since it was made.
    pub offset: u64,
    /// It, without its line end; shortened to 64 KiB.
    pub record: Vec<u8>,
    /// What is wrong: `column price: expected a bigint, found 'x'`.
    pub message: String,
}

/// Writes rows as text.
pub trait Encoder: Send {
    /// What a file begins with (CSV's header line), if anything.
    fn header(&self, out: &mut Vec<u8>);

    /// Appends the rows of `batch`, one record each. A changelog's kind is written as the format's options say.
    ///
    /// # Errors
    /// When a column's type has no text form.
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()>;
}
