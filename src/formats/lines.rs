//! The parts that both line formats share: where a record ends, how much of one is held, and what a record that was
//! refused leaves behind.

use super::BadRecord;

/// Input taken since the last flush at which a decoder is full.
pub(super) const HELD_BYTES_MAX: usize = 1 << 30;

/// Bytes of a refused record that are kept.
const BAD_RECORD_BYTES: usize = 64 << 10;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The bookkeeping of one decoder between two calls.
#[derive(Debug)]
pub(super) struct Lines {
    /// Bytes consumed since the decoder was made.
    pub(super) offset: u64,
    /// Bytes consumed since the last flush.
    held: usize,
    record_bytes_max: usize,
    /// In the middle of a record that is too long to be held.
    pub(super) skipping: bool,
    /// Bytes at the front of the next call in which the record's end was looked for in vain.
    searched: usize,
    pub(super) bad: Vec<BadRecord>,
}

/// The end of the record at the front.
pub(super) enum Extent {
    /// The end of the content, and the position behind the line end.
    Whole { end: usize, next: usize },
    /// The end of the record has not come yet.
    Partial,
}

impl Lines {
    pub(super) const fn new(record_bytes_max: usize) -> Self {
        Self { offset: 0, held: 0, record_bytes_max, skipping: false, searched: 0, bad: Vec::new() }
    }

    /// Bytes to pass over before the first record: a byte order mark, and the rest of a record that was too long.
    /// `None` when it can't be told yet.
    pub(super) fn start(&mut self, bytes: &[u8], at_end: bool) -> Option<usize> {
        if self.skipping {
            let end = memchr::memchr(b'\n', bytes);
            self.skipping = end.is_none() && !at_end;
            return Some(end.map_or(bytes.len(), |end| end + 1));
        }
        if self.offset > 0 {
            return Some(0);
        }
        if bytes.starts_with(BYTE_ORDER_MARK) {
            return Some(BYTE_ORDER_MARK.len());
        }
        let undecided = !at_end && bytes.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(bytes);
        (!undecided).then_some(0)
    }

    /// Whether the call can end at once: the record at the front was looked at before, and no line end has come since.
    pub(super) fn still_partial(&self, bytes: &[u8], at_end: bool) -> bool {
        !at_end
            && self.searched > 0
            && bytes.len() <= self.record_bytes_max
            && memchr::memchr(b'\n', bytes.get(self.searched..).unwrap_or_default()).is_none()
    }

    #[inline]
    pub(super) fn is_full(&self, rows: usize, rows_max: usize) -> bool {
        rows + self.bad.len() >= rows_max || self.held >= HELD_BYTES_MAX
    }

    /// Whether a call may take another record, `taken` bytes of its input being done.
    #[inline]
    pub(super) fn has_room(&self, rows: usize, rows_max: usize, taken: usize) -> bool {
        rows + self.bad.len() < rows_max && self.held + taken < HELD_BYTES_MAX
    }

    /// Ends a call that consumed `taken` bytes.
    #[inline]
    pub(super) fn consumed(&mut self, taken: usize) {
        self.offset += taken as u64;
        self.held += taken;
        if taken > 0 {
            self.searched = 0;
        }
    }

    /// The end of the record that begins at `start`, no line end standing before `from`.
    pub(super) fn extent(bytes: &[u8], start: usize, from: usize, at_end: bool) -> Extent {
        let from = from.clamp(start, bytes.len());
        match memchr::memchr(b'\n', &bytes[from..]) {
            Some(at) => Extent::Whole { end: without_return(bytes, start, from + at), next: from + at + 1 },
            None if at_end => Extent::Whole { end: without_return(bytes, start, bytes.len()), next: bytes.len() },
            None => Extent::Partial,
        }
    }

    /// Whether a whole record of `length` bytes is refused for its length.
    #[inline]
    pub(super) const fn is_too_long(&self, length: usize) -> bool {
        length > self.record_bytes_max
    }

    /// Ends a call that consumed `start` bytes and found the rest without a line end: waits for it, or gives up a
    /// record that is too long already; `rows` were decoded before it. Returns the bytes consumed.
    pub(super) fn partial(&mut self, bytes: &[u8], start: usize, rows: usize) -> usize {
        let length = bytes.len() - start;
        // One more byte may be the line end's carriage return.
        if length <= self.record_bytes_max + 1 {
            self.consumed(start);
            self.searched = length;
            return start;
        }
        let message = self.too_long();
        self.reject(start, &bytes[start..], message, rows);
        self.skipping = true;
        self.consumed(bytes.len());
        bytes.len()
    }

    /// The message for a record that was given up.
    pub(super) fn too_long(&self) -> String {
        format!("the record is longer than {} bytes (option max_record_bytes)", self.record_bytes_max)
    }

    /// Keeps a refused record; `at` is where it begins in the call's bytes, `before` the rows decoded before it.
    pub(super) fn reject(&mut self, at: usize, record: &[u8], message: String, before: usize) {
        let record = record[..record.len().min(BAD_RECORD_BYTES)].to_vec();
        self.bad.push(BadRecord { offset: self.offset + at as u64, before, record, message });
    }

    pub(super) fn take_bad(&mut self) -> Vec<BadRecord> {
        self.held = 0;
        std::mem::take(&mut self.bad)
    }
}

#[inline]
fn without_return(bytes: &[u8], start: usize, end: usize) -> usize {
    if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

/// The record of a whole line.
#[inline]
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
