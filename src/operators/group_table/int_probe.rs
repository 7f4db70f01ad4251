//! The hash table of integer keys: group numbers alone. The table of groups holds each key already, 8 bytes of it; a
//! second copy beside the number would cost 26 bytes a key, where the number costs about 7.
//!
//! Places, their mixing and linear probing are those of [`Probe`](super::probe::Probe).

use super::probe::{FAR, GOLDEN, NONE, SLOTS_MIN, shift_of};
use crate::types::key_group::mix;

/// Slots behind its place in which a key mostly is, with those behind it.
const NEAR: usize = 4;

/// Groups, found by the key that `held` has of each.
#[derive(Debug)]
pub(super) struct IntProbe {
    /// A power of two of them.
    slots: Vec<u32>,
    filled: usize,
    /// The shift that leaves as many upper bits as number the slots.
    shift: u32,
    mixed: bool,
}

impl IntProbe {
    /// A table with room for `groups`.
    pub(super) fn with_capacity(groups: usize) -> Self {
        let slots = (groups * 2).next_power_of_two().max(SLOTS_MIN);
        Self { slots: vec![NONE; slots], filled: 0, shift: shift_of(slots), mixed: false }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "shifted down to the number of slots")]
    const fn home(&self, key: i64) -> usize {
        let word = if self.mixed { mix(key.cast_unsigned()) } else { key.cast_unsigned() };
        (word.wrapping_mul(GOLDEN) >> self.shift) as usize
    }

    /// The group of `key`, or [`NONE`], and where it was found or is to be [put](Self::put).
    #[inline]
    pub(super) fn look(&self, key: i64, held: &[i64]) -> (u32, usize) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(key) & mask;
        loop {
            let group = self.slots[at];
            if group == NONE || held[group as usize] == key {
                return (group, at);
            }
            at = (at + 1) & mask;
        }
    }

    /// Enters `group`, whose key `held` has already, at the place at which [`look`](Self::look) has just missed it.
    #[inline]
    pub(super) fn put(&mut self, at: usize, group: u32, held: &[i64]) {
        self.slots[at] = group;
        self.filled += 1;
        let mask = self.slots.len() - 1;
        if self.filled * 8 > self.slots.len() * 5 {
            self.rebuild(self.slots.len() * 2, held);
        } else if at.wrapping_sub(self.home(held[group as usize])) & mask > FAR && !self.mixed {
            self.mixed = true;
            self.rebuild(self.slots.len(), held);
        }
    }

    /// Becomes a copy of `other`, unless that would leave it less room; whether it has.
    pub(super) fn take_on(&mut self, other: &Self) -> bool {
        if other.slots.len() < self.slots.len() {
            return false;
        }
        self.slots.clone_from(&other.slots);
        (self.filled, self.shift, self.mixed) = (other.filled, other.shift, other.mixed);
        true
    }

    #[cold]
    fn rebuild(&mut self, slots: usize, held: &[i64]) {
        let old = std::mem::replace(&mut self.slots, vec![NONE; slots]);
        self.shift = shift_of(slots);
        for group in old.into_iter().filter(|&group| group != NONE) {
            let mut at = self.home(held[group as usize]) & (slots - 1);
            while self.slots[at] != NONE {
                at = (at + 1) & (slots - 1);
            }
            self.slots[at] = group;
        }
    }

    /// Looks at what [`remove`](Self::remove) will look at, for many groups: the processor waits for memory once then, and not
    /// for each in turn.
    pub(super) fn approach(&self, groups: &[u32], held: &[i64]) {
        let mask = self.slots.len() - 1;
        let homes: Vec<usize> = groups.iter().map(|&group| self.home(held[group as usize]) & mask).collect();
        let key = |at: usize| held.get(self.slots[at & mask] as usize).copied().unwrap_or(0);
        let sum = homes.iter().fold(0_i64, |sum, &home| (home..home + NEAR).map(key).fold(sum, i64::wrapping_add));
        std::hint::black_box(sum);
    }

    /// Removes `group`.
    pub(super) fn remove(&mut self, group: u32, held: &[i64]) {
        let mask = self.slots.len() - 1;
        let mut hole = self.home(held[group as usize]) & mask;
        while self.slots[hole] != group {
            if self.slots[hole] == NONE {
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.filled -= 1;
        // Those behind it move up, unless that took them in front of where they are looked for first.
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let moved = self.slots[at];
            if moved == NONE {
                break;
            }
            let wanted = self.home(held[moved as usize]) & mask;
            if at.wrapping_sub(wanted) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = moved;
                hole = at;
            }
        }
        self.slots[hole] = NONE;
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn agrees_with_a_map_through_insertions_and_removals() {
        let mut probe = IntProbe::with_capacity(0);
        let mut held = Vec::new();
        let mut model: BTreeMap<i64, u32> = BTreeMap::new();
        for step in 0..20_000_u64 {
            // Keys that share their low bits collide.
            let key = (mix(step) % 700 * 8).cast_signed() - 2_000;
            let (found, place) = probe.look(key, &held);
            assert_eq!(found, model.get(&key).copied().unwrap_or(NONE));
            if mix(step + 770_000).is_multiple_of(3) {
                if let Some(group) = model.remove(&key) {
                    probe.remove(group, &held);
                }
            } else if found == NONE {
                let group = u32::try_from(held.len()).expect("small");
                held.push(key);
                probe.put(place, group, &held);
                model.insert(key, group);
            }
        }
        for key in (0..700).map(|key| key * 8 - 2_000) {
            assert_eq!(probe.look(key, &held).0, model.get(&key).copied().unwrap_or(NONE));
        }
    }

    #[test]
    fn keys_at_any_distance_are_found_soon() {
        // Unmixed, those at the second and third would crowd around few places.
        for distance in [1, 15_005, 701_408_733, 1 << 16, 1 << 40, 86_400_000, 7_477] {
            let mut probe = IntProbe::with_capacity(0);
            let held: Vec<i64> = (0..50_000_i64).map(|number| number.wrapping_mul(distance)).collect();
            for (group, &key) in (0..).zip(&held) {
                let (found, place) = probe.look(key, &held);
                assert_eq!(found, NONE);
                probe.put(place, group, &held);
            }
            let mask = probe.slots.len() - 1;
            let steps = held.iter().map(|&key| probe.look(key, &held).1.wrapping_sub(probe.home(key)) & mask);
            let (sum, longest) = steps.fold((0, 0), |(sum, longest), steps| (sum + steps, steps.max(longest)));
            assert!(sum / 50_000 < FAR / 2 + 1, "{distance}: {sum}");
            assert!(probe.mixed || longest <= FAR, "{distance}: {longest}");
        }
    }
}
