//! Merged slices, kept: windows of many slices share most of them with the window before, and merging each anew would
//! cost the window's length every slide. A binary tree of merges over the slices (Tangwongsan, Hirzel, Schneider and
//! Wu, "General Incremental Sliding-Window Aggregation", 2015) leaves a logarithm of it.

use std::collections::BTreeMap;

use super::slice::Slice;

/// Slices that a window must have for the tree to pay.
const MANY_SLICES: i64 = 8;

/// The part that a window is merged of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The slice with this end.
    Slice(i64),
    /// The node at this level and place.
    Node(u32, i64),
}

/// A window that fires, all of its slices in one.
pub(super) enum Window {
    Part(Part),
    Merged(Box<Slice>),
}

/// A merge of several parts that is under way.
pub(super) struct Merging {
    /// The node of the tree that it becomes, level and place; else it is a window.
    pub(super) node: Option<(u32, i64)>,
    pub(super) parts: Vec<Part>,
    /// The number of parts that are merged whole, and of groups of the next.
    pub(super) part: usize,
    pub(super) at: u32,
    pub(super) merged: Box<Slice>,
    pub(super) groups: Vec<u32>,
}

/// A node that is still to be made, of children that are there.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) level: u32,
    pub(super) place: i64,
    pub(super) children: Vec<Part>,
}

/// The tree. A node at level `l` and place `i` is the merge of the slices `i << l .. (i + 1) << l`, counted by their
/// ends. It is made when a window first needs it and forgotten when one of its slices changes or goes.
pub(super) struct MergeTree {
    slice_ms: i64,
    levels: u32,
    nodes: BTreeMap<(u32, i64), Slice>,
    /// The last slice that some node covers: rows of later slices, nearly all, change no node.
    covered: i64,
}

impl MergeTree {
    /// A tree for windows of `size_ms`, or none where they have too few slices for it.
    pub(super) fn new(slice_ms: i64, size_ms: i64) -> Option<Self> {
        let slices = size_ms / slice_ms;
        let levels = slices.max(1).ilog2();
        (slices >= MANY_SLICES).then(|| Self { slice_ms, levels, nodes: BTreeMap::new(), covered: i64::MIN })
    }

    /// The parts, in order, of which the window behind `start` up to `end` is merged, or the first node that has to be made
    /// for it.
    pub(super) fn parts(&self, slices: &BTreeMap<i64, Slice>, start: i64, end: i64) -> Result<Vec<Part>, Missing> {
        let mut from = self.place(start);
        if start > i64::MIN {
            from += 1;
        }
        let last = self.place(end);
        let mut parts = Vec::new();
        while from <= last {
            // The largest node that begins here and does not reach beyond the end.
            let left = last.saturating_sub(from).saturating_add(1);
            let level = from.trailing_zeros().min(left.ilog2()).min(self.levels);
            parts.extend(self.part(slices, level, from >> level)?);
            let Some(next) = from.checked_add(1 << level) else { break };
            from = next;
        }
        Ok(parts)
    }

    fn part(&self, slices: &BTreeMap<i64, Slice>, level: u32, place: i64) -> Result<Option<Part>, Missing> {
        if self.nodes.contains_key(&(level, place)) {
            return Ok(Some(Part::Node(level, place)));
        }
        let (first, last) = (place << level, last_of(level, place));
        let range =
            first.saturating_mul(self.slice_ms)..=last.saturating_mul(self.slice_ms).saturating_add(self.slice_ms - 1);
        let mut ends = slices.range(range).map(|(&end, _)| end);
        let Some(only) = ends.next() else { return Ok(None) };
        if ends.next().is_none() {
            return Ok(Some(Part::Slice(only)));
        }
        let mut children = Vec::with_capacity(2);
        for child in [place * 2, place * 2 + 1] {
            children.extend(self.part(slices, level - 1, child)?);
        }
        // All slices may stand in one half, whose node is then this one too.
        match children[..] {
            [child] => Ok(Some(child)),
            _ => Err(Missing { level, place, children }),
        }
    }

    /// Keeps a node that was made.
    pub(super) fn keep(&mut self, level: u32, place: i64, node: Slice) {
        self.nodes.insert((level, place), node);
        self.covered = self.covered.max(last_of(level, place));
    }

    pub(super) fn node(&self, level: u32, place: i64) -> Option<&Slice> {
        self.nodes.get(&(level, place))
    }

    /// The slice that ends at `slice_end` has changed or is gone.
    pub(super) fn forget(&mut self, slice_end: i64) {
        let place = self.place(slice_end);
        if place > self.covered {
            return;
        }
        for level in 1..=self.levels {
            self.nodes.remove(&(level, place >> level));
        }
    }

    const fn place(&self, slice_end: i64) -> i64 {
        slice_end.div_euclid(self.slice_ms)
    }

    pub(super) fn bytes(&self) -> usize {
        self.nodes.values().map(Slice::bytes).sum()
    }
}

/// The last slice of a node.
const fn last_of(level: u32, place: i64) -> i64 {
    (place << level) + ((1 << level) - 1)
}
