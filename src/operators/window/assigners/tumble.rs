//! `tumble(size[, offset])`: windows side by side.

use std::sync::Arc;

use super::arguments::{durations, positive, stretch_end};
use crate::api::{WindowAssigner, WindowFnSpec, Windows, show_duration};

/// `tumble`
pub const TUMBLE: WindowFnSpec = WindowFnSpec {
    name: "tumble",
    arguments: "size[, offset]",
    summary: "windows of one size, side by side",
    help: "Each row is in exactly one window. Windows begin at multiples of the size since 1970, the end \
           exclusive: `tumble(10s)` has windows from 0 to 10 s, from 10 to 20 s, and so on. The offset moves \
           their bounds: `tumble(1d, -8h)` has days that begin at 16:00 UTC, which is midnight in UTC+8. Size \
           and offset are durations such as `250ms`, `10s`, `5m`, `1h` and `1d`.",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n;",
        "quakes | key_by kind | window tumble(1d, -8h) | aggregate count(*) as n;",
    ],
    flink: Some("TUMBLE"),
    bind: |call, _| {
        let args = durations(call, 1, 2, "tumble(10s)")?;
        let size_ms = positive(&args[0], "size")?;
        let offset_ms = args.get(1).map_or(0, |offset| offset.node.rem_euclid(size_ms));
        Ok(Windows::Aligned(Arc::new(Tumble { size_ms, offset_ms })))
    },
};

/// Windows of one size side by side. Their slices are themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tumble {
    /// Above zero.
    pub size_ms: i64,
    /// At least zero, below the size.
    pub offset_ms: i64,
}

impl WindowAssigner for Tumble {
    fn describe(&self) -> String {
        match self.offset_ms {
            0 => format!("tumble({})", show_duration(self.size_ms)),
            offset => format!("tumble({}, {})", show_duration(self.size_ms), show_duration(offset)),
        }
    }

    fn slice_end(&self, time: i64) -> i64 {
        stretch_end(time, self.size_ms, self.offset_ms)
    }

    fn slice_ms(&self) -> i64 {
        self.size_ms
    }

    fn size_ms(&self) -> i64 {
        self.size_ms
    }

    fn first_window_end(&self, slice_end: i64) -> i64 {
        slice_end
    }

    fn last_window_end(&self, slice_end: i64) -> i64 {
        slice_end
    }

    fn next_window_end(&self, window_end: i64) -> i64 {
        window_end.saturating_add(self.size_ms)
    }
}
