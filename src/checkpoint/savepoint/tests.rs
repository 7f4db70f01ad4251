use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DurationMillisecondArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalYearMonthArray, NullArray, RecordBatch,
    StringArray, StructArray, Time32MillisecondArray, TimestampMillisecondArray,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::document::Document;
use super::{open_savepoint, write_savepoint, write_savepoint_noted};
use crate::checkpoint::{Manifest, ManifestOperator, Moment, SnapshotKind};
use crate::state::{
    Commit, Expiry, KeyedRows, OperatorDelta, OperatorStateDescriptor, Refresh, Slices, StateChange, StateDelta,
    StateDescriptor, StateSnapshot, StateStore,
};
use crate::types::{CheckpointId, Field, LogicalType, OperatorUid, Schema};

const GROUPS: u16 = 16;
const ROWS: usize = 40;
const OFFSETS: OperatorStateDescriptor = OperatorStateDescriptor::union("offsets");

/// One column of each type.
fn columns() -> Vec<(LogicalType, ArrayRef)> {
    let numbers = || 0..ROWS as i32;
    let some = |i: &i32| i % 5 != 3;
    let text: ArrayRef = Arc::new(numbers().map(|i| some(&i).then(|| format!("t{i}"))).collect::<StringArray>());
    let months: ArrayRef = Arc::new(IntervalYearMonthArray::from_iter_values(numbers()));
    let durations: ArrayRef =
        Arc::new(numbers().map(|i| some(&i).then_some(i64::from(i) - 7)).collect::<DurationMillisecondArray>());
    let row = LogicalType::Row(vec![("gap".into(), LogicalType::IntervalDayTime), ("t".into(), LogicalType::String)]);
    let arrow_schema::DataType::Struct(fields) = row.to_arrow() else { panic!("a row is a struct") };
    let nulls = (0..ROWS).map(|i| i % 7 != 0).collect::<Vec<_>>().into();
    let rows = StructArray::new(fields, vec![durations.clone(), text.clone()], Some(nulls));
    let mut lists = ListBuilder::new(Int32Builder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for i in numbers() {
        for j in 0..i % 4 {
            lists.values().append_option((j != 1).then_some(i * j));
            maps.keys().append_value(format!("k{j}"));
            maps.values().append_value(j);
        }
        lists.append(some(&i));
        maps.append(some(&i)).expect("keys and values");
    }
    // A list of intervals: the list of numbers under its other type.
    let months_list = LogicalType::Array(Box::new(LogicalType::IntervalYearMonth));
    let lists: ArrayRef = Arc::new(lists.finish());
    let intervals = super::shape::convert(&lists, &months_list.to_arrow()).expect("converts");
    let maps: ArrayRef = Arc::new(maps.finish());
    let map = LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::Int));
    let maps = super::shape::convert(&maps, &map.to_arrow()).expect("converts");
    vec![
        (LogicalType::Null, Arc::new(NullArray::new(ROWS))),
        (LogicalType::Boolean, Arc::new(numbers().map(|i| some(&i).then_some(i % 2 == 0)).collect::<BooleanArray>())),
        (LogicalType::TinyInt, Arc::new(Int8Array::from_iter_values(0..ROWS as i8))),
        (LogicalType::SmallInt, Arc::new(Int16Array::from_iter_values(0..ROWS as i16))),
        (LogicalType::Int, Arc::new(numbers().map(|i| some(&i).then_some(i)).collect::<Int32Array>())),
        (LogicalType::Float, Arc::new(Float32Array::from_iter_values(numbers().map(|i| i as f32 / 3.0)))),
        (LogicalType::Double, Arc::new(Float64Array::from_iter_values(numbers().map(|i| f64::from(i) / 3.0)))),
        (
            LogicalType::Decimal(22, 3),
            Arc::new(
                Decimal128Array::from_iter_values(numbers().map(i128::from))
                    .with_precision_and_scale(22, 3)
                    .expect("fits"),
            ),
        ),
        (LogicalType::String, text),
        (LogicalType::Bytes, Arc::new(BinaryArray::from_iter_values(numbers().map(i32::to_le_bytes)))),
        (LogicalType::Date, Arc::new(Date32Array::from_iter_values(numbers()))),
        (LogicalType::Time, Arc::new(Time32MillisecondArray::from_iter_values(numbers()))),
        (LogicalType::Timestamp, Arc::new(TimestampMillisecondArray::from_iter_values(0..ROWS as i64))),
        (
            LogicalType::TimestampLtz,
            Arc::new(TimestampMillisecondArray::from_iter_values(0..ROWS as i64).with_timezone("UTC")),
        ),
        (LogicalType::IntervalDayTime, durations),
        (LogicalType::IntervalYearMonth, months),
        (months_list, intervals),
        (map, maps),
        (row, Arc::new(rows)),
    ]
}

/// A state with a column of each type, its key called as one of the savepoint's own columns is.
fn wide_state() -> StateDescriptor {
    let mut fields = vec![Field::new("key_group", LogicalType::BigInt)];
    fields.extend(columns().into_iter().enumerate().map(|(i, (ty, _))| Field::new(format!("c{i}"), ty)));
    StateDescriptor::new("every_type", Schema::new(fields), 1).in_namespaces("slice_end")
}

fn small_state() -> StateDescriptor {
    let schema = Schema::new([Field::new("auction", LogicalType::BigInt), Field::new("n", LogicalType::Int)]);
    StateDescriptor::new("count", schema, 1)
}

fn manifest(job: &str, states: &[(OperatorUid, Vec<StateDescriptor>)]) -> Manifest {
    let operators = states.iter().map(|(uid, states)| ManifestOperator {
        uid: uid.clone(),
        name: "WindowAggregate".into(),
        parallelism: 2,
        states: states.iter().map(Into::into).collect(),
        operator_states: vec![(&OFFSETS).into()],
    });
    let operators = operators.collect();
    let moment = Some(Moment { clock_ms: 1_700_000_000_042, seed: Some(7) });
    let manifest =
        Manifest::new(SnapshotKind::Savepoint, job, CheckpointId(7), 1_700_000_000_000, 2, GROUPS, operators);
    Manifest { statement: Some("run hot = bids | into blackhole;".into()), moment, ..manifest }
}

fn rows(state: &StateDescriptor, columns: Vec<ArrayRef>) -> KeyedRows {
    let rows = RecordBatch::try_new(state.schema.arrow().clone(), columns).expect("columns");
    let key_groups = (0..rows.num_rows()).map(|i| (i * 7 % usize::from(GROUPS)) as u16).collect();
    KeyedRows { rows, key_groups }
}

/// A checkpoint of a job whose operators have these changes, and its manifest.
fn snapshot(dir: &Path, operators: Vec<(&str, Vec<StateDescriptor>, Vec<StateChange>)>) -> (StateSnapshot, Manifest) {
    let store = Arc::new(StateStore::open(dir).expect("opens"));
    let (mut states, mut deltas) = (Vec::new(), Vec::new());
    for (uid, descriptors, changes) in operators {
        let uid = OperatorUid::new(uid);
        states.push((uid.clone(), descriptors));
        deltas.push(OperatorDelta { uid, subtask: 0, key_groups: 0..GROUPS, delta: StateDelta { changes } });
    }
    let manifest = manifest("hot", &states);
    let bytes = manifest.to_bytes().expect("a document");
    let commit =
        Commit { id: CheckpointId(7), parent: None, deltas: &deltas, states: &states, renamed: &[], manifest: &bytes };
    store.commit(&commit).expect("commits");
    (store.snapshot(CheckpointId(7)).expect("held"), manifest)
}

fn wide_snapshot(dir: &Path) -> (StateSnapshot, Manifest) {
    let state = wide_state();
    let mut all: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(0..ROWS as i64))];
    all.extend(columns().into_iter().map(|(_, column)| column));
    let upsert = |namespace| StateChange::Upsert { state: "every_type", namespace, rows: rows(&state, all.clone()) };
    let changes = vec![
        upsert(-5),
        upsert(10_000),
        StateChange::Operator { state: "timers", entry: b"\x00\xff".to_vec() },
        StateChange::Commit { entry: Vec::new() },
    ];
    let source = vec![StateChange::Operator { state: "offsets", entry: b"17".to_vec() }];
    snapshot(dir, vec![("a/../window", vec![state.clone(), small_state()], changes), ("source", vec![], source)])
}

fn small_snapshot(dir: &Path, n: i32) -> (StateSnapshot, Manifest) {
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1, 2, 3])), Arc::new(Int32Array::from(vec![n, n + 1, n + 2]))];
    let upsert = StateChange::Upsert { state: "count", namespace: 0, rows: rows(&small_state(), columns) };
    let entry = StateChange::Operator { state: "offsets", entry: vec![9] };
    snapshot(dir, vec![("window", vec![small_state()], vec![upsert, entry])])
}

/// Everything that a restore would read.
fn contents(snapshot: &StateSnapshot) -> crate::types::Result<String> {
    let mut text = String::from_utf8_lossy(snapshot.manifest()).into_owned();
    for (uid, states) in snapshot.operators() {
        for state in &states {
            for groups in [0..GROUPS / 2, GROUPS / 2..GROUPS] {
                let batches = snapshot.operator(&uid, groups.clone()).keyed(state)?;
                write!(text, "{uid} {groups:?} {batches:?}").expect("a text");
            }
        }
        write!(text, "{:?}", snapshot.source().entries(&uid)?).expect("a text");
    }
    Ok(text)
}

/// The same state in any key group range.
fn assert_same(found: &StateSnapshot, expected: &StateSnapshot) {
    assert_eq!(found.operators(), expected.operators());
    for (uid, states) in expected.operators() {
        let entries = |snapshot: &StateSnapshot| snapshot.source().entries(&uid).expect("readable");
        assert_eq!(entries(found), entries(expected));
        for state in &states {
            for (start, end) in [(0, GROUPS), (0, 1), (3, 9), (15, 16), (7, 7)] {
                let keyed = |snapshot: &StateSnapshot| snapshot.operator(&uid, start..end).keyed(state);
                let (found, expected) = (keyed(found).expect("readable"), keyed(expected).expect("readable"));
                assert_eq!(found, expected, "{uid}/{} in {start}..{end}", state.name);
            }
        }
    }
}

#[test]
fn every_type_comes_back_in_any_key_group_range() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = wide_snapshot(dir.path());
    let place = dir.path().join("sp");
    let stats = write_savepoint(&checkpoint, &manifest, &place).expect("writes");
    assert_eq!((stats.files, stats.entries), (4, 2 * ROWS as u64));
    let savepoint = open_savepoint(&place).expect("opens");
    assert_eq!(Manifest::parse(savepoint.manifest()).expect("ours"), manifest);
    assert_same(&savepoint, &checkpoint);
    let restored = savepoint.operator(&OperatorUid::new("source"), 0..1);
    assert_eq!(restored.operator(&OFFSETS).expect("readable"), [b"17".to_vec()]);
    // Into a store of its own, and out again.
    let store = Arc::new(StateStore::open(&dir.path().join("other")).expect("opens"));
    store.import(&savepoint, CheckpointId(1)).expect("imports");
    assert_same(&store.snapshot(CheckpointId(1)).expect("held"), &checkpoint);
}

#[test]
fn many_rows_of_one_namespace_are_put_together_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let count = 150_000;
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from_iter_values(0..count)), Arc::new(Int32Array::from_iter_values(0..count as i32))];
    let upsert = StateChange::Upsert { state: "count", namespace: 0, rows: rows(&small_state(), columns) };
    let (checkpoint, manifest) = snapshot(dir.path(), vec![("window", vec![small_state()], vec![upsert])]);
    let place = dir.path().join("sp");
    write_savepoint(&checkpoint, &manifest, &place).expect("writes");
    let savepoint = open_savepoint(&place).expect("opens");
    assert_eq!(contents(&savepoint).expect("readable"), contents(&checkpoint).expect("readable"));
    let part = savepoint.operator(&OperatorUid::new("window"), 5..6).keyed(&small_state()).expect("readable");
    assert_eq!(part.len(), 1);
    assert_eq!(part[0].1.num_rows(), (0..count).filter(|i| i * 7 % 16 == 5).count());
}

/// A reader that knows nothing of lotic sees plain columns.
#[test]
fn the_files_are_plain_parquet() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = wide_snapshot(dir.path());
    let place = dir.path().join("sp");
    write_savepoint(&checkpoint, &manifest, &place).expect("writes");
    let file = fs::File::open(place.join("a%2f..%2fwindow/every_type.parquet")).expect("there");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let names: Vec<String> =
        builder.schema().fields().iter().map(|f| format!("{}: {}", f.name(), f.data_type())).collect();
    insta::assert_snapshot!(names.join("\n"), @r#"
    key_group: Int32
    namespace: Int64
    key_group_: Int64
    c0: Boolean
    c1: Boolean
    c2: Int8
    c3: Int16
    c4: Int32
    c5: Float32
    c6: Float64
    c7: Decimal128(22, 3)
    c8: Utf8
    c9: Binary
    c10: Date32
    c11: Time32(ms)
    c12: Timestamp(ms)
    c13: Timestamp(ms, "UTC")
    c14: Int64
    c15: Int32
    c16: List(Int32)
    c17: Map("entries": non-null Struct("keys": non-null Utf8, "values": Int32), unsorted)
    c18: Struct("gap": Int64, "t": Utf8)
    "#);
    let batches: Vec<RecordBatch> = builder.build().expect("readable").collect::<Result<_, _>>().expect("readable");
    let groups: Vec<i32> =
        batches.iter().flat_map(|b| b.column(0).as_primitive::<Int32Type>().values().to_vec()).collect();
    assert_eq!(groups.len(), 2 * ROWS);
    assert!(groups.is_sorted());
}

#[test]
fn a_savepoint_exists_only_when_it_is_complete_and_overwrites_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = small_snapshot(&dir.path().join("job"), 1);
    let place = dir.path().join("deep/sp");
    fs::create_dir_all(&place).expect("an empty directory is as good as none");
    // What somebody else is building there, or has left.
    fs::create_dir_all(dir.path().join("deep/.sp.1.incomplete/window")).expect("created");
    let noted = std::cell::RefCell::new(PathBuf::new());
    let note = |path: &Path| {
        *noted.borrow_mut() = path.to_path_buf();
        assert!(!path.exists(), "it is told before there is anything");
        Ok(())
    };
    write_savepoint_noted(&checkpoint, &manifest, &place, &note).expect("writes");
    assert_eq!(*noted.borrow(), dir.path().join("deep/.sp.2.incomplete"));
    assert_eq!(
        fs::read_dir(dir.path().join("deep")).expect("there").count(),
        2,
        "nothing else is left, nothing is lost"
    );
    let error = write_savepoint(&checkpoint, &manifest, &place).expect_err("taken");
    assert!(error.to_string().contains("is not empty"), "{error}");
    open_savepoint(&place).expect("untouched");
    fs::write(dir.path().join("file"), b"mine").expect("written");
    assert!(write_savepoint(&checkpoint, &manifest, &dir.path().join("file")).is_err());
    assert!(write_savepoint(&checkpoint, &manifest, &dir.path().join("file/sp")).is_err());
    assert_eq!(fs::read(dir.path().join("file")).expect("there"), b"mine");
    let missing = open_savepoint(&dir.path().join("nothing")).expect_err("nothing there");
    assert!(missing.to_string().contains("there is no savepoint"), "{missing}");
    let other = open_savepoint(dir.path()).expect_err("of something else");
    assert!(other.to_string().contains("is not a savepoint: it has no manifest.json"), "{other}");
}

#[cfg(unix)]
#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = small_snapshot(&dir.path().join("job"), 1);
    write_savepoint(&checkpoint, &manifest, &dir.path().join("sp")).expect("writes");
    let mode = |name: &str| fs::metadata(dir.path().join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("sp"), mode("sp/window")), (0o700, 0o700));
    for file in files(&dir.path().join("sp")) {
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("readable").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Each byte flipped, and each file cut at each length: an error that names the savepoint, or the same state.
#[test]
fn damage_anywhere_is_an_error_and_never_other_state() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = small_snapshot(&dir.path().join("job"), 1);
    let place = dir.path().join("sp");
    write_savepoint(&checkpoint, &manifest, &place).expect("writes");
    let expected = contents(&checkpoint).expect("readable");
    let check = |what: &str| match open_savepoint(&place).and_then(|savepoint| contents(&savepoint)) {
        Ok(found) => assert_eq!(found, expected, "{what}"),
        Err(error) => assert!(error.to_string().contains("sp"), "{what}: {error}"),
    };
    check("whole");
    let mut refused = 0;
    for file in files(&place) {
        let bytes = fs::read(&file).expect("there");
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
            fs::write(&file, &damaged).expect("written");
            check(&format!("{name}, byte {at} flipped"));
            fs::write(&file, &bytes[..at]).expect("written");
            check(&format!("{name}, cut at {at}"));
            refused += usize::from(open_savepoint(&place).is_err());
        }
        // Whatever white space ends the document may be lost; all else counts.
        assert!(refused + 1 >= bytes.len(), "{name}: {refused} of {} cuts were noticed", bytes.len());
        refused = 0;
        fs::write(&file, &bytes).expect("written");
    }
    check("whole again");
}

#[test]
fn a_missing_file_a_later_version_and_foreign_files_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = small_snapshot(&dir.path().join("job"), 1);
    let place = dir.path().join("sp");
    write_savepoint(&checkpoint, &manifest, &place).expect("writes");
    let refused = |expected: &str| {
        let error = open_savepoint(&place).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&*place.to_string_lossy()), "{error}");
    };
    let (file, document) = (place.join("window/count.parquet"), place.join("manifest.json"));
    let (file_bytes, text) = (fs::read(&file).expect("there"), fs::read_to_string(&document).expect("there"));

    fs::remove_file(&file).expect("removed");
    refused("its file window/count.parquet is missing");

    let (other, other_manifest) = small_snapshot(&dir.path().join("other"), 100);
    write_savepoint(&other, &other_manifest, &dir.path().join("sp2")).expect("writes");
    fs::copy(dir.path().join("sp2/window/count.parquet"), &file).expect("swapped in");
    refused("its file window/count.parquet");
    fs::write(&file, &file_bytes).expect("put back");

    fs::write(&document, text.replacen("\"version\": 2", "\"version\": 3", 1)).expect("written");
    refused("the savepoint has version 3; this build of lotic reads versions up to 2");

    fs::write(&document, text.replacen("\"parallelism\": 2", "\"parallelism\": 3", 1)).expect("written");
    refused("manifest.json was changed after it was written");

    let mut outside = Document::parse(text.as_bytes()).expect("whole");
    outside.operator_state.path = "../sp2/operator-state.parquet".into();
    fs::write(&document, outside.to_text().expect("a document")).expect("written");
    refused("names a file outside of itself");
    outside.operator_state.path = "/etc/passwd".into();
    fs::write(&document, outside.to_text().expect("a document")).expect("written");
    refused("names a file outside of itself");

    fs::write(&document, vec![0; 4_096]).expect("written");
    refused("this is not a savepoint of lotic, or a damaged one");
    fs::write(&document, text).expect("put back");
    open_savepoint(&place).expect("whole again");
}

/// The directory where the savepoint of a format version is kept for ever.
fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/savepoint-v{version}"))
}

/// Savepoints never expire: what was written by format version 1 is restored by every later lotic.
#[test]
fn a_savepoint_of_version_1_is_restored() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = wide_snapshot(dir.path());
    let savepoint = open_savepoint(&fixture(1)).expect("opens");
    let stored = Manifest::parse(savepoint.manifest()).expect("readable");
    assert_eq!((stored.version, &stored.statement, stored.moment), (1, &None, None));
    assert_eq!((stored.job, stored.checkpoint, stored.operators.len()), (manifest.job, manifest.checkpoint, 2));
    assert_same(&savepoint, &checkpoint);
}

/// A state with what version 2 has beyond version 1: columns named by what they hold, what routes, slices, expiry.
fn named_state() -> StateDescriptor {
    let fields = ["auction", "day", "sum(price)", "sum(price).count", "count(*) filter (where price > 1)"];
    let mut state =
        StateDescriptor::new("accumulators", Schema::new(fields.map(|n| Field::new(n, LogicalType::BigInt))), 2);
    state.partition = vec![1];
    state.expiry = Some(Expiry { ttl_ms: 3_600_000, refreshed_on: Refresh::Read });
    state.slices =
        Some(Slices { window: "hop(10s, 2s)".into(), slice_ms: 2_000, offset_ms: 0, slide_ms: 2_000, size_ms: 10_000 });
    state.in_namespaces("slice_end")
}

/// The savepoint of the present version that is kept.
fn kept_snapshot(dir: &Path) -> (StateSnapshot, Manifest) {
    let (wide, named) = (wide_state(), named_state());
    let mut all: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(0..ROWS as i64))];
    all.extend(columns().into_iter().map(|(_, column)| column));
    let upsert = StateChange::Upsert { state: "every_type", namespace: 10_000, rows: rows(&wide, all) };
    let numbers = (0..5).map(|at| -> ArrayRef { Arc::new(Int64Array::from_iter_values((0..9).map(|row| row * at))) });
    let sums = StateChange::Upsert { state: "accumulators", namespace: 4_000, rows: rows(&named, numbers.collect()) };
    let offsets = StateChange::Operator { state: OFFSETS.name, entry: b"17".to_vec() };
    let changes = vec![upsert, offsets, StateChange::Commit { entry: b"staged".to_vec() }];
    snapshot(dir, vec![("window", vec![named], vec![sums]), ("table", vec![wide], changes)])
}

#[test]
fn a_savepoint_of_version_2_is_restored() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = kept_snapshot(dir.path());
    let savepoint = open_savepoint(&fixture(2)).expect("opens");
    let stored = Manifest::parse(savepoint.manifest()).expect("readable");
    assert_eq!(Manifest { lotic: manifest.lotic.clone(), ..stored }, manifest);
    assert_same(&savepoint, &checkpoint);
}

/// Writes the fixture of the present version: once, when a version is new.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_fixture() {
    let dir = tempfile::tempdir().expect("a directory");
    let (checkpoint, manifest) = kept_snapshot(dir.path());
    write_savepoint(&checkpoint, &manifest, &fixture(2)).expect("writes");
}
