//! Windows: which rows belong together in time.

use std::fmt::Debug;
use std::sync::Arc;

use super::WindowCall;
use crate::state::Slices;
use crate::types::Diagnostic;

/// Aligned windows of fixed size, cut into slices: the greatest stretches of time that no window boundary divides.
/// State is kept a slice and merged when a window fires, so that an overlapping window costs no more a row than a
/// tumbling one (Flink's slice-shared windows; Li et al., "No Pane, No Gain", 2005).
///
/// All times are milliseconds since the epoch. Arithmetic saturates: a timestamp at the end of the range lands in the
/// last window that can be represented.
pub trait WindowAssigner: Debug + Send + Sync {
    /// As typed, for `explain`: `tumble(10s)`.
    fn describe(&self) -> String;

    /// The end (exclusive) of the slice that `time` falls into.
    fn slice_end(&self, time: i64) -> i64;

    /// The length of a slice, milliseconds.
    fn slice_ms(&self) -> i64;

    /// The length of a window, milliseconds; the longest where they grow.
    fn size_ms(&self) -> i64;

    /// From the start of a window to that of the next that begins later, milliseconds.
    fn slide_ms(&self) -> i64 {
        self.size_ms()
    }

    /// The slices of the windows, stored beside their state: a restore checks that it is of the same slices.
    fn slices(&self) -> Slices {
        let (slice_ms, slide_ms, size_ms) = (self.slice_ms(), self.slide_ms(), self.size_ms());
        let offset_ms = self.slice_end(0).rem_euclid(slice_ms);
        Slices { window: self.describe(), slice_ms, offset_ms, slide_ms, size_ms }
    }

    /// The end (exclusive) of the first window, in firing order, that contains the slice ending at `slice_end`.
    fn first_window_end(&self, slice_end: i64) -> i64;

    /// The end of the last window that contains it: when that has fired (and lateness has passed), the slice goes.
    fn last_window_end(&self, slice_end: i64) -> i64;

    /// The end of the window that follows the one ending at `window_end`.
    fn next_window_end(&self, window_end: i64) -> i64;

    /// The start of the window that ends at `window_end`.
    fn window_start(&self, window_end: i64) -> i64 {
        window_end.saturating_sub(self.size_ms())
    }
}

/// One window function of the language: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct WindowFnSpec {
    /// `tumble`
    pub name: &'static str,
    /// The function's arguments as shown in help: `size[, offset]`.
    pub arguments: &'static str,
    /// One line for listings.
    pub summary: &'static str,
    /// The help text.
    pub help: &'static str,
    /// Statements that run as they stand on the built-in `bids` source.
    pub examples: &'static [&'static str],
    /// The Flink counterpart.
    pub flink: Option<&'static str>,
    /// Checks the arguments; fails, at their place in the text, when they do not fit.
    pub bind: fn(&WindowCall) -> Result<Arc<dyn WindowAssigner>, Diagnostic>,
}

/// A window stage, bound.
#[derive(Debug, Clone)]
pub struct WindowSpec {
    /// The windows.
    pub assigner: Arc<dyn WindowAssigner>,
    /// The time after its end, milliseconds, for which a window still takes rows, each of which fires it again.
    pub lateness_ms: i64,
    /// The stream that takes rows later than that.
    pub late_to: Option<crate::types::Spanned<String>>,
}
