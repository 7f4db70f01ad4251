//! The model that panels draw: the latest view of the job, and what it tells together with those before it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::inspect::{JobView, StateView, SubtaskView, TrendView};

/// Samples kept: a minute and a half at ten a second.
const SAMPLES: usize = 900;
/// Between two samples, milliseconds.
const SAMPLE_MS: i64 = 100;
/// The most samples made between two moments of before.
const TREND_STEPS_MAX: i64 = 100;
/// Values of a sparkline: no table has a wider one, and one is drawn for each subtask.
const TREND: usize = 60;
/// Rates are taken over at least this long, milliseconds: counters move a batch at a time.
const RATE_MS: i64 = 1_000;

/// The model that panels draw.
#[derive(Debug, Clone)]
pub struct Model {
    /// The job, now.
    pub view: Arc<JobView>,
    /// Every job of the session.
    pub jobs: Vec<String>,
    /// The job's keyed state, as the panel on the screen asked for it; an error in words.
    pub state: Option<Result<Vec<StateView>, String>>,
    /// A view now and then, oldest first; the newest is [`Self::view`].
    samples: VecDeque<Sample>,
}

/// The part that is kept of an earlier view.
#[derive(Debug, Clone)]
struct Sample {
    at_ms: i64,
    restarts: u32,
    parallelism: usize,
    lag_ms: Option<i64>,
    source_rows_per_s: f64,
    latency_us: Option<(u64, u64)>,
    source_rows: u64,
    /// By vertex and subtask.
    subtasks: Vec<Vec<Counters>>,
    /// Rows over each edge.
    edges: Vec<u64>,
    /// Whether subtasks and edges are known: not before somebody looked.
    whole: bool,
}

/// The counters of one subtask: a view holds much more, and hundreds of them are kept.
#[derive(Debug, Clone, Copy)]
struct Counters {
    rows_in: u64,
    rows_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    busy_ns: u64,
    backpressured_ns: u64,
    idle_ns: u64,
}

impl From<&SubtaskView> for Counters {
    fn from(view: &SubtaskView) -> Self {
        Self {
            rows_in: view.rows_in,
            rows_out: view.rows_out,
            bytes_in: view.bytes_in,
            bytes_out: view.bytes_out,
            busy_ns: view.busy_ns,
            backpressured_ns: view.backpressured_ns,
            idle_ns: view.idle_ns,
        }
    }
}

impl Sample {
    fn counters(&self, vertex: usize, subtask: usize) -> Option<&Counters> {
        self.subtasks.get(vertex)?.get(subtask)
    }
}

/// The rates of a subtask: what it does a second, and what it spends its time on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Rows in a second.
    pub rows_in: f64,
    /// Rows out a second.
    pub rows_out: f64,
    /// Bytes in a second.
    pub bytes_in: f64,
    /// Bytes out a second.
    pub bytes_out: f64,
    /// The share of time spent working, 0 to 1.
    pub busy: f64,
    /// The share spent waiting for room downstream.
    pub backpressured: f64,
    /// The share spent waiting for input.
    pub idle: f64,
}

impl Rates {
    /// The load that weighs most: what a box is coloured and marked by.
    #[must_use]
    pub fn load(&self) -> Load {
        if self.backpressured > 0.5 {
            Load::Backpressured
        } else if self.busy >= self.idle && self.busy > 0.0 {
            Load::Busy
        } else {
            Load::Idle
        }
    }
}

/// The load of a subtask: what it mostly does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// The subtask works.
    Busy,
    /// The subtask waits for room downstream.
    Backpressured,
    /// The subtask waits for input.
    Idle,
}

impl Model {
    /// A model of one view, without a past.
    #[must_use]
    pub fn new(view: Arc<JobView>, jobs: Vec<String>) -> Self {
        let mut model = Self { view: Arc::clone(&view), jobs, state: None, samples: VecDeque::new() };
        model.update(view);
        model
    }

    /// The job has gone on to `view`. Another job, or a job launched anew, begins without a past.
    pub fn update(&mut self, view: Arc<JobView>) {
        let earlier = std::mem::replace(&mut self.view, view);
        let view = Arc::clone(&self.view);
        if view.name != earlier.name || view.now_ms < earlier.now_ms || view.uptime_ms < earlier.uptime_ms {
            self.samples.clear();
        }
        if self.samples.back().is_some_and(|last| last.at_ms == view.now_ms) {
            self.samples.pop_back();
        }
        let source_rows_per_s = self.since(false, |before, seconds| {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rows = view.source_rows.saturating_sub(before.source_rows) as f64;
            rows / seconds
        });
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            at_ms: view.now_ms,
            restarts: view.restarts,
            parallelism: view.parallelism,
            lag_ms: lag_ms(&view),
            source_rows_per_s: source_rows_per_s.unwrap_or(0.0),
            latency_us: latency(&view),
            source_rows: view.source_rows,
            subtasks: view.vertices.iter().map(|v| v.subtasks.iter().map(Counters::from).collect()).collect(),
            edges: view.edges.iter().map(|edge| edge.rows).collect(),
            whole: true,
        });
    }

    /// The job went on like this before somebody looked. Between two of these moments as many samples are made as there
    /// would have been, so that all are as far apart.
    pub fn begin(&mut self, trend: &[TrendView]) {
        let Some(first) = self.samples.front().map(|sample| sample.at_ms) else { return };
        let before = trend.iter().take_while(|moment| moment.at_ms < first);
        let mut earlier = VecDeque::new();
        for (from, to) in before.clone().zip(before.skip(1)) {
            // A restart sets the counters back.
            let Some(seconds) = seconds(from.at_ms, to.at_ms).filter(|_| to.source_rows >= from.source_rows) else {
                continue;
            };
            let steps = ((to.at_ms - from.at_ms) / SAMPLE_MS).clamp(1, TREND_STEPS_MAX);
            for step in 1..=steps {
                let rows = (to.source_rows - from.source_rows) * step.unsigned_abs() / steps.unsigned_abs();
                #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
                let rate = (to.source_rows - from.source_rows) as f64 / seconds;
                earlier.push_back(Sample {
                    at_ms: from.at_ms + (to.at_ms - from.at_ms) * step / steps,
                    restarts: to.restarts,
                    parallelism: to.parallelism,
                    lag_ms: to.lag_ms,
                    source_rows_per_s: rate,
                    latency_us: None,
                    source_rows: from.source_rows + rows,
                    subtasks: Vec::new(),
                    edges: Vec::new(),
                    whole: false,
                });
            }
        }
        earlier.drain(..earlier.len().saturating_sub(SAMPLES - self.samples.len().min(SAMPLES)));
        earlier.append(&mut self.samples);
        self.samples = earlier;
    }

    /// Rates of a vertex: sums of rows and bytes, means of the shares.
    #[must_use]
    pub fn vertex_rates(&self, vertex: usize) -> Rates {
        let Some(now) = self.view.vertices.get(vertex) else { return Rates::default() };
        let mut sum = Rates::default();
        for subtask in 0..now.subtasks.len() {
            let rates = self.subtask_rates(vertex, subtask);
            sum.rows_in += rates.rows_in;
            sum.rows_out += rates.rows_out;
            sum.bytes_in += rates.bytes_in;
            sum.bytes_out += rates.bytes_out;
            sum.busy += rates.busy;
            sum.backpressured += rates.backpressured;
            sum.idle += rates.idle;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few subtasks")]
        let count = now.subtasks.len().max(1) as f64;
        Rates { busy: sum.busy / count, backpressured: sum.backpressured / count, idle: sum.idle / count, ..sum }
    }

    /// Rates of a subtask; nothing before there are two views of it.
    #[must_use]
    pub fn subtask_rates(&self, vertex: usize, subtask: usize) -> Rates {
        let Some(now) = self.view.vertices.get(vertex).and_then(|vertex| vertex.subtasks.get(subtask)) else {
            return Rates::default();
        };
        self.since(true, |before, seconds| {
            before.counters(vertex, subtask).map(|before| rates(before, &now.into(), seconds)).unwrap_or_default()
        })
        .unwrap_or_default()
    }

    /// Rows a second over edge `edge` of the job graph.
    #[must_use]
    pub fn edge_rate(&self, edge: usize) -> f64 {
        let Some(now) = self.view.edges.get(edge) else { return 0.0 };
        self.since(true, |before, seconds| {
            let before = before.edges.get(edge).copied().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rows = now.rows.saturating_sub(before) as f64;
            rows / seconds
        })
        .unwrap_or(0.0)
    }

    /// The time that the samples go back, milliseconds.
    #[must_use]
    pub fn past_ms(&self) -> i64 {
        let ends = self.samples.front().zip(self.samples.back());
        ends.map_or(0, |(first, last)| last.at_ms.saturating_sub(first.at_ms))
    }

    /// Rows that sources read a second, one a sample, oldest first.
    #[must_use]
    pub fn throughput(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        self.samples.iter().map(|sample| sample.source_rows_per_s)
    }

    /// Event-time lag (see [`lag_ms`]), one a sample, oldest first.
    #[must_use]
    pub fn lag(&self) -> impl DoubleEndedIterator<Item = Option<i64>> + ExactSizeIterator + '_ {
        self.samples.iter().map(|sample| sample.lag_ms)
    }

    /// Median and 99th percentile of latency in microseconds, one a sample, oldest first.
    #[must_use]
    pub fn latency(&self) -> impl DoubleEndedIterator<Item = Option<(u64, u64)>> + ExactSizeIterator + '_ {
        self.samples.iter().map(|sample| sample.latency_us)
    }

    /// Rows in a second of a subtask, one a pair of samples, oldest first: the last sixty.
    #[must_use]
    pub fn subtask_throughput(&self, vertex: usize, subtask: usize) -> Vec<f64> {
        let from = self.samples.len().saturating_sub(TREND + 1);
        let pairs = self.samples.range(from..).zip(self.samples.range(from..).skip(1));
        pairs
            .filter_map(|(before, after)| {
                let seconds = seconds(before.at_ms, after.at_ms)?;
                Some(rates(before.counters(vertex, subtask)?, after.counters(vertex, subtask)?, seconds).rows_in)
            })
            .collect()
    }

    /// Calls `f` with the view (with that of the subtasks too if it must be `whole`) of about a second ago and the time since then; `None` when there is none of this attempt, or
    /// the job is over: what it did a second ago it does no more.
    fn since<T>(&self, whole: bool, f: impl FnOnce(&Sample, f64) -> T) -> Option<T> {
        let now = &self.view;
        if now.status.is_final() {
            return None;
        }
        let same = |sample: &&Sample| {
            sample.restarts == now.restarts && sample.parallelism == now.parallelism && (sample.whole || !whole)
        };
        let mut chosen: Option<&Sample> = None;
        for sample in self.samples.iter().rev().take_while(same) {
            chosen = Some(sample);
            if now.now_ms.saturating_sub(sample.at_ms) >= RATE_MS {
                break;
            }
        }
        let chosen = chosen?;
        Some(f(chosen, seconds(chosen.at_ms, now.now_ms)?))
    }
}

/// Between two moments of the clock; `None` when no time has passed.
fn seconds(from_ms: i64, to_ms: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "at most minutes")]
    let seconds = to_ms.saturating_sub(from_ms) as f64 / 1_000.0;
    Some(seconds).filter(|&seconds| seconds > 0.0)
}

#[expect(clippy::cast_precision_loss, reason = "rates for people")]
fn rates(before: &Counters, now: &Counters, seconds: f64) -> Rates {
    let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
    let busy = rate(before.busy_ns, now.busy_ns);
    let backpressured = rate(before.backpressured_ns, now.backpressured_ns);
    let idle = rate(before.idle_ns, now.idle_ns);
    // Time is booked when a step ends, so the shares of a short while need not add up to one.
    let all = (busy + backpressured + idle).max(1.0);
    Rates {
        rows_in: rate(before.rows_in, now.rows_in),
        rows_out: rate(before.rows_out, now.rows_out),
        bytes_in: rate(before.bytes_in, now.bytes_in),
        bytes_out: rate(before.bytes_out, now.bytes_out),
        busy: busy / all,
        backpressured: backpressured / all,
        idle: idle / all,
    }
}

/// By how much the slowest watermark of the job is behind the newest event time that a source has read, milliseconds.
#[must_use]
pub fn lag_ms(view: &JobView) -> Option<i64> {
    let subtasks = || view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
    let newest = subtasks().filter_map(|subtask| subtask.newest_event_time).max()?;
    let slowest = subtasks().filter(|subtask| !subtask.idle).filter_map(|subtask| subtask.watermark).min()?;
    Some(newest.saturating_sub(slowest).max(0))
}

/// The worst median and 99th percentile of all sinks.
fn latency(view: &JobView) -> Option<(u64, u64)> {
    let of_sinks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks).filter_map(|subtask| subtask.latency);
    of_sinks.map(|latency| (latency.p50_us, latency.p99_us)).reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
}
