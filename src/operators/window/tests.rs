//! The windowed aggregate against a plain reference, in pieces, and from its own snapshots.

mod cascade;
mod reference;
mod table_function;
mod views;

use std::convert::Infallible;
use std::sync::Arc;

use arrow_array::Int64Array;
use reference::Reference;

use super::assigners::window_functions;
use crate::api::{Arg, Operator, OperatorContext, PlannedOperator, TimeAttributes, WatermarkGenerator};
use crate::expr::Scope;
use crate::operators::testing::{
    FakeStream, MemoryState, Random, Recorder, Values, advance, aggregates, apply, assigner, at, batch, context,
    instance, names, window_call,
};
use crate::types::key_group::{hash_keys, key_group};
use crate::types::{Batch, CheckpointId, Clock, MAX_WATERMARK, Schema, SystemClock};

/// `key_by key | window … | aggregate …` over columns key, price, channel.
fn planned(window: (&str, &[i64]), lateness: i64, calls: &[(&str, Option<&str>, &str)]) -> Arc<dyn PlannedOperator> {
    let mut stream = FakeStream::new(&schema());
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    let clauses = vec![("lateness", Arg::Duration(at(lateness))), ("late_to", Arg::Name(at("late_rows".to_owned())))];
    stream.stage("window", vec![Arg::Window(window_call(window.0, window.1))], clauses).expect("binds");
    stream.stage("aggregate", vec![aggregates(calls)], vec![]).expect("binds");
    assert_eq!(stream.side_outputs, ["late_rows"]);
    stream.applied.pop().expect("an operator")
}

const CALLS: &[(&str, Option<&str>, &str)] = &[
    ("count", None, "n"),
    ("sum", Some("price"), "total"),
    ("max", Some("channel"), "channel"),
    ("count distinct", Some("channel"), "channels"),
];

/// The calls that depend on the order of rows, behind the [`CALLS`]; every other seed has them.
const BY_ARRIVAL: &[(&str, Option<&str>, &str)] = &[
    ("first_value", Some("price"), "first"),
    ("last_value", Some("channel"), "last"),
    ("last_value distinct", Some("price"), "last_new"),
    ("listagg", Some("channel"), "all"),
    ("listagg distinct", Some("channel"), "each"),
];

fn calls(by_arrival: bool) -> Vec<(&'static str, Option<&'static str>, &'static str)> {
    [CALLS, if by_arrival { BY_ARRIVAL } else { &[] }].concat()
}

const CHANNELS: [Option<&str>; 5] = [Some("a"), Some("bb"), None, Some("ccc"), Some("")];

/// One event: time, key, price, channel.
type Event = (i64, Option<i64>, i64, Option<&'static str>);

fn schema() -> Schema {
    events_batch(&[]).0
}

fn events_batch(events: &[Event]) -> (Schema, Batch) {
    let (schema, rows) = batch(vec![
        ("key", Values::Int(events.iter().map(|event| event.1).collect())),
        ("price", Values::ints(events.iter().map(|event| event.2))),
        ("channel", Values::Text(events.iter().map(|event| event.3).collect())),
    ]);
    let times: Vec<i64> = events.iter().map(|event| event.0).collect();
    (schema, rows.with_times(times.into()))
}

/// Feeds events as a source does: in batches of `size`, cut where the watermark matters.
fn feed(
    operator: &mut dyn Operator,
    generator: &mut WatermarkGenerator,
    events: &[Event],
    size: usize,
    out: &mut Recorder,
) {
    for events in events.chunks(size) {
        let (_, batch) = events_batch(events);
        let times = batch.times().clone();
        let done: Result<(), Infallible> = generator.advance(&times, |rows, watermark| {
            if !rows.is_empty() {
                operator.process(0, batch.slice(rows.start, rows.len()), out).expect("processes");
            }
            if let Some(watermark) = watermark {
                operator.watermark(watermark, out).expect("fires");
            }
            Ok(())
        });
        done.expect("nothing fails");
    }
}

/// Out-of-order events, some of them much too late.
fn random_events(seed: u64, count: i64) -> Vec<Event> {
    let mut random = Random(seed << 32);
    (0..count)
        .map(|index| {
            let back = match random.below(20) {
                0 => random.int(300),
                1..5 => random.int(40),
                _ => random.int(5),
            };
            let key = random.int(6);
            let channel = CHANNELS[usize::try_from(random.below(5)).expect("small")];
            (index * 2 - back, (key != 5).then_some(key), random.int(100), channel)
        })
        .collect()
}

/// Within one firing the order of keys is ours to choose where windows are merged of slices: compare as multisets, and
/// the order of windows by itself.
fn sorted(rows: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    let mut rows: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    rows.sort();
    rows
}

const WINDOWS: &[(&str, &[i64])] = &[
    ("tumble", &[20]),
    ("tumble", &[20, 7]),
    ("hop", &[20, 10]),
    ("hop", &[30, 10]),
    ("hop", &[25, 10]),
    ("hop", &[10, 25]),
    ("cumulate", &[10, 40]),
    ("hop", &[160, 10]),
    ("hop", &[130, 15]),
    ("cumulate", &[5, 85]),
];

#[test]
fn agrees_with_a_plain_reference_in_any_batch_size() {
    for &(name, args) in WINDOWS {
        for lateness in [0, 15, 60] {
            for seed in 0..4 {
                let events = random_events(seed, 400);
                let by_arrival = seed % 2 == 1;
                let operator = planned((name, args), lateness, &calls(by_arrival));
                let mut reference = Reference::new(assigner(name, args), lateness, 8);
                reference.by_arrival = by_arrival;
                for &event in &events {
                    reference.element(event);
                }
                reference.fire(MAX_WATERMARK);
                let what = format!("{name}({args:?}) lateness {lateness} seed {seed}");
                let mut whole: Option<Vec<String>> = None;
                for size in [1, 7, 1024] {
                    let context = context();
                    let mut running = operator.create(&context).expect("creates");
                    let mut out = Recorder::default();
                    feed(&mut *running, &mut WatermarkGenerator::new(8), &events, size, &mut out);
                    running.watermark(MAX_WATERMARK, &mut out).expect("fires");
                    assert_eq!(context.metrics.late_rows(), reference.late as u64, "{what}");
                    assert_eq!(out.late().len(), reference.late, "{what}");
                    let rows: Vec<String> = out.rows().iter().map(ToString::to_string).collect();
                    assert_eq!(sorted(&rows), sorted(&reference.fired), "{what} in batches of {size}");
                    if name == "tumble" {
                        assert_eq!(rows, reference.fired, "{what}: the order");
                    }
                    assert_eq!(whole.get_or_insert(rows.clone()), &rows, "{what}: batches of {size}");
                    assert_eq!(running.inspect().entries().count, 0, "{what}: state is left");
                }
            }
        }
    }
}

fn share(events: &[Event], subtask: usize, parallelism: usize) -> Vec<Event> {
    let keys = Arc::new(Int64Array::from(events.iter().map(|event| event.1).collect::<Vec<_>>()));
    let mut hashes = Vec::new();
    hash_keys(&[keys], &mut hashes).expect("hashes");
    let range = crate::types::key_group::groups_of(subtask, parallelism, 128);
    let owned = events.iter().zip(hashes).filter(|(_, hash)| range.contains(&key_group(*hash, 128)));
    owned.map(|(event, _)| *event).collect()
}

/// Sends each instance its rows and all of them every watermark, an event at a time.
/// Those that have more to give go on a random number of times before the next element, and till the end of it where they
/// take no more before.
fn feed_all(
    instances: &mut [(Box<dyn Operator>, Recorder)],
    generator: &mut WatermarkGenerator,
    events: &[Event],
    random: &mut Random,
) {
    let parallelism = instances.len();
    for &event in events {
        let done: Result<(), Infallible> = generator.advance(&[event.0], |rows, watermark| {
            for (subtask, (operator, out)) in instances.iter_mut().enumerate() {
                advance(&mut **operator, out, random.below(3));
                while !out.armed.full.is_empty() {
                    advance(&mut **operator, out, 1);
                }
                if !rows.is_empty() && !share(&[event], subtask, parallelism).is_empty() {
                    operator.process(0, events_batch(&[event]).1, out).expect("processes");
                }
                if let Some(watermark) = watermark {
                    operator.watermark(watermark, out).expect("fires");
                }
            }
            Ok(())
        });
        done.expect("nothing fails");
    }
}

#[test]
fn snapshots_restored_at_another_parallelism_change_nothing() {
    for &(name, args) in WINDOWS {
        for lateness in [0, 30] {
            for seed in 0..3_u64 {
                let events = random_events(seed + 100, 240);
                let operator = planned((name, args), lateness, &calls(seed % 2 == 1));
                let what = format!("{name}({args:?}) lateness {lateness} seed {seed}");
                let straight = run_restoring(&*operator, &events, &[1], 8_192, seed);
                let restored = run_restoring(&*operator, &events, &[1, 3, 2, 3, 1], 8_192, seed);
                assert!(!straight.rows.is_empty());
                assert_eq!(straight.sorted(), restored.sorted(), "{what}");
                // Firing row by row, so that snapshots and other rows come between the rows of a window.
                let slowly = run_restoring(&*operator, &events, &[1], 1, seed);
                assert_eq!(straight, slowly, "{what}");
                let restored = run_restoring(&*operator, &events, &[1, 3, 2, 3, 1], 1, seed);
                assert_eq!(straight.sorted(), restored.sorted(), "{what}");
            }
        }
    }
}

/// The output of a run.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    /// Rows, late rows and watermarks, in order; of watermarks without rows between them the last.
    rows: Vec<String>,
    late: u64,
}

impl Given {
    /// The run's rows without the watermarks, sorted.
    fn sorted(&self) -> (Vec<String>, u64) {
        let rows = self.rows.iter().filter(|row| !row.starts_with('~'));
        (sorted(rows), self.late)
    }
}

/// A run that is stopped at random places and goes on from its snapshot at the next of the `parallelisms`.
fn run_restoring(
    operator: &dyn PlannedOperator,
    events: &[Event],
    parallelisms: &[usize],
    batch_rows: usize,
    seed: u64,
) -> Given {
    let mut random = Random(seed);
    let mut generator = WatermarkGenerator::new(8);
    let mut state: Option<MemoryState> = None;
    let (mut rows, mut late, mut rest) = (Vec::new(), 0, events);
    for (run, &parallelism) in parallelisms.iter().enumerate() {
        let contexts: Vec<OperatorContext> = (0..parallelism)
            .map(|subtask| OperatorContext { batch_rows, ..instance(subtask, parallelism, state.as_ref()) })
            .collect();
        let started = contexts.iter().map(|context| {
            let operator = operator.create(context).expect("creates");
            (operator, Recorder { armed: context.armed.get(), ..Recorder::default() })
        });
        let mut instances: Vec<(Box<dyn Operator>, Recorder)> = started.collect();
        let last = run + 1 == parallelisms.len();
        // Two snapshots a run, so that the second is relative to the first.
        for _ in 0..2 {
            let count = if last { rest.len() } else { usize::try_from(random.below(30)).expect("small") };
            let (now, then) = rest.split_at(count.min(rest.len()));
            rest = then;
            feed_all(&mut instances, &mut generator, now, &mut random);
            let mut next = state.take().unwrap_or_default();
            next.begin();
            for (context, (operator, _)) in contexts.iter().zip(&mut instances) {
                apply(&mut next, context, &operator.snapshot(CheckpointId(1)).expect("snapshots"), 1);
            }
            state = Some(next);
        }
        for (context, (mut operator, mut out)) in contexts.iter().zip(instances) {
            if last {
                while advance(&mut *operator, &mut out, 1) {}
                operator.watermark(MAX_WATERMARK, &mut out).expect("fires");
                while advance(&mut *operator, &mut out, 1) {}
            }
            rows.append(&mut out.elements);
            late += context.metrics.late_rows();
        }
    }
    let is_watermark = |row: &String| row.starts_with('~');
    let next = rows.iter().skip(1).map(is_watermark).chain([false]).collect::<Vec<_>>();
    let rows = rows.iter().zip(next).filter(|(row, next)| !(is_watermark(row) && *next)).map(|(row, _)| row.clone());
    Given { rows: rows.collect(), late }
}

/// While slices are merged, and not yet given, rows and snapshots come through.
#[test]
fn slices_of_many_keys_are_merged_some_groups_a_call() {
    for args in [[10, 5], [40, 5]] {
        let slices = args[0] / args[1];
        let operator = planned(("hop", &args), 0, &CALLS[..2]);
        let of_slice = |slice: i64, keys: i64| -> Vec<Event> {
            (0..keys).map(|key| (slice * 5, Some(key * 7 % keys), slice + 1, None)).collect()
        };
        let restored = |state: Option<&MemoryState>| {
            let context = OperatorContext { batch_rows: 1_000, ..instance(0, 1, state) };
            let out = Recorder::default();
            (operator.create(&context).expect("creates"), Recorder { armed: context.armed.get(), ..out })
        };
        let (mut running, mut out) = restored(None);
        for slice in 0..slices {
            running.process(0, events_batch(&of_slice(slice, 20_000)).1, &mut out).expect("processes");
        }
        // What there is before the first full window.
        running.watermark(args[0] - 2, &mut out).expect("fires");
        advance(&mut *running, &mut out, u64::MAX);
        out.elements.clear();
        running.watermark(args[0] - 1, &mut out).expect("fires");
        let mut calls = 1;
        while out.elements.is_empty() {
            assert!(out.armed.more && out.armed.full.is_empty());
            running
                .process(0, events_batch(&of_slice(slices, 10)).1, &mut out)
                .expect("takes what is of no such window");
            assert!(advance(&mut *running, &mut out, 1));
            calls += 1;
        }
        // 8,000 groups a call; of the tree a part is merged already.
        assert_eq!(calls, if slices == 2 { 40_000_usize.div_ceil(8_000) } else { 10 }, "{args:?}");
        let mut state = MemoryState::default();
        apply(&mut state, &context(), &running.snapshot(CheckpointId(1)).expect("snapshots"), 1);
        let (mut again, mut rest) = restored(Some(&state));
        for (running, out) in [(&mut running, &mut out), (&mut again, &mut rest)] {
            advance(&mut **running, out, u64::MAX);
        }
        let sum = slices * (slices + 1) / 2;
        let rows: Vec<&str> = out.rows();
        assert_eq!(rows.len(), 20_000, "{args:?}");
        assert!((0..20_000).zip(&rows).all(|(key, row)| row.starts_with(&format!("{}|", key * 7 % 20_000))));
        assert!(rows.iter().all(|row| row.contains(&format!("|{slices}|{sum} @"))), "{}", rows[0]);
        let given = rows.len() - rest.rows().len();
        assert!(given > 0 && given <= 2_000, "{given} of the rows had been given");
    }
}

/// A window of 8,640 slices that fires every slice: merged anew each time this would be 75 million merges.
#[test]
fn windows_of_many_slices_share_their_merges() {
    let operator = planned(("hop", &[86_400, 10]), 0, &[("count", None, "n")]);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let events: Vec<Event> = (0..10_000).map(|row| (row * 10, Some(row % 2), 1, None)).collect();
    feed(&mut *running, &mut WatermarkGenerator::new(0), &events, 100, &mut out);
    let full = out.rows().iter().filter(|row| row.contains("|4320 @")).count();
    // Windows that end between one size after the first row and the last watermark, for each of two keys; the one
    // before lacks a row of the second key alone.
    assert_eq!(full, 2 * (9_999 - 8_640 + 1) + 1);
}

#[test]
fn many_small_windows_take_a_time_that_grows_as_they_do() {
    let clock = SystemClock::new();
    let fired_us = |windows: i64| {
        let took = (0..3).map(|_| {
            let mut running = planned(("tumble", &[1]), 0, &CALLS[..2]).create(&context()).expect("creates");
            let mut out = Recorder::default();
            let events: Vec<Event> = (0..windows).map(|row| (row * 7_919 % windows, Some(1), 1, None)).collect();
            let from = clock.nanos();
            for events in events.chunks(1_000) {
                running.process(0, events_batch(events).1, &mut out).expect("processes");
            }
            running.watermark(windows, &mut out).expect("fires");
            while advance(&mut *running, &mut out, 1) {}
            let took = (clock.nanos() - from) / 1_000;
            assert_eq!(i64::try_from(out.rows().len()), Ok(windows));
            took
        });
        took.min().expect("a time")
    };
    let (few, many) = (fired_us(2_500), fired_us(20_000));
    // Quadratic would be 64 times.
    assert!(many <= few * 24, "{few} us, then {many} us");
}

#[test]
fn a_row_of_the_year_9999_fires_everything_without_stepping_through_the_empty_windows() {
    let operator = planned(("hop", &[10, 1]), 0, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let far = 253_402_300_799_000;
    let events = [(5, Some(1), 1, None), (far, Some(1), 2, None), (7, Some(1), 3, None), (i64::MAX, Some(2), 4, None)];
    feed(&mut *running, &mut WatermarkGenerator::new(0), &events, 10, &mut out);
    running.watermark(MAX_WATERMARK, &mut out).expect("fires");
    let rows = out.rows();
    // Ten windows each for the first two rows; the last falls into the end of time.
    assert_eq!(rows.iter().filter(|row| row.starts_with("1|")).count(), 20, "{rows:#?}");
    assert!(rows.iter().any(|row| row.starts_with("2|")), "{rows:#?}");
    assert_eq!(out.late().len(), 1);
}

#[test]
fn rows_without_a_time_are_rejected() {
    let operator = planned(("tumble", &[10]), 0, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let (_, rows) = events_batch(&[(3, Some(1), 1, None), (crate::types::NO_TIME, Some(9), 2, Some("x"))]);
    running.process(0, rows, &mut out).expect("processes");
    running.watermark(9, &mut out).expect("fires");
    assert_eq!(out.elements, ["1|00:00:00|00:00:00.010|1|1|null|0 @9", "~9"]);
    assert_eq!(out.rejected.len(), 1);
    assert_eq!(out.rejected[0].message, "no event time");
    assert_eq!(String::from_utf8_lossy(&out.rejected[0].row), "key=9, price=2, channel=x");
}

#[test]
fn without_keys_there_is_one_result_a_window_and_one_subtask() {
    let mut stream = FakeStream::new(&schema());
    stream.stage("window", vec![Arg::Window(window_call("hop", &[10, 5]))], vec![]).expect("binds");
    stream.stage("aggregate", vec![aggregates(&[("sum", Some("price"), "total")])], vec![]).expect("binds");
    let operator = stream.last();
    assert_eq!(operator.parallelism(), Some(1));
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let (_, rows) = events_batch(&[(3, Some(1), 1, None), (6, Some(2), 2, None)]);
    running.process(0, rows, &mut out).expect("processes");
    let delta = running.snapshot(CheckpointId(1)).expect("snapshots");
    let mut state = MemoryState::default();
    apply(&mut state, &context(), &delta, 0);
    assert_eq!(state.entries(), 2);
    let mut again = operator.create(&instance(0, 1, Some(&state))).expect("creates");
    let mut restored = Recorder::default();
    for (running, out) in [(&mut running, &mut out), (&mut again, &mut restored)] {
        running.watermark(MAX_WATERMARK, out).expect("fires");
    }
    insta::assert_debug_snapshot!(out.rows(), @r#"
    [
        "1969-12-31T23:59:59.995|00:00:00.005|1 @4",
        "00:00:00|00:00:00.010|3 @9",
        "00:00:00.005|00:00:00.015|2 @14",
    ]
    "#);
    assert_eq!(out.rows(), restored.rows());
}

#[test]
fn pruned_it_reads_and_gives_only_what_is_needed() {
    let input = schema();
    let mut stream = FakeStream::new(&input);
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    stream.stage("window", vec![Arg::Window(window_call("tumble", &[10]))], vec![]).expect("binds");
    stream.stage("aggregate", vec![aggregates(CALLS)], vec![]).expect("binds");
    let pruned = stream.last().prune(&[2, 4]).expect("narrows");
    assert_eq!(pruned.inputs, [vec![0, 1]]);
    assert_eq!(pruned.operator.output().names().collect::<Vec<_>>(), ["window_end", "total"]);
    assert_eq!(pruned.operator.describe(), "keys=[key], window=tumble(10ms), select=[window_end, sum(price) as total]");
    let (_, rows) = events_batch(&[(3, Some(1), 5, None)]);
    let narrowed = rows.columns().project(&[0, 1]).expect("projects");
    let mut running = pruned.operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    running.process(0, Batch::new(narrowed, rows.times().clone()), &mut out).expect("processes");
    running.watermark(MAX_WATERMARK, &mut out).expect("fires");
    assert_eq!(out.rows(), ["00:00:00.010|5 @9"]);
    // A reader of late rows may want every column.
    let with_late = planned(("tumble", &[10]), 0, CALLS);
    assert_eq!(with_late.prune(&[2, 4]).expect("narrows").inputs, [vec![0, 1, 2]]);
}

#[test]
fn a_purged_window_is_dropped_from_stored_state_and_an_untouched_one_is_not_written_again() {
    let operator = planned(("tumble", &[10]), 0, CALLS);
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let snapshot = |running: &mut dyn Operator| {
        let delta = running.snapshot(CheckpointId(1)).expect("snapshots");
        delta
            .changes
            .iter()
            .map(|change| match change {
                crate::state::StateChange::Upsert { namespace, rows, .. } => {
                    format!("{namespace}: {}", rows.rows.num_rows())
                }
                crate::state::StateChange::DropNamespace { namespace, .. } => format!("{namespace}: gone"),
                crate::state::StateChange::Operator { entry, .. } => {
                    format!("watermark {}", i64::from_le_bytes(entry.as_slice().try_into().expect("eight bytes")))
                }
                crate::state::StateChange::Remove { .. }
                | crate::state::StateChange::Deferred { .. }
                | crate::state::StateChange::Commit { .. } => {
                    panic!("a window neither removes single entries nor commits")
                }
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    let events = [(3, Some(1), 1, None), (13, Some(1), 1, None), (14, Some(2), 1, None)];
    running.process(0, events_batch(&events).1, &mut out).expect("processes");
    running.watermark(5, &mut out).expect("fires");
    assert_eq!(snapshot(&mut *running), "10: 1, 20: 2, watermark 5");
    assert_eq!(snapshot(&mut *running), "watermark 5");
    running.process(0, events_batch(&[(15, Some(2), 1, None)]).1, &mut out).expect("processes");
    running.watermark(12, &mut out).expect("fires");
    assert_eq!(snapshot(&mut *running), "10: gone, 20: 1, watermark 12");
}

#[test]
fn windows_of_impossible_lengths_are_refused() {
    let refused = |name: &str, args: &[i64]| {
        let spec = window_functions().iter().find(|spec| spec.name == name).expect("registered");
        let refused = (spec.bind)(&window_call(name, args), &Scope::default()).expect_err("is refused");
        format!("{name}{args:?}: {}", refused.message)
    };
    let day = 86_400_000;
    insta::assert_snapshot!([
        refused("tumble", &[]),
        refused("tumble", &[0]),
        refused("tumble", &[-5]),
        refused("tumble", &[1_000_000_000_000_i64.saturating_mul(day)]),
        refused("hop", &[10]),
        refused("hop", &[10, 0]),
        refused("hop", &[1_000_000_000, 1]),
        refused("hop", &[100_003, 100_002]),
        refused("cumulate", &[3, 10]),
        refused("cumulate", &[0, 10]),
    ].join("\n"), @r"
    tumble[]: `tumble` takes 1 or 2 durations, not 0
    tumble[0]: the size of a window must be longer than 0s
    tumble[-5]: the size of a window must be longer than 0s
    tumble[9223372036854775807]: this duration is out of range: at most 104,249,991 days
    hop[10]: `hop` takes 2 or 3 durations, not 1
    hop[10, 0]: the slide of a window must be longer than 0s
    hop[1000000000, 1]: each window would have 1,000,000,000 slices of 1ms; at most 100,000 are kept
    hop[100003, 100002]: each window would have 100,003 slices of 1ms; at most 100,000 are kept
    cumulate[3, 10]: the largest size must be a multiple of the step, 3ms
    cumulate[0, 10]: the step of a window must be longer than 0s
    ");
}

#[test]
fn what_makes_no_window_is_refused() {
    let window = || vec![Arg::Window(window_call("tumble", &[10]))];
    let mut untimed = FakeStream::new(&schema());
    untimed.shape.time = TimeAttributes::default();
    assert!(untimed.stage("window", window(), vec![]).expect_err("is refused").message.contains("event time"));
    let mut between = FakeStream::new(&schema());
    between.stage("window", window(), vec![]).expect("binds");
    let refused = between.stage("limit", vec![Arg::Integer(at(3))], vec![]).expect_err("is refused");
    assert_eq!(refused.message, "`limit` can't stand between `window` and its `aggregate`");
    let refused = between.stage("aggregate", vec![names(&["price"])], vec![]).expect_err("is refused");
    assert_eq!(refused.message, "expected an aggregate function such as `count(*)`");
}
