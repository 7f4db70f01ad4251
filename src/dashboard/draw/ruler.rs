//! A stretch of event time on the columns of a line.

use super::format::clock;

const STEPS_MS: [i64; 30] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
    31_536_000_000,
];

/// A stretch of event time on `width` columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ruler {
    from: i64,
    to: i64,
    width: usize,
}

impl Ruler {
    /// From `from` to `to`, both on it.
    pub(crate) fn new(from: i64, to: i64, width: usize) -> Self {
        let from = from.min(i64::MAX - 1);
        Self { from, to: to.max(from + 1), width }
    }

    /// The column of a time; the ends' for those beyond them.
    pub(crate) fn at(&self, ms: i64) -> usize {
        let span = i128::from(self.to) - i128::from(self.from);
        let past = i128::from(ms) - i128::from(self.from);
        let column = past.clamp(0, span) * (self.width.saturating_sub(1) as i128) / span;
        usize::try_from(column).unwrap_or(0)
    }

    /// The columns of round times, with what to write there: no two closer than their labels are long.
    pub(crate) fn ticks(&self) -> Vec<(usize, String)> {
        let span = i128::from(self.to) - i128::from(self.from);
        let room = |step: i64| {
            let label = label(self.from, step).len() as i128 + 2;
            i128::from(step) * (self.width as i128) / span >= label
        };
        let Some(step) = STEPS_MS.into_iter().find(|&step| room(step)) else { return Vec::new() };
        let mut ticks = Vec::new();
        let mut at = self.from.div_euclid(step).saturating_add(1).saturating_mul(step);
        if self.from.rem_euclid(step) == 0 {
            at = self.from;
        }
        while at <= self.to {
            let (column, text) = (self.at(at), label(at, step));
            if column + text.len() <= self.width {
                ticks.push((column, text));
            }
            let Some(next) = at.checked_add(step) else { break };
            at = next;
        }
        ticks
    }
}

fn label(at: i64, step: i64) -> String {
    if step >= 86_400_000 {
        return super::time(Some(at)).chars().take(10).collect();
    }
    let text = clock(Some(at));
    if step >= 1_000 { text.chars().take(8).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::Ruler;

    #[test]
    fn times_are_on_their_columns_and_ticks_apart() {
        let ruler = Ruler::new(1_000, 11_000, 41);
        assert_eq!([0, 1_000, 6_000, 11_000, i64::MAX].map(|at| ruler.at(at)), [0, 0, 20, 40, 40]);
        let ticks = ruler.ticks();
        assert_eq!(ticks, [(16, "00:00:05".to_owned())]);
        let wide = Ruler::new(0, 30_000, 100).ticks();
        assert_eq!(wide.len(), 6, "{wide:?}");
        assert_eq!(wide[1], (16, "00:00:05".to_owned()));
    }

    #[test]
    fn any_stretch_of_time_has_a_ruler() {
        for (from, to) in [(i64::MIN, i64::MAX), (0, 0), (i64::MAX, i64::MIN), (-5, 3)] {
            for width in [0, 1, 10, 200] {
                let ruler = Ruler::new(from, to, width);
                assert!(ruler.ticks().len() <= width);
                assert!(ruler.at(0) <= width);
            }
        }
    }
}
