//! A query as a job.

use std::sync::Arc;

use serde_json::json;

use super::checksum::ChecksumSink;
use super::input::Input;
use super::memory::MemorySource;
use super::request::{BenchRequest, Query};
use super::{data, loops};
use crate::inspect::JobStatus;
use crate::plan::{Entry, SourceDef};
use crate::session::{Session, Settings};
use crate::types::{Clock, Error, Result};

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
pub(super) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// So many digits of a measured number.
pub(super) fn rounded(number: f64, digits: i32) -> serde_json::Value {
    let scale = 10_f64.powi(digits);
    json!((number * scale).round() / scale)
}

/// One run of a job.
pub(super) struct JobRun {
    /// From launch to its end.
    pub(super) seconds: f64,
    /// The outcome of the job's rows.
    pub(super) outcome: loops::Outcome,
    /// The number of the last one.
    pub(super) checkpoints: u64,
}

/// Runs the query as a job.
pub(super) fn job(
    query: &Query,
    input: &Input,
    auctions: &MemorySource,
    parallelism: usize,
    request: &BenchRequest,
    checkpoint: Option<&str>,
    clock: &Arc<dyn Clock>,
) -> Result<JobRun> {
    let state_dir = request.directory.join(format!("lotic-bench-state-{}", std::process::id()));
    let mut settings = Settings::new(request.directory.clone(), state_dir.clone());
    settings.parallelism = Some(query.job.threads(parallelism));
    let sink = Arc::new(ChecksumSink::default());
    let mut session = Session::new(settings, clock.clone(), sink.clone(), &[]);
    let source = match input {
        Input::File { path, .. } => {
            let path = path.display().to_string().replace('\'', "''");
            let columns = data::COLUMNS;
            format!("source bids from file '{path}' columns ({columns}) event_time date_time watermark 4s;\n")
        }
        Input::Memory { source, .. } => {
            define_memory(&mut session, "bids", source)?;
            String::new()
        }
    };
    define_memory(&mut session, "auctions", auctions)?;
    let options = checkpoint.map_or_else(String::new, |every| format!("with (checkpoint = {every}) "));
    let text = format!("{source}{}run bench {options}= {} | into print;", query.definitions, query.pipeline);
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

fn define_memory(session: &mut Session, name: &str, source: &MemorySource) -> Result<()> {
    use crate::api::{EventTimeSpec, PlannedSource};
    let schema = source.schema();
    let time = schema.index_of("date_time").ok_or_else(|| Error::config("the bids have no date_time"))?;
    let event_time = EventTimeSpec::bounded(crate::expr::TypedExpr::column(time, &schema.fields()[time]), 4_000);
    session.catalog_mut().define(Entry::Source(SourceDef {
        primary_key: None,
        name: name.to_owned(),
        source: Arc::new(source.clone()),
        event_time: Some(event_time),
        pace: None,
        on_error: None,
        dead_letter: None,
        base_dir: std::path::PathBuf::new(),
    }));
    Ok(())
}
