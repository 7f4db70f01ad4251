//! The cost of checkpoints: the same job without and with them, in turn.

use std::sync::Arc;

use serde_json::json;

use super::data::Workload;
use super::input::Input;
use super::job::{job, rounded};
use super::memory::MemorySource;
use super::request::{BenchRequest, Query, selected};
use crate::session::{Column, Listing};
use crate::types::{Clock, Error, Result};

/// Measures pairs of runs over the bids, repeated as often as the request says; the median of the ratios is shown.
///
/// # Errors
/// When the data can't be made, a job fails, or the two disagree.
pub(super) fn run(
    request: &BenchRequest,
    interval: &str,
    clock: &Arc<dyn Clock>,
    say: &mut dyn FnMut(&str),
) -> Result<Listing> {
    let columns = vec![
        Column::text("query"),
        Column::text("input"),
        Column::number("parallelism"),
        Column::number("keys"),
        Column::number("rows"),
        Column::number("without_s"),
        Column::number("with_s"),
        Column::number("checkpoints"),
        Column::number("rows_per_s"),
        Column::number("ratio"),
    ];
    let mut listing = Listing::new(columns, "nothing was measured");
    let workload = Workload { events: request.events, keys: request.keys };
    let (auctions, _) = super::input::auctions(&workload, clock)?;
    for input in &request.inputs {
        let input = Input::prepare(input, &workload, request, clock, say)?;
        for query in selected(request)? {
            for &parallelism in &request.parallelism {
                say(&format!("{} from {}, parallelism {parallelism}, checkpoints", query.name, input.name()));
                let mut pairs = Vec::new();
                for _ in 0..request.runs.max(1) {
                    pairs.push(pair(query, &input, &auctions, parallelism, request, interval, clock)?);
                }
                pairs.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
                let median = &pairs[pairs.len() / 2];
                let rows = request.events * input.repeat();
                #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
                let rate = json!((rows as f64 / median.with).round());
                listing.push(vec![
                    json!(query.name),
                    json!(input.name()),
                    json!(parallelism),
                    json!(request.keys),
                    json!(rows),
                    rounded(median.without, 3),
                    rounded(median.with, 3),
                    json!(median.checkpoints),
                    rate,
                    rounded(median.ratio(), 3),
                ]);
            }
        }
    }
    Ok(listing)
}

struct Pair {
    without: f64,
    with: f64,
    checkpoints: u64,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.with / self.without
    }
}

fn pair(
    query: &Query,
    input: &Input,
    auctions: &MemorySource,
    parallelism: usize,
    request: &BenchRequest,
    interval: &str,
    clock: &Arc<dyn Clock>,
) -> Result<Pair> {
    let without = job(query, input, auctions, parallelism, request, None, clock)?;
    let with = job(query, input, auctions, parallelism, request, Some(interval), clock)?;
    if without.outcome != with.outcome {
        return Err(Error::config(format!("{} with checkpoints has another result than without", query.name)));
    }
    Ok(Pair { without: without.seconds, with: with.seconds, checkpoints: with.checkpoints })
}
