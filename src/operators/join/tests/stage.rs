//! Binding a join.

use super::{binary, bound, column, on};
use crate::api::{Arg, ChangelogMode, TimeRange};
use crate::expr::ast::BinaryOp;
use crate::operators::testing::at;

const APPEND: [ChangelogMode; 2] = [ChangelogMode::Append, ChangelogMode::Append];

fn within() -> (&'static str, Arg) {
    ("within", Arg::Range(at(TimeRange { from_ms: -1_000, to_ms: 10_000 })))
}

#[test]
fn the_result_has_the_left_columns_and_then_the_right_ones() {
    let (planned, shape) = bound("left join", on(true), APPEND, vec![within()]).expect("binds");
    assert_eq!(shape.schema.to_string(), "(k bigint, v bigint, r_k bigint, w bigint)");
    assert!(shape.time.event_time && shape.changelog.is_append());
    insta::assert_snapshot!(planned.describe(), @"joinType=[LeftOuterJoin], within=[-1000ms..10000ms of event time], where=[k = k and v <= w], select=[k, v, r_k, w]");
    let pruned = planned.prune(&[3]).expect("narrows");
    assert_eq!(
        (pruned.inputs, pruned.operator.output().to_string()),
        (vec![vec![0, 1], vec![0, 1]], "(w bigint)".to_owned())
    );
    let (_, shape) = bound("semi join", on(false), APPEND, Vec::new()).expect("binds");
    assert_eq!((shape.schema.to_string(), shape.time.event_time), ("(k bigint, v bigint)".to_owned(), false));
}

#[test]
fn keys_that_are_no_columns_are_computed_first_and_left_out_again() {
    let sum = |a: &str, b: &str| binary(column(&[a]), BinaryOp::Plus, column(&[b]));
    let computed = binary(
        binary(column(&["l", "k"]), BinaryOp::Plus, column(&["v"])),
        BinaryOp::Eq,
        binary(column(&["r", "k"]), BinaryOp::Plus, column(&["w"])),
    );
    let condition = binary(computed, BinaryOp::And, binary(sum("v", "v"), BinaryOp::Lt, column(&["w"])));
    let (planned, shape) = bound("full join", condition, APPEND, vec![within()]).expect("binds");
    assert_eq!(shape.schema.to_string(), "(k bigint, v bigint, r_k bigint, w bigint)");
    assert_eq!(planned.describe(), "select=[k, v, r_k, w]");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |stage: &str, changelogs: [ChangelogMode; 2], clauses| {
        bound(stage, on(false), changelogs, clauses).expect_err("is refused").to_string()
    };
    let changing = || [ChangelogMode::Append, ChangelogMode::Retract(None)];
    let option = |name: &str| ("with", Arg::Options(vec![(at(name.to_owned()), column(&["x"]))]));
    insta::assert_snapshot!([
        refused("semi join", APPEND, vec![within()]),
        refused("join", changing(), vec![within()]),
        refused("join", APPEND, vec![option("tll")]),
        refused("join", APPEND, vec![option("ttl")]),
        refused("join", APPEND, vec![within(), option("ttl")]),
        refused("join", APPEND, vec![("on processing_time", Arg::Flag)]),
    ].join("\n"), @r"
    `semi join` takes no `within` (leave `within` out: the join then keeps both sides, `with (ttl = 1h)` for a time)
    `within` takes rows that stay, and those of `r` change (leave `within` out: the join then follows the changes)
    this join has no option `tll` (did you mean `ttl`?)
    option `ttl` takes a duration such as 1h, longer than 0
    this join has no option `ttl` (it has none at all)
    `on processing_time` says which time `within` is of (add `within`, or leave it out: this join keeps both sides whatever their times)
    ");
}
