//! The hash table proper: words to group numbers.
//!
//! Open addressing, linear probing, at most five eighths full. An entry holds the word itself, the hash of the key, so that
//! other keys are hardly ever compared.
//!
//! A word's place is its product with 2⁶⁴ / φ, the upper bits (D. Knuth, "The Art of Computer Programming", vol. 3,
//! 6.4): numbers that follow each other, which most integer keys are, hardly ever meet. Some distances between keys are
//! bad for it; a table that sees an entry land far from its place mixes its words from then on.

use crate::types::key_group::mix;

/// No group: a key that is not there, and a slot that is empty.
pub(super) const NONE: u32 = u32::MAX;

const EMPTY: Slot = Slot { word: 0, group: NONE };
pub(super) const SLOTS_MIN: usize = 16;
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// The distance from its place at which an entry may land before words are mixed.
pub(super) const FAR: usize = 12;

#[derive(Debug, Clone, Copy)]
struct Slot {
    word: u64,
    group: u32,
}

/// Words with their groups.
#[derive(Debug)]
pub(super) struct Probe {
    /// A power of two of them.
    slots: Vec<Slot>,
    filled: usize,
    /// The shift that leaves as many upper bits as number the slots.
    shift: u32,
    mixed: bool,
}

impl Probe {
    /// A table with room for `groups`.
    pub(super) fn with_capacity(groups: usize) -> Self {
        let slots = (groups * 2).next_power_of_two().max(SLOTS_MIN);
        Self { slots: vec![EMPTY; slots], filled: 0, shift: shift_of(slots), mixed: false }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "shifted down to the number of slots")]
    const fn home(&self, word: u64) -> usize {
        let word = if self.mixed { mix(word) } else { word };
        (word.wrapping_mul(GOLDEN) >> self.shift) as usize
    }

    /// The group of `word` for which `same` holds, or [`NONE`].
    #[inline]
    pub(super) fn find(&self, word: u64, mut same: impl FnMut(u32) -> bool) -> u32 {
        let mut at = self.home(word);
        loop {
            let slot = &self.slots[at & (self.slots.len() - 1)];
            if slot.group == NONE || slot.word == word && same(slot.group) {
                return slot.group;
            }
            at += 1;
        }
    }

    /// Enters `group` under a word under which it, or the same, is not there yet.
    pub(super) fn insert(&mut self, word: u64, group: u32) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(word) & mask;
        while self.slots[at].group != NONE {
            at = (at + 1) & mask;
        }
        self.slots[at] = Slot { word, group };
        self.filled += 1;
        if self.filled * 8 > self.slots.len() * 5 {
            self.rebuild(self.slots.len() * 2);
        } else if at.wrapping_sub(self.home(word)) & mask > FAR && !self.mixed {
            self.mixed = true;
            self.rebuild(self.slots.len());
        }
    }

    #[cold]
    fn rebuild(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        self.shift = shift_of(slots);
        for slot in old {
            if slot.group != NONE {
                let mut at = self.home(slot.word);
                while self.slots[at].group != NONE {
                    at = (at + 1) & (slots - 1);
                }
                self.slots[at] = slot;
            }
        }
    }

    /// Removes `group`, whose word this is.
    pub(super) fn remove(&mut self, word: u64, group: u32) {
        let mask = self.slots.len() - 1;
        let mut hole = self.home(word);
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
            let wanted = self.home(slot.word);
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

pub(super) const fn shift_of(slots: usize) -> u32 {
    u64::BITS - slots.trailing_zeros()
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
                let mut group = probe.find(word, |_| true);
                if group == NONE {
                    probe.insert(word, number);
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
