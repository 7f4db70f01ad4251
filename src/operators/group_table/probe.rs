//! The hash table proper: words to group numbers.
//!
//! An entry holds the word itself, so that a hit costs one entry's cache line; for integer keys the word *is* the key
//! (mixed by a bijection), and nothing else is compared.

use hashbrown::HashTable;

/// No group: a key that is not there.
pub(super) const NONE: u32 = u32::MAX;

/// Words with their groups. Words must be well mixed: they are their own hashes.
#[derive(Debug)]
pub(super) struct Probe {
    table: HashTable<(u64, u32)>,
}

impl Probe {
    /// A table with room for `groups`.
    pub(super) fn with_capacity(groups: usize) -> Self {
        Self { table: HashTable::with_capacity(groups) }
    }

    /// The group of `word` for which `same` holds, or [`NONE`].
    #[inline]
    pub(super) fn find(&self, word: u64, mut same: impl FnMut(u32) -> bool) -> u32 {
        self.table.find(word, |&(other, group)| other == word && same(group)).map_or(NONE, |&(_, group)| group)
    }

    /// As [`Self::find`]; where there is none, `fresh` gives its number.
    #[inline]
    pub(super) fn find_or_insert(
        &mut self,
        word: u64,
        same: impl FnMut(u32) -> bool,
        fresh: impl FnOnce() -> u32,
    ) -> u32 {
        let found = self.find(word, same);
        if found != NONE {
            return found;
        }
        let group = fresh();
        self.table.insert_unique(word, (word, group), |&(word, _)| word);
        group
    }

    /// Removes `group`, whose word this is.
    pub(super) fn remove(&mut self, word: u64, group: u32) {
        if let Ok(found) = self.table.find_entry(word, |&(_, other)| other == group) {
            found.remove();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::types::key_group::mix;

    #[test]
    fn agrees_with_a_map_through_insertions_and_removals() {
        let mut probe = Probe::with_capacity(0);
        let mut model: BTreeMap<u64, u32> = BTreeMap::new();
        for step in 0..20_000_u64 {
            // Words that share their low bits collide.
            let word = mix(step) % 700 * 8;
            if mix(step + 770_000).is_multiple_of(3) {
                if let Some(group) = model.remove(&word) {
                    probe.remove(word, group);
                }
            } else {
                let number = u32::try_from(step).expect("small");
                let group = probe.find_or_insert(word, |_| true, || number);
                assert_eq!(group, *model.entry(word).or_insert(number));
            }
        }
        for word in (0..700).map(|word| word * 8) {
            assert_eq!(probe.find(word, |_| true), model.get(&word).copied().unwrap_or(NONE));
        }
    }
}
