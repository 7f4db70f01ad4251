//! Card payments with planted fraud.
//!
//! Four payments a second, in order of time. Rows come in blocks of 500; block *b* holds one planted fraud, one decoy of
//! each kind, and ordinary payments of 1.00 to 499.99:
//!
//! - **fraud**: account `1002 + 4 (b mod 50)` pays 0.01 to 0.99, and 1 to 200 rows (at most 50.25 s) later 500.01 to
//!   2,000.00 from another country: [`planted`] gives both rows;
//! - **decoys**: an account `1001 + 4 k` pays less than 1.00, an account `1000 + 4 k` more than 500.00; neither ever does
//!   the other, so a detector that finds anything but the planted pairs is wrong.

use std::fmt::Write;
use std::ops::Range;

use arrow_array::ArrayRef;

use super::set::{DemoSet, START_MS, decimals, numbers, pick, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 250;
const BLOCK_ROWS: u64 = 500;
const FIRST_ACCOUNT: u64 = 1_000;
/// Four kinds of account: those that may pay much, little, both as a fraud, and the rest.
const ACCOUNTS_A_KIND: u64 = 50;

const MERCHANTS: &[&str] = &[
    "Alder Books",
    "Bright Bikes",
    "Corner Bakery",
    "Delta Fuel",
    "Elm Pharmacy",
    "Fjord Coffee",
    "Garden & Co",
    "Harbour Inn",
    "Indigo Cinema",
    "Juniper Foods",
    "Kite Airlines",
    "Lumen Lights",
    "Maple Market",
    "North Rail",
    "Opal Optics",
    "Pine Hardware",
    "Quill Stationery",
    "River Sports",
    "Stone Gym",
    "Tulip Flowers",
];

pub(super) const COUNTRIES: &[&str] = &["DE", "FR", "NL", "PL", "SE", "IT", "ES", "GB"];

/// The set.
#[derive(Debug)]
pub(super) struct Transactions;

impl DemoSet for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn delay_ms(&self) -> i64 {
        1_000
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("account", LogicalType::BigInt).not_null(),
            Field::new("card", LogicalType::String).not_null(),
            Field::new("merchant", LogicalType::String).not_null(),
            Field::new("amount", LogicalType::Decimal(10, 2)).not_null(),
            Field::new("country", LogicalType::String).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let book = Book::new(seed);
        Ok(match column {
            0 => numbers(rows, |row| book.account(row)),
            1 => texts(rows, |row, out| {
                let card = 1 + book.detail.at(row) % 2;
                // Writing to a builder in memory cannot fail.
                let _ = write!(out, "C{}-{card}", book.account(row));
                out.append_value("");
            }),
            2 => texts(rows, |row, out| out.append_value(pick(MERCHANTS, book.detail.at(row) >> 8))),
            3 => decimals(rows, 2, |row| book.cents(row))?,
            4 => texts(rows, |row, out| out.append_value(book.country(row))),
            _ => timestamps(rows, |row| book.time_ms(row)),
        })
    }
}

/// The kinds of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    FraudSmall,
    FraudLarge,
    DecoySmall,
    DecoyLarge,
}

/// The rows of the planted fraud of block `block`: the small payment and the large one.
fn planted(seed: u64, block: u64) -> (u64, u64) {
    let places = Stream::new(seed, "transactions fraud");
    let small = block * BLOCK_ROWS + 50 + places.below(2 * block, 200);
    (small, small + 1 + places.below(2 * block + 1, 200))
}

struct Book {
    seed: u64,
    detail: Stream,
    amounts: Stream,
}

impl Book {
    fn new(seed: u64) -> Self {
        Self { seed, detail: Stream::new(seed, "transactions"), amounts: Stream::new(seed, "transactions amount") }
    }

    /// The decoys stand behind the last row that a fraud can reach.
    fn kind(&self, row: u64) -> Kind {
        let block = row / BLOCK_ROWS;
        let (small, large) = planted(self.seed, block);
        let decoys = Stream::new(self.seed, "transactions decoy");
        if row == small {
            Kind::FraudSmall
        } else if row == large {
            Kind::FraudLarge
        } else if row % BLOCK_ROWS == 450 + decoys.below(2 * block, 25) {
            Kind::DecoySmall
        } else if row % BLOCK_ROWS == 475 + decoys.below(2 * block + 1, 25) {
            Kind::DecoyLarge
        } else {
            Kind::Ordinary
        }
    }

    fn account(&self, row: u64) -> u64 {
        let any = self.detail.at(row) >> 16;
        FIRST_ACCOUNT
            + match self.kind(row) {
                Kind::Ordinary => any % (4 * ACCOUNTS_A_KIND),
                Kind::FraudSmall | Kind::FraudLarge => 4 * (row / BLOCK_ROWS % ACCOUNTS_A_KIND) + 2,
                Kind::DecoySmall => 4 * (any % ACCOUNTS_A_KIND) + 1,
                Kind::DecoyLarge => 4 * (any % ACCOUNTS_A_KIND),
            }
    }

    fn cents(&self, row: u64) -> u64 {
        match self.kind(row) {
            Kind::Ordinary => {
                let unit = self.amounts.unit(row);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 49,900")]
                let cents = (unit * unit * unit * 49_900.0) as u64;
                100 + cents
            }
            Kind::FraudSmall | Kind::DecoySmall => 1 + self.amounts.below(row, 99),
            Kind::FraudLarge | Kind::DecoyLarge => 50_001 + self.amounts.below(row, 150_000),
        }
    }

    fn country(&self, row: u64) -> &'static str {
        let home = Stream::new(self.seed, "transactions home").at(self.account(row));
        let abroad = self.kind(row) == Kind::FraudLarge || (self.detail.at(row) >> 32).is_multiple_of(32);
        let shift = if abroad { 1 + (self.detail.at(row) >> 40) % 7 } else { 0 };
        pick(COUNTRIES, home % 8 + shift)
    }

    fn time_ms(&self, row: u64) -> i64 {
        START_MS + (row * STEP_MS + (self.detail.at(row) >> 48) % STEP_MS).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_detector_finds_the_planted_fraud_and_nothing_else() {
        for seed in [0, 7] {
            let book = Book::new(seed);
            let mut small: BTreeMap<u64, (u64, i64)> = BTreeMap::new();
            let mut found = Vec::new();
            let blocks = 200;
            let mut last = i64::MIN;
            for row in 0..blocks * BLOCK_ROWS {
                let (account, cents, time) = (book.account(row), book.cents(row), book.time_ms(row));
                assert!(time > last, "in order of time");
                last = time;
                if cents > 50_000
                    && let Some((first, at)) = small.remove(&account)
                    && time - at <= 60_000
                {
                    found.push((first, row));
                }
                if cents < 100 {
                    small.insert(account, (row, time));
                }
            }
            let expected: Vec<_> = (0..blocks).map(|block| planted(seed, block)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn decoys_are_there_and_fraud_is_paid_abroad() {
        let book = Book::new(3);
        let count = |kind| (0..10_000).filter(|&row| book.kind(row) == kind).count();
        assert_eq!(count(Kind::DecoySmall), 20);
        assert_eq!(count(Kind::DecoyLarge), 20);
        for block in 0..20 {
            let (small, large) = planted(3, block);
            assert_ne!(
                pick(COUNTRIES, Stream::new(3, "transactions home").at(book.account(small)) % 8),
                book.country(large)
            );
        }
    }
}
