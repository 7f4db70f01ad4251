//! The views that a running aggregate shows of its windows and its state.

use super::{CALLS, events_batch, planned, random_events};
use crate::api::StateRead;
use crate::inspect::{OperatorView, StateOrigin, StateQuery, WindowView};
use crate::operators::testing::{MemoryState, Recorder, apply, context};
use crate::types::CheckpointId;

#[test]
fn windows_that_are_open_are_listed() {
    let operator = planned(("tumble", &[10]), 20, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let events = [(3, Some(1), 1, None), (13, Some(1), 1, None), (14, Some(2), 1, None)];
    running.process(0, events_batch(&events).1, &mut out).expect("processes");
    running.watermark(11, &mut out).expect("fires");
    let view = running.inspect();
    let windows: Vec<_> =
        view.open_windows().iter().map(|window| (window.start, window.end, window.keys, window.fired)).collect();
    assert_eq!(windows, [(0, 10, 1, true), (10, 20, 2, false)]);
    assert_eq!((view.watermark, view.entries().count), (Some(11), 3));
    assert!(view.entries().bytes > 0);
}

/// Windows as `start..end rows/keys: key=n, …`.
fn shown(view: &OperatorView) -> Vec<String> {
    let entries = |window: &WindowView| {
        let entries = window.entries.iter().map(|entry| format!("{}={}", entry.key.join(" "), entry.values[0]));
        entries.collect::<Vec<_>>().join(", ")
    };
    view.open_windows()
        .iter()
        .map(|w| format!("{}..{} {}/{}: {}", w.start, w.end, w.rows, w.keys, entries(w)))
        .collect()
}

#[test]
fn windows_of_several_slices_show_what_they_would_come_to() {
    let operator = planned(("hop", &[10, 5]), 0, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let events = [(3, Some(1), 1, None), (7, Some(1), 1, None), (8, Some(2), 1, None), (13, None, 1, None)];
    running.process(0, events_batch(&events).1, &mut out).expect("processes");
    let view = running.inspect();
    let windows = view.windows().expect("a window operator");
    assert_eq!(windows.keys, ["key"]);
    assert_eq!(windows.values, ["n", "total", "channel", "channels"]);
    assert_eq!(shown(&view), ["-5..5 1/1: 1=1", "0..10 3/2: 1=2, 2=1", "5..15 3/3: 1=1, 2=1", "10..20 1/1: NULL=1"]);
    running.watermark(5, &mut out).expect("fires");
    // Far away, and nothing between: it is not walked to.
    let far = [(1_000_000_000_000, Some(9), 1, None)];
    running.process(0, events_batch(&far).1, &mut out).expect("processes");
    let view = running.inspect();
    assert_eq!(view.timers(), 5);
    assert_eq!(shown(&view)[0], "0..10 3/2: 1=2, 2=1");
    assert_eq!(shown(&view)[3], "999999999995..1000000000005 1/1: 9=1");
    let fired: Vec<_> = view.fired_windows().iter().map(|f| (f.start, f.end, f.keys, f.watermark, f.again)).collect();
    assert_eq!(fired, [(-5, 5, 1, 5, false)]);
    // What is shown is what fires.
    running.watermark(9, &mut out).expect("fires");
    let last: Vec<_> = out.rows().iter().rev().take(2).map(|row| row.split('|').nth(3).map(str::to_owned)).collect();
    assert_eq!(last, [Some("1".to_owned()), Some("2".to_owned())]);
}

#[test]
fn too_many_keys_of_several_slices_are_at_least_those_of_the_fullest() {
    let operator = planned(("hop", &[10, 5]), 0, &CALLS[..1]);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let events: Vec<_> = (0..700).map(|key| (3, Some(key), 1, None)).collect();
    running.process(0, events_batch(&events).1, &mut out).expect("processes");
    let events: Vec<_> = (350..750).map(|key| (7, Some(key), 1, None)).collect();
    running.process(0, events_batch(&events).1, &mut out).expect("processes");
    let keys = |view: OperatorView| view.open_windows().iter().map(|w| (w.keys, w.keys_at_least)).collect::<Vec<_>>();
    assert_eq!(keys(running.inspect()), [(700, false), (700, true), (400, false)]);
}

#[test]
fn a_window_that_late_rows_change_has_fired_again() {
    let operator = planned(("tumble", &[10]), 20, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    running.process(0, events_batch(&[(3, Some(1), 1, None), (4, Some(2), 1, None)]).1, &mut out).expect("processes");
    running.watermark(11, &mut out).expect("fires");
    running.process(0, events_batch(&[(5, Some(1), 1, None), (6, Some(3), 1, None)]).1, &mut out).expect("processes");
    let view = running.inspect();
    let fired: Vec<_> = view.fired_windows().iter().map(|f| (f.end, f.keys, f.again)).collect();
    assert_eq!(fired, [(10, 2, false), (10, 2, true)]);
    assert_eq!(shown(&view), ["0..10 4/3: 1=2, 2=1, 3=1"]);
    assert_eq!(view.timers(), 0);
}

#[test]
fn very_many_windows_are_counted_and_not_listed() {
    let operator = planned(("hop", &[100_000, 1]), 0, &CALLS[..1]);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    running.process(0, events_batch(&[(500_000, Some(1), 1, None)]).1, &mut out).expect("processes");
    let view = running.inspect();
    assert_eq!(
        (view.open_windows().len(), view.windows().map(|windows| windows.left_out), view.timers()),
        (256, Some(4_096 - 256), 4_096)
    );
    assert_eq!((view.open_windows()[0].end, view.open_windows()[255].rows), (500_001, 1));
}

#[test]
fn live_state_is_what_the_next_snapshot_hands_over() {
    let operator = planned(("tumble", &[10]), 0, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let events = random_events(3, 400);
    running.process(0, events_batch(&events).1, &mut out).expect("processes");
    let query = StateQuery { limit: 10_000, ..StateQuery::default() };
    let reads = running.read_state(&query).expect("reads").expect("shows live state");
    let view = StateRead::view(reads, ("test", "WindowAggregate"), StateOrigin::Live, &|_| 0).expect("one state");
    let mut stored = MemoryState::default();
    apply(&mut stored, &context(), &running.snapshot(CheckpointId(1)).expect("snapshots"), 1);
    assert_eq!(view.entries, stored.entries() as u64);
    assert_eq!(view.rows.len() as u64, view.entries);
    assert!(view.rows.is_sorted_by_key(|row| row.namespace));
    let names: Vec<_> = view.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[..2], ["key", "count(*)"]);
    // Counts of all slices add up to the rows.
    let counted: i64 = view.rows.iter().map(|row| row.values[1].as_str().parse::<i64>().expect("a count")).sum();
    assert_eq!(counted, 400);
}
