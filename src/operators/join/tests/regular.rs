//! The regular join: its changelog is that of the join of both tables, whatever the changes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{KINDS, Row, bound, key, on, rows, text};
use crate::api::{Arg, ChangelogMode, PlannedOperator};
use crate::expr::ast::{Expr, Literal};
use crate::operators::join::JoinKind;
use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order, straight};
use crate::operators::testing::{Random, at, given_of_inputs, with_memory};
use crate::types::{NO_TIME, RowKind};

/// Rows and how often each is there.
type Table = BTreeMap<String, i64>;

/// The rows of one side, equal ones as often as they are there.
type Side = Vec<(Option<i64>, i64)>;

fn planned(stage: &str, residual: bool, changes: [bool; 2]) -> Arc<dyn PlannedOperator> {
    let mode = changes.map(|changes| if changes { ChangelogMode::Retract(None) } else { ChangelogMode::Append });
    bound(stage, on(residual), mode, Vec::new()).expect("binds").0
}

/// The join of two tables.
fn joined([left, right]: &[Side; 2], kind: JoinKind, residual: bool) -> Table {
    let mut table = Table::new();
    let mut give = |row: String| *table.entry(row).or_default() += 1;
    let matches =
        |l: &(Option<i64>, i64), r: &(Option<i64>, i64)| l.0.is_some() && l.0 == r.0 && (!residual || l.1 <= r.1);
    for l in left {
        let found: Vec<_> = right.iter().filter(|r| matches(l, r)).collect();
        let (k, v) = (text(l.0), l.1);
        match kind {
            JoinKind::Semi if !found.is_empty() => give(format!("{k}|{v}")),
            JoinKind::Anti if found.is_empty() => give(format!("{k}|{v}")),
            JoinKind::Semi | JoinKind::Anti => {}
            JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                for r in &found {
                    give(format!("{k}|{v}|{}|{}", text(r.0), r.1));
                }
                if found.is_empty() && kind.pads(0) {
                    give(format!("{k}|{v}|null|null"));
                }
            }
        }
    }
    for r in right.iter().filter(|r| kind.pads(1) && !left.iter().any(|l| matches(l, r))) {
        give(format!("null|null|{}|{}", text(r.0), r.1));
    }
    table
}

/// The table that a changelog tells of; what was never there is not taken back.
fn table(rows: &[String]) -> Table {
    let mut table = Table::new();
    for row in rows {
        let (kind, values) = row.split_at(3);
        let (adds, values) = match kind.trim() {
            "+I" | "+U" => (1, values),
            "-U" | "-D" => (-1, values),
            _ => (1, row.as_str()),
        };
        let count = table.entry(values.to_owned()).or_default();
        *count += adds;
        assert!(*count >= 0, "{row} takes back what is not there");
    }
    table.retain(|_, count| *count > 0);
    table
}

/// Changes of both sides, a few rows a batch.
struct Script {
    steps: Vec<Step>,
    /// Both tables after each step.
    after: Vec<[Side; 2]>,
}

fn script(random: &mut Random, changes: [bool; 2]) -> Script {
    let mut sides: [Side; 2] = [Vec::new(), Vec::new()];
    let mut script = Script { steps: Vec::new(), after: Vec::new() };
    for _ in 0..3 + random.below(12) {
        let input = random.index(2);
        let side = &mut sides[input];
        let mut some: Vec<(Row, RowKind)> = Vec::new();
        for _ in 0..=random.below(4) {
            let known = (!side.is_empty()).then(|| random.index(side.len()));
            let fresh = (key(random), random.int(3));
            match (random.below(4), known.filter(|_| changes[input])) {
                (0, Some(known)) => {
                    let (k, v) = side.remove(known);
                    some.push(((k, v, NO_TIME), RowKind::Delete));
                }
                (1, Some(known)) => {
                    let (k, v) = side.remove(known);
                    some.push(((k, v, NO_TIME), RowKind::UpdateBefore));
                    some.push(((fresh.0, fresh.1, NO_TIME), RowKind::UpdateAfter));
                    side.push(fresh);
                }
                _ => {
                    some.push(((fresh.0, fresh.1, NO_TIME), RowKind::Insert));
                    side.push(fresh);
                }
            }
        }
        let batch = rows(input, &some.iter().map(|(row, _)| *row).collect::<Vec<_>>());
        let kinds: Vec<i8> = some.iter().map(|(_, kind)| *kind as i8).collect();
        script.steps.push(Step::Rows(input, batch.with_kinds(changes[input].then(|| kinds.into()))));
        script.after.push(sides.clone());
    }
    script
}

#[test]
fn random_changes_give_the_changelog_of_the_join_of_both_tables() {
    for seed in 0..cases(30) {
        let mut random = Random(seed * 15_485_863);
        let stage = KINDS[random.index(6)];
        let (residual, changes) = (random.below(2) == 0, [random.below(3) > 0, random.below(3) > 0]);
        let script = script(&mut random, changes);
        let planned = planned(stage, residual, changes);
        for (steps, after) in (1..=script.steps.len()).zip(&script.after) {
            let found = table(&in_order(&*planned, &script.steps[..steps]).rows);
            let expected = joined(after, JoinKind::of_stage(stage), residual);
            assert_eq!(found, expected, "seed {seed}: {stage} residual {residual} changes {changes:?} step {steps}");
        }
        if seed % 5 == 0 {
            broken_anywhere(&*planned, &script.steps);
        }
    }
}

#[test]
fn a_checkpoint_between_any_two_elements_changes_nothing() {
    for (at, stage) in KINDS.into_iter().enumerate() {
        for changes in [[false, false], [true, true]] {
            let script = script(&mut Random(at as u64 * 7 + 1), changes);
            broken_anywhere(&*planned(stage, at % 2 == 0, changes), &script.steps);
        }
    }
}

/// One step a row: `input kind key value`.
fn steps(changes: &[(usize, RowKind, i64, i64)]) -> Vec<Step> {
    let step = |&(input, kind, k, v): &(usize, RowKind, i64, i64)| {
        Step::Rows(input, rows(input, &[(Some(k), v, NO_TIME)]).with_kinds(Some(vec![kind as i8].into())))
    };
    changes.iter().map(step).collect()
}

/// The kinds of rows are those that Flink's operators give (`StreamingJoinOperator`, `StreamingSemiAntiJoinOperator`).
#[test]
fn kinds_are_those_of_flink() {
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
    let changes = steps(&[
        (0, Insert, 1, 10),
        (1, UpdateAfter, 1, 20),
        (1, Insert, 1, 21),
        (0, UpdateBefore, 1, 10),
        (0, UpdateAfter, 1, 11),
        (1, UpdateBefore, 1, 20),
        (1, Delete, 1, 21),
        (0, Delete, 1, 11),
    ]);
    let given = |stage: &str| in_order(&*planned(stage, false, [true, true]), &changes).rows;
    let inner = ["+U 1|10|1|20", "+I 1|10|1|21", "-U 1|10|1|20", "-U 1|10|1|21", "+U 1|11|1|20", "+U 1|11|1|21"];
    assert_eq!(given("join"), [&inner[..], &["-U 1|11|1|20", "-D 1|11|1|21"]].concat());
    let left = [
        "+I 1|10|null|null",
        "-D 1|10|null|null",
        "+I 1|10|1|20",
        "+I 1|10|1|21",
        "-D 1|10|1|20",
        "-D 1|10|1|21",
        "+I 1|11|1|20",
        "+I 1|11|1|21",
        "-U 1|11|1|20",
        "-D 1|11|1|21",
        "+I 1|11|null|null",
        "-D 1|11|null|null",
    ];
    assert_eq!(given("left join"), left);
    assert_eq!(given("semi join"), ["+U 1|10", "-U 1|10", "+U 1|11", "-D 1|11"]);
    assert_eq!(given("anti join"), ["+I 1|10", "-D 1|10", "+I 1|11", "-D 1|11"]);
}

#[test]
fn rows_are_forgotten_when_their_time_is_over() {
    let hour = at(Expr::Literal(Literal::IntervalDayTime(1_000)));
    let with = ("with", Arg::Options(vec![(at("ttl".to_owned()), hour)]));
    let append = [ChangelogMode::Append, ChangelogMode::Append];
    let planned = bound("join", on(false), append, vec![with]).expect("binds").0;
    assert!(planned.describe().contains("ttl=[1000ms]"), "{}", planned.describe());
    let row = |input: usize, v: i64| Step::Rows(input, rows(input, &[(Some(1), v, NO_TIME)]));
    let script = [
        row(0, 1),
        Step::Clock(600),
        row(0, 2),
        Step::Clock(999),
        row(1, 3),
        Step::Clock(1_000),
        row(1, 4),
        Step::Clock(1_600),
        row(1, 5),
    ];
    assert_eq!(straight(&*planned, &script).rows, ["1|1|1|3", "1|2|1|3", "1|2|1|4"]);
    broken_anywhere(&*planned, &script);
}

#[test]
fn over_input_that_ends_both_sides_are_merged_however_little_memory_there_is() {
    for seed in 0..cases(60) {
        let mut random = Random(seed << 16);
        for stage in KINDS {
            for residual in [false, true] {
                let script = script(&mut random, [false; 2]);
                let planned = planned(stage, residual, [false; 2]).for_batch().expect("it can");
                let rows = 1 + usize::try_from(random.below(6)).expect("small");
                let context = with_memory(1 << (4 + random.below(12)), rows);
                let mut operator = planned.create(&context).expect("creates");
                let input = script.steps.iter().filter_map(|step| match step {
                    Step::Rows(input, batch) => Some((*input, batch.clone())),
                    Step::Watermark(_) | Step::Clock(_) => None,
                });
                let found = table(&given_of_inputs(&mut *operator, input));
                let expected = joined(script.after.last().expect("a step"), JoinKind::of_stage(stage), residual);
                assert_eq!(found, expected, "seed {seed}, {stage}, {residual}");
                drop(operator);
                assert!(!context.spill.is_in_use());
            }
        }
    }
}
