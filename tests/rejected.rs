//! Rows that operators and sources reject: each policy, and nothing lost on the way: rows in = rows out + rejected.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use common::{TestSession, committed_lines};
use lotic::inspect::JobView;

const V: &str = "source v from values with (rows = array[row(1), row(2), row(3)]) columns (a bigint);";

fn rejected(view: &JobView) -> u64 {
    view.vertices.iter().flat_map(|vertex| &vertex.subtasks).map(|subtask| subtask.rejected_rows).sum()
}

/// Runs one job; its rows and its view.
fn job(directory: &Path, script: &str) -> (Vec<String>, JobView) {
    let mut test = TestSession::new(directory, |_| {});
    let views = test.run(script).unwrap_or_else(|failure| panic!("{failure}: {script}"));
    let [view] = &views[..] else { panic!("one job: {views:?}") };
    (test.rows.take_sorted(), view.clone())
}

fn failure(script: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    match test.run(script) {
        Err(failure) => failure.to_string(),
        Ok(_) => panic!("no error for {script}"),
    }
}

/// One of three rows fails in `stages`: under each policy of the job.
fn one_of_three(stages: &str, expected: &[&str]) {
    let script = |policy: &str| {
        format!("{V} run t with (on_error = '{policy}', restart_attempts = 0) = v | {stages} | into print;")
    };
    let error = failure(&script("fail"));
    assert!(error.contains("division by zero"), "{stages}: {error}");
    for policy in ["skip", "dead_letter"] {
        let directory = tempfile::tempdir().expect("a directory");
        let (rows, view) = job(directory.path(), &script(policy));
        assert_eq!(rows, expected, "{policy}: {stages}");
        assert_eq!((view.source_rows, rejected(&view)), (3, 1), "{policy}: {stages}");
        let letters = directory.path().join("dead_letters/t");
        if policy == "skip" {
            assert!(!letters.exists(), "{stages}: nobody asked for letters");
            continue;
        }
        let letters = committed_lines(&letters);
        assert_eq!(letters.len(), 1, "{stages}: {letters:?}");
        assert!(letters[0].contains("division by zero") && letters[0].contains("a=2"), "{stages}: {letters:?}");
    }
}

#[test]
fn a_row_that_an_expression_can_not_compute_follows_the_jobs_policy() {
    one_of_three("map a, 10 / (a - 2) as x", &[r#"{"a":1,"x":-10}"#, r#"{"a":3,"x":10}"#]);
    one_of_three("map 10 / (a - 2) as x, 20 / (a - 2) as y", &[r#"{"x":-10,"y":-20}"#, r#"{"x":10,"y":20}"#]);
    one_of_three("rebalance | filter 10 / (a - 2) > 0", &[r#"{"a":3}"#]);
    one_of_three(
        "key_by a | aggregate sum(10 / (a - 2)) as s | map a, s",
        &[r#"{"op":"+I","a":1,"s":-10}"#, r#"{"op":"+I","a":3,"s":10}"#],
    );
}

#[test]
fn a_filter_that_runs_in_the_scan_follows_the_job_and_not_the_source() {
    one_of_three("filter 10 / (a - 2) > 0", &[r#"{"a":3}"#]);
    let v = |policy: &str| V.replace("with (", &format!("with (on_error = '{policy}', "));
    let script = |source: &str, of_job: &str| {
        format!(
            "{} run t with (on_error = '{of_job}', restart_attempts = 0) = v | filter 10 / (a - 2) > 0 | into print;",
            v(source)
        )
    };
    for source in ["skip", "dead_letter"] {
        let error = failure(&script(source, "fail"));
        assert!(error.contains("division by zero"), "{source}: {error}");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (rows, view) = job(directory.path(), &script("fail", "skip"));
    assert_eq!((rows, rejected(&view)), (vec![r#"{"a":3}"#.to_owned()], 1));
    assert_eq!(view.vertices[0].operators.len(), 2, "the filter is a part of the scan: {:?}", view.vertices[0]);
    let directory = tempfile::tempdir().expect("a directory");
    let (_, view) = job(directory.path(), &script("skip", "dead_letter"));
    assert_eq!(rejected(&view), 1);
    assert_eq!(committed_lines(&directory.path().join("dead_letters/t")).len(), 1);
    let directory = tempfile::tempdir().expect("a directory");
    let (_, view) = job(directory.path(), &script("dead_letter", "dead_letter"));
    assert_eq!(rejected(&view), 1);
    let letters = |of: &str| committed_lines(&directory.path().join("dead_letters").join(of)).len();
    assert_eq!((letters("t"), letters("v")), (1, 0), "each to its own");
}

#[test]
fn a_row_without_event_time_follows_the_sources_policy_and_not_the_jobs() {
    let source = |policy: &str| {
        format!(
            "source v from values with (rows = array[row(1, 1000), row(2, null), row(3, 3000)], on_error = '{policy}')
               columns (a bigint, t bigint) event_time t watermark 4s;"
        )
    };
    let script = |policy: &str, of_job: &str| {
        let options = format!("on_error = '{of_job}', restart_attempts = 0");
        format!("{} run t with ({options}) = v | map a | into print;", source(policy))
    };
    for of_job in ["fail", "skip", "dead_letter"] {
        let error = failure(&script("fail", of_job));
        assert!(error.contains("no event time") && error.contains("source v"), "{of_job}: {error}");
        for policy in ["skip", "dead_letter"] {
            let directory = tempfile::tempdir().expect("a directory");
            let (rows, view) = job(directory.path(), &script(policy, of_job));
            assert_eq!(rows, [r#"{"a":1}"#, r#"{"a":3}"#], "{policy}, {of_job}");
            assert_eq!((view.source_rows, rejected(&view)), (3, 1), "{policy}, {of_job}");
            if policy == "dead_letter" {
                let letters = committed_lines(&directory.path().join("dead_letters/v"));
                assert_eq!(letters.len(), 1, "{of_job}: {letters:?}");
                assert!(letters[0].contains("no event time") && letters[0].contains("a=2"), "{letters:?}");
            }
        }
    }
}

/// Two sources of rejects in one job, many rows, at several parallelisms: exact counts, each letter once.
#[test]
fn rows_in_are_rows_out_and_rejected_rows_at_every_parallelism() {
    const ROWS: i64 = 20_000;
    for parallelism in [1, 2, 3] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut text = String::new();
        for n in 0..ROWS {
            let time = if n % 11 == 0 { "null".to_owned() } else { n.to_string() };
            writeln!(text, r#"{{"n":{n},"t":{time}}}"#).expect("a String takes all");
        }
        std::fs::write(directory.path().join("n.ndjson"), text).expect("written");
        let script = format!(
            "source f from file 'n.ndjson' columns (n bigint, t bigint) event_time t watermark 4s
               with (on_error = 'skip', split = 65536);
             run t with (parallelism = {parallelism}, on_error = 'dead_letter', batch_rows = 512) =
               f | filter 1 / (n % 7) >= 0 | rebalance | map n, 1 / (n % 5) as x | into print;"
        );
        let (rows, view) = job(directory.path(), &script);
        let timed = |n: &i64| n % 11 != 0;
        let out = (0..ROWS).filter(timed).filter(|n| n % 7 != 0 && n % 5 != 0).count();
        let letters = (0..ROWS).filter(timed).filter(|n| n % 7 == 0 || n % 5 == 0).count();
        let timeless = (0..ROWS).filter(|n| !timed(n)).count();
        assert_eq!(rows.len(), out, "parallelism {parallelism}");
        assert_eq!(view.source_rows, ROWS.unsigned_abs(), "parallelism {parallelism}");
        assert_eq!(rejected(&view), (letters + timeless) as u64, "parallelism {parallelism}");
        assert_eq!(rows.len() + letters + timeless, usize::try_from(ROWS).expect("small"));
        assert_eq!(committed_lines(&directory.path().join("dead_letters/t")).len(), letters);
    }
}
