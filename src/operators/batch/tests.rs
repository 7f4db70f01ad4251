//! Sorts and final rows against plain ones, with less memory than rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;

use super::{FinalRows, Sorter, places};
use crate::api::{Arg, ChangelogMode, OrderItem, PlannedOperator};
use crate::operators::testing::script::{Step, cases, in_order, straight};
use crate::operators::testing::{FakeStream, Random, Values, batch, column, given_at_the_end, lines, with_memory};
use crate::types::{Batch, RowKind, Schema, SpillSpace};

fn by(name: &str, descending: bool, nulls_first: Option<bool>) -> OrderItem {
    OrderItem { expr: column(name), descending, nulls_first }
}

fn rows(values: &[(Option<i64>, i64)]) -> (Schema, Batch) {
    let keys = values.iter().map(|(key, _)| *key).collect();
    batch(vec![("k", Values::Int(keys)), ("n", Values::ints(values.iter().map(|(_, n)| *n)))])
}

fn sorted_by(order: Vec<OrderItem>) -> Arc<dyn PlannedOperator> {
    let mut stream = FakeStream::new(&rows(&[]).0);
    stream.batch = true;
    stream.stage("order_by", vec![Arg::Order(order)], vec![]).expect("binds");
    stream.applied.pop().expect("an operator")
}

#[test]
fn a_sort_of_many_times_its_memory_is_that_of_a_plain_sort() {
    for seed in 0..cases(30) {
        let mut random = Random(seed << 20);
        let count = 1 + random.below(4_000);
        let values: Vec<(Option<i64>, i64)> =
            (0..count.cast_signed()).map(|n| (Some(random.int(50)).filter(|_| random.below(9) > 0), n)).collect();
        let (descending, nulls_first) = (random.below(2) == 0, random.below(2) == 0);
        let planned = sorted_by(vec![by("k", descending, Some(nulls_first))]);
        // Of 30 bytes a row with its place at least: from a quarter of it to far more.
        let context = with_memory(1 << (8 + random.below(10)), 1 + usize::try_from(random.below(100)).expect("small"));
        let mut operator = planned.create(&context).expect("creates");
        let input = values.chunks(1 + usize::try_from(random.below(300)).expect("small")).map(|some| rows(some).1);
        let found = given_at_the_end(&mut *operator, input);
        let mut plain = values.clone();
        plain.sort_by(|a, b| {
            let of_keys = if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) };
            let of_nulls =
                if nulls_first { b.0.is_none().cmp(&a.0.is_none()) } else { a.0.is_none().cmp(&b.0.is_none()) };
            of_nulls.then(of_keys)
        });
        let shown =
            |(key, n): &(Option<i64>, i64)| format!("{}|{n}", key.map_or("null".to_owned(), |key| key.to_string()));
        assert_eq!(found, plain.iter().map(shown).collect::<Vec<_>>(), "seed {seed}");
        drop(operator);
        assert!(!context.spill.is_in_use(), "seed {seed}");
    }
}

#[test]
fn a_sort_of_four_times_its_memory_goes_through_files_and_leaves_none() {
    let values: Vec<(Option<i64>, i64)> = (0..100_000).map(|n| (Some(n * 7_919 % 100_003), n)).collect();
    let batches: Vec<Batch> = values.chunks(8_192).map(|some| rows(some).1).collect();
    let bytes: usize = batches.iter().map(Batch::bytes).sum();
    let context = with_memory(bytes / 4, 8_192);
    let mut operator = sorted_by(vec![by("k", false, None)]).create(&context).expect("creates");
    let found = given_at_the_end(&mut *operator, batches);
    let mut plain = values;
    plain.sort_by_key(|(key, _)| *key);
    let shown = |(key, n): &(Option<i64>, i64)| format!("{}|{n}", key.unwrap_or(0));
    assert!(found.iter().eq(&plain.iter().map(shown).collect::<Vec<_>>()));
    assert!(context.spill.files() >= 4, "{} runs", context.spill.files());
    drop(operator);
    assert!(!context.spill.is_in_use());
}

#[test]
fn runs_of_runs_keep_equal_rows_in_their_order() {
    let (schema, _) = rows(&[]);
    let space = Arc::new(SpillSpace::temporary(0));
    let converter = RowConverter::new(vec![SortField::new(DataType::Int64)]).expect("converts");
    let mut sorter = Sorter::new(schema.arrow(), 7, &space);
    let values: Vec<(Option<i64>, i64)> = (0..9_000).map(|n| (Some(n % 3), n)).collect();
    for some in values.chunks(2) {
        let (_, batch) = rows(some);
        let places = places(Some(&converter), &[batch.column(0).clone()], batch.rows()).expect("places");
        sorter.push(&batch, places).expect("takes");
    }
    let (mut given, mut found) = (sorter.finish().expect("sorts"), Vec::new());
    while let Some((batch, _)) = given.next().expect("reads") {
        found.extend(lines(&batch));
    }
    let mut plain = values;
    plain.sort_by_key(|(key, _)| *key);
    assert_eq!(found, plain.iter().map(|(key, n)| format!("{}|{n}", key.unwrap_or(0))).collect::<Vec<_>>());
}

#[test]
fn times_and_several_columns_order_rows() {
    let input =
        |values: &[(Option<i64>, i64)], times: &[i64]| Step::Rows(0, rows(values).1.with_times(times.to_vec().into()));
    let script = [input(&[(Some(1), 5), (None, 6)], &[30, 10]), input(&[(Some(1), 7), (Some(0), 8)], &[20, 20])];
    let of = |order| in_order(&*sorted_by(order), &script).rows;
    assert_eq!(of(vec![by("event_time", false, None)]), ["null|6 @10", "1|7 @20", "0|8 @20", "1|5 @30"]);
    assert_eq!(
        of(vec![by("k", true, None), by("n", true, None)]),
        ["1|7 @20", "1|5 @30", "0|8 @20", "null|6 @10"],
        "null is the least value"
    );
}

#[test]
fn the_rows_that_are_left_of_changes_are_given_once() {
    for seed in 0..cases(60) {
        let mut random = Random(seed << 24);
        for (key, changelog) in [
            (true, ChangelogMode::Upsert(vec![0])),
            (true, ChangelogMode::Retract(Some(vec![0]))),
            (false, ChangelogMode::Retract(None)),
        ] {
            let mut script = Vec::new();
            // By key the row that is there; without one how often each is.
            let mut left: BTreeMap<(i64, i64), u64> = BTreeMap::new();
            for _ in 0..random.below(20) {
                let mut kinds = Vec::new();
                let mut changed = Vec::new();
                for _ in 0..=random.below(20) {
                    let row = (random.int(5), random.int(3));
                    let old = left.keys().copied().find(|(k, n)| *k == row.0 && (key || *n == row.1));
                    match old {
                        Some(old) if random.below(2) == 0 => {
                            let count = left.get_mut(&old).expect("there");
                            *count -= 1;
                            if *count == 0 {
                                left.remove(&old);
                            }
                            kinds.push(RowKind::Delete as i8);
                            changed.push((Some(old.0), old.1));
                        }
                        Some(old) if key => {
                            left.remove(&old);
                            left.insert(row, 1);
                            kinds.push(RowKind::UpdateAfter as i8);
                            changed.push((Some(row.0), row.1));
                        }
                        Some(_) | None => {
                            *left.entry(row).or_default() += 1;
                            kinds.push(RowKind::Insert as i8);
                            changed.push((Some(row.0), row.1));
                        }
                    }
                }
                script.push(Step::Rows(0, rows(&changed).1.with_kinds(Some(kinds.into()))));
            }
            let planned = FinalRows::new(&rows(&[]).0, &changelog);
            let expected: Vec<String> =
                left.iter().flat_map(|((k, n), &count)| (0..count).map(move |_| format!("{k}|{n}"))).collect();
            assert_eq!(straight(&planned, &script).rows, expected, "seed {seed}, {changelog:?}");
        }
    }
}

#[test]
fn rows_that_keep_coming_are_sorted_by_event_time_alone() {
    let mut stream = FakeStream::new(&rows(&[]).0);
    let order = |name: &str| vec![Arg::Order(vec![by(name, true, None)])];
    let refused = stream.stage("order_by", order("n"), vec![]).expect_err("is refused");
    assert!(refused.to_string().contains("mode = 'batch'"), "{refused}");
    assert!(stream.stage("order_by", order("event_time"), vec![]).is_err(), "descending");
}
