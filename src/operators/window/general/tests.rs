//! The window operator against a plain model of Flink's, broken at every position.

mod model;

use std::sync::Arc;

use model::{Evict, Fire, Kind, Model, Setup};

use crate::api::{Arg, EvictorCall, PlannedOperator, TriggerCall, TriggerWhen, WindowCall};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::operators::testing::script::{Outcome, Step, broken, broken_anywhere, cases, straight};
use crate::operators::testing::{FakeStream, Random, Values, aggregates, at, batch, column, names};
use crate::types::{Batch, LogicalType, Schema, Span};

/// One row: event time, key, value, gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) time: i64,
    pub(super) key: Option<i64>,
    pub(super) value: Option<i64>,
    pub(super) gap: i64,
}

pub(super) fn rows(events: &[Event]) -> (Schema, Batch) {
    let gaps: arrow_array::DurationMillisecondArray = events.iter().map(|event| Some(event.gap)).collect();
    let (schema, rows) = batch(vec![
        ("key", Values::Int(events.iter().map(|event| event.key).collect())),
        ("value", Values::Int(events.iter().map(|event| event.value).collect())),
        ("gap", Values::Any(LogicalType::IntervalDayTime, Arc::new(gaps))),
    ]);
    (schema, rows.with_times(events.iter().map(|event| event.time).collect::<Vec<_>>().into()))
}

fn literal(value: i64) -> ExprNode {
    at(Expr::Literal(Literal::Integer(value.to_string())))
}

fn duration(ms: i64) -> ExprNode {
    at(Expr::Literal(Literal::IntervalDayTime(ms)))
}

fn window_arg(kind: Kind) -> WindowCall {
    let (name, args) = match kind {
        Kind::Tumble(size) => ("tumble", vec![duration(size)]),
        Kind::Hop(size, slide) => ("hop", vec![duration(size), duration(slide)]),
        Kind::Cumulate(step, max) => ("cumulate", vec![duration(step), duration(max)]),
        Kind::Session(gap) => ("session", vec![duration(gap)]),
        Kind::SessionOfRow => ("session", vec![column("gap")]),
        Kind::Global => ("global", Vec::new()),
        Kind::Count(size) => ("count", vec![literal(size)]),
        Kind::CountSlide(size, slide) => ("count", vec![literal(size), literal(slide)]),
    };
    WindowCall { name: at(name.to_owned()), args }
}

pub(super) fn clauses(setup: &Setup) -> Vec<(&'static str, Arg)> {
    let mut clauses = Vec::new();
    if let Some((fire, purging)) = setup.trigger {
        let when = match fire {
            Fire::AtEnd => TriggerWhen::OnWatermark,
            Fire::Every(ms) => TriggerWhen::Every(at(ms)),
            Fire::Count(rows) => TriggerWhen::Count(at(rows)),
            Fire::OnEvent => TriggerWhen::OnEvent,
            Fire::Delta(by) => TriggerWhen::Delta(literal(by), column("value")),
            Fire::Never => TriggerWhen::Never,
        };
        clauses.push(("trigger", Arg::Trigger(TriggerCall { purging, when, span: Span::default() })));
    }
    if let Some(evict) = setup.evict {
        clauses.push((
            "evict",
            Arg::Evictor(match evict {
                Evict::Last(rows) => EvictorCall::Last(at(rows)),
                Evict::Within(ms) => EvictorCall::Within(at(ms)),
                Evict::Delta(by) => EvictorCall::Delta(literal(by), column("value")),
            }),
        ));
    }
    if setup.lateness > 0 {
        clauses.push(("lateness", Arg::Duration(at(setup.lateness))));
    }
    if setup.processing_time {
        clauses.push(("on processing_time", Arg::Flag));
    }
    clauses
}

const CALLS: &[(&str, Option<&str>, &str)] = &[
    ("count", None, "n"),
    ("sum", Some("value"), "total"),
    ("first_value", Some("value"), "first"),
    ("last_value", Some("value"), "last"),
];

fn planned(setup: &Setup, keyed: bool) -> Arc<dyn PlannedOperator> {
    let mut stream = FakeStream::new(&rows(&[]).0);
    if keyed {
        stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    }
    stream.stage("window", vec![Arg::Window(window_arg(setup.kind))], clauses(setup)).expect("binds");
    stream.stage("aggregate", vec![aggregates(CALLS)], vec![]).expect("binds");
    stream.applied.pop().expect("an operator")
}

/// Any setup, and a stream for it.
fn random_case(seed: u64) -> (Setup, Vec<Step>) {
    let mut random = Random(seed << 20);
    let kinds = [
        Kind::Tumble(20),
        Kind::Hop(30, 10),
        Kind::Hop(10, 25),
        Kind::Cumulate(10, 40),
        Kind::Session(7),
        Kind::SessionOfRow,
        Kind::Global,
        Kind::Count(3),
        Kind::CountSlide(4, 2),
    ];
    let kind = kinds[usize::try_from(random.below(9)).expect("small")];
    let session = matches!(kind, Kind::Session(_) | Kind::SessionOfRow);
    let bounded = !matches!(kind, Kind::Global | Kind::Count(_) | Kind::CountSlide(..));
    let processing_time = random.below(4) == 0;
    let fires = [Fire::AtEnd, Fire::Every(7), Fire::Count(3), Fire::OnEvent, Fire::Never, Fire::Delta(4)];
    let fire = fires[usize::try_from(random.below(if session { 5 } else { 6 })).expect("small")];
    let own = fire == Fire::AtEnd && processing_time || random.below(3) == 0;
    let trigger = (!own).then(|| (fire, random.below(2) == 0));
    let evicts = [Evict::Last(2), Evict::Within(9), Evict::Delta(4)];
    let evict = evicts.get(usize::try_from(random.below(8)).expect("small")).copied();
    let late = bounded && !processing_time && random.below(2) == 0;
    let setup = Setup { kind, trigger, evict, lateness: if late { 12 } else { 0 }, processing_time };
    let (mut steps, mut watermark, mut clock, mut at) = (Vec::new(), i64::MIN, 0, 0);
    for _ in 0..random.below(30) + 4 {
        match random.below(4) {
            0 => {
                watermark = watermark.max(at - random.int(8));
                steps.push(Step::Watermark(watermark));
            }
            1 if processing_time => {
                clock += random.int(15);
                steps.push(Step::Clock(clock));
            }
            _ => {
                let events: Vec<Event> = (0..=random.below(4))
                    .map(|_| {
                        at += random.int(5);
                        let back = if random.below(5) == 0 { random.int(40) } else { random.int(3) };
                        let key = random.int(4);
                        Event {
                            time: at - back,
                            key: (key < 3).then_some(key),
                            value: (random.below(8) > 0).then_some(random.int(12)),
                            gap: 3 + random.int(9),
                        }
                    })
                    .collect();
                steps.push(Step::Rows(0, rows(&events).1));
            }
        }
    }
    (setup, steps)
}

#[test]
fn any_window_trigger_and_evictor_agrees_with_a_plain_model() {
    for seed in 0..cases(200) {
        let (setup, steps) = random_case(seed);
        for keyed in [true, false] {
            let operator = planned(&setup, keyed);
            let expected = Model::run(&setup, &steps, keyed);
            let found = straight(&*operator, &steps);
            assert_eq!(found, expected, "seed {seed}, keyed {keyed}: {setup:?}\n{steps:#?}");
            let mut random = Random(seed + 7);
            let position = usize::try_from(random.below(steps.len() as u64)).expect("small");
            let parallelism = if keyed { (1 + position % 3, 1 + position % 2) } else { (1, 1) };
            let found = broken(&*operator, &steps, position, parallelism, seed);
            assert_eq!(found, expected, "seed {seed}, keyed {keyed}, broken before {position}: {setup:?}\n{steps:#?}");
        }
    }
}

/// Rows on time, equal in time, of a null key, late but taken, and late, with the watermarks between them.
fn every_kind_of_row(processing_time: bool) -> Vec<Step> {
    let event = |time, key, value| Event { time, key, value, gap: 6 };
    let batches: &[&[Event]] = &[
        &[event(1, Some(1), Some(5)), event(1, Some(1), Some(9)), event(3, None, Some(1)), event(9, Some(2), None)],
        &[event(14, Some(1), Some(2)), event(22, None, Some(8))],
        &[event(19, None, Some(7)), event(2, Some(1), Some(3)), event(41, Some(2), Some(4))],
        &[event(3, Some(1), Some(1)), event(35, Some(2), Some(4)), event(30, Some(1), Some(20))],
    ];
    let mut steps = Vec::new();
    for (events, (watermark, clock)) in batches.iter().zip([(8, 9), (21, 21), (36, 30), (60, 80)]) {
        steps.push(Step::Rows(0, rows(events).1));
        steps.push(if processing_time { Step::Clock(clock) } else { Step::Watermark(watermark) });
    }
    steps
}

#[test]
fn every_window_trigger_and_evictor_survives_a_failure_anywhere() {
    let setup = |kind| Setup { kind, trigger: None, evict: None, lateness: 0, processing_time: false };
    let mut setups: Vec<Setup> = vec![
        setup(Kind::Session(6)),
        Setup { lateness: 15, ..setup(Kind::Session(6)) },
        Setup { lateness: 15, evict: Some(Evict::Last(2)), ..setup(Kind::SessionOfRow) },
        setup(Kind::Count(2)),
        setup(Kind::CountSlide(3, 1)),
        Setup { trigger: Some((Fire::Every(5), true)), ..setup(Kind::Global) },
        Setup { trigger: Some((Fire::Delta(4), false)), evict: Some(Evict::Delta(4)), ..setup(Kind::Global) },
        Setup { trigger: Some((Fire::Count(2), true)), ..setup(Kind::Hop(20, 10)) },
        Setup { trigger: Some((Fire::Every(4), false)), lateness: 20, ..setup(Kind::Tumble(10)) },
        Setup { trigger: Some((Fire::OnEvent, false)), evict: Some(Evict::Within(5)), ..setup(Kind::Cumulate(10, 20)) },
        Setup { trigger: Some((Fire::Never, false)), ..setup(Kind::Tumble(10)) },
        Setup { trigger: Some((Fire::AtEnd, true)), lateness: 20, ..setup(Kind::Tumble(10)) },
    ];
    for kind in [Kind::Tumble(10), Kind::Session(6), Kind::Hop(20, 10)] {
        setups.push(Setup { processing_time: true, ..setup(kind) });
    }
    for setup in setups {
        let steps = every_kind_of_row(setup.processing_time);
        for keyed in [true, false] {
            let operator = planned(&setup, keyed);
            assert_eq!(straight(&*operator, &steps), Model::run(&setup, &steps, keyed), "{setup:?}");
            broken_anywhere(&*operator, &steps);
        }
    }
}

#[test]
fn nothing_is_left_of_windows_that_are_gone() {
    let setup = Setup { kind: Kind::Session(5), trigger: None, evict: None, lateness: 0, processing_time: false };
    let steps: Vec<Step> = (0..5_000)
        .flat_map(|at| {
            let event = Event { time: at * 10, key: Some(at), value: Some(1), gap: 5 };
            [Step::Rows(0, rows(&[event]).1), Step::Watermark(at * 10 + 6)]
        })
        .collect();
    let context = crate::operators::testing::context();
    let mut operator = planned(&setup, true).create(&context).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    for step in &steps {
        match step {
            Step::Rows(input, rows) => operator.process(*input, rows.clone(), &mut out).expect("processes"),
            Step::Watermark(watermark) => {
                let moment = crate::api::Moment { watermark: *watermark, now_ms: 0 };
                operator.advance(moment, &mut out).expect("fires");
            }
            Step::Clock(_) => {}
        }
    }
    let view = operator.inspect();
    assert_eq!((view.entries().count, out.rows().len()), (0, 5_000));
    assert!(view.entries().bytes < 500_000, "{} bytes", view.entries().bytes);
}

#[test]
fn rows_that_are_late_are_counted_and_kept_for_people() {
    let setup = Setup { kind: Kind::Session(5), trigger: None, evict: None, lateness: 0, processing_time: false };
    let context = crate::operators::testing::context();
    let mut operator = planned(&setup, true).create(&context).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    operator.watermark(100, &mut out).expect("passes");
    let event = |time| Event { time, key: Some(1), value: Some(1), gap: 5 };
    operator.process(0, rows(&[event(50), event(99), event(96), event(90)]).1, &mut out).expect("processes");
    assert_eq!(context.metrics.late_rows(), 2, "the row at 96 belongs to the session that is still open");
    let view = operator.inspect();
    let late: Vec<_> = view.late().iter().map(|row| (row.time, row.late_by_ms)).collect();
    assert_eq!(late, [(50, 46), (90, 6)]);
    let windows = view.windows().expect("a window operator");
    let open: Vec<_> = windows.open.iter().map(|window| (window.start, window.end, window.keys, window.rows)).collect();
    assert_eq!(open, [(96, 104, 1, 2)]);
    assert_eq!((windows.values.join(" "), windows.open[0].entries.len()), ("n total first last".to_owned(), 1));
}

/// For messages.
impl From<Vec<String>> for Outcome {
    fn from(mut rows: Vec<String>) -> Self {
        rows.sort();
        Self { rows, ..Self::default() }
    }
}
