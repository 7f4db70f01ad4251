//! `reduce` against a plain loop, broken at every position.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Arg, PlannedOperator, TriggerCall, TriggerWhen};
use crate::expr::ast::{BinaryOp, Expr, ExprNode};
use crate::operators::testing::script::{Outcome, Step, broken, broken_anywhere, cases, straight};
use crate::operators::testing::{FakeStream, Random, Values, at, batch, item, lines, names, window_call};
use crate::types::{Batch, Schema, Span};

/// Time, key, value, divisor.
type Event = (i64, Option<i64>, i64, i64);

fn rows(events: &[Event]) -> (Schema, Batch) {
    let (schema, rows) = batch(vec![
        ("key", Values::Int(events.iter().map(|event| event.1).collect())),
        ("value", Values::ints(events.iter().map(|event| event.2))),
        ("by", Values::ints(events.iter().map(|event| event.3))),
    ]);
    (schema, rows.with_times(events.iter().map(|event| event.0).collect::<Vec<_>>().into()))
}

fn of(side: &str, column: &str) -> ExprNode {
    at(Expr::Column(vec![at(side.to_owned()), at(column.to_owned())]))
}

fn binary(left: ExprNode, op: BinaryOp, right: ExprNode) -> ExprNode {
    at(Expr::Binary(Box::new(left), at(op), Box::new(right)))
}

/// `reduce left.value - right.value / right.by as value`: its result depends on the order, and a row may fail.
fn reduce(stream: &mut FakeStream) -> Arc<dyn PlannedOperator> {
    let share = binary(of("right", "value"), BinaryOp::Divide, of("right", "by"));
    let less = binary(of("left", "value"), BinaryOp::Minus, share);
    stream.stage("reduce", vec![Arg::Exprs(vec![item(less, Some("value"))])], vec![]).expect("binds");
    stream.applied.pop().expect("an operator")
}

fn keyed() -> FakeStream {
    let mut stream = FakeStream::new(&rows(&[]).0);
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    stream
}

fn random_events(seed: u64) -> Vec<Vec<Event>> {
    let mut random = Random(seed << 24);
    let mut time = 0;
    (0..random.below(12) + 2)
        .map(|_| {
            (0..=random.below(7))
                .map(|_| {
                    time += random.int(4);
                    let key = random.int(4);
                    (time - random.int(3), (key < 3).then_some(key), random.int(50), random.int(5))
                })
                .collect()
        })
        .collect()
}

fn line((time, key, value, by): Event) -> String {
    lines(&rows(&[(time, key, value, by)]).1).remove(0)
}

#[test]
fn each_row_gives_the_result_so_far() {
    for seed in 0..cases(100) {
        let events = random_events(seed);
        let operator = reduce(&mut keyed());
        let mut expected = Outcome::default();
        let mut held: BTreeMap<Option<i64>, Event> = BTreeMap::new();
        for event in events.iter().flatten().copied() {
            let result = match held.get(&event.1) {
                Some(_) if event.3 == 0 => {
                    expected.rejected.push("division by zero".to_owned());
                    continue;
                }
                Some(left) => (event.0, event.1, left.2 - event.2 / event.3, left.3),
                None => event,
            };
            held.insert(event.1, result);
            expected.rows.push(line(result));
        }
        expected.rows.sort();
        let steps: Vec<Step> = events.iter().map(|events| Step::Rows(0, rows(events).1)).collect();
        let same = |mut found: Outcome, what: &str| {
            found.rejected.iter_mut().for_each(|message| "division by zero".clone_into(message));
            assert_eq!(found, expected, "seed {seed}, {what}");
        };
        same(straight(&*operator, &steps), "straight");
        let position = usize::try_from(seed).expect("small") % steps.len();
        same(broken(&*operator, &steps, position, (1 + position % 3, 2), seed), "broken");
    }
}

#[test]
fn a_window_gives_one_result_each_time_it_fires() {
    'cases: for seed in 0..cases(100) {
        let events = random_events(seed);
        let mut stream = keyed();
        let trigger = TriggerCall { purging: true, when: TriggerWhen::Count(at(3)), span: Span::default() };
        let (window, clauses) = match seed % 3 {
            0 => (window_call("tumble", &[10]), vec![]),
            1 => (window_call("session", &[4]), vec![]),
            _ => (window_call("global", &[]), vec![("trigger", Arg::Trigger(trigger))]),
        };
        stream.stage("window", vec![Arg::Window(window)], clauses).expect("binds");
        let operator = reduce(&mut stream);
        // No row is late, so all are there at the end; those that fail are left out.
        let mut by_key: BTreeMap<Option<i64>, Vec<Event>> = BTreeMap::new();
        for event in events.iter().flatten().copied() {
            let event = if event.3 == 0 { (event.0, event.1, event.2, 1) } else { event };
            by_key.entry(event.1).or_default().push(event);
        }
        let fold = |rows: &[Event], end: Option<i64>| {
            let (_, key, first, by) = rows[0];
            let value = rows[1..].iter().fold(first, |value, row| value - row.2 / row.3);
            let time = end.map_or(crate::types::NO_TIME, |end| end - 1);
            line((time, key, value, by))
        };
        let mut expected = Vec::new();
        for rows in by_key.values() {
            match seed % 3 {
                0 => {
                    let mut windows: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
                    for row in rows {
                        windows.entry(row.0.div_euclid(10) * 10 + 10).or_default().push(*row);
                    }
                    expected.extend(windows.iter().map(|(end, rows)| fold(rows, Some(*end))));
                }
                1 => {
                    let mut sorted = rows.clone();
                    sorted.sort_by_key(|row| row.0);
                    let sessions = sorted.chunk_by(|one, next| next.0 - one.0 <= 4);
                    for session in sessions {
                        let (first, last) = (session[0].0, session[session.len() - 1].0);
                        // Sessions that a row joins have come to their results apart, which this loop does not know.
                        let came: Vec<Event> =
                            rows.iter().copied().filter(|row| (first..=last).contains(&row.0)).collect();
                        let whole = came
                            .iter()
                            .enumerate()
                            .all(|(at, row)| at == 0 || came[..at].iter().any(|before| (before.0 - row.0).abs() <= 4));
                        if !whole {
                            continue 'cases;
                        }
                        expected.push(fold(&came, Some(last + 4)));
                    }
                }
                _ => expected.extend(rows.chunks_exact(3).map(|rows| fold(rows, None))),
            }
        }
        expected.sort();
        let whole = |events: &Vec<Event>| {
            events
                .iter()
                .map(|&(time, key, value, by)| (time, key, value, if by == 0 { 1 } else { by }))
                .collect::<Vec<_>>()
        };
        let steps: Vec<Step> = events.iter().map(|events| Step::Rows(0, rows(&whole(events)).1)).collect();
        let expected = Outcome { rows: expected, ..Outcome::default() };
        assert_eq!(straight(&*operator, &steps), expected, "seed {seed}");
        let position = usize::try_from(seed).expect("small") % steps.len();
        assert_eq!(
            broken(&*operator, &steps, position, (2, 1), seed),
            expected,
            "seed {seed}, broken before {position}"
        );
    }
}

#[test]
fn a_failure_anywhere_changes_nothing() {
    let events = random_events(5);
    let mut steps: Vec<Step> = events.iter().map(|events| Step::Rows(0, rows(events).1)).collect();
    broken_anywhere(&*reduce(&mut keyed()), &steps);
    steps.insert(1, Step::Watermark(3));
    let mut stream = keyed();
    stream.stage("window", vec![Arg::Window(window_call("session", &[4]))], vec![]).expect("binds");
    broken_anywhere(&*reduce(&mut stream), &steps);
}

#[test]
fn only_what_a_result_comes_of_is_read_and_kept() {
    let events: Vec<Vec<Event>> = random_events(9);
    let whole = |events: &Vec<Event>| events.iter().map(|&(time, key, value, by)| (time, key, value, by + 1)).collect();
    let events: Vec<Vec<Event>> = events.iter().map(whole).collect();
    for window in [None, Some(("tumble", &[10][..])), Some(("session", &[4]))] {
        let mut stream = keyed();
        if let Some((name, args)) = window {
            stream.stage("window", vec![Arg::Window(window_call(name, args))], vec![]).expect("binds");
        }
        let operator = reduce(&mut stream);
        let all: Vec<Step> = events.iter().map(|events| Step::Rows(0, rows(events).1)).collect();
        // The value comes of itself and of the divisor; that of itself alone.
        for (needed, read) in [(1, &[0, 1, 2][..]), (2, &[0, 2])] {
            let pruned = operator.prune(&[needed]).expect("narrows");
            assert_eq!(pruned.inputs, [read], "{window:?}");
            let kept = pruned.operator.states().pop().expect("a state of rows").schema;
            assert_eq!(kept.index_of("value").is_some(), read.contains(&1));
            let narrowed = |rows: &Batch| {
                let columns = read.iter().map(|&column| rows.column(column).clone()).collect();
                let schema = self::rows(&[]).0.project(read);
                Batch::new(schema.record_batch(columns, rows.rows()).expect("columns fit"), rows.times().clone())
            };
            let steps: Vec<Step> = events.iter().map(|events| Step::Rows(0, narrowed(&rows(events).1))).collect();
            let one = |row: String| {
                let (columns, time) = row.split_once(" @").map_or((&*row, None), |(row, time)| (row, Some(time)));
                let column = columns.split('|').nth(needed).expect("a column");
                time.map_or_else(|| column.to_owned(), |time| format!("{column} @{time}"))
            };
            let mut expected: Vec<String> = straight(&*operator, &all).rows.into_iter().map(one).collect();
            expected.sort();
            assert_eq!(straight(&*pruned.operator, &steps).rows, expected, "{window:?}, column {needed}");
            broken_anywhere(&*pruned.operator, &steps);
        }
    }
}

#[test]
fn what_is_no_result_is_refused() {
    let refused = |name: &str| {
        let list = Arg::Exprs(vec![item(of("left", "value"), Some(name))]);
        keyed().stage("reduce", vec![list], vec![]).expect_err("is refused").to_string()
    };
    insta::assert_snapshot!([refused("total"), refused("key"), refused("values")].join("\n"), @r"
    `total` is no column of the rows that are put together (name one of theirs with `as`, or make a column with `map` before it)
    `key` is a key, which stays as it is
    `values` is no column of the rows that are put together (did you mean `value`?)
    ");
}
