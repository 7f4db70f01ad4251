//! Tables in which rows are looked up by key: what a look-up join asks.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};

use crate::types::{Clock, Result};

/// A table in which rows can be looked up, as the plan holds it. A connector whose outside can be asked for single keys
/// gives one by [`PlannedSource::lookup`](super::PlannedSource::lookup); any other source that ends is read whole instead.
pub trait LookupTable: Debug + Send + Sync {
    /// The table in `explain`: `file 'customers.csv'`.
    fn describe(&self) -> String;

    /// The table for one instance of a join.
    ///
    /// # Errors
    /// When the outside can't be reached, or the columns do not fit it.
    fn open(&self, start: &LookupStart) -> Result<Arc<dyn Lookup>>;
}

/// The values that a table is opened with.
#[derive(Debug, Clone)]
pub struct LookupStart {
    /// The columns that are asked by, indices into the table's schema.
    pub keys: Vec<usize>,
    /// The columns that are answered with, ascending indices into the table's schema.
    pub columns: Vec<usize>,
    /// The age, milliseconds, up to which an answer need not be fetched again.
    pub age_ms: i64,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// An open table. Asked by several threads.
pub trait Lookup: Send + Sync {
    /// The rows that have these keys; none of them is null. Waits for the answer.
    ///
    /// # Errors
    /// Fails the job.
    fn ask(&self, keys: &[ArrayRef]) -> Result<Found>;

    /// The number of requests that it works on at the same time, at most.
    fn at_once(&self) -> usize {
        usize::MAX
    }

    /// The time, milliseconds, that an answer takes where [time is virtual](Clock::is_virtual) and nothing waits.
    fn takes_ms(&self, _keys: &[ArrayRef]) -> i64 {
        0
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Found {
    /// The rows of the first key, then those of the second, ….
    pub rows: RecordBatch,
    /// For each key, where its rows end.
    pub ends: Vec<usize>,
    /// When they were so, epoch milliseconds.
    pub as_of_ms: i64,
}
