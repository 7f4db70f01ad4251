//! The log of what happened to a job, as panels list it.

use crate::inspect::{EventView, Severity};

/// Events kept; older ones are forgotten first.
const KEPT: usize = 300;

/// The last events of a job, numbered over all its attempts.
#[derive(Debug)]
pub(super) struct EventLog {
    events: Vec<EventView>,
    sequence: u64,
}

impl EventLog {
    /// A log that goes on behind the events of earlier runs.
    pub(super) fn new(events: Vec<EventView>) -> Self {
        let sequence = events.last().map_or(0, |event| event.sequence);
        Self { events, sequence }
    }

    /// Notes an event; `row` is the row that caused it, as text.
    pub(super) fn note(
        &mut self,
        at_ms: i64,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
        row: Option<String>,
    ) {
        if self.events.len() == KEPT {
            self.events.remove(0);
        }
        self.sequence += 1;
        let (subject, message) = (subject.into(), message.into());
        self.events.push(EventView { sequence: self.sequence, at_ms, severity, subject, message, row });
    }

    /// Oldest first.
    pub(super) fn views(&self) -> &[EventView] {
        &self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_when_old_events_are_forgotten() {
        let mut log = EventLog::new(Vec::new());
        for at_ms in 0..1_000 {
            log.note(at_ms, Severity::Info, "job", "x", None);
        }
        assert_eq!(log.views().len(), KEPT);
        let numbers: Vec<u64> = log.views().iter().map(|event| event.sequence).collect();
        assert_eq!((numbers[0], numbers[KEPT - 1]), (701, 1_000));
    }
}
