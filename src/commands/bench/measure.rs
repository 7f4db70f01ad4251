//! A job beside a loop: both in turn, and what they come to compared.

use std::sync::Arc;

use serde_json::json;

use super::data::Workload;
use super::input::{Auctions, Input};
use super::job::{JobRun, job, rounded, seconds};
use super::request::{BenchRequest, Query, selected};
use super::{checkpoints, loops};
use crate::session::{Column, Listing};
use crate::types::{Clock, Error, Result};

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
    let auctions = super::input::auctions(&workload, clock)?;
    for input in &request.inputs {
        let input = Input::prepare(input, &workload, request, clock, say)?;
        for query in &queries {
            for &parallelism in &request.parallelism {
                say(&format!("{} from {}, parallelism {parallelism}", query.name, input.name()));
                let mut pairs = Vec::new();
                for _ in 0..request.runs.max(1) {
                    pairs.push(pair(query, &input, &auctions, parallelism, request, clock)?);
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

/// Runs loop and job once each and compares what they come to.
fn pair(
    query: &Query,
    input: &Input,
    auctions: &Auctions,
    parallelism: usize,
    request: &BenchRequest,
    clock: &Arc<dyn Clock>,
) -> Result<Pair> {
    let started = clock.nanos();
    let (auctions_source, auctions) = auctions;
    let expected = match input {
        Input::File { path, format } => loops::over_file(query.job, *format, path, auctions, parallelism)?,
        Input::Memory { columns, .. } => loops::over_columns(query.job, columns, auctions, parallelism)?,
    };
    let hand = seconds(clock.nanos() - started);
    let JobRun { seconds: job, outcome: found, .. } =
        job(query, input, auctions_source, parallelism, request, None, clock)?;
    if found != expected {
        return Err(Error::config(format!(
            "{} from {} at parallelism {parallelism}: lotic and the loop disagree: {found:?} and {expected:?}",
            query.name,
            input.name()
        )));
    }
    Ok(Pair { hand, job })
}
