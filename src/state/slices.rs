//! The windows that a state's slices are of, and the other windows that they can serve.

use serde::{Deserialize, Serialize};

/// Slices of aligned windows, normalised: slices begin at every `offset_ms + n * slice_ms`, windows at every
/// `offset_ms + n * slide_ms`. The last window over a slice is the longest of those that begin last before the slice's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slices {
    /// As typed: `tumble(10s)`.
    pub window: String,
    /// The length of a slice; divides the slide.
    pub slice_ms: i64,
    /// At least 0, below the length of a slice.
    pub offset_ms: i64,
    /// From the start of a window to that of the next that begins later.
    pub slide_ms: i64,
    /// The length of the longest window.
    pub size_ms: i64,
}

impl Slices {
    /// Whether what is held of `stored`, whose windows have fired up to some watermark, is all that these windows need
    /// from there on: the slices must be the same stretches of time, and none that is still needed may be gone.
    ///
    /// A slice is held until the last window over it has fired. That window ends `size` after the slice's start less
    /// `r`, what the start is beyond a multiple of the slide. The two remainders agree modulo the greatest common divisor
    /// `g` of the slides and are free otherwise (Chinese remainder theorem), so the old one exceeds the new one by at
    /// most `slide - g` of the old slide: the new windows never reach further than the old exactly when
    /// `size + stored.slide - g <= stored.size`.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn served_by(&self, stored: &Self) -> Result<(), String> {
        if (self.slice_ms, self.offset_ms) != (stored.slice_ms, stored.offset_ms) {
            return Err(format!("its slices {stored} can't be cut into slices {self}"));
        }
        let reach_ms = self.size_ms + stored.slide_ms - greatest_common_divisor(self.slide_ms, stored.slide_ms);
        if reach_ms > stored.size_ms {
            return Err(format!("{} needs rows that {} has dropped already", self.window, stored.window));
        }
        Ok(())
    }

    /// Whether a slice can end at `end`.
    #[must_use]
    pub const fn can_end_at(&self, end: i64) -> bool {
        // Slices at either end of time are cut off there.
        end == i64::MAX || end == i64::MIN || end.wrapping_sub(self.offset_ms).rem_euclid(self.slice_ms) == 0
    }
}

impl std::fmt::Display for Slices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "of {} ms from {} ms", self.slice_ms, self.offset_ms)
    }
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices([slice_ms, offset_ms, every_ms, size_ms]: [i64; 4]) -> Slices {
        let window = format!("w({slice_ms},{every_ms},{size_ms})");
        Slices { window, slice_ms, offset_ms, slide_ms: every_ms, size_ms }
    }

    /// The end of the last window over the slice that starts at `start`.
    fn last_end(of: &Slices, start: i64) -> i64 {
        (start - of.offset_ms).div_euclid(of.slide_ms) * of.slide_ms + of.offset_ms + of.size_ms
    }

    #[test]
    fn windows_serve_each_other_exactly_when_no_needed_slice_is_gone() {
        let mut served = 0;
        for slice_ms in [1, 2, 3] {
            let all: Vec<Slices> = (1..=6)
                .flat_map(|slide| (1..=8).map(move |size| slices([slice_ms, 0, slide * slice_ms, size * slice_ms])))
                .collect();
            for stored in &all {
                for new in &all {
                    let starts = (-70..70).map(|slice| slice * slice_ms);
                    let holds = starts.into_iter().all(|start| last_end(new, start) <= last_end(stored, start));
                    assert_eq!(new.served_by(stored).is_ok(), holds, "{new:?} from {stored:?}");
                    served += usize::from(holds);
                }
            }
        }
        assert!(served > 500, "{served}");
    }

    #[test]
    fn slices_of_another_length_or_offset_are_refused_with_the_reason() {
        let tumble =
            |size, offset| Slices { window: format!("tumble({size}ms)"), ..slices([size, offset, size, size]) };
        tumble(1_000, 0).served_by(&tumble(1_000, 0)).expect("the same");
        let refused = |new: Slices, stored: Slices| new.served_by(&stored).expect_err("refused");
        insta::assert_snapshot!(refused(tumble(2_000, 0), tumble(1_000, 0)), @"its slices of 1000 ms from 0 ms can't be cut into slices of 2000 ms from 0 ms");
        insta::assert_snapshot!(refused(tumble(1_000, 300), tumble(1_000, 0)), @"its slices of 1000 ms from 0 ms can't be cut into slices of 1000 ms from 300 ms");
        insta::assert_snapshot!(refused(slices([1, 0, 1, 20]), slices([1, 0, 1, 10])), @"w(1,1,20) needs rows that w(1,1,10) has dropped already");
        assert!(tumble(1_000, 300).can_end_at(-700) && !tumble(1_000, 300).can_end_at(0));
    }
}
