//! The yardstick of `lotic bench`: each query as somebody would write it by hand for this one file, with large reads, a
//! scanner that skips to the fields it needs without checking the rest, and a typed hash table.
//!
//! The file is Nexmark bids as our own encoders write them: fields `auction, bidder, price, channel, url, date_time,
//! extra` in that order, without spaces, times as `YYYY-MM-DD HH:MM:SS[.f]`. No row may be late: a window is taken to be
//! complete at the end of the input. Several threads each read one contiguous part and merge what they have; the running
//! count, whose order matters for a key, is exchanged by key instead.

mod bids;
mod joins;
mod outcome;
mod pattern;
mod sessions;
mod sources;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

pub use bids::{Columns, Text};
pub use outcome::{Outcome, row_hash};

use bids::{BLOCK, Bid, Loop, Needs, Source};
use joins::{Auctions, Joined, Meet};
use sources::{ColumnParts, FileParts, parts_of};
use table::{Entry, Panes, Table, merge};

use crate::types::key_group::mix;
use crate::types::{Error, Result, RowKind};

/// The computation on the bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    /// `auction, bidder, price * 0.908` for every bid; the last as its unscaled value (three places).
    Projection,
    /// `auction, price` of the bids with `auction % 123 = 0`.
    Filter,
    /// `auction, window_start, window_end, count, sum(price), avg(price)` a tumbling window of 10 s.
    Tumbling,
    /// `auction, window_start, window_end, count` a hopping window of 10 s every 2 s.
    Hopping,
    /// The same of 60 s every second: windows that overlap sixty times.
    Overlapping,
    /// `bidder, window_start, window_end, count, sum(price)` a session of 10 s.
    Session,
    /// `auction, window_start, window_end, count, rank` of the ten auctions with the most bids in each tumbling window of 10 s;
    /// of as many bids the lower auction first.
    Top,
    /// A changelog of `auction, count`: every bid but an auction's first takes the old count back.
    Running,
    /// `auction, bidder, price` of the bids within 10 s after the beginning of their auction.
    IntervalJoin,
    /// `auction, bidder, price` of the bids in the tumbling window of 10 s in which their auction began.
    WindowJoin,
    /// `auction, bidder, price` of the bids on auctions that there are, both sides kept.
    RegularJoin,
    /// `bidder, price` of a bid of more than [`LARGE`] within a minute after one of less than [`SMALL`] by the same bidder.
    /// The order of a bidder's bids matters: it runs on one thread.
    Process,
    /// `auction`, and the prices of a bid below 1,000 and of the next one on the auction, where that is above 100,000.
    Pattern,
}

/// Every query.
pub const QUERIES: [Query; 13] = [
    Query::Projection,
    Query::Filter,
    Query::Tumbling,
    Query::Hopping,
    Query::Overlapping,
    Query::Session,
    Query::Top,
    Query::Running,
    Query::IntervalJoin,
    Query::WindowJoin,
    Query::RegularJoin,
    Query::Process,
    Query::Pattern,
];

/// A bid below is small.
pub const SMALL: i64 = 200;
/// A bid above is large.
pub const LARGE: i64 = 500_000;

impl Query {
    /// The number of threads that it runs on when there are `threads`.
    #[must_use]
    pub fn threads(self, threads: usize) -> usize {
        if self == Self::Process { 1 } else { threads.max(1) }
    }
}

/// Runs `query` over the bids of a file, and `auctions` in memory, with `threads` threads.
///
/// # Errors
/// When the file can't be read, or is not as the module says.
pub fn over_file(query: Query, text: Text, path: &Path, auctions: &Columns, threads: usize) -> Result<Outcome> {
    let parts = parts_of(path, text, query.threads(threads))?;
    let source = FileParts { path, text, parts: &parts };
    run(query, &source, auctions, parts.len())
}

/// Runs `query` over bids and auctions in memory with `threads` threads.
///
/// # Errors
/// None of its own; the signature is that of [`over_file`].
pub fn over_columns(query: Query, columns: &Columns, auctions: &Columns, threads: usize) -> Result<Outcome> {
    let threads = query.threads(threads);
    run(query, &ColumnParts { columns, threads }, auctions, threads)
}

fn run(query: Query, source: &impl Source, auctions: &Columns, threads: usize) -> Result<Outcome> {
    match query {
        Query::Projection => {
            let done = spread(source, (0..threads).map(|_| Projection::default()).collect())?;
            Ok(sum(done.iter().map(|one| one.0)))
        }
        Query::Filter => {
            let done = spread(source, (0..threads).map(|_| Filter::default()).collect())?;
            Ok(sum(done.iter().map(|one| one.0)))
        }
        Query::Tumbling => {
            let done = spread(source, (0..threads).map(|_| Tumbling(Panes::every(TUMBLE_MS))).collect())?;
            Ok(emit_tumbling(&merge(done.into_iter().map(|one| one.0).collect())))
        }
        Query::Hopping => {
            let done = spread(source, (0..threads).map(|_| Hopping(Panes::every(SLIDE_MS))).collect())?;
            Ok(emit_hopping(&merge(done.into_iter().map(|one| one.0).collect()), (HOP_MS, SLIDE_MS), threads))
        }
        Query::Overlapping => {
            let done = spread(source, (0..threads).map(|_| Hopping(Panes::every(SECOND_MS))).collect())?;
            Ok(emit_hopping(&merge(done.into_iter().map(|one| one.0).collect()), (MINUTE_MS, SECOND_MS), threads))
        }
        Query::Session => {
            Ok(sessions::stitched(spread(source, (0..threads).map(|_| sessions::Sessions::default()).collect())?))
        }
        Query::Top => {
            let done = spread(source, (0..threads).map(|_| Hopping(Panes::every(TUMBLE_MS))).collect())?;
            Ok(emit_top(merge(done.into_iter().map(|one| one.0).collect())))
        }
        Query::Running => {
            let done = spread(source, Running::connected(threads))?;
            Ok(sum(done.iter().map(|one| one.outcome)))
        }
        Query::IntervalJoin => joined(source, auctions, Meet::Within(JOIN_MS), threads),
        Query::WindowJoin => joined(source, auctions, Meet::InWindow(TUMBLE_MS), threads),
        Query::RegularJoin => joined(source, auctions, Meet::Always, threads),
        Query::Process => {
            let done = spread(source, (0..threads).map(|_| Process::default()).collect())?;
            Ok(sum(done.iter().map(|one| one.outcome)))
        }
        Query::Pattern => {
            Ok(pattern::stitched(spread(source, (0..threads).map(|_| pattern::Pattern::default()).collect())?))
        }
    }
}

fn joined(source: &impl Source, auctions: &Columns, meet: Meet, threads: usize) -> Result<Outcome> {
    let auctions = Auctions::new(auctions);
    let loops = (0..threads).map(|_| Joined::new(&auctions, meet)).collect();
    Ok(sum(spread(source, loops)?.iter().map(|one| one.outcome)))
}

fn sum(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    outcomes.fold(Outcome::default(), Outcome::and)
}

/// Feeds each loop its part on a thread of its own.
fn spread<L: Loop>(source: &impl Source, loops: Vec<L>) -> Result<Vec<L>> {
    let work = |part: usize, mut one: L| -> Result<L> {
        source.feed(part, &mut one)?;
        one.finish();
        Ok(one)
    };
    if loops.len() == 1 {
        return loops.into_iter().map(|one| work(0, one)).collect();
    }
    thread::scope(|scope| {
        let running: Vec<_> =
            loops.into_iter().enumerate().map(|(part, one)| scope.spawn(move || work(part, one))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::Panic("a loop's thread".to_owned()))))
            .collect()
    })
}

// ---- the queries ----

const TUMBLE_MS: i64 = 10_000;
const JOIN_MS: i64 = 10_000;
const HOP_MS: i64 = 10_000;
const SLIDE_MS: i64 = 2_000;
const MINUTE_MS: i64 = 60_000;
const SECOND_MS: i64 = 1_000;
const TOP: usize = 10;

#[derive(Default)]
struct Projection(Outcome);

impl Loop for Projection {
    const NEEDS: Needs = Needs { bidder: true, price: true, time: false };

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the checksum takes the lower half of a decimal")]
    fn bid(&mut self, bid: Bid) {
        let eur = i128::from(bid.price) * 908;
        self.0.add(&[bid.auction, bid.bidder, eur as i64]);
    }
}

#[derive(Default)]
struct Filter(Outcome);

impl Loop for Filter {
    const NEEDS: Needs = Needs { bidder: false, price: true, time: false };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        if bid.auction % 123 == 0 {
            self.0.add(&[bid.auction, bid.price]);
        }
    }
}

struct Tumbling(Panes);

impl Loop for Tumbling {
    const NEEDS: Needs = Needs { bidder: false, price: true, time: true };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        self.0.add(bid.time, bid.auction, bid.price);
    }

    fn finish(&mut self) {
        self.0.close_before(i64::MAX);
    }
}

struct Hopping(Panes);

impl Loop for Hopping {
    const NEEDS: Needs = Needs { bidder: false, price: false, time: true };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        self.0.add(bid.time, bid.auction, 0);
    }

    fn finish(&mut self) {
        self.0.close_before(i64::MAX);
    }
}

fn emit_tumbling(panes: &[(i64, Vec<Entry>)]) -> Outcome {
    let mut outcome = Outcome::default();
    for (start, entries) in panes {
        for entry in entries {
            let average = entry.sum / entry.count;
            outcome.add(&[entry.key, *start, start + TUMBLE_MS, entry.count, entry.sum, average]);
        }
    }
    outcome
}

fn emit_top(panes: Vec<(i64, Vec<Entry>)>) -> Outcome {
    let mut outcome = Outcome::default();
    let order = |entry: &Entry| (std::cmp::Reverse(entry.count), entry.key);
    for (start, mut entries) in panes {
        if entries.len() > TOP {
            entries.select_nth_unstable_by_key(TOP, order);
            entries.truncate(TOP);
        }
        entries.sort_unstable_by_key(order);
        for (rank, entry) in (1..).zip(entries) {
            outcome.add(&[entry.key, start, start + TUMBLE_MS, entry.count, rank]);
        }
    }
    outcome
}

/// Each window of this size and slide is the sum of its slices; the windows are dealt to the threads.
fn emit_hopping(slices: &[(i64, Vec<Entry>)], (size_ms, slide_ms): (i64, i64), threads: usize) -> Outcome {
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else { return Outcome::default() };
    let (first, last) = (first.0 - (size_ms - slide_ms), last.0);
    let windows = usize::try_from((last - first) / slide_ms + 1).unwrap_or(0);
    let emit = |range: Range<usize>| {
        let mut outcome = Outcome::default();
        let mut table = Table::new();
        for window in range {
            let start = first + i64::try_from(window).unwrap_or(0) * slide_ms;
            let from = slices.partition_point(|(slice, _)| *slice < start);
            for (_, entries) in slices[from..].iter().take_while(|(slice, _)| *slice < start + size_ms) {
                for entry in entries {
                    table.add(entry.key, entry.count, 0);
                }
            }
            for entry in table.take() {
                outcome.add(&[entry.key, start, start + size_ms, entry.count]);
            }
        }
        outcome
    };
    let share = windows.div_ceil(threads.max(1)).max(1);
    let shares: Vec<Range<usize>> = (0..windows).step_by(share).map(|at| at..(at + share).min(windows)).collect();
    if shares.len() == 1 {
        return emit(0..windows);
    }
    let emit = &emit;
    thread::scope(|scope| {
        let running: Vec<_> = shares.into_iter().map(|range| scope.spawn(move || emit(range))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).fold(Outcome::default(), Outcome::and)
    })
}

/// The count of each auction so far. With peers, each owns the auctions of one residue of their hash.
struct Running {
    table: Table,
    outcome: Outcome,
    index: u64,
    outgoing: Vec<Vec<i64>>,
    peers: Vec<Option<SyncSender<Vec<i64>>>>,
    inbox: Option<Receiver<Vec<i64>>>,
}

impl Running {
    fn connected(threads: usize) -> Vec<Self> {
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..threads).map(|_| sync_channel(16)).unzip();
        inboxes
            .into_iter()
            .enumerate()
            .map(|(index, inbox)| Self {
                table: Table::new(),
                outcome: Outcome::default(),
                index: index as u64,
                outgoing: vec![Vec::with_capacity(BLOCK); threads],
                peers: senders.iter().enumerate().map(|(at, sender)| (at != index).then(|| sender.clone())).collect(),
                inbox: Some(inbox),
            })
            .collect()
    }

    #[inline]
    fn count(&mut self, auction: i64) {
        let count = self.table.add(auction, 1, 0);
        if count == 1 {
            self.outcome.add(&[RowKind::Insert as i64, auction, 1]);
        } else {
            self.outcome.add(&[RowKind::UpdateBefore as i64, auction, count - 1]);
            self.outcome.add(&[RowKind::UpdateAfter as i64, auction, count]);
        }
    }

    fn receive(&mut self) {
        while let Some(block) = self.inbox.as_ref().and_then(|inbox| inbox.try_recv().ok()) {
            for auction in block {
                self.count(auction);
            }
        }
    }

    fn send(&mut self, to: usize) {
        let mut block = std::mem::replace(&mut self.outgoing[to], Vec::with_capacity(BLOCK));
        loop {
            let Some(peer) = self.peers.get(to).and_then(Option::as_ref) else { return };
            match peer.try_send(block) {
                // Two that wait for each other to take would wait for ever.
                Err(TrySendError::Full(back)) => {
                    block = back;
                    self.receive();
                    thread::yield_now();
                }
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }
}

/// When each bidder has made a small bid.
#[derive(Default)]
struct Process {
    small: hashbrown::HashMap<i64, i64>,
    outcome: Outcome,
}

impl Loop for Process {
    const NEEDS: Needs = Needs { bidder: true, price: true, time: true };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        if bid.price > LARGE
            && let Some(&small) = self.small.get(&bid.bidder)
            && bid.time < small + 60_000
        {
            self.outcome.add(&[bid.bidder, bid.price]);
            self.small.remove(&bid.bidder);
        }
        if bid.price < SMALL {
            self.small.insert(bid.bidder, bid.time);
        }
    }
}

impl Loop for Running {
    const NEEDS: Needs = Needs { bidder: false, price: false, time: false };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        if self.peers.len() == 1 {
            return self.count(bid.auction);
        }
        let owner = mix(bid.auction.cast_unsigned()) % self.peers.len() as u64;
        if owner == self.index {
            return self.count(bid.auction);
        }
        let owner = usize::try_from(owner).unwrap_or(0);
        self.outgoing[owner].push(bid.auction);
        if self.outgoing[owner].len() == BLOCK {
            self.send(owner);
        }
    }

    fn pause(&mut self) {
        self.receive();
    }

    fn finish(&mut self) {
        for to in 0..self.peers.len() {
            self.send(to);
        }
        self.peers.iter_mut().for_each(|peer| *peer = None);
        while let Some(block) = self.inbox.as_ref().and_then(|inbox| inbox.recv().ok()) {
            for auction in block {
                self.count(auction);
            }
        }
    }
}
