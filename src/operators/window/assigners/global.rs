//! `global`: one window for all rows of a key.

use super::arguments::arguments;
use crate::api::{WindowFnSpec, Windows};

/// `global`
pub const GLOBAL: WindowFnSpec = WindowFnSpec {
    name: "global",
    arguments: "",
    summary: "one window for all rows of a key, which fires only when a trigger says so",
    help: "All rows of a key are in one window, which never ends. A `trigger` says when it fires; `purging` lets its rows go \
           each time. It has no bounds, and its result no `window_start` and `window_end`.",
    examples: &[
        "bids | key_by auction | window global trigger purging count 3 | aggregate count(*) as n;",
        "bids | key_by auction | window global trigger every 10s | aggregate max(price) as highest;",
    ],
    flink: Some("GlobalWindows"),
    bind: |call, _| {
        arguments(call, 0, 0, "global")?;
        Ok(Windows::Global)
    },
};
