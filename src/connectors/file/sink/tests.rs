use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::task::Waker;

use arrow_array::{RecordBatch, StringArray};

use super::*;
use crate::api::{Armed, ChangelogMode, OperatorMetrics, OptionValue, Options, Rejected, ResultSink, SinkOwner};
use crate::connectors::file::text::text_schema;
use crate::connectors::testing::SPAN;
use crate::memory_state::MemoryState;
use crate::state::{Instance, RestoredState};
use crate::types::files::failing::CrashingFiles;
use crate::types::{OperatorUid, RowKind, Span, Spanned, SpillSpace, VirtualClock};

struct Nobody;

impl ResultSink for Nobody {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}

struct Nowhere;

impl Output for Nowhere {
    fn batch(&mut self, _batch: Batch) -> Result<()> {
        Ok(())
    }
    fn watermark(&mut self, _watermark: i64) -> Result<()> {
        Ok(())
    }
    fn side(&mut self, _port: usize, _batch: Batch) -> Result<()> {
        Ok(())
    }
    fn reject(&mut self, _rows: Vec<Rejected>) -> Result<()> {
        Ok(())
    }
    fn arm(&mut self, _armed: Armed) {}
    fn has_room(&self) -> bool {
        true
    }
    fn close(&mut self) {}
}

fn request(dir: &Path, target: &str) -> SinkRequest {
    SinkRequest {
        name: "out".to_owned(),
        target: Some(Spanned::new(target.to_owned(), SPAN)),
        schema: text_schema(),
        changelog: ChangelogMode::Append,
        options: Options::new(vec![("format".to_owned(), Spanned::new(OptionValue::Text("text".to_owned()), SPAN))]),
        base_dir: dir.to_path_buf(),
        results: Arc::new(Nobody),
        span: Span::new(0, 40),
    }
}

fn planned(dir: &Path, files: &CrashingFiles) -> FileSink {
    FileSink::new(&request(dir, "out"), Arc::new(files.clone())).unwrap()
}

/// One checkpoint, as a state backend would keep it.
#[derive(Debug, Clone, Default)]
struct Checkpoint {
    id: u64,
    state: MemoryState,
    /// Rows of the input that it covers.
    rows: usize,
}

impl Checkpoint {
    fn take(&mut self, subtask: usize, parallelism: usize, delta: &StateDelta) {
        self.state
            .apply(&Instance::new(subtask, parallelism, 128), delta, &|_| unreachable!("a sink has no keyed state"));
    }
}

fn context(subtask: usize, parallelism: usize, restored: Option<&Checkpoint>) -> OperatorContext {
    OperatorContext {
        uid: OperatorUid::new("sink"),
        subtask,
        parallelism,
        max_parallelism: 128,
        batch_rows: 10,
        memory: None,
        restored: restored.map(|complete| -> Arc<dyn RestoredState> {
            Arc::new(complete.state.for_instance(Instance::new(subtask, parallelism, 128)))
        }),
        metrics: Arc::new(OperatorMetrics::default()),
        row_watermarks: false,
        spill: Arc::new(SpillSpace::temporary(1 << 20)),
        clock: Arc::new(VirtualClock::default()),
        waker: Waker::noop().clone(),
        armed: Cell::default(),
    }
}

fn row(number: usize) -> Batch {
    let column = Arc::new(StringArray::from(vec![format!("row {number:03}")]));
    Batch::untimed(RecordBatch::try_new(text_schema().arrow().clone(), vec![column]).unwrap())
}

const ROWS: usize = 24;
/// The job whose sink is tried.
const OWNER: SinkOwner = SinkOwner { id: Some(7), alone: true };

/// One attempt of a job: from the last complete checkpoint to the end, a checkpoint every five rows. `complete` is what
/// a state backend would hold durably after a crash.
fn attempt(sink: &FileSink, parallelism: usize, complete: &mut Option<Checkpoint>) -> Result<()> {
    let committer = sink.committer().unwrap();
    committer.recover(&complete.as_ref().map(|complete| complete.state.commits()).unwrap_or_default(), OWNER)?;
    let mut writers = (0..parallelism)
        .map(|subtask| sink.create(&context(subtask, parallelism, complete.as_ref())))
        .collect::<Result<Vec<_>>>()?;
    let (mut next, mut id) = complete.as_ref().map_or((0, 0), |state| (state.rows, state.id));
    loop {
        let end = (next + 5).min(ROWS);
        for number in next..end {
            writers[number % parallelism].process(0, row(number), &mut Nowhere)?;
        }
        next = end;
        if next == ROWS {
            writers.iter_mut().try_for_each(|writer| writer.end_of_input(0, &mut Nowhere))?;
        }
        id += 1;
        let mut state = Checkpoint { id, rows: next, ..Checkpoint::default() };
        for (subtask, writer) in writers.iter_mut().enumerate() {
            state.take(subtask, parallelism, &writer.snapshot(CheckpointId(id))?);
        }
        let commits = state.state.commits();
        *complete = Some(state);
        committer.commit(&commits)?;
        if next == ROWS {
            return Ok(());
        }
    }
}

/// The visible files' rows, sorted.
fn visible(out: &Path) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for (name, content) in files(out) {
        if !name.starts_with('.') {
            assert!(!content.is_empty(), "{name} is empty");
            rows.extend(content.lines().map(str::to_owned));
        }
    }
    rows.sort_unstable();
    rows
}

fn files(out: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(out) else { return BTreeMap::new() };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap_or_default())
        })
        .collect()
}

fn expected() -> Vec<String> {
    (0..ROWS).map(|number| format!("row {number:03}")).collect()
}

#[test]
fn after_a_crash_at_any_call_the_output_is_that_of_a_straight_run() {
    let straight = tempfile::tempdir().unwrap();
    let count = CrashingFiles::new(None);
    attempt(&planned(straight.path(), &count), 2, &mut None).unwrap();
    assert_eq!(visible(&straight.path().join("out")), expected());
    assert!(count.calls() > 40, "{}", count.calls());
    for crash_at in 0..count.calls() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let files_layer = CrashingFiles::new(Some(crash_at));
        let mut complete = None;
        let died = FileSink::new(&request(dir.path(), "out"), Arc::new(files_layer.clone()))
            .map_err(|error| Error::config(error.message))
            .and_then(|sink| attempt(&sink, 2, &mut complete));
        assert!(files_layer.crashed() && (died.is_err() || complete.is_some()), "call {crash_at}");
        files_layer.lose_unsynced();
        // Readers see each row at most once at any moment.
        let seen = visible(&out);
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "call {crash_at}: {seen:?}");
        attempt(&planned(dir.path(), &CrashingFiles::new(None)), 3, &mut complete).unwrap();
        assert_eq!(visible(&out), expected(), "call {crash_at}");
        let hidden: Vec<_> = files(&out).into_keys().filter(|name| name.starts_with('.')).collect();
        assert!(hidden.len() == 1 && hidden[0].starts_with(".run-"), "call {crash_at}: {hidden:?}");
    }
}

/// The files staged by a run that never was in a checkpoint are removed by the job's next start, unless that leaves an
/// earlier state to be restored; never by another job.
#[test]
fn what_a_dead_run_had_staged_goes_with_the_next_start_of_its_own_job_only() {
    let dir = tempfile::tempdir().unwrap();
    let (out, layer) = (dir.path().join("out"), CrashingFiles::new(None));
    let dead = planned(dir.path(), &layer);
    dead.committer().unwrap().recover(&[], OWNER).unwrap();
    let mut writer = dead.create(&context(0, 1, None)).unwrap();
    writer.process(0, row(0), &mut Nowhere).unwrap();
    writer.snapshot(CheckpointId(1)).unwrap();
    drop((writer, dead));
    let hidden = || files(&out).into_keys().filter(|name| name.starts_with('.')).collect::<Vec<_>>();
    let start = |owner| {
        let sink = planned(dir.path(), &layer);
        sink.committer().unwrap().recover(&[], owner).unwrap();
        sink.create(&context(0, 1, None)).unwrap();
    };
    let left = [".part-1-0-0.text.pending", ".run-1"];
    for owner in [SinkOwner { id: Some(8), ..OWNER }, SinkOwner { alone: false, ..OWNER }, SinkOwner::default()] {
        start(owner);
        assert!(left.iter().all(|name| hidden().contains(&(*name).to_owned())), "{owner:?}: {:?}", hidden());
    }
    start(OWNER);
    assert!(!left.iter().any(|name| hidden().contains(&(*name).to_owned())), "{:?}", hidden());
}

#[test]
fn a_restart_within_the_process_removes_what_its_attempt_had_staged() {
    let dir = tempfile::tempdir().unwrap();
    let sink = planned(dir.path(), &CrashingFiles::new(None));
    {
        let mut writer = sink.create(&context(0, 1, None)).unwrap();
        writer.process(0, row(0), &mut Nowhere).unwrap();
        writer.snapshot(CheckpointId(1)).unwrap();
        writer.process(0, row(1), &mut Nowhere).unwrap();
    }
    attempt(&sink, 1, &mut None).unwrap();
    let names: Vec<_> = files(&dir.path().join("out")).into_keys().collect();
    insta::assert_snapshot!(names.join("\n"), @"
    .run-1
    part-1-0-1.text
    part-1-0-2.text
    part-1-0-3.text
    part-1-0-4.text
    part-1-0-5.text
    ");
}

/// Two failures without a checkpoint between them: what the first attempt staged must not look like what the checkpoint
/// had committed.
#[test]
fn a_checkpoint_that_is_restored_twice_meets_no_other_file_of_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let sink = planned(dir.path(), &CrashingFiles::new(None));
    let committer = sink.committer().unwrap();
    let mut complete = Checkpoint { id: 1, rows: 1, ..Checkpoint::default() };
    let mut writer = sink.create(&context(0, 1, None)).unwrap();
    writer.process(0, row(0), &mut Nowhere).unwrap();
    complete.take(0, 1, &writer.snapshot(CheckpointId(1)).unwrap());
    for failure in 0..3 {
        let commits = complete.state.commits();
        committer.recover(&commits, OWNER).unwrap_or_else(|error| panic!("failure {failure}: {error}"));
        let mut writer = sink.create(&context(0, 1, Some(&complete))).unwrap();
        writer.process(0, row(1), &mut Nowhere).unwrap();
        writer.process(0, row(2), &mut Nowhere).unwrap();
        // Its checkpoint never becomes durable.
        writer.snapshot(CheckpointId(2 + failure)).unwrap();
    }
    attempt(&sink, 1, &mut Some(complete)).unwrap();
    assert_eq!(visible(&dir.path().join("out")), expected());
}

#[test]
fn another_run_and_another_sink_never_touch_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let layer = CrashingFiles::new(None);
    attempt(&planned(dir.path(), &layer), 1, &mut None).unwrap();
    let before = files(&dir.path().join("out"));
    // A job that lives, a file in progress and one pending, while another starts, runs and ends.
    let living = planned(dir.path(), &layer);
    let mut writer = living.create(&context(0, 1, None)).unwrap();
    writer.process(0, row(100), &mut Nowhere).unwrap();
    let delta = writer.snapshot(CheckpointId(1)).unwrap();
    writer.process(0, row(101), &mut Nowhere).unwrap();
    attempt(&planned(dir.path(), &layer), 1, &mut None).unwrap();
    let after = files(&dir.path().join("out"));
    let kept = |(name, content): (&String, &String)| name == ".run-1" || after.get(name) == Some(content);
    assert!(before.iter().all(kept));
    let entries: Vec<_> = delta
        .changes
        .into_iter()
        .filter_map(|change| match change {
            StateChange::Commit { entry } => Some(entry),
            StateChange::Operator { .. }
            | StateChange::Upsert { .. }
            | StateChange::Remove { .. }
            | StateChange::Deferred { .. }
            | StateChange::DropNamespace { .. } => None,
        })
        .collect();
    living.committer().unwrap().commit(&entries).unwrap();
    assert!(visible(&dir.path().join("out")).contains(&"row 100".to_owned()));
}

/// Bad inputs 36 and 37, and state that was tampered with.
#[test]
fn what_is_not_what_was_staged_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let sink = planned(dir.path(), &CrashingFiles::new(None));
    let mut writer = sink.create(&context(0, 1, None)).unwrap();
    let committer = sink.committer().unwrap();
    let mut stage = |id: u64| {
        writer.process(0, row(0), &mut Nowhere).unwrap();
        match writer.snapshot(CheckpointId(id)).unwrap().changes.pop() {
            Some(StateChange::Commit { entry }) => entry,
            _ => panic!("no commit"),
        }
    };
    let refused = |entry: &[u8]| {
        committer.commit(&[entry.to_vec()]).unwrap_err().to_string().replace(&*dir.path().to_string_lossy(), "DIR")
    };
    let entry = stage(1);
    committer.commit(std::slice::from_ref(&entry)).unwrap();
    committer.commit(std::slice::from_ref(&entry)).unwrap();
    fs::remove_file(out.join("part-1-0-1.text")).unwrap();
    insta::assert_snapshot!(refused(&entry), @"DIR/out/part-1-0-1.text: is lost: it was to be committed with this checkpoint, and '.part-1-0-0.text.pending', where its rows were, is gone too");

    let entry = stage(2);
    let outside = dir.path().join("outside");
    fs::write(&outside, "row 000\n").unwrap();
    fs::remove_file(out.join(".part-1-0-1.text.pending")).unwrap();
    std::os::unix::fs::symlink(&outside, out.join(".part-1-0-1.text.pending")).unwrap();
    insta::assert_snapshot!(refused(&entry), @"DIR/out/.part-1-0-1.text.pending: is not the file of 8 bytes that was staged here");
    committer.recover(&[], OWNER).unwrap();
    assert!(outside.exists());

    let entry = stage(3);
    fs::write(out.join("part-1-0-3.text"), "somebody's").unwrap();
    insta::assert_snapshot!(refused(&entry), @"DIR/out/part-1-0-3.text: exists already; it is not overwritten with what was staged for it");
    assert_eq!(fs::read_to_string(out.join("part-1-0-3.text")).unwrap(), "somebody's");

    let foreign = br#"{"version":1,"staged":"../outside","name":"part-1-0-1.text","bytes":8}"#;
    insta::assert_snapshot!(refused(foreign), @"'../outside' is not a file of a file sink");
    let later = br#"{"version":9,"staged":".part-1-0-1.text.pending","name":"part-1-0-1.text","bytes":8}"#;
    insta::assert_snapshot!(refused(later), @"an entry of a file sink is of version 9; this build reads 1");
}

#[test]
fn a_name_that_is_taken_is_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let sink = planned(dir.path(), &CrashingFiles::new(None));
    let mut writer = sink.create(&context(0, 1, None)).unwrap();
    fs::write(dir.path().join("out/part-1-0-1.text"), "somebody's").unwrap();
    writer.process(0, row(0), &mut Nowhere).unwrap();
    let delta = writer.snapshot(CheckpointId(1)).unwrap();
    let Some(StateChange::Commit { entry }) = delta.changes.last() else { panic!("no commit") };
    assert!(String::from_utf8_lossy(entry).contains("part-1-0-1-2.text"));
}

#[test]
fn no_rows_make_no_file_and_a_changelog_shows_its_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let request = SinkRequest { changelog: ChangelogMode::Retract(None), ..request(dir.path(), "out") };
    let sink = FileSink::new(&request, Arc::new(OsFiles)).unwrap();
    let mut writer = sink.create(&context(0, 1, None)).unwrap();
    assert_eq!(writer.snapshot(CheckpointId(1)).unwrap().changes.len(), 1);
    writer.process(0, row(7).with_kinds(Some(vec![RowKind::Delete as i8].into())), &mut Nowhere).unwrap();
    writer.end_of_input(0, &mut Nowhere).unwrap();
    let delta = writer.snapshot(CheckpointId(2)).unwrap();
    let Some(StateChange::Commit { entry }) = delta.changes.last() else { panic!("no commit") };
    sink.committer().unwrap().commit(std::slice::from_ref(entry)).unwrap();
    assert_eq!(visible(&dir.path().join("out")), ["-Drow 007"]);
}

#[test]
fn a_target_that_is_no_directory_is_refused_at_its_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    let refused = |request: &SinkRequest| {
        let error = sink(request).unwrap_err();
        assert!(error.span.is_some());
        error.to_string()
    };
    insta::assert_snapshot!(refused(&request(dir.path(), "file")), @"'file' is not a directory (a file sink writes part files into a directory: give the name of one)");
    insta::assert_snapshot!(refused(&request(dir.path(), "/dev/null")), @"'/dev/null' is not a directory (a file sink writes part files into a directory: give the name of one)");
    insta::assert_snapshot!(refused(&request(dir.path(), "")), @"this is not a path");
    insta::assert_snapshot!(refused(&SinkRequest { target: None, ..request(dir.path(), "") }), @"the connector `file` needs a directory (such as `into file 'out/rows'`)");
}

/// Bad input 38.
#[test]
fn a_directory_that_goes_while_running_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let sink = planned(dir.path(), &CrashingFiles::new(None));
    let mut writer = sink.create(&context(0, 1, None)).unwrap();
    fs::remove_dir_all(dir.path().join("out")).unwrap();
    let error = writer.process(0, row(0), &mut Nowhere).unwrap_err().to_string();
    assert!(error.contains("out/.part-1-0-0.text.inprogress"), "{error}");
}
