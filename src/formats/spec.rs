//! The interface of a format: a decoder, an encoder, and its entry in the registry.

use arrow_array::RecordBatch;

use super::options::{FormatOption, FormatOptions};
use crate::types::{Batch, Result, Schema};

/// Reads rows of one text format into columns: the hot end of every file job. One decoder a reader, fed with
/// consecutive bytes that begin at the start of a record.
///
/// The bytes not consumed are given again in front of those that follow. A caller's buffer need not outgrow one read and
/// the option `max_record_bytes`: of a longer record everything is consumed, and skipped, as it comes.
pub trait Decoder: Send {
    /// Decodes whole records from `bytes` until the decoder [is full](Self::is_full) or the bytes hold no further whole
    /// record; returns the bytes consumed. With `at_end` the last record needs no line end. A record whose structure is
    /// broken, or that does not fit the columns, adds no row but a [`BadRecord`].
    ///
    /// # Errors
    /// Only when decoding can't go on at all.
    fn decode(&mut self, bytes: &[u8], at_end: bool, max_rows: usize) -> Result<usize>;

    /// Rows held.
    fn rows(&self) -> usize;

    /// Whether [`decode`](Self::decode) takes nothing more before a [`flush`](Self::flush): `max_rows` rows and bad
    /// records are held, or more input than its columns have room for.
    fn is_full(&self, max_rows: usize) -> bool {
        self.rows() >= max_rows
    }

    /// Whether the bytes consumed end inside a record, one too long to be held. A reader that starts anew behind them
    /// must pass over the rest of it first, as at a split that begins mid-record: [`record_boundary`].
    fn mid_record(&self) -> bool {
        false
    }

    /// The rows held, and the bad records since the last call; the decoder holds none afterwards.
    ///
    /// # Errors
    /// When the columns can't be built: a defect of ours.
    fn flush(&mut self) -> Result<(RecordBatch, Vec<BadRecord>)>;
}

/// A record that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// The place where the record begins: bytes consumed by this decoder since it was made.
    pub offset: u64,
    /// The rows decoded since the last flush when it came: those before it.
    pub before: usize,
    /// The record, without its line end; shortened to 64 KiB.
    pub record: Vec<u8>,
    /// The error in the record: `column price: expected a bigint, found 'x'`.
    pub message: String,
}

/// Writes rows as text.
pub trait Encoder: Send {
    /// Appends what a file begins with (CSV's header line), if anything.
    fn header(&self, out: &mut Vec<u8>);

    /// Appends the rows of `batch`, one record each. A changelog's kind is written as the format's options say.
    ///
    /// # Errors
    /// When a column's type has no text form.
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()>;
}

/// The request that a decoder is made for.
#[derive(Debug, Clone, Copy)]
pub struct DecoderRequest<'a> {
    /// All columns of the file, in its order.
    pub schema: &'a Schema,
    /// The columns that are read, ascending; batches have just these.
    pub projection: &'a [usize],
    /// The format's options.
    pub options: &'a FormatOptions,
    /// Whether the first byte is a file's first: a header may stand there.
    pub at_file_start: bool,
}

/// Makes a decoder, or says which option does not fit.
pub type MakeDecoder = fn(&DecoderRequest<'_>) -> Result<Box<dyn Decoder>, String>;

/// Makes an encoder of these columns, or says which option does not fit.
pub type MakeEncoder = fn(&Schema, &FormatOptions) -> Result<Box<dyn Encoder>, String>;

/// The columns of a file, as its first records tell them.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// The columns.
    pub schema: Schema,
    /// The number of records that were looked at.
    pub records: usize,
}

/// One format: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct FormatSpec {
    /// `json`
    pub name: &'static str,
    /// File name extensions that mean it, without the dot.
    pub extensions: &'static [&'static str],
    /// One line for listings.
    pub summary: &'static str,
    /// The format's options.
    pub options: &'static [FormatOption],
    /// Makes a decoder; the error names the option that does not fit.
    pub decoder: MakeDecoder,
    /// Makes an encoder of these columns; the error names the option that does not fit.
    pub encoder: MakeEncoder,
    /// The columns of a file that begins with these bytes; the error says why none can be told.
    pub infer: fn(&[u8], &FormatOptions) -> Result<Inferred, String>,
}

impl FormatSpec {
    /// Whether files of this format may be read in byte-range splits, each from the first [`record_boundary`] in it.
    ///
    /// # Errors
    /// When an option does not fit, told by its name.
    pub fn is_splittable(&self, options: &FormatOptions) -> Result<bool, String> {
        Ok(!options.boolean("multiline")?.unwrap_or(false))
    }
}

/// The position of the first record in bytes that begin anywhere inside one: behind the first line end. `None` when
/// there is none. A split that begins at byte `n` > 0 of its file is looked at from `n - 1` on, so that a record that
/// begins just at `n` is its own; it owns the records that begin in it, and reads the last of them to its end beyond
/// the split's.
#[must_use]
pub fn record_boundary(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes).map(|end| end + 1)
}
