//! A flag a group, a bit each.

const BITS: usize = u64::BITS as usize;

/// Flags by number; those that were never set are down.
#[derive(Debug, Default)]
pub(super) struct Flags {
    words: Vec<u64>,
}

impl Flags {
    /// Makes room for flags below `numbers`.
    pub(super) fn resize(&mut self, numbers: usize) {
        let words = numbers.div_ceil(BITS);
        if words > self.words.len() {
            self.words.resize(words, 0);
        }
    }

    /// Puts one up; there must be room for it.
    #[inline]
    pub(super) fn set(&mut self, number: u32) {
        self.words[number as usize / BITS] |= 1 << (number as usize % BITS);
    }

    /// Puts these up.
    pub(super) fn set_all(&mut self, numbers: &[u32]) {
        for &number in numbers {
            self.set(number);
        }
    }

    /// Puts one down.
    pub(super) fn clear(&mut self, number: u32) {
        self.words[number as usize / BITS] &= !(1 << (number as usize % BITS));
    }

    /// Whether one is up.
    pub(super) fn is_set(&self, number: u32) -> bool {
        self.words[number as usize / BITS] >> (number as usize % BITS) & 1 == 1
    }

    /// Puts all down and gives the numbers of those that were up, ascending.
    pub(super) fn take(&mut self) -> Vec<u32> {
        let mut taken = Vec::with_capacity(self.words.iter().map(|word| word.count_ones() as usize).sum());
        for (first, word) in (0_u32..).step_by(BITS).zip(&mut self.words) {
            let mut left = std::mem::take(word);
            while left != 0 {
                taken.push(first + left.trailing_zeros());
                left &= left - 1;
            }
        }
        taken
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;

    #[test]
    fn those_that_are_up_are_taken_once() {
        let mut flags = Flags::default();
        flags.resize(130);
        for number in [0, 63, 64, 129, 5, 5, 7] {
            flags.set(number);
        }
        flags.clear(7);
        assert!(flags.is_set(129) && !flags.is_set(7) && !flags.is_set(128));
        assert_eq!(flags.take(), [0, 5, 63, 64, 129]);
        assert_eq!(flags.take(), [0_u32; 0]);
        flags.resize(10);
        assert!(!flags.is_set(129), "room is never taken away");
    }
}
