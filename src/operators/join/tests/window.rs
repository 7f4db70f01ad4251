//! The join over windows.

use std::collections::{BTreeMap, BTreeSet};

use super::{KINDS, Row, bound, key, on, rows, text};
use crate::api::{Arg, ChangelogMode};
use crate::operators::testing::script::{Outcome, Step, broken, broken_anywhere, cases, straight};
use crate::operators::testing::{Random, Values, batch, lines, window_call};

const APPEND: [ChangelogMode; 2] = [ChangelogMode::Append, ChangelogMode::Append];

fn windowed(kind: &str, residual: bool, window: (&str, &[i64])) -> std::sync::Arc<dyn crate::api::PlannedOperator> {
    let clauses = vec![("window", Arg::Window(window_call(window.0, window.1)))];
    bound(kind, on(residual), APPEND, clauses).expect("binds").0
}

fn random_steps(seed: u64) -> Vec<Step> {
    let mut random = Random(seed << 24);
    let (mut time, mut watermark) = (0, 0);
    (0..random.below(24) + 3)
        .map(|_| {
            if random.below(4) == 0 {
                watermark = watermark.max(time - random.int(6));
                return Step::Watermark(watermark);
            }
            let input = usize::from(random.below(2) == 0);
            let some: Vec<Row> = (0..=random.below(4))
                .map(|_| {
                    time += random.int(4);
                    let back = if random.below(5) == 0 { random.int(30) } else { random.int(3) };
                    (key(&mut random), random.int(20), time - back)
                })
                .collect();
            Step::Rows(input, rows(input, &some))
        })
        .collect()
}

/// Rows of the left and of the right side.
type Pane = [Vec<Row>; 2];

/// What is left of a tumbling window of 10 when it fires.
fn model(kind: &str, residual: bool, steps: &[Step]) -> Outcome {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    let (mut windows, mut watermark) = (BTreeMap::<i64, Pane>::new(), i64::MIN);
    let mut outcome = Outcome::default();
    let mut fire = |end: i64, [left, right]: &Pane| {
        let meet = |a: &Row, b: &Row| a.0.is_some() && a.0 == b.0 && (!residual || a.1 <= b.1);
        let mut give = |left: Option<&Row>, right: Option<&Row>| {
            let of = |row: Option<&Row>| (text(row.and_then(|row| row.0)), text(row.map(|row| row.1)));
            let ((k, v), (r_k, w)) = (of(left), of(right));
            let filters = kind.starts_with("semi") || kind.starts_with("anti");
            let row = if filters { format!("{k}|{v}") } else { format!("{k}|{v}|{r_k}|{w}") };
            outcome.rows.push(format!("{row} @{}", end - 1));
        };
        for a in left {
            let found: Vec<&Row> = right.iter().filter(|b| meet(a, b)).collect();
            match (kind, found.is_empty()) {
                ("semi join", false) | ("anti join" | "left join" | "full join", true) => give(Some(a), None),
                ("semi join" | "anti join", _) => {}
                _ => found.iter().for_each(|b| give(Some(a), Some(b))),
            }
        }
        if kind == "right join" || kind == "full join" {
            right.iter().filter(|b| !left.iter().any(|a| meet(a, b))).for_each(|b| give(None, Some(b)));
        }
    };
    for step in steps.iter().chain([&Step::Watermark(i64::MAX)]) {
        match step {
            Step::Rows(input, rows) => {
                let [keys, values] = [0, 1].map(|column| rows.column(column).as_primitive::<Int64Type>());
                for row in 0..rows.rows() {
                    let time = rows.times()[row];
                    let end = time.div_euclid(10) * 10 + 10;
                    if end - 1 <= watermark {
                        outcome.late += 1;
                        continue;
                    }
                    let key = keys.iter().nth(row).expect("a row");
                    windows.entry(end).or_default()[*input].push((key, values.value(row), time));
                }
            }
            Step::Watermark(reached) => {
                watermark = *reached;
                while let Some(first) = windows.first_entry().filter(|first| first.key() - 1 <= watermark) {
                    let (end, pane) = first.remove_entry();
                    fire(end, &pane);
                }
            }
            Step::Clock(_) => {}
        }
    }
    outcome.rows.sort();
    outcome
}

#[test]
fn rows_of_a_window_meet_as_a_plain_model_says() {
    for seed in 0..cases(100) {
        let steps = random_steps(seed);
        for kind in KINDS {
            let residual = seed % 2 == 0;
            let join = windowed(kind, residual, ("tumble", &[10]));
            let expected = model(kind, residual, &steps);
            assert_eq!(straight(&*join, &steps), expected, "seed {seed}, {kind}");
            let position = usize::try_from(seed).expect("small") % steps.len();
            let found = broken(&*join, &steps, position, (1 + position % 3, 2), seed);
            assert_eq!(found, expected, "seed {seed}, {kind}, broken before {position}");
        }
    }
}

#[test]
fn a_failure_anywhere_changes_nothing() {
    let steps = random_steps(11);
    for kind in KINDS {
        for window in [("tumble", &[10][..]), ("hop", &[10, 5]), ("session", &[4])] {
            broken_anywhere(&*windowed(kind, true, window), &steps);
        }
    }
}

#[test]
fn only_the_columns_that_are_read_come_and_are_kept() {
    let steps = random_steps(7);
    for kind in KINDS {
        for residual in [false, true] {
            let join = windowed(kind, residual, ("tumble", &[10]));
            let needed: &[usize] = if join.output().len() == 2 { &[1] } else { &[3] };
            let pruned = join.prune(needed).expect("narrows");
            let reads: [&[usize]; 2] = match (residual, needed) {
                (true, _) => [&[0, 1], &[0, 1]],
                (false, [1]) => [&[0, 1], &[0]],
                (false, _) => [&[0], &[0, 1]],
            };
            assert_eq!(pruned.inputs, reads, "{kind}");
            for state in pruned.operator.states() {
                let other = |name: &str| ["v", "w"].contains(&name);
                let kept = state.schema.names().filter(|name| other(name)).count();
                let read = match state.name {
                    "left_rows" => reads[0].len() - 1,
                    "right_rows" => reads[1].len() - 1,
                    _ => 0,
                };
                assert_eq!(kept, read, "{kind}, {}", state.name);
            }
            let read = |input: usize, rows: &crate::types::Batch| {
                let columns = pruned.inputs[input].iter().map(|&column| rows.column(column).clone()).collect();
                let schema = super::schemas()[input].project(&pruned.inputs[input]);
                let columns = schema.record_batch(columns, rows.rows()).expect("columns fit");
                crate::types::Batch::new(columns, rows.times().clone())
            };
            let narrowed: Vec<Step> = steps
                .iter()
                .map(|step| match step {
                    Step::Rows(input, rows) => Step::Rows(*input, read(*input, rows)),
                    Step::Watermark(_) | Step::Clock(_) => step.clone(),
                })
                .collect();
            let all = straight(&*join, &steps).rows.into_iter().map(|row| {
                let (columns, time) = row.split_once(" @").expect("a time");
                format!("{} @{time}", columns.split('|').nth(needed[0]).expect("a column"))
            });
            let mut all: Vec<String> = all.collect();
            all.sort();
            assert_eq!(straight(&*pruned.operator, &narrowed).rows, all, "{kind}");
            broken_anywhere(&*pruned.operator, &narrowed);
        }
    }
}

#[test]
fn a_session_of_both_holds_rows_of_either() {
    let join = windowed("full join", false, ("session", &[5]));
    let steps = [
        Step::Rows(0, rows(0, &[(Some(1), 1, 0), (Some(2), 2, 0)])),
        // Between the two left rows: one session of all three.
        Step::Rows(1, rows(1, &[(Some(1), 7, 4), (Some(3), 8, 4)])),
        Step::Rows(0, rows(0, &[(Some(1), 3, 8)])),
    ];
    assert_eq!(straight(&*join, &steps).rows, ["1|1|1|7 @12", "1|3|1|7 @12", "2|2|null|null @4", "null|null|3|8 @8"]);
}

#[test]
fn a_window_goes_with_no_other_bound_and_not_with_changes() {
    let window = || ("window", Arg::Window(window_call("tumble", &[10])));
    let changes = [ChangelogMode::Retract(None), ChangelogMode::Append];
    let refused =
        |changelogs, clauses| bound("join", on(false), changelogs, clauses).expect_err("is refused").to_string();
    let range = crate::api::TimeRange { from_ms: 0, to_ms: 5 };
    let within = ("within", Arg::Range(crate::operators::testing::at(range)));
    insta::assert_snapshot!([refused(APPEND, vec![window(), within]), refused(changes, vec![window()])].join("\n"), @r"
    a join is either `window` or `within`
    a window takes rows that stay, and those of `l` change (leave the window to a stream of rows that are only added)
    ");
}

/// `cogroup right as r on l.k = r.k window … | aggregate count(left.v) as n, sum(right.w) as total`
#[test]
fn a_cogroup_aggregates_both_sides() {
    use crate::api::{NamedStream, StreamShape, TimeAttributes};
    use crate::operators::testing::{FakeStream, at, call, item};
    for seed in 0..cases(50) {
        let steps = random_steps(seed);
        let [left, right] = super::schemas();
        let mut stream = FakeStream::new(&left);
        stream.shape.name = Some(at("l".to_owned()));
        let time = TimeAttributes::of_event_time(None);
        stream.others = vec![("right", StreamShape { time, ..StreamShape::of(right) })];
        let named = NamedStream { name: at("right".to_owned()), alias: Some(at("r".to_owned())) };
        let clauses = vec![("on", Arg::Expr(on(false))), ("window", Arg::Window(window_call("tumble", &[10])))];
        stream.stage("cogroup", vec![Arg::Stream(named)], clauses).expect("binds");
        let of = |function: &str, parts: &[&str], name: &'static str| {
            let call =
                crate::expr::ast::Call { args: vec![super::column(parts)], star: false, ..call(function, None, false) };
            item(at(crate::expr::ast::Expr::Call(call)), Some(name))
        };
        let list = vec![of("count", &["left", "v"], "n"), of("sum", &["right", "w"], "total")];
        stream.stage("aggregate", vec![Arg::Exprs(list)], vec![]).expect("binds");
        let [both, window] = stream.applied.as_slice() else { panic!("two operators") };
        // The rows of either side by key and window, those before which the watermark passed left out.
        let (mut expected, mut watermark) = (BTreeMap::<(i64, Option<i64>), (i64, Option<i64>)>::new(), i64::MIN);
        let mut late = BTreeSet::new();
        let mut through = Vec::new();
        let mut widen = both.create(&crate::operators::testing::context()).expect("creates");
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Rows(input, rows) => {
                    use arrow_array::cast::AsArray;
                    use arrow_array::types::Int64Type;
                    let mut out = crate::operators::testing::Recorder::default();
                    widen.process(*input, rows.clone(), &mut out).expect("widens");
                    through.extend(out.batches.into_iter().map(|rows| Step::Rows(0, rows)));
                    let [keys, values] = [0, 1].map(|column| rows.column(column).as_primitive::<Int64Type>());
                    for row in 0..rows.rows() {
                        let end = rows.times()[row].div_euclid(10) * 10 + 10;
                        if end - 1 <= watermark {
                            late.insert((at, row));
                            continue;
                        }
                        let (n, total) = expected.entry((end, keys.iter().nth(row).expect("a row"))).or_default();
                        if *input == 0 {
                            *n += 1;
                        } else {
                            *total = Some(total.unwrap_or(0) + values.value(row));
                        }
                    }
                }
                Step::Watermark(reached) => {
                    watermark = *reached;
                    through.push(step.clone());
                }
                Step::Clock(_) => {}
            }
        }
        let mut rows: Vec<String> = expected
            .into_iter()
            .map(|((end, key), (n, total))| {
                let (_, row) = batch(vec![
                    ("k", Values::Int(vec![key])),
                    ("start", Values::Time(vec![Some(end - 10)])),
                    ("end", Values::Time(vec![Some(end)])),
                    ("n", Values::ints([n])),
                    ("total", Values::Int(vec![total])),
                ]);
                lines(&row.with_times(vec![end - 1].into())).remove(0)
            })
            .collect();
        rows.sort();
        let found = straight(&**window, &through);
        assert_eq!((found.rows, found.late), (rows, late.len() as u64), "seed {seed}");
    }
}
