//! The one buffer of a reader: filled with large reads, emptied from the front; what is left of a record moves to the
//! front before the next read, and nothing else is ever copied.

use std::io::{self, Read};

/// Bytes a read asks for.
pub(super) const READ_BYTES: usize = 256 << 10;

/// A window on a file's bytes.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    data: Vec<u8>,
    head: usize,
    tail: usize,
    /// The offset of `head` in the file's content.
    offset: u64,
    /// The end of the content stands at `tail`.
    at_end: bool,
    limit: usize,
}

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// More bytes.
    More,
    /// There are no more for now.
    Nothing,
    /// There are no more.
    End,
    /// The buffer holds as many bytes as it may.
    Full,
}

impl ReadBuffer {
    /// An empty buffer that never holds more than `limit` bytes and a read.
    pub(super) const fn new(limit: usize) -> Self {
        Self { data: Vec::new(), head: 0, tail: 0, offset: 0, at_end: false, limit }
    }

    /// Forgets everything; the next byte read is the one at `offset`.
    pub(super) const fn reset(&mut self, offset: u64) {
        self.head = 0;
        self.tail = 0;
        self.offset = offset;
        self.at_end = false;
    }

    /// The bytes held.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.data[self.head..self.tail]
    }

    /// The position where the bytes held begin.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The position where the bytes held end.
    pub(super) fn end(&self) -> u64 {
        self.offset + as_u64(self.tail - self.head)
    }

    /// Whether nothing comes behind the bytes that are held.
    pub(super) const fn at_end(&self) -> bool {
        self.at_end
    }

    /// Drops the first `bytes`.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.head = (self.head + bytes).min(self.tail);
        self.offset += as_u64(bytes);
    }

    /// Reads more behind what is held.
    pub(super) fn fill(&mut self, source: &mut impl Read) -> io::Result<Filled> {
        if self.at_end {
            return Ok(Filled::End);
        }
        let held = self.tail - self.head;
        if held >= self.limit {
            return Ok(Filled::Full);
        }
        if self.data.len() - self.tail < READ_BYTES {
            self.data.copy_within(self.head..self.tail, 0);
            self.head = 0;
            self.tail = held;
            if self.data.len() - held < READ_BYTES {
                self.data.resize((held * 2).min(self.limit) + READ_BYTES, 0);
            }
        }
        let until = (self.tail + READ_BYTES).min(self.data.len());
        loop {
            match source.read(&mut self.data[self.tail..until]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(Filled::End);
                }
                Ok(read) => {
                    self.tail += read;
                    return Ok(Filled::More);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Filled::Nothing),
                Err(error) => return Err(error),
            }
        }
    }
}

/// A length as an offset.
pub(super) fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// An offset as a length; more than fits memory is as good as all of it.
pub(super) fn as_len(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
