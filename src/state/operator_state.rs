//! State of operator instances, not of keys, and how it is dealt out when a job is restored.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::types::key_group::groups_of;

/// One state of an operator that belongs to its instances, not to keys (Flink's operator state): a list of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorStateDescriptor {
    /// The state's name within the operator: `offsets`.
    pub name: &'static str,
    /// The rule for which instance is given which entries on restore.
    pub redistribution: Redistribution,
}

/// The rule by which the entries of all instances are dealt out to the instances of a restored job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redistribution {
    /// Each entry goes to one instance, as evenly as can be, neighbours together (Flink's even split): counters, splits.
    Split,
    /// Every entry goes to every instance, which takes what concerns it (Flink's union list): watermarks, positions.
    Union,
    /// Every instance wrote the same, and each is given one copy (Flink's broadcast state): rules.
    Broadcast,
}

/// An entry that belongs to an operator instance, not to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEntry {
    /// The operator state it belongs to; `None` for an output to be committed.
    pub state: Option<String>,
    /// The number of the instance that wrote the entry.
    pub subtask: usize,
    /// In the operator's own encoding.
    pub entry: Vec<u8>,
}

/// An instance of an operator that state is restored for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The number of the instance, from 0.
    pub index: usize,
    /// The number of instances.
    pub parallelism: usize,
    /// The key groups that it owns.
    pub key_groups: Range<u16>,
}

impl Redistribution {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Union => "union",
            Self::Broadcast => "broadcast",
        }
    }
}

impl Instance {
    /// Instance `index` of `parallelism` in a job of so many key groups.
    #[must_use]
    pub fn new(index: usize, parallelism: usize, max_parallelism: u16) -> Self {
        Self { index, parallelism, key_groups: groups_of(index, parallelism, max_parallelism) }
    }
}

impl From<Range<u16>> for Instance {
    /// An only instance that looks at these key groups.
    fn from(key_groups: Range<u16>) -> Self {
        Self { index: 0, parallelism: 1, key_groups }
    }
}

impl OperatorStateDescriptor {
    /// Entries that are divided among the instances.
    #[must_use]
    pub const fn split(name: &'static str) -> Self {
        Self { name, redistribution: Redistribution::Split }
    }

    /// Entries that every instance is given.
    #[must_use]
    pub const fn union(name: &'static str) -> Self {
        Self { name, redistribution: Redistribution::Union }
    }

    /// Entries that are the same in every instance.
    #[must_use]
    pub const fn broadcast(name: &'static str) -> Self {
        Self { name, redistribution: Redistribution::Broadcast }
    }

    /// The part that `instance` is given of an operator's `entries`, which are ordered by the instance that wrote them.
    #[must_use]
    pub fn deal(&self, entries: Vec<OperatorEntry>, instance: &Instance) -> Vec<Vec<u8>> {
        let mut own: Vec<OperatorEntry> =
            entries.into_iter().filter(|entry| entry.state.as_deref() == Some(self.name)).collect();
        let (count, first) = (own.len(), own.first().map(|entry| entry.subtask));
        match self.redistribution {
            Redistribution::Union => {}
            Redistribution::Broadcast => own.retain(|entry| Some(entry.subtask) == first),
            Redistribution::Split => {
                let mut position = 0;
                own.retain(|_| {
                    position += 1;
                    (position - 1) * instance.parallelism / count == instance.index
                });
            }
        }
        own.into_iter().map(|entry| entry.entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `each[i]` entries of instance i, the bytes of which say which.
    fn entries(each: &[u8]) -> Vec<OperatorEntry> {
        let of = |state: &str, subtask: usize, entry| OperatorEntry { state: Some(state.into()), subtask, entry };
        let instances = each.iter().enumerate();
        instances
            .flat_map(|(subtask, &count)| {
                let writer = u8::try_from(subtask).expect("few");
                let own = (0..count).map(move |at| of("it", subtask, vec![writer, at]));
                own.chain([of("other", subtask, vec![255])])
            })
            .collect()
    }

    fn dealt(state: OperatorStateDescriptor, each: &[u8], parallelism: usize) -> Vec<Vec<Vec<u8>>> {
        (0..parallelism).map(|index| state.deal(entries(each), &Instance::new(index, parallelism, 128))).collect()
    }

    #[test]
    fn a_split_gives_each_entry_once_evenly_and_in_order() {
        let split = OperatorStateDescriptor::split("it");
        for each in [&[1, 1, 1][..], &[3, 0, 1, 2], &[7], &[0, 0]] {
            for parallelism in 1..6 {
                let dealt = dealt(split, each, parallelism);
                let sizes: Vec<usize> = dealt.iter().map(Vec::len).collect();
                assert!(sizes.iter().max().unwrap_or(&0) - sizes.iter().min().unwrap_or(&0) <= 1, "{sizes:?}");
                let union = OperatorStateDescriptor::union("it").deal(entries(each), &Instance::new(0, 1, 128));
                assert_eq!(dealt.concat(), union, "{each:?} to {parallelism}");
            }
        }
        // With as many instances as before and as much of each, everybody has its own back.
        assert_eq!(dealt(split, &[1, 1, 1], 3), [vec![vec![0, 0]], vec![vec![1, 0]], vec![vec![2, 0]]]);
        assert_eq!(dealt(split, &[2, 2], 2), [vec![vec![0, 0], vec![0, 1]], vec![vec![1, 0], vec![1, 1]]]);
    }

    #[test]
    fn a_union_gives_all_to_all_and_a_broadcast_one_copy_to_each() {
        for parallelism in 1..4 {
            for own in dealt(OperatorStateDescriptor::union("it"), &[1, 0, 2], parallelism) {
                assert_eq!(own, [[0, 0], [2, 0], [2, 1]]);
            }
            for own in dealt(OperatorStateDescriptor::broadcast("it"), &[0, 2, 2], parallelism) {
                assert_eq!(own, [[1, 0], [1, 1]]);
            }
        }
    }
}
