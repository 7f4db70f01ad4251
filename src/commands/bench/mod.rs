//! `lotic bench`: Nexmark jobs beside hand-written loops that compute the same in the same process.
//!
//! The machine may be noisy, so nothing absolute is claimed: the loop and the job run in turn, and the median of the
//! ratios is what counts. Both must come to the same result, row for row, or the benchmark fails.

mod checkpoints;
mod checksum;
mod data;
pub mod loops;
mod memory;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::inspect::JobStatus;
use crate::plan::{Entry, SourceDef};
use crate::session::{Column, Listing, Session, Settings};
use crate::types::{Clock, Error, Result};
use checksum::ChecksumSink;
use data::Workload;
use memory::MemorySource;

/// What is measured.
#[derive(Debug, Clone)]
pub struct BenchRequest {
    /// Queries by name; empty for all.
    pub queries: Vec<String>,
    /// `json`, `csv`, `memory`
    pub inputs: Vec<String>,
    /// Parallelisms of job and loop.
    pub parallelism: Vec<usize>,
    /// Bids.
    pub events: u64,
    /// Auctions, spread evenly; 0 for Nexmark's own distribution.
    pub keys: u64,
    /// Checkpoint interval as typed: then jobs without and with checkpoints are compared, and no loop runs.
    pub checkpoint: Option<String>,
    /// How often the bids in memory are read, each time later in event time: for runs of many checkpoints.
    pub repeat: u64,
    /// Measured pairs of runs.
    pub runs: usize,
    /// Where the generated files are kept.
    pub directory: PathBuf,
}

/// One query: its pipeline, and the loop that computes the same.
struct Query {
    name: &'static str,
    pipeline: &'static str,
    job: loops::Query,
}

const QUERIES: &[Query] = &[
    Query {
        name: "projection",
        pipeline: "bids | map auction, bidder, price * 0.908 as eur",
        job: loops::Query::Projection,
    },
    Query {
        name: "filter",
        pipeline: "bids | filter auction % 123 = 0 | map auction, price",
        job: loops::Query::Filter,
    },
    Query {
        name: "tumble",
        pipeline: "bids | key_by auction | window tumble(10s) | aggregate count(*) as n, sum(price) as total, avg(price) as mean",
        job: loops::Query::Tumbling,
    },
    Query {
        name: "hop",
        pipeline: "bids | key_by auction | window hop(10s, 2s) | aggregate count(*) as n",
        job: loops::Query::Hopping,
    },
    Query { name: "running", pipeline: "bids | key_by auction | aggregate count(*) as n", job: loops::Query::Running },
];

/// The names of the queries.
pub fn query_names() -> impl Iterator<Item = &'static str> {
    QUERIES.iter().map(|query| query.name)
}

/// One pair of runs, seconds.
struct Pair {
    hand: f64,
    job: f64,
}

/// Measures; `say` is told what is being done.
///
/// # Errors
/// When the data can't be made, a job fails, or job and loop disagree.
pub fn run(request: &BenchRequest, clock: &Arc<dyn Clock>, say: &mut dyn FnMut(&str)) -> Result<Listing> {
    if let Some(interval) = &request.checkpoint {
        return checkpoints::run(request, interval, clock, say);
    }
    let queries = selected(request)?;
    let workload = Workload { events: request.events, keys: request.keys };
    let mut listing = Listing::new(
        vec![
            Column::text("query"),
            Column::text("input"),
            Column::number("parallelism"),
            Column::number("rows"),
            Column::number("loop_s"),
            Column::number("lotic_s"),
            Column::number("loop_rows_per_s"),
            Column::number("lotic_rows_per_s"),
            Column::number("ratio"),
        ],
        "nothing was measured",
    );
    for input in &request.inputs {
        let input = Input::prepare(input, &workload, request, clock, say)?;
        for query in &queries {
            for &parallelism in &request.parallelism {
                say(&format!("{} from {}, parallelism {parallelism}", query.name, input.name()));
                let mut pairs = Vec::new();
                for _ in 0..request.runs.max(1) {
                    pairs.push(pair(query, &input, parallelism, request, clock)?);
                }
                pairs.sort_by(|a, b| (a.job / a.hand).total_cmp(&(b.job / b.hand)));
                let Pair { hand, job } = pairs[pairs.len() / 2];
                #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
                let rate = |seconds: f64| json!((request.events as f64 / seconds).round());
                listing.push(vec![
                    json!(query.name),
                    json!(input.name()),
                    json!(parallelism),
                    json!(request.events),
                    rounded(hand, 3),
                    rounded(job, 3),
                    rate(hand),
                    rate(job),
                    rounded(job / hand, 2),
                ]);
            }
        }
    }
    Ok(listing)
}

fn selected(request: &BenchRequest) -> Result<Vec<&'static Query>> {
    if request.queries.is_empty() {
        return Ok(QUERIES.iter().collect());
    }
    request.queries.iter().map(|name| find(name)).collect()
}

fn rounded(number: f64, digits: i32) -> serde_json::Value {
    let scale = 10_f64.powi(digits);
    json!((number * scale).round() / scale)
}

fn find(name: &str) -> Result<&'static Query> {
    QUERIES.iter().find(|query| query.name == name).ok_or_else(|| {
        Error::config(format!("there is no query `{name}`; there are {}", query_names().collect::<Vec<_>>().join(", ")))
    })
}

/// Where the bids come from.
enum Input {
    File { path: PathBuf, format: loops::Text },
    Memory { source: MemorySource, columns: loops::Columns, repeat: u64 },
}

impl Input {
    fn prepare(
        name: &str,
        workload: &Workload,
        request: &BenchRequest,
        clock: &Arc<dyn Clock>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let mut file = |extension: &str, format| -> Result<Self> {
            say(&format!("{} bids as {extension}", workload.events));
            let path = workload.file(&request.directory, extension, clock)?;
            Ok(Self::File { path, format })
        };
        match name {
            "json" => file("ndjson", loops::Text::Ndjson),
            "csv" => file("csv", loops::Text::Csv),
            "memory" => {
                say(&format!("{} bids in memory", workload.events));
                let (schema, batches) = workload.batches(clock)?;
                let columns = memory::columns(&batches)?;
                // The loops read them once; only what is compared with another job is repeated.
                let repeat = if request.checkpoint.is_some() { request.repeat.max(1) } else { 1 };
                Ok(Self::Memory { source: MemorySource::new(schema, Arc::new(batches), repeat), columns, repeat })
            }
            other => Err(Error::config(format!("there is no input `{other}`; there are json, csv, memory"))),
        }
    }

    const fn repeat(&self) -> u64 {
        match self {
            Self::File { .. } => 1,
            Self::Memory { repeat, .. } => *repeat,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::File { format: loops::Text::Ndjson, .. } => "json",
            Self::File { format: loops::Text::Csv, .. } => "csv",
            Self::Memory { .. } => "memory",
        }
    }
}

/// Runs loop and job once each and compares what they come to.
fn pair(
    query: &Query,
    input: &Input,
    parallelism: usize,
    request: &BenchRequest,
    clock: &Arc<dyn Clock>,
) -> Result<Pair> {
    let started = clock.nanos();
    let expected = match input {
        Input::File { path, format } => loops::over_file(query.job, *format, path, parallelism)?,
        Input::Memory { columns, .. } => loops::over_columns(query.job, columns, parallelism)?,
    };
    let hand = seconds(clock.nanos() - started);
    let JobRun { seconds: job, outcome: found, .. } = job(query, input, parallelism, request, None, clock)?;
    if found != expected {
        return Err(Error::config(format!(
            "{} from {} at parallelism {parallelism}: lotic and the loop disagree: {found:?} and {expected:?}",
            query.name,
            input.name()
        )));
    }
    Ok(Pair { hand, job })
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// One run of a job.
struct JobRun {
    /// From launch to its end.
    seconds: f64,
    /// What its rows come to.
    outcome: loops::Outcome,
    /// The number of the last one.
    checkpoints: u64,
}

/// Runs the query as a job.
fn job(
    query: &Query,
    input: &Input,
    parallelism: usize,
    request: &BenchRequest,
    checkpoint: Option<&str>,
    clock: &Arc<dyn Clock>,
) -> Result<JobRun> {
    let state_dir = request.directory.join(format!("lotic-bench-state-{}", std::process::id()));
    let mut settings = Settings::new(request.directory.clone(), state_dir.clone());
    settings.parallelism = Some(parallelism);
    let sink = Arc::new(ChecksumSink::default());
    let mut session = Session::new(settings, clock.clone(), sink.clone(), &[]);
    let source = match input {
        Input::File { path, .. } => {
            let path = path.display().to_string().replace('\'', "''");
            let columns = data::COLUMNS;
            format!("source bids from file '{path}' columns ({columns}) event_time date_time watermark 4s;\n")
        }
        Input::Memory { source, .. } => {
            define_memory(&mut session, source)?;
            String::new()
        }
    };
    let options = checkpoint.map_or_else(String::new, |every| format!("with (checkpoint = {every}) "));
    let text = format!("{source}run bench {options}= {} | into print;", query.pipeline);
    let statements = session.parse(&text).map_err(Error::config)?;
    let started = clock.nanos();
    for statement in &statements {
        session.define_or_run(&statement.node).map_err(Error::config)?;
    }
    let (mut failure, mut checkpoints) = (None, 0);
    for entry in session.jobs() {
        if entry.job.wait(None) != Some(JobStatus::Finished) {
            failure = entry.job.failure();
        }
    }
    let took = seconds(clock.nanos() - started);
    for entry in session.jobs() {
        checkpoints = entry.job.view().checkpoints.iter().map(|checkpoint| checkpoint.id).max().unwrap_or(0);
    }
    drop(session);
    // What a benchmark leaves behind is of no use; that it can't be removed is no failure of the benchmark.
    let _ = std::fs::remove_dir_all(&state_dir);
    match failure {
        Some(error) => Err(error),
        None => Ok(JobRun { seconds: took, outcome: sink.outcome(), checkpoints }),
    }
}

fn define_memory(session: &mut Session, source: &MemorySource) -> Result<()> {
    use crate::api::{EventTimeSpec, OnError, PlannedSource};
    let schema = source.schema();
    let time = schema.index_of("date_time").ok_or_else(|| Error::config("the bids have no date_time"))?;
    let event_time = EventTimeSpec {
        time: crate::expr::TypedExpr::column(time, &schema.fields()[time]),
        delay_ms: 4_000,
        idle_timeout_ms: None,
    };
    session.catalog_mut().define(Entry::Source(SourceDef {
        name: "bids".into(),
        source: Arc::new(source.clone()),
        event_time: Some(event_time),
        pace: None,
        on_error: OnError::Fail,
        dead_letter: None,
    }));
    Ok(())
}
