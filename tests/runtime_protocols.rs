//! Exactly-once under every interleaving that a seed can choose: the stepping executor runs the real subtasks, exchanges
//! and job manager while checkpoints, kills, crashes, rescales and pauses come at random moments.
//!
//! `LOTIC_SEEDS` says how many seeds are tried.

#![expect(clippy::expect_used, clippy::cast_possible_truncation, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests"
)]

mod runtime_support;

use std::collections::BTreeSet;
use std::sync::Arc;

use lotic::api::Exchange;
use lotic::inspect::{JobStatus, JobView};
use lotic::plan::{JobGraph, JobSettings};
use lotic::runtime::{CheckpointStorage, Job, JobOptions, MakeGraph, Restore, Stepper};
use lotic::types::{Result, SubtaskId, SystemClock, VertexId};
use runtime_support::failing::Failing;
use runtime_support::memory_storage::MemoryStorage;
use runtime_support::resumable::{Fan, Timers};
use runtime_support::{Graph, Numbers, Shared, Sink, counted, counting_job, schema, visible, with};

fn seeds() -> u64 {
    std::env::var("LOTIC_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

fn graph_maker(numbers: &Numbers, world: &Shared) -> Arc<MakeGraph> {
    let (numbers, world) = (numbers.clone(), Arc::clone(world));
    Arc::new(move |parallelism| -> Result<JobGraph> { Ok(counting_job(parallelism, &numbers, &world)) })
}

/// What a run went through.
#[derive(Debug, Default)]
struct Ran {
    launches: u32,
    restarts: u32,
    /// Checkpoints that were completed, and that timed out, could not be written, or were aborted.
    completed: usize,
    timed_out: usize,
    unwritten: usize,
    aborted: usize,
}

impl Ran {
    fn add(&mut self, view: &JobView) {
        self.restarts += view.restarts;
        let causes = || view.checkpoints.iter().filter_map(|checkpoint| checkpoint.cause.as_deref());
        self.completed += view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed()).count();
        self.timed_out += causes().filter(|cause| cause.starts_with("timed out after")).count();
        self.unwritten += causes().filter(|cause| cause.contains("no space is left")).count();
        self.aborted += causes().filter(|cause| *cause == "aborted by command").count();
    }
}

/// Runs one job to its end through whatever the seed brings; with `early` checkpoints end early as well.
fn run(seed: u64, make: &Arc<MakeGraph>, early: bool) -> Ran {
    let memory: Arc<dyn CheckpointStorage> = Arc::new(MemoryStorage::default());
    let storage = if early { Arc::new(Failing::new(memory, 8, seed)) } else { memory };
    let mut ran = Ran::default();
    let mut launches = 0;
    let mut steps = 0_u64;
    loop {
        launches += 1;
        let parallelism = 1 + (seed as usize + launches as usize * 7) % 3;
        let settings = JobSettings {
            checkpoint_interval_ms: seed.is_multiple_of(2).then_some(3),
            restart_attempts: 1_000,
            restart_delay_ms: (seed % 3).cast_signed(),
            channel_capacity: 1 + (seed % 3) as usize,
            task_managers: 1 + (seed % 2) as usize,
            checkpoint_timeout_ms: if early { 1 + (seed % 4).cast_signed() } else { 600_000 },
            min_pause_ms: (seed % 3).cast_signed(),
            tolerable_failed_checkpoints: (seed % 5) as u32,
            ..JobSettings::default()
        };
        let restore = storage.checkpoints().expect("memory").last().copied();
        let mut stepper = Stepper::launch(
            Arc::clone(make),
            parallelism,
            with(settings),
            restore,
            Some(Arc::clone(&storage)),
            seed.wrapping_mul(1_000_003).wrapping_add(u64::from(launches)),
            0,
        )
        .expect("the job starts");
        let crash_in = if launches < 4 { 50 + stepper.choose(3_000) } else { usize::MAX };
        for step in 0.. {
            steps += 1;
            assert!(steps < 2_000_000, "seed {seed} does not end: {:?}", stepper.view());
            if !stepper.step() {
                // A paused job waits for somebody.
                if stepper.status() == JobStatus::Paused {
                    stepper.pause(false);
                    continue;
                }
                assert_eq!(stepper.status(), JobStatus::Finished, "seed {seed}: {:?}", stepper.cause());
                ran.add(&stepper.view());
                return Ran { launches, ..ran };
            }
            if step >= crash_in {
                ran.add(&stepper.view());
                break;
            }
            if early {
                match stepper.choose(300) {
                    0 | 1 => stepper.abort_checkpoint(),
                    2..6 => stepper.advance(1),
                    _ => {}
                }
            }
            match stepper.choose(900) {
                0..6 => stepper.checkpoint(),
                6 | 7 => {
                    let subtask = SubtaskId { vertex: VertexId(stepper.choose(3)), index: 0 };
                    stepper.kill_subtask(subtask);
                }
                8 => stepper.kill_task_manager(0),
                9 => {
                    let parallelism = 1 + stepper.choose(4);
                    stepper.rescale(parallelism);
                }
                10 => stepper.pause(true),
                11..18 => stepper.pause(false),
                _ => {}
            }
            stepper.take_answers();
        }
    }
}

#[test]
fn output_is_exactly_once_under_random_interleavings() {
    let mut crashed = 0;
    for seed in 0..seeds() {
        let numbers = Numbers {
            batch: 1 + (seed % 6).cast_signed(),
            pending_every: (seed % 4) as usize * 3,
            ..Numbers::new(120 + (seed % 5).cast_signed() * 40, 1 + (seed % 9).cast_signed())
        };
        let world = Shared::default();
        crashed += run(seed, &graph_maker(&numbers, &world), false).launches - 1;
        assert_eq!(visible(&world), counted(&numbers), "seed {seed}");
    }
    assert!(seeds() < 50 || crashed > 20, "the seeds crash too rarely to show anything: {crashed}");
}

/// What subtasks had handed over to a checkpoint that timed out, could not be written or was aborted is not lost, through
/// kills, crashes, rescales and pauses.
#[test]
fn checkpoints_that_end_early_lose_nothing_and_double_nothing() {
    let mut all = Ran::default();
    for seed in 0..seeds() {
        let numbers = Numbers {
            batch: 1 + (seed % 6).cast_signed(),
            pending_every: (seed % 4) as usize * 3,
            ..Numbers::new(120 + (seed % 5).cast_signed() * 40, 1 + (seed % 9).cast_signed())
        };
        let world = Shared::default();
        let ran = run(seed, &graph_maker(&numbers, &world), true);
        assert_eq!(visible(&world), counted(&numbers), "seed {seed}");
        all.launches += ran.launches;
        all.restarts += ran.restarts;
        all.completed += ran.completed;
        all.timed_out += ran.timed_out;
        all.unwritten += ran.unwritten;
        all.aborted += ran.aborted;
    }
    println!("{} seeds: {all:?}", seeds());
    let rarest = all.timed_out.min(all.unwritten).min(all.aborted);
    assert!(seeds() < 50 || rarest > 50, "too few end early to show anything: {all:?}");
}

/// A chained operator that makes many rows of each, then timers of both kinds behind a hash exchange, then a sink.
fn resumable_maker(numbers: &Numbers, world: &Shared, indivisible: bool) -> Arc<MakeGraph> {
    let (numbers, world) = (numbers.clone(), Arc::clone(world));
    Arc::new(move |parallelism| -> Result<JobGraph> {
        let mut graph = Graph::new();
        let source = graph.source(parallelism, numbers.clone(), None);
        let timers = graph.chain(parallelism, vec![Arc::new(Timers(schema()))]);
        let fan = Fan { schema: schema(), each: FAN, batch: 3, indivisible };
        let sink = graph.chain(parallelism, vec![Arc::new(fan), Arc::new(Sink(schema(), Arc::clone(&world)))]);
        graph.edge(source, timers, 0, Exchange::Hash(vec![0]));
        graph.edge(timers, sink, 0, Exchange::Rebalance);
        Ok(graph.finish())
    })
}

/// Rows that each becomes.
const FAN: i64 = 5;

/// What [`resumable_maker`]'s job must have made visible in the end.
fn resumed(numbers: &Numbers) -> Vec<(i64, i64)> {
    let timers: BTreeSet<(i64, i64)> = (0..numbers.total)
        .flat_map(|value| [(value % numbers.keys, (value / 10 + 1) * 10), (1_000_000 + value % numbers.keys, 0)])
        .collect();
    let fan = |(key, value): (i64, i64)| (value * FAN..(value + 1) * FAN).map(move |value| (key, value));
    let mut rows: Vec<_> = timers.into_iter().flat_map(fan).collect();
    rows.sort_unstable();
    rows
}

/// Timers are armed, coalesced, checkpointed, restored at any parallelism, and fire once; what was not given when a
/// checkpoint came is given after the restore.
#[test]
fn timers_and_rows_that_become_many_survive_whatever_comes() {
    let mut crashed = 0;
    for seed in 0..seeds() {
        let numbers = Numbers {
            batch: 1 + (seed % 6).cast_signed(),
            pending_every: (seed % 4) as usize * 3,
            // One split: with several, a reader may come to rows that others have left behind by more than a timer.
            splits: 1,
            ..Numbers::new(60 + (seed % 5).cast_signed() * 40, 1 + (seed % 9).cast_signed())
        };
        let world = Shared::default();
        let ran = run(seed, &resumable_maker(&numbers, &world, seed % 5 == 0), seed % 3 == 0);
        crashed += ran.launches - 1;
        assert_eq!(visible(&world), resumed(&numbers), "seed {seed}");
    }
    assert!(seeds() < 50 || crashed > 20, "the seeds crash too rarely to show anything: {crashed}");
    println!("{} seeds, {crashed} crashes", seeds());
}

/// The same under threads.
#[test]
fn timers_and_rows_that_become_many_under_threads() {
    let numbers = Numbers { splits: 1, ..Numbers::new(2_000, 7) };
    for parallelism in [1, 2, 3] {
        let world = Shared::default();
        let settings = JobSettings { checkpoint_interval_ms: Some(1), channel_capacity: 2, ..JobSettings::default() };
        let storage: Arc<dyn CheckpointStorage> = Arc::new(MemoryStorage::default());
        let (make, clock) = (resumable_maker(&numbers, &world, false), Arc::new(SystemClock::new()));
        let job = Job::launch_graph(make, parallelism, with(settings), &Restore::Fresh, Some(storage), clock);
        assert_eq!(job.expect("starts").wait(Some(60_000)), Some(JobStatus::Finished));
        assert_eq!(visible(&world), resumed(&numbers), "parallelism {parallelism}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let numbers = Numbers::new(200, 5);
    let order = |seed| {
        let world = Shared::default();
        let storage: Arc<dyn CheckpointStorage> = Arc::new(MemoryStorage::default());
        let options = with(JobSettings { checkpoint_interval_ms: Some(2), ..JobSettings::default() });
        let mut stepper =
            Stepper::launch(graph_maker(&numbers, &world), 3, options, None, Some(storage), seed, 0).expect("starts");
        let mut trace = Vec::new();
        while stepper.step() {
            let view = stepper.view();
            trace.push((view.source_rows, view.sink_rows, view.checkpoints.len()));
        }
        trace
    };
    assert_eq!(order(7), order(7));
    assert_ne!(order(7), order(8));
}

#[test]
fn a_failing_commit_restarts_the_job_and_loses_nothing() {
    let numbers = Numbers::new(300, 4);
    let world = Shared::default();
    world.lock().unwrap().fail_commits = 1;
    let storage: Arc<dyn CheckpointStorage> = Arc::new(MemoryStorage::default());
    let options = with(JobSettings { checkpoint_interval_ms: Some(1), ..JobSettings::default() });
    let start = |options: JobOptions| {
        Stepper::launch(graph_maker(&numbers, &world), 2, options, None, Some(Arc::clone(&storage)), 3, 0)
    };
    assert!(start(options.clone()).is_err());
    let mut stepper = start(options).expect("the second time it starts");
    world.lock().unwrap().fail_commits = 1;
    assert_eq!(stepper.run(100_000), JobStatus::Finished);
    assert_eq!(stepper.view().restarts, 1);
    assert_eq!(visible(&world), counted(&numbers));
}

/// A replay goes on from the clock and the seed that the checkpoint holds: twice the same, step by step.
#[test]
fn a_checkpoint_holds_the_seed_from_which_its_replay_goes_on() {
    let (world, numbers) = (Shared::default(), Numbers { rate: true, ..Numbers::new(300, 5) });
    let storage: Arc<dyn CheckpointStorage> = Arc::new(MemoryStorage::default());
    let options = with(JobSettings { checkpoint_interval_ms: Some(2), ..JobSettings::default() });
    let graph = || graph_maker(&numbers, &world);
    let mut first = Stepper::launch(graph(), 2, options, None, Some(Arc::clone(&storage)), 11, 1_000).expect("starts");
    while storage.checkpoints().expect("readable").is_empty() {
        assert!(first.step(), "a checkpoint comes before the end");
    }
    let now_ms = first.now_ms();
    drop(first);
    let id = storage.checkpoints().expect("readable")[0];
    let moment = storage.restore(id).expect("held").manifest().moment.expect("written");
    let seed = moment.seed.expect("of the stepping executor");
    assert!(seed != 11 && moment.clock_ms <= now_ms && moment.clock_ms > 1_000, "{moment:?}");
    // They take no checkpoints: both read from one storage.
    let mut replays = [0, 1].map(|_| {
        let storage = Some(Arc::clone(&storage));
        Stepper::launch(graph(), 2, with(JobSettings::default()), Some(id), storage, seed, moment.clock_ms)
            .expect("starts")
    });
    for _ in 0..200 {
        let steps = replays.each_mut().map(|replay| (replay.step(), replay.now_ms()));
        assert_eq!(steps[0], steps[1]);
    }
}
