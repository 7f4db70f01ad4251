//! Failures as the user meets them: killed on purpose, restarts used up, late rows explained.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::process::{Command, Stdio};

use common::{TestSession, committed_lines};
use lotic::commands::execute;
use lotic::inspect::{JobStatus, JobView};
use lotic::session::{Failure, Outcome};
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
        Ok(Outcome::Listing(listing)) => listing.to_json().as_array().expect("rows").clone(),
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
    type_in(&mut test, &script(6_000, "killed")).expect("it starts");
    for text in
        ["kill subtask 0[2] of t", "kill subtask nothing[0] of t", "kill taskmanager 3 of t", "kill taskmanager 0 of t"]
    {
        assert!(type_in(&mut test, text).is_err(), "{text}");
    }
    let error = type_in(&mut test, "kill taskmanager 3 of t").expect_err("there are two").to_string();
    assert_eq!(error, "the job's slots are on task managers 1 to 2");
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
            "n=2",
            "1970-01-01 00:00:02.000",
            "1970-01-01 00:00:05.000, 1970-01-01 00:00:10.000",
            "1970-01-01 00:00:26.000",
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
        assert_eq!(first, (100, json!("n=51"), json!("n=150")), "{batch_rows}");
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
