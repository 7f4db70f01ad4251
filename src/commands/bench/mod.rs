//! `lotic bench`: Nexmark jobs beside hand-written loops that compute the same in the same process.
//!
//! The machine may be noisy, so nothing absolute is claimed: the loop and the job run in turn, and the median of the
//! ratios is what counts. Both must come to the same result, row for row, or the benchmark fails.

mod checkpoints;
mod checksum;
mod data;
mod input;
mod job;
pub mod loops;
mod measure;
mod memory;
mod request;

pub use measure::run;
pub use request::{BenchRequest, query_names, query_text};
