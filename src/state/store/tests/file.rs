//! The store's file: made, set aside, damaged, taken away; and how long a commit takes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use redb::backends::FileBackend;
use redb::{ReadableTable, StorageBackend};

use super::{bigint_state, commit, put};
use crate::state::store::{Commit, OperatorDelta, StateStore};
use crate::state::{KeyedRows, StateChange, StateDelta, StateDescriptor};
use crate::types::key_group::{groups_of, hash_keys, key_group};
use crate::types::{CheckpointId, Clock, Field, LogicalType, OperatorUid, Schema, SystemClock};

/// Makes a database of one checkpoint the job's.
fn first(directory: &Path, id: u64) -> crate::types::Result<StateStore> {
    let deltas = [OperatorDelta {
        uid: OperatorUid::new("window"),
        subtask: 0,
        key_groups: 0..128,
        delta: StateDelta { changes: vec![put(0, &[(1, "a")])] },
    }];
    let states = [(OperatorUid::new("window"), vec![bigint_state("accumulators")])];
    let commit =
        Commit { id: CheckpointId(id), parent: None, deltas: &deltas, states: &states, renamed: &[], manifest: b"m" };
    StateStore::create_with(directory, &commit).map(|(store, _)| store)
}

fn held(directory: &Path) -> Vec<CheckpointId> {
    StateStore::open_existing(directory).expect("opens").expect("there").checkpoints().expect("readable")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_fresh_run_takes_the_place_of_the_earlier_one_and_a_few_are_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    for run in 1..=6 {
        first(dir.path(), run).expect("made");
        assert_eq!(held(dir.path()), [CheckpointId(run)], "the latest is the newest run's");
    }
    assert_eq!(names(dir.path()), ["runs", "state.redb"]);
    assert_eq!(names(&dir.path().join("runs")), ["3", "4", "5"]);
    assert_eq!(held(&dir.path().join("runs/5")), [CheckpointId(5)]);
    assert!(StateStore::open_existing(&dir.path().join("runs")).expect("no error").is_none());
}

/// The directory as a kill leaves it between any two calls of a switch: the job's database is whole, the earlier or the new
/// one, and the next start leaves nothing else.
#[test]
fn at_every_moment_of_a_switch_the_job_has_a_database() {
    let dir = tempfile::tempdir().expect("a directory");
    let (job, next) = (dir.path().join("job"), dir.path().join("next"));
    let name = |name: &str| job.join(name);
    for cut in 0..6 {
        for place in [&job, &next] {
            let _ = std::fs::remove_dir_all(place);
            std::fs::create_dir(place).expect("created");
        }
        first(&job, 1).expect("made");
        first(&next, 2).expect("made");
        let steps: [&dyn Fn() -> std::io::Result<()>; 6] = [
            &|| std::fs::copy(next.join("state.redb"), name("state.redb.new")).map(|_| ()),
            &|| std::fs::hard_link(name("state.redb"), name("state.redb.earlier")),
            &|| std::fs::rename(name("state.redb.new"), name("state.redb")),
            &|| std::fs::create_dir(name("runs")),
            &|| std::fs::create_dir(name("runs/1")),
            &|| std::fs::rename(name("state.redb.earlier"), name("runs/1/state.redb")),
        ];
        steps[..=cut].iter().for_each(|step| step().expect("done"));
        let switched = cut >= 2;
        let expected = CheckpointId(if switched { 2 } else { 1 });
        assert_eq!(held(&job), [expected], "after step {cut}");
        StateStore::tidy(&job).expect("tidied");
        assert_eq!(held(&job), [expected], "after step {cut}");
        let kept: &[&str] = if switched { &["runs", "state.redb"] } else { &["state.redb"] };
        assert_eq!(names(&job), kept, "after step {cut}");
        if switched {
            assert_eq!(names(&name("runs")), ["1"], "after step {cut}");
            assert_eq!(held(&name("runs/1")), [CheckpointId(1)]);
        }
    }
}

#[test]
fn what_can_not_be_made_leaves_the_earlier_one_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(first(dir.path(), 4).expect("made"));
    let snapshot = store.snapshot(CheckpointId(4)).expect("held");
    std::fs::create_dir_all(dir.path().join("state.redb.new/in/the/way")).expect("created");
    StateStore::create_from(dir.path(), &snapshot).expect_err("something is in the way");
    first(dir.path(), 5).map(|_| ()).expect_err("here too");
    drop((snapshot, store));
    assert_eq!(held(dir.path()), [CheckpointId(4)]);
    assert_eq!(names(dir.path()), ["state.redb", "state.redb.new"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(first(dir.path(), 1).expect("made"));
    let job = dir.path().join("job");
    std::fs::create_dir(&job).expect("created");
    std::os::unix::fs::symlink(dir.path().join("state.redb"), job.join("state.redb")).expect("linked");
    let error = StateStore::open(&job).expect_err("a link").to_string();
    assert!(error.contains("is a symbolic link"), "{error}");
}

/// A file of which one call fails: the one behind `left` others.
#[derive(Debug)]
struct Failing {
    file: FileBackend,
    left: Arc<AtomicI64>,
}

impl Failing {
    fn call(&self) -> io::Result<()> {
        match self.left.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call().and_then(|()| self.file.set_len(len))
    }
    fn sync_data(&self) -> io::Result<()> {
        self.call().and_then(|()| self.file.sync_data())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.call().and_then(|()| self.file.write(offset, data))
    }
}

#[test]
fn whichever_call_of_a_commit_fails_the_database_goes_on_from_the_checkpoint_before() {
    let (mut failed, mut surfaced) = (0, 0);
    for left in 0.. {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state.redb");
        let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
        commit(&store, 1, None, vec![put(0, &[(1, "a")])]).expect("commits");
        let file = std::fs::File::options().read(true).write(true).open(&path).expect("there");
        let file = FileBackend::new(file).expect("a file");
        let calls = Arc::new(AtomicI64::new(-1));
        store.put_backend(Failing { file, left: Arc::clone(&calls) });
        calls.store(left, Ordering::Relaxed);
        let outcome = commit(&store, 2, Some(1), vec![put(0, &[(1, "b")])]);
        let Err(error) = outcome else { break };
        failed += 1;
        assert!(error.to_string().contains("state.redb"), "{error}");
        let copied = tempfile::tempdir().expect("a directory");
        std::fs::copy(&path, copied.path().join("state.redb")).expect("copied");
        surfaced += usize::from(held(copied.path()).contains(&CheckpointId(2)));
        // In the same process, as a restart does it.
        let snapshot = store.snapshot(CheckpointId(1)).expect("held");
        assert_eq!(store.checkpoints().expect("readable"), [CheckpointId(1)], "call {left}");
        drop(snapshot);
        commit(&store, 3, Some(1), vec![put(0, &[(2, "c")])]).expect("commits");
        drop(store);
        assert_eq!(held(dir.path()), [CheckpointId(1), CheckpointId(3)], "call {left}");
    }
    assert!(failed > 5, "{failed} calls");
    assert!(surfaced > 0, "a commit that failed at its end is in the file: without that, nothing is shown here");
}

#[test]
fn a_first_checkpoint_makes_the_file_or_leaves_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let states = [(OperatorUid::new("window"), vec![bigint_state("accumulators")])];
    let first = |states| {
        let deltas = [OperatorDelta {
            uid: OperatorUid::new("window"),
            subtask: 0,
            key_groups: 0..128,
            delta: StateDelta { changes: vec![put(0, &[(1, "a")])] },
        }];
        let commit =
            Commit { id: CheckpointId(1), parent: None, deltas: &deltas, states, renamed: &[], manifest: b"m" };
        StateStore::create_with(dir.path(), &commit)
    };
    first(&[]).expect_err("a delta of a state that is not there");
    assert!(StateStore::open_existing(dir.path()).expect("no error").is_none(), "nothing is left");
    let (store, written) = first(&states[..]).expect("commits");
    assert!(written.delta_bytes > 0);
    drop(store);
    let store = StateStore::open_existing(dir.path()).expect("opens").expect("there");
    assert_eq!(store.checkpoints().expect("readable"), [CheckpointId(1)]);
    std::fs::remove_dir_all(dir.path()).expect("removed");
    first(&states[..]).expect_err("a directory that was removed");
    assert!(!dir.path().exists());
}

#[test]
fn a_file_that_is_mostly_unused_shrinks_when_it_is_opened() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("state.redb");
    let size = || std::fs::metadata(&path).expect("there").len();
    // One window of 60 MB, which is over in the next checkpoint.
    let value = "x".repeat(60_000);
    let large: Vec<(i64, &str)> = (0..1_000).map(|key| (key, value.as_str())).collect();
    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    commit(&store, 1, None, vec![put(0, &large)]).expect("commits");
    let gone = StateChange::DropNamespace { state: "accumulators", namespace: 0 };
    commit(&store, 2, Some(1), vec![gone, put(10, &[(1, "kept")])]).expect("commits");
    store.retain(&[CheckpointId(2)]).expect("retains");
    commit(&store, 3, Some(2), vec![put(10, &[(2, "kept too")])]).expect("commits");
    store.retain(&[CheckpointId(3)]).expect("retains");
    drop(store);
    let before = size();
    assert!(before > 60_000_000, "{before}");

    let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
    let snapshot = store.snapshot(CheckpointId(3)).expect("still there");
    let uid = OperatorUid::new("window");
    let held = snapshot.operator(&uid, 0..128).keyed(&bigint_state("accumulators")).expect("readable");
    assert_eq!(held.iter().map(|(namespace, rows)| (*namespace, rows.num_rows())).collect::<Vec<_>>(), [(10, 2)]);
    assert!(size() < before / 4, "{} of {before}", size());
}

#[cfg(unix)]
#[test]
fn the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("jobs/hot");
    let store = StateStore::open(&place).expect("opens");
    commit(&store, 1, None, vec![put(0, &[(1, "a")])]).expect("commits");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&place.join("state.redb"))), (0o700, 0o600));
    assert_eq!(std::fs::read_dir(&place).expect("there").count(), 1, "nothing else is left");
}

#[test]
fn what_is_no_database_is_a_clear_error_and_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("state.redb");
    for (content, expected) in [
        (vec![], "is empty"),
        (vec![0; 1 << 20], "can't be opened"),
        (vec![0; 100], "can't be opened"),
        (b"not a database".repeat(1_000), "can't be opened"),
    ] {
        std::fs::write(&path, &content).expect("written");
        let error = StateStore::open(dir.path()).expect_err("no database").to_string();
        assert!(error.contains(expected) && error.contains("state.redb"), "{error}");
        assert_eq!(std::fs::read(&path).expect("there"), content);
    }
    std::fs::remove_file(&path).expect("removed");
    redb::Database::create(&path).expect("somebody else's");
    let error = StateStore::open(dir.path()).expect_err("foreign").to_string();
    assert!(error.contains("not one of lotic"), "{error}");
}

/// Damage anywhere in the file is an error at the latest when what was damaged is read; it is never other state.
#[test]
fn a_damaged_database_is_an_error_and_never_other_state() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = StateStore::open(dir.path()).expect("opens");
    commit(&store, 1, None, vec![put(0, &[(1, "a"), (2, "b")]), put(9, &[(3, "c")])]).expect("commits");
    drop(store);
    let path = dir.path().join("state.redb");
    let bytes = std::fs::read(&path).expect("there");
    let contents = || -> crate::types::Result<String> {
        let store = Arc::new(StateStore::open(dir.path())?);
        let snapshot = store.snapshot(CheckpointId(1))?;
        let rows = snapshot.operator(&OperatorUid::new("window"), 0..1).keyed(&bigint_state("accumulators"))?;
        Ok(format!("{rows:?}"))
    };
    let expected = contents().expect("whole");
    // Every byte of what was committed; and here and there in the rest, most of which is pages no longer in use.
    let block = {
        let store = StateStore::open(dir.path()).expect("opens");
        let read = store.begin_read().expect("reads");
        let table = read.open_table(store.schema(0).expect("one").blocks()).expect("a table");
        table.first().expect("readable").expect("one").1.value().to_vec()
    };
    let bytes = std::fs::read(&path).unwrap_or(bytes);
    let start = bytes.windows(block.len()).position(|window| window == block).expect("in the file");
    let committed = start..start + block.len();
    let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let sample = written.iter().copied().step_by(1 + written.len() / 60);
    for at in sample.chain(committed.clone()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        std::fs::write(&path, &damaged).expect("written");
        match contents() {
            Ok(found) => {
                assert_eq!(found, expected, "byte {at}");
                assert!(!committed.contains(&at), "byte {at} was not noticed");
            }
            Err(error) => assert!(error.to_string().contains("state.redb"), "{error}"),
        }
    }
    for length in [1, 100, 4_096, bytes.len() / 2, bytes.len() - 4_096] {
        std::fs::write(&path, &bytes[..length]).expect("written");
        if let Ok(found) = contents() {
            assert_eq!(found, expected, "cut at {length}");
        }
    }
}

#[test]
fn a_file_removed_or_replaced_while_in_use_takes_no_commit() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("hot");
    let store = StateStore::open(&place).expect("opens");
    commit(&store, 1, None, vec![put(0, &[(1, "a")])]).expect("commits");
    std::fs::rename(&place, dir.path().join("moved")).expect("moved");
    assert!(commit(&store, 2, Some(1), vec![]).is_err());
    let _other = StateStore::open(&place).expect("another in its place");
    let error = commit(&store, 2, Some(1), vec![]).expect_err("not the same").to_string();
    assert!(error.contains("replaced by another file"), "{error}");
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("file"), b"").expect("written");
    let error = StateStore::open(&dir.path().join("file/hot")).expect_err("below a file").to_string();
    assert!(error.contains("file/hot"), "{error}");
    // Root may write anywhere: then there is no read-only directory to be refused.
    let locked = dir.path().join("locked");
    std::fs::create_dir(&locked).expect("created");
    let mut permissions = std::fs::metadata(&locked).expect("there").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&locked, permissions).expect("set");
    if std::fs::write(locked.join("probe"), b"").is_err() {
        let error = StateStore::open(&locked).expect_err("read-only").to_string();
        assert!(error.contains("locked"), "{error}");
    }
}

/// `cargo test --lib -- --ignored --nocapture commit_time`
#[test]
#[ignore = "a measurement"]
fn commit_time() {
    let clock = SystemClock::new();
    let ms = |from: u64| (clock.nanos() - from) as f64 / 1e6;
    let schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("n", LogicalType::BigInt)]);
    let state = StateDescriptor::new("accumulators", schema, 1).in_namespaces("slice_end");
    let uid = OperatorUid::new("window");
    let states = [(uid.clone(), vec![state.clone()])];
    for (count, rounds) in [(10_000_i64, 40_u64), (1_000_000, 6)] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Arc::new(StateStore::open(dir.path()).expect("opens"));
        let (mut commits, mut retains) = (Vec::new(), Vec::new());
        for id in 1..=rounds {
            let deltas: Vec<OperatorDelta> = (0..2)
                .map(|subtask| {
                    let key_groups = groups_of(subtask, 2, 128);
                    let changes = [0, 10_000].map(|namespace| {
                        let keys: Vec<i64> = (0..count / 4).map(|i| i * 7 + subtask as i64).collect();
                        let keys: ArrayRef = Arc::new(Int64Array::from(keys));
                        let mut hashes = Vec::new();
                        hash_keys(std::slice::from_ref(&keys), &mut hashes).expect("hashes");
                        let span = key_groups.end - key_groups.start;
                        let key_groups = hashes.iter().map(|h| key_groups.start + key_group(*h, span)).collect();
                        let values: ArrayRef =
                            Arc::new(Int64Array::from_iter_values((0..count / 4).map(|i| i + id as i64)));
                        let rows = RecordBatch::try_new(state.schema.arrow().clone(), vec![keys, values]);
                        let rows = KeyedRows { rows: rows.expect("columns"), key_groups };
                        StateChange::Upsert { state: "accumulators", namespace, rows }
                    });
                    let delta = StateDelta { changes: changes.to_vec() };
                    OperatorDelta { uid: uid.clone(), subtask, key_groups, delta }
                })
                .collect();
            let parent = (id > 1).then(|| CheckpointId(id - 1));
            let start = clock.nanos();
            let commit =
                Commit { id: CheckpointId(id), parent, deltas: &deltas, states: &states, renamed: &[], manifest: b"" };
            store.commit(&commit).expect("commits");
            commits.push(ms(start));
            let start = clock.nanos();
            let keep: Vec<_> = (id.saturating_sub(2).max(1)..=id).map(CheckpointId).collect();
            store.retain(&keep).expect("retains");
            retains.push(ms(start));
        }
        let start = clock.nanos();
        let snapshot = store.snapshot(CheckpointId(rounds)).expect("held");
        let rows: usize =
            snapshot.operator(&uid, 0..128).keyed(&state).expect("readable").iter().map(|b| b.1.num_rows()).sum();
        println!(
            "{count} changed entries: restore of {rows} {:.1} ms, {} bytes of file",
            ms(start),
            std::fs::metadata(dir.path().join("state.redb")).expect("there").len()
        );
        for (what, times) in [("commit", &mut commits), ("retain", &mut retains)] {
            times.sort_by(f64::total_cmp);
            println!("  {what}: median {:.2} ms, worst {:.2} ms", times[times.len() / 2], times[times.len() - 1]);
        }
    }
}
