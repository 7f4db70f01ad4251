//! Windows: which rows belong together in time.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use super::WindowCall;
use crate::expr::{Scope, TypedExpr};
use crate::state::Slices;
use crate::types::{Diagnostic, Schema, Spanned};

/// Aligned windows of fixed size, cut into slices: the greatest stretches of time that no window boundary divides.
/// State is kept a slice and merged when a window fires, so that an overlapping window costs no more a row than a
/// tumbling one (Flink's slice-shared windows; Li et al., "No Pane, No Gain", 2005).
///
/// All times are milliseconds since the epoch. Arithmetic saturates: a timestamp at the end of the range lands in the
/// last window that can be represented.
pub trait WindowAssigner: Debug + Send + Sync {
    /// As typed, for `explain`: `tumble(10s)`.
    fn describe(&self) -> String;

    /// The end (exclusive) of the slice that `time` falls into.
    fn slice_end(&self, time: i64) -> i64;

    /// The length of a slice, milliseconds.
    fn slice_ms(&self) -> i64;

    /// The length of a window, milliseconds; the longest where they grow.
    fn size_ms(&self) -> i64;

    /// From the start of a window to that of the next that begins later, milliseconds.
    fn slide_ms(&self) -> i64 {
        self.size_ms()
    }

    /// The slices of the windows, stored beside their state: a restore checks that it is of the same slices.
    fn slices(&self) -> Slices {
        let (slice_ms, slide_ms, size_ms) = (self.slice_ms(), self.slide_ms(), self.size_ms());
        let offset_ms = self.slice_end(0).rem_euclid(slice_ms);
        Slices { window: self.describe(), slice_ms, offset_ms, slide_ms, size_ms }
    }

    /// The end (exclusive) of the first window, in firing order, that contains the slice ending at `slice_end`.
    fn first_window_end(&self, slice_end: i64) -> i64;

    /// The end of the last window that contains it: when that has fired (and lateness has passed), the slice goes.
    fn last_window_end(&self, slice_end: i64) -> i64;

    /// The end of the window that follows the one ending at `window_end`.
    fn next_window_end(&self, window_end: i64) -> i64;

    /// The start of the window that ends at `window_end`.
    fn window_start(&self, window_end: i64) -> i64 {
        window_end.saturating_sub(self.size_ms())
    }
}

/// One window function of the language: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct WindowFnSpec {
    /// `tumble`
    pub name: &'static str,
    /// The function's arguments as shown in help: `size[, offset]`.
    pub arguments: &'static str,
    /// One line for listings.
    pub summary: &'static str,
    /// The help text.
    pub help: &'static str,
    /// Statements that run as they stand on the built-in `bids` source.
    pub examples: &'static [&'static str],
    /// The Flink counterpart.
    pub flink: Option<&'static str>,
    /// Checks the arguments, which may read the columns in scope; fails, at their place in the text, when they do not fit.
    pub bind: fn(&WindowCall, &Scope<'_>) -> Result<Windows, Diagnostic>,
}

/// The windows that a row belongs to.
#[derive(Debug, Clone)]
pub enum Windows {
    /// Windows of time, the same for all keys.
    Aligned(Arc<dyn WindowAssigner>),
    /// Rows of a key that are at most the gap apart.
    Session(Gap),
    /// One window for all rows of a key.
    Global,
    /// So many rows of a key; with a slide the last so many, each time that so many have come.
    Count {
        /// Above zero.
        size: u64,
        /// Above zero.
        slide: Option<u64>,
    },
}

/// The gap between sessions.
#[derive(Debug, Clone, PartialEq)]
pub enum Gap {
    /// Milliseconds, above zero.
    Fixed(i64),
    /// An interval that each row has for itself.
    Of(TypedExpr),
}

/// The time that windows go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowTime {
    /// That of the rows.
    #[default]
    Event,
    /// That of the machine when a row comes.
    Processing,
}

/// When a window fires: Flink's triggers.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// The moment.
    pub when: When,
    /// Whether the window's rows are let go each time (`PurgingTrigger`).
    pub purging: bool,
}

/// The moments at which windows fire. What is left at the end of a window is let go.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// At its end, and for each row after that (`EventTimeTrigger`, `ProcessingTimeTrigger`).
    AtEnd,
    /// At every multiple of so many milliseconds, and as [`Self::AtEnd`] (`ContinuousEventTimeTrigger`).
    Every(i64),
    /// When so many rows have come (`CountTrigger`).
    Count(u64),
    /// For each row (`CountTrigger.of(1)`).
    OnEvent,
    /// When a value is further than this from what it was when the window fired last (`DeltaTrigger`).
    Delta(f64, TypedExpr),
    /// Never (`NeverTrigger`).
    Never,
}

/// The rows that are let go before a window fires: Flink's evictors.
#[derive(Debug, Clone, PartialEq)]
pub enum Evictor {
    /// All but the last so many (`CountEvictor`).
    Last(u64),
    /// Those so many milliseconds or more before the latest (`TimeEvictor`).
    Within(i64),
    /// Those whose value is so far or further from that of the last (`DeltaEvictor`).
    Delta(f64, TypedExpr),
}

/// A window stage, bound.
#[derive(Debug, Clone)]
pub struct WindowSpec {
    /// The windows.
    pub windows: Windows,
    /// The time that they go by.
    pub time: WindowTime,
    /// When they fire.
    pub trigger: Trigger,
    /// The rows that are let go before that.
    pub evictor: Option<Evictor>,
    /// The time after its end, milliseconds, for which a window still takes rows, each of which fires it again.
    pub lateness_ms: i64,
    /// The stream that takes rows later than that.
    pub late_to: Option<Spanned<String>>,
    /// Of the rows of a `cogroup` the columns of the left and of the right side, which stand behind each other.
    pub sides: Option<Arc<[WindowSide; 2]>>,
}

/// One side of a `cogroup`.
#[derive(Debug, Clone)]
pub struct WindowSide {
    /// `left` or `right`: what qualifies its columns.
    pub name: Spanned<String>,
    /// The side's columns.
    pub schema: Schema,
}

impl Windows {
    /// As typed, for `explain`: `tumble(10s)`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Aligned(assigner) => assigner.describe(),
            Self::Session(Gap::Fixed(ms)) => format!("session({})", show_duration(*ms)),
            Self::Session(Gap::Of(gap)) => format!("session({gap})"),
            Self::Global => "global".to_owned(),
            Self::Count { size, slide: None } => format!("count({size})"),
            Self::Count { size, slide: Some(slide) } => format!("count({size}, {slide})"),
        }
    }

    /// Whether they begin and end in time.
    #[must_use]
    pub const fn have_bounds(&self) -> bool {
        matches!(self, Self::Aligned(_) | Self::Session(_))
    }
}

impl WindowSpec {
    /// These windows over event time, as they are where nothing else is said: Flink's defaults.
    #[must_use]
    pub fn new(windows: Windows) -> Self {
        let (when, purging, evictor) = match windows {
            Windows::Aligned(_) | Windows::Session(_) => (When::AtEnd, false, None),
            Windows::Global => (When::Never, false, None),
            Windows::Count { size, slide: None } => (When::Count(size), true, None),
            Windows::Count { size, slide: Some(slide) } => (When::Count(slide), false, Some(Evictor::Last(size))),
        };
        let trigger = Trigger { when, purging };
        Self { windows, time: WindowTime::Event, trigger, evictor, lateness_ms: 0, late_to: None, sides: None }
    }

    /// The assigner, where the windows are aligned, go by event time, and fire but at their end with all their rows.
    #[must_use]
    pub fn sliced(&self) -> Option<&Arc<dyn WindowAssigner>> {
        let plain = self.time == WindowTime::Event
            && self.trigger == (Trigger { when: When::AtEnd, purging: false })
            && self.evictor.is_none();
        match &self.windows {
            Windows::Aligned(assigner) if plain => Some(assigner),
            Windows::Aligned(_) | Windows::Session(_) | Windows::Global | Windows::Count { .. } => None,
        }
    }

    /// As in `explain`: `tumble(10s), trigger=purging count 5`.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = self.windows.describe();
        if self.time == WindowTime::Processing {
            text.push_str(" on processing_time");
        }
        let plain = Self::new(self.windows.clone());
        if self.trigger != plain.trigger {
            let purging = if self.trigger.purging { "purging " } else { "" };
            let when = match &self.trigger.when {
                When::AtEnd => "on_watermark".to_owned(),
                When::Every(ms) => format!("every {}", show_duration(*ms)),
                When::Count(rows) => format!("count {rows}"),
                When::OnEvent => "on_event".to_owned(),
                When::Delta(threshold, of) => format!("delta {threshold} of {of}"),
                When::Never => "never".to_owned(),
            };
            let _ = write!(text, ", trigger={purging}{when}");
        }
        if self.evictor != plain.evictor
            && let Some(evictor) = &self.evictor
        {
            let evictor = match evictor {
                Evictor::Last(rows) => format!("last {rows}"),
                Evictor::Within(ms) => format!("within {}", show_duration(*ms)),
                Evictor::Delta(threshold, of) => format!("delta {threshold} of {of}"),
            };
            let _ = write!(text, ", evict={evictor}");
        }
        if self.lateness_ms > 0 {
            let _ = write!(text, ", lateness={}", show_duration(self.lateness_ms));
        }
        if let Some(late_to) = &self.late_to {
            let _ = write!(text, ", late_to={}", late_to.node);
        }
        text
    }

    /// The expressions of the row that it reads.
    pub fn exprs(&self) -> impl Iterator<Item = &TypedExpr> {
        let gap = match &self.windows {
            Windows::Session(Gap::Of(gap)) => Some(gap),
            Windows::Session(Gap::Fixed(_)) | Windows::Aligned(_) | Windows::Global | Windows::Count { .. } => None,
        };
        let value = match &self.trigger.when {
            When::Delta(_, of) => Some(of),
            When::AtEnd | When::Every(_) | When::Count(_) | When::OnEvent | When::Never => None,
        };
        let evicted = match &self.evictor {
            Some(Evictor::Delta(_, of)) => Some(of),
            Some(Evictor::Last(_) | Evictor::Within(_)) | None => None,
        };
        [gap, value, evicted].into_iter().flatten()
    }

    /// The same over inputs whose columns have moved.
    #[must_use]
    pub fn remap(&self, map: &dyn Fn(usize) -> usize) -> Self {
        let mut this = self.clone();
        if let Windows::Session(Gap::Of(gap)) = &mut this.windows {
            *gap = gap.remap(map);
        }
        if let When::Delta(_, of) = &mut this.trigger.when {
            *of = of.remap(map);
        }
        if let Some(Evictor::Delta(_, of)) = &mut this.evictor {
            *of = of.remap(map);
        }
        this
    }
}

/// A duration as typed: `10s`, `250ms`.
#[must_use]
pub fn show_duration(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(length, _)| ms != 0 && ms % length == 0).unwrap_or((1, "ms"));
    format!("{}{}", ms / unit.0, unit.1)
}
