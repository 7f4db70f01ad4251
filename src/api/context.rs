//! The context of a running operator.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use serde::{Deserialize, Serialize};

use super::Armed;
use crate::state::{ManagedMemory, RestoredState};
use crate::types::{Clock, OperatorUid, SpillSpace, key_group};

/// The treatment of a row that can't be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The job fails, naming the row.
    #[default]
    Fail,
    /// The row is counted and left out.
    Skip,
    /// The row is written, with its place and error, to the dead-letter sink.
    DeadLetter,
}

/// Everything an operator instance may know of where it runs.
pub struct OperatorContext {
    /// The operator's uid.
    pub uid: OperatorUid,
    /// The number of the instance, from 0.
    pub subtask: usize,
    /// The number of instances.
    pub parallelism: usize,
    /// The job's number of key groups.
    pub max_parallelism: u16,
    /// Rows a full batch should have.
    pub batch_rows: usize,
    /// The state to start from; `None` on a fresh start.
    pub restored: Option<Arc<dyn RestoredState>>,
    /// The memory that the instance may use for its keyed state, and where the rest goes; `None` for as much as it takes.
    pub memory: Option<ManagedMemory>,
    /// Counters that the operator itself must keep.
    pub metrics: Arc<OperatorMetrics>,
    /// Whether somebody in the job wants to know which watermark each row has met: see
    /// [`meets_watermarks`](super::PlannedOperator::meets_watermarks).
    pub row_watermarks: bool,
    /// The memory for rows that wait until all have come, and the place for those that are more.
    pub spill: Arc<SpillSpace>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// For another thread to call when it has something for an operator that waits for that: see [`Armed::woken`].
    pub waker: Waker,
    /// The requests of the operator before its first call: timers that were restored, work that was not finished.
    pub armed: Cell<Armed>,
}

impl OperatorContext {
    /// The key groups whose state this instance holds.
    #[must_use]
    pub fn key_groups(&self) -> Range<u16> {
        key_group::groups_of(self.subtask, self.parallelism, self.max_parallelism)
    }

    /// The name of the instance, `counts-1[0]`: where the rows that it rejects come from.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}[{}]", self.uid, self.subtask)
    }
}

impl fmt::Debug for OperatorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{} of {}]", self.uid, self.subtask, self.parallelism)
    }
}

/// Counters of one operator instance, read by panels while it runs. Updated once a batch, never once a row.
#[derive(Debug, Default)]
pub struct OperatorMetrics {
    late_rows: AtomicU64,
    rejected_rows: AtomicU64,
}

impl OperatorMetrics {
    /// Counts rows dropped, or sent to a side output, for being late.
    pub fn add_late(&self, rows: u64) {
        self.late_rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts rows given up as erroneous.
    pub fn add_rejected(&self, rows: u64) {
        self.rejected_rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Late rows so far.
    #[must_use]
    pub fn late_rows(&self) -> u64 {
        self.late_rows.load(Ordering::Relaxed)
    }

    /// Rejected rows so far.
    #[must_use]
    pub fn rejected_rows(&self) -> u64 {
        self.rejected_rows.load(Ordering::Relaxed)
    }
}
