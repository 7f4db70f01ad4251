//! A clickstream whose sessions are known.
//!
//! Ten visits go on at any time; each visit is 3 to 13 clicks of one user, 18 to 22 s apart. A user comes back after more
//! than 37 minutes, so that a session window of any gap from 23 s to 37 m finds exactly the visits. Rows are in order of
//! time. A visit begins with a referrer elsewhere or none; then the referrer is the page before. Three of ten visits end
//! with a purchase: `/cart`, `/checkout`.

use std::fmt::Write;
use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;

use super::set::{DemoSet, START_MS, numbers, pick, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 2_000;
/// Visits that go on at one time.
const SLOTS: u64 = 10;
/// Clicks of one slot that hold two visits.
const BLOCK_CLICKS: u64 = 16;
const FIRST_USER: u64 = 2_000;
const USERS: u64 = 160;

const ELSEWHERE: &[Option<&str>] = &[
    Some("https://search.example/"),
    Some("https://search.example/"),
    Some("https://search.example/"),
    Some("https://news.example/"),
    Some("https://news.example/"),
    Some("https://mail.example/"),
    None,
    None,
];

/// The set.
#[derive(Debug)]
pub(super) struct Clicks;

impl DemoSet for Clicks {
    fn name(&self) -> &'static str {
        "clicks"
    }

    fn delay_ms(&self) -> i64 {
        1_000
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("user", LogicalType::BigInt).not_null(),
            Field::new("page", LogicalType::String).not_null(),
            Field::new("referrer", LogicalType::String),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let site = Site::new(seed);
        Ok(match column {
            0 => numbers(rows, |row| site.click(row).user()),
            1 => texts(rows, |row, out| {
                let click = site.click(row);
                site.page(click, click.index, out);
            }),
            2 => texts(rows, |row, out| {
                let click = site.click(row);
                match click.index.checked_sub(1) {
                    Some(before) => site.page(click, before, out),
                    None => out.append_option(pick(ELSEWHERE, site.visits.at(click.visit) >> 8)),
                }
            }),
            _ => timestamps(rows, |row| site.time_ms(row)),
        })
    }
}

/// The visit, and the click of it, that a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Click {
    visit: u64,
    /// From 0.
    index: u64,
    /// Clicks of the visit.
    count: u64,
}

impl Click {
    /// Visits of one user are eight blocks apart.
    const fn user(self) -> u64 {
        FIRST_USER + self.visit % USERS * 37 % USERS
    }
}

struct Site {
    visits: Stream,
    detail: Stream,
}

impl Site {
    fn new(seed: u64) -> Self {
        Self { visits: Stream::new(seed, "clicks visit"), detail: Stream::new(seed, "clicks") }
    }

    fn click(&self, row: u64) -> Click {
        let (block, within) = (row / (SLOTS * BLOCK_CLICKS), row % (SLOTS * BLOCK_CLICKS));
        let (place, slot) = (within / SLOTS, within % SLOTS);
        let first = 2 * (block * SLOTS + slot);
        let count = 3 + self.visits.below(first, 11);
        if place < count {
            Click { visit: first, index: place, count }
        } else {
            Click { visit: first + 1, index: place - count, count: BLOCK_CLICKS - count }
        }
    }

    /// Appends the page of click `index` of the visit.
    fn page(&self, click: Click, index: u64, out: &mut StringBuilder) {
        let dice = self.detail.of_row(click.visit).at(index);
        let buys = self.visits.at(click.visit) % 10 < 3;
        match (dice % 10, click.count - index) {
            (_, 2) if buys => out.append_value("/cart"),
            (_, 1) if buys => out.append_value("/checkout"),
            (0 | 1, _) => out.append_value("/"),
            (2 | 3, _) => out.append_value("/search"),
            _ => {
                // Writing to a builder in memory cannot fail.
                let _ = write!(out, "/product/{}", 100 + (dice >> 8) % 40);
                out.append_value("");
            }
        }
    }

    fn time_ms(&self, row: u64) -> i64 {
        START_MS + (row * STEP_MS + self.detail.at(row) % STEP_MS).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn sessions_of_any_gap_in_between_are_the_visits() {
        let site = Site::new(7);
        let mut last: BTreeMap<u64, (i64, u64)> = BTreeMap::new();
        let (mut shortest_pause, mut longest_click) = (i64::MAX, 0);
        let mut newest = i64::MIN;
        for row in 0..100_000 {
            let (click, time) = (site.click(row), site.time_ms(row));
            assert!(time > newest, "in order of time");
            newest = time;
            if let Some((before, visit)) = last.insert(click.user(), (time, click.visit)) {
                if visit == click.visit {
                    longest_click = longest_click.max(time - before);
                } else {
                    shortest_pause = shortest_pause.min(time - before);
                }
            }
        }
        assert!(longest_click < 22_000, "{longest_click}");
        assert!(shortest_pause > 37 * 60_000, "{shortest_pause}");
    }

    #[test]
    fn a_visit_is_whole_and_refers_to_itself() {
        let mut counts: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        let site = Site::new(0);
        for row in 0..1_600 {
            let click = site.click(row);
            let seen = counts.entry(click.visit).or_insert((0, click.count));
            assert_eq!(click.index, seen.0, "clicks follow each other");
            seen.0 += 1;
        }
        assert_eq!(counts.len(), 200);
        assert!(counts.values().all(|&(seen, count)| seen == count && (3..=13).contains(&count)));
        let pages = Clicks.column(0, 1, 0..1_600).unwrap();
        let referrers = Clicks.column(0, 2, 0..1_600).unwrap();
        let text = |array: &ArrayRef, row: u64| {
            let array = arrow_array::cast::AsArray::as_string::<i32>(array);
            let row = usize::try_from(row).unwrap();
            arrow_array::Array::is_valid(array, row).then(|| array.value(row).to_owned())
        };
        let mut before: BTreeMap<u64, Option<String>> = BTreeMap::new();
        let mut purchases = 0;
        for row in 0..1_600 {
            let click = site.click(row);
            let page = text(&pages, row);
            purchases += u32::from(page.as_deref() == Some("/checkout"));
            let expected = before.insert(click.visit, page);
            match expected {
                Some(expected) => assert_eq!(text(&referrers, row), expected),
                None => assert!(text(&referrers, row).is_none_or(|url| url.starts_with("https://"))),
            }
        }
        assert!((40..80).contains(&purchases), "{purchases}");
    }
}
