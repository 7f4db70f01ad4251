//! What a loop came to, told apart by a sum over its rows.

use crate::types::key_group::mix;

/// The outcome: enough to compare it exactly with another way to compute the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Output rows.
    pub rows: u64,
    /// The wrapping sum of their [`row_hash`]es: the order of the rows does not matter.
    pub checksum: u64,
}

impl Outcome {
    /// Counts one more row.
    #[inline]
    pub const fn add<const N: usize>(&mut self, fields: &[i64; N]) {
        self.rows += 1;
        self.checksum = self.checksum.wrapping_add(row_hash(fields));
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, checksum: self.checksum.wrapping_add(other.checksum) }
    }
}

/// The hash of one output row: its fields, each times an odd number of its place, summed up and mixed. Times are
/// milliseconds since the epoch, decimals their unscaled value's lower 64 bits; a changelog row's first field is its
/// kind as [`RowKind`](crate::types::RowKind) numbers it.
#[inline]
#[must_use]
pub const fn row_hash<const N: usize>(fields: &[i64; N]) -> u64 {
    let mut word = N as u64;
    let mut factor = FIRST_FACTOR;
    let mut at = 0;
    while at < N {
        word = word.wrapping_add(fields[at].cast_unsigned().wrapping_mul(factor));
        factor = factor.wrapping_mul(NEXT_FACTOR);
        at += 1;
    }
    mix(word)
}

const FIRST_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const NEXT_FACTOR: u64 = 0xd134_2543_de82_ef95;
