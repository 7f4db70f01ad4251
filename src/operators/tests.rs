//! The registries, and what happens to rows whose expressions fail.

use super::stages;
use super::testing::{FakeStream, Recorder, Values, aggregates, at, batch, call, column, context, item, names, run};
use super::window::assigners::window_functions;
use crate::api::{Arg, PlannedOperator, WindowCall};
use crate::expr::ast::{BinaryOp, Call, Expr, ExprNode, Literal};
use crate::types::{Batch, Schema};

#[test]
fn every_stage_has_a_name_of_its_own_a_help_text_and_an_example() {
    let mut names: Vec<&str> = Vec::new();
    for stage in stages() {
        names.push(stage.name);
        names.extend(stage.aliases);
        assert!(!stage.summary.is_empty() && stage.help.len() > 20, "{}", stage.name);
        let words: Vec<&str> = std::iter::once(stage.name).chain(stage.aliases.iter().copied()).collect();
        assert!(!stage.examples.is_empty());
        for example in stage.examples {
            assert!(words.iter().any(|word| example.contains(word)), "{}: {example}", stage.name);
            assert!(example.ends_with(';'), "{example}");
        }
    }
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len(), "a name stands for two stages");
}

#[test]
fn every_window_has_an_example() {
    for window in window_functions() {
        assert!(window.examples.iter().all(|example| example.contains(window.name)), "{}", window.name);
    }
}

fn binary(left: &str, op: BinaryOp, right: &str) -> ExprNode {
    at(Expr::Binary(Box::new(column(left)), at(op), Box::new(column(right))))
}

/// Rows of key, price and divisor; the second divides by zero.
fn input() -> (Schema, Batch) {
    batch(vec![
        ("key", Values::ints([1, 2, 1])),
        ("price", Values::ints([10, 20, 30])),
        ("by", Values::ints([2, 0, 3])),
    ])
}

fn check_one_rejected(operator: &dyn PlannedOperator, expected: &[&str]) {
    let (_, rows) = input();
    let out = run(operator, vec![rows.clone()]);
    assert_eq!(out.elements, expected);
    assert_eq!(out.rejected.len(), 1);
    assert_eq!(String::from_utf8_lossy(&out.rejected[0].row), "key=2, price=20, by=0");
    assert!(out.rejected[0].message.contains("zero"), "{}", out.rejected[0].message);
    let mut failing = Recorder { fail_on_reject: true, ..Recorder::default() };
    let mut running = operator.create(&context()).expect("creates");
    running.process(0, rows, &mut failing).expect_err("fails when rows may not fail");
}

#[test]
fn a_row_that_fails_is_rejected_and_the_others_go_on() {
    let (schema, _) = input();
    let mut mapped = FakeStream::new(&schema);
    let quotient = || binary("price", BinaryOp::Divide, "by");
    mapped.stage("map", vec![Arg::Exprs(vec![item(quotient(), Some("q"))])], vec![]).expect("binds");
    check_one_rejected(mapped.last(), &["5", "10"]);

    let mut filtered = FakeStream::new(&schema);
    let condition = at(Expr::Binary(Box::new(quotient()), at(BinaryOp::Lt), Box::new(column("price"))));
    filtered.stage("filter", vec![Arg::Expr(condition)], vec![]).expect("binds");
    check_one_rejected(filtered.last(), &["1|10|2", "1|30|3"]);

    let mut aggregated = FakeStream::new(&schema);
    aggregated.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    let sum = Call { args: vec![quotient()], star: false, ..call("sum", None, false) };
    let sum = Arg::Exprs(vec![item(at(Expr::Call(sum)), Some("total"))]);
    aggregated.stage("aggregate", vec![sum], vec![]).expect("binds");
    check_one_rejected(aggregated.last(), &["+I 1|5", "-U 1|5", "+U 1|15"]);
}

#[test]
fn a_filtered_call_leaves_rows_out_of_itself_alone() {
    let (schema, rows) = input();
    let mut stream = FakeStream::new(&schema);
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    let Arg::Exprs(mut calls) = aggregates(&[("count", None, "n")]) else { panic!("a list") };
    let condition = Box::new(binary("by", BinaryOp::Lt, "key"));
    let filtered = Call { filter: Some(condition), ..call("sum", Some("price"), false) };
    calls.push(item(at(Expr::Call(filtered)), Some("low")));
    stream.stage("aggregate", vec![Arg::Exprs(calls)], vec![]).expect("binds");
    let rows = run(stream.last(), vec![rows]).elements;
    assert_eq!(rows, ["+I 1|1|null", "+I 2|1|20", "-U 1|1|null", "+U 1|2|null"]);
}

#[test]
fn aggregates_are_computed_with() {
    let (schema, rows) = input();
    let aggregate = |name: &str, arg| at(Expr::Call(call(name, arg, false)));
    let of = |left, op, right| at(Expr::Binary(Box::new(left), at(op), Box::new(right)));
    let mean = of(aggregate("sum", Some("price")), BinaryOp::Divide, aggregate("count", None));
    let spread = of(aggregate("max", Some("price")), BinaryOp::Minus, aggregate("min", Some("price")));
    let weighed = of(aggregate("count", None), BinaryOp::Multiply, column("key"));
    let list = vec![
        item(mean, Some("mean")),
        item(aggregate("count", None), Some("n")),
        item(spread, None),
        item(weighed, Some("weighed")),
    ];
    let mut stream = FakeStream::new(&schema);
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    stream.stage("aggregate", vec![Arg::Exprs(list.clone())], vec![]).expect("binds");
    assert_eq!(
        stream.shape.schema.to_string(),
        "(key bigint, mean bigint, n bigint not null, EXPR$2 bigint, weighed bigint)"
    );
    // Equal calls are one.
    assert_eq!(
        stream.applied[0].describe(),
        "groupBy=[key], select=[key, sum(price) as sum(price), count(*) as count(*), count(*) as n, max(price) as \
         max(price), min(price) as min(price)]"
    );
    let changes = run(&*stream.applied[0], vec![rows]).batches;
    assert_eq!(
        run(stream.last(), changes).elements,
        ["+I 1|10|1|0|1", "+I 2|20|1|0|2", "-U 1|10|1|0|1", "+U 1|20|2|20|2"]
    );
    // In a window the bounds stand between key and results, and late rows leave the window.
    let mut stream = FakeStream::new(&schema);
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    let tumble = Arg::Window(WindowCall {
        name: at("tumble".to_owned()),
        args: vec![at(Expr::Literal(Literal::IntervalDayTime(1_000)))],
    });
    stream.stage("window", vec![tumble], vec![("late_to", Arg::Name(at("late".to_owned())))]).expect("binds");
    stream.stage("aggregate", vec![Arg::Exprs(list)], vec![]).expect("binds");
    let names: Vec<&str> = stream.shape.schema.names().collect();
    assert_eq!(names, ["key", "window_start", "window_end", "mean", "n", "EXPR$2", "weighed"]);
    assert_eq!(stream.side_outputs, ["late"]);
}

#[test]
fn what_is_no_aggregate_and_names_that_stand_for_two_columns_are_refused() {
    let (schema, _) =
        batch(vec![("window_start", Values::ints([])), ("op", Values::ints([])), ("x", Values::ints([]))]);
    let count = || Arg::Exprs(vec![item(at(Expr::Call(call("count", None, false))), Some("n"))]);
    let refused = |key: &str, windowed: bool, list: Arg| {
        let mut stream = FakeStream::new(&schema);
        stream.stage("key_by", vec![names(&[key])], vec![]).expect("binds");
        if windowed {
            let tumble = WindowCall {
                name: at("tumble".to_owned()),
                args: vec![at(Expr::Literal(Literal::IntervalDayTime(1_000)))],
            };
            stream.stage("window", vec![Arg::Window(tumble)], vec![]).expect("binds");
        }
        stream.stage("aggregate", vec![list], vec![]).expect_err("is refused").to_string()
    };
    let list = |expr: ExprNode, name: &str| Arg::Exprs(vec![item(expr, Some(name))]);
    let nested =
        Call { args: vec![at(Expr::Call(call("max", Some("x"), false)))], star: false, ..call("sum", None, false) };
    insta::assert_snapshot!([
        refused("window_start", true, count()),
        refused("op", false, count()),
        refused("x", false, list(at(Expr::Call(call("count", None, false))), "op")),
        refused("x", false, list(binary("x", BinaryOp::Plus, "x"), "twice")),
        refused("x", false, list(at(Expr::Call(call("summ", Some("x"), false))), "s")),
        refused("x", false, list(at(Expr::Call(call("upper", Some("x"), false))), "s")),
        refused("x", false, list(at(Expr::Call(nested)), "s")),
    ].join("\n"), @r"
    there is a column `window_start` already (give one of the two another name with `as`)
    `op` names the kind of a change, so no column of a changelog can have this name (give the column another name with `as`)
    `op` names the kind of a change, so no column of a changelog can have this name (give the column another name with `as`)
    expected an aggregate function such as `count(*)` (the columns of `key_by` are there already; compute others in a `map` before)
    there is no aggregate function `summ` (did you mean `sum`?)
    expected an aggregate function such as `count(*)` (the columns of `key_by` are there already; compute others in a `map` before)
    `max` is an aggregate function, which can't stand here (it stands in the stage `aggregate`: … | aggregate max(…) as NAME)
    ");
}
