//! The windows of an operator, put together from its subtasks.

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::dashboard::draw::clock;
use crate::inspect::{JobView, LateRowView, OperatorView, VertexView, WindowEntryView};

/// An operator that has windows or rounds: the same place in the chain of every subtask.
pub(super) struct Operator<'a> {
    pub(super) vertex: &'a VertexView,
    place: usize,
}

/// A window, over all subtasks.
#[derive(Default)]
pub(super) struct Open<'a> {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) keys: u64,
    /// Whether there may be more.
    pub(super) keys_at_least: bool,
    pub(super) rows: u64,
    /// In every subtask that holds it.
    pub(super) fired: bool,
    /// Until the last of its subtasks fires it; `None` before the first watermark.
    pub(super) to_go_ms: Option<i64>,
    /// The share of the window's length that the watermark has passed.
    pub(super) passed: f64,
    pub(super) entries: Vec<(usize, &'a WindowEntryView)>,
}

/// A window that fired, over all subtasks.
pub(super) struct Fired {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) keys: u64,
    pub(super) again: bool,
}

/// The operators of a job that have windows or rounds, in the order of its graph.
pub(super) fn operators(view: &JobView) -> Vec<Operator<'_>> {
    let mut found = Vec::new();
    for vertex in &view.vertices {
        let chain = vertex.subtasks.iter().map(|subtask| subtask.operators.len()).max().unwrap_or(0);
        for place in 0..chain {
            let operator = Operator { vertex, place };
            if operator.views().any(|(_, _, view)| view.windows().is_some() || view.rounds().is_some()) {
                found.push(operator);
            }
        }
    }
    found
}

impl<'a> Operator<'a> {
    /// The views of the subtasks, for each: its index, its watermark, the operator.
    pub(super) fn views(&self) -> impl Iterator<Item = (usize, Option<i64>, &'a OperatorView)> + use<'a> {
        let place = self.place;
        self.vertex.subtasks.iter().filter_map(move |subtask| {
            let view = subtask.operators.get(place)?;
            Some((subtask.index, view.watermark.or(subtask.watermark), view))
        })
    }

    /// `Window(hop(10s, 2s))`, and its uid.
    pub(super) fn name(&self) -> String {
        let vertex = self.vertex;
        let shown = vertex.subtasks.iter().map(|subtask| subtask.operators.len()).max().unwrap_or(0);
        let parts: Vec<&str> = vertex.name.split(" -> ").collect();
        // The chain's name and its uids begin with the source, which has no view of its own.
        let name = parts.len().checked_sub(shown).and_then(|before| parts.get(before + self.place));
        let uid =
            vertex.operators.len().checked_sub(shown).and_then(|before| vertex.operators.get(before + self.place));
        let name = name.copied().unwrap_or(&vertex.name);
        uid.map_or_else(|| name.to_owned(), |uid| format!("{name} {uid}"))
    }

    /// The open windows, the next to fire first.
    pub(super) fn open(&self) -> Vec<Open<'a>> {
        let mut merged: BTreeMap<(i64, i64), Open<'a>> = BTreeMap::new();
        for (subtask, watermark, view) in self.views() {
            for window in view.open_windows() {
                let last = window.end.saturating_sub(1);
                let to_go_ms = watermark.map(|at| last.saturating_sub(at).max(0));
                let passed = watermark.map_or(0.0, |at| passed(window.start, last, at));
                let open = merged.entry((window.end, window.start)).or_insert_with(|| Open {
                    start: window.start,
                    end: window.end,
                    fired: true,
                    to_go_ms: Some(0),
                    passed: 1.0,
                    ..Open::default()
                });
                open.keys += window.keys;
                open.keys_at_least |= window.keys_at_least;
                open.rows += window.rows;
                open.fired &= window.fired;
                open.to_go_ms = open.to_go_ms.zip(to_go_ms).map(|(a, b)| a.max(b));
                open.passed = open.passed.min(passed);
                open.entries.extend(window.entries.iter().map(|entry| (subtask, entry)));
            }
        }
        merged.into_values().collect()
    }

    /// The windows that fired last, the newest first.
    pub(super) fn fired(&self) -> Vec<Fired> {
        let mut merged: BTreeMap<(i64, i64), Fired> = BTreeMap::new();
        for fired in self.views().flat_map(|(_, _, view)| view.fired_windows()) {
            let of = merged.entry((fired.end, fired.start)).or_insert(Fired {
                start: fired.start,
                end: fired.end,
                keys: 0,
                again: false,
            });
            of.keys += fired.keys;
            of.again |= fired.again;
        }
        merged.into_values().rev().collect()
    }

    /// The last late rows with their subtask, the newest of each first.
    pub(super) fn late(&self) -> Vec<(usize, &'a LateRowView)> {
        self.views().flat_map(|(subtask, _, view)| view.late().iter().rev().map(move |late| (subtask, late))).collect()
    }
}

/// The share of `start` to `last` that lies behind `at`.
#[expect(clippy::cast_precision_loss, reason = "a bar on a screen")]
fn passed(start: i64, last: i64, at: i64) -> f64 {
    let length = (i128::from(last) - i128::from(start)).max(1);
    let gone = (i128::from(at) - i128::from(start)).clamp(0, length);
    gone as f64 / length as f64
}

/// A window's bounds, as short as they can be told.
pub(super) fn bounds(start: i64, end: i64) -> String {
    let long = end.saturating_sub(start) >= 86_400_000;
    let shown = |ms: i64| match DateTime::from_timestamp_millis(ms) {
        Some(at) if long => at.format("%m-%d %H:%M").to_string(),
        Some(_) => {
            let text = clock(Some(ms));
            text.strip_suffix(".000").map_or_else(|| text.clone(), str::to_owned)
        }
        None => if ms < 0 { "-∞" } else { "∞" }.to_owned(),
    };
    format!("{}–{}", shown(start), shown(end))
}

#[cfg(test)]
mod tests {
    use super::{bounds, operators};
    use crate::dashboard::testing::{FIRST_EVENT_MS, view};

    #[test]
    fn windows_of_all_subtasks_are_one() {
        let view = view(20);
        let found = operators(&view);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name(), "Window(hop(10s, 2s)) hot-windows");
        let open = found[0].open();
        assert_eq!(open.iter().filter(|open| open.start == open.end - 10_000).count(), open.len());
        let whole = open.iter().find(|open| open.entries.len() == 16).expect("a window that all four hold");
        assert_eq!(whole.keys, 4 * whole.keys / 4);
        assert!(open.windows(2).all(|pair| pair[0].end < pair[1].end));
        assert!(open.windows(2).all(|pair| pair[0].passed >= pair[1].passed), "the next to fire is the fullest");
    }

    #[test]
    fn bounds_are_short() {
        assert_eq!(bounds(FIRST_EVENT_MS, FIRST_EVENT_MS + 10_000), "08:00:00–08:00:10");
        assert_eq!(bounds(FIRST_EVENT_MS, FIRST_EVENT_MS + 250), "08:00:00–08:00:00.250");
        assert_eq!(bounds(FIRST_EVENT_MS, FIRST_EVENT_MS + 86_400_000), "01-01 08:00–01-02 08:00");
        assert_eq!(bounds(i64::MIN, i64::MAX), "-∞–∞");
    }
}
