//! What a running job shows of itself: each field of the views, filled by real jobs, under both executors.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
#[path = "inspect/model.rs"]
mod model;
#[path = "inspect/truth.rs"]
mod truth;

use std::path::Path;
use std::sync::Arc;

use common::{EPOCH_MS, TestSession, bids, ndjson, source};
use lotic::inspect::{JobStatus, JobView, OperatorView, Severity, StateOrigin, StateQuery, SubtaskStatus, SubtaskView};
use lotic::runtime::{Executor, Job};
use lotic::session::{Listing, Outcome, listings};

/// Never ends by itself within a test: ten thousand bids a second.
const ENDLESS: &str = "source bids from nexmark 'bid' with (events = 100000000, rate = 10000, seed = 7);\n";

fn execute(test: &mut TestSession, script: &str) -> Vec<Outcome> {
    let statements = test.session.parse(script).expect("parses");
    let run = |statement: &lotic::types::Spanned<lotic::lang::ast::Statement>| {
        lotic::commands::execute(&mut test.session, &statement.node).expect("runs")
    };
    statements.iter().map(run).collect()
}

fn job(test: &TestSession) -> Arc<Job> {
    Arc::clone(&test.session.jobs().next().expect("a job").job)
}

fn listing(test: &mut TestSession, script: &str) -> Listing {
    match execute(test, script).pop() {
        Some(Outcome::Listing(listing)) => listing,
        other => panic!("{script}: {other:?}"),
    }
}

/// Looks until `seen`, as a dashboard does, at most half a minute.
#[track_caller]
fn until(job: &Job, what: &str, seen: impl Fn(&JobView) -> bool) -> Arc<JobView> {
    for _ in 0..600 {
        let view = job.view();
        if seen(&view) {
            return view;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    panic!("{what}: {:#?}", job.view());
}

fn subtasks(view: &JobView) -> impl Iterator<Item = &SubtaskView> {
    view.vertices.iter().flat_map(|vertex| &vertex.subtasks)
}

fn operators(view: &JobView) -> impl Iterator<Item = &OperatorView> {
    subtasks(view).flat_map(|subtask| subtask.operators.iter())
}

fn events(view: &JobView) -> Vec<String> {
    view.events.iter().map(|event| format!("{}: {}", event.subject, event.message)).collect()
}

fn has_event(view: &JobView, part: &str) -> bool {
    events(view).iter().any(|event| event.contains(part))
}

#[test]
fn a_running_job_shows_every_part_of_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    execute(
        &mut test,
        &format!(
            "{ENDLESS}run hot with (parallelism = 2, checkpoint = 200ms) = bids | key_by auction | window hop(10s, 2s)
               | aggregate count(*) as n, max(price) as top | into print;"
        ),
    );
    let job = job(&test);
    let view = until(&job, "everything is shown", |view| {
        let windows = || operators(view).flat_map(OperatorView::open_windows);
        view.edges.iter().any(|edge| edge.rows > 0)
            && windows().any(|window| window.rows > 0 && !window.entries.is_empty())
            && operators(view).any(|operator| !operator.fired_windows().is_empty() && !operator.hot_keys().is_empty())
            && subtasks(view).any(|subtask| !subtask.output.is_empty())
            && subtasks(view).any(|subtask| subtask.latency.is_some())
            && subtasks(view).all(|subtask| subtask.acknowledged.is_some())
    });
    assert_eq!((view.max_parallelism, view.checkpoint_interval_ms), (128, Some(200)));
    assert!(view.next_checkpoint_ms.is_some_and(|due| due > view.uptime_ms));
    assert_eq!(events(&view)[0], "job: started at parallelism 2");
    // The source knows its newest event time, those behind it where their watermarks come from.
    let of_sources = || view.vertices.iter().filter(|vertex| vertex.source).flat_map(|vertex| &vertex.subtasks);
    assert!(of_sources().any(|subtask| subtask.newest_event_time >= subtask.watermark));
    assert!(of_sources().all(|subtask| subtask.inputs.is_empty()));
    let hashed = view.edges.iter().find(|edge| edge.exchange.to_string() == "hash[auction]").expect("the keyed edge");
    let behind = &view.vertices[hashed.to];
    for subtask in &behind.subtasks {
        let from: Vec<_> = subtask.inputs.iter().map(|input| (input.vertex, input.subtask)).collect();
        assert_eq!(from, [(hashed.from, 0), (hashed.from, 1)]);
    }
    // Rows on an edge are those that its reader has taken, or is about to.
    let taken: u64 = behind.subtasks.iter().map(|subtask| subtask.rows_in).sum();
    assert!(hashed.rows >= taken && taken > 0, "{} over the edge, {taken} taken", hashed.rows);
    let operator =
        operators(&view).find(|operator| operator.open_windows().iter().any(|w| !w.entries.is_empty())).unwrap();
    let windows = operator.windows().expect("a window operator");
    assert_eq!(
        (&windows.keys[..], &windows.values[..]),
        (&["auction".to_owned()][..], &["n".to_owned(), "top".to_owned()][..])
    );
    assert!(operator.open_windows().is_sorted_by_key(|window| (!window.fired, window.end)));
    assert_eq!(operator.timers(), operator.open_windows().iter().filter(|window| !window.fired).count() as u64);
    for entry in operator.open_windows().iter().flat_map(|window| &window.entries) {
        assert_eq!((entry.key.len(), entry.values.len()), (1, 2));
        assert!(entry.values.iter().all(|value| value.as_str().parse::<i64>().is_ok()), "{entry:?}");
    }
    let sink = view.vertices.iter().find(|vertex| vertex.sink).expect("a sink");
    assert_eq!(sink.columns, ["auction", "window_start", "window_end", "n", "top"]);
    let row = sink.subtasks.iter().flat_map(|subtask| &subtask.output).next().expect("a row");
    assert_eq!((row.kind.as_str(), row.values.len()), ("+I", 5));

    let view = job.fresh_view();
    for (name, rows) in
        [("graph", view.vertices.len()), ("subtasks", subtasks(&view).count()), ("watermarks", subtasks(&view).count())]
    {
        assert_eq!(listing(&mut test, &format!("{name} hot --json;")).rows.len(), rows, "{name}");
    }
    for name in ["windows", "checkpoints", "output", "log"] {
        assert!(!listing(&mut test, &format!("{name} hot;")).rows.is_empty(), "{name}");
    }
    job.cancel();
    assert_eq!(job.wait(Some(10_000)), Some(JobStatus::Cancelled));
    assert!(has_event(&job.view(), "cancelled"));
}

/// Nobody looks at the job meanwhile: the file says what each moment has to say.
#[test]
fn trends_go_on_while_nobody_looks() {
    const DELAY_MS: i64 = 4_000;
    let directory = tempfile::tempdir().expect("a directory");
    let rows = |from: i64, to: i64| -> String {
        let row = |i| format!("{{\"at\":\"2026-01-01T00:00:{:02}\",\"n\":{i}}}\n", i % 60);
        (from..to).map(row).collect()
    };
    let file = directory.path().join("in.ndjson");
    std::fs::write(&file, rows(0, 40)).expect("written");
    let mut test = TestSession::new(directory.path(), |_| {});
    execute(
        &mut test,
        "source s from file 'in.ndjson' columns (at timestamp, n bigint) event_time at watermark 4s with (follow = true);
         run hot with (parallelism = 1) = s | into blackhole;",
    );
    let job = job(&test);
    let moment = |rows: u64| {
        for _ in 0..600 {
            if let Some(last) = job.trend().into_iter().find(|moment| moment.source_rows == rows) {
                return last;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        panic!("no moment of {rows} rows: {:?}", job.trend());
    };
    let first = moment(40);
    // Of rows in the order of their time the watermark is behind by the delay.
    assert_eq!(first.lag_ms, Some(DELAY_MS));
    std::io::Write::write_all(
        &mut std::fs::OpenOptions::new().append(true).open(&file).expect("opened"),
        rows(40, 55).as_bytes(),
    )
    .expect("appended");
    assert_eq!(moment(55).lag_ms, Some(DELAY_MS));
    for _ in 0..600 {
        if job.trend().len() >= 4 {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    let trend = job.trend();
    assert!(trend.len() >= 4, "{trend:?}");
    assert!(trend.windows(2).all(|pair| pair[1].at_ms - pair[0].at_ms >= 1_000), "one a second: {trend:?}");
    assert!(trend.iter().all(|moment| [0, 40, 55].contains(&moment.source_rows)), "{trend:?}");
    assert!(trend.iter().all(|moment| (moment.restarts, moment.parallelism) == (0, 1)));
    job.cancel();
}

#[test]
fn the_log_tells_the_life_of_a_job() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    execute(
        &mut test,
        &format!(
            "{ENDLESS}run hot with (parallelism = 2, checkpoint = 1h) = bids | key_by auction | window tumble(10s)
               | aggregate count(*) as n | into print;"
        ),
    );
    let job = job(&test);
    execute(&mut test, "checkpoint hot; pause hot; resume hot; savepoint hot to 'sp/1';");
    execute(&mut test, "kill subtask window[1] of hot;");
    until(&job, "it runs again", |view| has_event(view, "restored from checkpoint 2"));
    execute(&mut test, "rescale hot to 3;");
    let view = until(&job, "it runs at 3", |view| has_event(view, "at parallelism 3"));
    let seen: Vec<String> =
        events(&view).iter().map(|event| event.replace(&*directory.path().to_string_lossy(), "")).collect();
    let order = [
        "job: started at parallelism 2",
        "job: paused",
        "job: resumed",
        "savepoint: written to /sp/1, from checkpoint 2",
        "subtask 1[1]: killed by command",
        "job: restart 1 of 3: killed by command",
        "job: restored from checkpoint 2 at parallelism 2",
        "job: rescaled 2 → 3",
        "job: restored from checkpoint 3 at parallelism 3",
    ];
    assert_eq!(seen, order);
    assert!(view.events.iter().map(|event| event.sequence).eq(1..=order.len() as u64));
    assert_eq!(view.events[5].severity, Severity::Warning);
    assert_eq!(view.savepoints.len(), 1);
    assert_eq!((view.savepoints[0].checkpoint, view.savepoints[0].cause.as_ref()), (2, None));
    assert!(view.savepoints[0].directory.ends_with("sp/1"));

    let into_a_file = directory.path().join("taken");
    std::fs::write(&into_a_file, "x").unwrap();
    let statement = &test.session.parse("savepoint hot to 'taken';").expect("parses")[0];
    assert!(lotic::commands::execute(&mut test.session, &statement.node).is_err());
    // Refused before anything is written: there is nothing to list.
    assert_eq!(job.view().savepoints.len(), 1);
    // A place that only writing shows to be none.
    std::os::unix::fs::symlink(directory.path().join("nowhere"), directory.path().join("away")).unwrap();
    let statement = &test.session.parse("savepoint hot to 'away/sp';").expect("parses")[0];
    assert!(lotic::commands::execute(&mut test.session, &statement.node).is_err());
    let view = job.view();
    assert!(view.savepoints[1].cause.is_some(), "{:?}", view.savepoints);
    let rows = listing(&mut test, "checkpoints hot;").rows;
    assert!(rows.iter().any(|row| row[1] == "savepoint failed") && rows.iter().any(|row| row[1] == "savepoint"));

    execute(&mut test, "stop hot;");
    let view = job.view();
    assert_eq!(view.status, JobStatus::Finished);
    assert!(has_event(&view, "stopping") && has_event(&view, "finished"));
    assert_eq!(view.next_checkpoint_ms, None);
}

fn bids_file(directory: &Path, rows: u64, late_every: u64) -> String {
    let file = directory.join("bids.ndjson");
    std::fs::write(&file, ndjson(&bids(3, rows, 10, 20, 1_000, late_every, 60_000))).unwrap();
    source(&file, "")
}

#[test]
fn lost_rows_are_summed_up_with_the_row_that_caused_it() {
    for executor in [Executor::Threaded, Executor::Stepping { seed: 5 }] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut test = TestSession::new(directory.path(), |settings| settings.executor = executor);
        let source = bids_file(directory.path(), 5_000, 50);
        let mut file = std::fs::OpenOptions::new().append(true).open(directory.path().join("bids.ndjson")).unwrap();
        std::io::Write::write_all(&mut file, b"{\"auction\": broken\n").unwrap();
        let source = source.replace("watermark 4s", "watermark 4s with (on_error = 'skip')");
        let pipeline = "run lost with (parallelism = 2) = bids | key_by auction | window tumble(10s) | aggregate count(*) as n | into print;";
        let views = test.run(&format!("{source}{pipeline}")).expect("runs");
        let view = &views[0];
        let late = view.events.iter().filter(|event| event.message.contains("too late for")).collect::<Vec<_>>();
        assert!(!late.is_empty(), "{executor:?}: {:?}", events(view));
        for event in late {
            assert_eq!(event.severity, Severity::Warning);
            assert!(event.row.as_ref().is_some_and(|row| row.starts_with("auction=")), "{event:?}");
        }
        let rejected = view.events.iter().find(|event| event.message.contains("rejected by")).expect("a rejected row");
        assert_eq!(rejected.row.as_deref(), Some("{\"auction\": broken"));
        let kept = subtasks(view).flat_map(|subtask| &subtask.rejected).next().expect("the row");
        assert!(kept.place.ends_with("bids.ndjson:5001"), "{kept:?}");
    }
}

#[test]
fn a_job_that_fails_over_a_row_says_which() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bids.ndjson");
    let mut lines = ndjson(&bids(3, 10, 10, 20, 1_000, 0, 1));
    lines.push_str("not json at all\n");
    std::fs::write(&file, lines).unwrap();
    let mut test = TestSession::new(directory.path(), |_| {});
    let pipeline = "run failing with (restart_attempts = 0) = bids | map auction | into print;";
    execute(&mut test, &format!("{}{pipeline}", source(&file, "")));
    let job = job(&test);
    assert_eq!(job.wait(Some(60_000)), Some(JobStatus::Failed));
    let view = job.view();
    let last = view.events.last().expect("an event");
    assert_eq!((last.severity, last.row.as_deref()), (Severity::Error, Some("not json at all")), "{last:?}");
    assert!(last.message.contains("bids.ndjson:11"), "{last:?}");
}

const COUNTS: &str = "run hot with (parallelism = 2) = bids | key_by auction | aggregate count(*) as n | into print;";

#[test]
fn keyed_state_is_read_live_and_from_the_last_checkpoint() {
    for executor in [Executor::Threaded, Executor::Stepping { seed: 5 }] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut test = TestSession::new(directory.path(), |settings| settings.executor = executor);
        execute(&mut test, &format!("{ENDLESS}{COUNTS}"));
        let job = job(&test);
        until(&job, "rows flow", |view| view.source_rows > 5_000);
        execute(&mut test, "checkpoint hot; pause hot;");
        let query = StateQuery { limit: 5, ..StateQuery::default() };
        let live = job.state(&query).expect("shown");
        let [live] = &live[..] else { panic!("{live:?}") };
        assert_eq!(
            (live.name.as_str(), live.state.as_str(), live.origin),
            ("GroupAggregate", "accumulators", StateOrigin::Live)
        );
        let columns: Vec<_> = live.columns.iter().map(|column| (column.name.as_str(), column.key)).collect();
        assert_eq!(columns[0], ("auction", true));
        assert!(live.entries > 10 && live.matching == live.entries && live.rows.len() == 5, "{live:?}");
        let keys: Vec<i64> = live.rows.iter().map(|row| row.values[0].as_str().parse().unwrap()).collect();
        assert!(keys.is_sorted(), "numbers are ordered as numbers: {keys:?}");
        assert_eq!(live.key_groups.iter().map(|group| group.entries).sum::<u64>(), live.entries);
        assert!(live.key_groups.iter().all(|group| group.subtask == usize::from(group.key_group >= 64)));
        assert!(live.key_groups.iter().all(|group| group.bytes > 0));

        let stored = job.state(&StateQuery { checkpointed: true, ..query.clone() }).expect("shown");
        assert_eq!(stored[0].origin, StateOrigin::Checkpoint(1));
        assert!(stored[0].entries <= live.entries && stored[0].entries > 10);
        assert_eq!(stored[0].columns, live.columns);

        // One key: live and stored agree once nothing flows between the two.
        execute(&mut test, "checkpoint hot;");
        let key = live.rows[2].values[0].clone();
        let one = StateQuery { keys: vec![("auction".to_owned(), key.to_string())], limit: 5, ..StateQuery::default() };
        let live = job.state(&one).expect("shown").remove(0);
        let stored = job.state(&StateQuery { checkpointed: true, ..one.clone() }).expect("shown").remove(0);
        assert_eq!((live.matching, stored.origin), (1, StateOrigin::Checkpoint(2)));
        assert_eq!(live.rows, stored.rows);
        assert_eq!(live.rows[0].values[0], key);

        let shown = listing(&mut test, &format!("state hot where auction = {key};"));
        assert_eq!(shown.rows.len(), 1);
        assert_eq!(shown.for_people().rows[0][5], format!("auction={key}"));
        let some = listing(&mut test, &format!("state hot search '{key}' limit 1;"));
        assert_eq!(some.rows.len(), 1);
        assert!(!listing(&mut test, "state hot key_groups --json;").rows.is_empty());
        assert!(listing(&mut test, "state hot limit 1;").note.is_some_and(|note| note.contains("more of")));

        // Over, and from its directory.
        execute(&mut test, "stop hot;");
        let over = job.state(&one).expect("shown").remove(0);
        assert_eq!(over.origin, StateOrigin::Checkpoint(3));
        assert_eq!(over.rows, live.rows);
    }
}

#[test]
fn windows_show_their_slices_as_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    execute(
        &mut test,
        &format!(
            "{ENDLESS}run hot with (checkpoint = 1h) = bids | key_by auction | window hop(10s, 2s)
               | aggregate count(*) as n | into print;"
        ),
    );
    let job = job(&test);
    until(&job, "rows flow", |view| view.source_rows > 5_000);
    let state = job.state(&StateQuery { limit: 10_000, ..StateQuery::default() }).expect("shown").remove(0);
    assert_eq!((state.namespace.as_deref(), state.origin), (Some("slice_end"), StateOrigin::Live));
    let ends: Vec<i64> = state.rows.iter().map(|row| row.namespace.expect("a slice")).collect();
    assert!(ends.is_sorted() && ends.iter().all(|end| end % 2_000 == 0));
    // No checkpoint yet: nothing else can be read.
    assert!(job.state(&StateQuery { checkpointed: true, limit: 1, ..StateQuery::default() }).is_err());
}

/// What a statement that fails says.
fn refused(test: &mut TestSession, script: &str) -> String {
    let statement = &test.session.parse(script).expect("parses")[0];
    lotic::commands::execute(&mut test.session, &statement.node).expect_err("refused").to_string()
}

#[test]
fn what_has_finished_is_not_killed_and_a_kill_is_no_cause_of_an_end_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    let few = "source few from values with (rows = array[row(1), row(2)]) columns (auction bigint);";
    let both = "run both = bids | map auction | rebalance | union few | key_by auction | aggregate count(*) as n | into blackhole;";
    execute(&mut test, &format!("{ENDLESS}{few}{both}"));
    let both = job(&test);
    let view = until(&both, "one source is at its end", |view| {
        view.vertices.iter().any(|v| v.name.contains("few") && v.subtasks[0].status == SubtaskStatus::Finished)
    });
    let done = view.vertices.iter().find(|vertex| vertex.name.contains("few")).expect("a vertex").id;
    let said = refused(&mut test, &format!("kill subtask {done}[0] of both;"));
    assert!(said.contains("has finished"), "{said}");
    execute(&mut test, "kill taskmanager 1 of both;");
    until(&both, "it runs again", |view| view.restarts == 1 && view.status == JobStatus::Running);
    assert_eq!(both.view().cause.as_deref(), Some("killed by command"));
    execute(&mut test, "stop both;");
    assert_eq!((both.view().status, both.view().cause.clone()), (JobStatus::Finished, None));
    for kill in ["kill subtask 0[0] of both;", "kill taskmanager 1 of both;"] {
        let said = refused(&mut test, kill);
        assert!(said.contains("the job is finished"), "{said}");
    }
    execute(&mut test, "run again = bids | into blackhole; kill taskmanager 1 of again; cancel again;");
    let again = test.session.jobs().find(|entry| entry.name == "again").expect("a job").job.clone();
    assert_eq!(again.wait(Some(10_000)), Some(JobStatus::Cancelled));
    assert_eq!(again.view().cause, None);
}

#[test]
fn the_past_of_a_job_is_there_after_a_restore_and_its_checkpoints_in_another_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let declared = format!(
        "{ENDLESS}run hot with (parallelism = 2, retained_checkpoints = 2)
           = bids | key_by auction | aggregate count(*) as n | into blackhole;"
    );
    let taken = |view: &JobView| view.checkpoints.iter().map(|c| (c.id, c.status.name())).collect::<Vec<_>>();
    {
        let mut test = TestSession::new(directory.path(), |_| {});
        execute(
            &mut test,
            &format!("{declared} checkpoint hot; checkpoint hot; savepoint hot to 'sp'; checkpoint hot;"),
        );
        let explained = |test: &mut TestSession| match execute(test, "explain hot;").pop() {
            Some(Outcome::Text(shown)) => shown,
            other => panic!("{other:?}"),
        };
        assert!(!explained(&mut test).contains("[2]"));
        execute(&mut test, "rescale hot to 3;");
        assert!(explained(&mut test).contains("[2]"), "the third subtask: {}", explained(&mut test));
        execute(&mut test, "restore hot from checkpoint 4;");
        let view = job(&test).view();
        let expected = [(1, "discarded"), (2, "discarded"), (3, "discarded"), (4, "completed"), (5, "completed")];
        assert_eq!(taken(&view), expected);
        assert_eq!(view.savepoints.iter().map(|savepoint| savepoint.checkpoint).collect::<Vec<_>>(), [3]);
        assert!(has_event(&view, "rescaled 2 → 3") && has_event(&view, "cancelled"));
        assert!(has_event(&view, "restored from checkpoint 4 at parallelism 3"), "{:?}", events(&view));
        // The newer one is there to be restored.
        execute(&mut test, "restore hot from checkpoint 5; stop hot;");
    }
    let mut test = TestSession::new(directory.path(), |settings| {
        settings.restore = Some(lotic::session::RestoreFrom::Latest);
    });
    execute(&mut test, &declared);
    let view = job(&test).view();
    assert_eq!(taken(&view), [(5, "completed"), (6, "completed")]);
    assert!(view.checkpoints.iter().all(|checkpoint| checkpoint.triggered_ms > EPOCH_MS));
}

#[test]
fn rejected_rows_are_counted_when_those_around_them_flow() {
    let directory = tempfile::tempdir().expect("a directory");
    let broken = |at: usize| at % 7 == 3;
    let mut lines: Vec<String> = ndjson(&bids(3, 2_000, 10, 20, 0, 0, 1)).lines().map(str::to_owned).collect();
    for (at, line) in lines.iter_mut().enumerate().filter(|(at, _)| broken(*at)) {
        // Some can't be read, some have no event time.
        *line = if at % 2 == 0 { "broken".to_owned() } else { "{\"auction\": 1}".to_owned() };
    }
    let file = directory.path().join("bids.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut test = TestSession::new(directory.path(), |_| {});
    let paced = source(&file, " with (on_error = 'skip', pace = '10x')");
    execute(
        &mut test,
        &format!("{paced} run paced = bids | key_by auction | aggregate count(*) as n | into blackhole;"),
    );
    let counted = |test: &mut TestSession, rows: u64| {
        let paced = job(test);
        until(&paced, "it flows", |view| view.source_rows >= rows);
        execute(test, "pause paced;");
        std::thread::park_timeout(std::time::Duration::from_millis(200));
        let view = paced.view();
        let read = usize::try_from(view.source_rows).unwrap();
        let rejected: u64 = subtasks(&view).map(|subtask| subtask.rejected_rows).sum();
        assert!(read < lines.len(), "not all of it yet");
        assert_eq!(rejected, (0..read).filter(|at| broken(*at)).count() as u64, "of {read} lines");
        view.source_rows
    };
    let first = counted(&mut test, 200);
    // Those that have not flowed yet are not lost with the batch they came in.
    execute(&mut test, "checkpoint paced; restore paced;");
    let second = counted(&mut test, first + 200);
    execute(&mut test, "resume paced;");
    until(&job(&test), "it goes on", |view| view.source_rows > second);
    assert_eq!(job(&test).wait(Some(60_000)), Some(JobStatus::Finished));
    let view = job(&test).view();
    assert_eq!(view.source_rows, lines.len() as u64);
    let rejected: u64 = subtasks(&view).map(|subtask| subtask.rejected_rows).sum();
    assert_eq!(rejected, (0..lines.len()).filter(|at| broken(*at)).count() as u64);
}

/// A watched run by seed is the run that nobody watches.
#[test]
fn looking_does_not_change_a_run_by_seed() {
    let rows = |look: bool| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut test = TestSession::new(directory.path(), |s| s.executor = Executor::Stepping { seed: 11 });
        let source = bids_file(directory.path(), 20_000, 50);
        let pipeline = "run seen with (parallelism = 3, checkpoint = 10ms) = bids | key_by auction | window tumble(10s) lateness 5s | aggregate count(*) as n | into print;";
        execute(&mut test, &format!("{source}{pipeline}"));
        let job = job(&test);
        while look && job.wait(Some(1)).is_none() {
            let _ = job.view();
            let _ = job.state(&StateQuery { limit: 3, ..StateQuery::default() });
        }
        assert_eq!(job.wait(Some(60_000)), Some(JobStatus::Finished));
        test.rows.take()
    };
    let unseen = rows(false);
    assert!(unseen.len() > 100);
    assert_eq!(rows(true), unseen);
    assert_eq!(EPOCH_MS % 10_000, 0);
}

#[test]
fn a_watermark_is_held_by_the_input_that_is_least_far() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    // The second source is a few rows of an early day, and goes on for ever after that without a row.
    execute(
        &mut test,
        &format!(
            "{ENDLESS}source slow from nexmark 'bid' with (events = 100000000, rate = 1, seed = 9);
             run hot = bids | union slow | key_by auction | window tumble(10s) | aggregate count(*) as n | into print;"
        ),
    );
    let job = job(&test);
    let view = until(&job, "one holds the other back", |view| {
        subtasks(view).any(|subtask| subtask.inputs.len() > 1 && listings::held_by(subtask).len() == 1)
    });
    let subtask = subtasks(&view).find(|subtask| subtask.inputs.len() > 1).unwrap();
    let held_by = listings::held_by(subtask)[0];
    assert!(view.vertices[held_by.vertex].name.contains("slow"), "{:?}", view.vertices[held_by.vertex].name);
}

/// Processor time that this process has had: what others on the machine do is no part of it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("ticks")).sum();
    f64::from(ticks) / 100.0
}

/// A dashboard's price: the same job with and without somebody who looks twenty times a second, in turns.
#[test]
#[ignore = "a measurement: cargo test --test inspect -- --ignored --nocapture"]
fn looking_twenty_times_a_second_costs_little() {
    let run = |look: bool| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut test = TestSession::new(directory.path(), |_| {});
        let from = cpu_seconds();
        execute(
            &mut test,
            "source bids from nexmark 'bid' with (events = 10000000, rate = 0, seed = 7);
             run hot with (parallelism = 2, checkpoint = 5s) = bids | key_by auction | window hop(10s, 2s)
               | aggregate count(*) as n, avg(price) as avg_price | into blackhole;",
        );
        let job = job(&test);
        while job.wait(Some(50)).is_none() {
            if look {
                std::hint::black_box(job.view());
            }
        }
        cpu_seconds() - from
    };
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        alone.push(run(false));
        watched.push(run(true));
    }
    let least = |all: &[f64]| all.iter().copied().fold(f64::MAX, f64::min);
    let (least_alone, least_watched) = (least(&alone), least(&watched));
    eprintln!(
        "alone {alone:.2?}\nwatched {watched:.2?}\nleast {least_alone:.3} s and {least_watched:.3} s: {:+.1} %",
        (least_watched / least_alone - 1.0) * 100.0
    );
}
