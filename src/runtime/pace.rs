//! Event time that flows at a pace.

/// Event time flows `factor` times as fast as it happened, from the first row on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    factor: f64,
    /// The first row's event time, and when it flowed, milliseconds.
    start: Option<(i64, i64)>,
}

impl Pace {
    pub(super) const fn new(factor: f64) -> Self {
        Self { factor, start: None }
    }

    /// When a row of this event time may flow.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "saturates; exact within years")]
    pub(super) fn due_ms(&mut self, time: i64, now_ms: i64) -> i64 {
        let (first_time, first_ms) = *self.start.get_or_insert((time, now_ms));
        let behind = time.saturating_sub(first_time) as f64 / self.factor;
        first_ms.saturating_add(behind as i64)
    }

    /// The clock went on by `by_ms` while the source was held.
    pub(super) fn shift(&mut self, by_ms: i64) {
        if let Some((_, first_ms)) = &mut self.start {
            *first_ms = first_ms.saturating_add(by_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_flows_at_once_and_a_pause_puts_off_the_rest() {
        let mut pace = Pace::new(20.0);
        assert_eq!(pace.due_ms(5_000, 100), 100);
        assert_eq!(pace.due_ms(7_000, 150), 200);
        pace.shift(1_000);
        assert_eq!(pace.due_ms(7_000, 1_150), 1_200);
        assert_eq!(pace.due_ms(3_000, 1_150), 1_000, "a row out of order is due already");
    }
}
