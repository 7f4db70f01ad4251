//! The merge of several slices of a window: whole windows, some groups a call, and single keys.

use std::ops::Bound::{Excluded, Included};

use arrow_array::ArrayRef;

use super::super::slice::Slice;
use super::super::tree::{Merging, Missing, Part, Window};
use super::WindowAggregateOperator;
use crate::operators::group_table::NO_GROUP;
use crate::operators::rows::index;
use crate::types::{Error, Result};

impl WindowAggregateOperator {
    /// The window that ends at `end`; `None` when this call has merged as many groups as it may, and the next goes on. No row
    /// comes into these slices meanwhile.
    pub(super) fn merge(&mut self, end: i64) -> Result<Option<Window>> {
        let start = self.assigner.window_start(end);
        loop {
            let mut merging = match self.merging.take() {
                Some(merging) => merging,
                None => match self.parts(start, end) {
                    Ok(parts) if parts.len() > 1 => self.begin_merge(None, parts)?,
                    Ok(parts) => {
                        let only = parts.first().map_or(Part::Slice(end), |only| *only);
                        return Ok(Some(Window::Part(only)));
                    }
                    Err(Missing { level, place, children }) => self.begin_merge(Some((level, place)), children)?,
                },
            };
            if !self.merge_some(&mut merging)? {
                self.merging = Some(merging);
                return Ok(None);
            }
            match (merging.node, &mut self.tree) {
                (Some((level, place)), Some(tree)) => tree.keep(level, place, *merging.merged),
                _ => return Ok(Some(Window::Merged(merging.merged))),
            }
        }
    }

    fn parts(&self, start: i64, end: i64) -> Result<Vec<Part>, Missing> {
        if let Some(tree) = &self.tree {
            return tree.parts(&self.slices, start, end);
        }
        let slices = self.slices.range((Excluded(start), Included(end)));
        Ok(slices.map(|(&slice_end, _)| Part::Slice(slice_end)).collect())
    }

    fn begin_merge(&self, node: Option<(u32, i64)>, parts: Vec<Part>) -> Result<Merging> {
        let mut groups = 0;
        for part in &parts {
            groups = groups.max(self.slice_at(*part)?.table.len());
        }
        // Where there is no tree the parts are few, and their keys mostly not the same: so the table need not grow.
        let room = if self.tree.is_some() { groups } else { groups * 2 };
        let mut merged = Box::new(self.empty_slice(None, room)?);
        for accumulator in &mut merged.accumulators {
            accumulator.resize(groups);
        }
        Ok(Merging { node, parts, part: 0, at: 0, merged, groups: Vec::new() })
    }

    /// Merges as many groups as this call still may; whether they were the last.
    fn merge_some(&mut self, merging: &mut Merging) -> Result<bool> {
        while let Some(part) = merging.parts.get(merging.part) {
            let other = self.slice_at(*part)?;
            // A part that stands has lost no group, so their numbers have no gaps.
            let all = index(other.table.numbers());
            let next = all.min(merging.at.saturating_add(index(self.to_merge)));
            merging.merged.merge(other, merging.at..next, &mut merging.groups)?;
            self.to_merge -= (next - merging.at) as usize;
            if next < all {
                merging.at = next;
                return Ok(false);
            }
            (merging.part, merging.at) = (merging.part + 1, 0);
        }
        Ok(true)
    }

    /// The slice that [`Self::merge`] has found.
    pub(super) fn slice_of<'a>(&'a self, window: &'a Window) -> Result<&'a Slice> {
        match window {
            Window::Merged(merged) => Ok(merged),
            Window::Part(part) => self.slice_at(*part),
        }
    }

    fn slice_at(&self, part: Part) -> Result<&Slice> {
        let found = match part {
            Part::Slice(end) => self.slices.get(&end),
            Part::Node(level, place) => self.tree.as_ref().and_then(|tree| tree.node(level, place)),
        };
        found.ok_or_else(|| Error::state("a window that fires has lost its slice"))
    }

    /// These keys' state in all slices of a window, their groups numbered in order.
    pub(super) fn merged(&mut self, start: i64, end: i64, keys: &[ArrayRef], rows: usize) -> Result<Slice> {
        let mut merged = self.empty_slice(None, rows)?;
        let mut groups = Vec::new();
        merged.table.intern(keys, rows, &mut groups)?;
        for accumulator in &mut merged.accumulators {
            accumulator.resize(rows);
        }
        for (_, slice) in self.slices.range_mut((Excluded(start), Included(end))) {
            slice.table.find(keys, rows, &mut groups)?;
            let found = (0_u32..).zip(&groups).filter(|(_, group)| **group != NO_GROUP);
            let (into, from): (Vec<u32>, Vec<u32>) = found.map(|(row, &group)| (row, group)).unzip();
            if into.is_empty() {
                continue;
            }
            for (accumulator, of_slice) in merged.accumulators.iter_mut().zip(&slice.accumulators) {
                accumulator.merge(&into, &of_slice.state(&from)?)?;
            }
        }
        Ok(merged)
    }
}
