//! The view that an operator shows of itself.

use serde::{Deserialize, Serialize};

use crate::types::CellValue;

/// The view that an operator shows of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorView {
    /// The operator's watermark, if it keeps one, milliseconds.
    pub watermark: Option<i64>,
    /// The sections to see in the operator, at most one of each kind.
    pub sections: Vec<Section>,
}

/// A part of what an operator shows. Panels and listings look for the kinds that they show, whichever operator has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Windows: open, and fired.
    Windows(WindowsView),
    /// The late rows that nobody reads.
    Late(LateView),
    /// Timers that wait; of a window operator the windows that have yet to fire.
    Timers(u64),
    /// The timers of keys that are due next, at most 20 of each kind of time.
    DueTimers(Vec<TimerView>),
    /// The keyed state held in memory.
    Entries(EntriesView),
    /// The keys with the most rows in a sample of recent batches, the hottest first, at most 16.
    HotKeys(Vec<HotKeyView>),
    /// The counters of the operator beside rows.
    Counters(Vec<CounterView>),
    /// The rounds of stages that run again on their own rows.
    Rounds(RoundsView),
}

impl OperatorView {
    /// The section that `find` finds something in.
    fn section<'a, T>(&'a self, find: impl Fn(&'a Section) -> Option<T>) -> Option<T> {
        self.sections.iter().find_map(find)
    }

    /// The windows, of an operator that has any.
    #[must_use]
    pub fn windows(&self) -> Option<&WindowsView> {
        self.section(|section| if let Section::Windows(windows) = section { Some(windows) } else { None })
    }

    /// The open windows.
    #[must_use]
    pub fn open_windows(&self) -> &[WindowView] {
        self.windows().map_or(&[], |windows| &windows.open)
    }

    /// The last windows that fired.
    #[must_use]
    pub fn fired_windows(&self) -> &[FiredWindowView] {
        self.windows().map_or(&[], |windows| &windows.fired)
    }

    /// The late rows, of an operator that drops any.
    #[must_use]
    pub fn lateness(&self) -> Option<&LateView> {
        self.section(|section| if let Section::Late(late) = section { Some(late) } else { None })
    }

    /// The last late rows.
    #[must_use]
    pub fn late(&self) -> &[LateRowView] {
        self.lateness().map_or(&[], |late| &late.rows)
    }

    /// Timers that wait.
    #[must_use]
    pub fn timers(&self) -> u64 {
        self.section(|section| if let Section::Timers(timers) = section { Some(*timers) } else { None }).unwrap_or(0)
    }

    /// The timers of keys that are due next.
    #[must_use]
    pub fn due_timers(&self) -> &[TimerView] {
        self.section(|section| if let Section::DueTimers(timers) = section { Some(&timers[..]) } else { None })
            .unwrap_or_default()
    }

    /// The keyed state held in memory.
    #[must_use]
    pub fn entries(&self) -> EntriesView {
        self.section(|section| if let Section::Entries(entries) = section { Some(*entries) } else { None })
            .unwrap_or_default()
    }

    /// The hottest keys.
    #[must_use]
    pub fn hot_keys(&self) -> &[HotKeyView] {
        self.section(|section| if let Section::HotKeys(keys) = section { Some(&keys[..]) } else { None })
            .unwrap_or_default()
    }

    /// The rounds, of an operator that has any.
    #[must_use]
    pub fn rounds(&self) -> Option<&RoundsView> {
        self.section(|section| if let Section::Rounds(rounds) = section { Some(rounds) } else { None })
    }

    /// The counters of the operator beside rows.
    #[must_use]
    pub fn counters(&self) -> &[CounterView] {
        self.section(|section| if let Section::Counters(counters) = section { Some(&counters[..]) } else { None })
            .unwrap_or_default()
    }
}

/// Keyed state held in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesView {
    /// Keys with state.
    pub count: u64,
    /// Bytes of them, estimated.
    pub bytes: u64,
}

/// Stages that run again on their own rows, round by round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundsView {
    /// The rounds that are done, the first first, the last 1,000 of them.
    pub done: Vec<RoundView>,
    /// What is done now: `round 3: Join (2 of 4)`; `None` when the last round is done.
    pub now: Option<String>,
    /// The most rounds that there may be.
    pub most: u64,
    /// Names of the columns in [`RoundView::sample`].
    pub columns: Vec<String>,
}

/// One round of stages that run again on their own rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundView {
    /// The number of the round, from 1.
    pub round: u64,
    /// Rows that it gave.
    pub rows: u64,
    /// Those of them that it was not given.
    pub changed: u64,
    /// The time that it took, milliseconds.
    pub took_ms: u64,
    /// Some of the rows that it was not given, or of all where there are none, at most 8; of the last 100 rounds.
    pub sample: Vec<Vec<CellValue>>,
}

/// A timer of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerView {
    /// The timer's name.
    pub name: String,
    /// The key columns, each with its name.
    pub key: Vec<(String, CellValue)>,
    /// When it is due, epoch milliseconds.
    pub time: i64,
    /// Whether that is an event time, not one of the clock.
    pub event_time: bool,
}

/// Something counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterView {
    /// The name of what is counted, in a word or two: `rows waiting`.
    pub name: String,
    /// The count since the attempt began, or at the moment.
    pub value: u64,
}

/// The windows of an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsView {
    /// Open windows, at most a few hundred, the next to fire first.
    pub open: Vec<WindowView>,
    /// Open windows that are not listed.
    pub left_out: u64,
    /// The last windows that fired, oldest first, at most 32.
    pub fired: Vec<FiredWindowView>,
    /// Names of the key columns in [`WindowEntryView`].
    pub keys: Vec<String>,
    /// Names of the values in [`WindowEntryView`].
    pub values: Vec<String>,
}

/// A key and its share of the sampled rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotKeyView {
    /// The key columns.
    pub key: Vec<CellValue>,
    /// Sampled rows of the key.
    pub rows: u64,
    /// All sampled rows.
    pub of: u64,
}

/// A window that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiredWindowView {
    /// Inclusive, milliseconds.
    pub start: i64,
    /// Exclusive, milliseconds.
    pub end: i64,
    /// Rows it emitted: one a key.
    pub keys: u64,
    /// The watermark that made it fire.
    pub watermark: i64,
    /// Whether it had fired before, and late rows changed it.
    pub again: bool,
}

/// The late rows of an operator that nobody reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateView {
    /// Names of the columns in [`LateRowView`].
    pub columns: Vec<String>,
    /// The last of them, oldest first, at most a hundred.
    pub rows: Vec<LateRowView>,
    /// The lateness that the windows allow, milliseconds; `None` where rows are late that no lateness could admit.
    pub allowed_ms: Option<i64>,
    /// All of them since the attempt began, by how late they were, ascending.
    pub by_lateness: Vec<LatenessView>,
    /// Whether an amount may stand for those below it too, down to the next.
    #[serde(default)]
    pub merged: bool,
}

/// Late rows that were late by as much, or by a little less where there are very many amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatenessView {
    /// [`LateRowView::late_by_ms`] of the latest of them.
    pub late_by_ms: i64,
    /// The number of them.
    pub rows: u64,
}

/// A row that came too late for all its windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRowView {
    /// The row's columns as text, cut where it is long.
    pub row: String,
    /// A value a column.
    pub values: Vec<CellValue>,
    /// The row's event time, milliseconds.
    pub time: i64,
    /// The ends of the windows it belongs to, exclusive, milliseconds, ascending; the last few of many.
    pub window_ends: Vec<i64>,
    /// The watermark when it came.
    pub watermark: i64,
    /// By how much the watermark had passed the last moment at which it would have been taken: a lateness, or a delay of
    /// the watermark, that is longer by more than this takes it.
    pub late_by_ms: i64,
}

/// One open window (of an aligned assigner: for all keys of the subtask together).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowView {
    /// Inclusive, milliseconds.
    pub start: i64,
    /// Exclusive, milliseconds.
    pub end: i64,
    /// Keys with state in it.
    pub keys: u64,
    /// Whether there may be more: to count those of many slices takes longer than a view may.
    #[serde(default)]
    pub keys_at_least: bool,
    /// Rows it has taken since this attempt began.
    #[serde(default)]
    pub rows: u64,
    /// Whether it has fired at least once and only waits for late rows.
    pub fired: bool,
    /// Some of its keys with their values so far, at most 20.
    #[serde(default)]
    pub entries: Vec<WindowEntryView>,
}

/// One key of an open window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowEntryView {
    /// The key columns.
    pub key: Vec<CellValue>,
    /// The values that the aggregates would come to if the window fired now.
    pub values: Vec<CellValue>,
}
