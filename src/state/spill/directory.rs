//! The blocks of the file, by where they begin.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use super::extents::Extent;
use crate::types::key_group::mix;

/// Bits of a filter an entry, where there is room: a key that is not there looks as if it were once in 80 times.
const FILTER_BITS: usize = 10;
/// Bits that a key sets.
const PROBES: u32 = 4;

/// A block that is in the file.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) extent: Extent,
    /// The last epoch in which an entry of it changed that is yet to be told.
    pub(super) changed: u32,
    pub(super) filter: Filter,
}

/// The blocks by the hash at which they begin. A block reaches to the next; the first begins at 0 whatever it says.
#[derive(Debug, Default)]
pub(super) struct Directory {
    blocks: BTreeMap<u32, Stored>,
    filter_bytes: usize,
}

impl Directory {
    /// The block that has the entries of `hash`, if there is any, and where it begins.
    pub(super) fn of(&self, hash: u32) -> Option<(u32, &Stored)> {
        self.blocks.range(..=hash).next_back().map(|(start, stored)| (*start, stored))
    }

    /// Where the block behind the one that begins at `start` begins.
    pub(super) fn next(&self, start: u32) -> Option<u32> {
        self.blocks.range((Excluded(start), Unbounded)).next().map(|(start, _)| *start)
    }

    pub(super) fn insert(&mut self, start: u32, stored: Stored) {
        self.filter_bytes += stored.filter.bytes();
        let old = self.blocks.insert(start, stored);
        self.filter_bytes -= old.map_or(0, |old| old.filter.bytes());
    }

    pub(super) fn remove(&mut self, start: u32) {
        let old = self.blocks.remove(&start);
        self.filter_bytes -= old.map_or(0, |old| old.filter.bytes());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Stored)> {
        self.blocks.iter().map(|(start, stored)| (*start, stored))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Bytes in memory. Nodes of the tree are three quarters full, about.
    pub(super) fn bytes(&self) -> usize {
        self.filter_bytes + self.blocks.len() * (size_of::<(u32, Stored)>() * 4 / 3)
    }
}

/// A Bloom filter of the hashes of a block's entries. B. Bloom, "Space/Time Trade-offs in Hash Coding with Allowable
/// Errors", 1970.
#[derive(Debug)]
pub(super) struct Filter(Box<[u64]>);

impl Filter {
    /// The filter of these hashes; those of all entries, so many, are to fit `room` bytes.
    pub(super) fn new(hashes: impl ExactSizeIterator<Item = u32>, all: u64, room: usize) -> Self {
        let bits = usize::try_from(room as u64 * 8 / all.max(1)).unwrap_or(FILTER_BITS).min(FILTER_BITS);
        let mut filter = Self(vec![0; (hashes.len() * bits).div_ceil(64)].into_boxed_slice());
        if !filter.0.is_empty() {
            for hash in hashes {
                for (word, bit) in probes(hash, filter.0.len()) {
                    filter.0[word] |= bit;
                }
            }
        }
        filter
    }

    /// Whether the block may have an entry of `hash`.
    pub(super) fn may_have(&self, hash: u32) -> bool {
        self.0.is_empty() || probes(hash, self.0.len()).all(|(word, bit)| self.0[word] & bit != 0)
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "scaled to the number of bits")]
fn probes(hash: u32, words: usize) -> impl Iterator<Item = (usize, u64)> {
    let mixed = mix(u64::from(hash));
    let (first, step) = (mixed as u32, (mixed >> 32) as u32 | 1);
    (0..PROBES).map(move |probe| {
        let place = (u64::from(first.wrapping_add(probe.wrapping_mul(step))) * (words as u64 * 64)) >> 32;
        (place as usize / 64, 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_knows_its_own_and_few_others() {
        let own: Vec<u32> = (0..400).map(|n| u32::try_from(mix(n) >> 32).expect("half of it")).collect();
        let filter = Filter::new(own.iter().copied(), 400, 1 << 20);
        assert!(own.iter().all(|&hash| filter.may_have(hash)));
        let wrong = (0..40_000_u32).filter(|n| filter.may_have(n.wrapping_mul(2_654_435_761))).count();
        assert!(wrong < 1_000, "{wrong} of 40000");
        assert_eq!(filter.bytes(), 504);
        let none = Filter::new(own.iter().copied(), 1 << 40, 1 << 20);
        assert!(none.may_have(7) && none.bytes() == 0, "without room everything may be there");
    }
}
