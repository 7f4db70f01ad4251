//! The last late rows that nobody reads: what `why late` lists.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::inspect::{LateRowView, LateView, LatenessView};
use crate::operators::rows::display;
use crate::types::{Batch, Cells, Schema};

/// Rows kept.
const KEPT: usize = 100;
/// Window ends shown of one row; a hopping window can have many.
const ENDS: usize = 8;
/// Amounts of lateness that are told apart.
const AMOUNTS: usize = 128;
/// Bytes of a row's text.
const TEXT: usize = 500;

/// The last late rows. Costs something only when a row is late, and of a batch at most as many rows as are kept.
#[derive(Debug, Default)]
pub(super) struct LateRows {
    last: VecDeque<LateRowView>,
    /// All of them, by how late they were: the amount, and the rows.
    by_lateness: BTreeMap<i64, u64>,
}

impl LateRows {
    /// Keeps these rows, which came when event time was at `watermark`: of the windows with these ends, the last of which
    /// takes rows for `lateness_ms` longer.
    pub(super) fn keep(
        &mut self,
        batch: &Batch,
        rows: Range<usize>,
        window_ends: impl Iterator<Item = i64>,
        lateness_ms: i64,
        watermark: i64,
    ) {
        let mut ends = VecDeque::new();
        for end in window_ends {
            if ends.len() == ENDS {
                ends.pop_front();
            }
            ends.push_back(end);
        }
        let last = ends.back().copied().unwrap_or(i64::MAX);
        let taken_until = last.saturating_sub(1).saturating_add(lateness_ms);
        let late_by_ms = watermark.saturating_sub(taken_until);
        self.count(late_by_ms, rows.len() as u64);
        let cells = Cells::new(batch.columns().columns());
        let ends: Vec<i64> = ends.into();
        for row in rows.start.max(rows.end.saturating_sub(KEPT))..rows.end {
            self.push(batch, &cells, row, &ends, (watermark, late_by_ms));
        }
    }

    /// Keeps these rows, ascending, which came when event time was at `watermark`, had passed the end of the one window of
    /// each, or the row's own time where it is of no window.
    pub(super) fn keep_each(
        &mut self,
        batch: &Batch,
        rows: &[usize],
        window_end: impl Fn(usize) -> Option<i64>,
        watermark: i64,
    ) {
        let cells = Cells::new(batch.columns().columns());
        for (nth, &row) in rows.iter().enumerate() {
            let end = window_end(row);
            let taken_until = end.unwrap_or(batch.times()[row]).saturating_sub(1);
            let late_by_ms = watermark.saturating_sub(taken_until);
            self.count(late_by_ms, 1);
            if nth + KEPT >= rows.len() {
                self.push(batch, &cells, row, end.as_slice(), (watermark, late_by_ms));
            }
        }
    }

    fn push(
        &mut self,
        batch: &Batch,
        cells: &Cells<'_>,
        row: usize,
        ends: &[i64],
        (watermark, late_by_ms): (i64, i64),
    ) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(LateRowView {
            row: shortened(display(batch.columns(), row)),
            values: cells.row(row),
            time: batch.times()[row],
            window_ends: ends.to_vec(),
            watermark,
            late_by_ms,
        });
    }

    /// Counts `rows` that were late by as much. When there are too many amounts to tell all apart, an amount stands for
    /// those below it too, down to the next: of any that is left it is exact how many rows were late by at most that.
    fn count(&mut self, late_by_ms: i64, rows: u64) {
        if self.by_lateness.len() == AMOUNTS
            && let Some((_, counted)) = self.by_lateness.range_mut(late_by_ms..).next()
        {
            *counted += rows;
            return;
        }
        *self.by_lateness.entry(late_by_ms).or_default() += rows;
        if self.by_lateness.len() <= AMOUNTS {
            return;
        }
        // The greatest so far: the two that are nearest each other, for their size, become one.
        let pairs = self.by_lateness.keys().zip(self.by_lateness.keys().skip(1));
        #[expect(clippy::cast_precision_loss, reason = "a ratio to compare")]
        let ratio = |(less, more): (&i64, &i64)| *less as f64 / *more as f64;
        if let Some((&less, &more)) = pairs.max_by(|a, b| ratio(*a).total_cmp(&ratio(*b)))
            && let Some(rows) = self.by_lateness.remove(&less)
        {
            *self.by_lateness.entry(more).or_default() += rows;
        }
    }

    /// The late rows, whose columns are `schema`, of windows that allow this lateness; `None` where none can be allowed.
    pub(super) fn view(&self, schema: &Schema, allowed_ms: Option<i64>) -> LateView {
        let by_lateness = self.by_lateness.iter().map(|(&late_by_ms, &rows)| LatenessView { late_by_ms, rows });
        LateView {
            columns: schema.names().map(str::to_owned).collect(),
            rows: self.last.iter().cloned().collect(),
            allowed_ms,
            by_lateness: by_lateness.collect(),
            merged: self.by_lateness.len() == AMOUNTS,
        }
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_amounts_are_merged_and_what_is_said_of_those_left_is_exact() {
        let mut late = LateRows::default();
        let mut all: Vec<(i64, u64)> = Vec::new();
        for nth in 0..5_000_i64 {
            let (late_by_ms, rows) = (nth * nth * 7 % 100_003, 1 + nth.unsigned_abs() % 3);
            late.count(late_by_ms, rows);
            all.push((late_by_ms, rows));
        }
        let view = late.view(&Schema::new([]), Some(0));
        assert_eq!(view.by_lateness.len(), AMOUNTS);
        let mut sum = 0;
        for one in &view.by_lateness {
            sum += one.rows;
            let exact: u64 =
                all.iter().filter(|(late_by_ms, _)| *late_by_ms <= one.late_by_ms).map(|(_, rows)| rows).sum();
            assert_eq!(sum, exact, "late by at most {} ms", one.late_by_ms);
        }
        assert_eq!(
            view.by_lateness.last().map(|one| one.late_by_ms),
            all.iter().map(|(late_by_ms, _)| *late_by_ms).max()
        );
    }

    #[test]
    fn a_long_row_is_cut_between_characters() {
        assert_eq!(shortened("a=1".to_owned()), "a=1");
        let cut = shortened("ü".repeat(400));
        assert!(cut.ends_with("ü…") && cut.len() <= TEXT + 3, "{}", cut.len());
        let cut = shortened(format!("x{}", "ü".repeat(400)));
        assert!(cut.ends_with("ü…") && cut.len() <= TEXT + 3, "{}", cut.len());
    }
}
