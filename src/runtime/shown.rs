//! The things that a subtask shows beside its counters: its operators, and the last of its rows, rejects and latencies.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::Rejected;
use crate::inspect::{
    AlignmentView, LatencyView, OperatorView, OutputRowView, RejectedRowView, SplitView, SubtaskView,
};
use crate::types::{Batch, Cells, excerpt};

/// Rows of a sink that are kept.
const OUTPUT: usize = 200;
/// Rejected rows that are kept, and taken in every [`PERIOD_MS`].
const REJECTED: usize = 100;
/// The period in which as many rejected rows are looked at as are kept, milliseconds: a flood costs no more than that.
const PERIOD_MS: i64 = 50;
/// Characters of a rejected row that are kept.
pub(super) const ROW_CHARS: usize = 1_000;
/// Latency markers that percentiles are taken of.
const MARKERS: usize = 512;

/// Looks whose answers are kept: the last, and the one before while the last is being answered.
const ANSWERS: usize = 2;

/// Written by the subtask now and then, read by whoever looks.
#[derive(Debug)]
pub(super) struct Shown {
    inner: Mutex<Inner>,
    /// The number of the look that was asked for last.
    asked: AtomicU64,
    /// The clock from which on the subtask answers again, nanoseconds.
    due_ns: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    operators: Arc<Vec<OperatorView>>,
    /// The operators as the last two looks have found them, with the numbers of these.
    answers: VecDeque<(u64, Arc<Vec<OperatorView>>)>,
    splits: Vec<SplitView>,
    alignment: Option<AlignmentView>,
    output: VecDeque<Arc<OutputRowView>>,
    output_rows: u64,
    rejected: VecDeque<Arc<RejectedRowView>>,
    rejected_since_ms: i64,
    rejected_taken: usize,
    latencies_us: VecDeque<u64>,
    markers: u64,
}

impl Default for Shown {
    fn default() -> Self {
        // Before the first look there was nothing to see.
        let inner = Inner { answers: VecDeque::from([(0, Arc::default())]), ..Inner::default() };
        Self { inner: Mutex::new(inner), asked: AtomicU64::default(), due_ns: AtomicU64::default() }
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the operators: the first time after it was asked for that is the answer to the look.
    pub(super) fn operators(&self, views: Vec<OperatorView>) {
        let asked = self.asked.load(Ordering::Acquire);
        let mut inner = self.lock();
        inner.operators = Arc::new(views);
        if inner.answers.back().is_none_or(|(look, _)| *look < asked) {
            let answer = (asked, Arc::clone(&inner.operators));
            if inner.answers.len() == ANSWERS {
                inner.answers.pop_front();
            }
            inner.answers.push_back(answer);
        }
    }

    /// Asks for the look of this number.
    pub(super) fn ask(&self, look: u64) {
        self.asked.store(look, Ordering::Release);
    }

    /// The number of the last look that was answered; zero before the first.
    pub(super) fn answered(&self) -> u64 {
        self.lock().answers.back().map_or(0, |(look, _)| *look)
    }

    /// Whether the answer to the look of this number is still held.
    pub(super) fn holds(&self, look: u64) -> bool {
        self.lock().answers.iter().any(|(held, _)| *held == look)
    }

    /// The next answer comes at this clock at the earliest, nanoseconds.
    pub(super) fn due(&self, at_ns: u64) {
        self.due_ns.store(at_ns, Ordering::Relaxed);
    }

    /// The clock from which on the subtask answers again, nanoseconds.
    pub(super) fn due_ns(&self) -> u64 {
        self.due_ns.load(Ordering::Relaxed)
    }

    /// The splits of a source, and its alignment.
    pub(super) fn source(&self, (splits, alignment): (Vec<SplitView>, Option<AlignmentView>)) {
        let mut inner = self.lock();
        (inner.splits, inner.alignment) = (splits, alignment);
    }

    /// The first `rows` rows of what a sink has just written.
    pub(super) fn output(&self, batch: &Batch, rows: usize) {
        let cells = Cells::new(batch.columns().columns());
        let mut inner = self.lock();
        for row in 0..rows.min(batch.rows()) {
            if inner.output.len() == OUTPUT {
                inner.output.pop_front();
            }
            inner.output_rows += 1;
            let (sequence, kind) = (inner.output_rows, batch.kind(row).short().to_owned());
            inner.output.push_back(Arc::new(OutputRowView { sequence, kind, values: cells.row(row) }));
        }
    }

    /// Rows given up at `at_ms`: the last of them are kept.
    pub(super) fn rejected(&self, rows: &[Rejected], at_ms: i64) {
        let mut inner = self.lock();
        if at_ms.saturating_sub(inner.rejected_since_ms) >= PERIOD_MS {
            inner.rejected_since_ms = at_ms;
            inner.rejected_taken = 0;
        }
        let take = rows.len().min(REJECTED.saturating_sub(inner.rejected_taken));
        inner.rejected_taken += take;
        for row in &rows[rows.len() - take..] {
            if inner.rejected.len() == REJECTED {
                inner.rejected.pop_front();
            }
            let (place, message) = (row.place.clone(), row.message.clone());
            let row = excerpt(&row.row, ROW_CHARS);
            inner.rejected.push_back(Arc::new(RejectedRowView { at_ms, place, message, row }));
        }
    }

    /// A latency marker has arrived at a sink.
    pub(super) fn latency(&self, nanos: u64) {
        let mut inner = self.lock();
        if inner.latencies_us.len() == MARKERS {
            inner.latencies_us.pop_front();
        }
        inner.markers += 1;
        inner.latencies_us.push_back(nanos / 1_000);
    }

    /// Fills in what was shown, of the operators what the look of this number has found; what was shown last without one.
    pub(super) fn fill(&self, view: &mut SubtaskView, look: Option<u64>) {
        let inner = self.lock();
        let found = look.and_then(|look| inner.answers.iter().find(|(held, _)| *held == look));
        view.operators = Arc::clone(found.map_or(&inner.operators, |(_, operators)| operators));
        view.splits.clone_from(&inner.splits);
        view.alignment = inner.alignment;
        view.output = inner.output.iter().cloned().collect();
        view.rejected = inner.rejected.iter().cloned().collect();
        view.latency = inner.latency();
    }

    /// The last late row of any operator, and the last rejected one.
    pub(super) fn last_late(&self) -> Option<String> {
        self.lock().operators.iter().rev().find_map(|operator| operator.late().last()).map(|late| late.row.clone())
    }

    pub(super) fn last_rejected(&self) -> Option<Arc<RejectedRowView>> {
        self.lock().rejected.back().cloned()
    }
}

impl Inner {
    fn latency(&self) -> Option<LatencyView> {
        let mut sorted: Vec<u64> = self.latencies_us.iter().copied().collect();
        sorted.sort_unstable();
        let at =
            |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied();
        Some(LatencyView {
            markers: self.markers,
            p50_us: at(50)?,
            p95_us: at(95)?,
            p99_us: at(99)?,
            max_us: sorted.last().copied()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;

    fn rejects(count: usize) -> Vec<Rejected> {
        let row = |i: usize| Rejected { place: format!("f:{i}"), row: vec![b'x'; 5_000], message: "bad".to_owned() };
        (0..count).map(row).collect()
    }

    #[test]
    fn a_flood_of_rejected_rows_is_looked_at_a_hundred_at_a_time() {
        let shown = Shown::default();
        shown.rejected(&rejects(10_000), 1_000);
        shown.rejected(&rejects(5), 1_010);
        let mut view = SubtaskView::default();
        shown.fill(&mut view, None);
        assert_eq!(view.rejected.len(), REJECTED);
        assert_eq!(view.rejected[REJECTED - 1].place, "f:9999", "the last of the first flood");
        assert_eq!(view.rejected[0].row.chars().count(), ROW_CHARS + 1);
        shown.rejected(&rejects(5), 1_060);
        assert_eq!(shown.last_rejected().map(|row| row.place.clone()), Some("f:4".to_owned()));
    }

    #[test]
    fn output_rows_are_numbered_and_carry_their_kind() {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..300));
        let rows = RecordBatch::try_from_iter([("v", column)]).expect("one column");
        let kinds = (0..300).map(|row| if row % 2 == 0 { 1_i8 } else { 2 }).collect::<Vec<_>>();
        let batch = Batch::untimed(rows).with_kinds(Some(kinds.into()));
        let shown = Shown::default();
        shown.output(&batch, 300);
        shown.output(&batch, 2);
        let mut view = SubtaskView::default();
        shown.fill(&mut view, None);
        assert_eq!(view.output.len(), OUTPUT);
        assert_eq!(view.output[OUTPUT - 1].sequence, 302);
        assert_eq!(
            (view.output[OUTPUT - 1].kind.as_str(), view.output[OUTPUT - 1].values[0].to_json()),
            ("+U", serde_json::json!(1))
        );
    }

    #[test]
    fn latency_percentiles_are_of_the_last_markers() {
        let shown = Shown::default();
        let mut view = SubtaskView::default();
        shown.fill(&mut view, None);
        assert_eq!(view.latency, None);
        for i in 0..1_000_u64 {
            shown.latency(i * 1_000);
        }
        shown.fill(&mut view, None);
        let latency = view.latency.expect("markers came");
        assert_eq!((latency.markers, latency.max_us), (1_000, 999));
        assert!((740..=748).contains(&latency.p50_us), "{latency:?}");
    }
}
