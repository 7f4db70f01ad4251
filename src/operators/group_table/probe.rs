//! The hash table proper: words to group numbers.
//!
//! Open addressing, linear probing, at most five eighths full. An entry holds the word itself, so that a hit mostly costs
//! one cache line; for integer keys the word *is* the key, and nothing else is compared.
//!
//! A word's place is its product with 2⁶⁴ / φ, the upper bits (D. Knuth, "The Art of Computer Programming", vol. 3,
//! 6.4): numbers that follow each other, which most integer keys are, hardly ever meet. Some distances between keys are
//! bad for it; a table that sees an entry land far from its place mixes its words from then on.

use crate::types::key_group::mix;

/// No group: a key that is not there, and a slot that is empty.
pub(super) const NONE: u32 = u32::MAX;

const EMPTY: Slot = Slot { word: 0, group: NONE };
const SLOTS_MIN: usize = 16;
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// The distance from its place at which an entry may land before words are mixed.
const FAR: usize = 12;

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

    /// The group of `word`, or [`NONE`], and where it was found or is to be [put](Self::put).
    #[inline]
    pub(super) fn look(&self, word: u64) -> (u32, usize) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(word) & mask;
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
        let mask = self.slots.len() - 1;
        if self.filled * 8 > self.slots.len() * 5 {
            self.rebuild(self.slots.len() * 2);
        } else if at.wrapping_sub(self.home(word)) & mask > FAR && !self.mixed {
            self.mixed = true;
            self.rebuild(self.slots.len());
        }
    }

    /// Enters `group` under a word under which it, or the same, is not there yet.
    pub(super) fn insert(&mut self, word: u64, group: u32) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(word) & mask;
        while self.slots[at].group != NONE {
            at = (at + 1) & mask;
        }
        self.put(at, word, group);
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

const fn shift_of(slots: usize) -> u32 {
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

    #[test]
    fn keys_at_any_distance_are_found_soon() {
        // Unmixed, those at the second and third would crowd around few places.
        for distance in [1, 15_005, 701_408_733, 1 << 16, 1 << 40, 86_400_000, 7_477] {
            let mut probe = Probe::with_capacity(0);
            let words = (0..50_000_u64).map(|number| number.wrapping_mul(distance));
            for (group, word) in (0..).zip(words.clone()) {
                let (found, place) = probe.look(word);
                assert_eq!(found, NONE);
                probe.put(place, word, group);
            }
            let mask = probe.slots.len() - 1;
            let steps = words.map(|word| probe.look(word).1.wrapping_sub(probe.home(word)) & mask);
            let (sum, longest) = steps.fold((0, 0), |(sum, longest), steps| (sum + steps, steps.max(longest)));
            assert!(sum / 50_000 < FAR / 2 + 1, "{distance}: {sum}");
            assert!(probe.mixed || longest <= FAR, "{distance}: {longest}");
        }
    }
}
