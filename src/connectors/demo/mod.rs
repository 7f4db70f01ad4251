//! `demo`: seeded data sets with something to find in each. One file a set, and one line here.

mod clicks;
mod sensors;
mod set;
mod source;
mod transactions;

pub(super) use source::SPEC;

use set::DemoSet;

/// Every set, in the order of listings.
const SETS: [&dyn DemoSet; 3] = [&transactions::Transactions, &sensors::Sensors, &clicks::Clicks];
