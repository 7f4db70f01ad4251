//! The blocks of the file, by where they begin.

use super::log::Extent;
use crate::types::key_group::mix;

/// Blocks of a chunk at most.
const CHUNK: usize = 256;
/// Bits of a filter an entry, where there is room: a key that is not there looks as if it were once in 18 times.
const FILTER_BITS: usize = 6;
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

/// The blocks in the order of the hashes at which they begin. A block reaches to the next; the first begins at 0 whatever
/// it says.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// The hash at which each chunk begins.
    firsts: Vec<u32>,
    chunks: Vec<Chunk>,
    filter_bytes: usize,
    blocks: usize,
}

/// Some blocks that follow each other, at least one.
#[derive(Debug, Default)]
struct Chunk {
    starts: Vec<u32>,
    blocks: Vec<Stored>,
}

/// Where a block stands in the directory, until others are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    chunk: usize,
    at: usize,
}

impl Directory {
    /// The place of the block that has the entries of `hash`, or of the first one where there is none.
    pub(super) fn place(&self, hash: u32) -> Place {
        let last = |starts: &[u32]| starts.partition_point(|&start| start <= hash).saturating_sub(1);
        let chunk = last(&self.firsts);
        Place { chunk, at: self.chunks.get(chunk).map_or(0, |chunk| last(&chunk.starts)) }
    }

    /// The block at a place, and where it begins.
    pub(super) fn get(&self, place: Place) -> Option<(u32, &Stored)> {
        let chunk = self.chunks.get(place.chunk)?;
        Some((*chunk.starts.get(place.at)?, &chunk.blocks[place.at]))
    }

    /// The first place.
    pub(super) const fn first() -> Place {
        Place { chunk: 0, at: 0 }
    }

    /// The place behind another.
    pub(super) fn next(&self, Place { chunk, at }: Place) -> Place {
        let last = self.chunks.get(chunk).is_none_or(|chunk| at + 1 >= chunk.starts.len());
        if last { Place { chunk: chunk + 1, at: 0 } } else { Place { chunk, at: at + 1 } }
    }

    /// Where the block at a place is now.
    pub(super) fn move_to(&mut self, place: Place, extent: Extent) {
        self.chunks[place.chunk].blocks[place.at].extent = extent;
    }

    /// Puts blocks in place of that at `place`, which may be none. Places before it stay what they are until chunks
    /// [settle](Self::settle).
    pub(super) fn replace(
        &mut self,
        Place { chunk: number, at }: Place,
        new: impl ExactSizeIterator<Item = (u32, Stored)>,
    ) {
        if number == self.chunks.len() {
            self.chunks.push(Chunk::default());
        }
        let chunk = &mut self.chunks[number];
        let end = (at + 1).min(chunk.starts.len());
        self.filter_bytes -= chunk.blocks[at..end].iter().map(|old| old.filter.bytes()).sum::<usize>();
        self.blocks = self.blocks + new.len() - (end - at);
        let (starts, blocks): (Vec<u32>, Vec<Stored>) = new.unzip();
        self.filter_bytes += blocks.iter().map(|new| new.filter.bytes()).sum::<usize>();
        chunk.starts.splice(at..end, starts);
        chunk.blocks.splice(at..end, blocks);
    }

    /// Splits chunks that have become too large, and removes those in which nothing is left.
    pub(super) fn settle(&mut self) {
        if !self.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.starts.len())) {
            for mut chunk in std::mem::take(&mut self.chunks) {
                while chunk.starts.len() > CHUNK {
                    let (starts, blocks) = (chunk.starts.split_off(CHUNK / 2), chunk.blocks.split_off(CHUNK / 2));
                    self.chunks.push(std::mem::replace(&mut chunk, Chunk { starts, blocks }));
                }
                self.chunks.extend((!chunk.starts.is_empty()).then_some(chunk));
            }
        }
        self.firsts.clear();
        self.firsts.extend(self.chunks.iter().filter_map(|chunk| chunk.starts.first()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Stored)> {
        self.iter_from(Self::first())
    }

    pub(super) fn iter_from(&self, place: Place) -> impl Iterator<Item = (u32, &Stored)> + Clone {
        let chunks = self.chunks.iter().skip(place.chunk);
        chunks.flat_map(|chunk| chunk.starts.iter().copied().zip(&chunk.blocks)).skip(place.at)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes in memory.
    pub(super) const fn bytes(&self) -> usize {
        self.filter_bytes + self.block_bytes()
    }

    /// Those of them that are not of filters. Chunks are three quarters full, about.
    pub(super) const fn block_bytes(&self) -> usize {
        self.blocks * (size_of::<(u32, Stored)>() * 4 / 3)
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
        assert!(wrong < 3_000, "{wrong} of 40000");
        assert_eq!(filter.bytes(), 304);
        let none = Filter::new(own.iter().copied(), 1 << 40, 1 << 20);
        assert!(none.may_have(7) && none.bytes() == 0, "without room everything may be there");
    }
}
