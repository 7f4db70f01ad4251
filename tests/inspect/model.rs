//! What a job has come to behind its first lines, computed from the rows of its input by the definition of each operator.

#![allow(dead_code, reason = "each integration test uses a part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use lotic::types::key_group;
use serde_json::{Value, json};

use crate::common::Bid;

const DELAY_MS: i64 = 4_000;
pub(crate) const KEY_GROUPS: u16 = 128;
/// One line in so many can't be read, where some can't.
const BROKEN: usize = 37;

/// The pipeline behind the source.
#[derive(Clone, Copy)]
pub(crate) enum Query {
    /// Windows of this size that begin every so often.
    Windows { size_ms: i64, every_ms: i64 },
    /// A running count.
    Counts,
}

/// The subtask that an auction's rows go to.
fn owner(auction: i64, parallelism: usize) -> usize {
    let keys: [ArrayRef; 1] = [Arc::new(Int64Array::from(vec![auction]))];
    let mut hashes = Vec::new();
    key_group::hash_keys(&keys, &mut hashes).expect("a bigint");
    key_group::subtask_of(key_group::key_group(hashes[0], KEY_GROUPS), parallelism, KEY_GROUPS)
}

/// What one subtask of the keyed vertex has come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Keyed {
    pub(crate) rows_in: u64,
    pub(crate) rows_out: u64,
    pub(crate) late: u64,
    /// By how much, in milliseconds.
    pub(crate) late_by: BTreeMap<i64, u64>,
    /// By end and auction: rows and the sum of prices.
    pub(crate) open: BTreeMap<i64, BTreeMap<i64, (i64, i64)>>,
    /// Rows of each open window since the attempt began.
    pub(crate) open_rows: BTreeMap<i64, u64>,
    /// By the end of the slice (0 for none) and auction.
    pub(crate) state: BTreeMap<(i64, i64), (i64, i64)>,
}

/// The state of the job behind its first `lines` lines.
pub(crate) struct Truth {
    pub(crate) lines: usize,
    pub(crate) rejected: u64,
    pub(crate) watermark: Option<i64>,
    pub(crate) newest: Option<i64>,
    pub(crate) keyed: Vec<Keyed>,
    /// All rows that have left: by window end and auction, or each update of a count.
    pub(crate) written: BTreeSet<(i64, i64, i64, i64)>,
}

/// Whether line `at` can't be read.
pub(crate) fn is_broken(query: Query, at: usize) -> bool {
    matches!(query, Query::Counts) && at % BROKEN == 5
}

/// Row by row, by the definition of each operator. `since` are the lines behind which the attempt began.
pub(crate) fn truth(query: Query, input: &[Bid], lines: usize, since: usize, parallelism: usize) -> Truth {
    let mut truth = Truth {
        lines,
        rejected: 0,
        watermark: None,
        newest: None,
        keyed: vec![Keyed::default(); parallelism],
        written: BTreeSet::new(),
    };
    for (at, bid) in input.iter().enumerate().take(lines) {
        if is_broken(query, at) {
            truth.rejected += 1;
            continue;
        }
        let keyed = &mut truth.keyed[owner(bid.auction, parallelism)];
        keyed.rows_in += 1;
        let add = |sums: &mut (i64, i64)| *sums = (sums.0 + 1, sums.1 + bid.price);
        match query {
            Query::Counts => {
                let sums = keyed.state.entry((0, bid.auction)).or_default();
                add(sums);
                // The first is an insert, each further one takes the last back.
                keyed.rows_out += if sums.0 == 1 { 1 } else { 2 };
                truth.written.insert((0, bid.auction, sums.0, sums.1));
            }
            Query::Windows { size_ms, every_ms } => {
                let slice_end = bid.time.div_euclid(every_ms) * every_ms + every_ms;
                let last_end = slice_end - every_ms + size_ms;
                let at_ms = truth.watermark.unwrap_or(i64::MIN);
                if last_end - 1 <= at_ms {
                    keyed.late += 1;
                    *keyed.late_by.entry(at_ms - (last_end - 1)).or_default() += 1;
                } else {
                    add(keyed.state.entry((slice_end, bid.auction)).or_default());
                    for end in (slice_end..=last_end).step_by(usize::try_from(every_ms).expect("small")) {
                        if end - 1 > at_ms {
                            add(keyed.open.entry(end).or_default().entry(bid.auction).or_default());
                            *keyed.open_rows.entry(end).or_default() += u64::from(at >= since);
                        }
                    }
                }
            }
        }
        truth.newest = truth.newest.max(Some(bid.time));
        truth.watermark = truth.watermark.max(Some(bid.time - DELAY_MS));
        let (Query::Windows { size_ms, every_ms }, Some(at_ms)) = (query, truth.watermark) else { continue };
        for keyed in &mut truth.keyed {
            while let Some(window) = keyed.open.first_entry().filter(|window| *window.key() - 1 <= at_ms) {
                let (end, keys) = window.remove_entry();
                keyed.open_rows.remove(&end);
                keyed.rows_out += keys.len() as u64;
                truth.written.extend(keys.into_iter().map(|(auction, (n, total))| (end, auction, n, total)));
            }
            keyed.state.retain(|(slice_end, _), _| slice_end - every_ms + size_ms - 1 > at_ms);
        }
    }
    truth
}

/// Writes lines into `bids.ndjson.gz`, compressed, so that it is one split, which one reader reads.
pub(crate) fn write(directory: &Path, lines: &[String]) {
    let file = std::fs::File::create(directory.join("bids.ndjson.gz")).expect("made");
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all((lines.join("\n") + "\n").as_bytes()).expect("written");
    packed.finish().expect("written");
}

/// A time as listings have it in JSON.
pub(crate) fn iso(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, |ms| {
        let time = chrono::DateTime::from_timestamp_millis(ms).expect("in range");
        json!(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    })
}
