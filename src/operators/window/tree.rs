//! Merged slices, kept: windows of many slices share most of them with the window before, and merging each anew would
//! cost the window's length every slide. A binary tree of merges over the slices (Tangwongsan, Hirzel, Schneider and
//! Wu, "General Incremental Sliding-Window Aggregation", 2015) leaves a logarithm of it.

use std::collections::BTreeMap;

use super::slice::Slice;
use crate::types::Result;

/// Slices that a window must have for the tree to pay.
const MANY_SLICES: i64 = 8;

/// What a window is merged of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The slice with this end.
    Slice(i64),
    /// The node at this level and place.
    Node(u32, i64),
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

    /// The parts, in order, of which the window behind `start` up to `end` is merged.
    pub(super) fn parts(
        &mut self,
        slices: &BTreeMap<i64, Slice>,
        start: i64,
        end: i64,
        make: &dyn Fn(usize) -> Result<Slice>,
    ) -> Result<Vec<Part>> {
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
            parts.extend(self.part(slices, level, from >> level, make)?);
            let Some(next) = from.checked_add(1 << level) else { break };
            from = next;
        }
        Ok(parts)
    }

    fn part(
        &mut self,
        slices: &BTreeMap<i64, Slice>,
        level: u32,
        place: i64,
        make: &dyn Fn(usize) -> Result<Slice>,
    ) -> Result<Option<Part>> {
        let first = place << level;
        let last = first + ((1 << level) - 1);
        let range =
            first.saturating_mul(self.slice_ms)..=last.saturating_mul(self.slice_ms).saturating_add(self.slice_ms - 1);
        let mut ends = slices.range(range).map(|(&end, _)| end);
        let Some(only) = ends.next() else { return Ok(None) };
        if ends.next().is_none() {
            return Ok(Some(Part::Slice(only)));
        }
        if !self.nodes.contains_key(&(level, place)) {
            let mut children = Vec::with_capacity(2);
            for child in [place * 2, place * 2 + 1] {
                children.extend(self.part(slices, level - 1, child, make)?);
            }
            // All slices may stand in one half, whose node is then this one too.
            if let [child] = children[..] {
                return Ok(Some(child));
            }
            let node = self.merge(slices, &children, make)?;
            self.nodes.insert((level, place), node);
            self.covered = self.covered.max(last);
        }
        Ok(Some(Part::Node(level, place)))
    }

    /// A new slice with everything in `parts`.
    pub(super) fn merge(
        &self,
        slices: &BTreeMap<i64, Slice>,
        parts: &[Part],
        make: &dyn Fn(usize) -> Result<Slice>,
    ) -> Result<Slice> {
        let parts = || parts.iter().filter_map(|part| self.get(slices, *part));
        let mut merged = make(parts().map(|part| part.table.len()).max().unwrap_or(0))?;
        let mut groups = Vec::new();
        for part in parts() {
            merged.merge(part, &mut groups)?;
        }
        Ok(merged)
    }

    pub(super) fn get<'a>(&'a self, slices: &'a BTreeMap<i64, Slice>, part: Part) -> Option<&'a Slice> {
        match part {
            Part::Slice(end) => slices.get(&end),
            Part::Node(level, place) => self.nodes.get(&(level, place)),
        }
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
