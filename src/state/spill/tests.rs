//! The file against a map, with snapshots that are read late.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};

use super::{ManagedMemory, Mark, Spill};
use crate::state::{DeferredRows, StateDescriptor};
use crate::types::files::failing::CrashingFiles;
use crate::types::files::{Files, OsFiles};
use crate::types::key_group::mix;
use crate::types::{Field, LogicalType, Schema};

fn memory(files: Arc<dyn Files>, bytes: usize) -> ManagedMemory {
    ManagedMemory { bytes, directory: std::env::temp_dir(), files }
}

/// A state of an integer (and a text) by key, whose values are an integer and, where `texts`, a text of any length.
fn state(texts: bool) -> StateDescriptor {
    let mut fields = vec![Field::new("k", LogicalType::BigInt), Field::new("v", LogicalType::BigInt)];
    if texts {
        fields.push(Field::new("t", LogicalType::String));
    }
    StateDescriptor::new("s", Schema::new(fields), 1)
}

fn keys(keys: impl Iterator<Item = Option<i64>>) -> Vec<ArrayRef> {
    vec![Arc::new(keys.collect::<Int64Array>())]
}

fn text(value: i64) -> Option<String> {
    let length = usize::try_from(value.rem_euclid(97)).expect("small");
    (value % 5 != 0).then(|| "ä".repeat(if value % 31 == 0 { 90 * length } else { length }))
}

fn values(values: &[i64], texts: bool) -> Vec<ArrayRef> {
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(values.to_vec()))];
    if texts {
        columns.push(Arc::new(values.iter().map(|&value| text(value)).collect::<StringArray>()));
    }
    columns
}

fn entries(rows: &RecordBatch) -> Vec<(Option<i64>, i64)> {
    let of = |column: usize| rows.column(column).as_primitive::<Int64Type>();
    for row in 0..rows.num_rows().min(if rows.num_columns() > 2 { usize::MAX } else { 0 }) {
        let held = rows.column(2).as_string::<i32>();
        let held = held.is_valid(row).then(|| held.value(row).to_owned());
        assert_eq!(held, text(of(1).value(row)), "the text goes with its entry");
    }
    of(0).iter().zip(of(1).values()).map(|(key, &value)| (key, value)).collect()
}

fn changes(rows: &dyn DeferredRows) -> BTreeMap<Option<i64>, Option<i64>> {
    let mut all = BTreeMap::new();
    for group in 0..128 {
        let (put, gone) = rows.of(group).expect("is read");
        let gone = gone.column(0).as_primitive::<Int64Type>();
        let told = entries(&put).into_iter().map(|(key, value)| (key, Some(value)));
        for (key, value) in told.chain(gone.iter().map(|key| (key, None))) {
            assert!(all.insert(key, value).is_none(), "{key:?} is told once");
        }
    }
    all
}

#[test]
fn agrees_with_a_map_and_tells_what_changed() {
    for texts in [false, true] {
        for (seed, range) in [(1_u64, 40_u64), (2, 3_000), (3, 20_000)] {
            let mut spill = Spill::new(memory(Arc::new(OsFiles), 4_000), &state(texts), 128).expect("fits");
            let mut model: BTreeMap<Option<i64>, i64> = BTreeMap::new();
            let mut told: BTreeMap<Option<i64>, Option<i64>> = BTreeMap::new();
            let mut late = Vec::new();
            for step in 0..60_u64 {
                let random = |n: u64| mix(mix(seed + step * 1_000_003) + n);
                let put: BTreeMap<Option<i64>, u64> = (0..random(0) % range)
                    .map(|n| (random(n + 1) % range, random(n + 500_000)))
                    .map(|(key, value)| ((key != 7).then_some(key.cast_signed() - 20), value))
                    .collect();
                let marks: Vec<Mark> =
                    put.values().map(|value| Mark { changed: value % 3 > 0, gone: value % 7 == 0 }).collect();
                let of: Vec<i64> = put.values().map(|value| (value % 100_000).cast_signed()).collect();
                spill.put(&keys(put.keys().copied()), &values(&of, texts), &marks).expect("is put");
                for ((&key, &value), mark) in put.keys().zip(&of).zip(&marks) {
                    if mark.gone {
                        model.remove(&key)
                    } else {
                        model.insert(key, value)
                    };
                    if mark.changed {
                        told.insert(key, (!mark.gone).then_some(value));
                    } else {
                        // The newest word on a key is what counts, and this one need not be said.
                        told.remove(&key);
                    }
                }
                assert_eq!(spill.len(), model.len() as u64);
                let wanted: Vec<Option<i64>> =
                    (0..50).map(|n| random(n) % range).map(|key| Some(key.cast_signed() - 25)).chain([None]).collect();
                let found = spill.find(&keys(wanted.iter().copied())).expect("is read");
                let mut found: Vec<_> = found.rows.iter().copied().zip(entries(&found.entries)).collect();
                found.sort_unstable();
                let held = (0_u32..).zip(&wanted).filter_map(|(row, key)| Some((row, (*key, *model.get(key)?))));
                assert_eq!(found, held.collect::<Vec<_>>());
                if random(9) % 4 == 0 {
                    if let Some(rows) = spill.take_changed() {
                        late.push((rows, std::mem::take(&mut told)));
                    }
                    assert!(told.is_empty(), "what was told is handed over");
                }
                if late.len() > 2 || step == 59 {
                    for (rows, expected) in late.drain(..) {
                        assert_eq!(changes(&*rows), expected);
                    }
                }
            }
            let mut all = Vec::new();
            spill
                .scan(&mut |rows| {
                    all.extend(entries(&rows));
                    Ok(())
                })
                .expect("is read");
            all.sort_unstable();
            assert_eq!(all, model.into_iter().collect::<Vec<_>>());
            assert!(spill.bytes() < 200_000, "{} bytes", spill.bytes());
        }
    }
}

#[test]
fn a_key_that_was_never_put_costs_no_read_and_a_file_that_fails_says_so() {
    let files = CrashingFiles::new(None);
    let mut spill = Spill::new(memory(Arc::new(files.clone()), 1 << 20), &state(false), 128).expect("fits");
    let all: Vec<i64> = (0..50_000).collect();
    spill.find(&keys(all.iter().copied().map(Some))).expect("is empty");
    assert_eq!(files.calls(), 0, "no file before there is something to put");
    spill.put(&keys(all.iter().copied().map(Some)), &values(&all, false), &vec![Mark::default(); 50_000]).expect("put");
    let before = files.calls();
    let found = spill.find(&keys((100_000..101_000).map(Some))).expect("is read");
    assert!(found.rows.is_empty() && files.calls() - before < 60, "{} reads", files.calls() - before);
    assert!(spill.file_bytes() < 50_000 * 32, "{} bytes for entries of 18", spill.file_bytes());

    for at in 0..4 {
        let files = Arc::new(CrashingFiles::new(Some(at)));
        let mut spill = Spill::new(memory(files, 1 << 20), &state(false), 128).expect("fits");
        let one = (keys([Some(1)].into_iter()), values(&[1], false));
        let mut put = || spill.put(&one.0, &one.1, &[Mark::default()]);
        let error = (0..3).find_map(|_| put().err()).expect("fails");
        let text = error.to_string();
        assert!(text.starts_with("state that does not fit into memory can't be kept in /"), "{text}");
        assert!(text.ends_with(": crashed on purpose"), "{text}");
    }
}
