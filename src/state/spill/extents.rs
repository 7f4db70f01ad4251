//! The places of blocks in the file.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};

use crate::types::{Error, io_reason};

/// Bytes of a unit.
const UNIT: usize = 512;

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
        self.at as u64 * UNIT as u64
    }
}

/// Held by whoever reads the file as it was at a time.
pub(super) type Lease = Arc<()>;

/// Deals out places, each a little larger than what is put there, so that it fits others when it is given back.
#[derive(Debug, Default)]
pub(super) struct Extents {
    /// Units of the file.
    end: u32,
    /// The places that are free, by size in units.
    free: BTreeMap<u32, Vec<u32>>,
    /// Those that are free once a lease is over and all before it.
    leased: VecDeque<(Weak<()>, Vec<Extent>)>,
}

impl Extents {
    /// A place for `bytes`; `None` when the file would be larger than 2 TiB, or the block than 4 GiB.
    pub(super) fn take(&mut self, bytes: usize) -> Option<Extent> {
        self.end_leases();
        let units = size(bytes)?;
        let at = if let Some(at) = self.free.get_mut(&units).and_then(Vec::pop) {
            at
        } else {
            let at = self.end;
            self.end = at.checked_add(units)?;
            at
        };
        Some(Extent { at, bytes: u32::try_from(bytes).ok()? })
    }

    /// Gives a place back.
    pub(super) fn give(&mut self, extent: Extent) {
        match self.leased.back_mut() {
            Some((_, waiting)) => waiting.push(extent),
            None => self.put_free(extent),
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
        self.end as u64 * UNIT as u64
    }

    fn end_leases(&mut self) {
        while let Some((_, waiting)) = self.leased.pop_front_if(|(lease, _)| lease.strong_count() == 0) {
            for extent in waiting {
                self.put_free(extent);
            }
        }
    }

    fn put_free(&mut self, extent: Extent) {
        if let Some(units) = size(extent.bytes as usize) {
            self.free.entry(units).or_default().push(extent.at);
        }
    }
}

/// Units for so many bytes: one of eight sizes between a power of two and the next.
fn size(bytes: usize) -> Option<u32> {
    let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?.max(1);
    let step = (units.checked_next_power_of_two()? / 16).max(1);
    Some(units.div_ceil(step) * step)
}

/// The error of a working file in `directory`.
pub(super) fn failed(directory: &Path, error: &io::Error) -> Error {
    let place = directory.display();
    Error::state(format!("state that does not fit into memory can't be kept in {place}: {}", io_reason(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_but_not_while_they_are_read() {
        let mut extents = Extents::default();
        let (one, two) = (extents.take(5_000).expect("room"), extents.take(5_100).expect("room"));
        assert!(one.offset() + 5_000 <= two.offset());
        extents.give(one);
        assert_eq!(extents.take(4_700).map(Extent::offset), Some(one.offset()), "one of its size");
        let (first, second) = (extents.lease(), extents.lease());
        extents.give(two);
        drop(second);
        assert_ne!(extents.take(5_000).map(Extent::offset), Some(two.offset()), "the first reads it yet");
        drop(first);
        assert_eq!(extents.take(5_000).map(Extent::offset), Some(two.offset()));
        assert_eq!(extents.file_bytes(), 3 * 5_120);
    }

    #[test]
    fn sizes_waste_little() {
        for bytes in (1..70_000).step_by(13) {
            let held = size(bytes).expect("fits") as usize * UNIT;
            assert!(held >= bytes && held <= bytes + bytes / 7 + UNIT, "{bytes}: {held}");
        }
    }
}
