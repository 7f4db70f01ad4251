//! The places of blocks in the file: a log in segments.
//!
//! Blocks that are put together are written one behind the other, in one call. What they replace leaves holes; a segment
//! in which no block counts any more is used again, and blocks of a segment that is mostly holes are moved. M. Rosenblum
//! and J. Ousterhout, "The Design and Implementation of a Log-Structured File System", 1992.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};

use crate::types::{Error, io_reason};

/// Bytes of a segment.
const SEGMENT: u64 = 64 << 10;
/// Bytes of which a block begins at a multiple.
const UNIT: u64 = 64;

/// A place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// In units.
    at: u32,
    /// Bytes that are used.
    pub(super) bytes: u32,
}

impl Extent {
    /// Bytes before it.
    pub(super) const fn offset(self) -> u64 {
        self.at as u64 * UNIT
    }

    /// Bytes before what is behind it.
    pub(super) fn end(self) -> u64 {
        self.offset() + u64::from(self.bytes)
    }

    /// Bytes that are held.
    pub(super) fn held(self) -> u64 {
        u64::from(self.bytes).next_multiple_of(UNIT)
    }

    /// The segments that it lies in.
    fn segments(self) -> std::ops::Range<u64> {
        self.offset() / SEGMENT..(self.offset() + self.held()).div_ceil(SEGMENT)
    }
}

/// Held by whoever reads the file as it was at a time.
pub(super) type Lease = Arc<()>;

/// Deals out places, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The place for the next block, and the end of what is free behind it.
    next: u64,
    end: u64,
    /// Bytes of each segment that are in use.
    used: Vec<u64>,
    used_bytes: u64,
    free: BTreeSet<u64>,
    /// Segments that are free once a lease is over and all before it.
    leased: VecDeque<(Weak<()>, Vec<u64>)>,
    waiting: u64,
}

impl Log {
    /// A place for `bytes`, behind that which was taken before if there is room; `None` when the file would be larger than
    /// 256 GiB, or the block than 4 GiB.
    pub(super) fn take(&mut self, bytes: usize) -> Option<Extent> {
        let bytes = u32::try_from(bytes).ok()?;
        let held = u64::from(bytes).next_multiple_of(UNIT);
        if self.end - self.next < held {
            self.begin(held.div_ceil(SEGMENT));
        }
        let extent = Extent { at: u32::try_from(self.next / UNIT).ok()?, bytes };
        self.next += held;
        self.count(extent, u64::wrapping_add);
        Some(extent)
    }

    /// Gives a place back.
    pub(super) fn give(&mut self, extent: Extent) {
        self.count(extent, u64::wrapping_sub);
        for segment in extent.segments() {
            if self.used[index(segment)] == 0 && !self.is_open(segment) {
                self.put_free(segment);
            }
        }
    }

    /// What is in the file now stays there until the lease, and all before it, are dropped.
    pub(super) fn lease(&mut self) -> Lease {
        let lease = Lease::default();
        self.leased.push_back((Arc::downgrade(&lease), Vec::new()));
        lease
    }

    /// Bytes of the file.
    pub(super) const fn file_bytes(&self) -> u64 {
        self.used.len() as u64 * SEGMENT
    }

    /// Whether the holes between blocks are more than the blocks.
    pub(super) fn is_wasteful(&self) -> bool {
        let free = (self.free.len() as u64 + self.waiting) * SEGMENT + (self.end - self.next);
        self.file_bytes() - free > 2 * self.used_bytes + SEGMENT
    }

    /// Whether a place lies in a segment that is mostly holes.
    pub(super) fn is_lonely(&self, extent: Extent) -> bool {
        let mut segments = extent.segments();
        segments.all(|segment| self.used[index(segment)] * 2 < SEGMENT && !self.is_open(segment))
    }

    /// Begins so many segments.
    fn begin(&mut self, count: u64) {
        while let Some((_, freed)) = self.leased.pop_front_if(|(lease, _)| lease.strong_count() == 0) {
            self.waiting -= freed.len() as u64;
            self.free.extend(freed);
        }
        let left = (self.next < self.end).then(|| (self.end - 1) / SEGMENT);
        self.end = self.next;
        if let Some(segment) = left.filter(|&segment| self.used[index(segment)] == 0) {
            self.put_free(segment);
        }
        let mut run = 0..0;
        for &segment in &self.free {
            run = if segment == run.end { run.start..segment + 1 } else { segment..segment + 1 };
            if run.end - run.start == count {
                break;
            }
        }
        if run.end - run.start < count {
            // The last segments of the file are a beginning.
            let start = if run.end == self.used.len() as u64 { run.start } else { self.used.len() as u64 };
            run = start..start + count;
            self.used.resize(index(run.end), 0);
        }
        for segment in run.clone() {
            self.free.remove(&segment);
        }
        (self.next, self.end) = (run.start * SEGMENT, run.end * SEGMENT);
    }

    /// Whether there is a place yet to be taken in a segment.
    const fn is_open(&self, segment: u64) -> bool {
        self.next < self.end && (self.end - 1) / SEGMENT == segment
    }

    fn count(&mut self, extent: Extent, sum: impl Fn(u64, u64) -> u64) {
        let (from, to) = (extent.offset(), extent.offset() + extent.held());
        for segment in extent.segments() {
            let within = to.min((segment + 1) * SEGMENT) - from.max(segment * SEGMENT);
            let used = &mut self.used[index(segment)];
            *used = sum(*used, within);
        }
        self.used_bytes = sum(self.used_bytes, to - from);
    }

    fn put_free(&mut self, segment: u64) {
        if let Some((_, waiting)) = self.leased.back_mut() {
            waiting.push(segment);
            self.waiting += 1;
        } else {
            self.free.insert(segment);
        }
    }
}

/// Segments are numbered by 32 bits.
fn index(segment: u64) -> usize {
    usize::try_from(segment).unwrap_or(usize::MAX)
}

/// The error of a working file in `directory`.
pub(super) fn failed(directory: &Path, error: &io::Error) -> Error {
    let place = directory.display();
    Error::state(format!("state that does not fit into memory can't be kept in {place}: {}", io_reason(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::key_group::mix;

    #[test]
    fn places_follow_each_other_and_segments_are_used_again_but_not_while_they_are_read() {
        let mut log = Log::default();
        let half = usize::try_from(SEGMENT / 2).expect("small");
        let (one, two) = (log.take(half).expect("room"), log.take(half - 1).expect("room"));
        assert_eq!((one.offset(), two.offset()), (0, SEGMENT / 2));
        log.give(one);
        let three = log.take(100).expect("room");
        assert_eq!(three.offset(), SEGMENT, "one block is left of the first segment");
        log.give(two);
        let large = log.take(3 * half).expect("room");
        assert_eq!(large.offset(), 2 * SEGMENT, "one behind the other, and one is not enough");
        assert_eq!(log.take(2 * half).map(Extent::offset), Some(0));
        let (first, second) = (log.lease(), log.lease());
        log.give(large);
        drop(second);
        assert_eq!(log.take(4 * half).map(Extent::offset), Some(4 * SEGMENT), "the first reads it yet");
        drop(first);
        assert_eq!(log.take(3 * half).map(Extent::offset), Some(2 * SEGMENT));
        assert_eq!(log.file_bytes(), 6 * SEGMENT);
    }

    #[test]
    fn no_two_places_meet_and_holes_are_known() {
        let mut log = Log::default();
        let mut held: Vec<Extent> = Vec::new();
        let mut leases = VecDeque::new();
        for step in 0..20_000_u64 {
            let random = mix(step);
            if random % 100 < 52 || held.is_empty() {
                let bytes = if random.is_multiple_of(37) { 300_000 } else { 5_000 };
                let bytes = usize::try_from((random >> 20) % bytes + 1).expect("small");
                let extent = log.take(bytes).expect("room");
                if step % 50 == 0 {
                    let ends = |at: &Extent| (at.offset(), at.offset() + u64::from(at.bytes));
                    let (from, to) = ends(&extent);
                    assert!(held.iter().map(ends).all(|(start, end)| end <= from || to <= start), "step {step}");
                }
                held.push(extent);
            } else {
                let at = usize::try_from(random >> 20).expect("64 bits") % held.len();
                log.give(held.swap_remove(at));
            }
            if random.is_multiple_of(101) {
                leases.push_back(log.lease());
            }
            if random.is_multiple_of(97) {
                leases.pop_front();
            }
            assert_eq!(log.used_bytes, held.iter().map(|extent| extent.held()).sum::<u64>());
        }
        leases.clear();
        held.drain(..).for_each(|extent| log.give(extent));
        log.begin(1);
        assert_eq!((log.free.len() + 1, log.waiting, log.used_bytes), (log.used.len(), 0, 0));
    }
}
