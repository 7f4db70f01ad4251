//! The sessions of bidders.

use hashbrown::HashMap;

use super::bids::{Bid, Loop, Needs};
use super::outcome::Outcome;

/// A bidder who has not bid for so many milliseconds begins a new session.
pub(super) const GAP_MS: i64 = 10_000;

#[derive(Clone, Copy)]
struct Session {
    start: i64,
    last: i64,
    count: i64,
    sum: i64,
}

impl Session {
    /// Whether a session that begins at `time` is this one still.
    const fn goes_on(&self, time: i64) -> bool {
        time < self.last + GAP_MS
    }

    fn add(&mut self, other: Self) {
        self.start = self.start.min(other.start);
        self.last = self.last.max(other.last);
        self.count += other.count;
        self.sum += other.sum;
    }
}

/// The sessions of a bidder in a part of the file that may still become one with others: the first, and the last two, as
/// bids come a little out of order.
#[derive(Clone, Copy)]
struct Kept {
    sessions: [Session; 3],
    len: usize,
}

/// One part of the file, whose bids are in the order of time but for less than a session's gap.
#[derive(Default)]
pub(super) struct Sessions {
    bidders: HashMap<i64, Kept>,
    outcome: Outcome,
}

fn emit(outcome: &mut Outcome, bidder: i64, session: &Session) {
    outcome.add(&[bidder, session.start, session.last + GAP_MS, session.count, session.sum]);
}

impl Loop for Sessions {
    const NEEDS: Needs = Needs { bidder: true, price: true, time: true };

    #[inline]
    fn bid(&mut self, bid: Bid) {
        let one = Session { start: bid.time, last: bid.time, count: 1, sum: bid.price };
        let Some(kept) = self.bidders.get_mut(&bid.bidder) else {
            self.bidders.insert(bid.bidder, Kept { sessions: [one; 3], len: 1 });
            return;
        };
        let at = kept.len - 1;
        if kept.sessions[at].goes_on(bid.time) {
            kept.sessions[at].add(one);
            if at > 0 && bid.time == kept.sessions[at].start && kept.sessions[at - 1].goes_on(bid.time) {
                let later = kept.sessions[at];
                kept.sessions[at - 1].add(later);
                kept.len = at;
            }
        } else if kept.len < 3 {
            kept.sessions[kept.len] = one;
            kept.len += 1;
        } else {
            emit(&mut self.outcome, bid.bidder, &kept.sessions[1]);
            kept.sessions[1] = kept.sessions[2];
            kept.sessions[2] = one;
        }
    }
}

/// The outcome of all parts, in the order of the file.
pub(super) fn stitched(parts: Vec<Sessions>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut open: HashMap<i64, Session> = HashMap::new();
    for part in parts {
        outcome = outcome.and(part.outcome);
        for (bidder, kept) in part.bidders {
            for &session in &kept.sessions[..kept.len] {
                match open.get_mut(&bidder) {
                    Some(before) if before.goes_on(session.start) => before.add(session),
                    Some(before) => emit(&mut outcome, bidder, &std::mem::replace(before, session)),
                    None => {
                        open.insert(bidder, session);
                    }
                }
            }
        }
    }
    for (bidder, session) in open {
        emit(&mut outcome, bidder, &session);
    }
    outcome
}
