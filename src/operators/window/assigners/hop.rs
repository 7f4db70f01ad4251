//! `hop(size, slide[, offset])`: windows that overlap.

use std::sync::Arc;

use super::arguments::{check_slices, durations, positive, saturate, stretch_end};
use crate::api::{WindowAssigner, WindowFnSpec, Windows, show_duration};

/// `hop`
pub const HOP: WindowFnSpec = WindowFnSpec {
    name: "hop",
    arguments: "size, slide[, offset]",
    summary: "windows of one size that overlap: a new one begins at each slide",
    help: "A row is in every window that its event time falls into: with `hop(10s, 2s)` in five. Size and slide \
           are durations such as `250ms`, `10s`, `5m`, `1h` and `1d`. Where the slide is longer than the size, \
           some rows are in no window. The offset moves the bounds.",
    examples: &[
        "bids | key_by auction | window hop(10s, 2s) | aggregate count(*) as n;",
        "bids | key_by auction | window hop(1d, 1h, 30m) | aggregate count(*) as n;",
    ],
    flink: Some("HOP"),
    bind: |call, _| {
        let args = durations(call, 2, 3, "hop(10s, 2s)")?;
        let offset_ms = args.get(2).map_or(0, |offset| offset.node);
        let hop = Hop::new(positive(&args[0], "size")?, positive(&args[1], "slide")?, offset_ms);
        check_slices(&args[0], hop.slice_ms, "slide")?;
        Ok(Windows::Aligned(Arc::new(hop)))
    },
};

/// Windows of one size, one beginning at each multiple of the slide, moved by the offset. Where the size is no multiple of the slide, the
/// slices are as long as their greatest common divisor; where the slide is the longer, some rows belong to no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units stand last in names")]
pub struct Hop {
    size_ms: i64,
    slide_ms: i64,
    slice_ms: i64,
    offset_ms: i64,
}

impl Hop {
    /// Windows of `size_ms` every `slide_ms`, both above zero.
    #[must_use]
    pub fn new(size_ms: i64, slide_ms: i64, offset_ms: i64) -> Self {
        let (mut divisor, mut rest) = (size_ms, slide_ms);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Self { size_ms, slide_ms, slice_ms: divisor, offset_ms: offset_ms.rem_euclid(slide_ms) }
    }
}

impl WindowAssigner for Hop {
    fn describe(&self) -> String {
        let (size, slide) = (show_duration(self.size_ms), show_duration(self.slide_ms));
        match self.offset_ms {
            0 => format!("hop({size}, {slide})"),
            offset => format!("hop({size}, {slide}, {})", show_duration(offset)),
        }
    }

    fn slice_end(&self, time: i64) -> i64 {
        stretch_end(time, self.slice_ms, self.offset_ms)
    }

    fn slice_ms(&self) -> i64 {
        self.slice_ms
    }

    fn size_ms(&self) -> i64 {
        self.size_ms
    }

    fn slide_ms(&self) -> i64 {
        self.slide_ms
    }

    /// The window with the smallest start that ends no earlier than the slice.
    fn first_window_end(&self, slice_end: i64) -> i64 {
        let (size, slide) = (i128::from(self.size_ms), i128::from(self.slide_ms));
        let end = i128::from(slice_end) - i128::from(self.offset_ms);
        let start = -((size - end).div_euclid(slide)) * slide;
        saturate(start + size + i128::from(self.offset_ms))
    }

    /// The window with the largest start that is no later than the slice's.
    fn last_window_end(&self, slice_end: i64) -> i64 {
        let slide = i128::from(self.slide_ms);
        let slice_start = i128::from(slice_end) - i128::from(self.slice_ms) - i128::from(self.offset_ms);
        saturate(slice_start.div_euclid(slide) * slide + i128::from(self.size_ms) + i128::from(self.offset_ms))
    }

    fn next_window_end(&self, window_end: i64) -> i64 {
        window_end.saturating_add(self.slide_ms)
    }
}
