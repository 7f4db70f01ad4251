//! The row store against plain lists, through removals, checkpoints and restores.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::StringArray;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use super::*;
use crate::operators::group_table::GroupTable;
use crate::operators::testing::{MemoryState, Random, Values, batch, lines};
use crate::state::{Instance, StateDelta};

fn state() -> RowState {
    let (schema, _) = batch(vec![("v", Values::ints([])), ("k", Values::Text(vec![]))]);
    RowState { name: "rows", schema, keys: vec![1], mark: Some("matches") }
}

fn table() -> GroupTable {
    GroupTable::new(&[arrow_schema::DataType::Utf8], 0).expect("texts are keys")
}

/// Rows as text by group key, in order: value, time and mark.
type Model = BTreeMap<String, Vec<(i64, i64, i64)>>;

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn held(store: &RowStore, table: &mut GroupTable) -> Model {
    let mut model = Model::new();
    for key in KEYS {
        let column: ArrayRef = Arc::new(StringArray::from(vec![key]));
        let mut groups = Vec::new();
        table.find(&[column], 1, &mut groups).expect("finds");
        let rows: Vec<u32> = store.of(groups[0]).collect();
        let values = store.gather(&rows, &[0, 1]).expect("gathers");
        let values_of = values[0].as_primitive::<Int64Type>().values();
        assert!(values[1].as_string::<i32>().iter().all(|found| found == Some(key)));
        let all = rows.iter().zip(values_of).map(|(&row, &value)| (value, store.time(row), store.mark(row)));
        if !rows.is_empty() {
            model.insert(key.to_owned(), all.collect());
        }
    }
    model
}

#[test]
fn a_store_keeps_what_plain_lists_keep() {
    for seed in 0..crate::operators::testing::script::cases(30) {
        let mut random = Random(seed * 7_919);
        let (mut table, mut store, mut model) = (table(), RowStore::new(state(), 128), Model::new());
        let mut stored = MemoryState::default();
        let mut next = 0;
        for step in 0..200 {
            match random.below(10) {
                0..=5 => {
                    let rows = if random.below(20) == 0 { 2_000 } else { random.below(12) };
                    let (values, keys): (Vec<i64>, Vec<&str>) =
                        (0..rows).map(|at| (next + at.cast_signed(), KEYS[random.index(5)])).unzip();
                    next += rows.cast_signed();
                    let times: Vec<i64> = values.iter().map(|value| value + random.int(30)).collect();
                    for ((&value, &key), &time) in values.iter().zip(&keys).zip(&times) {
                        model.entry(key.to_owned()).or_default().push((value, time, 0));
                    }
                    let keys = Values::Text(keys.into_iter().map(Some).collect());
                    let (_, rows) = batch(vec![("v", Values::ints(values)), ("k", keys)]);
                    let rows = rows.with_times(times.into());
                    let mut groups = Vec::new();
                    table.intern(&[rows.column(1).clone()], rows.rows(), &mut groups).expect("interns");
                    let mut ids = Vec::new();
                    store.append(&rows, &groups, &mut ids).expect("appends");
                    assert_eq!(ids.len(), rows.rows());
                }
                6 => {
                    let before = next - 200 - random.int(100);
                    for row in store.due(before) {
                        store.remove(row).expect("removes");
                    }
                    for rows in model.values_mut() {
                        rows.retain(|(_, time, _)| *time >= before);
                    }
                }
                7 => {
                    let key = KEYS[random.index(5)];
                    let rows = model.entry(key.to_owned()).or_default();
                    if !rows.is_empty() {
                        let at = random.index(rows.len());
                        rows.remove(at);
                        let column: ArrayRef = Arc::new(StringArray::from(vec![key]));
                        let mut groups = Vec::new();
                        table.find(&[column], 1, &mut groups).expect("finds");
                        let row = store.of(groups[0]).nth(at).expect("a row");
                        store.remove(row).expect("removes");
                    }
                }
                8 => {
                    let key = KEYS[random.index(5)];
                    let column: ArrayRef = Arc::new(StringArray::from(vec![key]));
                    let mut groups = Vec::new();
                    table.find(&[column], 1, &mut groups).expect("finds");
                    for (at, row) in store.of(groups[0]).collect::<Vec<_>>().into_iter().enumerate() {
                        let mark = step + i64::try_from(at).expect("small");
                        store.set_mark(row, mark);
                        model.get_mut(key).expect("has rows")[at].2 = mark;
                    }
                }
                _ => {
                    let mut delta = StateDelta::default();
                    store.changes(&mut delta.changes).expect("tells");
                    stored.apply(&Instance::new(0, 1, 128), &delta, &|_| 2);
                    assert_eq!(stored.entries(), store.len(), "seed {seed}, step {step}");
                    if random.below(2) == 0 {
                        (table, store) = (self::table(), RowStore::new(state(), 128));
                        store.restore(&stored, &mut table).expect("restores");
                    }
                }
            }
            model.retain(|_, rows| !rows.is_empty());
            if step % 10 == 0 {
                assert_eq!(held(&store, &mut table), model, "seed {seed}, step {step}");
                assert_eq!(store.len(), model.values().map(Vec::len).sum::<usize>());
            }
        }
    }
}

#[test]
fn memory_follows_what_is_held() {
    let (mut table, mut store) = (table(), RowStore::new(state(), 128));
    let mut most = 0;
    for round in 0..2_000_i64 {
        let values: Vec<i64> = (0..100).map(|at| round * 100 + at).collect();
        let (_, rows) = batch(vec![("v", Values::ints(values.clone())), ("k", Values::Text(vec![Some("a"); 100]))]);
        let rows = rows.with_times(values.into());
        let mut groups = Vec::new();
        table.intern(&[rows.column(1).clone()], 100, &mut groups).expect("interns");
        store.append(&rows, &groups, &mut Vec::new()).expect("appends");
        for row in store.due(round * 100 - 5_000) {
            store.remove(row).expect("removes");
        }
        most = most.max(store.bytes());
    }
    assert!(store.len() <= 5_100, "{}", store.len());
    assert!(most < 4_000_000, "{most} bytes for 5,100 rows of 9 bytes");
}

#[test]
fn no_row_gathers_as_null() {
    let (mut table, mut store) = (table(), RowStore::new(state(), 128));
    let (_, rows) = batch(vec![("v", Values::ints([1, 2])), ("k", Values::Text(vec![Some("a"), None]))]);
    let (mut groups, mut ids) = (Vec::new(), Vec::new());
    table.intern(&[rows.column(1).clone()], 2, &mut groups).expect("interns");
    store.append(&rows, &groups, &mut ids).expect("appends");
    let columns = store.gather(&[NO_ROW, ids[1], ids[0]], &[0, 1]).expect("gathers");
    let (schema, _) = batch(vec![("v", Values::ints([])), ("k", Values::Text(vec![]))]);
    let shown = lines(&Batch::untimed(schema.record_batch(columns, 3).expect("columns fit")));
    assert_eq!(shown, ["null|null", "2|null", "1|a"]);
    assert_eq!(store.gather(&[], &[0]).expect("nothing")[0].len(), 0);
}
