//! Rows that were lost, summed up for the job's log: late ones and rejected ones, with the last of each.

use super::deploy::AttemptControl;
use super::event_log::EventLog;
use super::mailbox::Message;
use crate::inspect::Severity;
use crate::types::SubtaskId;

/// Between two looks, milliseconds.
const INTERVAL_MS: i64 = 1_000;
/// Events of one look; what is left over is part of the next.
const EVENTS: usize = 4;

/// The lost rows of one attempt that have been reported already.
#[derive(Debug, Default)]
pub(super) struct Survey {
    looked_ms: Option<i64>,
    noted: Vec<Vec<Noted>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    late: u64,
    rejected: u64,
    /// Whether the subtask was asked to show its last late row.
    asked: bool,
}

impl Survey {
    /// Begins with an attempt: what its counters say now was said before.
    pub(super) fn of(control: &AttemptControl) -> Self {
        let noted = |metrics: &super::metrics::SubtaskMetrics| {
            let totals = metrics.totals();
            Noted { late: totals.late_rows, rejected: totals.rejected_rows, asked: false }
        };
        let noted = control.metrics.iter().map(|subtasks| subtasks.iter().map(|m| noted(m)).collect()).collect();
        Self { looked_ms: None, noted }
    }

    /// Notes rows that were lost since the last look, at most once a second; with `last` whatever there is.
    pub(super) fn look(&mut self, control: &AttemptControl, now_ms: i64, last: bool, log: &mut EventLog) {
        if !last && self.looked_ms.is_some_and(|looked| now_ms.saturating_sub(looked) < INTERVAL_MS) {
            return;
        }
        self.looked_ms = Some(now_ms);
        let mut left = EVENTS;
        for ((id, metrics), noted) in
            control.subtasks().zip(control.metrics.iter().flatten()).zip(self.noted.iter_mut().flatten())
        {
            let totals = metrics.totals();
            let late = totals.late_rows.saturating_sub(noted.late);
            let rejected = totals.rejected_rows.saturating_sub(noted.rejected);
            if late > 0 && left > 0 {
                // The row is in the operator: it is asked for first and there at the next look.
                if std::mem::replace(&mut noted.asked, true) || last || metrics.is_finished() {
                    let row = metrics.shown().last_late();
                    note_late(log, now_ms, (control, id), late, row);
                    (noted.late, noted.asked) = (totals.late_rows, false);
                    left -= 1;
                } else {
                    control.tell(id, Message::Look);
                }
            }
            if rejected > 0 && left > 0 {
                let row = metrics.shown().last_rejected();
                let (why, row) = row.map_or((String::new(), None), |row| {
                    (format!(", the last at {}: {}", row.place, row.message), Some(row.row.clone()))
                });
                let message = format!("{} rejected by {}{why}", rows(rejected), name(control, id));
                log.note(now_ms, Severity::Warning, format!("subtask {id}"), message, row);
                noted.rejected = totals.rejected_rows;
                left -= 1;
            }
        }
    }
}

fn note_late(
    log: &mut EventLog,
    now_ms: i64,
    (control, id): (&AttemptControl, SubtaskId),
    late: u64,
    row: Option<String>,
) {
    let name = name(control, id);
    let side_output = control
        .graph
        .vertices
        .get(id.vertex.0)
        .is_some_and(|vertex| vertex.operators.iter().any(|chained| !chained.operator.side_outputs().is_empty()));
    let (severity, what) =
        if side_output { (Severity::Info, "sent to its side output") } else { (Severity::Warning, "dropped") };
    let message = format!("{} too late for {name} and {what}", rows(late));
    log.note(now_ms, severity, format!("subtask {id}"), message, row);
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row was".to_owned() } else { format!("{count} rows were") }
}

fn name(control: &AttemptControl, id: SubtaskId) -> &str {
    control.graph.vertices.get(id.vertex.0).map_or("?", |vertex| vertex.name.as_str())
}
