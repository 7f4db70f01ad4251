//! The answers of Flink 2.3 to `tests/flink/joins.py`, beside ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{Row, bound, column, on, rows, schemas};
use crate::api::{Arg, ChangelogMode, PlannedOperator, StreamShape, TimeRange};
use crate::expr::ast::{BinaryOp, Expr, Literal};
use crate::operators::testing::script::{Step, in_order};
use crate::operators::testing::{FakeStream, at};
use crate::types::{NO_TIME, RowKind};

const GOLDENS: &str = include_str!("../../../../tests/flink/joins.json");

#[derive(Deserialize)]
struct Golden {
    name: String,
    steps: Vec<(String, Option<i64>, Option<i64>, i64)>,
    rows: Vec<String>,
}

/// Rows that come one after the other, the watermark one second behind the latest behind each.
fn in_time(golden: &Golden, changes: bool) -> Vec<Step> {
    let mut known = [Vec::new(), Vec::new()];
    let mut latest = i64::MIN;
    let mut steps = Vec::new();
    for (side, k, v, second) in &golden.steps {
        let input = usize::from(side == "r");
        let row = (*k, v.expect("a value"), second * 1_000);
        let update = known[input].contains(k);
        known[input].push(*k);
        let kind = if update { RowKind::UpdateAfter } else { RowKind::Insert };
        let kinds = (changes && input == 1).then(|| vec![kind as i8].into());
        steps.push(Step::Rows(input, rows(input, &[row]).with_kinds(kinds)));
        if row.2 > latest {
            latest = row.2;
            steps.push(Step::Watermark(latest - 1_000));
        }
    }
    steps
}

/// Rows that replace those of their side and id.
fn changing(golden: &Golden) -> Vec<Step> {
    let mut tables: [BTreeMap<Option<i64>, Row>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let mut steps = Vec::new();
    for (side, id, k, v) in &golden.steps {
        let input = usize::from(side == "r");
        let new = (*k, *v, NO_TIME);
        let old = tables[input].insert(*id, new);
        // The filter behind the replacing leaves out the halves of an update by themselves.
        let before = old.map(|old| (old, RowKind::UpdateBefore));
        let after = (new, if old.is_some() { RowKind::UpdateAfter } else { RowKind::Insert });
        let some: Vec<(Row, RowKind)> = before.into_iter().chain([after]).filter(|(row, _)| row.1 >= 0).collect();
        let kinds: Vec<i8> = some.iter().map(|(_, kind)| *kind as i8).collect();
        let some: Vec<Row> = some.into_iter().map(|(row, _)| row).collect();
        steps.push(Step::Rows(input, rows(input, &some).with_kinds(Some(kinds.into()))));
    }
    steps
}

/// `l.k = r.k and l.v <= r.w - 10`
fn with_residual() -> crate::expr::ast::ExprNode {
    let ten = at(Expr::Literal(Literal::Integer("10".to_owned())));
    let less = super::binary(column(&["w"]), BinaryOp::Minus, ten);
    super::binary(on(false), BinaryOp::And, super::binary(column(&["v"]), BinaryOp::LtEq, less))
}

fn planned(name: &str) -> Arc<dyn PlannedOperator> {
    let (shape, stage) = name.split_once(' ').expect("a shape and a stage");
    if shape == "set" {
        let [left, _] = schemas();
        let mut stream = FakeStream::new(&left);
        stream.others = vec![("right", StreamShape::of(left))];
        stream.stage(stage, vec![Arg::Name(at("right".to_owned()))], vec![]).expect("binds");
        return Arc::clone(stream.applied.last().expect("applied"));
    }
    let (stage, on) = match stage.strip_suffix(" residual") {
        Some(stage) => (stage, with_residual()),
        None => (stage, on(false)),
    };
    let append = || [ChangelogMode::Append, ChangelogMode::Append];
    let changes = || [ChangelogMode::Retract(None), ChangelogMode::Retract(None)];
    let within = || ("within", Arg::Range(at(TimeRange { from_ms: -5_000, to_ms: 10_000 })));
    let bound = match shape {
        "interval" => bound(stage, on, append(), vec![within()]),
        "regular" => bound(stage, on, append(), Vec::new()),
        "changes" => bound(stage, on, changes(), Vec::new()),
        _ => {
            let versions = [ChangelogMode::Append, ChangelogMode::Retract(Some(vec![0]))];
            bound(stage, on, versions, vec![("as of", Arg::Expr(column(&["event_time"])))])
        }
    };
    bound.expect("binds").0
}

/// The table that changes come to.
fn table(changes: &[String]) -> Vec<String> {
    let mut table: BTreeMap<&str, i64> = BTreeMap::new();
    for change in changes {
        let (kind, row) = change.split_at(3);
        *table.entry(row).or_default() += if matches!(kind, "+I " | "+U ") { 1 } else { -1 };
    }
    table.into_iter().flat_map(|(row, times)| (0..times).map(move |_| row.to_owned())).collect()
}

#[test]
fn flink_gives_the_same() {
    let goldens: Vec<Golden> = serde_json::from_str(GOLDENS).expect("goldens");
    assert!(goldens.len() == 36, "{}", goldens.len());
    let mut wrong = Vec::new();
    for golden in &goldens {
        let steps = if golden.name.starts_with("changes") {
            changing(golden)
        } else {
            in_time(golden, golden.name.starts_with("temporal"))
        };
        let found = in_order(&*planned(&golden.name), &steps).rows;
        let mut found: Vec<String> = found
            .into_iter()
            .map(|row| row.split(" @").next().unwrap_or_default().to_owned())
            .map(|row| if row.starts_with(['+', '-']) { row } else { format!("+I {row}") })
            .collect();
        let mut expected = golden.rows.clone();
        // Flink makes set operations of joins and aggregates, which take more back and give it again.
        if golden.name.starts_with("set") {
            (found, expected) = (table(&found), table(&expected));
        }
        found.sort();
        expected.sort();
        if found != expected {
            wrong.push(format!("{}\n  ours  {found:?}\n  Flink {expected:?}", golden.name));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
