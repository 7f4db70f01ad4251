//! What a restore accepts, what it refuses and in which words; and that a job restored again and again, each time at
//! another parallelism, gives the rows and the late rows of a straight run.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Bid, Rng, TestSession, bids, committed_lines, ndjson, size, source, timestamp, tumble};
use lotic::inspect::JobStatus;
use lotic::lang::ast::Statement;
use lotic::plan::{JobGraph, StreamGraph};
use lotic::runtime::{JobOptions, Restart, Restore, Stepper, open_storage};
use lotic::session::{RestoreFrom, Settings};
use lotic::types::{SubtaskId, VertexId};

fn script(options: &str, aggregate: &str, uid: &str) -> String {
    format!(
        "source g from nexmark 'bid' with (events = 3000, seed = 1);
         run t{options} = g | key_by auction | window tumble(10s) | aggregate {aggregate} | uid '{uid}' | into blackhole;"
    )
}

const COUNT: &str = "count(*) as n";

/// Runs the script; the number that its job was restored from, or the failure.
fn run(directory: &Path, statements: &str, change: impl FnOnce(&mut Settings)) -> Result<Option<u64>, String> {
    let mut shell = TestSession::new(directory, |settings| {
        settings.drain = false;
        change(settings);
    });
    shell.run(statements).map_err(|failure| failure.to_string())?;
    let job = shell.session.jobs().next().expect("one job");
    Ok(job.job.restored_from().map(|id| id.0))
}

fn latest(settings: &mut Settings) {
    settings.restore = Some(RestoreFrom::Latest);
}

#[test]
fn state_of_a_mistyped_uid_is_an_error_with_the_near_name_unless_it_may_be_left_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    run(path, &script("", COUNT, "per-auction"), |_| {}).expect("it runs");
    let error = run(path, &script("", COUNT, "per-aution"), latest).expect_err("a mistyped uid");
    assert_eq!(
        error,
        "state: there is state of `per-auction`, which the job does not have (did you mean `per-aution`?); \
         give the operator that uid, or allow non-restored state to leave it behind"
    );
    assert!(run(path, &script("", COUNT, "per-auction"), latest).expect("its own").is_some());
    let allowed = script(" with (allow_non_restored_state = true)", COUNT, "per-aution");
    assert!(run(path, &allowed, latest).expect("left behind").is_some());
    let gone = run(path, &script("", COUNT, "per-aution"), latest).expect("what was left behind is gone");
    assert!(gone.is_some());
    let flag = |settings: &mut Settings| {
        latest(settings);
        settings.allow_non_restored_state = true;
    };
    assert!(run(path, &script("", COUNT, "other"), flag).expect("left behind").is_some());
}

#[test]
fn state_of_other_columns_is_an_error_that_names_both_layouts() {
    let directory = tempfile::tempdir().expect("a directory");
    run(directory.path(), &script("", COUNT, "w"), |_| {}).expect("it runs");
    for options in ["", " with (allow_non_restored_state = true)"] {
        let text = script(options, "avg(price) as mean", "w");
        let error = run(directory.path(), &text, latest).expect_err("another aggregate");
        let (stored, declared) = error.split_once(" but the job declares ").expect("both layouts");
        assert!(
            stored.starts_with("state: state `accumulators` of operator `w` is stored as (auction bigint"),
            "{error}"
        );
        assert!(declared.starts_with("(auction bigint") && !stored.ends_with(declared), "{error}");
    }
    let text = script("", COUNT, "w").replace("key_by auction", "key_by bidder");
    let error = run(directory.path(), &text, latest).expect_err("another key");
    assert!(error.contains("(auction bigint") && error.contains("(bidder bigint"), "{error}");
}

#[test]
fn another_number_of_key_groups_is_an_error_that_names_both() {
    let directory = tempfile::tempdir().expect("a directory");
    run(directory.path(), &script("", COUNT, "w"), |_| {}).expect("it runs");
    let text = script(" with (max_parallelism = 64)", COUNT, "w");
    let error = run(directory.path(), &text, latest).expect_err("other key groups");
    assert_eq!(
        error,
        "state: the checkpoint of job `t` has a max parallelism of 128, this job has 64: state can't be restored with another"
    );
}

#[test]
fn a_checkpoint_of_another_job_is_refused_and_a_savepoint_of_one_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let savepoint = path.join("sp");
    run(path, &script("", COUNT, "w"), |settings| settings.savepoint = Some(savepoint.clone())).expect("it runs");
    let jobs = path.join("state/jobs");
    std::fs::rename(jobs.join("t"), jobs.join("u")).expect("moved");
    let text = script("", COUNT, "w").replace("run t", "run u");
    let error = run(path, &text, latest).expect_err("of another job");
    assert!(error.contains("is of job `t`, not of `u`"), "{error}");
    let from = |settings: &mut Settings| settings.restore = Some(RestoreFrom::Savepoint(savepoint));
    assert!(run(path, &text, from).expect("a savepoint may move").is_some());
}

#[test]
fn a_savepoint_that_does_not_fit_leaves_the_jobs_own_checkpoints_where_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let savepoint = path.join("sp");
    run(path, &script("", COUNT, "w"), |settings| settings.savepoint = Some(savepoint.clone())).expect("it runs");
    let from = |settings: &mut Settings| settings.restore = Some(RestoreFrom::Savepoint(savepoint));
    assert!(run(path, &script("", COUNT, "other"), from).is_err());
    assert!(run(path, &script("", COUNT, "w"), latest).expect("as before").is_some(), "they were not set aside");
}

#[test]
fn a_restore_that_fails_leaves_the_job_in_the_session() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut shell = TestSession::new(directory.path(), |settings| settings.drain = false);
    shell.run(&script("", COUNT, "w")).expect("it runs");
    for _ in 0..2 {
        let error = shell.run("restore t with (max_parallelism = 64);").expect_err("other key groups").to_string();
        assert!(error.contains("128") && error.contains("64"), "{error}");
    }
    shell.run("restore t with (parallelism = 3);").expect("the job is still known");
    assert_eq!(shell.session.jobs().next().expect("one job").job.view().parallelism, 3);
}

/// The plan of a job over the session's sources, not run.
fn planned(shell: &TestSession, job: &str) -> StreamGraph {
    let statements = shell.session.parse(job).expect("it parses");
    let [statement] = &statements[..] else { panic!("one statement") };
    let Statement::Run(run) = &statement.node else { panic!("a job") };
    shell.session.plan_job(run).expect("it binds").stream_graph()
}

/// A time without the zeros that end its fraction.
fn plain(time: &str) -> String {
    if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.').to_owned() } else { time.to_owned() }
}

fn late_of(lines: &[String]) -> Vec<(i64, i64, i64, String)> {
    let number = |value: &serde_json::Value| value.as_i64().expect("a number");
    let row = |line: &String| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let time = plain(row["date_time"].as_str().expect("text"));
        (number(&row["auction"]), number(&row["bidder"]), number(&row["price"]), time)
    };
    let mut rows: Vec<_> = lines.iter().map(row).collect();
    rows.sort();
    rows
}

fn late_bids(late: &[Bid]) -> Vec<(i64, i64, i64, String)> {
    let time = |bid: &Bid| plain(&timestamp(bid.time));
    let mut rows: Vec<_> = late.iter().map(|bid| (bid.auction, bid.bidder, bid.price, time(bid))).collect();
    rows.sort();
    rows
}

/// Crashes and kills at moments chosen by seed, each launch at another parallelism. One reader gives the rows one order,
/// so that which of them are late is defined.
#[test]
fn crashed_and_restored_at_any_parallelism_it_gives_the_rows_and_the_late_rows_of_a_straight_run() {
    let mut crashes = 0;
    for seed in 0..size("LOTIC_SEEDS", 12) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let data = bids(seed, 1_500, 20, 400, 3_900, 20, 60_000);
        let (expected, late) = tumble(&data, 10_000, 4_000);
        assert!(late.len() > 20, "{} late rows", late.len());
        std::fs::write(path.join("bid.ndjson"), ndjson(&data)).expect("written");
        let mut shell = TestSession::new(path, |_| {});
        shell.run(&source(Path::new("bid.ndjson"), "")).expect("a source");
        let mut rng = Rng::new(seed);
        for launch in 0_u64.. {
            let parallelism = 1 + rng.below(4);
            let graph = planned(
                &shell,
                &format!(
                    "run t with (parallelism = {parallelism}) {{
                       bids | parallelism 1 | key_by auction | window tumble(10s) late_to strays
                            | aggregate count(*) as n, sum(price) as total, avg(price) as mean | parallelism {parallelism}
                            | into file 'out' with (format = 'json');
                       strays | into file 'late' with (format = 'json');
                     }}"
                ),
            );
            let storage = open_storage(&path.join("state/jobs/t"), &Restore::Latest).expect("the database opens");
            let restore = storage.checkpoints().expect("it can be read").last().copied();
            let options = JobOptions {
                checkpoint_interval_ms: Some(1),
                restart: Restart { attempts: 100, delay_ms: 1 },
                batch_rows: 50,
                channel_capacity: 1 + usize::try_from(rng.below(4)).expect("small"),
                ..JobOptions::default()
            };
            let width = usize::try_from(parallelism).expect("small");
            let make = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&graph, Some(parallelism))));
            let mut job =
                Stepper::launch(make, width, options, restore, Some(storage), rng.next(), 0).expect("it starts");
            let steps = if launch < 4 { 50 + rng.below(400) } else { u64::MAX };
            let kill_at = rng.below(300);
            for step in 0..steps {
                if step % 61 == 30 {
                    job.checkpoint();
                }
                if step == kill_at {
                    let vertices = job.view().vertices.len().max(1);
                    let vertex = VertexId(job.choose(vertices));
                    job.kill_subtask(SubtaskId { vertex, index: 0 });
                }
                if !job.step() {
                    break;
                }
            }
            if job.status().is_final() {
                assert_eq!(job.status(), JobStatus::Finished, "seed {seed}: {:?}", job.cause());
                break;
            }
            crashes += 1;
        }
        assert_eq!(committed_lines(&path.join("out")), expected, "seed {seed}");
        assert_eq!(late_of(&committed_lines(&path.join("late"))), late_bids(&late), "seed {seed}");
    }
    assert!(crashes > 0, "some run must have crashed");
    println!("{crashes} crashes");
}
