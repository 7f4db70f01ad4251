//! Whole jobs over the fakes, threaded unless said otherwise: back-pressure, closing, failing, stopping, rescaling.

#![expect(clippy::expect_used, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests"
)]

mod runtime_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use lotic::api::{Exchange, OnError};
use lotic::inspect::{CheckpointStatus, JobStatus, SubtaskStatus};
use lotic::plan::{JobGraph, JobSettings, Port};
use lotic::runtime::{CheckpointStorage, Executor, Job, JobOptions, MakeGraph, Restore, Stepper};
use lotic::types::{Error, MAX_WATERMARK, Result, SubtaskId, SystemClock, VertexId};
use runtime_support::failing::Failing;
use runtime_support::memory_storage::MemoryStorage;
use runtime_support::{
    Count, Graph, Limit, Numbers, Pass, Shared, Sink, Trick, counted, counting_job, schema, visible, with,
};

const LONG_MS: u64 = 60_000;

fn maker(make: impl Fn(usize) -> JobGraph + Send + Sync + 'static) -> Arc<MakeGraph> {
    Arc::new(move |parallelism| -> Result<JobGraph> { Ok(make(parallelism)) })
}

fn counting(numbers: &Numbers, world: &Shared) -> Arc<MakeGraph> {
    let (numbers, world) = (numbers.clone(), Arc::clone(world));
    maker(move |parallelism| counting_job(parallelism, &numbers, &world))
}

fn memory() -> Arc<dyn CheckpointStorage> {
    Arc::new(MemoryStorage::default())
}

fn launch(make: Arc<MakeGraph>, parallelism: usize, options: JobOptions) -> Job {
    let storage = Some(memory());
    Job::launch_graph(make, parallelism, options, &Restore::Fresh, storage, Arc::new(SystemClock::new()))
        .expect("the job starts")
}

/// Runs a job of this graph to its end under both executors with small and usual channels.
fn in_every_way(make: &Arc<MakeGraph>, settings: &JobSettings, check: impl Fn(&str)) {
    for (name, executor) in [
        ("threaded", Executor::Threaded),
        ("stepping 1", Executor::Stepping { seed: 1 }),
        ("stepping 2", Executor::Stepping { seed: 2 }),
    ] {
        for (parallelism, channel_capacity) in [(1, 1), (3, 1), (2, 8)] {
            let options = JobOptions { executor, ..with(JobSettings { channel_capacity, ..settings.clone() }) };
            let job = launch(Arc::clone(make), parallelism, options);
            let how = format!("{name}, parallelism {parallelism}, capacity {channel_capacity}");
            assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished), "{how}: {:?}", job.view());
            check(&how);
        }
    }
}

#[test]
fn a_job_counts_every_row_once() {
    let numbers = Numbers::new(3_000, 11);
    let world = Shared::default();
    in_every_way(&counting(&numbers, &world), &JobSettings::default(), |how| {
        assert_eq!(visible(&world), counted(&numbers), "{how}");
        *world.lock().unwrap() = runtime_support::World::default();
    });
}

/// One source, two ways, one of them through a side output, together again; every channel holds one element.
#[test]
fn a_diamond_with_side_outputs_does_not_deadlock() {
    let world = Shared::default();
    let make = {
        let world = Arc::clone(&world);
        maker(move |parallelism| {
            let mut graph = Graph::new();
            let source = graph.source(parallelism, Numbers::new(2_000, 7), None);
            let split = graph.chain(parallelism, vec![Arc::new(Pass(schema(), Trick::SideOdd))]);
            let slow = graph.chain(1, vec![Arc::new(Pass(schema(), Trick::Nothing))]);
            let union = graph.chain(parallelism, vec![Arc::new(Pass(schema(), Trick::Nothing))]);
            let sink = graph.chain(1, vec![Arc::new(Sink(schema(), Arc::clone(&world)))]);
            graph.edge(source, split, 0, Exchange::Rebalance);
            graph.edge(split, slow, 0, Exchange::Global);
            graph.edge(slow, union, 0, Exchange::Rebalance);
            graph.port_edge(split, Port::Side { operator: 0, port: 0 }, union, 1, Exchange::Hash(vec![0]));
            graph.edge(union, sink, 0, Exchange::Global);
            graph.finish()
        })
    };
    let wanted: Vec<(i64, i64)> = {
        let mut all: Vec<_> = (0..2_000).map(|value| (value % 7, value)).collect();
        all.sort_unstable();
        all
    };
    let settings = JobSettings { checkpoint_interval_ms: Some(1), ..JobSettings::default() };
    in_every_way(&make, &settings, |how| {
        assert_eq!(visible(&world), wanted, "{how}");
        *world.lock().unwrap() = runtime_support::World::default();
    });
}

#[test]
fn a_broadcast_reaches_every_subtask() {
    let world = Shared::default();
    let make = {
        let world = Arc::clone(&world);
        maker(move |_| {
            let mut graph = Graph::new();
            let source = graph.source(2, Numbers::new(50, 5), None);
            let sink = graph.chain(3, vec![Arc::new(Sink(schema(), Arc::clone(&world)))]);
            graph.edge(source, sink, 0, Exchange::Broadcast);
            graph.finish()
        })
    };
    let job = launch(make, 1, JobOptions::default());
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    assert_eq!(visible(&world).len(), 150);
}

/// The limit's branch ends the job's other branch in no way, and a source that nobody reads any more stops.
#[test]
fn a_limit_closes_its_branch_only() {
    let (limited, whole) = (Shared::default(), Shared::default());
    let make = {
        let (limited, whole) = (Arc::clone(&limited), Arc::clone(&whole));
        maker(move |parallelism| {
            let mut graph = Graph::new();
            let source = graph.source(parallelism, Numbers::new(1_000, 7), None);
            let few: Vec<Arc<dyn lotic::api::PlannedOperator>> =
                vec![Arc::new(Limit(schema(), 12)), Arc::new(Sink(schema(), Arc::clone(&limited)))];
            let few = graph.chain(1, few);
            let all = graph.chain(1, vec![Arc::new(Sink(schema(), Arc::clone(&whole)))]);
            graph.edge(source, few, 0, Exchange::Global);
            graph.edge(source, all, 0, Exchange::Global);
            graph.finish()
        })
    };
    in_every_way(&make, &JobSettings::default(), |how| {
        assert_eq!((visible(&limited).len(), visible(&whole).len()), (12, 1_000), "{how}");
        *limited.lock().unwrap() = runtime_support::World::default();
        *whole.lock().unwrap() = runtime_support::World::default();
    });
}

#[test]
fn a_limit_ends_an_endless_source_and_fires_what_is_behind_it() {
    let world = Shared::default();
    let seen = Arc::new(AtomicI64::new(i64::MIN));
    let make = {
        let (world, seen) = (Arc::clone(&world), Arc::clone(&seen));
        maker(move |parallelism| {
            let mut graph = Graph::new();
            let endless = Numbers { splits: 1, ..Numbers::new(i64::MAX, 7) };
            let source = graph.source(parallelism, endless, None);
            let limit = graph.chain(1, vec![Arc::new(Limit(schema(), 7))]);
            let behind: Vec<Arc<dyn lotic::api::PlannedOperator>> = vec![
                Arc::new(Pass(schema(), Trick::Watermark(Arc::clone(&seen)))),
                Arc::new(Sink(schema(), Arc::clone(&world))),
            ];
            let sink = graph.chain(1, behind);
            graph.edge(source, limit, 0, Exchange::Global);
            graph.edge(limit, sink, 0, Exchange::Forward);
            graph.finish()
        })
    };
    in_every_way(&make, &JobSettings::default(), |how| {
        assert_eq!(visible(&world).len(), 7, "{how}");
        assert_eq!(seen.swap(i64::MIN, Ordering::SeqCst), MAX_WATERMARK, "{how}");
        *world.lock().unwrap() = runtime_support::World::default();
    });
}

fn panicking(times: usize, world: &Shared) -> Arc<MakeGraph> {
    let (times, world) = (Arc::new(AtomicUsize::new(times)), Arc::clone(world));
    maker(move |parallelism| {
        let mut graph = Graph::new();
        let source = graph.source(parallelism, Numbers::new(500, 5), None);
        graph.append(source, Arc::new(Pass(schema(), Trick::PanicAt(333, Arc::clone(&times)))));
        let count = graph.chain(parallelism, vec![Arc::new(Count(schema()))]);
        let sink = graph.chain(1, vec![Arc::new(Sink(schema(), Arc::clone(&world)))]);
        graph.edge(source, count, 0, Exchange::Hash(vec![0]));
        graph.edge(count, sink, 0, Exchange::Global);
        graph.finish()
    })
}

#[test]
fn a_panic_is_a_failure_and_the_job_goes_on_from_its_last_checkpoint() {
    let world = Shared::default();
    let settings = JobSettings { checkpoint_interval_ms: Some(1), restart_delay_ms: 1, ..JobSettings::default() };
    let job = launch(panicking(2, &world), 2, with(settings));
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    let view = job.view();
    assert_eq!(view.restarts, 2);
    assert_eq!((view.source_rows, view.sink_rows), (500, 500));
    assert_eq!(visible(&world), counted(&Numbers::new(500, 5)));
}

#[test]
fn when_the_attempts_are_used_up_the_job_fails_with_the_cause() {
    let world = Shared::default();
    let settings = JobSettings { restart_attempts: 2, restart_delay_ms: 1, ..JobSettings::default() };
    let job = launch(panicking(100, &world), 2, with(settings));
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Failed));
    assert!(matches!(job.failure(), Some(Error::Panic(message)) if message.contains("unbearable")));
    assert_eq!(job.view().restarts, 2);
    assert_eq!(visible(&world), []);
    assert!(job.checkpoint().is_err_and(|error| error.to_string().contains("failed")));
}

#[test]
fn killed_subtasks_and_task_managers_restart_the_job() {
    let numbers = Numbers { rate: true, ..Numbers::new(1_000, 9) };
    let world = Shared::default();
    let settings = JobSettings {
        checkpoint_interval_ms: Some(5),
        restart_attempts: 5,
        restart_delay_ms: 1,
        task_managers: 2,
        ..JobSettings::default()
    };
    let job = launch(counting(&numbers, &world), 2, with(settings));
    job.kill_subtask(SubtaskId { vertex: VertexId(1), index: 1 }).expect("there is such a subtask");
    assert!(job.kill_subtask(SubtaskId { vertex: VertexId(9), index: 0 }).is_err());
    while job.view().restarts == 0 {
        assert_eq!(job.wait(Some(1)), None);
    }
    while job.kill_task_manager(1).is_err() {
        assert_eq!(job.wait(Some(1)), None);
    }
    assert!(job.kill_task_manager(2).is_err());
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    assert_eq!(job.view().restarts, 2);
    assert_eq!(visible(&world), counted(&numbers));
}

#[test]
fn pausing_holds_rows_but_not_barriers_and_rescaling_loses_nothing() {
    let numbers = Numbers { rate: true, batch: 2, ..Numbers::new(2_000, 13) };
    let world = Shared::default();
    let job = launch(counting(&numbers, &world), 2, JobOptions::default());
    job.pause().expect("it runs");
    assert!(job.pause().is_err());
    job.checkpoint().expect("barriers pass");
    let before = job.view();
    assert_eq!(before.status, JobStatus::Paused);
    assert_eq!(job.wait(Some(30)), None);
    assert_eq!(job.view().source_rows, before.source_rows);
    job.resume().expect("it is paused");
    for parallelism in [3, 1, 4] {
        job.rescale(parallelism).expect("it runs");
        assert_eq!(job.view().parallelism, parallelism);
    }
    assert!(job.rescale(17).is_err(), "there are 16 key groups");
    let taken = job.checkpoint().expect("it runs");
    assert_eq!(taken.status, CheckpointStatus::Completed);
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    assert_eq!(visible(&world), counted(&numbers));
    assert_eq!(job.view().restarts, 0);
}

#[test]
fn a_stopped_job_goes_on_where_it_was_and_drains_only_when_asked() {
    for drain in [false, true] {
        let numbers = Numbers { rate: true, ..Numbers::new(600, 5) };
        let world = Shared::default();
        let storage = Some(memory());
        let clock = Arc::new(SystemClock::new());
        let start = |parallelism| {
            let options = JobOptions::default();
            let make = counting(&numbers, &world);
            Job::launch_graph(make, parallelism, options, &Restore::Latest, storage.clone(), clock.clone())
                .expect("the job starts")
        };
        let job = start(2);
        assert_eq!(job.restored_from(), None);
        while job.view().source_rows < 50 {
            assert_eq!(job.wait(Some(1)), None);
        }
        job.stop(None, drain).expect("it runs");
        assert_eq!(job.wait(None), Some(JobStatus::Finished));
        let read = job.view().source_rows;
        assert!((50..600).contains(&read), "{read}");
        assert_eq!(visible(&world).len() as u64, read);
        let watermark = job.view().vertices[2].subtasks[0].watermark;
        assert_eq!(watermark == Some(MAX_WATERMARK), drain);
        let job = start(3);
        assert!(job.restored_from().is_some());
        assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
        assert_eq!(visible(&world), counted(&numbers));
        assert_eq!(job.view().source_rows, 600);
    }
}

#[test]
fn stop_after_rows_is_exact_and_the_rest_comes_after_a_restore() {
    let numbers = Numbers::new(1_000, 5);
    let world = Shared::default();
    let storage = Some(memory());
    for (run, parallelism) in [(1_u64, 3), (2, 2), (3, 1)] {
        let options = JobOptions { stop_after_rows: Some(217), drain: false, ..JobOptions::default() };
        let make = counting(&numbers, &world);
        let job = Job::launch_graph(
            make,
            parallelism,
            options,
            &Restore::Latest,
            storage.clone(),
            Arc::new(SystemClock::new()),
        )
        .expect("the job starts");
        assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
        assert_eq!(visible(&world).len() as u64, 217 * run);
        assert_eq!(job.view().source_rows, 217 * run);
    }
    let job = Job::launch_graph(
        counting(&numbers, &world),
        4,
        JobOptions::default(),
        &Restore::Latest,
        storage,
        Arc::new(SystemClock::new()),
    )
    .expect("the job starts");
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    assert_eq!(visible(&world), counted(&numbers));
}

/// One of two sources stalls, having nothing or nothing that is due: its idle timeout lets event time go on by the other.
#[test]
fn an_idle_source_does_not_hold_back_event_time() {
    for (idle_timeout_ms, pace, wanted) in
        [(None, None, 4), (Some(20), None, 99), (None, Some(0.001), 0), (Some(20), Some(0.001), 99)]
    {
        let seen = Arc::new(AtomicI64::new(i64::MIN));
        let make = {
            let seen = Arc::clone(&seen);
            maker(move |_| {
                let mut graph = Graph::new();
                let whole = Numbers { splits: 1, rate: true, stall_at: Some(100), ..Numbers::new(200, 5) };
                let stalling = Numbers { splits: 1, stall_at: Some(5), ..Numbers::new(1_000, 5) };
                let flowing = graph.source(1, whole, idle_timeout_ms.map(|ms: i64| ms * 1_000));
                let stalled = graph.paced_source(1, stalling, idle_timeout_ms, pace);
                let watch = graph.chain(1, vec![Arc::new(Pass(schema(), Trick::Watermark(Arc::clone(&seen))))]);
                graph.edge(flowing, watch, 0, Exchange::Forward);
                graph.edge(stalled, watch, 1, Exchange::Forward);
                graph.finish()
            })
        };
        let mut stepper =
            Stepper::launch(make, 1, JobOptions::default(), None, None, 5, 1_000).expect("the job starts");
        while stepper.now_ms() < 1_400 && stepper.step() {}
        assert_eq!(seen.load(Ordering::SeqCst), wanted, "idle timeout {idle_timeout_ms:?}, pace {pace:?}");
    }
}

#[test]
fn a_paced_source_flows_by_its_event_time_and_its_held_rows_survive() {
    let world = Shared::default();
    let make = {
        let world = Arc::clone(&world);
        maker(move |parallelism| {
            let mut graph = Graph::new();
            let numbers = Numbers { splits: 2, batch: 64, ..Numbers::new(1_000, 3) };
            let source = graph.paced_source(parallelism, numbers, None, Some(2.0));
            let sink = graph.chain(1, vec![Arc::new(Sink(schema(), Arc::clone(&world)))]);
            graph.edge(source, sink, 0, Exchange::Global);
            graph.finish()
        })
    };
    let storage = Some(memory());
    let mut stepper =
        Stepper::launch(Arc::clone(&make), 2, JobOptions::default(), None, storage.clone(), 1, 0).expect("starts");
    while stepper.now_ms() < 100 && stepper.step() {}
    let rows = stepper.view().source_rows;
    assert!((380..=410).contains(&rows), "two readers, 2 rows a millisecond each: {rows}");
    stepper.checkpoint();
    while stepper.take_answers().is_empty() {
        assert!(stepper.step());
    }
    drop(stepper);
    let restore = storage.as_ref().unwrap().checkpoints().expect("memory").last().copied();
    let mut stepper = Stepper::launch(make, 1, JobOptions::default(), restore, storage, 2, 0).expect("starts again");
    assert_eq!(stepper.run(1_000_000), JobStatus::Finished);
    let values: Vec<i64> = {
        let mut values: Vec<_> = visible(&world).into_iter().map(|(_, value)| value).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(values, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn rejected_rows_are_counted_written_or_fail_the_job() {
    let (good, bad) = (Shared::default(), Shared::default());
    let make = |on_error: OnError| {
        let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
        maker(move |parallelism| {
            let mut graph = Graph::new();
            let source = graph.source(parallelism, Numbers::new(100, 5), None);
            let reject = graph.chain(parallelism, vec![Arc::new(Pass(schema(), Trick::RejectOdd))]);
            graph.on_error(reject, on_error);
            let sink = graph.chain(1, vec![Arc::new(Sink(schema(), Arc::clone(&good)))]);
            graph.edge(source, reject, 0, Exchange::Forward);
            graph.edge(reject, sink, 0, Exchange::Global);
            if on_error == OnError::DeadLetter {
                let letters = graph.chain(1, vec![Arc::new(runtime_support::Letters(schema(), Arc::clone(&bad)))]);
                graph.port_edge(reject, Port::DeadLetter, letters, 0, Exchange::Global);
            }
            graph.finish()
        })
    };
    for on_error in [OnError::Skip, OnError::DeadLetter] {
        let job = launch(make(on_error), 2, JobOptions::default());
        assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
        let subtasks = &job.view().vertices[1].subtasks;
        let sum = |of: fn(&lotic::inspect::SubtaskView) -> u64| subtasks.iter().map(of).sum::<u64>();
        assert_eq!((sum(|s| s.rows_in), sum(|s| s.rows_out), sum(|s| s.rejected_rows)), (100, 50, 50));
        assert_eq!(visible(&good).len(), 50);
        assert_eq!(visible(&bad).len(), if on_error == OnError::DeadLetter { 50 } else { 0 });
        *good.lock().unwrap() = runtime_support::World::default();
    }
    let settings = JobSettings { restart_attempts: 0, ..JobSettings::default() };
    let job = launch(make(OnError::Fail), 2, with(settings));
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Failed));
    let failure = job.failure();
    assert!(
        matches!(failure, Some(Error::Row { place, message, row }) if place == "pass" && message == "odd" && !row.is_empty())
    );
}

#[test]
fn a_preview_keeps_nothing_and_commits_at_its_end() {
    let numbers = Numbers::new(100, 5);
    let world = Shared::default();
    let clock = Arc::new(SystemClock::new());
    let job = Job::launch_graph(counting(&numbers, &world), 2, JobOptions::default(), &Restore::Latest, None, clock)
        .expect("the job starts");
    assert!(job.checkpoint().is_err());
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    assert_eq!(visible(&world), counted(&numbers));
}

#[test]
fn a_cancelled_job_is_over_and_its_uncommitted_output_is_lost() {
    let numbers = Numbers { rate: true, ..Numbers::new(100_000, 5) };
    let world = Shared::default();
    let job = launch(counting(&numbers, &world), 2, JobOptions::default());
    job.cancel();
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Cancelled));
    assert_eq!(visible(&world), []);
    assert!(job.pause().is_err());
}

#[test]
fn a_view_shows_edges_queues_progress_and_operators() {
    let numbers = Numbers { rate: true, ..Numbers::new(400, 5) };
    let world = Shared::default();
    let job = launch(counting(&numbers, &world), 2, JobOptions::default());
    while job.view().vertices[2].subtasks[0].operators.is_empty() {
        assert_eq!(job.wait(Some(1)), None);
    }
    let view = job.view();
    assert_eq!(view.edges.iter().map(|edge| edge.exchange.to_string()).collect::<Vec<_>>(), ["hash[k]", "rebalance"]);
    assert_eq!(view.vertices[1].subtasks[0].queue.1, 16);
    assert_eq!(view.progress.map(|(_, total)| total), Some(400));
    assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished));
    let view = job.view();
    assert_eq!(view.progress, Some((400, 400)));
    assert!(view.vertices.iter().flat_map(|v| &v.subtasks).all(|s| s.status == SubtaskStatus::Finished));
    assert!(view.vertices[1].subtasks.iter().all(|s| s.watermark == Some(MAX_WATERMARK)));
}

/// A job that reads a row a millisecond, with a storage that fails when it is told to.
fn failing(settings: JobSettings, world: &Shared) -> (Stepper, Arc<Failing>) {
    let numbers = Numbers { rate: true, ..Numbers::new(2_000, 9) };
    let storage = Arc::new(Failing::new(memory(), u64::MAX, 1));
    let held: Arc<dyn CheckpointStorage> = Arc::<Failing>::clone(&storage);
    let stepper = Stepper::launch(counting(&numbers, world), 2, with(settings), None, Some(held), 4, 0);
    (stepper.expect("the job starts"), storage)
}

/// The status and cause of each checkpoint.
fn outcomes(stepper: &Stepper) -> Vec<(CheckpointStatus, Option<String>)> {
    stepper.view().checkpoints.iter().map(|checkpoint| (checkpoint.status, checkpoint.cause.clone())).collect()
}

fn answer(stepper: &mut Stepper) -> Result<()> {
    for _ in 0..100_000 {
        if let Some(answer) = stepper.take_answers().pop() {
            return answer;
        }
        assert!(stepper.step(), "nothing is answered");
    }
    panic!("nothing is answered");
}

#[test]
fn failed_checkpoints_are_tolerated_as_often_in_a_row_as_the_setting_says() {
    let world = Shared::default();
    let settings = JobSettings { tolerable_failed_checkpoints: 2, restart_delay_ms: 1, ..JobSettings::default() };
    let (mut stepper, storage) = failing(settings, &world);
    for (fail, restarts) in [(2, 0), (2, 0), (3, 1)] {
        storage.next.store(fail, Ordering::SeqCst);
        for _ in 0..fail {
            stepper.checkpoint();
            let error = answer(&mut stepper).expect_err("it can't be written").to_string();
            assert_eq!(error, "no space is left");
        }
        while stepper.status() != JobStatus::Running {
            assert!(stepper.step());
        }
        assert_eq!(stepper.view().restarts, restarts);
        stepper.checkpoint();
        answer(&mut stepper).expect("the next can");
    }
    let failed = (Some("no space is left".to_owned()), CheckpointStatus::Failed);
    let count = outcomes(&stepper).iter().filter(|(status, cause)| (cause.clone(), *status) == failed).count();
    assert_eq!(count, 7);
    assert_eq!(stepper.run(1_000_000), JobStatus::Finished);
    assert_eq!(visible(&world), counted(&Numbers::new(2_000, 9)));
}

#[test]
fn a_checkpoint_that_takes_too_long_is_given_up_and_the_job_restarts_where_none_is_tolerated() {
    let world = Shared::default();
    for tolerable_failed_checkpoints in [1, 0] {
        let settings = JobSettings {
            checkpoint_timeout_ms: 2_000,
            restart_delay_ms: 1,
            tolerable_failed_checkpoints,
            ..JobSettings::default()
        };
        let (mut stepper, _) = failing(settings, &Shared::clone(&world));
        stepper.checkpoint();
        stepper.advance(1_999);
        assert_eq!(outcomes(&stepper), [(CheckpointStatus::Pending, None)]);
        stepper.advance(1);
        assert_eq!(outcomes(&stepper), [(CheckpointStatus::Failed, Some("timed out after 2s".to_owned()))]);
        let error = answer(&mut stepper).expect_err("it is given up").to_string();
        assert_eq!(error, "checkpoint 1 timed out after 2s");
        let restarts = stepper.status() == JobStatus::Restarting;
        assert_eq!(restarts, tolerable_failed_checkpoints == 0);
        assert_eq!(stepper.run(1_000_000), JobStatus::Finished);
        assert_eq!(visible(&world), counted(&Numbers::new(2_000, 9)));
        *world.lock().unwrap() = runtime_support::World::default();
    }
}

#[test]
fn an_aborted_checkpoint_is_not_counted_and_the_next_has_the_next_number() {
    let world = Shared::default();
    let (mut stepper, _) = failing(JobSettings::default(), &world);
    stepper.abort_checkpoint();
    assert_eq!(answer(&mut stepper).expect_err("there is none").to_string(), "no checkpoint is being taken");
    stepper.checkpoint();
    for _ in 0..5 {
        stepper.step();
    }
    stepper.abort_checkpoint();
    let mut answers: Vec<_> =
        stepper.take_answers().into_iter().map(|answer| answer.map_err(|e| e.to_string())).collect();
    answers.sort();
    assert_eq!(answers, [Ok(()), Err("checkpoint 1 was aborted by command".to_owned())]);
    stepper.checkpoint();
    answer(&mut stepper).expect("the next completes");
    let by_command = Some("aborted by command".to_owned());
    assert_eq!(outcomes(&stepper), [(CheckpointStatus::Failed, by_command), (CheckpointStatus::Completed, None)]);
    assert_eq!(stepper.run(1_000_000), JobStatus::Finished);
    assert_eq!(stepper.view().restarts, 0);
    assert_eq!(visible(&world), counted(&Numbers::new(2_000, 9)));
}

#[test]
fn between_the_end_of_a_checkpoint_and_the_next_trigger_is_the_minimum_pause() {
    for (min_pause_ms, least) in [(0, 5), (40, 40)] {
        let world = Shared::default();
        let settings = JobSettings { checkpoint_interval_ms: Some(5), min_pause_ms, ..JobSettings::default() };
        let (mut stepper, _) = failing(settings, &world);
        assert_eq!(stepper.run(1_000_000), JobStatus::Finished);
        let checkpoints = stepper.view().checkpoints;
        // The last one is that of the end.
        let paused = checkpoints[..checkpoints.len() - 1].windows(2).map(|pair| {
            pair[1].triggered_ms - pair[0].triggered_ms - if least == 5 { 0 } else { pair[0].duration_ms.unwrap_or(0) }
        });
        let paused: Vec<i64> = paused.collect();
        assert!(paused.len() > 3 && paused.iter().all(|pause| (least..least + 20).contains(pause)), "{paused:?}");
    }
}

/// The storage in memory can't write savepoints; and one that fails can't write the last checkpoint.
#[test]
fn a_stop_that_fails_leaves_the_job_running() {
    for (drain, fail) in [(false, 0), (false, 1), (true, 1)] {
        let numbers = Numbers { rate: true, ..Numbers::new(1_000, 5) };
        let world = Shared::default();
        let storage = Arc::new(Failing::new(memory(), u64::MAX, 1));
        let held: Arc<dyn CheckpointStorage> = Arc::<Failing>::clone(&storage);
        let clock = Arc::new(SystemClock::new());
        let make = counting(&numbers, &world);
        let job = Job::launch_graph(make, 2, JobOptions::default(), &Restore::Fresh, Some(held), clock);
        let job = job.expect("the job starts");
        while job.view().source_rows < 50 {
            assert_eq!(job.wait(Some(1)), None);
        }
        let directory = tempfile::tempdir().expect("a directory");
        storage.next.store(fail, Ordering::SeqCst);
        let error = job.stop(Some(&directory.path().join("sp")), drain).expect_err("no savepoint").to_string();
        let cause = if fail == 0 { "checkpoints in memory can't be written as savepoints" } else { "no space is left" };
        assert!(error.contains(cause), "{error}");
        assert_eq!(job.wait(Some(LONG_MS)), Some(JobStatus::Finished), "it reads to its end");
        let view = job.view();
        assert_eq!((view.restarts, view.source_rows), (0, 1_000));
        assert_eq!(visible(&world), counted(&numbers));
        let noted = view.events.iter().any(|event| event.message.starts_with("can't be stopped, so it goes on: "));
        assert!(noted, "{:?}", view.events);
    }
}
