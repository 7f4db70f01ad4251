//! `cumulate(step, max)`: windows that grow step by step.

use std::sync::Arc;

use super::arguments::{check_slices, durations, positive, saturate, stretch_end};
use crate::api::{WindowAssigner, WindowFnSpec, Windows, show_duration};
use crate::types::Diagnostic;

/// `cumulate`
pub const CUMULATE: WindowFnSpec = WindowFnSpec {
    name: "cumulate",
    arguments: "step, max",
    summary: "windows that begin together and grow step by step up to a largest size",
    help: "This is for totals such as those of the day so far: `cumulate(1h, 1d)` gives the total since \
           midnight at each full hour. Each result contains the one before it. The largest size must be a \
           multiple of the step. Both are durations such as `250ms`, `10s`, `5m`, `1h` and `1d`.",
    examples: &["bids | key_by auction | window cumulate(2s, 10s) | aggregate count(*) as n;"],
    flink: Some("CUMULATE"),
    bind: |call, _| {
        let args = durations(call, 2, 2, "cumulate(1h, 1d)")?;
        let (step_ms, max_ms) = (positive(&args[0], "step")?, positive(&args[1], "largest size")?);
        if max_ms % step_ms != 0 {
            let message = format!("the largest size must be a multiple of the step, {}", show_duration(step_ms));
            return Err(Diagnostic::at(args[1].span, message));
        }
        check_slices(&args[1], step_ms, "step")?;
        Ok(Windows::Aligned(Arc::new(Cumulate { step_ms, max_ms })))
    },
};

/// Windows that begin at each multiple of `max_ms` and end at each multiple of `step_ms` up to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cumulate {
    /// Above zero.
    pub step_ms: i64,
    /// A multiple of the step.
    pub max_ms: i64,
}

impl WindowAssigner for Cumulate {
    fn describe(&self) -> String {
        format!("cumulate({}, {})", show_duration(self.step_ms), show_duration(self.max_ms))
    }

    fn slice_end(&self, time: i64) -> i64 {
        stretch_end(time, self.step_ms, 0)
    }

    fn slice_ms(&self) -> i64 {
        self.step_ms
    }

    fn size_ms(&self) -> i64 {
        self.max_ms
    }

    fn first_window_end(&self, slice_end: i64) -> i64 {
        slice_end
    }

    fn last_window_end(&self, slice_end: i64) -> i64 {
        stretch_end(slice_end.saturating_sub(1), self.max_ms, 0)
    }

    fn next_window_end(&self, window_end: i64) -> i64 {
        window_end.saturating_add(self.step_ms)
    }

    fn window_start(&self, window_end: i64) -> i64 {
        let max = i128::from(self.max_ms);
        saturate((i128::from(window_end) - 1).div_euclid(max) * max)
    }
}
