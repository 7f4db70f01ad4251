//! The checkpoints that a checkpoint consists of.

use serde::{Deserialize, Serialize};

/// A set of checkpoint ids as ascending, disjoint, inclusive ranges: a checkpoint and its ancestors. One range, and one
/// more for every time the job went back to an older checkpoint and on from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Lineage(Vec<(u64, u64)>);

impl Lineage {
    /// A checkpoint without ancestors.
    pub(super) fn root(id: u64) -> Self {
        Self(vec![(id, id)])
    }

    /// A child of this checkpoint. `newest` is the last checkpoint written before it, whoever's: with nothing of others
    /// in between, the range is only made longer.
    pub(super) fn child(&self, id: u64, newest: u64) -> Self {
        let mut ranges = self.0.clone();
        match ranges.last_mut() {
            Some((_, end)) if *end == newest => *end = id,
            _ => ranges.push((id, id)),
        }
        Self(ranges)
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= id);
        after > 0 && self.0[after - 1].1 >= id
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The greatest id.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, end)| *end)
    }

    /// The ids that both have.
    pub(super) fn intersect(&self, other: &Self) -> Self {
        let (mut i, mut j) = (0, 0);
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (self.0.get(i), other.0.get(j)) {
            let (start, end) = (a.0.max(b.0), a.1.min(b.1));
            if start <= end {
                both.push((start, end));
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        Self(both)
    }

    /// The ids that `other` lacks.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(mut start, end) in &self.0 {
            for &(from, to) in &other.0 {
                if to < start || from > end {
                    continue;
                }
                if from > start {
                    left.push((start, from - 1));
                }
                start = start.max(to.saturating_add(1));
            }
            if start <= end {
                left.push((start, end));
            }
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(lineage: &Lineage) -> BTreeSet<u64> {
        (0..64).filter(|id| lineage.contains(*id)).collect()
    }

    #[test]
    fn going_back_leaves_out_what_came_between() {
        let seven = (2..=7).fold(Lineage::root(1), |parent, id| parent.child(id, id - 1));
        assert_eq!(seven.0, [(1, 7)]);
        let ten = seven.child(10, 9).child(11, 10);
        assert_eq!(ten.0, [(1, 7), (10, 11)]);
        assert!(!ten.contains(8) && !ten.contains(12) && ten.contains(11));
        // Numbers given to checkpoints that failed never existed, so no gap is kept for them.
        assert_eq!(ten.child(15, 11).0, [(1, 7), (10, 15)]);
    }

    #[test]
    fn set_operations_agree_with_plain_sets() {
        let mut seed = 7_u64;
        let mut next = |bound: u64| {
            seed = crate::types::key_group::mix(seed);
            seed % bound
        };
        for _ in 0..2_000 {
            let mut random = || {
                let (mut ranges, mut at) = (Vec::new(), 0);
                for _ in 0..next(5) {
                    let start = at + next(6);
                    let end = start + next(6);
                    ranges.push((start, end));
                    at = end + 2;
                }
                Lineage(ranges)
            };
            let (a, b) = (random(), random());
            assert_eq!(ids(&a.intersect(&b)), ids(&a).intersection(&ids(&b)).copied().collect(), "{a:?} {b:?}");
            assert_eq!(ids(&a.without(&b)), ids(&a).difference(&ids(&b)).copied().collect(), "{a:?} {b:?}");
            assert_eq!(a.without(&b).is_empty(), ids(&a).is_subset(&ids(&b)));
        }
    }
}
