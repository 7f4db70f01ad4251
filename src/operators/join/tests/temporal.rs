//! `as of`: Flink's `TemporalRowTimeJoinOperator` done naively.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use super::{Row, column, key, on, rows, schemas, text};
use crate::api::{Arg, ChangelogMode, NamedStream, PlannedOperator, StreamShape, TimeAttributes};
use crate::operators::testing::script::{Step, broken_anywhere, cases, straight};
use crate::operators::testing::{FakeStream, Random, at};
use crate::types::{MAX_WATERMARK, NO_TIME, RowKind};

fn planned(stage: &str, residual: bool, processing_time: bool, changes: bool) -> Arc<dyn PlannedOperator> {
    let [left, right] = schemas();
    let mut stream = FakeStream::new(&left);
    stream.shape.name = Some(at("l".to_owned()));
    if changes {
        stream.shape.changelog = ChangelogMode::Retract(None);
    }
    let time = TimeAttributes::of_event_time(None);
    let changelog = ChangelogMode::Retract(Some(vec![0]));
    stream.others = vec![("right", StreamShape { changelog, time, ..StreamShape::of(right) })];
    let named = NamedStream { name: at("right".to_owned()), alias: Some(at("r".to_owned())) };
    let as_of = column(&[if processing_time { "processing_time" } else { "event_time" }]);
    let clauses = vec![("on", Arg::Expr(on(residual))), ("as of", Arg::Expr(as_of))];
    stream.stage(stage, vec![Arg::Stream(named)], clauses).expect("binds");
    assert_eq!((stream.shape.changelog.is_append(), stream.shape.time.event_time), (!changes, !processing_time));
    Arc::clone(stream.applied.last().expect("applied"))
}

/// What is kept of a key.
#[derive(Default)]
struct Key {
    left: Vec<(Row, RowKind)>,
    versions: BTreeMap<i64, (i64, bool)>,
    timer: Option<i64>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
struct Model {
    keys: BTreeMap<Option<i64>, Key>,
    left_join: bool,
    residual: bool,
    processing_time: bool,
    changes: bool,
    given: Vec<String>,
}

impl Model {
    fn give(&mut self, (k, v, t): Row, kind: RowKind, version: Option<i64>) {
        let version = version.filter(|w| k.is_some() && (!self.residual || v <= *w));
        let kind = if self.changes { format!("{} ", kind.short()) } else { String::new() };
        let time = if t == NO_TIME { String::new() } else { format!(" @{t}") };
        match version {
            Some(w) => self.given.push(format!("{kind}{}|{v}|{}|{w}{time}", text(k), text(k))),
            None if self.left_join => self.given.push(format!("{kind}{}|{v}|null|null{time}", text(k))),
            None => {}
        }
    }

    fn row(&mut self, input: usize, row: Row, kind: RowKind) {
        let (k, v, t) = row;
        if k.is_none() || !self.processing_time && t == NO_TIME {
            if input == 0 {
                self.give(row, kind, None);
            }
            return;
        }
        let of_key = self.keys.entry(k).or_default();
        if input == 1 && kind == RowKind::UpdateBefore {
            return;
        }
        if input == 1 {
            let at = if self.processing_time { 0 } else { t };
            of_key.versions.insert(at, (v, kind == RowKind::Delete));
        } else if self.processing_time {
            let version = of_key.versions.get(&0).filter(|version| !version.1).map(|version| version.0);
            return self.give(row, kind, version);
        } else {
            of_key.left.push((row, kind));
        }
        of_key.timer = Some(of_key.timer.map_or(t, |timer| timer.min(t)));
    }

    fn watermark(&mut self, watermark: i64) {
        if self.processing_time {
            return;
        }
        let mut found = Vec::new();
        for of_key in self.keys.values_mut().filter(|key| key.timer.is_some_and(|timer| timer <= watermark)) {
            let (due, later): (Vec<_>, Vec<_>) = of_key.left.drain(..).partition(|(row, _)| row.2 <= watermark);
            of_key.left = later;
            for (row, kind) in due {
                let version = of_key.versions.range(..=row.2).next_back().map(|(_, version)| *version);
                found.push((row, kind, version.filter(|version| !version.1).map(|version| version.0)));
            }
            if let Some((&keep, _)) = of_key.versions.range(..=watermark).next_back() {
                of_key.versions.retain(|&time, _| time >= keep);
            }
            of_key.timer = of_key.left.iter().map(|(row, _)| row.2).min();
        }
        for (row, kind, version) in found {
            self.give(row, kind, version);
        }
    }
}

fn model(steps: &[Step], stage: &str, residual: bool, processing_time: bool, changes: bool) -> Vec<String> {
    let left_join = stage == "left join";
    let mut model = Model { keys: BTreeMap::new(), left_join, residual, processing_time, changes, given: Vec::new() };
    for step in steps {
        match step {
            Step::Rows(input, batch) => {
                let ints = |column: usize| batch.column(column).as_primitive::<Int64Type>();
                for at in 0..batch.rows() {
                    let k = ints(0).is_valid(at).then(|| ints(0).value(at));
                    model.row(*input, (k, ints(1).value(at), batch.times()[at]), batch.kind(at));
                }
            }
            Step::Watermark(watermark) => model.watermark(*watermark),
            Step::Clock(_) => {}
        }
    }
    model.watermark(MAX_WATERMARK);
    model.given.sort();
    model.given
}

fn script(random: &mut Random, changes: bool) -> Vec<Step> {
    let mut watermark = 0;
    let mut steps = Vec::new();
    for _ in 0..4 + random.below(16) {
        if random.below(3) == 0 {
            watermark += 1 + random.int(8);
            steps.push(Step::Watermark(watermark));
            continue;
        }
        let input = random.index(2);
        let some: Vec<Row> = (0..=random.below(4))
            .map(|_| {
                let time = if random.below(20) == 0 { NO_TIME } else { watermark - 4 + random.int(14) };
                (key(random), random.int(4), time)
            })
            .collect();
        let kinds: Vec<i8> = some
            .iter()
            .map(|_| match (random.below(6), input == 1 || changes) {
                (0, true) => RowKind::Delete as i8,
                (1, true) => RowKind::UpdateBefore as i8,
                (2, true) => RowKind::UpdateAfter as i8,
                _ => RowKind::Insert as i8,
            })
            .collect();
        let batch = rows(input, &some).with_kinds((input == 1 || changes).then(|| kinds.into()));
        steps.push(Step::Rows(input, batch));
    }
    steps
}

#[test]
fn random_streams_give_what_flinks_temporal_join_gives() {
    for seed in 0..cases(30) {
        let mut random = Random(seed * 32_452_843);
        let stage = ["join", "left join"][random.index(2)];
        let (residual, processing_time) = (random.below(2) == 0, random.below(4) == 0);
        let changes = random.below(4) == 0;
        let steps = script(&mut random, changes);
        let planned = planned(stage, residual, processing_time, changes);
        let expected = model(&steps, stage, residual, processing_time, changes);
        let found = straight(&*planned, &steps).rows;
        assert_eq!(found, expected, "seed {seed}: {stage} residual {residual} processing {processing_time}");
        if seed % 5 == 0 {
            broken_anywhere(&*planned, &steps);
        }
    }
}

#[test]
fn versions_that_nobody_can_ask_for_are_dropped_and_their_keys_forgotten() {
    let planned = planned("join", false, false, false);
    let mut running = planned.create(&crate::operators::testing::context()).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    let version = |time: i64, w: i64| rows(1, &[(Some(1), w, time)]).with_kinds(Some(vec![0].into()));
    let to = |running: &mut Box<dyn crate::api::Operator>, out: &mut crate::operators::testing::Recorder, watermark| {
        while out.armed.event_time.is_some_and(|time| time <= watermark) {
            out.armed = crate::api::Armed::NOTHING;
            running.advance(crate::api::Moment { watermark, now_ms: 0 }, out).expect("goes on");
        }
        running.watermark(watermark, out).expect("passes");
    };
    for (time, w) in [(10, 1), (20, 2), (30, 3)] {
        running.process(1, version(time, w), &mut out).expect("processes");
    }
    assert_eq!(running.inspect().entries().count, 3);
    to(&mut running, &mut out, 25);
    assert_eq!(running.inspect().entries().count, 2, "the version of 20 still holds, that of 10 does not");
    running.process(0, rows(0, &[(Some(1), 7, 26)]), &mut out).expect("processes");
    to(&mut running, &mut out, 26);
    assert_eq!(out.elements, ["~25", "1|7|1|2 @26", "~26"]);
    assert_eq!((running.inspect().entries().count, running.inspect().timers()), (2, 0));
}

#[test]
fn what_has_no_versions_is_refused() {
    let refused = |changelog: ChangelogMode, as_of: &str, stage: &str, event_time: bool| {
        let [left, right] = schemas();
        let mut stream = FakeStream::new(&left);
        stream.shape.name = Some(at("l".to_owned()));
        let time = TimeAttributes { event_time, ..TimeAttributes::default() };
        stream.others = vec![("right", StreamShape { changelog, time, ..StreamShape::of(right) })];
        let named = NamedStream { name: at("right".to_owned()), alias: Some(at("r".to_owned())) };
        let clauses = vec![("on", Arg::Expr(on(false))), ("as of", Arg::Expr(column(&[as_of])))];
        stream.stage(stage, vec![Arg::Stream(named)], clauses).expect_err("is refused").to_string()
    };
    let keyed = |key: usize| ChangelogMode::Upsert(vec![key]);
    insta::assert_snapshot!([
        refused(ChangelogMode::Append, "event_time", "join", true),
        refused(keyed(1), "event_time", "join", true),
        refused(keyed(0), "v", "join", true),
        refused(keyed(0), "event_time", "join", false),
        refused(keyed(0), "event_time", "full join", true),
    ].join("\n"), @r"
    `r` has no primary key: which of its rows are versions of one? (declare it: source r from … primary key (<column>), or stream r primary key (<column>) = …)
    `on` must say what `r.w` equals: it is of the primary key
    `as of` takes the event time of the left rows (give them one with `event_time <column> watermark <delay>`, or say `as of processing_time` for the version that is there when they come)
    `r` has no event time (give it one with `event_time <column> watermark <delay>`, or say `as of processing_time`)
    `full join` takes no `as of` (a version is looked for each left row: there are `join` and `left join`)
    ");
}
