//! A part of the file in memory.

use super::log::Extent;
use crate::types::Result;

/// Bytes between blocks that are rather read than left out.
const GAP: u64 = 4 << 10;

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Window {
    largest: usize,
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// A window of so many bytes, unless a block is larger.
    pub(super) const fn new(largest: usize) -> Self {
        Self { largest, at: 0, bytes: Vec::new() }
    }

    /// The first of `extents`; others, which are wanted next, are read along when they lie behind it. What has been read
    /// must not have been written over since [`close`](Self::close).
    pub(super) fn show(
        &mut self,
        extents: impl IntoIterator<Item = Extent>,
        read: &mut dyn FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Result<&[u8]> {
        let mut extents = extents.into_iter();
        let Some(first) = extents.next() else { return Ok(&[]) };
        let (from, mut to) = (first.offset(), first.end());
        if from < self.at || to > self.at + self.bytes.len() as u64 {
            for next in extents {
                if next.offset() < to || next.offset() > to + GAP || next.end() > from + self.largest as u64 {
                    break;
                }
                to = next.end();
            }
            self.at = from;
            self.bytes.resize(usize::try_from(to - from).unwrap_or(usize::MAX), 0);
            read(from, &mut self.bytes)?;
        }
        let from = usize::try_from(from - self.at).unwrap_or(usize::MAX);
        Ok(&self.bytes[from..from + first.bytes as usize])
    }

    /// Forgets what was read.
    pub(super) fn close(&mut self) {
        self.bytes.clear();
    }

    /// Bytes in memory.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes.capacity()
    }
}
