//! The store against a plain map, by seed.

mod file;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use redb::{ReadableTable, ReadableTableMetadata};

use super::block::batch;
use super::database::{PURGES, SWEEP};
use super::*;
use crate::state::{KeyedRows, Namespace, StateChange, StateDelta, StateDescriptor, StateSnapshot};
use crate::types::key_group::{groups_of, hash_keys, key_group, mix};
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
    StateDescriptor {
        name,
        schema: Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", LogicalType::String)]),
        key_columns: 1,
        namespace: Some("slice_end"),
    }
}

/// Two key columns, nulls among them.
fn pair_state() -> StateDescriptor {
    StateDescriptor {
        name: "pairs",
        schema: Schema::new([
            Field::new("a", LogicalType::String),
            Field::new("b", LogicalType::BigInt),
            Field::new("v", LogicalType::String),
        ]),
        key_columns: 2,
        namespace: None,
    }
}

/// No key column: one entry a namespace.
fn global_state() -> StateDescriptor {
    StateDescriptor {
        name: "global",
        schema: Schema::new([Field::new("v", LogicalType::String)]),
        key_columns: 0,
        namespace: None,
    }
}

type Key = Option<i64>;
/// What a state holds: by key group, namespace and key.
type Entries = BTreeMap<(u16, Namespace, Key), String>;
/// What a checkpoint holds: by operator and state.
type Model = BTreeMap<(String, &'static str), Entries>;

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
    let batches = snapshot.operator(&OperatorUid::new(uid), groups).keyed(state).expect("readable");
    assert!(batches.is_sorted_by_key(|(namespace, _)| *namespace));
    let mut entries = Entries::new();
    for (namespace, rows) in &batches {
        assert!(rows.num_rows() > 0);
        read_rows(state, *namespace, rows, &mut entries);
    }
    entries
}

/// One random change of the entries that an instance owns, applied to `entries` too.
fn change(random: &mut Random, state: &StateDescriptor, owned: &Range<u16>, entries: &mut Entries) -> StateChange {
    let namespace = [0, -10_000, 10_000, i64::MAX][random.below(if state.namespace.is_some() { 4 } else { 1 })];
    let state_name = state.name;
    if random.chance(12) {
        entries.retain(|(group, other, _), _| !(owned.contains(group) && *other == namespace));
        return StateChange::DropNamespace { state: state_name, namespace };
    }
    let keys: Vec<Key> = (0..random.below(12))
        .map(|_| if state.key_columns == 0 { Some(0) } else { Some(random.below(30) as i64 - 2).filter(|k| *k != 7) })
        .filter(|key| owned.contains(&group_of(state, *key)))
        .collect();
    if random.chance(30) {
        for key in &keys {
            entries.remove(&(group_of(state, *key), namespace, *key));
        }
        return StateChange::Remove { state: state_name, namespace, rows: keyed_rows(state, &keys, None) };
    }
    let values: Vec<String> = keys.iter().map(|_| "v".repeat(random.below(9)) + &random.0.to_string()).collect();
    for (key, value) in keys.iter().zip(&values) {
        entries.insert((group_of(state, *key), namespace, *key), value.clone());
    }
    StateChange::Upsert { state: state_name, namespace, rows: keyed_rows(state, &keys, Some(&values)) }
}

/// A job that changes its state at random, and what each of its checkpoints must say.
struct Job {
    random: Random,
    store: Arc<StateStore>,
    held: BTreeMap<u64, Model>,
    current: Option<u64>,
    model: Model,
    next: u64,
}

impl Job {
    fn new(seed: u64, dir: &Path) -> Self {
        Self {
            random: Random(seed),
            store: Arc::new(StateStore::open(dir).expect("opens")),
            held: BTreeMap::new(),
            current: None,
            model: Model::new(),
            next: 1,
        }
    }

    fn states(&mut self) -> Vec<(OperatorUid, Vec<StateDescriptor>)> {
        let mut states = vec![
            (OperatorUid::new("window"), vec![bigint_state("accumulators"), pair_state()]),
            (OperatorUid::new("count"), vec![global_state(), bigint_state("accumulators")]),
        ];
        // An operator that is taken out and put back starts from nothing.
        if self.random.chance(15) {
            let gone = states.remove(1);
            self.model.retain(|(uid, _), _| uid != gone.0.as_str());
        }
        states
    }

    fn checkpoint(&mut self) {
        let states = self.states();
        let parallelism = 1 + self.random.below(4);
        let mut deltas = Vec::new();
        for (uid, descriptors) in &states {
            for subtask in 0..parallelism {
                let key_groups = groups_of(subtask, parallelism, GROUPS);
                let mut changes = Vec::new();
                for _ in 0..self.random.below(7) {
                    let state = &descriptors[self.random.below(descriptors.len())];
                    let entries = self.model.entry((uid.as_str().to_owned(), state.name)).or_default();
                    changes.push(change(&mut self.random, state, &key_groups, entries));
                }
                let entry = format!("{subtask} of {parallelism} in {}", self.next).into_bytes();
                changes.push(StateChange::Operator { state: "offsets", entry: entry.clone() });
                changes.push(StateChange::Commit { entry });
                deltas.push(OperatorDelta { uid: uid.clone(), subtask, key_groups, delta: StateDelta { changes } });
            }
        }
        let id = self.next;
        let manifest = format!("manifest {id}");
        let commit = Commit {
            id: CheckpointId(id),
            parent: self.current.map(CheckpointId),
            deltas: &deltas,
            states: &states,
            manifest: manifest.as_bytes(),
        };
        self.store.commit(&commit).expect("commits");
        self.held.insert(id, self.model.clone());
        self.current = Some(id);
        self.next += 1 + self.random.below(2) as u64;
    }

    fn retain(&mut self) {
        let keep: Vec<u64> =
            self.held.keys().copied().filter(|id| Some(*id) == self.current || self.random.chance(60)).collect();
        self.held.retain(|id, _| keep.contains(id));
        let keep: Vec<CheckpointId> = keep.into_iter().map(CheckpointId).collect();
        self.store.retain(&keep).expect("retains");
        assert_eq!(self.store.checkpoints().expect("readable"), keep);
    }

    fn rewind(&mut self) {
        let at = self.random.below(self.held.len());
        let (id, model) = self.held.iter().nth(at).expect("in range");
        (self.current, self.model) = (Some(*id), model.clone());
    }

    fn check(&mut self) {
        for (id, model) in &self.held {
            let snapshot = self.store.snapshot(CheckpointId(*id)).expect("held");
            assert_eq!(snapshot.manifest(), format!("manifest {id}").as_bytes());
            let start = self.random.below(usize::from(GROUPS)) as u16;
            let groups = if self.random.chance(50) {
                0..GROUPS
            } else {
                start..start + self.random.below(usize::from(GROUPS - start) + 1) as u16
            };
            check_snapshot(&snapshot, model, &groups, &format!("checkpoint {id} of {:?}", self.held.keys()));
        }
    }
}

fn check_snapshot(snapshot: &StateSnapshot, model: &Model, groups: &Range<u16>, place: &str) {
    let states = [
        ("window", bigint_state("accumulators")),
        ("window", pair_state()),
        ("count", global_state()),
        ("count", bigint_state("accumulators")),
    ];
    for (uid, state) in &states {
        let expected: Entries = model.get(&((*uid).to_owned(), state.name)).map_or_else(Entries::new, |entries| {
            entries.iter().filter(|((group, ..), _)| groups.contains(group)).map(|(k, v)| (*k, v.clone())).collect()
        });
        let found = read(snapshot, uid, state, groups.clone());
        assert_eq!(found, expected, "{uid}/{} in {groups:?} of {place}", state.name);
    }
}

#[test]
fn every_retained_checkpoint_says_what_it_said_when_it_was_taken() {
    for seed in seeds(8) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut job = Job::new(seed, dir.path());
        for _ in 0..40 {
            job.checkpoint();
            match job.random.below(10) {
                0..=5 => job.retain(),
                6 => job.rewind(),
                7 => {
                    job.store = {
                        drop(std::mem::replace(
                            &mut job.store,
                            Arc::new(StateStore::open(&dir.path().join("x")).expect("y")),
                        ));
                        Arc::new(StateStore::open(dir.path()).expect("opens again"))
                    };
                }
                _ => {}
            }
            job.check();
        }
        assert!(job.store.last_id().expect("readable").0 < job.next);
        clean_up(&mut job);
    }
}

/// With one checkpoint left and all merging done, nothing is left over of what came before.
fn clean_up(job: &mut Job) {
    let last = job.current.expect("some");
    job.held.retain(|id, _| *id == last);
    for _ in 0..3 {
        job.store.retain(&[CheckpointId(last)]).expect("retains");
    }
    job.check();
    let read = job.store.begin_read().expect("reads");
    assert_eq!(read.open_table(PURGES).expect("a table").len().expect("a length"), 0, "drops not carried out");
    assert_eq!(read.open_table(SWEEP).expect("a table").len().expect("a length"), 0, "a sweep not ended");
    let checkpoints = read.open_table(database::CHECKPOINTS).expect("a table");
    let record = database::record(last, checkpoints.get(last).expect("readable").expect("one").value()).expect("whole");
    let since: BTreeMap<u32, u64> = record.states.iter().map(|state| (state.schema, state.since)).collect();
    let lineage = record.lineage;
    let (mut blocks, mut bytes) = (0, 0);
    for state in job.store.schemas().iter() {
        let Ok(table) = read.open_table(state.blocks()) else { continue };
        for row in table.iter().expect("readable") {
            let (key, value) = row.expect("readable");
            let (group, id) = key::parse(key.value());
            blocks += 1;
            bytes += key.value().len() + value.value().len();
            assert!(since.get(&state.number).is_some_and(|since| id >= *since), "{group:?} of an operator taken out");
            assert!(lineage.contains(id), "{group:?} of a dead checkpoint {id}");
        }
    }
    assert!(blocks <= 4 * 12 * 10 * 2, "{blocks} blocks");
    let size = read.open_table(database::SIZES).expect("a table").get(last).expect("readable").expect("one").value();
    assert!(size >= bytes as u64, "{size} bytes said, {bytes} there");
}

#[test]
fn operator_entries_are_those_of_all_instances_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut job = Job::new(3, dir.path());
    job.checkpoint();
    job.checkpoint();
    let id = job.current.expect("two");
    let snapshot = job.store.snapshot(CheckpointId(id)).expect("held");
    let uid = OperatorUid::new("window");
    let offsets = snapshot.operator(&uid, 0..1).operator("offsets").expect("readable");
    assert_eq!(offsets, snapshot.commit_entries(&uid).expect("readable"));
    let parallelism = offsets.len();
    for (subtask, entry) in offsets.iter().enumerate() {
        assert_eq!(entry, format!("{subtask} of {parallelism} in {id}").as_bytes());
    }
    assert!(snapshot.operator(&uid, 0..1).operator("other").expect("readable").is_empty());
    assert!(snapshot.operators().iter().any(|(other, states)| *other == uid && states.len() == 2));
}

#[test]
fn an_import_is_the_same_state_in_another_store() {
    for seed in seeds(5) {
        let (dir, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
        let mut job = Job::new(seed, dir.path());
        for _ in 0..6 {
            job.checkpoint();
        }
        let snapshot = job.store.snapshot(CheckpointId(job.current.expect("some"))).expect("held");
        job.store = Arc::new(StateStore::open(other.path()).expect("opens"));
        let stats = job.store.import(&snapshot, CheckpointId(50)).expect("imports");
        assert!(stats.full_bytes > 0 && stats.delta_bytes >= stats.full_bytes);
        let copy = job.store.snapshot(CheckpointId(50)).expect("held");
        check_snapshot(&copy, &job.model, &(0..GROUPS), "the import");
        let uid = OperatorUid::new("window");
        assert_eq!(copy.commit_entries(&uid).expect("readable"), snapshot.commit_entries(&uid).expect("readable"));
        // The job goes on from it.
        job.held = BTreeMap::new();
        (job.current, job.next) = (Some(50), 51);
        job.checkpoint();
        job.check();
    }
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
    insta::assert_snapshot!(error, @"state: state `accumulators` of operator `window` is stored as (k bigint) -> (v string) but the job declares (k bigint) -> (v double)");
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

/// How many blocks there are.
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
