//! Jobs whose checkpoints are in the state database: stopped, crashed and restored at other parallelisms, from
//! checkpoints and from savepoints.

#![expect(clippy::expect_used, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests"
)]

mod runtime_support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lotic::api::Exchange;
use lotic::inspect::JobStatus;
use lotic::plan::{JobGraph, JobSettings};
use lotic::runtime::{Job, MakeGraph, Restore, Stepper, open_storage};
use lotic::types::{Result, SystemClock};
use runtime_support::{Graph, Numbers, Pass, Shared, Trick, counted, counting_job, schema, visible, with};

fn maker(numbers: &Numbers, world: &Shared) -> Arc<MakeGraph> {
    let (numbers, world) = (numbers.clone(), Arc::clone(world));
    Arc::new(move |parallelism| -> Result<JobGraph> { Ok(counting_job(parallelism, &numbers, &world)) })
}

fn launch(directory: &Path, restore: &Restore, parallelism: usize, numbers: &Numbers, world: &Shared) -> Result<Job> {
    let storage = open_storage(directory, restore)?;
    let options = with(JobSettings { checkpoint_interval_ms: Some(20), ..JobSettings::default() });
    let clock = Arc::new(SystemClock::new());
    Job::launch_graph(maker(numbers, world), parallelism, options, restore, Some(storage), clock)
}

#[test]
fn crashed_jobs_go_on_at_any_parallelism() {
    for seed in 0..12 {
        let directory = tempfile::tempdir().expect("a directory");
        let numbers = Numbers::new(400, 7);
        let world = Shared::default();
        let mut launches = 0;
        loop {
            launches += 1;
            let storage = open_storage(directory.path(), &Restore::Latest).expect("the database opens");
            let restore = storage.checkpoints().expect("it can be read").last().copied();
            let options = with(JobSettings { checkpoint_interval_ms: Some(1), ..JobSettings::default() });
            let parallelism = 1 + (seed + launches) % 3;
            let graph = maker(&numbers, &world);
            let seed = (seed * 100 + launches) as u64;
            let mut stepper =
                Stepper::launch(graph, parallelism, options, restore, Some(storage), seed, 0).expect("it starts");
            let steps = if launches < 5 { 100 + stepper.choose(600) } else { usize::MAX };
            for step in 0..steps {
                if step % 97 == 50 {
                    stepper.checkpoint();
                }
                if !stepper.step() {
                    break;
                }
            }
            if stepper.status().is_final() {
                assert_eq!(stepper.status(), JobStatus::Finished);
                break;
            }
        }
        assert_eq!(visible(&world), counted(&numbers), "seed {seed}");
    }
}

#[test]
fn a_savepoint_starts_another_run_and_a_fresh_run_leaves_the_earlier_one_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let (state, savepoint) = (directory.path().join("jobs/count"), directory.path().join("sp-1"));
    let numbers = Numbers { rate: true, ..Numbers::new(2_000, 9) };
    let world = Shared::default();
    let job = launch(&state, &Restore::Fresh, 2, &numbers, &world).expect("it starts");
    while job.view().source_rows < 100 {
        assert_eq!(job.wait(Some(1)), None);
    }
    job.stop(Some(&savepoint), false).expect("it runs");
    assert!(job.failure().is_none());
    let restore = Restore::Savepoint(savepoint);
    let job = launch(&state, &restore, 3, &numbers, &world).expect("the savepoint can be read");
    assert!(job.restored_from().is_some());
    assert_eq!(job.wait(Some(60_000)), Some(JobStatus::Finished));
    assert_eq!(visible(&world), counted(&numbers));
    let nowhere = Restore::Savepoint(directory.path().join("sp-2"));
    assert!(launch(&state, &nowhere, 1, &numbers, &world).is_err());
    let job = launch(&state, &Restore::Latest, 1, &numbers, &world).expect("the last run is still there");
    assert_eq!(job.wait(Some(60_000)), Some(JobStatus::Finished));
    assert_eq!(visible(&world), counted(&numbers), "nothing was left to do");
}

/// All values are in one range: one reader has them, and those of the other subtasks are at their end.
#[test]
fn the_watermark_of_a_restored_job_goes_on_from_where_it_was_and_rises() {
    for (before, after) in [(1, 1), (2, 2), (4, 4), (2, 1), (1, 4), (4, 2)] {
        let directory = tempfile::tempdir().expect("a directory");
        let seen = Arc::new(AtomicI64::new(i64::MIN));
        let launch = |parallelism: usize, seed: u64, stall_at: i64, restore: &Restore| {
            let numbers = Numbers { splits: 1, stall_at: Some(stall_at), ..Numbers::new(1_000, 5) };
            let seen = Arc::clone(&seen);
            let make: Arc<MakeGraph> = Arc::new(move |parallelism| {
                let mut graph = Graph::new();
                let source = graph.source(parallelism, numbers.clone(), None);
                let watch = graph.chain(1, vec![Arc::new(Pass(schema(), Trick::Watermark(Arc::clone(&seen))))]);
                graph.edge(source, watch, 0, Exchange::Global);
                Ok(graph.finish())
            });
            let storage = open_storage(directory.path(), restore).expect("the database opens");
            let from = storage.checkpoints().expect("it can be read").last().copied();
            let options = with(JobSettings::default());
            Stepper::launch(make, parallelism, options, from, Some(storage), seed, 0).expect("it starts")
        };
        let run = |job: &mut Stepper, rows: u64| {
            for _ in 0..2_000 {
                assert!(job.step());
            }
            assert_eq!(job.view().source_rows, rows, "{before} to {after}");
        };
        for seed in 0..10 {
            let mut job = launch(before, seed, 100, &Restore::Fresh);
            run(&mut job, 100);
            assert_eq!(seen.swap(i64::MIN, Ordering::SeqCst), 99, "{before} to {after}");
            job.checkpoint();
            while job.take_answers().is_empty() {
                assert!(job.step());
            }
            drop(job);
            let mut job = launch(after, seed, 0, &Restore::Latest);
            run(&mut job, 100);
            assert_eq!(seen.swap(i64::MIN, Ordering::SeqCst), 99, "{before} to {after}: before any row");
            drop(job);
            let mut job = launch(after, seed, 50, &Restore::Latest);
            run(&mut job, 150);
            assert_eq!(seen.swap(i64::MIN, Ordering::SeqCst), 149, "{before} to {after}");
        }
    }
}
