//! The store: commits, snapshots, what is refused, what is left.

mod file;
mod random;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use redb::ReadableTableMetadata;

use super::block::batch;
use super::*;
use crate::memory_state::MemoryState;
use crate::state::{KeyedRows, Namespace, RestoredState, StateChange, StateDelta, StateDescriptor, StateSnapshot};
use crate::types::key_group::{hash_keys, key_group, mix};
use crate::types::{CheckpointId, Field, LogicalType, OperatorUid, Schema};

const GROUPS: u16 = 12;

/// A seeded sequence of numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = mix(self.0);
        usize::try_from(self.0 >> 16).expect("48 bits") % bound
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Seeds to try: `LOTIC_SEEDS` or a few.
fn seeds(default: u64) -> Range<u64> {
    0..std::env::var("LOTIC_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

fn bigint_state(name: &'static str) -> StateDescriptor {
    let schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", LogicalType::String)]);
    StateDescriptor::new(name, schema, 1).in_namespaces("slice_end")
}

/// Two key columns, nulls among them.
fn pair_state() -> StateDescriptor {
    let fields = [("a", LogicalType::String), ("b", LogicalType::BigInt), ("v", LogicalType::String)];
    StateDescriptor::new("pairs", Schema::new(fields.map(|(name, ty)| Field::new(name, ty))), 2)
}

/// No key column: one entry a namespace.
fn global_state() -> StateDescriptor {
    StateDescriptor::new("global", Schema::new([Field::new("v", LogicalType::String)]), 0)
}

type Key = Option<i64>;
/// The contents of a state: by key group, namespace and key.
type Entries = BTreeMap<(u16, Namespace, Key), String>;
/// The contents of a checkpoint, by operator.
type Model = BTreeMap<String, MemoryState>;

/// The key columns of these keys: three shapes from one number.
fn key_columns(state: &StateDescriptor, keys: &[Key]) -> Vec<ArrayRef> {
    let numbers: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    let texts: ArrayRef =
        Arc::new(keys.iter().map(|key| key.map(|key| format!("t{}", key % 3))).collect::<StringArray>());
    match state.key_columns {
        0 => Vec::new(),
        1 => vec![numbers],
        _ => vec![texts, numbers],
    }
}

fn group_of(state: &StateDescriptor, key: Key) -> u16 {
    let mut hashes = Vec::new();
    hash_keys(&key_columns(state, &[key]), &mut hashes).expect("hashes");
    hashes.first().map_or(0, |hash| key_group(*hash, GROUPS))
}

fn keyed_rows(state: &StateDescriptor, keys: &[Key], values: Option<&[String]>) -> KeyedRows {
    let mut columns = key_columns(state, keys);
    let schema = if values.is_some() { state.schema.clone() } else { state.key_schema() };
    if let Some(values) = values {
        columns.push(Arc::new(StringArray::from_iter_values(values)));
    }
    KeyedRows {
        rows: batch(schema.arrow(), columns, keys.len()).expect("columns"),
        key_groups: keys.iter().map(|key| group_of(state, *key)).collect(),
    }
}

fn read_rows(state: &StateDescriptor, namespace: Namespace, rows: &RecordBatch, into: &mut Entries) {
    let values = rows.columns().last().expect("a value").as_string::<i32>();
    for row in 0..rows.num_rows() {
        let key = match state.key_columns {
            0 => Some(0),
            at => {
                let keys = rows.column(at - 1).as_primitive::<Int64Type>();
                keys.is_valid(row).then(|| keys.value(row))
            }
        };
        let old = into.insert((group_of(state, key), namespace, key), values.value(row).to_owned());
        assert_eq!(old, None, "a key came twice");
    }
}

fn read(snapshot: &StateSnapshot, uid: &str, state: &StateDescriptor, groups: Range<u16>) -> Entries {
    read_entries(&*snapshot.operator(&OperatorUid::new(uid), groups), state)
}

fn read_entries(restored: &dyn RestoredState, state: &StateDescriptor) -> Entries {
    let batches = restored.keyed(state).expect("readable");
    assert!(batches.is_sorted_by_key(|(namespace, _)| *namespace));
    let mut entries = Entries::new();
    for (namespace, rows) in &batches {
        assert!(rows.num_rows() > 0);
        read_rows(state, *namespace, rows, &mut entries);
    }
    entries
}

/// The change that puts these entries into key group 0 of `accumulators`.
fn put(namespace: Namespace, entries: &[(i64, &str)]) -> StateChange {
    let state = bigint_state("accumulators");
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(entries.iter().map(|(key, _)| *key)));
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(entries.iter().map(|(_, value)| value)));
    let rows = batch(state.schema.arrow(), vec![keys, values], entries.len()).expect("columns");
    StateChange::Upsert { state: state.name, namespace, rows: KeyedRows { rows, key_groups: vec![0; entries.len()] } }
}

fn commit(
    store: &StateStore,
    id: u64,
    parent: Option<u64>,
    changes: Vec<StateChange>,
) -> crate::types::Result<CommitStats> {
    let uid = OperatorUid::new("window");
    let delta = OperatorDelta { uid: uid.clone(), subtask: 0, key_groups: 0..1, delta: StateDelta { changes } };
    store.commit(&Commit {
        id: CheckpointId(id),
        parent: parent.map(CheckpointId),
        deltas: &[delta],
        states: &[(uid, vec![bigint_state("accumulators")])],
        renamed: &[],
        manifest: b"",
    })
}

#[test]
fn what_cannot_be_committed_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    commit(&store, 3, None, vec![put(0, &[(1, "a")])]).expect("commits");
    let refused = |id, parent, changes, expected: &str| {
        let error = commit(&store, id, parent, changes).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("state.redb"), "{error}");
    };
    refused(3, Some(3), vec![], "checkpoint 3 can't be written: 3 was written before");
    refused(2, None, vec![], "3 was written before");
    refused(5, Some(4), vec![], "its parent 4 is not held any more");
    let mut outside = put(0, &[(1, "b")]);
    if let StateChange::Upsert { rows, .. } = &mut outside {
        rows.key_groups[0] = 1;
    }
    refused(4, Some(3), vec![outside], "instance 0 owns key groups 0..1 but handed over a row of 1");
    let unknown = StateChange::DropNamespace { state: "timers", namespace: 0 };
    refused(4, Some(3), vec![unknown], "handed over state `timers`, which it does not declare");
    let mut keys_only = put(0, &[(1, "b")]);
    if let StateChange::Upsert { rows, .. } = &mut keys_only {
        rows.rows = rows.rows.project(&[0]).expect("a column");
    }
    refused(4, Some(3), vec![keys_only], "rows of");
    assert_eq!(store.checkpoints().expect("readable"), [CheckpointId(3)]);
    assert_eq!(store.last_id().expect("readable"), CheckpointId(3));
    let missing = store.snapshot(CheckpointId(9)).expect_err("not held").to_string();
    assert!(missing.contains("there is no checkpoint 9 (held: 3)"), "{missing}");
}

#[test]
fn a_snapshot_outlives_the_checkpoint_it_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    commit(&store, 1, None, vec![put(0, &[(1, "a")])]).expect("commits");
    let snapshot = store.snapshot(CheckpointId(1)).expect("held");
    for id in 2..20 {
        commit(&store, id, Some(id - 1), vec![put(0, &[(1, "b")]), put(7, &[(2, "c")])]).expect("commits");
        store.retain(&[CheckpointId(id)]).expect("retains");
    }
    assert!(store.snapshot(CheckpointId(1)).is_err());
    drop(store);
    let entries = snapshot.operator(&OperatorUid::new("window"), 0..1);
    let batches = entries.keyed(&bigint_state("accumulators")).expect("readable");
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].1.column(1).as_string::<i32>().value(0), "a");
}

#[test]
fn a_state_with_other_columns_is_an_error_that_names_both() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    commit(&store, 1, None, vec![put(0, &[(1, "a")])]).expect("commits");
    let mut other = bigint_state("accumulators");
    other.schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", LogicalType::Double)]);
    let snapshot = store.snapshot(CheckpointId(1)).expect("held");
    let error = snapshot.operator(&OperatorUid::new("window"), 0..1).keyed(&other).expect_err("other columns");
    insta::assert_snapshot!(error, @"state `accumulators` of operator `window` has `v` as string, not double");
}

#[test]
fn work_per_call_is_bounded_and_catches_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    for id in 1..=60 {
        let entries: Vec<(i64, &str)> = (0..50).map(|i| (i * 60 + id as i64, "some value")).collect();
        commit(&store, id, (id > 1).then(|| id - 1), vec![put(0, &entries)]).expect("commits");
        let keep: Vec<_> = (id.saturating_sub(1).max(1)..=id).map(CheckpointId).collect();
        store.retain(&keep).expect("retains");
        let read = store.begin_read().expect("reads");
        let blocks = read.open_table(store.schema(0).expect("one").blocks()).expect("a table").len().expect("a length");
        assert!(blocks <= 14, "{blocks} blocks after checkpoint {id}");
    }
    let entries = read(&store.snapshot(CheckpointId(60)).expect("held"), "window", &bigint_state("accumulators"), 0..1);
    assert_eq!(entries.len(), 3_000);
}

/// The change that removes these keys of key group 0 from `accumulators`.
fn remove(namespace: Namespace, keys: &[i64]) -> StateChange {
    let state = bigint_state("accumulators");
    let column: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    let rows = batch(state.key_schema().arrow(), vec![column], keys.len()).expect("columns");
    StateChange::Remove { state: state.name, namespace, rows: KeyedRows { rows, key_groups: vec![0; keys.len()] } }
}

fn entries_of(store: &Arc<StateStore>, id: u64) -> Vec<(Namespace, i64, String)> {
    let snapshot = store.snapshot(CheckpointId(id)).expect("held");
    let entries = read(&snapshot, "window", &bigint_state("accumulators"), 0..1).into_iter();
    let mut entries: Vec<_> =
        entries.map(|((_, namespace, key), value)| (namespace, key.expect("a number"), value)).collect();
    entries.sort_unstable();
    entries
}

/// The changes that subtasks had handed over for a checkpoint that came to nothing are part of the next one.
#[test]
fn several_snapshots_of_one_subtask_count_in_their_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    commit(&store, 1, None, vec![put(0, &[(1, "old"), (9, "old")]), put(5, &[(1, "old")])]).expect("commits");
    let uid = OperatorUid::new("window");
    let drop = |namespace| StateChange::DropNamespace { state: "accumulators", namespace };
    let snapshots = [
        vec![put(0, &[(1, "a"), (2, "a"), (3, "a")]), put(5, &[(7, "a")])],
        vec![remove(0, &[1, 2]), drop(5)],
        vec![put(0, &[(2, "b")]), put(5, &[(8, "b")]), remove(0, &[9])],
        vec![put(0, &[(3, "c")])],
    ];
    let deltas = snapshots.map(|changes| OperatorDelta {
        uid: uid.clone(),
        subtask: 0,
        key_groups: 0..1,
        delta: StateDelta { changes },
    });
    let states = [(uid, vec![bigint_state("accumulators")])];
    let parent = Some(CheckpointId(1));
    store
        .commit(&Commit { id: CheckpointId(2), parent, deltas: &deltas, states: &states, renamed: &[], manifest: b"" })
        .expect("commits");
    let entries = entries_of(&store, 2);
    let shown: Vec<_> = entries.iter().map(|(namespace, key, value)| (*namespace, *key, value.as_str())).collect();
    assert_eq!(shown, [(0, 2, "b"), (0, 3, "c"), (5, 8, "b")]);
    assert_eq!(entries_of(&store, 1).len(), 3);
}

/// One key of ten thousand, spread over a base block and later ones.
#[test]
fn a_key_is_found_without_decoding_what_else_its_key_group_holds() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    let all: Vec<(i64, &str)> = (0..10_000).map(|key| (key, "base")).collect();
    commit(&store, 1, None, vec![put(10, &all), put(20, &all[..5_000])]).expect("commits");
    commit(&store, 2, Some(1), vec![put(10, &[(7, "newer"), (8, "newer"), (7, "newest")]), remove(20, &[7])])
        .expect("commits");
    let restored = store.snapshot(CheckpointId(2)).expect("held").operator(&OperatorUid::new("window"), 0..1);
    let state = bigint_state("accumulators");
    let look_up = |key: i64| {
        let before = block::DECODED_ROWS.get();
        let column: ArrayRef = Arc::new(Int64Array::from(vec![key]));
        let found = restored.lookup(&state, 0, &[column]).expect("readable");
        let values = found.iter().map(|(namespace, rows)| (*namespace, rows.column(1).as_string::<i32>().value(0)));
        (values.map(|(at, value)| format!("{at}: {value}")).collect::<Vec<_>>(), block::DECODED_ROWS.get() - before)
    };
    // One row of the newest block, one removed key; the base blocks are not decoded at all.
    assert_eq!(look_up(7), (vec!["10: newest".to_owned()], 2));
    // A row of each base block.
    assert_eq!(look_up(4_321), (vec!["10: base".to_owned(), "20: base".to_owned()], 2));
    let (found, decoded) = look_up(9_999);
    assert_eq!(found, ["10: base"]);
    assert!(decoded <= 3, "{decoded} rows for one");
    let (found, decoded) = look_up(-1);
    assert!(found.is_empty() && decoded <= 2, "{found:?}, {decoded} rows for none");
    let before = block::DECODED_ROWS.get();
    restored.keyed(&state).expect("readable");
    assert!(block::DECODED_ROWS.get() - before > 15_000, "the whole is decoded otherwise");
}

/// Two aggregates as version 1 stored them, taken up by name, the deltas of the next checkpoint on top; the old
/// checkpoint still says what it said, and so does another branch from it.
#[test]
fn state_in_another_layout_is_taken_up_whole_and_goes_on() {
    let bigint = |name: &str| Field::new(name, LogicalType::BigInt);
    let of = |values: [&str; 2]| {
        let schema = Schema::new([bigint("k"), bigint(values[0]), bigint(values[1])]);
        StateDescriptor::new("accumulators", schema, 1).in_namespaces("slice_end")
    };
    let version_1 = of(["a0_count", "a1_max"]);
    let mut named = of(["count(*)", "max(price)"]);
    named.version_1 = vec![("a0_count".to_owned(), 1), ("a1_max".to_owned(), 2)];
    let exchanged = of(["max(price)", "count(*)"]);
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    let uid = OperatorUid::new("window");
    let write = |id: u64, parent: Option<u64>, state: &StateDescriptor, rows: &[[i64; 3]], gone: &[i64]| {
        let column = |at: usize| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row[at]))) };
        let put = batch(state.schema.arrow(), (0..3).map(column).collect(), rows.len()).expect("columns");
        let keyed = |rows: RecordBatch| KeyedRows { key_groups: vec![0; rows.num_rows()], rows };
        let changes =
            vec![remove(10, gone), StateChange::Upsert { state: "accumulators", namespace: 10, rows: keyed(put) }];
        let delta = OperatorDelta { uid: uid.clone(), subtask: 0, key_groups: 0..1, delta: StateDelta { changes } };
        let (id, parent) = (CheckpointId(id), parent.map(CheckpointId));
        let states = [(uid.clone(), vec![state.clone()])];
        store.commit(&Commit { id, parent, deltas: &[delta], states: &states, renamed: &[], manifest: b"" })
    };
    let held = |id: u64, state: &StateDescriptor| {
        let snapshot = store.snapshot(CheckpointId(id)).expect("held");
        let found = snapshot.operator(&uid, 0..1).keyed(state).expect("readable");
        let rows = found.into_iter().flat_map(|(_, rows)| {
            let column = |at: usize| rows.column(at).as_primitive::<Int64Type>().values().to_vec();
            let columns = [column(0), column(1), column(2)];
            (0..rows.num_rows()).map(move |row| [0, 1, 2].map(|at: usize| columns[at][row])).collect::<Vec<_>>()
        });
        let mut rows: Vec<[i64; 3]> = rows.collect();
        rows.sort_unstable();
        rows
    };
    write(1, None, &version_1, &[[1, 10, 100], [2, 20, 200], [3, 30, 300]], &[]).expect("commits");
    write(2, Some(1), &version_1, &[[1, 11, 101]], &[]).expect("commits");
    let before = [[1, 11, 101], [2, 20, 200], [3, 30, 300]];
    assert_eq!(held(2, &named), before);
    write(3, Some(2), &named, &[[2, 21, 201]], &[3]).expect("commits");
    // By name, whichever comes first in the statement.
    let after = [[1, 11, 101], [2, 21, 201]];
    assert_eq!(held(3, &named), after);
    assert_eq!(held(3, &exchanged), after.map(|[k, n, max]| [k, max, n]));
    write(4, Some(3), &exchanged, &[[1, 102, 12]], &[]).expect("commits");
    // Another branch from the same checkpoint, in the layout that the first one already has.
    write(5, Some(2), &named, &[[4, 40, 400]], &[1]).expect("commits");
    for keep in [&[2, 3, 4, 5][..], &[2, 4, 5], &[4, 5], &[5]] {
        store.retain(&keep.iter().map(|id| CheckpointId(*id)).collect::<Vec<_>>()).expect("retains");
        if keep.contains(&2) {
            assert_eq!(held(2, &version_1), before);
        }
        if keep.contains(&4) {
            assert_eq!(held(4, &named), [[1, 12, 102], [2, 21, 201]]);
        }
        assert_eq!(held(5, &named), [[2, 20, 200], [3, 30, 300], [4, 40, 400]]);
    }
    let other = of(["count(*)", "min(price)"]);
    let refused = write(6, Some(5), &other, &[], &[]).expect_err("another aggregate").to_string();
    assert!(refused.contains("has no `min(price)`"), "{refused}");
}

/// The number of blocks.
fn blocks(store: &StateStore) -> u64 {
    let read = store.begin_read().expect("reads");
    let state = store.schema(0).expect("one");
    read.open_table(state.blocks()).expect("a table").len().expect("a length")
}

#[test]
fn a_dropped_namespace_leaves_nothing_once_no_checkpoint_needs_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    let drop = |namespace| StateChange::DropNamespace { state: "accumulators", namespace };
    commit(&store, 1, None, vec![put(10, &[(1, "a")]), put(20, &[(2, "b")])]).expect("commits");
    // Dropped and made anew in one checkpoint; and one that was never there, which leaves no mark.
    commit(&store, 2, Some(1), vec![drop(10), put(10, &[(3, "c")]), drop(30)]).expect("commits");
    commit(&store, 3, Some(2), vec![drop(10), drop(20)]).expect("commits");
    assert_eq!(blocks(&store), 5);
    store.retain(&[2, 3].map(CheckpointId)).expect("retains");
    assert_eq!(blocks(&store), 4, "what 2 dropped is gone, what 3 dropped is still needed by 2");
    commit(&store, 4, Some(3), vec![]).expect("commits");
    store.retain(&[CheckpointId(4)]).expect("retains");
    assert_eq!(blocks(&store), 0);
    let stats = commit(&store, 5, Some(4), vec![put(10, &[(4, "d")])]).expect("commits");
    assert_eq!(stats.full_bytes, commit(&store, 6, Some(5), vec![]).expect("commits").full_bytes);
    let entries = read(&store.snapshot(CheckpointId(6)).expect("held"), "window", &bigint_state("accumulators"), 0..1);
    assert_eq!(entries.into_values().collect::<Vec<_>>(), ["d"]);
}

#[test]
fn a_checkpoint_that_was_gone_back_on_leaves_nothing_when_it_is_forgotten() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    commit(&store, 7, None, vec![put(0, &[(1, "seven")])]).expect("commits");
    commit(&store, 8, Some(7), vec![put(0, &[(1, "eight")]), put(5, &[(2, "eight")])]).expect("commits");
    commit(&store, 9, Some(8), vec![put(0, &[(1, "nine")])]).expect("commits");
    commit(&store, 10, Some(7), vec![put(6, &[(3, "ten")])]).expect("commits");
    let values = |id| {
        let snapshot = store.snapshot(CheckpointId(id)).expect("held");
        let entries = read(&snapshot, "window", &bigint_state("accumulators"), 0..1).into_iter();
        entries
            .map(|((_, _, key), value)| (key.expect("a number"), value))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect::<Vec<_>>()
    };
    store.retain(&[7, 8, 9, 10].map(CheckpointId)).expect("retains");
    assert_eq!(values(9), ["nine", "eight"]);
    assert_eq!(values(10), ["seven", "ten"]);
    store.retain(&[7, 10].map(CheckpointId)).expect("retains");
    assert_eq!(values(10), ["seven", "ten"]);
    assert_eq!(blocks(&store), 2, "the blocks of 8 and 9 are gone");
}

/// The state of an operator that has another uid since: the first checkpoint of the new name takes all of it up.
#[test]
fn state_under_another_uid_is_taken_up_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    let state = bigint_state("accumulators");
    let (placed, now) =
        (OperatorUid::new("bids.print.3.WindowAggregate"), OperatorUid::new("bids.print.WindowAggregate"));
    let write = |id: u64, parent: Option<u64>, uid: &OperatorUid, change: StateChange| {
        let changes = vec![change];
        let delta = OperatorDelta { uid: uid.clone(), subtask: 0, key_groups: 0..1, delta: StateDelta { changes } };
        store.commit(&Commit {
            id: CheckpointId(id),
            parent: parent.map(CheckpointId),
            deltas: &[delta],
            states: &[(uid.clone(), vec![state.clone()])],
            renamed: &[(now.clone(), placed.clone())],
            manifest: b"",
        })
    };
    let held = |id: u64, uid: &OperatorUid| {
        let snapshot = store.snapshot(CheckpointId(id)).expect("held");
        let found = snapshot.operator(uid, 0..1).keyed(&state).expect("readable");
        found.iter().map(|(_, rows)| rows.num_rows()).sum::<usize>()
    };
    write(1, None, &placed, put(10, &[(1, "a"), (2, "b"), (3, "c")])).expect("commits");
    write(2, Some(1), &now, put(10, &[(4, "d")])).expect("commits");
    write(3, Some(2), &now, remove(10, &[1])).expect("commits");
    assert_eq!([held(1, &placed), held(2, &now), held(3, &now)], [3, 4, 3]);
    assert_eq!(held(2, &placed), 0, "it is nobody's any more");
}
