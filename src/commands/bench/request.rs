//! The measurements that can be requested.

use std::path::PathBuf;

use super::loops;
use crate::types::{Error, Result};

/// The measurements that are requested.
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
    /// The number of times the bids in memory are read, each time later in event time: for runs of many checkpoints.
    pub repeat: u64,
    /// Measured pairs of runs.
    pub runs: usize,
    /// The directory where the generated files are kept.
    pub directory: PathBuf,
}

/// One query: its pipeline, and the loop that computes the same.
pub(super) struct Query {
    pub(super) name: &'static str,
    /// What the pipeline is made of.
    pub(super) definitions: &'static str,
    pub(super) pipeline: &'static str,
    pub(super) job: loops::Query,
}

/// A large bid soon after a small one. It comes to the same wherever between rows its timers run.
const FRAUD: &str = "process fraud {
    state small timestamp;
    on event {
        if small is not null and price > 500000 and event_time < small + 1m {
            emit bidder, price;
            clear small;
        }
        if price < 200 {
            small = event_time;
            timer expiry at event_time + 1m;
        }
    }
    on timer expiry { if small is not null and timer_time >= small + 1m { clear small; } }
}
";

const QUERIES: &[Query] = &[
    Query {
        name: "projection",
        definitions: "",
        pipeline: "bids | map auction, bidder, price * 0.908 as eur",
        job: loops::Query::Projection,
    },
    Query {
        name: "filter",
        definitions: "",
        pipeline: "bids | filter auction % 123 = 0 | map auction, price",
        job: loops::Query::Filter,
    },
    Query {
        name: "tumble",
        definitions: "",
        pipeline: "bids | key_by auction | window tumble(10s) | aggregate count(*) as n, sum(price) as total, avg(price) as mean",
        job: loops::Query::Tumbling,
    },
    Query {
        name: "hop",
        definitions: "",
        pipeline: "bids | key_by auction | window hop(10s, 2s) | aggregate count(*) as n",
        job: loops::Query::Hopping,
    },
    Query {
        name: "hop_minute",
        definitions: "",
        pipeline: "bids | key_by auction | window hop(60s, 1s) | aggregate count(*) as n",
        job: loops::Query::Overlapping,
    },
    Query {
        name: "session",
        definitions: "",
        pipeline: "bids | key_by bidder | window session(10s) | aggregate count(*) as n, sum(price) as total",
        job: loops::Query::Session,
    },
    Query {
        name: "top",
        definitions: "",
        pipeline: "bids | key_by auction | window tumble(10s) | aggregate count(*) as n \
                   | top 10 by n desc, auction per window as rank",
        job: loops::Query::Top,
    },
    Query {
        name: "interval_join",
        definitions: "",
        pipeline: "auctions as a | join bids as b on a.id = b.auction within 0s..10s | map id, bidder, price",
        job: loops::Query::IntervalJoin,
    },
    Query {
        name: "window_join",
        definitions: "",
        pipeline: "auctions as a | join bids as b on a.id = b.auction window tumble(10s) | map id, bidder, price",
        job: loops::Query::WindowJoin,
    },
    Query {
        name: "regular_join",
        definitions: "",
        pipeline: "auctions as a | join bids as b on a.id = b.auction | map id, bidder, price",
        job: loops::Query::RegularJoin,
    },
    Query {
        name: "running",
        definitions: "",
        pipeline: "bids | key_by auction | aggregate count(*) as n",
        job: loops::Query::Running,
    },
    Query {
        name: "process",
        definitions: FRAUD,
        pipeline: "bids | key_by bidder | process fraud",
        job: loops::Query::Process,
    },
    Query {
        name: "pattern",
        definitions: "",
        pipeline: "bids | match (LOW HIGH) per auction define LOW as price < 1000, HIGH as price > 100000 measures LOW.price as low, HIGH.price as high",
        job: loops::Query::Pattern,
    },
];

/// The names of the queries.
pub fn query_names() -> impl Iterator<Item = &'static str> {
    QUERIES.iter().map(|query| query.name)
}

/// What a query is made of, and its pipeline.
#[must_use]
pub fn query_text(name: &str) -> Option<(&'static str, &'static str)> {
    find(name).ok().map(|query| (query.definitions, query.pipeline))
}

/// The queries that are asked for.
pub(super) fn selected(request: &BenchRequest) -> Result<Vec<&'static Query>> {
    if request.queries.is_empty() {
        return Ok(QUERIES.iter().collect());
    }
    request.queries.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<&'static Query> {
    QUERIES.iter().find(|query| query.name == name).ok_or_else(|| {
        Error::config(format!("there is no query `{name}`; there are {}", query_names().collect::<Vec<_>>().join(", ")))
    })
}
