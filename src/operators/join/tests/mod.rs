//! Joins against what they mean, said plainly, on random streams.

mod goldens;
mod interval;
mod lookup;
mod regular;
mod stage;
mod temporal;
mod window;

use std::sync::Arc;

use crate::api::{Arg, ChangelogMode, NamedStream, PlannedOperator, StreamShape, TimeAttributes};
use crate::expr::ast::{BinaryOp, Expr, ExprNode};
use crate::operators::testing::{FakeStream, Random, Values, at, batch};
use crate::types::{Batch, Diagnostic, Schema};

/// A row of either side: its key, its value and its time.
type Row = (Option<i64>, i64, i64);

const KINDS: [&str; 6] = ["join", "left join", "right join", "full join", "semi join", "anti join"];

/// The columns of the two sides, `(k, v)` and `(k, w)`.
fn schemas() -> [Schema; 2] {
    ["v", "w"].map(|value| batch(vec![("k", Values::ints([])), (value, Values::ints([]))]).0)
}

fn rows(input: usize, rows: &[Row]) -> Batch {
    let keys = Values::Int(rows.iter().map(|row| row.0).collect());
    let values = Values::ints(rows.iter().map(|row| row.1));
    let (_, made) = batch(vec![("k", keys), (["v", "w"][input], values)]);
    made.with_times(rows.iter().map(|row| row.2).collect::<Vec<_>>().into())
}

fn column(parts: &[&str]) -> ExprNode {
    at(Expr::Column(parts.iter().map(|part| at((*part).to_owned())).collect()))
}

fn binary(left: ExprNode, op: BinaryOp, right: ExprNode) -> ExprNode {
    at(Expr::Binary(Box::new(left), at(op), Box::new(right)))
}

/// `l.k = r.k`, with `residual` also `v <= w`.
fn on(residual: bool) -> ExprNode {
    let keys = binary(column(&["l", "k"]), BinaryOp::Eq, column(&["r", "k"]));
    if residual { binary(keys, BinaryOp::And, binary(column(&["v"]), BinaryOp::LtEq, column(&["w"]))) } else { keys }
}

/// `<stage> right as r on … <clauses>`, behind a stream called `l`.
fn bound(
    stage: &str,
    on: ExprNode,
    changelogs: [ChangelogMode; 2],
    clauses: Vec<(&'static str, Arg)>,
) -> Result<(Arc<dyn PlannedOperator>, StreamShape), Diagnostic> {
    let [left, right] = schemas();
    let [mine, theirs] = changelogs;
    let mut stream = FakeStream::new(&left);
    stream.shape.name = Some(at("l".to_owned()));
    stream.shape.changelog = mine;
    let time = TimeAttributes::of_event_time(None);
    stream.others = vec![("right", StreamShape { time, changelog: theirs, ..StreamShape::of(right) })];
    let named = NamedStream { name: at("right".to_owned()), alias: Some(at("r".to_owned())) };
    let clauses = std::iter::once(("on", Arg::Expr(on))).chain(clauses).collect();
    stream.stage(stage, vec![Arg::Stream(named)], clauses)?;
    Ok((Arc::clone(stream.applied.last().expect("an operator was applied")), stream.shape))
}

fn key(random: &mut Random) -> Option<i64> {
    match random.below(8) {
        0 => None,
        key => Some(key.cast_signed() % 3),
    }
}

fn text(value: Option<i64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}
