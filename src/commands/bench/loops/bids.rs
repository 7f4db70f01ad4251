//! Bids, where they come from, and who takes them.

use crate::types::Result;

/// Bids that are handed on at once.
pub(super) const BLOCK: usize = 8_192;

/// The format in which the bids are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// One JSON object a line.
    Ndjson,
    /// One line of cells, the header first.
    Csv,
}

/// Bids in memory; of auctions their id, seller, first price and beginning.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// The auction bid on.
    pub auction: Vec<i64>,
    /// Who bids.
    pub bidder: Vec<i64>,
    /// In cents.
    pub price: Vec<i64>,
    /// When, milliseconds since the epoch.
    pub time: Vec<i64>,
}

/// One bid; only the fields that the query [needs](Needs) are set.
#[derive(Clone, Copy)]
pub(super) struct Bid {
    pub(super) auction: i64,
    pub(super) bidder: i64,
    pub(super) price: i64,
    pub(super) time: i64,
}

/// A source of bids, in parts.
pub(super) trait Source: Sync {
    fn feed<L: Loop>(&self, part: usize, into: &mut L) -> Result<()>;
}

/// One thread's part of a query.
pub(super) trait Loop: Send {
    const NEEDS: Needs;

    fn bid(&mut self, bid: Bid);

    /// Between two reads.
    fn pause(&mut self) {}

    /// Behind the last bid.
    fn finish(&mut self) {}
}

pub(super) struct Needs {
    pub(super) bidder: bool,
    pub(super) price: bool,
    pub(super) time: bool,
}
