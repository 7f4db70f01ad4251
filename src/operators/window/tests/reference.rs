//! Flink's `WindowOperator` done naively.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Event;
use crate::api::WindowAssigner;
use crate::operators::testing::{Values, batch};

/// The events of each key, in the order the keys came.
type Panes = Vec<(Option<i64>, Vec<Event>)>;

/// Flink's `WindowOperator` done naively: every element looked at by itself.
pub(super) struct Reference {
    assigner: Arc<dyn WindowAssigner>,
    lateness: i64,
    delay: i64,
    watermark: i64,
    max_time: i64,
    /// By window end and key, in arrival order.
    windows: BTreeMap<i64, Panes>,
    pub(super) fired: Vec<String>,
    pub(super) late: usize,
    pub(super) by_arrival: bool,
}

impl Reference {
    pub(super) fn new(assigner: Arc<dyn WindowAssigner>, lateness: i64, delay: i64) -> Self {
        Self {
            assigner,
            lateness,
            delay,
            watermark: i64::MIN,
            max_time: i64::MIN,
            windows: BTreeMap::new(),
            fired: Vec::new(),
            late: 0,
            by_arrival: false,
        }
    }

    pub(super) fn ends(&self, time: i64) -> Vec<i64> {
        // Every window end near the time, found without slices.
        let reach = self.assigner.size_ms() * 3;
        let mut ends: Vec<i64> = Vec::new();
        let mut end = self.assigner.first_window_end(self.assigner.slice_end(time - reach));
        while end <= time + reach {
            if self.assigner.window_start(end) <= time && time < end {
                ends.push(end);
            }
            end = self.assigner.next_window_end(end);
        }
        ends
    }

    pub(super) fn result(&self, end: i64, key: Option<i64>, rows: &[Event]) -> String {
        let of = |time: i64| {
            let (_, shown) = batch(vec![("t", Values::Time(vec![Some(time)]))]);
            crate::operators::testing::lines(&shown).remove(0)
        };
        let mut distinct: Vec<&str> = rows.iter().filter_map(|row| row.3).collect();
        distinct.sort_unstable();
        distinct.dedup();
        format!(
            "{}|{}|{}|{}|{}|{}|{}{} @{}",
            key.map_or("null".to_owned(), |key| key.to_string()),
            of(self.assigner.window_start(end)),
            of(end),
            rows.len(),
            rows.iter().map(|row| row.2).sum::<i64>(),
            distinct.last().copied().unwrap_or("null"),
            distinct.len(),
            if self.by_arrival { ordered(rows) } else { String::new() },
            end - 1
        )
    }

    pub(super) fn fire(&mut self, watermark: i64) {
        let ready: Vec<i64> = self.windows.keys().copied().filter(|end| end - 1 <= watermark).collect();
        for end in ready {
            if end - 1 > self.watermark {
                for (key, rows) in &self.windows[&end] {
                    self.fired.push(self.result(end, *key, rows));
                }
            }
            if (end - 1).saturating_add(self.lateness) <= watermark {
                self.windows.remove(&end);
            }
        }
        self.watermark = watermark;
    }

    pub(super) fn element(&mut self, event: Event) {
        let mut ends = self.ends(event.0);
        // As Flink's assigners name them.
        ends.sort_by_key(|&end| Reverse(self.assigner.window_start(end)));
        let gone = |end: i64, watermark: i64| (end - 1).saturating_add(self.lateness) <= watermark;
        if !ends.is_empty() && ends.iter().all(|&end| gone(end, self.watermark)) {
            self.late += 1;
        }
        for end in ends {
            if gone(end, self.watermark) {
                continue;
            }
            let keys = self.windows.entry(end).or_default();
            match keys.iter_mut().find(|(key, _)| *key == event.1) {
                Some((_, rows)) => rows.push(event),
                None => keys.push((event.1, vec![event])),
            }
            if end - 1 <= self.watermark {
                let (key, rows) = self.windows[&end].iter().find(|(key, _)| *key == event.1).expect("just added");
                let line = self.result(end, *key, rows);
                self.fired.push(line);
            }
        }
        if event.0 > self.max_time {
            self.max_time = event.0;
            let reached = self.max_time - self.delay;
            if reached > self.watermark {
                self.fire(reached);
            }
        }
    }
}

/// The result of [`BY_ARRIVAL`].
pub(super) fn ordered(rows: &[Event]) -> String {
    fn once<T: PartialEq>(mut all: Vec<T>, value: T) -> Vec<T> {
        if !all.contains(&value) {
            all.push(value);
        }
        all
    }
    let channels = || rows.iter().filter_map(|row| row.3);
    let joined = |channels: Vec<&str>| if channels.is_empty() { "null".to_owned() } else { channels.join(",") };
    format!(
        "|{}|{}|{}|{}|{}",
        rows[0].2,
        channels().next_back().unwrap_or("null"),
        rows.iter().map(|row| row.2).fold(Vec::new(), once).last().expect("a row"),
        joined(channels().collect()),
        joined(channels().fold(Vec::new(), once)),
    )
}
