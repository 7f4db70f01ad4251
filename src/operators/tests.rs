//! The registries, and what happens to rows whose expressions fail.

use super::testing::{FakeStream, Recorder, Values, aggregates, at, batch, call, column, context, item, names, run};
use super::window::assigners::window_functions;
use super::{PLANNED_STAGES, stages};
use crate::api::{Arg, PlannedOperator};
use crate::expr::ast::{BinaryOp, Call, Expr, ExprNode};
use crate::types::{Batch, Schema};

#[test]
fn every_stage_has_a_name_of_its_own_a_help_text_and_an_example() {
    let mut names: Vec<&str> = PLANNED_STAGES.to_vec();
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
