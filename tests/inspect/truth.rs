//! Every number that the eight panels and their `--json` twins show, computed from the rows of the input alone, at ten
//! moments of three jobs: while they run, after a kill, after a restore of an older checkpoint, after a rescale.
//!
//! A moment is a held job that has nothing under way: it has read a number of rows of a file that one reader reads, and
//! all else follows from which rows these are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lotic::inspect::{JobStatus, JobView, StateQuery, SubtaskView};
use lotic::runtime::{Executor, Job};
use lotic::types::key_group;
use serde_json::{Value, json};

use super::common::{Bid, TestSession, bids, ndjson, source};
use super::model::{KEY_GROUPS, Query, Truth, is_broken, iso, truth, write};
use super::{execute, job, listing, until};

/// More than are read before the last moment.
const ROWS: u64 = 300_000;

/// A job, its input, and how far its attempt goes back.
struct Watched {
    test: TestSession,
    query: Query,
    input: Vec<Bid>,
    since: usize,
    parallelism: usize,
    /// Whether each subtask's counters are its own: after a rescale those of a vertex are dealt out anew.
    rescaled: bool,
    checkpoints: Vec<(u64, &'static str)>,
    restarts: u32,
    moments: usize,
    _directory: tempfile::TempDir,
}

impl Watched {
    fn new(executor: Executor, query: Query, seed: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // Fewer late rows than there are amounts of lateness told apart.
        let input = bids(seed, ROWS, 12, 20, 1_000, 3_000, 60_000);
        let mut lines: Vec<String> = ndjson(&input).lines().map(str::to_owned).collect();
        for (at, line) in lines.iter_mut().enumerate().filter(|(at, _)| is_broken(query, *at)) {
            *line = format!("broken at {at}");
        }
        write(directory.path(), &lines);
        let mut test = TestSession::new(directory.path(), |settings| {
            settings.executor = executor;
            settings.batch_rows = 8;
        });
        let stages = match query {
            Query::Windows { size_ms, every_ms } => {
                format!("window hop({size_ms}ms, {every_ms}ms) | aggregate count(*) as n, sum(price) as total")
            }
            Query::Counts => "aggregate count(*) as n, sum(price) as total".to_owned(),
        };
        let declared = source(&directory.path().join("bids.ndjson.gz"), " with (on_error = 'skip')");
        execute(
            &mut test,
            &format!(
                "{declared} run hot with (parallelism = 2, retained_checkpoints = 10)
                   = bids | key_by auction | {stages} | into print;"
            ),
        );
        let parallelism = 2;
        let (checkpoints, restarts, moments, rescaled) = (Vec::new(), 0, 0, false);
        Self {
            test,
            query,
            input,
            since: 0,
            parallelism,
            rescaled,
            checkpoints,
            restarts,
            moments,
            _directory: directory,
        }
    }

    fn job(&self) -> Arc<Job> {
        job(&self.test)
    }

    /// Lets it read `rows` more at least, holds it, and compares everything. Returns the lines read.
    fn moment(&mut self, what: &str, rows: u64) -> usize {
        let from = self.job().view().source_rows;
        if self.job().view().status == JobStatus::Paused {
            execute(&mut self.test, "resume hot;");
        }
        // Looked for often: a fast machine must not come to the end of the input meanwhile.
        let job = self.job();
        for _ in 0..30_000 {
            if job.fresh_view().source_rows >= from + rows {
                break;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        execute(&mut self.test, "pause hot;");
        self.compare(what)
    }

    fn compare(&mut self, what: &str) -> usize {
        let view = settled(&self.job());
        let lines = usize::try_from(view.source_rows).unwrap();
        assert!(lines < self.input.len(), "{what}: held before its end, not behind {lines} lines");
        let truth = truth(self.query, &self.input, lines, self.since, self.parallelism);
        self.counters(what, &view, &truth);
        self.windows(what, &view, &truth);
        self.state(what, &truth);
        self.happened(what, &view);
        self.twins(what, &truth);
        self.moments += 1;
        lines
    }

    /// Graph, subtasks, watermarks.
    fn counters(&self, what: &str, view: &JobView, truth: &Truth) {
        let [reads, keyed] = &view.vertices[..] else { panic!("{what}: {:?}", view.vertices.len()) };
        let lines = truth.lines as u64;
        assert_eq!(sum(&reads.subtasks, |s| s.rows_in), lines, "{what}: lines read");
        assert_eq!(sum(&reads.subtasks, |s| s.rows_out), lines - truth.rejected, "{what}: rows sent");
        assert_eq!(sum(&reads.subtasks, |s| s.rejected_rows), truth.rejected, "{what}: rejected");
        assert_eq!(view.edges[0].rows, lines - truth.rejected, "{what}: rows over the edge");
        assert_eq!(view.sink_rows, truth.keyed.iter().map(|keyed| keyed.rows_out).sum::<u64>(), "{what}: written");
        let own = |subtask: &SubtaskView| (subtask.rows_in, subtask.rows_out, subtask.late_rows);
        let expected: Vec<_> = truth.keyed.iter().map(|keyed| (keyed.rows_in, keyed.rows_out, keyed.late)).collect();
        let found: Vec<_> = keyed.subtasks.iter().map(own).collect();
        if self.rescaled {
            let add = |all: &[(u64, u64, u64)]| all.iter().fold((0, 0, 0), |s, n| (s.0 + n.0, s.1 + n.1, s.2 + n.2));
            assert_eq!(add(&found), add(&expected), "{what}: in, out and late of all subtasks");
        } else {
            assert_eq!(found, expected, "{what}: in, out and late of each subtask");
        }
        assert_eq!(keyed.subtasks.len(), self.parallelism, "{what}");
        for subtask in &keyed.subtasks {
            assert_eq!(subtask.watermark, truth.watermark, "{what}: the watermark");
        }
        let newest = reads.subtasks.iter().filter_map(|subtask| subtask.newest_event_time).max();
        assert_eq!(newest, truth.newest, "{what}: the newest event time");
    }

    fn windows(&self, what: &str, view: &JobView, truth: &Truth) {
        let Query::Windows { size_ms, .. } = self.query else { return };
        for (subtask, truth) in view.vertices[1].subtasks.iter().zip(&truth.keyed) {
            let operator = subtask.operators.iter().find(|operator| operator.windows().is_some()).expect("windows");
            let windows = operator.windows().expect("windows");
            assert_eq!(operator.timers(), truth.open.len() as u64, "{what}: timers");
            assert_eq!(windows.left_out, 0, "{what}");
            let found: Vec<_> = windows
                .open
                .iter()
                .map(|window| (window.start, window.end, window.keys, window.keys_at_least, window.rows))
                .collect();
            let expected: Vec<_> = truth
                .open
                .iter()
                .map(|(&end, keys)| (end - size_ms, end, keys.len() as u64, false, truth.open_rows[&end]))
                .collect();
            assert_eq!(found, expected, "{what}: open windows of subtask {}", subtask.index);
            for (window, (_, keys)) in windows.open.iter().zip(&truth.open).filter(|(w, _)| !w.entries.is_empty()) {
                for entry in &window.entries {
                    let (n, total) = keys[&number(entry.key[0].as_str())];
                    let found: Vec<Value> = entry.values.iter().map(lotic::types::CellValue::to_json).collect();
                    assert_eq!(found, [json!(n), json!(total)], "{what}: {entry:?}");
                }
            }
            let late: BTreeMap<i64, u64> = operator
                .lateness()
                .map(|late| late.by_lateness.iter().map(|one| (one.late_by_ms, one.rows)).collect())
                .unwrap_or_default();
            // Those of an attempt that begins anew are counted from there.
            if self.since == 0 && !self.rescaled {
                assert_eq!(late, truth.late_by, "{what}: how late");
            }
        }
    }

    fn state(&self, what: &str, truth: &Truth) {
        let states = self.job().state(&StateQuery { limit: 10_000, ..StateQuery::default() }).expect("shown");
        let mut expected: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
        expected.extend(truth.keyed.iter().flat_map(|keyed| keyed.state.clone()));
        let [state] = &states[..] else {
            assert!(states.is_empty() && expected.is_empty(), "{what}: {states:?}");
            return;
        };
        assert_eq!((state.entries, state.matching), (expected.len() as u64, expected.len() as u64), "{what}: entries");
        let place = |name: &str| state.columns.iter().position(|column| column.name == name);
        let (Some(n), Some(total)) = (place("count(*)"), place("sum(price)")) else {
            panic!("{what}: the columns say what they hold: {:?}", state.columns)
        };
        for row in &state.rows {
            let key = (row.namespace.unwrap_or(0), number(row.values[0].as_str()));
            let found = (number(row.values[n].as_str()), number(row.values[total].as_str()));
            assert_eq!(Some(&found), expected.get(&key), "{what}: state of {key:?}");
        }
        assert_eq!(state.rows.len(), expected.len(), "{what}");
        for group in &state.key_groups {
            assert_eq!(group.subtask, key_group::subtask_of(group.key_group, self.parallelism, KEY_GROUPS), "{what}");
        }
    }

    /// Checkpoints, restarts and the log.
    fn happened(&self, what: &str, view: &JobView) {
        let found: Vec<_> = view.checkpoints.iter().map(|taken| (taken.id, taken.status.name())).collect();
        assert_eq!(found, self.checkpoints, "{what}: checkpoints");
        assert_eq!(view.restarts_in_all(), self.restarts, "{what}: restarts");
        assert_eq!((view.parallelism, view.cause.is_some()), (self.parallelism, view.restarts > 0), "{what}");
        for taken in view.checkpoints.iter().filter(|taken| taken.was_completed()) {
            assert!(taken.delta_bytes <= taken.full_bytes, "{what}: {taken:?}");
        }
        let sequences = view.events.iter().map(|event| event.sequence);
        assert!(sequences.eq(1..=view.events.len() as u64), "{what}: {:?}", super::events(view));
    }

    /// The commands that print the same, as JSON.
    fn twins(&mut self, what: &str, truth: &Truth) {
        let mut json = |command: &str| listing(&mut self.test, &format!("{command} hot --json;")).to_json();
        let graph = json("graph");
        let out: u64 = truth.keyed.iter().map(|keyed| keyed.rows_out).sum();
        let lines = truth.lines as u64;
        assert_eq!((&graph[0]["rows_in"], &graph[1]["rows_out"]), (&json!(lines), &json!(out)), "{what}");
        let edge = json!([{ "vertex": 0, "exchange": "hash", "columns": ["auction"], "rows": lines - truth.rejected }]);
        assert_eq!(graph[1]["inputs"], edge, "{what}");
        let subtasks = json("subtasks");
        let of =
            |name: &str| -> u64 { subtasks.as_array().unwrap().iter().map(|row| row[name].as_u64().unwrap()).sum() };
        assert_eq!(of("rejected"), truth.rejected, "{what}");
        assert_eq!(of("late"), truth.keyed.iter().map(|keyed| keyed.late).sum::<u64>(), "{what}");
        // A latency marker may be on its way when somebody looks.
        let is_quiet = |json: Value| json.as_array().unwrap().iter().all(|row| row["queue_waiting"] == 0);
        let looks = (0..100).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
            is_quiet(json("subtasks"))
        });
        assert!(looks, "{what}: nothing waits in a queue");
        let watermarks = json("watermarks");
        assert_eq!(watermarks.as_array().unwrap().last().unwrap()["watermark"], iso(truth.watermark), "{what}");
        let state = json("state");
        let entries: usize = truth.keyed.iter().map(|keyed| keyed.state.len()).sum();
        assert_eq!((&state["total"], &state["truncated"]), (&json!(entries), &json!(entries > 100)), "{what}");
        for row in state["rows"].as_array().unwrap() {
            let auction = row["key"]["auction"].as_i64().expect("a number");
            let found = (row["value"]["count(*)"].as_i64().unwrap(), row["value"]["sum(price)"].as_i64().unwrap());
            let mut known = truth.keyed.iter().flat_map(|keyed| &keyed.state);
            assert!(known.any(|((_, key), sums)| *key == auction && *sums == found), "{what}: {row}");
        }
        let output = json("output");
        for row in output["rows"].as_array().unwrap().iter().filter(|row| row["kind"] != "-U") {
            let of = |name: &str| row["row"][name].as_i64().expect("a number");
            let known = truth.written.iter().any(|(end, auction, n, total)| {
                let same_end = *end == 0 || row["row"]["window_end"] == iso(Some(*end));
                same_end && (*auction, *n, *total) == (of("auction"), of("n"), of("total"))
            });
            assert!(known, "{what}: {row}");
        }
        assert_eq!(output["total"], json!(out), "{what}");
        let log = json("log");
        assert_eq!((&log["truncated"], log["rows"].as_array().unwrap().is_empty()), (&json!(false), false), "{what}");
        let checkpoints = json("checkpoints");
        let ids: Vec<u64> =
            checkpoints.as_array().unwrap().iter().map(|row| row["checkpoint"].as_u64().unwrap()).collect();
        assert_eq!(ids, self.checkpoints.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "{what}");
        let windows = listing(&mut self.test, "windows hot --json;").to_json();
        let open = windows["rows"].as_array().unwrap().iter().filter(|row| row["state"] == "open");
        let open: BTreeSet<(String, u64, u64)> = open
            .map(|row| {
                let end = row["window_end"].as_str().unwrap().to_owned();
                (end, row["keys"].as_u64().unwrap(), row["rows_in"].as_u64().unwrap())
            })
            .collect();
        let expected = truth.keyed.iter().flat_map(|keyed| {
            let rows = |end: &i64| keyed.open_rows[end];
            keyed
                .open
                .iter()
                .map(move |(end, keys)| (iso(Some(*end)).as_str().unwrap().to_owned(), keys.len() as u64, rows(end)))
        });
        assert_eq!(open, expected.collect(), "{what}: windows");
    }

    fn checkpoint(&mut self) {
        execute(&mut self.test, "checkpoint hot;");
        self.checkpoints.push((self.checkpoints.len() as u64 + 1, "completed"));
    }
}

fn sum(subtasks: &[SubtaskView], of: impl Fn(&SubtaskView) -> u64) -> u64 {
    subtasks.iter().map(of).sum()
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}

/// The job when nothing is under way in it any more: it is held, and shows the same three times.
fn settled(job: &Job) -> Arc<JobView> {
    let rows = |view: &JobView| -> Vec<(u64, u64, u64)> {
        let subtasks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
        subtasks.map(|subtask| (subtask.rows_in, subtask.rows_out, subtask.queue.0)).collect()
    };
    let (mut last, mut same) = (job.view(), 0);
    for _ in 0..1_000 {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
        let now = job.view();
        same = if rows(&now) == rows(&last) && rows(&now).iter().all(|subtask| subtask.2 == 0) { same + 1 } else { 0 };
        last = now;
        // A machine that is busy with other things may let a subtask rest too: then the watermarks are not the same yet.
        let arrived = {
            let sent = last.vertices[0].subtasks.iter().filter_map(|subtask| subtask.watermark).max();
            last.vertices[1].subtasks.iter().all(|subtask| subtask.watermark == sent)
        };
        if same >= if arrived { 3 } else { 50 } {
            return job.fresh_view();
        }
    }
    panic!("it does not come to rest: {:?}", rows(&last));
}

#[test]
fn every_number_follows_from_the_input() {
    let mut moments = 0;
    for executor in [Executor::Stepping { seed: 3 }, Executor::Threaded] {
        let mut tumbles = Watched::new(executor, Query::Windows { size_ms: 10_000, every_ms: 10_000 }, 1);
        tumbles.moment("tumbling windows, early", 300);
        tumbles.moment("tumbling windows", 1_500);
        tumbles.checkpoint();
        tumbles.moment("tumbling windows behind a checkpoint", 1_500);

        let mut hops = Watched::new(executor, Query::Windows { size_ms: 10_000, every_ms: 2_000 }, 2);
        hops.moment("hopping windows", 1_500);
        hops.checkpoint();
        let older = hops.compare("hopping windows behind a checkpoint");
        hops.moment("hopping windows, later", 1_000);
        hops.checkpoint();
        let newer = hops.compare("hopping windows behind a second checkpoint");
        execute(&mut hops.test, "kill subtask 1[1] of hot;");
        until(&hops.job(), "it runs again", |view| super::has_event(view, "restored from checkpoint 2"));
        (hops.restarts, hops.since) = (1, newer);
        hops.moment("after a kill", 500);
        execute(&mut hops.test, "restore hot from checkpoint 1;");
        hops.since = older;
        let at = hops.moment("restored from the older checkpoint", 500);
        let view = hops.job().view();
        assert!(super::has_event(&view, "killed by command") && super::has_event(&view, "restored from checkpoint 1"));
        execute(&mut hops.test, "rescale hot to 3;");
        until(&hops.job(), "it runs at 3", |view| super::has_event(view, "at parallelism 3"));
        hops.checkpoints.push((3, "completed"));
        (hops.parallelism, hops.rescaled) = (3, true);
        hops.since = at;
        hops.moment("rescaled", 500);

        let mut counts = Watched::new(executor, Query::Counts, 3);
        counts.moment("running counts and bad lines", 700);
        counts.moment("running counts and bad lines, later", 1_500);
        moments += tumbles.moments + hops.moments + counts.moments;
    }
    assert!(moments >= 20, "{moments} moments");
}
