//! The keys that were asked for, and what is known of them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};

use crate::api::Found;
use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::types::floats::canonical_column;
use crate::types::{Error, Result};

/// The ask of a row whose key is null: it finds nothing.
pub(super) const NO_ASK: u32 = u32::MAX;
/// Keys whose answers are kept, at most; the oldest make room.
const KEPT_MAX: usize = 1 << 20;

/// The rows that a key has.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) of: Arc<RecordBatch>,
    pub(super) range: Range<usize>,
}

/// One key, asked for once.
struct Ask {
    /// The key's number.
    group: u32,
    /// The rows that wait for it, or for their turn.
    waiting: usize,
    found: Option<Rows>,
    /// Until when it may be used for rows that come; `None` once it is kept no more.
    until_ms: Option<i64>,
}

/// All that was asked for and is still of use.
pub(super) struct Asks {
    keys: GroupTable,
    cache_ms: Option<i64>,
    all: Vec<Ask>,
    free: Vec<u32>,
    /// The last ask of each key.
    current: Vec<u32>,
    /// Those that were not sent yet, in order.
    pending: VecDeque<u32>,
    /// Those whose answers are kept, the first to end first.
    kept: VecDeque<u32>,
    groups: Vec<u32>,
}

impl Asks {
    pub(super) fn new(types: &[arrow_schema::DataType], cache_ms: Option<i64>) -> Result<Self> {
        Ok(Self {
            keys: GroupTable::new(types, 0)?,
            cache_ms,
            all: Vec::new(),
            free: Vec::new(),
            current: Vec::new(),
            pending: VecDeque::new(),
            kept: VecDeque::new(),
            groups: Vec::new(),
        })
    }

    /// The ask of each of these rows, each of which then waits.
    pub(super) fn of(&mut self, keys: &[ArrayRef], rows: usize, now_ms: i64) -> Result<Vec<u32>> {
        let keys: Vec<ArrayRef> = keys.iter().map(canonical_column).collect();
        let mut groups = std::mem::take(&mut self.groups);
        self.keys.intern(&keys, rows, &mut groups)?;
        self.current.resize(self.keys.numbers().max(self.current.len()), NO_ASK);
        let nulls: Vec<_> = keys.iter().filter_map(Array::logical_nulls).collect();
        let (mut asks, mut unasked) = (Vec::with_capacity(rows), Vec::new());
        for (row, &group) in groups.iter().enumerate() {
            if nulls.iter().any(|nulls| nulls.is_null(row)) {
                unasked.push(group);
                asks.push(NO_ASK);
                continue;
            }
            let mut ask = self.current[group as usize];
            if ask == NO_ASK || self.all[ask as usize].until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
                ask = self.add(group);
            }
            self.all[ask as usize].waiting += 1;
            asks.push(ask);
        }
        unasked.sort_unstable();
        unasked.dedup();
        unasked.into_iter().filter(|&group| group != NO_GROUP).for_each(|group| self.keys.free(group));
        self.groups = groups;
        Ok(asks)
    }

    fn add(&mut self, group: u32) -> u32 {
        let ask = Ask { group, waiting: 0, found: None, until_ms: None };
        let number = if let Some(number) = self.free.pop() {
            self.all[number as usize] = ask;
            number
        } else {
            self.all.push(ask);
            u32::try_from(self.all.len() - 1).unwrap_or(NO_ASK)
        };
        self.current[group as usize] = number;
        self.pending.push_back(number);
        number
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next asks to be sent, at most `most`, and their keys.
    pub(super) fn send(&mut self, most: usize) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
        let asks: Vec<u32> = self.pending.drain(..most.min(self.pending.len())).collect();
        let groups: Vec<u32> = asks.iter().map(|&ask| self.all[ask as usize].group).collect();
        Ok((asks, self.keys.keys(&groups)?))
    }

    /// Takes the answer to `asks`.
    pub(super) fn answer(&mut self, asks: &[u32], found: Found) -> Result<()> {
        if found.ends.len() != asks.len() {
            return Err(Error::state("a look-up has another number of answers than of keys"));
        }
        let (rows, mut start) = (Arc::new(found.rows), 0);
        for (&number, end) in asks.iter().zip(found.ends) {
            let ask = &mut self.all[number as usize];
            ask.found = Some(Rows { of: Arc::clone(&rows), range: start..end });
            start = end;
            if let Some(cache_ms) = self.cache_ms {
                ask.until_ms = Some(found.as_of_ms.saturating_add(cache_ms));
                self.kept.push_back(number);
            } else {
                self.forget(number);
            }
        }
        Ok(())
    }

    /// Lets go of what is too old to be used again.
    pub(super) fn expire(&mut self, now_ms: i64) {
        while let Some(&number) = self.kept.front() {
            let until_ms = self.all[number as usize].until_ms;
            if self.kept.len() <= KEPT_MAX && until_ms.is_some_and(|until_ms| until_ms > now_ms) {
                break;
            }
            self.kept.pop_front();
            self.all[number as usize].until_ms = None;
            self.forget(number);
        }
    }

    /// The rows of an ask, once it is answered.
    pub(super) fn found(&self, ask: u32) -> Option<&Rows> {
        self.all[ask as usize].found.as_ref()
    }

    /// A row that waited for it waits no more.
    pub(super) fn release(&mut self, ask: u32) {
        let held = &mut self.all[ask as usize];
        held.waiting -= 1;
        if held.waiting == 0 && self.current[held.group as usize] != ask && held.until_ms.is_none() {
            self.drop(ask);
        }
    }

    /// No row that comes uses it.
    fn forget(&mut self, ask: u32) {
        let group = self.all[ask as usize].group;
        if self.current[group as usize] == ask {
            self.current[group as usize] = NO_ASK;
            self.keys.free(group);
        }
        if self.all[ask as usize].waiting == 0 {
            self.drop(ask);
        }
    }

    fn drop(&mut self, ask: u32) {
        self.all[ask as usize].found = None;
        self.free.push(ask);
    }

    /// Keys whose answers are kept.
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }
}
