//! Auctions joined with their bids.

use super::bids::{Bid, Columns, Loop, Needs};
use super::outcome::Outcome;
use crate::types::key_group::mix;

/// No auction.
const NONE: u32 = u32::MAX;

/// The auctions by their id, in a table of open addresses.
pub(super) struct Auctions<'a> {
    columns: &'a Columns,
    places: Vec<u32>,
}

impl<'a> Auctions<'a> {
    pub(super) fn new(columns: &'a Columns) -> Self {
        let mut places = vec![NONE; (columns.auction.len() * 2).next_power_of_two()];
        let mask = places.len() - 1;
        for (row, &id) in (0_u32..).zip(&columns.auction) {
            let mut at = home(id, mask);
            while places[at] != NONE {
                at = (at + 1) & mask;
            }
            places[at] = row;
        }
        Self { columns, places }
    }

    /// The row of the auction `id`.
    #[inline]
    fn find(&self, id: i64) -> Option<usize> {
        let mask = self.places.len() - 1;
        let mut at = home(id, mask);
        while self.places[at] != NONE {
            let row = self.places[at] as usize;
            if self.columns.auction[row] == id {
                return Some(row);
            }
            at = (at + 1) & mask;
        }
        None
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only the lower bits count")]
fn home(id: i64, mask: usize) -> usize {
    mix(id.cast_unsigned()) as usize & mask
}

/// When a bid meets its auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meet {
    /// Within so many milliseconds after it began.
    Within(i64),
    /// In the tumbling window of so many milliseconds in which it began.
    InWindow(i64),
    /// Whenever.
    Always,
}

/// `id, bidder, price` of the bids that meet their auction.
pub(super) struct Joined<'a> {
    auctions: &'a Auctions<'a>,
    meet: Meet,
    /// The bids so far by auction, where both sides are kept.
    kept: Vec<(i64, i64, i64)>,
    pub(super) outcome: Outcome,
}

impl<'a> Joined<'a> {
    pub(super) fn new(auctions: &'a Auctions<'a>, meet: Meet) -> Self {
        Self { auctions, meet, kept: Vec::new(), outcome: Outcome::default() }
    }
}

impl Loop for Joined<'_> {
    const NEEDS: Needs = Needs { bidder: true, price: true, time: true };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        if self.meet == Meet::Always {
            // An auction might still come.
            self.kept.push((bid.auction, bid.bidder, bid.price));
        }
        let Some(row) = self.auctions.find(bid.auction) else { return };
        let began = self.auctions.columns.time[row];
        let meets = match self.meet {
            Meet::Within(ms) => (0..=ms).contains(&(bid.time - began)),
            Meet::InWindow(ms) => bid.time.div_euclid(ms) == began.div_euclid(ms),
            Meet::Always => true,
        };
        if meets {
            self.outcome.add(&[bid.auction, bid.bidder, bid.price]);
        }
    }

    fn finish(&mut self) {
        // Without a reader they would not be kept.
        std::hint::black_box(&self.kept);
    }
}
