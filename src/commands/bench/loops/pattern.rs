//! A cheap bid directly followed by a dear one on the same auction, in the order of the file, which is that of time.

use hashbrown::HashMap;

use super::bids::{Bid, Loop, Needs};
use super::outcome::Outcome;

/// A bid below is cheap.
const CHEAP: i64 = 1_000;
/// A bid above is dear.
const DEAR: i64 = 100_000;

/// The prices of the first and the last bid of an auction in a part of the file.
#[derive(Clone, Copy)]
struct Ends {
    first: i64,
    last: i64,
}

/// One part of the file.
#[derive(Default)]
pub(super) struct Pattern {
    auctions: HashMap<i64, Ends>,
    outcome: Outcome,
}

const fn matches(before: i64, price: i64) -> bool {
    before < CHEAP && price > DEAR
}

impl Loop for Pattern {
    const NEEDS: Needs = Needs { bidder: false, price: true, time: false };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        let price = bid.price;
        let ends = self.auctions.entry(bid.auction).or_insert(Ends { first: price, last: price });
        if matches(ends.last, price) {
            self.outcome.add(&[bid.auction, ends.last, price]);
        }
        ends.last = price;
    }
}

/// The outcome of all parts, in the order of the file.
pub(super) fn stitched(parts: Vec<Pattern>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut last: HashMap<i64, i64> = HashMap::new();
    let several = parts.len() > 1;
    for part in parts {
        outcome = outcome.and(part.outcome);
        if !several {
            break;
        }
        let mut auctions: Vec<(i64, Ends)> = part.auctions.into_iter().collect();
        auctions.sort_unstable_by_key(|(auction, _)| *auction);
        for (auction, ends) in auctions {
            if let Some(before) = last.insert(auction, ends.last)
                && matches(before, ends.first)
            {
                outcome.add(&[auction, before, ends.first]);
            }
        }
    }
    outcome
}
