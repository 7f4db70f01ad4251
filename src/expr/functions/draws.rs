//! The generators of random numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::types::key_group::mix;

/// The state of the generators of one call.
#[derive(Debug, Default)]
pub(in crate::expr) struct Draws {
    /// How many numbers were drawn without a seed.
    drawn: AtomicU64,
    /// The state of Java's generator, and [`SEEDED`] once it has one.
    java: AtomicU64,
}

/// Above the 48 bits of the state of Java's generator.
const SEEDED: u64 = 1 << 63;

impl Draws {
    /// The next number without a seed: a hash of where and when it is drawn, and of how many were drawn before.
    pub(super) fn next(&self, seed: u64, now_ms: i64) -> u64 {
        let drawn = self.drawn.load(Ordering::Relaxed);
        self.drawn.store(drawn.wrapping_add(1), Ordering::Relaxed);
        mix(mix(seed ^ mix(now_ms.cast_unsigned())).wrapping_add(drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Calls `f` with Java's generator, which goes on from row to row where the seed is constant.
    pub(super) fn java<T>(&self, seed: i32, constant: bool, f: impl FnOnce(&mut Java) -> T) -> T {
        let held = if constant { self.java.load(Ordering::Relaxed) } else { 0 };
        let mut generator = if held & SEEDED == 0 { Java::new(seed.into()) } else { Java(held & !SEEDED) };
        let result = f(&mut generator);
        self.java.store(generator.0 | SEEDED, Ordering::Relaxed);
        result
    }
}

/// `java.util.Random`: D. Knuth's linear congruential generator ("The Art of Computer Programming", vol. 2, 3.2.1) of 48
/// bits.
pub(super) struct Java(u64);

impl Java {
    const MASK: u64 = (1 << 48) - 1;
    const FACTOR: u64 = 0x5_deec_e66d;

    const fn new(seed: i64) -> Self {
        Self((seed.cast_unsigned() ^ Self::FACTOR) & Self::MASK)
    }

    fn bits(&mut self, count: u32) -> u64 {
        self.0 = self.0.wrapping_mul(Self::FACTOR).wrapping_add(11) & Self::MASK;
        self.0 >> (48 - count)
    }

    /// From 0 to below 1.
    pub(super) fn double(&mut self) -> f64 {
        let bits = (self.bits(26) << 27) + self.bits(27);
        unit(bits << 11)
    }

    /// From 0 to below `bound`, which is positive.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        if bound.is_power_of_two() {
            return (bound * self.bits(31)) >> 31;
        }
        loop {
            let bits = self.bits(31);
            let value = bits % bound;
            // The last, incomplete stretch of numbers would favour small ones.
            if bits - value + (bound - 1) < 1 << 31 {
                return value;
            }
        }
    }
}

/// From 0 to below 1, of the upper 53 bits.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
