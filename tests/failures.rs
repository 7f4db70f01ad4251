//! Failures as the user meets them: killed on purpose, restarts used up, late rows explained.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Bid, Came, TestSession, bids, committed_lines, ndjson, source, tumble, tumble_job};
use lotic::commands::execute;
use lotic::inspect::{JobStatus, JobView};
use lotic::session::{Failure, Outcome, RestoreFrom};
use serde_json::{Value, json};

/// Runs one statement without waiting for what it starts.
fn type_in(test: &mut TestSession, typed: &str) -> Result<Outcome, Failure> {
    let statements = test.session.parse(typed)?;
    let mut last = Outcome::Done;
    for statement in statements {
        last = execute(&mut test.session, &statement.node)?;
    }
    Ok(last)
}

/// The rows of a listing, as its `--json` prints them.
fn listed(test: &mut TestSession, typed: &str) -> Vec<Value> {
    match type_in(test, typed) {
        Ok(Outcome::Listing(listing)) => {
            let json = listing.to_json();
            json.get("rows").unwrap_or(&json).as_array().expect("rows").clone()
        }
        other => panic!("no listing: {other:?}"),
    }
}

fn restarted(test: &TestSession, restarts: u32) -> JobView {
    let job = &test.session.jobs().next().expect("one job").job;
    loop {
        let view = (*job.view()).clone();
        if view.restarts >= restarts && view.status == JobStatus::Running {
            return view;
        }
        assert!(job.wait(Some(1)).is_none(), "the job ended before restart {restarts}: {view:?}");
    }
}

#[test]
fn what_is_killed_restarts_and_the_listing_says_why() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = |rate: u32, out: &str| {
        format!(
            "source g from nexmark 'bid' with (events = 6000, rate = {rate}, seed = 3);
             run t with (parallelism = 2, task_managers = 2, checkpoint = 20ms, restart_delay = 1ms) =
               g | rebalance | map auction, bidder, price | into file '{out}' with (format = 'json');"
        )
    };
    let mut test = TestSession::new(directory.path(), |_| {});
    test.run(&script(0, "straight")).expect("it runs");
    let expected = committed_lines(&directory.path().join("straight"));
    assert!(expected.len() > 5_000, "{}", expected.len());
    type_in(&mut test, &format!("drop source g; {}", script(6_000, "killed"))).expect("it starts");
    for text in
        ["kill subtask 0[2] of t", "kill subtask nothing[0] of t", "kill taskmanager 3 of t", "kill taskmanager 0 of t"]
    {
        assert!(type_in(&mut test, text).is_err(), "{text}");
    }
    let error = type_in(&mut test, "kill taskmanager 3 of t").expect_err("there are two").to_string();
    assert_eq!(error, "there is no task manager 3: the job runs on 2 task managers");
    type_in(&mut test, "kill subtask 0[1] of t").expect("it runs");
    assert_eq!(restarted(&test, 1).cause.as_deref(), Some("killed by command"));
    type_in(&mut test, "kill taskmanager 2 of t").expect("it runs");
    let view = restarted(&test, 2);
    assert_eq!((view.restarts, view.cause.as_deref()), (2, Some("killed by command")));
    let jobs = listed(&mut test, "show jobs --json");
    assert_eq!((&jobs[0]["restarts"], &jobs[0]["cause"]), (&json!(2), &json!("killed by command")), "{jobs:?}");
    test.run("").expect("it ends well");
    assert_eq!(committed_lines(&directory.path().join("killed")), expected, "nothing lost, nothing twice");
}

#[test]
fn a_job_whose_state_leaves_memory_is_killed_and_rescaled_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = |rate: u32, options: &str, out: &str| {
        format!(
            "source g from nexmark 'bid' with (events = 40000, rate = {rate}, seed = 3);
             run t with (parallelism = 2, checkpoint = 50ms, restart_delay = 1ms{options}) =
               g | key_by price | aggregate count(*) as n | into file '{out}' with (format = 'json');"
        )
    };
    let mut test = TestSession::new(directory.path(), |_| {});
    test.run(&script(0, "", "straight")).expect("it runs");
    let expected = committed_lines(&directory.path().join("straight"));
    assert!(expected.len() > 40_000, "{}", expected.len());
    let refused = "run d with (backend = 'redb') = g | map price | distinct | into blackhole";
    let error = type_in(&mut test, refused).expect_err("refused").to_string();
    assert!(error.contains("can't keep its state within the job's `memory`"), "{error}");
    let keys = expected.iter().filter(|line| line.contains("\"n\":1}")).count();
    type_in(&mut test, &format!("drop source g; {}", script(20_000, ", memory = 1mb", "cold"))).expect("it starts");
    let job = test.session.jobs().next().expect("one job").job.clone();
    let _still_runs = job.wait(Some(700));
    type_in(&mut test, "kill taskmanager 1 of t").expect("it runs");
    restarted(&test, 1);
    let _still_runs = job.wait(Some(300));
    type_in(&mut test, "rescale t to 3").expect("it runs");
    let shown = listed(&mut test, "state t --json");
    assert!(!shown.is_empty(), "{shown:?}");
    test.run("").expect("it ends well");
    let found = committed_lines(&directory.path().join("cold"));
    assert_eq!(found.len(), expected.len(), "of {keys} keys");
    assert!(found == expected, "nothing lost, nothing twice");
}

#[test]
fn when_the_restarts_are_used_up_the_job_has_failed_with_the_cause_and_the_exit_code_is_1() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = "source v from values with (rows = array[row(1), row(2)]) columns (a bigint);
        run t with (restart_attempts = 2, restart_delay = 1ms) = v | map 1 / (a - a) as x | into print;";
    let mut test = TestSession::new(directory.path(), |_| {});
    let error = test.run(script).expect_err("it fails").to_string();
    assert!(error.contains("division by zero"), "{error}");
    let jobs = listed(&mut test, "show jobs --json");
    assert_eq!((&jobs[0]["status"], &jobs[0]["restarts"]), (&json!("failed"), &json!(2)), "{jobs:?}");
    assert!(jobs[0]["cause"].as_str().is_some_and(|cause| cause.contains("division by zero")), "{jobs:?}");
    drop(test);
    let done = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(["-c", script, "--state-dir", "s"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("lotic runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("job t: restart 2 of 2: "), "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("error: job t failed: ") && line.contains("division by zero")),
        "{said}"
    );
}

fn rows(times: impl IntoIterator<Item = i64>) -> String {
    let rows: Vec<String> = times.into_iter().enumerate().map(|(n, time)| format!("row({n}, {time})")).collect();
    format!(
        "source v from values with (rows = array[{}]) columns (n bigint, t bigint) event_time t watermark 4s;",
        rows.join(", ")
    )
}

#[test]
fn why_late_says_by_how_much() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    let source = rows([1_000, 30_000, 2_000, 29_000, 15_000]);
    test.run(&format!(
        "{source} run t = v | key_by n | window hop(10s, 5s) lateness 2s | aggregate count(*) as c | into blackhole;"
    ))
    .expect("it runs");
    let late = listed(&mut test, "why late t --json");
    let part =
        |row: &Value| json!([row["row"], row["event_time"], row["window_ends"], row["watermark"], row["late_by_ms"]]);
    assert_eq!(
        late.iter().map(part).collect::<Vec<_>>(),
        [json!([
            { "n": 2, "t": 2_000 },
            "1970-01-01T00:00:02.000Z",
            ["1970-01-01T00:00:05.000Z", "1970-01-01T00:00:10.000Z"],
            "1970-01-01T00:00:26.000Z",
            14_001
        ]),],
        "{late:?}"
    );
    let again = listed(&mut test, "why late t");
    assert_eq!(again, late);
    assert!(type_in(&mut test, "why late u").is_err());
}

#[test]
fn the_last_hundred_late_rows_are_kept_and_those_of_a_side_output_are_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = rows(std::iter::once(100_000).chain((0..150).map(|n| n * 10)));
    for batch_rows in [1, 7, 8_192] {
        let mut test = TestSession::new(directory.path(), |settings| settings.batch_rows = batch_rows);
        test.run(&format!(
            "{source} run t = v | key_by n | window tumble(10s) | aggregate count(*) as c | into blackhole;"
        ))
        .expect("it runs");
        let late = listed(&mut test, "why late t");
        let first = (late.len(), late[0]["row"].clone(), late[99]["row"].clone());
        let whole = |n: u64| json!({ "n": n, "t": (n - 1) * 10 });
        assert_eq!(first, (100, whole(51), whole(150)), "{batch_rows}");
    }
    let mut test = TestSession::new(directory.path(), |_| {});
    test.run(&format!(
        "{source} run t {{
           v | key_by n | window tumble(10s) late_to strays | aggregate count(*) as c | into blackhole;
           strays | into blackhole;
         }}"
    ))
    .expect("it runs");
    assert_eq!(listed(&mut test, "why late t"), Vec::<Value>::new());
}

#[test]
fn why_late_shows_rows_as_they_came_from_their_source() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let bids = bids(11, 4_000, 10, 400, 2_000, 60, 60_000);
    std::fs::write(path.join("bid.ndjson"), ndjson(&bids)).expect("written");
    let source = source(Path::new("bid.ndjson"), "");
    let job = "key_by auction | window tumble(10s) | aggregate count(*) as n | into blackhole;";
    let row = |bid: &Bid| {
        json!({
            "auction": bid.auction, "bidder": bid.bidder, "price": bid.price, "channel": "Google",
            "url": "https://www.nexmark.com/item.htm?query=1", "date_time": iso(bid.time),
        })
    };
    let (_, late) = tumble(&bids, 10_000, 4_000);
    assert!((20..100).contains(&late.len()), "{}", late.len());
    let mut test = TestSession::new(path, |_| {});
    test.run(&format!("{source} run t = bids | {job}")).expect("it runs");
    let listed_whole = listed(&mut test, "why late t");
    let rows: Vec<&Value> = listed_whole.iter().map(|row| &row["row"]).collect();
    assert_eq!(rows, late.iter().map(row).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert!(listed_whole.iter().all(|row| row["whole"] == true), "{listed_whole:?}");

    // What the job computes stands beside it; what it leaves out is not taken for what it reads.
    test.run(
        "run t = bids | filter price > 5000 | map auction % 3 as third, price | key_by third | window tumble(10s)
            | aggregate max(price) as top | into blackhole;",
    )
    .expect("it runs");
    for late in listed(&mut test, "why late t") {
        let row = &late["row"];
        let (auction, price) = (row["auction"].as_i64().expect("whole"), row["price"].as_i64().expect("whole"));
        assert!(row["third"] == auction % 3 && price > 5_000 && late["whole"] == true, "{late}");
    }

    // Of a source that is gone it is said why there is no more than the window reads.
    std::fs::remove_file(path.join("bid.ndjson")).expect("removed");
    let Ok(Outcome::Listing(gone)) = type_in(&mut test, "why late t") else { panic!("a listing") };
    let note = gone.note.clone().expect("the reason");
    assert!(note.contains("source bids can't be read again") && note.contains("bid.ndjson"), "{note}");
    assert!(gone.to_json()["rows"][0]["row"].get("url").is_none(), "{gone:?}");
}

#[test]
fn late_rows_that_can_be_told_apart_by_nothing_that_is_read_show_what_they_have_in_common() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    let source =
        "source v from values with (rows = array[row(1, 'a', 'x', 100000), row(2, 'b', 'x', 5), row(2, 'c', 'x', 5)])
         columns (k bigint, name string, same string, t bigint) event_time t watermark 0s;";
    test.run(&format!(
        "{source} run t = v | key_by k | window tumble(10s) | aggregate count(*) as n | into blackhole;"
    ))
    .expect("it runs");
    let late = listed(&mut test, "why late t");
    assert_eq!(late.len(), 2);
    for late in late {
        assert_eq!((&late["row"], &late["whole"]), (&json!({ "k": 2, "same": "x", "t": 5 }), &json!(false)), "{late}");
    }
}

#[test]
fn why_late_reads_a_generator_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    // Without an end, and at a rate: the job has read some of it.
    let source = "source g from datagen columns (id bigint, name string)
        event_time case when id % 10 = 9 then 0 else id * 100 end watermark 1s with (kind = 'sequence', rate = 2000, seed = 3);";
    type_in(
        &mut test,
        &format!("{source} run t = g | key_by id | window tumble(10s) | aggregate count(*) as n | into blackhole;"),
    )
    .expect("it starts");
    let late = (0..600)
        .map(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(50));
            listed(&mut test, "why late t")
        })
        .find(|late| late.len() > 10)
        .expect("late rows");
    for late in late {
        let row = &late["row"];
        assert!(
            row["id"].as_i64().expect("read") % 10 == 9 && row["name"].is_string() && late["whole"] == true,
            "{late}"
        );
    }
}

/// As a listing shows a time.
fn iso(ms: i64) -> String {
    common::timestamp(ms).replace(' ', "T") + "Z"
}

/// How a job is interrupted.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    /// A subtask of the window is killed: the job restarts from its last checkpoint.
    Kill,
    Rescale,
    /// It is stopped with a savepoint and started again from that.
    Savepoint,
    /// The shell ends; another one restores the last checkpoint.
    Shell,
}

fn read_at_least(test: &TestSession, rows: u64) {
    let job = &test.session.jobs().next().expect("one job").job;
    while job.view().source_rows < rows {
        assert!(job.wait(Some(1)).is_none(), "the job ended before {rows} rows: {:?}", job.view());
    }
}

/// A small file: one reader has all of it, and those of the other subtasks are at their end before the interruption.
#[test]
fn however_a_job_is_interrupted_each_row_meets_the_watermark_that_it_met_in_the_straight_run() {
    let data = bids(41, 1_500, 20, 40, 3_900, 20, 60_000);
    let (expected, late) = tumble(&data, 10_000, 4_000);
    assert!(late.len() > 20, "{} late rows", late.len());
    let mut content = String::new();
    for (n, line) in ndjson(&data).lines().enumerate() {
        content.push_str(line);
        // Between them are records that the source gives up.
        content.push_str(if n % 100 == 50 { "\n{\"auction\":\n" } else { "\n" });
    }
    let directory = || {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("bid.ndjson"), &content).expect("written");
        directory
    };
    let declared =
        |options: &str| source(Path::new("bid.ndjson"), &format!(" with (on_error = 'dead_letter'{options})"));
    let job = |parallelism: usize| {
        tumble_job(&format!("parallelism = {parallelism}, checkpoint = 10ms, restart_delay = 1ms"), "")
    };
    let mut straight = None;
    for parallelism in [1, 2, 4] {
        let directory = directory();
        let mut test = TestSession::new(directory.path(), |_| {});
        let views = test.run(&format!("{} {}", declared(""), job(parallelism))).expect("it runs");
        let came = Came::of(&views[0], directory.path());
        assert_eq!((&came.rows, came.late_rows, came.read), (&expected, late.len() as u64, (1_515, 15)));
        assert_eq!(straight.get_or_insert(came).late.len(), late.len(), "parallelism {parallelism}");
    }
    let straight = straight.expect("a straight run");
    let declared = declared(", pace = '120x'");
    for (before, after) in [(1, 1), (2, 2), (4, 4), (2, 1), (1, 4), (4, 2)] {
        for how in [Interruption::Kill, Interruption::Rescale, Interruption::Savepoint, Interruption::Shell] {
            let directory = directory();
            let at = format!("{how:?} at parallelism {before}, then {after}");
            let mut test = TestSession::new(directory.path(), |_| {});
            type_in(&mut test, &format!("{declared} {}", job(before))).expect("it starts");
            read_at_least(&test, 500);
            let restored = match how {
                Interruption::Kill => {
                    type_in(&mut test, "kill subtask 1[0] of t").expect("it runs");
                    restarted(&test, 1);
                    None
                }
                Interruption::Rescale if before == after => continue,
                Interruption::Rescale => {
                    type_in(&mut test, &format!("rescale t to {after}")).expect("it runs");
                    None
                }
                Interruption::Savepoint => {
                    type_in(&mut test, "stop t with savepoint 'sp'").expect("it runs");
                    Some(RestoreFrom::Savepoint(directory.path().join("sp")))
                }
                Interruption::Shell => Some(RestoreFrom::Latest),
            };
            if let Some(restored) = restored {
                drop(test);
                test = TestSession::new(directory.path(), |settings| settings.restore = Some(restored));
                type_in(&mut test, &format!("{declared} {}", job(after))).expect("it starts again");
                let job = &test.session.jobs().next().expect("one job").job;
                assert!(job.restored_from().is_some(), "{at}");
            }
            // Event time goes on: windows fire long before the end.
            read_at_least(&test, 1_200);
            let job = &test.session.jobs().next().expect("one job").job;
            while committed_lines(&directory.path().join("out")).len() < expected.len() / 2 {
                assert!(job.wait(Some(1)).is_none(), "{at}: nothing fired before the end");
            }
            let views = test.run("").unwrap_or_else(|failure| panic!("{at}: {failure}"));
            assert_eq!(Came::of(&views[0], directory.path()), straight, "{at}");
        }
    }
}

#[test]
fn what_can_not_be_restored_or_saved_ends_no_job() {
    let data = bids(41, 1_500, 20, 40, 3_900, 20, 60_000);
    let came = |pace: &str, meanwhile: &dyn Fn(&mut TestSession, &Path)| {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("bid.ndjson"), ndjson(&data)).expect("written");
        let mut test = TestSession::new(directory.path(), |_| {});
        let declared = source(Path::new("bid.ndjson"), &format!(" with (pace = '{pace}')"));
        let job = tumble_job("parallelism = 2, checkpoint = 10ms", "");
        type_in(&mut test, &format!("{declared} {job}")).expect("it starts");
        meanwhile(&mut test, directory.path());
        let views = test.run("").expect("it ends by itself");
        assert_eq!(views[0].restarts, 0);
        Came::of(&views[0], directory.path())
    };
    let straight = came("100000x", &|_, _| {});
    assert!(straight.late_rows > 20, "{straight:?}");
    let refused = came("240x", &|test, directory| {
        read_at_least(test, 300);
        std::fs::create_dir(directory.join("taken")).expect("created");
        std::fs::write(directory.join("taken/mine"), "mine").expect("written");
        for (statement, why) in [
            ("restore t from savepoint 'nowhere'", "nowhere"),
            ("restore t from savepoint 'taken'", "taken"),
            ("restore t from checkpoint 999999", "999999"),
            ("restore t with (max_parallelism = 64)", "64"),
            ("stop t with savepoint 'taken'", "taken"),
            ("savepoint t to 'taken'", "taken"),
        ] {
            let error = type_in(test, statement).expect_err("it can't be done").to_string();
            assert!(error.contains(why), "{statement}: {error}");
            let job = &test.session.jobs().next().expect("one job").job;
            assert_eq!(job.wait(Some(1)), None, "{statement}");
        }
    });
    assert_eq!(refused, straight);
}

/// What was read of a file and what is left of it must belong together, for the running job and for another process.
#[test]
fn a_file_that_becomes_another_while_it_is_read_fails_the_job_and_a_copy_is_the_same_file() {
    let data = bids(43, 4_000, 20, 40, 3_900, 0, 0);
    let (expected, _) = tumble(&data, 10_000, 4_000);
    let content = ndjson(&data);
    // Neither its beginning nor its end shows the patch.
    let patched = content.replacen("Google", "Elgoog", 1_100).replacen("Elgoog", "Google", 1_000);
    let rewritten = content.replace("Google", "Gaggle");
    let larger = content.replace("Google", "Giggles");
    let write = |path: &Path, content: &str| {
        let mut file = std::fs::OpenOptions::new().write(true).open(path).expect("it opens");
        file.write_all(content.as_bytes()).expect("written");
        // The system's file times move in steps that may be longer than this test takes.
        let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
        file.set_modified(later).expect("it is set");
    };
    let script = format!(
        "{} {}",
        source(Path::new("bid.ndjson"), " with (split = 65536, pace = '200x')"),
        tumble_job("checkpoint = 10ms, restart_delay = 1ms", "")
    );
    for (way, changed, kill) in [
        ("same size", &rewritten, true),
        ("same size", &rewritten, false),
        ("larger", &larger, true),
        ("larger", &larger, false),
        ("patched in place", &patched, true),
        ("patched in place", &patched, false),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bid.ndjson");
        std::fs::write(&path, &content).expect("written");
        let mut test = TestSession::new(directory.path(), |_| {});
        type_in(&mut test, &script).expect("it starts");
        let job = &test.session.jobs().next().expect("one job").job;
        while !job.has_checkpoint() || job.view().source_rows < 200 {
            assert!(job.wait(Some(1)).is_none(), "{way}: {:?}", job.view());
        }
        write(&path, changed);
        if kill {
            // Whatever the restart finds, it does not forget what the job began with.
            let _ = type_in(&mut test, "kill subtask 0[0] of t");
        }
        let error = test.run("").expect_err("it can't go on").to_string();
        assert!(error.contains("bid.ndjson: was rewritten while it was read"), "{way}: {error}");
        drop(test);

        let again = || {
            let mut test = TestSession::new(directory.path(), |settings| settings.restore = Some(RestoreFrom::Latest));
            let views = test.run(&script)?;
            Ok::<_, Failure>(Came::of(&views[0], directory.path()))
        };
        let error = again().expect_err("another input").to_string();
        assert!(error.contains("the input is not the one that was checkpointed"), "{way}: {error}");
        // The file as it was, copied back.
        std::fs::rename(&path, directory.path().join("changed")).expect("moved");
        std::fs::write(&path, &content).expect("written");
        assert_eq!(again().expect("it goes on").rows, expected, "{way}");
    }
}
