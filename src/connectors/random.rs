//! Seeded random numbers without state: the number at a place follows from the seed and the place alone, so that any
//! reader can generate any row.

/// Scrambles 64 bits into 64 bits, one to one (Steele, Lea, Flood: `SplitMix64`'s finaliser).
pub(super) const fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A stream of random numbers, one a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of `seed` named `name`: streams of different names have nothing to do with each other.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self { key: name.bytes().fold(mix(seed), |key, byte| mix(key ^ u64::from(byte))) }
    }

    /// The stream for what belongs together in one row, the characters of a string, say.
    pub(super) const fn of_row(self, row: u64) -> Self {
        Self { key: self.at(row) }
    }

    /// The number at `row`.
    pub(super) const fn at(self, row: u64) -> u64 {
        mix(self.key ^ mix(row))
    }

    /// A number below `bound` (which is not 0) at `row`, as good as even.
    pub(super) fn below(self, row: u64, bound: u64) -> u64 {
        // Multiply and shift (Lemire): the high half of the product.
        let product = u128::from(self.at(row)) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A number of 0 up to, not including, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn unit(self, row: u64) -> f64 {
        (self.at(row) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spread_over_their_range_and_depend_on_seed_name_and_row() {
        let stream = Stream::new(7, "price");
        let mut counts = [0_u32; 10];
        for row in 0..10_000 {
            counts[usize::try_from(stream.below(row, 10)).unwrap()] += 1;
            assert!((0.0..1.0).contains(&stream.unit(row)));
        }
        assert!(counts.iter().all(|&count| (800..1_200).contains(&count)), "{counts:?}");
        assert_ne!(stream.at(0), Stream::new(8, "price").at(0));
        assert_ne!(stream.at(0), Stream::new(7, "other").at(0));
    }
}
