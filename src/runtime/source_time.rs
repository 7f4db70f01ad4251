//! The event times of a source's rows, and the time without any.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::ScalarBuffer;
use arrow_select::filter::filter_record_batch;

use crate::api::{EventTimeEvaluator, RowTimes, TimeSpans};
use crate::expr::{EvalContext, RowError};
use crate::types::{NO_TIME, Result};

/// Rows with their event times.
pub(super) struct TimedRows {
    pub(super) rows: RecordBatch,
    pub(super) times: ScalarBuffer<i64>,
    /// What may raise the watermark, where that are not the times.
    pub(super) marks: Option<ScalarBuffer<i64>>,
    pub(super) spans: TimeSpans,
}

impl TimedRows {
    pub(super) fn new(rows: RecordBatch, RowTimes { times, marks }: RowTimes) -> Self {
        let spans = TimeSpans::of(&times);
        Self { rows, times, marks, spans }
    }

    /// The rows from `from` on, so many.
    pub(super) fn slice(&self, from: usize, rows: usize) -> Self {
        let marks = self.marks.as_ref().map(|marks| marks.slice(from, rows));
        Self::new(self.rows.slice(from, rows), RowTimes { times: self.times.slice(from, rows), marks })
    }
}

/// The times that a source's event-time expression makes of its rows; without one no row has a time.
pub(super) struct EventTimes(pub(super) Option<EventTimeEvaluator>);

/// Rows with their times, and those that have none.
pub(super) struct Admitted {
    pub(super) rows: TimedRows,
    /// By their place in the rows that were given, ascending.
    pub(super) untimed: Vec<RowError>,
}

impl EventTimes {
    /// Gives `rows` their event times, none of ingestion before `reached`. Those that have none are left out: an event
    /// time that is null, or fails.
    ///
    /// # Errors
    /// When the expression can't be evaluated at all: a defect of ours.
    pub(super) fn admit(&self, rows: &RecordBatch, reached: i64, now_ms: i64) -> Result<Admitted> {
        let Some(evaluator) = &self.0 else {
            let times = vec![NO_TIME; rows.num_rows()].into();
            let rows = TimedRows::new(rows.clone(), RowTimes { times, marks: None });
            return Ok(Admitted { rows, untimed: Vec::new() });
        };
        let mut context = EvalContext::new(now_ms, "event time");
        let all = TimedRows::new(rows.clone(), evaluator.evaluate(rows, reached, &mut context)?);
        let mut untimed = context.errors;
        if untimed.is_empty() && !all.spans.any_untimed() {
            return Ok(Admitted { rows: all, untimed });
        }
        let failed: Vec<usize> = untimed.iter().map(|error| error.row).collect();
        for (row, &time) in all.times.iter().enumerate() {
            if time == NO_TIME && !failed.contains(&row) {
                untimed.push(RowError { row, message: "no event time".to_owned() });
            }
        }
        untimed.sort_by_key(|error| error.row);
        untimed.dedup_by_key(|error| error.row);
        let mut keep = vec![true; rows.num_rows()];
        for error in &untimed {
            keep[error.row] = false;
        }
        let kept =
            |values: &[i64]| values.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(value, _)| *value).collect();
        let times = RowTimes { times: kept(&all.times), marks: all.marks.as_deref().map(kept) };
        let rows = filter_record_batch(rows, &BooleanArray::from(keep.clone()))?;
        Ok(Admitted { rows: TimedRows::new(rows, times), untimed })
    }
}

/// Since when a source has sent nothing: after the timeout it is left out of the minimum of watermarks, be it that
/// nothing comes or that nothing is due by its pace.
#[derive(Debug)]
pub(super) struct IdleTimer {
    timeout_ms: Option<i64>,
    since_ms: i64,
    idle: bool,
}

/// The consequence of there being nothing to send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The source has just become idle.
    Idle,
    /// The source becomes idle at this time of the clock, if nothing comes; `None` for never, or when it is already.
    Until(Option<i64>),
}

impl IdleTimer {
    pub(super) const fn new(timeout_ms: Option<i64>, now_ms: i64) -> Self {
        Self { timeout_ms, since_ms: now_ms, idle: false }
    }

    /// Whether the timer must be told of rows.
    pub(super) const fn is_set(&self) -> bool {
        self.timeout_ms.is_some()
    }

    /// Whether nobody waits for it.
    pub(super) const fn is_idle(&self) -> bool {
        self.idle
    }

    /// Begins to count anew.
    pub(super) const fn restart(&mut self, now_ms: i64) {
        self.since_ms = now_ms;
    }

    /// Rows are sent; whether that ends the idleness.
    pub(super) const fn rows(&mut self, now_ms: i64) -> bool {
        self.since_ms = now_ms;
        std::mem::replace(&mut self.idle, false)
    }

    /// Nothing is sent now.
    pub(super) fn nothing(&mut self, now_ms: i64) -> Silence {
        let Some(timeout_ms) = self.timeout_ms.filter(|_| !self.idle) else { return Silence::Until(None) };
        let idle_at_ms = self.since_ms.saturating_add(timeout_ms);
        self.idle = now_ms >= idle_at_ms;
        if self.idle { Silence::Idle } else { Silence::Until(Some(idle_at_ms)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_idle_once_until_rows_come() {
        let mut timer = IdleTimer::new(Some(100), 1_000);
        assert_eq!(timer.nothing(1_050), Silence::Until(Some(1_100)));
        assert!(!timer.rows(1_060));
        assert_eq!(timer.nothing(1_160), Silence::Idle);
        assert_eq!(timer.nothing(1_200), Silence::Until(None));
        assert!(timer.rows(1_300));
        assert_eq!(timer.nothing(1_300), Silence::Until(Some(1_400)));
        assert_eq!(IdleTimer::new(None, 0).nothing(1_000), Silence::Until(None));
    }
}
