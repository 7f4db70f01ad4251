//! What a row has changed, so that one that fails leaves no trace.

use arrow_array::ArrayRef;

use super::store::{Entries, Entry};
use crate::expr::rowwise::{Key, Scalar, Values};
use crate::operators::keyed::Timer;

/// One change of a state, at a group, and what was there before.
pub(super) enum Undo {
    One {
        state: usize,
        at: usize,
        old: Scalar,
        refreshed: i64,
    },
    List {
        state: usize,
        at: usize,
        old: Values,
        refreshed: i64,
    },
    Item {
        state: usize,
        at: usize,
        index: usize,
        old: Scalar,
    },
    Pushed {
        state: usize,
        at: usize,
    },
    Map {
        state: usize,
        at: usize,
        old: Entries,
    },
    Entry {
        state: usize,
        at: usize,
        key: Key,
        old: Option<Entry>,
    },
    Aggregate {
        state: usize,
        at: usize,
        old: Option<Vec<ArrayRef>>,
        refreshed: i64,
    },
    /// A timer was set, of event time (0) or not.
    Set(usize, Timer),
    Deleted(usize, Timer),
}
