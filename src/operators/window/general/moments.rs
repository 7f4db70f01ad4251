//! The moments at which a window fires, as Flink's triggers decide.

use crate::api::{When, WindowTime};
use crate::types::{MAX_WATERMARK, NO_TIME};

/// The state of a window's trigger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    /// Whether it fires when its end is reached.
    pub(super) fires_at_end: bool,
    /// Rows since it fired.
    pub(super) rows: u64,
    /// The time of the next firing before its end, [`NO_TIME`] for none.
    pub(super) next_firing: i64,
    /// That waits until then: what was past when a row asked for it fires with the watermark that comes next, and what has
    /// fired ([`FIRED`]) when the window becomes part of another.
    pub(super) fires_from: i64,
    /// The value when it fired last.
    pub(super) last: Option<f64>,
}

impl Progress {
    #[inline]
    const fn waits(&self) -> bool {
        self.next_firing != NO_TIME && self.fires_from != FIRED
    }

    #[inline]
    fn fire_at(&mut self, time: i64, now: i64) {
        self.next_firing = time;
        self.fires_from = if time <= now { now.saturating_add(1) } else { NO_TIME };
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self { fires_at_end: false, rows: 0, next_firing: NO_TIME, fires_from: NO_TIME, last: None }
    }
}

/// No time comes at which it fires.
const FIRED: i64 = i64::MAX;

/// The moments of an operator's windows.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) when: When,
    pub(super) time: WindowTime,
    pub(super) lateness_ms: i64,
}

/// The last moment of a window that ends at `end`.
#[inline]
pub(super) const fn last_moment(end: i64) -> i64 {
    if end == i64::MAX { end } else { end.saturating_sub(1) }
}

impl Moments {
    /// The time at which a window's state goes; the end of time for never.
    #[inline]
    pub(super) const fn gone_at(&self, end: i64) -> i64 {
        last_moment(end).saturating_add(self.lateness_ms)
    }

    /// A row at `time` has come into a window that ends at `end`, when time had reached `now`; whether the window fires.
    #[inline]
    pub(super) fn row(&self, of: &mut Progress, end: i64, (time, now): (i64, i64), value: Option<f64>) -> bool {
        let last = last_moment(end);
        match &self.when {
            When::AtEnd => {
                let ended = self.time == WindowTime::Event && last <= now;
                of.fires_at_end |= !ended;
                ended
            }
            When::Every(ms) => {
                if self.time == WindowTime::Event && last <= now {
                    return true;
                }
                of.fires_at_end = true;
                if of.next_firing == NO_TIME {
                    of.fire_at((time - time.rem_euclid(*ms)).saturating_add(*ms).min(last), now);
                }
                false
            }
            When::Count(rows) => {
                of.rows += 1;
                let full = of.rows >= *rows;
                if full {
                    of.rows = 0;
                }
                full
            }
            When::OnEvent => true,
            When::Delta(threshold, _) => match (of.last, value) {
                (_, None) => false,
                (None, Some(value)) => {
                    of.last = Some(value);
                    false
                }
                (Some(last), Some(value)) => {
                    let fires = (value - last).abs() > *threshold;
                    if fires {
                        of.last = Some(value);
                    }
                    fires
                }
            },
            When::Never => false,
        }
    }

    /// When something is due next in a window that ends at `end`; `None` for never.
    #[inline]
    pub(super) fn due(&self, of: &Progress, end: i64) -> Option<i64> {
        let gone = self.gone_at(end);
        let mut due = (gone != i64::MAX).then_some(gone);
        let mut sooner = |time: i64| due = Some(due.map_or(time, |due| due.min(time)));
        if of.fires_at_end {
            sooner(last_moment(end));
        }
        if of.waits() {
            sooner(of.next_firing.max(of.fires_from));
        }
        due
    }

    /// Time has come to `time` on its way to `now`, and something is due in a window that ends at `end`; whether it fires.
    pub(super) fn reached(&self, of: &mut Progress, end: i64, time: i64, now: i64) -> bool {
        let (last, When::Every(ms)) = (last_moment(end), &self.when) else {
            return std::mem::take(&mut of.fires_at_end);
        };
        let (mut fires, mut earlier) = (false, false);
        if of.waits() && of.next_firing.max(of.fires_from) == time {
            fires = true;
            let before = of.next_firing;
            earlier = before < last;
            // At the end of the input one that has no end would fire for ever.
            let endless = last == i64::MAX && now == MAX_WATERMARK;
            let next = if endless { last } else { before.saturating_add(*ms).min(last) };
            (of.next_firing, of.fires_from) = (next, if next > before { NO_TIME } else { FIRED });
        }
        // A timer that was due before it was set fires by itself, if only one moment before the end.
        if time == last && !earlier {
            of.fires_from = FIRED;
            fires |= std::mem::take(&mut of.fires_at_end);
        }
        fires
    }

    /// A window has become part of another: Flink's `onMerge`.
    pub(super) fn merge(into: &mut Progress, other: &Progress, now: i64) {
        into.rows += other.rows;
        match (into.next_firing, other.next_firing) {
            (NO_TIME, NO_TIME) => {}
            (NO_TIME, some) | (some, NO_TIME) => into.fire_at(some, now),
            (one, other) => into.fire_at(one.min(other), now),
        }
    }

    /// A session has changed its end: it fires there, unless that was reached.
    #[inline]
    pub(super) fn moved(&self, of: &mut Progress, end: i64, now: i64) {
        if matches!(self.when, When::AtEnd | When::Every(_)) {
            of.fires_at_end = self.time == WindowTime::Processing || last_moment(end) > now;
            if of.next_firing != NO_TIME {
                of.fire_at(of.next_firing, now);
            }
        }
    }
}
