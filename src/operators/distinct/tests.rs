//! Against a plain model, and broken at every position.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Distinct;
use crate::api::{Arg, ChangelogMode, PlannedOperator, UpdateKind};
use crate::expr::ast::{Expr, Literal};
use crate::operators::testing::script::{Outcome, Step, broken_anywhere, cases, in_order};
use crate::operators::testing::{FakeStream, Random, Values, at, batch};
use crate::types::{Batch, RowKind, Schema};

#[derive(Debug, Clone, Copy)]
struct Case {
    last: bool,
    by_arrival: bool,
    ttl: Option<i64>,
}

fn rows(keys: &[Option<i64>], times: &[i64], first: i64) -> (Schema, Batch) {
    let (schema, rows) =
        batch(vec![("k", Values::Int(keys.to_vec())), ("n", Values::ints((first..).take(keys.len())))]);
    (schema, rows.with_times(times.to_vec().into()))
}

fn planned(case: Case) -> Arc<dyn PlannedOperator> {
    let mut stream = FakeStream::new(&rows(&[], &[], 0).0);
    let mut clauses = vec![("on", Arg::Names(vec![at("k".to_owned())]))];
    clauses.extend(case.last.then(|| ("keep", Arg::Name(at("last".to_owned())))));
    clauses.extend(case.by_arrival.then_some(("by arrival", Arg::Flag)));
    clauses.extend(case.ttl.map(|ttl| {
        let ttl = at(Expr::Literal(Literal::IntervalDayTime(ttl)));
        ("with", Arg::Options(vec![(at("ttl".to_owned()), ttl)]))
    }));
    stream.stage("distinct", vec![], clauses).expect("binds");
    stream.applied.pop().expect("an operator")
}

/// What is known of a key: its row (number and time), whether that was given, and when it was written.
struct Known {
    row: (i64, i64),
    given: bool,
    written: i64,
}

fn text(key: Option<i64>) -> String {
    key.map_or("null".to_owned(), |key| key.to_string())
}

/// A random stream over few keys, and what the rules of Flink make of it, row by row.
fn random(case: Case, random: &mut Random, steps: usize) -> (Vec<Step>, Outcome) {
    let (mut script, mut outcome) = (vec![Step::Watermark(0)], Outcome::default());
    let mut known: BTreeMap<Option<i64>, Known> = BTreeMap::new();
    let (mut now_ms, mut watermark, mut number) = (0, 0, 0);
    let due = |known: &mut BTreeMap<Option<i64>, Known>, watermark: i64, now_ms: i64, told: &mut Vec<String>| {
        let mut fired: Vec<_> = known.iter_mut().filter(|(_, row)| !row.given && row.row.1 <= watermark).collect();
        fired.sort_by_key(|(_, row)| row.row.1);
        for (key, row) in fired {
            (row.given, row.written) = (true, now_ms);
            told.push(format!("{}|{} @{}", text(*key), row.row.0, row.row.1));
        }
    };
    for step in 0..=steps {
        match random.below(5) {
            0 => {
                now_ms += random.int(40);
                script.push(Step::Clock(now_ms));
            }
            1 => {
                watermark += 1 + random.int(8);
                script.push(Step::Watermark(watermark));
            }
            _ => {
                let count = usize::try_from(1 + random.below(4)).expect("small");
                let keys: Vec<_> = (0..count).map(|_| (random.below(6) > 0).then(|| random.int(4))).collect();
                let times: Vec<i64> = keys.iter().map(|_| watermark - 4 + random.int(12)).collect();
                script.push(Step::Rows(0, rows(&keys, &times, number).1));
                known.retain(|_, row| case.ttl.is_none_or(|ttl| row.written + ttl > now_ms));
                for (key, time) in keys.into_iter().zip(times) {
                    take(case, &mut known, (key, number, time), (watermark, now_ms), &mut outcome);
                    number += 1;
                }
            }
        }
        known.retain(|_, row| case.ttl.is_none_or(|ttl| row.written + ttl > now_ms));
        if !case.last && !case.by_arrival {
            let watermark = if step == steps { i64::MAX } else { watermark };
            if matches!(script.last(), Some(Step::Watermark(_))) || step == steps {
                due(&mut known, watermark, now_ms, &mut outcome.rows);
            }
        }
    }
    (script, outcome)
}

fn take(
    case: Case,
    known: &mut BTreeMap<Option<i64>, Known>,
    (key, number, time): (Option<i64>, i64, i64),
    (watermark, now_ms): (i64, i64),
    outcome: &mut Outcome,
) {
    let line = |kind: &str, number: i64| format!("{kind}{}|{number} @{time}", text(key));
    let new = Known { row: (number, time), given: true, written: now_ms };
    match known.get_mut(&key) {
        None if case.last => {
            outcome.rows.push(line("+I ", number));
            known.insert(key, new);
        }
        Some(before) if case.last => {
            if case.by_arrival || before.row.1 <= time {
                outcome.rows.extend([line("-U ", before.row.0), line("+U ", number)]);
                *before = new;
            }
        }
        None if case.by_arrival => {
            outcome.rows.push(line("", number));
            known.insert(key, new);
        }
        Some(before) if case.by_arrival || before.given => {}
        _ if time < watermark => outcome.late += 1,
        Some(before) if before.row.1 <= time => {}
        _ => {
            known.insert(key, Known { given: false, ..new });
        }
    }
}

fn all() -> impl Iterator<Item = Case> {
    (0..8).map(|bits| Case { last: bits & 1 > 0, by_arrival: bits & 2 > 0, ttl: (bits & 4 > 0).then_some(30) })
}

#[test]
fn each_kind_agrees_with_a_plain_model() {
    for seed in 0..cases(20) {
        for case in all() {
            let (script, expected) = random(case, &mut Random(seed << 20), 25);
            let found = in_order(&*planned(case), &script);
            // Rows that are due at one time come in any order of their keys.
            let sorted = |mut rows: Vec<String>| {
                if !case.last && !case.by_arrival {
                    rows.sort();
                }
                rows
            };
            assert_eq!(sorted(found.rows), sorted(expected.rows), "seed {seed}: {case:?}");
            assert_eq!(found.late, expected.late, "seed {seed}: {case:?}");
        }
    }
}

#[test]
fn broken_anywhere_it_tells_the_same() {
    for case in all() {
        broken_anywhere(&*planned(case), &random(case, &mut Random(3 << 20), 9).0);
    }
}

#[test]
fn without_columns_whole_rows_are_told_apart_and_of_a_changelog_counted() {
    let (schema, _) = rows(&[], &[], 0);
    let mut stream = FakeStream::new(&schema);
    stream.stage("distinct", vec![], vec![]).expect("binds");
    assert_eq!(stream.last().describe(), "keep=[FirstRow], key=[k, n], order=[PROCTIME]");
    assert!(stream.shape.changelog.is_append());
    let mut stream = FakeStream::new(&schema);
    stream.shape.changelog = ChangelogMode::Retract(None);
    stream.stage("distinct", vec![], vec![]).expect("binds");
    assert_eq!(stream.shape.schema, schema);
    let (_, input) = batch(vec![("k", Values::ints([1, 1, 1, 1])), ("n", Values::ints([5, 5, 5, 5]))]);
    let kinds = [RowKind::Insert, RowKind::Insert, RowKind::Delete, RowKind::Delete].map(|kind| kind as i8);
    let input = input.with_kinds(Some(kinds.to_vec().into()));
    assert_eq!(in_order(stream.last(), &[Step::Rows(0, input)]).rows, ["+I 1|5", "-D 1|5"]);
    let on = vec![("on", Arg::Names(vec![at("k".to_owned())]))];
    stream.shape.changelog = ChangelogMode::Retract(None);
    let refused = stream.stage("distinct", vec![], on).expect_err("is refused");
    assert!(refused.to_string().contains("`top 1 by … per …`"), "{refused}");
    let keep = vec![("keep", Arg::Name(at("last".to_owned())))];
    let refused = FakeStream::new(&schema).stage("distinct", vec![], keep).expect_err("is refused");
    assert!(refused.message.starts_with("`keep` has no effect without `on`"), "{refused}");
}

#[test]
fn the_last_rows_are_told_without_the_old_ones_where_that_will_do() {
    let operator = planned(Case { last: true, by_arrival: true, ttl: None });
    assert_eq!(operator.gives(&[]), ChangelogMode::Retract(Some(vec![0])));
    let after = operator.only_after().expect("it can");
    assert_eq!(
        (after.gives(&[]), after.needs(0, UpdateKind::OnlyAfter)),
        (ChangelogMode::Upsert(vec![0]), UpdateKind::OnlyAfter)
    );
    let (_, input) = rows(&[Some(1), Some(1)], &[2, 1], 0);
    assert_eq!(in_order(&*after, &[Step::Rows(0, input)]).rows, ["+I 1|0 @2", "+U 1|1 @1"]);
    let pruned = operator.prune(&[0]).expect("narrows");
    assert_eq!(pruned.inputs, [vec![0]]);
    assert!(planned(Case { last: false, by_arrival: true, ttl: None }).only_after().is_none());
}

#[test]
fn a_changelog_of_new_rows_alone_is_told_with_the_old_ones() {
    use RowKind::{Delete, Insert, UpdateAfter};
    let (schema, _) = rows(&[], &[], 0);
    let operator = Distinct::normalize(&schema, vec![0], None);
    let kinds = [Insert, UpdateAfter, Delete, Delete, UpdateAfter].map(|kind| kind as i8);
    let (_, input) = rows(&[Some(1); 5], &[1, 2, 3, 4, 5], 0);
    let input = input.with_kinds(Some(kinds.to_vec().into()));
    let steps: Vec<Step> = (0..5).map(|row| Step::Rows(0, input.slice(row, 1))).collect();
    let told = ["+I 1|0 @1", "-U 1|0 @2", "+U 1|1 @2", "-D 1|1 @3", "+I 1|4 @5"];
    assert_eq!(in_order(&operator, &steps).rows, told);
    assert_eq!(in_order(&operator, &[Step::Rows(0, input)]).rows, told);
    broken_anywhere(&operator, &steps);
}
