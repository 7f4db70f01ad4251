//! The hash table proper: words to group numbers.
//!
//! Open addressing, linear probing, at most five eighths full. An entry holds the word itself, so that a hit mostly costs
//! one cache line; for integer keys the word *is* the key (mixed by a bijection), and nothing else is compared.

/// No group: a key that is not there, and a slot that is empty.
pub(super) const NONE: u32 = u32::MAX;

const EMPTY: Slot = Slot { word: 0, group: NONE };
const SLOTS_MIN: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Slot {
    word: u64,
    group: u32,
}

/// Words with their groups. Words must be well mixed: they are their own hashes. Their lower bits are used, as the upper
/// ones choose the subtask.
#[derive(Debug)]
pub(super) struct Probe {
    /// A power of two of them.
    slots: Vec<Slot>,
    filled: usize,
}

impl Probe {
    /// A table with room for `groups`.
    pub(super) fn with_capacity(groups: usize) -> Self {
        let slots = (groups * 2).next_power_of_two().max(SLOTS_MIN);
        Self { slots: vec![EMPTY; slots], filled: 0 }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are what is used")]
    const fn home(word: u64) -> usize {
        word as usize
    }

    /// The group of `word` for which `same` holds, or [`NONE`].
    #[inline]
    pub(super) fn find(&self, word: u64, mut same: impl FnMut(u32) -> bool) -> u32 {
        let mut at = Self::home(word);
        loop {
            let slot = &self.slots[at & (self.slots.len() - 1)];
            if slot.group == NONE || slot.word == word && same(slot.group) {
                return slot.group;
            }
            at = at.wrapping_add(1);
        }
    }

    /// The group of `word`, or [`NONE`], and where it was found or is to be [put](Self::put).
    #[inline]
    pub(super) fn look(&self, word: u64) -> (u32, usize) {
        let mask = self.slots.len() - 1;
        let mut at = Self::home(word) & mask;
        loop {
            let slot = &self.slots[at];
            if slot.word == word || slot.group == NONE {
                return (slot.group, at);
            }
            at = (at + 1) & mask;
        }
    }

    /// Enters `group` at the place at which [`look`](Self::look) has just missed `word`.
    #[inline]
    pub(super) fn put(&mut self, at: usize, word: u64, group: u32) {
        self.slots[at] = Slot { word, group };
        self.filled += 1;
        if self.filled * 8 > self.slots.len() * 5 {
            self.grow();
        }
    }

    /// Enters `group` under a word under which it, or the same, is not there yet.
    pub(super) fn insert(&mut self, word: u64, group: u32) {
        let mask = self.slots.len() - 1;
        let mut at = Self::home(word) & mask;
        while self.slots[at].group != NONE {
            at = (at + 1) & mask;
        }
        self.put(at, word, group);
    }

    #[cold]
    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        for slot in &old {
            if slot.group != NONE {
                let mut at = Self::home(slot.word) & (slots - 1);
                while self.slots[at].group != NONE {
                    at = (at + 1) & (slots - 1);
                }
                self.slots[at] = *slot;
            }
        }
    }

    /// Removes `group`, whose word this is.
    pub(super) fn remove(&mut self, word: u64, group: u32) {
        let mask = self.slots.len() - 1;
        let mut hole = Self::home(word) & mask;
        while self.slots[hole].group != group {
            if self.slots[hole].group == NONE {
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.filled -= 1;
        // Those behind it move up, unless that took them in front of where they are looked for first.
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.group == NONE {
                break;
            }
            let wanted = Self::home(slot.word) & mask;
            if at.wrapping_sub(wanted) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = EMPTY;
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
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
                let (mut group, place) = probe.look(word);
                assert_eq!(group, probe.find(word, |_| true));
                if group == NONE {
                    probe.put(place, word, number);
                    group = number;
                }
                assert_eq!(group, *model.entry(word).or_insert(number));
            }
        }
        for word in (0..700).map(|word| word * 8) {
            assert_eq!(probe.find(word, |_| true), model.get(&word).copied().unwrap_or(NONE));
        }
    }
}
