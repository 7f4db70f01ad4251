//! The hottest keys, from a sample.

use arrow_array::{ArrayRef, UInt64Array};
use arrow_select::take::take;

use crate::inspect::HotKeyView;
use crate::types::{CellValue, Cells, Result, key_group};

/// Keys counted at once: a key with more than one in as many of the sampled rows is surely among them.
const COUNTERS: usize = 64;
/// Keys shown.
const SHOWN: usize = 16;
/// Rows looked at of a batch.
const ROWS: usize = 512;
/// Sampled rows at which all counts are halved, so that what was hot an hour ago does not stay so.
const FORGET_AT: u64 = 64 * 1_024;

/// Counts the keys of a sample of rows in bounded space: the Space-Saving algorithm of Metwally, Agrawal and El Abbadi,
/// "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005. A key that finds no counter takes over
/// the least one with its count, so a count may be too high by what was taken over, which is left out of what is shown.
///
/// Samples a batch only when somebody has looked since the last: a job that nobody watches pays one comparison a batch.
#[derive(Debug, Default)]
pub(super) struct HotKeys {
    wanted: bool,
    counters: Vec<Counter>,
    sampled: u64,
    /// The state of the generator that rows are chosen by. It has no part in what the job does.
    random: u64,
    hashes: Vec<u64>,
}

#[derive(Debug)]
struct Counter {
    hash: u64,
    count: u64,
    /// The count that was taken over from another key.
    error: u64,
    key: Vec<CellValue>,
    /// The key's row in the batch at hand, until the key is written out.
    row: Option<usize>,
}

impl HotKeys {
    /// Counts the keys of a batch, if somebody wants to know.
    pub(super) fn sample(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        if !self.wanted || keys.is_empty() {
            return Ok(());
        }
        self.wanted = false;
        let picked = self.pick(rows);
        let rows = picked.len();
        let keys = keys.iter().map(|key| take(key, &picked, None)).collect::<Result<Vec<_>, _>>()?;
        let mut hashes = std::mem::take(&mut self.hashes);
        key_group::hash_keys(&keys, &mut hashes)?;
        for (row, &hash) in hashes.iter().enumerate() {
            self.count(hash, row);
        }
        self.hashes = hashes;
        let cells = Cells::new(&keys);
        for counter in &mut self.counters {
            if let Some(row) = counter.row.take() {
                counter.key = cells.row(row);
            }
        }
        self.sampled += rows as u64;
        if self.sampled >= FORGET_AT {
            self.sampled /= 2;
            for counter in &mut self.counters {
                counter.count /= 2;
                counter.error /= 2;
            }
        }
        Ok(())
    }

    /// Rows chosen at random, one out of each of as many equal stretches of the batch as there are rows to look at: rows
    /// that come at a beat of the input, or always first, are met as often as they are many.
    fn pick(&mut self, rows: usize) -> UInt64Array {
        let (rows, stretches) = (rows as u64, rows.min(ROWS) as u64);
        let bound = |stretch: u64| stretch * rows / stretches;
        UInt64Array::from_iter_values((0..stretches).map(|stretch| {
            self.random = key_group::mix(self.random);
            let (from, to) = (bound(stretch), bound(stretch + 1));
            from + self.random % (to - from)
        }))
    }

    fn count(&mut self, hash: u64, row: usize) {
        if let Some(counter) = self.counters.iter_mut().find(|counter| counter.hash == hash) {
            counter.count += 1;
        } else if self.counters.len() < COUNTERS {
            self.counters.push(Counter { hash, count: 1, error: 0, key: Vec::new(), row: Some(row) });
        } else if let Some(least) = self.counters.iter_mut().min_by_key(|counter| counter.count) {
            let error = least.count;
            *least = Counter { hash, count: error + 1, error, key: Vec::new(), row: Some(row) };
        }
    }

    /// The hottest keys, those that stood out of the sample for certain; asks for the next sample.
    pub(super) fn view(&mut self) -> Vec<HotKeyView> {
        self.wanted = true;
        let sure = |counter: &Counter| counter.count - counter.error;
        let texts = |counter: &'_ Counter| counter.key.join("\u{0}");
        let mut hottest: Vec<&Counter> = self.counters.iter().filter(|counter| sure(counter) > 0).collect();
        hottest.sort_by(|a, b| sure(b).cmp(&sure(a)).then_with(|| texts(a).cmp(&texts(b))));
        let shown = hottest.into_iter().take(SHOWN);
        shown.map(|counter| HotKeyView { key: counter.key.clone(), rows: sure(counter), of: self.sampled }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};

    use super::*;

    fn batch(values: impl IntoIterator<Item = i64>) -> Vec<ArrayRef> {
        let ints = Int64Array::from_iter_values(values);
        let texts = StringArray::from_iter_values(ints.values().iter().map(|value| format!("k{value}")));
        vec![Arc::new(ints), Arc::new(texts)]
    }

    #[test]
    fn heavy_keys_are_found_among_very_many_light_ones() {
        let mut hot = HotKeys::default();
        assert_eq!(hot.view(), []);
        for round in 0..40_i64 {
            // A third of the rows have key -1, a tenth key -2, all others are new each time.
            let keys = batch((0..500).map(|row| match row % 30 {
                0..10 => -1,
                10..13 => -2,
                _ => round * 1_000 + row,
            }));
            hot.sample(&keys, 500).expect("hashes");
            let _ = hot.view();
        }
        let view = hot.view();
        assert_eq!(view[0].key, ["-1", "k-1"]);
        assert_eq!(view[1].key, ["-2", "k-2"]);
        assert_eq!(view[0].of, 20_000);
        let share = view[0].rows * 100 / view[0].of;
        assert!((30..=34).contains(&share), "{share} %");
        assert!(view.len() <= SHOWN);
    }

    #[test]
    fn a_beat_of_the_input_is_not_taken_for_heat() {
        // Key 0 has one row in sixteen, always the first of sixteen; and a batch is sixteen times the sample.
        let mut hot = HotKeys::default();
        let _ = hot.view();
        for _ in 0..40 {
            let rows = ROWS * 16;
            hot.sample(&batch((0..8_192).map(|row| if row % 16 == 0 { 0 } else { 1 + row % 3 })), rows)
                .expect("hashes");
            let _ = hot.view();
        }
        let view = hot.view();
        let share = |key: &str| view.iter().find(|hot| hot.key[0] == key).map_or(0, |hot| hot.rows * 1_000 / hot.of);
        assert!((50..=75).contains(&share("0")), "{} of a thousand", share("0"));
        for key in ["1", "2", "3"] {
            assert!((290..=335).contains(&share(key)), "{key}: {} of a thousand", share(key));
        }
    }

    #[test]
    fn nothing_is_counted_when_nobody_looks_and_old_heat_fades() {
        let mut hot = HotKeys::default();
        hot.sample(&batch([1, 1, 1]), 3).expect("hashes");
        assert_eq!(hot.view(), []);
        hot.sample(&batch([1, 1, 1]), 3).expect("hashes");
        hot.sample(&batch([2, 2, 2]), 3).expect("hashes");
        let view = hot.view();
        assert_eq!((view[0].key.join(" ").as_str(), view[0].rows, view[0].of, view.len()), ("1 k1", 3, 3, 1));
        for _ in 0..1_000 {
            hot.sample(&batch(std::iter::repeat_n(9, 512)), 512).expect("hashes");
            assert!(hot.view()[0].of < FORGET_AT);
        }
        assert_eq!(hot.view()[0].key, ["9", "k9"]);
        assert_eq!(hot.view().len(), 1, "key 1 is forgotten");
    }
}
