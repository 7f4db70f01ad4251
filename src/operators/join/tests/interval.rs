//! `within`: a pair is given when its times lie close enough, and whichever came first was still kept.

use super::{Row, bound, key, on, rows, text};
use crate::api::{Arg, ChangelogMode, PlannedOperator, TimeRange};
use crate::operators::join::JoinKind;
use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order, straight};
use crate::operators::testing::{Random, at};
use crate::types::{MAX_WATERMARK, NO_TIME};

const KINDS: [&str; 4] = ["join", "left join", "right join", "full join"];

fn planned(
    stage: &str,
    residual: bool,
    within: TimeRange,
    processing_time: bool,
) -> std::sync::Arc<dyn PlannedOperator> {
    let mut clauses = vec![("within", Arg::Range(at(within)))];
    if processing_time {
        clauses.push(("on processing_time", Arg::Flag));
    }
    bound(stage, on(residual), [ChangelogMode::Append, ChangelogMode::Append], clauses).expect("binds").0
}

/// A row with the moment of its arrival: its number, and how far time had come.
struct Arrived {
    row: Row,
    number: usize,
    now: i64,
}

/// All rows of each side, as they arrived.
fn arrivals(steps: &[Step], processing_time: bool) -> [Vec<Arrived>; 2] {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    let mut sides = [Vec::new(), Vec::new()];
    let (mut watermark, mut clock) = (i64::MIN, 0);
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Watermark(time) => watermark = *time,
            Step::Clock(now) => clock = *now,
            Step::Rows(input, batch) => {
                let ints = |column: usize| batch.column(column).as_primitive::<Int64Type>();
                for at in 0..batch.rows() {
                    let time = if processing_time { clock } else { batch.times()[at] };
                    let row = (ints(0).is_valid(at).then(|| ints(0).value(at)), ints(1).value(at), time);
                    let now = if processing_time { clock } else { watermark };
                    sides[*input].push(Arrived { row, number: number * 1_000 + at, now });
                }
            }
        }
    }
    sides
}

/// What the join means.
fn model(steps: &[Step], kind: JoinKind, residual: bool, within: TimeRange, processing_time: bool) -> Vec<String> {
    let sides = arrivals(steps, processing_time);
    let reach = [within.to_ms, -within.from_ms];
    let time = |time: i64| if processing_time || time == NO_TIME { String::new() } else { format!(" @{time}") };
    let mut matched = [vec![false; sides[0].len()], vec![false; sides[1].len()]];
    let mut given = Vec::new();
    for (l, left) in sides[0].iter().enumerate() {
        for (r, right) in sides[1].iter().enumerate() {
            let (first, reach, second) =
                if left.number < right.number { (left, reach[0], right) } else { (right, reach[1], left) };
            let kept = first.row.2 != NO_TIME && first.now < first.row.2 + reach && second.now <= first.row.2 + reach;
            let apart = right.row.2.saturating_sub(left.row.2);
            let equal = left.row.0.is_some() && left.row.0 == right.row.0 && (!residual || left.row.1 <= right.row.1);
            let close = within.from_ms <= apart && apart <= within.to_ms && second.row.2 != NO_TIME;
            if kept && close && equal {
                (matched[0][l], matched[1][r]) = (true, true);
                let (k, v, at) = left.row;
                given.push(format!(
                    "{}|{v}|{}|{}{}",
                    text(k),
                    text(right.row.0),
                    right.row.1,
                    time(at.max(right.row.2))
                ));
            }
        }
    }
    for (_, left) in sides[0].iter().enumerate().filter(|(at, _)| kind.pads(0) && !matched[0][*at]) {
        let (k, v, t) = left.row;
        given.push(format!("{}|{v}|null|null{}", text(k), time(t)));
    }
    for (_, right) in sides[1].iter().enumerate().filter(|(at, _)| kind.pads(1) && !matched[1][*at]) {
        let (k, w, t) = right.row;
        given.push(format!("null|null|{}|{w}{}", text(k), time(t)));
    }
    given.sort();
    given
}

/// Rows of both sides, some late, some of equal times, some without key or time, and watermarks between them.
fn script(random: &mut Random, processing_time: bool) -> Vec<Step> {
    let (mut watermark, mut clock) = (0, 0);
    let mut steps = Vec::new();
    for _ in 0..4 + random.below(16) {
        match random.below(5) {
            0 if processing_time => {
                clock += random.int(8);
                steps.push(Step::Clock(clock));
            }
            0 => {
                watermark += random.int(12);
                steps.push(Step::Watermark(watermark));
            }
            _ => {
                let input = random.index(2);
                let some: Vec<Row> = (0..=random.below(4))
                    .map(|_| {
                        let time = if random.below(20) == 0 { NO_TIME } else { watermark - 6 + random.int(20) };
                        (key(random), random.int(4), time)
                    })
                    .collect();
                steps.push(Step::Rows(input, rows(input, &some)));
            }
        }
    }
    steps
}

fn within(random: &mut Random) -> TimeRange {
    let from_ms = random.int(16) - 10;
    TimeRange { from_ms, to_ms: from_ms + random.int(14) }
}

#[test]
fn random_streams_give_what_the_interval_join_means() {
    for seed in 0..cases(30) {
        let mut random = Random(seed * 104_729);
        let stage = KINDS[random.index(4)];
        let (residual, processing_time) = (random.below(2) == 0, random.below(3) == 0);
        let (within, steps) = (within(&mut random), script(&mut random, processing_time));
        let planned = planned(stage, residual, within, processing_time);
        let kind = JoinKind::of_stage(stage);
        let expected = model(&steps, kind, residual, within, processing_time);
        let found = straight(&*planned, &steps).rows;
        assert_eq!(found, expected, "seed {seed}: {stage} {within:?} residual {residual} processing {processing_time}");
        // Rows that wait while others are given come at another processing time.
        if seed % 5 == 0 && !processing_time {
            broken_anywhere(&*planned, &steps);
        }
    }
}

/// Late, equal-time, null-key and untimed rows on both sides.
fn mixed() -> Vec<Step> {
    vec![
        Step::Rows(0, rows(0, &[(Some(1), 1, 100), (Some(1), 2, 100), (None, 3, 100), (Some(2), 4, 101)])),
        Step::Rows(1, rows(1, &[(Some(1), 5, 100), (None, 6, 100), (Some(1), 7, 110), (Some(1), 7, 110)])),
        Step::Watermark(105),
        Step::Rows(1, rows(1, &[(Some(2), 8, 104), (Some(2), 9, NO_TIME), (Some(1), 1, 95)])),
        Step::Rows(0, rows(0, &[(Some(1), 9, 104), (Some(1), 9, 90), (Some(2), 0, NO_TIME)])),
        Step::Watermark(110),
        Step::Rows(1, rows(1, &[(Some(1), 3, 110), (Some(1), 3, 111)])),
        Step::Watermark(111),
        Step::Rows(0, rows(0, &[(Some(1), 1, 112), (Some(3), 1, 112)])),
    ]
}

#[test]
fn a_checkpoint_between_any_two_elements_changes_nothing() {
    for stage in KINDS {
        for residual in [false, true] {
            let within = TimeRange { from_ms: -5, to_ms: 10 };
            broken_anywhere(&*planned(stage, residual, within, false), &mixed());
        }
        let mut timed = mixed();
        for (at, now) in [(9, 30), (6, 12), (3, 11), (1, 5)] {
            timed.insert(at.min(timed.len()), Step::Clock(now));
        }
        broken_anywhere(&*planned(stage, false, TimeRange { from_ms: -5, to_ms: 10 }, true), &timed);
    }
}

#[test]
fn a_row_alone_is_given_once_nothing_can_match_it_and_before_its_watermark() {
    let planned = planned("full join", false, TimeRange { from_ms: -5, to_ms: 10 }, false);
    let steps = [
        Step::Rows(0, rows(0, &[(Some(1), 1, 100)])),
        Step::Rows(1, rows(1, &[(Some(2), 2, 100)])),
        Step::Watermark(105),
        Step::Watermark(106),
        Step::Watermark(111),
    ];
    let mut running = planned.create(&crate::operators::testing::context()).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    for step in &steps {
        match step {
            Step::Rows(input, rows) => running.process(*input, rows.clone(), &mut out).expect("processes"),
            Step::Watermark(watermark) => {
                while out.armed.event_time.is_some_and(|time| time <= *watermark) {
                    let moment = crate::api::Moment { watermark: *watermark, now_ms: 0 };
                    out.armed = crate::api::Armed::NOTHING;
                    running.advance(moment, &mut out).expect("goes on");
                }
                running.watermark(*watermark, &mut out).expect("passes");
            }
            Step::Clock(_) => {}
        }
    }
    running.watermark(MAX_WATERMARK, &mut out).expect("passes");
    // The right row waits for left ones up to 105, the left row for right ones up to 110; what is passed on lies before both.
    let expected = ["~94", "null|null|2|2 @100", "~95", "1|1|null|null @100", "~100", &format!("~{MAX_WATERMARK}")];
    assert_eq!(out.elements, expected);
}

#[test]
fn state_is_cleaned_as_the_watermark_allows_and_late_rows_are_counted() {
    let planned = planned("join", false, TimeRange { from_ms: -5, to_ms: 10 }, false);
    let mut running = planned.create(&crate::operators::testing::context()).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    let held = |running: &mut Box<dyn crate::api::Operator>| running.inspect().entries().count;
    running.process(0, rows(0, &[(Some(1), 1, 100), (Some(1), 2, 200)]), &mut out).expect("processes");
    running.process(1, rows(1, &[(Some(1), 3, 100)]), &mut out).expect("processes");
    assert_eq!(held(&mut running), 3);
    running.watermark(106, &mut out).expect("passes");
    assert_eq!(held(&mut running), 2, "no left row can be within 5 ms before 100 any more");
    running.watermark(111, &mut out).expect("passes");
    assert_eq!(held(&mut running), 1);
    let late =
        in_order(&*planned, &[Step::Watermark(111), Step::Rows(0, rows(0, &[(Some(1), 1, 101), (Some(1), 1, 102)]))]);
    assert_eq!(late.late, 1, "101 + 10 has passed");
}

/// Thousands of pairs come a batch or two a call.
#[test]
fn a_join_that_fans_out_yields() {
    let planned = planned("full join", false, TimeRange { from_ms: -5, to_ms: 10 }, false);
    let context = crate::api::OperatorContext { batch_rows: 1_000, ..crate::operators::testing::context() };
    let mut running = planned.create(&context).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    let many = |n: i64| (0..n).map(|v| (Some(1), v, 100)).collect::<Vec<Row>>();
    running.process(0, rows(0, &many(1_500)), &mut out).expect("processes");
    running.process(1, rows(1, &many(10)), &mut out).expect("processes");
    let mut calls = 1;
    while out.armed.more {
        assert!(out.armed.indivisible && out.armed.full == crate::api::Inputs::ALL);
        crate::operators::testing::advance(&mut *running, &mut out, 1);
        calls += 1;
    }
    assert_eq!((calls, out.elements.len()), (8, 15_000));
    assert!(out.batches.iter().all(|batch| batch.rows() <= 1_000));
}
