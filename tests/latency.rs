//! How soon a job answers while an operator gives more than one call's worth: a window of many keys that fires, and an
//! operator that makes a thousand rows of each. `LOTIC_KEYS` says how many keys (10,000,000 when the bound of 100 ms is
//! verified, with a release build), `LOTIC_ANSWER_MS` what the median may take.

#![expect(clippy::expect_used, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::missing_panics_doc,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod common;
mod runtime_support;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use common::{TestSession, size, window_of_many};
use lotic::api::Exchange;
use lotic::inspect::{JobStatus, JobView};
use lotic::plan::{JobGraph, JobSettings};
use lotic::runtime::{Job, MakeGraph, Restore, open_storage};
use lotic::types::{Clock, Result, SubtaskId, SystemClock, VertexId};
use runtime_support::resumable::Fan;
use runtime_support::{Graph, Numbers, Pass, Trick, schema, with};

/// How often each is asked: twenty times when the ten million keys are tried.
fn times() -> usize {
    (keys() / 500_000).clamp(3, 20) as usize
}

fn keys() -> u64 {
    size("LOTIC_KEYS", 500_000)
}

fn nap(ms: u64) {
    std::thread::park_timeout(Duration::from_millis(ms));
}

/// Looks until `seen`, at most five minutes.
#[track_caller]
fn until(job: &Job, what: &str, seen: impl Fn(&JobView) -> bool) -> Arc<JobView> {
    let clock = SystemClock::new();
    let began = clock.now_ms();
    loop {
        let view = job.view();
        if seen(&view) {
            return view;
        }
        assert!(!view.status.is_final() && clock.now_ms() - began < 300_000, "{what}: {view:#?}");
        nap(1);
    }
}

/// Rows that left the vertex in this attempt.
fn given(view: &JobView, vertex: usize) -> u64 {
    view.vertices[vertex].subtasks.iter().map(|subtask| subtask.rows_out).sum()
}

/// Waits until the vertex gives, asks, and notes when the last answer came; `ask` gives that time of the clock,
/// nanoseconds, and `again` waits for what is needed before the next time. Gives the median in microseconds.
fn answers(
    job: &Job,
    what: &str,
    (vertex, all): (usize, u64),
    mut ask: impl FnMut(&SystemClock) -> u64,
    mut again: impl FnMut(),
) -> u64 {
    let (clock, times) = (SystemClock::new(), times());
    let mut took_us = Vec::new();
    while took_us.len() < times {
        until(job, what, |view| view.status == JobStatus::Running && given(view, vertex) > 0);
        let began = clock.nanos();
        let us = (ask(&clock) - began) / 1_000;
        let gave = given(&job.view(), vertex);
        assert!(
            gave < all,
            "{what}: all {all} rows were given after {} of {times}; more keys are needed",
            took_us.len()
        );
        took_us.push(us);
        again();
    }
    took_us.sort_unstable();
    let (median, longest) = (took_us[times / 2], took_us[times - 1]);
    println!("{what}: median of {times} {median} us, longest {longest} us");
    median
}

/// The memory of this process in kilobytes, as Linux calls it: `VmRSS` now, `VmHWM` at most.
fn memory_kb(what: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn bound_us() -> u64 {
    size("LOTIC_ANSWER_MS", 1_000) * 1_000
}

/// A barrier and a pause while a vertex of the job gives so many rows.
fn is_answered(job: &Job, giving: (usize, u64)) {
    let (vertex, _) = giving;
    let bound = bound_us();
    let acknowledged =
        || job.view().vertices[vertex].subtasks.iter().map(|subtask| subtask.acknowledged).min().flatten();
    let barrier = std::thread::scope(|scope| {
        // Asked for here, awaited there: the barrier has been answered long before the checkpoint is durable.
        let (ask, asked) = sync_channel::<()>(1);
        let (done, durable) = sync_channel(1);
        scope.spawn(move || {
            while asked.recv().is_ok() {
                job.checkpoint().expect("a checkpoint");
                done.send(()).expect("somebody waits");
            }
        });
        answers(
            job,
            "barrier: until every subtask has acknowledged it",
            giving,
            |clock| {
                let before = acknowledged();
                ask.send(()).expect("the thread lives");
                while acknowledged() <= before {
                    nap(1);
                }
                clock.nanos()
            },
            || durable.recv().expect("the checkpoint is durable"),
        )
    });
    let pause = answers(
        job,
        "pause: until the last row that a source has read",
        giving,
        |clock| {
            job.pause().expect("it runs");
            assert_eq!(job.view().status, JobStatus::Paused);
            let (mut last, mut rows) = (clock.nanos(), job.view().source_rows);
            while clock.nanos() - last < 50_000_000 {
                nap(1);
                let now = job.view().source_rows;
                if now != rows {
                    (last, rows) = (clock.nanos(), now);
                }
            }
            last
        },
        || job.resume().expect("it is paused"),
    );
    assert!(barrier <= bound && pause <= bound, "more than {bound} us");
}

/// A kill while a vertex of the job gives so many rows.
fn is_killed(job: &Job, giving: (usize, u64)) {
    let (vertex, _) = giving;
    let restarts = std::cell::Cell::new(job.view().restarts);
    let kill = answers(
        job,
        "kill: until the attempt is over",
        giving,
        |clock| {
            job.kill_subtask(SubtaskId { vertex: VertexId(vertex), index: 0 }).expect("it runs");
            until(job, "a restart", |view| view.restarts > restarts.get());
            clock.nanos()
        },
        || restarts.set(job.view().restarts),
    );
    let bound = bound_us();
    assert!(kill <= bound, "more than {bound} us");
}

#[test]
fn a_window_of_many_keys_answers_while_it_fires() {
    let keys = keys();
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    for statement in test.session.parse(&window_of_many(keys).concat()).expect("parses") {
        lotic::commands::execute(&mut test.session, &statement.node).expect("runs");
    }
    let job = Arc::clone(&test.session.jobs().next().expect("a job").job);
    let window = 1;
    until(&job, "all keys are taken", |view| {
        view.vertices[window].subtasks.iter().map(|subtask| subtask.rows_in).sum::<u64>() >= keys
    });
    let checkpoint = job.checkpoint().expect("a checkpoint of the keys");
    println!("{keys} keys: {:?} bytes of state, in {:?} ms", checkpoint.full_bytes, checkpoint.duration_ms);
    assert_eq!(given(&job.view(), window), 0, "the window has not fired before");
    // The highest is counted from here on.
    let counted_anew = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let state_kb = memory_kb("VmRSS");
    is_answered(&job, (window, keys));
    if let (true, Some(state_kb), Some(highest_kb)) = (counted_anew, state_kb, memory_kb("VmHWM")) {
        println!("memory: {state_kb} kB of the state alone, {highest_kb} kB at most while it fires");
        assert!(highest_kb <= state_kb * 115 / 100 + 64 * 1_024, "{state_kb} kB, {highest_kb} kB");
    }
    is_killed(&job, (window, keys));
    job.cancel();
}

#[test]
fn an_operator_that_makes_many_rows_of_each_answers_while_it_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let numbers = Numbers { batch: 64, ..Numbers::new(1 << 40, 1_000) };
    let make: Arc<MakeGraph> = Arc::new(move |parallelism| -> Result<JobGraph> {
        let mut graph = Graph::new();
        let source = graph.source(parallelism, numbers.clone(), None);
        let fan = graph.chain(
            parallelism,
            vec![Arc::new(Fan { schema: schema(), each: 1_000, batch: 8_192, indivisible: false })],
        );
        let sink = graph.chain(parallelism, vec![Arc::new(Pass(schema(), Trick::Nothing))]);
        graph.edge(source, fan, 0, Exchange::Rebalance);
        graph.edge(fan, sink, 0, Exchange::Rebalance);
        Ok(graph.finish())
    });
    let storage = open_storage(directory.path(), &Restore::Fresh).expect("the database opens");
    let options = with(JobSettings { restart_attempts: 1_000, restart_delay_ms: 0, ..JobSettings::default() });
    let clock = Arc::new(SystemClock::new());
    let job = Job::launch_graph(make, 2, options, &Restore::Fresh, Some(storage), clock).expect("it starts");
    is_answered(&job, (1, u64::MAX));
    is_killed(&job, (1, u64::MAX));
    job.cancel();
}
