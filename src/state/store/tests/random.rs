//! The store against a plain map, by seed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use redb::{ReadableTable, ReadableTableMetadata};

use super::{
    GROUPS, Key, Model, Random, bigint_state, global_state, group_of, key_columns, keyed_rows, pair_state, read,
    read_entries, seeds,
};
use crate::memory_state::MemoryState;
use crate::state::store::tables::{self, PURGES, SWEEP};
use crate::state::store::{Commit, OperatorDelta, StateStore, key};
use crate::state::{
    Expiry, Instance, OperatorStateDescriptor, Refresh, RestoredState, StateChange, StateDelta, StateDescriptor,
    StateSnapshot,
};
use crate::types::key_group::groups_of;
use crate::types::{CheckpointId, OperatorUid};

/// One random change of the entries that an instance owns.
fn change(random: &mut Random, state: &StateDescriptor, owned: &Range<u16>) -> StateChange {
    let namespace = [0, -10_000, 10_000, i64::MAX][random.below(if state.namespace.is_some() { 4 } else { 1 })];
    let state_name = state.name;
    if random.chance(12) {
        return StateChange::DropNamespace { state: state_name, namespace };
    }
    let keys: Vec<Key> = (0..random.below(12))
        .map(|_| if state.key_columns == 0 { Some(0) } else { Some(random.below(30) as i64 - 2).filter(|k| *k != 7) })
        .filter(|key| owned.contains(&group_of(state, *key)))
        .collect();
    if random.chance(30) {
        return StateChange::Remove { state: state_name, namespace, rows: keyed_rows(state, &keys, None) };
    }
    let values: Vec<String> = keys.iter().map(|_| "v".repeat(random.below(9)) + &random.0.to_string()).collect();
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
    /// Whether the entries of one state expire.
    expires: bool,
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
            expires: false,
        }
    }

    fn states(&mut self) -> Vec<(OperatorUid, Vec<StateDescriptor>)> {
        let mut states = vec![
            (OperatorUid::new("window"), vec![bigint_state("accumulators"), pair_state()]),
            (OperatorUid::new("count"), vec![global_state(), bigint_state("accumulators")]),
        ];
        // A state whose descriptor changes is taken up as it was.
        if self.random.chance(15) {
            self.expires = !self.expires;
        }
        if self.expires {
            states[0].1[0].expiry = Some(Expiry { ttl_ms: 5, refreshed_on: Refresh::Read });
        }
        // An operator that is taken out and put back starts from nothing.
        if self.random.chance(15) {
            let gone = states.remove(1);
            self.model.remove(gone.0.as_str());
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
                let handed_over = |changes: Vec<StateChange>| OperatorDelta {
                    uid: uid.clone(),
                    subtask,
                    key_groups: key_groups.clone(),
                    delta: StateDelta { changes },
                };
                let mut changes = Vec::new();
                for _ in 0..self.random.below(7) {
                    let state = &descriptors[self.random.below(descriptors.len())];
                    changes.push(change(&mut self.random, state, &key_groups));
                    // What was handed over for checkpoints that came to nothing stands before the rest.
                    if self.random.chance(20) {
                        deltas.push(handed_over(std::mem::take(&mut changes)));
                    }
                }
                let entry = format!("{subtask} of {parallelism} in {}", self.next).into_bytes();
                changes.push(StateChange::Operator { state: "offsets", entry: entry.clone() });
                changes.push(StateChange::Commit { entry });
                deltas.push(handed_over(changes));
            }
        }
        self.model.values_mut().for_each(MemoryState::begin);
        for delta in &deltas {
            let (_, descriptors) = states.iter().find(|(uid, _)| *uid == delta.uid).expect("stateful");
            let key_columns =
                |name: &str| descriptors.iter().find(|state| state.name == name).expect("one").key_columns;
            let instance = Instance { index: delta.subtask, ..delta.key_groups.clone().into() };
            let model = self.model.entry(delta.uid.as_str().to_owned()).or_default();
            model.apply(&instance, &delta.delta, &key_columns);
        }
        let id = self.next;
        let manifest = format!("manifest {id}");
        let commit = Commit {
            id: CheckpointId(id),
            parent: self.current.map(CheckpointId),
            deltas: &deltas,
            states: &states,
            renamed: &[],
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
        let model = model.get(*uid).cloned().unwrap_or_default().for_instance(groups.clone().into());
        let expected = read_entries(&model, state);
        let found = read(snapshot, uid, state, groups.clone());
        assert_eq!(found, expected, "{uid}/{} in {groups:?} of {place}", state.name);
        // Each key by itself, and one that is not there.
        let restored = snapshot.operator(&OperatorUid::new(*uid), groups.clone());
        for key in expected.keys().map(|(.., key)| *key).chain([Some(99)]) {
            let (group, key) = (group_of(state, key), key_columns(state, &[key]));
            if !groups.contains(&group) {
                continue;
            }
            let looked_up = restored.lookup(state, group, &key).expect("readable");
            assert_eq!(looked_up, model.lookup(state, group, &key).expect("readable"), "{key:?} of {place}");
        }
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
    // What a branch that was gone back on has dropped is carried out once there is a checkpoint behind it.
    job.checkpoint();
    let last = job.current.expect("some");
    job.held.retain(|id, _| *id == last);
    for _ in 0..3 {
        job.store.retain(&[CheckpointId(last)]).expect("retains");
    }
    job.check();
    let read = job.store.begin_read().expect("reads");
    assert_eq!(read.open_table(PURGES).expect("a table").len().expect("a length"), 0, "drops not carried out");
    assert_eq!(read.open_table(SWEEP).expect("a table").len().expect("a length"), 0, "a sweep not ended");
    let checkpoints = read.open_table(tables::CHECKPOINTS).expect("a table");
    let record = tables::record(last, checkpoints.get(last).expect("readable").expect("one").value()).expect("whole");
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
    let size = read.open_table(tables::SIZES).expect("a table").get(last).expect("readable").expect("one").value();
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
    let offsets = OperatorStateDescriptor::union("offsets");
    let offsets = snapshot.operator(&uid, 0..1).operator(&offsets).expect("readable");
    assert_eq!(offsets, snapshot.commit_entries(&uid).expect("readable"));
    let parallelism = offsets.len();
    for (subtask, entry) in offsets.iter().enumerate() {
        assert_eq!(entry, format!("{subtask} of {parallelism} in {id}").as_bytes());
    }
    let other = OperatorStateDescriptor::union("other");
    assert!(snapshot.operator(&uid, 0..1).operator(&other).expect("readable").is_empty());
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
