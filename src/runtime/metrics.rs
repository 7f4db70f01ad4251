//! The counters of one subtask: written by its slot once a batch, read by panels at any time without asking the slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use super::channel::ChannelState;
use super::shown::Shown;
use crate::api::{OperatorMetrics, SourceProgress};
use crate::inspect::{InputView, OperatorView, SubtaskStatus, SubtaskView};
use crate::types::{CheckpointId, Error, MIN_WATERMARK, Result, SubtaskId};

/// The activity of a subtask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Activity {
    /// The subtask has work.
    Busy,
    /// The subtask waits for room downstream.
    Backpressured,
    /// The subtask waits for input.
    Idle,
    /// The subtask has handed over its last state.
    Finished,
}

/// The counters that outlive a restart: a checkpoint holds them, so that rows in = rows out + rows rejected holds for
/// the whole job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) rows_in: u64,
    pub(super) rows_out: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) rejected_rows: u64,
    pub(super) late_rows: u64,
    /// Rows sent over each outgoing edge; version 1 did not say.
    pub(super) edge_rows: Vec<u64>,
}

impl Totals {
    const VERSION: u8 = 2;
    const VERSION_WITHOUT_EDGES: u8 = 1;

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![Self::VERSION];
        let words = [self.rows_in, self.rows_out, self.bytes_in, self.bytes_out, self.rejected_rows, self.late_rows];
        for word in words.iter().chain(&self.edge_rows) {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The sum of what all instances wrote.
    pub(super) fn decode(entries: &[Vec<u8>]) -> Result<Self> {
        let mut sum = Self::default();
        for entry in entries {
            let (words, rest) = entry.get(1..).unwrap_or_default().as_chunks::<8>();
            let (Some(&version), [rows_in, rows_out, bytes_in, bytes_out, rejected, late, edges @ ..], []) =
                (entry.first(), words, rest)
            else {
                return Err(Error::state("the counters of a subtask are damaged"));
            };
            if version != Self::VERSION && !(version == Self::VERSION_WITHOUT_EDGES && edges.is_empty()) {
                return Err(Error::state("the counters of a subtask are damaged"));
            }
            sum.edge_rows.resize(sum.edge_rows.len().max(edges.len()), 0);
            for (sum, edge) in sum.edge_rows.iter_mut().zip(edges) {
                *sum += u64::from_le_bytes(*edge);
            }
            sum.rows_in += u64::from_le_bytes(*rows_in);
            sum.rows_out += u64::from_le_bytes(*rows_out);
            sum.bytes_in += u64::from_le_bytes(*bytes_in);
            sum.bytes_out += u64::from_le_bytes(*bytes_out);
            sum.rejected_rows += u64::from_le_bytes(*rejected);
            sum.late_rows += u64::from_le_bytes(*late);
        }
        Ok(sum)
    }
}

/// The counters of one subtask.
#[derive(Debug, Default)]
pub(super) struct SubtaskMetrics {
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    rejected_rows: AtomicU64,
    restored_late_rows: u64,
    nanos: [AtomicU64; 3],
    activity: AtomicU8,
    /// One more than the watermark in the order of `i64`, so that zero is "none yet": see [`to_cell`].
    watermark: AtomicI64,
    newest_event_time: AtomicI64,
    idle: AtomicBool,
    inputs: Vec<InputMetrics>,
    /// Rows sent over each outgoing edge, in the order of the job graph's edges.
    edge_rows: Vec<AtomicU64>,
    operators: Vec<Arc<OperatorMetrics>>,
    progress_done: AtomicU64,
    progress_total: AtomicU64,
    progress_known: AtomicBool,
    acknowledged: AtomicU64,
    acknowledged_ms: AtomicI64,
    shown: Shown,
}

/// One input channel: where it comes from and how far it is.
#[derive(Debug)]
struct InputMetrics {
    from: SubtaskId,
    channel: Arc<ChannelState>,
    watermark: AtomicI64,
    idle: AtomicBool,
}

/// A watermark cell holds `watermark ^ i64::MIN`, so that a fresh (zero) cell means [`MIN_WATERMARK`].
const fn to_cell(watermark: i64) -> i64 {
    watermark ^ i64::MIN
}

fn from_cell(cell: &AtomicI64) -> Option<i64> {
    Some(to_cell(cell.load(Ordering::Relaxed))).filter(|&watermark| watermark != MIN_WATERMARK)
}

impl SubtaskMetrics {
    /// Counters that go on from `restored`, of a subtask that reads `inputs` and writes `edges` edges.
    pub(super) fn new(
        inputs: Vec<(SubtaskId, Arc<ChannelState>)>,
        edges: usize,
        operators: Vec<Arc<OperatorMetrics>>,
        restored: Totals,
    ) -> Self {
        let input = |(from, channel)| InputMetrics {
            from,
            channel,
            watermark: AtomicI64::default(),
            idle: AtomicBool::default(),
        };
        Self {
            rows_in: restored.rows_in.into(),
            rows_out: restored.rows_out.into(),
            bytes_in: restored.bytes_in.into(),
            bytes_out: restored.bytes_out.into(),
            rejected_rows: restored.rejected_rows.into(),
            restored_late_rows: restored.late_rows,
            activity: AtomicU8::new(Activity::Idle as u8),
            inputs: inputs.into_iter().map(input).collect(),
            // Of a pipeline with other edges nobody knows what went where.
            edge_rows: if restored.edge_rows.len() == edges {
                restored.edge_rows.into_iter().map(AtomicU64::new).collect()
            } else {
                (0..edges).map(|_| AtomicU64::default()).collect()
            },
            operators,
            ..Self::default()
        }
    }

    pub(super) fn add_in(&self, rows: usize, bytes: usize) {
        self.rows_in.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn add_out(&self, rows: usize, bytes: usize) {
        self.rows_out.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn add_rejected(&self, rows: usize) {
        self.rejected_rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(super) fn set_watermark(&self, watermark: i64) {
        self.watermark.store(to_cell(watermark), Ordering::Relaxed);
    }

    pub(super) fn set_input_watermark(&self, channel: usize, watermark: i64) {
        if let Some(input) = self.inputs.get(channel) {
            input.watermark.store(to_cell(watermark), Ordering::Relaxed);
        }
    }

    pub(super) fn set_input_idle(&self, channel: usize, idle: bool) {
        if let Some(input) = self.inputs.get(channel) {
            input.idle.store(idle, Ordering::Relaxed);
        }
    }

    pub(super) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Ordering::Relaxed);
    }

    /// The newest event time that a source has read.
    pub(super) fn set_newest_event_time(&self, time: i64) {
        self.newest_event_time.store(to_cell(time), Ordering::Relaxed);
    }

    pub(super) fn add_edge_rows(&self, edge: usize, rows: usize) {
        if let Some(sent) = self.edge_rows.get(edge) {
            sent.fetch_add(rows as u64, Ordering::Relaxed);
        }
    }

    /// Rows sent over the `edge`th outgoing edge.
    pub(super) fn edge_rows(&self, edge: usize) -> u64 {
        self.edge_rows.get(edge).map_or(0, |sent| sent.load(Ordering::Relaxed))
    }

    pub(super) fn acknowledge(&self, id: CheckpointId, at_ms: i64) {
        self.acknowledged_ms.store(at_ms, Ordering::Relaxed);
        self.acknowledged.store(id.0, Ordering::Relaxed);
    }

    /// Adds the time since the last call to what the subtask was doing, and notes what it does from now on.
    pub(super) fn spend(&self, nanos: u64, was: Activity) {
        if let Some(counter) = self.nanos.get(was as usize) {
            counter.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    pub(super) fn set_activity(&self, activity: Activity) {
        self.activity.store(activity as u8, Ordering::Relaxed);
    }

    pub(super) fn set_progress(&self, progress: SourceProgress) {
        self.progress_done.store(progress.done, Ordering::Relaxed);
        self.progress_total.store(progress.total.unwrap_or(0), Ordering::Relaxed);
        self.progress_known.store(progress.total.is_some(), Ordering::Relaxed);
    }

    /// Rows that came in so far.
    pub(super) fn rows_in(&self) -> u64 {
        self.rows_in.load(Ordering::Relaxed)
    }

    /// The watermark, and the newest event time that was read; no watermark of one that holds none back.
    pub(super) fn event_time(&self) -> (Option<i64>, Option<i64>) {
        let watermark = from_cell(&self.watermark).filter(|_| !self.idle.load(Ordering::Relaxed));
        (watermark, from_cell(&self.newest_event_time))
    }

    /// Units done by this reader, and of how many by all of its source.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        self.progress_known
            .load(Ordering::Relaxed)
            .then(|| (self.progress_done.load(Ordering::Relaxed), self.progress_total.load(Ordering::Relaxed)))
    }

    pub(super) fn show(&self, views: Vec<OperatorView>) {
        self.shown.operators(views);
    }

    pub(super) const fn shown(&self) -> &Shown {
        &self.shown
    }

    pub(super) fn is_finished(&self) -> bool {
        self.activity.load(Ordering::Relaxed) == Activity::Finished as u8
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            rows_in: self.rows_in.load(Ordering::Relaxed),
            rows_out: self.rows_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            rejected_rows: self.rejected_rows.load(Ordering::Relaxed),
            late_rows: self.restored_late_rows + self.operators.iter().map(|m| m.late_rows()).sum::<u64>(),
            edge_rows: self.edge_rows.iter().map(|rows| rows.load(Ordering::Relaxed)).collect(),
        }
    }

    /// The view, its operators as the look of this number found them; as they were shown last without one.
    pub(super) fn view(&self, index: usize, look: Option<u64>) -> SubtaskView {
        let totals = self.totals();
        let nanos = |activity: Activity| self.nanos[activity as usize].load(Ordering::Relaxed);
        let fills = self.inputs.iter().map(|input| input.channel.fill());
        let acknowledged = CheckpointId(self.acknowledged.load(Ordering::Relaxed));
        let mut view = SubtaskView {
            index,
            status: status(self.activity.load(Ordering::Relaxed)),
            rows_in: totals.rows_in,
            rows_out: totals.rows_out,
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            busy_ns: nanos(Activity::Busy),
            backpressured_ns: nanos(Activity::Backpressured),
            idle_ns: nanos(Activity::Idle),
            late_rows: totals.late_rows,
            rejected_rows: totals.rejected_rows,
            watermark: from_cell(&self.watermark),
            newest_event_time: from_cell(&self.newest_event_time),
            idle: self.idle.load(Ordering::Relaxed),
            inputs: self.inputs.iter().map(InputMetrics::view).collect(),
            acknowledged: (acknowledged.0 > 0).then(|| (acknowledged.0, self.acknowledged_ms.load(Ordering::Relaxed))),
            queue: fills.fold((0, 0), |(waiting, room), (w, r)| (waiting + w, room + r)),
            ..SubtaskView::default()
        };
        self.shown.fill(&mut view, look.filter(|_| !self.is_finished()));
        view
    }
}

impl InputMetrics {
    fn view(&self) -> InputView {
        InputView {
            vertex: self.from.vertex.0,
            subtask: self.from.index,
            watermark: from_cell(&self.watermark),
            idle: self.idle.load(Ordering::Relaxed),
        }
    }
}

const fn status(activity: u8) -> SubtaskStatus {
    match activity {
        0 => SubtaskStatus::Running,
        1 => SubtaskStatus::Backpressured,
        2 => SubtaskStatus::Idle,
        _ => SubtaskStatus::Finished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_over_instances_and_damage_is_found() {
        let counts = Totals {
            rows_in: 5,
            rows_out: 4,
            bytes_in: 3,
            bytes_out: 2,
            rejected_rows: 1,
            late_rows: 7,
            ..Totals::default()
        };
        let one = Totals { edge_rows: vec![3, 1], ..counts.clone() };
        let sum = Totals::decode(&[one.encode(), one.encode()]).expect("both are whole");
        assert_eq!((sum.rows_in, sum.late_rows, &sum.edge_rows[..]), (10, 14, &[6, 2][..]));
        // As written before edges were counted.
        let mut first = counts.encode();
        first[0] = Totals::VERSION_WITHOUT_EDGES;
        assert_eq!(Totals::decode(&[first.clone()]).expect("whole"), counts);
        first.extend([0; 8]);
        assert!(Totals::decode(&[first]).is_err());
        for cut in (0..one.encode().len()).filter(|cut| *cut < 49 || cut % 8 != 1) {
            assert!(Totals::decode(&[one.encode()[..cut].to_vec()]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_watermark_of_zero_is_not_none() {
        let metrics = SubtaskMetrics::default();
        assert_eq!(metrics.view(0, None).watermark, None);
        metrics.set_watermark(0);
        assert_eq!(metrics.view(0, None).watermark, Some(0));
    }
}
