//! Event time and watermarks, exact a row.

use crate::types::{MIN_WATERMARK, NO_TIME};

/// Rows that are looked at together, to see whether any of them could be behind the watermark.
const BLOCK_ROWS: usize = 256;

/// The earliest and the latest of the event times of one batch, some rows at a time: all that is mostly asked
/// of them, found in one pass.
#[derive(Debug, Clone)]
pub struct TimeSpans(Vec<(i64, i64)>);

impl TimeSpans {
    /// The spans of `times`, epoch milliseconds.
    #[must_use]
    pub fn of(times: &[i64]) -> Self {
        // No branch a row.
        let span = |times: &[i64]| {
            times.iter().fold((i64::MAX, i64::MIN), |(least, most), &time| (least.min(time), most.max(time)))
        };
        Self(times.chunks(BLOCK_ROWS).map(span).collect())
    }

    /// The latest time; [`NO_TIME`] of no rows.
    #[must_use]
    pub fn latest(&self) -> i64 {
        self.0.iter().map(|&(_, latest)| latest).max().unwrap_or(NO_TIME)
    }

    /// Whether any row has no time: [`NO_TIME`] is earlier than every time.
    #[must_use]
    pub fn any_untimed(&self) -> bool {
        self.0.iter().any(|&(earliest, _)| earliest == NO_TIME)
    }
}

/// Watermarks as those of Flink SQL's `WATERMARK FOR ts AS …` with an auto-watermark interval of 0: after each row the
/// watermark is the largest mark so far minus the delay. A row's mark is its event time, unless an expression of the row
/// says another, or none.
///
/// A batch is cut only where a row's fate depends on it: before a row whose time is at or behind the watermark that the
/// rows before it have reached, when that watermark has not been sent yet. In-order data is never cut, and the result
/// is that of a watermark after every row.
#[derive(Debug, Clone)]
pub struct WatermarkGenerator {
    delay_ms: i64,
    max_time: i64,
    /// A later mark than this raises the watermark. It is `max_time`, or above it after a restore.
    raised_above: i64,
    sent: i64,
}

impl WatermarkGenerator {
    /// A generator that has seen nothing, with `delay_ms` milliseconds of out-of-orderness.
    #[must_use]
    pub const fn new(delay_ms: i64) -> Self {
        Self::restored(delay_ms, NO_TIME, NO_TIME)
    }

    /// A generator that goes on where several left off, the largest marks of which were from `least` to `largest`.
    ///
    /// What is still to come of what they had begun may be as old as the slowest of them was. So the watermark stays at
    /// that one's, whoever's rows come first, until a row comes that is later than all they have seen: then everything
    /// before it in the input has come, up to the delay. With one generator the two are equal, and nothing is held.
    #[must_use]
    pub const fn restored(delay_ms: i64, least: i64, largest: i64) -> Self {
        Self { delay_ms, max_time: least, raised_above: largest, sent: MIN_WATERMARK }
    }

    /// The mark that a row must exceed to raise the watermark: the `largest` to go on from after a restore.
    #[must_use]
    pub const fn raised_above(&self) -> i64 {
        self.raised_above
    }

    /// The largest mark so far, epoch milliseconds; [`NO_TIME`] for none.
    #[must_use]
    #[inline]
    pub const fn max_time(&self) -> i64 {
        self.max_time
    }

    /// The watermark reached, epoch milliseconds; [`MIN_WATERMARK`] before the first time.
    #[must_use]
    #[inline]
    pub const fn current(&self) -> i64 {
        Self::watermark_of(self.max_time, self.delay_ms)
    }

    #[inline]
    const fn watermark_of(max_time: i64, delay_ms: i64) -> i64 {
        if max_time == NO_TIME { MIN_WATERMARK } else { max_time.saturating_sub(delay_ms) }
    }

    /// The watermark that each row meets, of rows with these marks that come next: that which the rows before it have
    /// reached.
    #[must_use]
    pub fn met_by_each(&self, marks: &[i64]) -> Vec<i64> {
        let (mut reached, mut raised_above) = (self.current(), self.raised_above);
        let met = marks.iter().map(|&mark| {
            let met = reached;
            if mark > raised_above {
                (reached, raised_above) = (Self::watermark_of(mark, self.delay_ms), mark);
            }
            met
        });
        met.collect()
    }

    /// The place of the first of `marks` that would bring the watermark above `limit`; `None` when none would.
    #[must_use]
    pub fn first_above(&self, marks: &[i64], limit: i64) -> Option<usize> {
        let passes = |&mark: &i64| mark > self.raised_above && Self::watermark_of(mark, self.delay_ms) > limit;
        marks.iter().position(passes)
    }

    /// Event time has come to `mark` without a row, as the time of a clock does. The watermark, if it rose.
    pub fn raise(&mut self, mark: i64) -> Option<i64> {
        if mark > self.raised_above {
            (self.max_time, self.raised_above) = (mark, mark);
        }
        let reached = self.current();
        (reached > self.sent).then(|| {
            self.sent = reached;
            reached
        })
    }

    /// Takes the event times of one batch and calls `emit(rows, watermark)` for each piece of it, in order: the rows
    /// `rows` first, then the watermark if it rose. Rows without a time take no part.
    ///
    /// # Errors
    /// The first error of `emit`; the generator must not be used after one.
    pub fn advance<E>(
        &mut self,
        times: &[i64],
        emit: impl FnMut(std::ops::Range<usize>, Option<i64>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.advance_over(times, &TimeSpans::of(times), None, emit)
    }

    /// Takes the event times of one batch as [`advance`](Self::advance) does, where their spans are known already. `marks`
    /// are those of the rows, [`NO_TIME`] for none; `None` where they are the times.
    ///
    /// # Errors
    /// The first error of `emit`; the generator must not be used after one.
    pub fn advance_over<E>(
        &mut self,
        times: &[i64],
        spans: &TimeSpans,
        marks: Option<&[i64]>,
        mut emit: impl FnMut(std::ops::Range<usize>, Option<i64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut start = 0;
        let mut max_time = self.max_time;
        let mut raised_above = self.raised_above;
        let mut reached = self.current();
        for (block, (block_times, &(earliest, latest))) in times.chunks(BLOCK_ROWS).zip(&spans.0).enumerate() {
            let first = block * BLOCK_ROWS;
            let block_marks = marks.map_or(block_times, |marks| &marks[first..first + block_times.len()]);
            let most = match marks {
                None => latest,
                Some(_) => block_marks.iter().copied().max().unwrap_or(NO_TIME),
            };
            // Where no row is behind the watermark that the block ends with, none is cut.
            let raised = if most > raised_above { most } else { max_time };
            if earliest > Self::watermark_of(raised, self.delay_ms).max(reached) {
                if most > raised_above {
                    (max_time, raised_above) = (most, most);
                    reached = Self::watermark_of(max_time, self.delay_ms);
                }
                continue;
            }
            for (row, (&time, &mark)) in (first..).zip(block_times.iter().zip(block_marks)) {
                if time <= reached && time != NO_TIME && reached > self.sent {
                    self.sent = reached;
                    emit(start..row, Some(reached))?;
                    start = row;
                }
                if mark > raised_above {
                    (max_time, raised_above) = (mark, mark);
                    reached = Self::watermark_of(max_time, self.delay_ms);
                }
            }
        }
        self.max_time = max_time;
        self.raised_above = raised_above;
        let risen = (reached > self.sent).then_some(reached);
        self.sent = self.sent.max(reached);
        if start < times.len() || risen.is_some() {
            emit(start..times.len(), risen)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(delay_ms: i64, batches: &[&[i64]]) -> Vec<(Vec<i64>, Option<i64>)> {
        let batches: Vec<_> = batches.iter().map(|&times| (times, None)).collect();
        marked_pieces(delay_ms, &batches)
    }

    fn marked_pieces(delay_ms: i64, batches: &[(&[i64], Option<&[i64]>)]) -> Vec<(Vec<i64>, Option<i64>)> {
        let mut generator = WatermarkGenerator::new(delay_ms);
        let mut pieces = Vec::new();
        for &(times, marks) in batches {
            let done: Result<(), ()> =
                generator.advance_over(times, &TimeSpans::of(times), marks, |rows, watermark| {
                    pieces.push((times[rows].to_vec(), watermark));
                    Ok(())
                });
            assert_eq!(done, Ok(()));
        }
        pieces
    }

    /// Which rows were late, and the watermark that was reached.
    fn fates(pieces: &[(Vec<i64>, Option<i64>)]) -> (Vec<bool>, i64) {
        let mut watermark = MIN_WATERMARK;
        let mut late = Vec::new();
        for (times, risen) in pieces {
            late.extend(times.iter().map(|time| *time <= watermark));
            watermark = risen.unwrap_or(watermark);
        }
        (late, watermark)
    }

    #[test]
    fn ordered_data_keeps_full_batches() {
        assert_eq!(pieces(4, &[&[10, 12, 11, 15, 13]]), [(vec![10, 12, 11, 15, 13], Some(11))]);
    }

    #[test]
    fn a_batch_is_cut_before_a_row_behind_a_watermark_that_is_not_sent() {
        // 10 raises the watermark to 6; 6 is behind it, so 6 must meet that watermark.
        assert_eq!(
            pieces(4, &[&[3, 10, 6, 5, 20, 7]]),
            [(vec![3, 10], Some(6)), (vec![6, 5, 20], Some(16)), (vec![7], None)]
        );
    }

    #[test]
    fn looking_at_blocks_gives_what_looking_at_each_row_gives() {
        use crate::types::key_group::mix;
        for seed in 0..60_u64 {
            // Mostly in order, with jumps back of every size around the delay.
            let time = |row: u64| {
                let back = if mix(row ^ seed << 32).is_multiple_of(7 + 40 * (seed % 5)) { mix(row) % 140 } else { 0 };
                (row * 2).cast_signed() - back.cast_signed()
            };
            let times: Vec<i64> = (0..3_000).map(time).collect();
            let whole = pieces(100, &[&times]);
            let rows: Vec<&[i64]> = times.chunks(1).collect();
            let single = pieces(100, &rows);
            assert_eq!(fates(&whole), fates(&single), "seed {seed}");
        }
    }

    #[test]
    fn only_marks_raise_the_watermark_and_a_mark_may_be_of_any_time() {
        const NONE: i64 = NO_TIME;
        let first: (&[i64], Option<&[i64]>) = (&[3, 10, 6, 12, 30], Some(&[NONE, 8, NONE, NONE, NONE]));
        let second: (&[i64], Option<&[i64]>) = (&[31, 40], Some(&[7, 50]));
        assert_eq!(
            marked_pieces(0, &[first, second, (&[45], Some(&[NONE]))]),
            [(vec![3, 10], Some(8)), (vec![6, 12, 30], None), (vec![31, 40], Some(50)), (vec![45], None)]
        );
    }

    #[test]
    fn marks_by_blocks_are_as_a_plain_model_says() {
        use crate::types::key_group::mix;
        let (mut rows_late, mut rows_in_time) = (0, 0);
        for seed in 0..1_000_u64 {
            let random = |row: u64, salt: u64| mix(row ^ seed << 32 ^ salt << 56);
            let time = |row: u64| (row * 2).cast_signed() - (random(row, 1) % 90).cast_signed();
            let mark = |row: u64| {
                let marks = random(row, 2).is_multiple_of(3 + 50 * (seed % 4));
                if marks { time(row) - (random(row, 3) % 40).cast_signed() } else { NO_TIME }
            };
            let times: Vec<i64> = (0..700).map(time).collect();
            let marks: Vec<i64> = (0..700).map(mark).collect();
            let (mut watermark, mut late) = (MIN_WATERMARK, Vec::new());
            for (time, mark) in times.iter().zip(&marks) {
                late.push(*time <= watermark);
                watermark = watermark.max(*mark);
            }
            rows_late += late.iter().filter(|late| **late).count();
            rows_in_time += late.iter().filter(|late| !**late).count();
            assert_eq!(fates(&marked_pieces(0, &[(&times, Some(&marks))])), (late, watermark), "seed {seed}");
        }
        assert!(rows_late > 1_000 && rows_in_time > 1_000, "{rows_late} late, {rows_in_time} in time");
    }

    #[test]
    fn the_first_row_that_passes_a_limit_is_found_and_a_clock_raises_without_rows() {
        let mut generator = WatermarkGenerator::new(4);
        assert_eq!(generator.raise(20), Some(16));
        assert_eq!(generator.raise(20), None);
        assert_eq!(generator.first_above(&[30, 19, 34, 35, 50], 30), Some(3));
        assert_eq!(generator.first_above(&[NO_TIME, 20], 10), None, "what does not raise it does not pass");
    }

    #[test]
    fn each_row_meets_the_watermark_of_those_before_it() {
        let mut generator = WatermarkGenerator::restored(4, 10, 20);
        let times = [18, 21, 5, 30, NO_TIME];
        assert_eq!(generator.met_by_each(&times), [6, 6, 17, 17, 26]);
        let done: Result<(), ()> = generator.advance(&times, |_, _| Ok(()));
        assert_eq!((done, generator.current()), (Ok(()), 26));
        assert_eq!(WatermarkGenerator::new(0).met_by_each(&[3, 2]), [MIN_WATERMARK, 3]);
    }

    #[test]
    fn rows_without_a_time_change_nothing() {
        assert_eq!(pieces(0, &[&[NO_TIME, NO_TIME]]), [(vec![NO_TIME, NO_TIME], None)]);
    }

    #[test]
    fn a_generator_restored_from_several_waits_until_all_of_theirs_has_come() {
        let mut generator = WatermarkGenerator::restored(4, 10, 20);
        let mut watermarks = Vec::new();
        for times in [&[18, 12][..], &[20], &[21]] {
            let done: Result<(), ()> = generator.advance(times, |_, watermark| {
                watermarks.push(watermark);
                Ok(())
            });
            assert_eq!(done, Ok(()));
        }
        assert_eq!(watermarks, [Some(6), None, Some(17)]);
        assert_eq!((generator.max_time(), generator.raised_above()), (21, 21));
    }

    #[test]
    fn extreme_times_saturate() {
        assert_eq!(pieces(10, &[&[i64::MIN + 1, i64::MAX]]), [(vec![i64::MIN + 1, i64::MAX], Some(i64::MAX - 10))]);
    }
}
