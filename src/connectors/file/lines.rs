//! The line number of a byte, for errors: counted only when a record is bad, never on the way of good ones.

use std::io::{self, Read};

use super::buffer::{READ_BYTES, as_len, as_u64};
use super::discover::InputFile;
use super::stream::ByteStream;
use crate::types::files::Files;

/// Counts lines of one file after the other. Going forward in a file, each byte is counted once.
#[derive(Default)]
pub(super) struct LineCounter {
    counting: Option<Counting>,
    buffer: Vec<u8>,
}

struct Counting {
    file: usize,
    stream: ByteStream,
    offset: u64,
    line: u64,
}

impl LineCounter {
    /// The number, from 1, of the line of `input` (file number `file`) that byte `offset` of its content stands in.
    pub(super) fn line(&mut self, files: &dyn Files, file: usize, input: &InputFile, offset: u64) -> io::Result<u64> {
        let mut counting = match self.counting.take() {
            Some(counting) if counting.file == file && counting.offset <= offset => counting,
            _ => Counting { file, stream: input.open(files, 0)?, offset: 0, line: 1 },
        };
        self.buffer.resize(READ_BYTES, 0);
        while counting.offset < offset {
            let ask = as_len(offset - counting.offset).min(READ_BYTES);
            let read = counting.stream.read(&mut self.buffer[..ask])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            counting.line += as_u64(memchr::memchr_iter(b'\n', &self.buffer[..read]).count());
            counting.offset += as_u64(read);
        }
        let line = counting.line;
        self.counting = Some(counting);
        Ok(line)
    }
}
