//! The windows that keys have, and when something is due in them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use super::moments::Progress;
use crate::operators::group_table::GroupTable;
use crate::types::{NO_TIME, Result};

/// The number that no window has.
pub(super) const NONE: u32 = u32::MAX;

/// A window of a key: Flink's pane.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is noted by itself")]
pub(super) struct Pane {
    /// The number of its key.
    pub(super) key: u32,
    /// The window of the same key that ends before it.
    next: u32,
    /// Inclusive; the beginning of time where it has no bounds.
    pub(super) start: i64,
    /// Exclusive; the end of time where it has no bounds.
    pub(super) end: i64,
    /// What tells it apart from other windows of its key in stored state.
    pub(super) number: i64,
    pub(super) progress: Progress,
    /// Whether rows are held of it.
    pub(super) filled: bool,
    /// Whether it is about to fire, and must not change before.
    pub(super) firing: bool,
    /// Whether it has fired.
    pub(super) fired: bool,
    /// Rows taken in since this attempt began.
    pub(super) rows: u64,
    /// The time at which it is looked at next, [`NO_TIME`] for none; what is due may be later.
    queued: i64,
    open: bool,
    dirty: bool,
    stored: bool,
}

/// The windows of an operator instance.
pub(in crate::operators) struct Panes {
    table: GroupTable,
    /// The window of each key that ends last.
    heads: Vec<u32>,
    /// For each key the windows that are gone and whose stored entries are not yet.
    held: Vec<u32>,
    all: Vec<Pane>,
    free: Vec<u32>,
    open: usize,
    queue: BinaryHeap<Reverse<(i64, u32)>>,
    next_number: i64,
    /// Windows that changed since the last snapshot; some may be gone.
    dirty: Vec<u32>,
    /// The keys and numbers of windows that are gone and whose stored entries are not yet.
    gone: Vec<(u32, i64)>,
    /// Keys that may have no window left.
    idle: Vec<u32>,
}

impl Pane {
    /// Whether it is not gone.
    #[inline]
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }
}

impl Panes {
    pub(super) fn new(key_types: &[DataType]) -> Result<Self> {
        Ok(Self {
            table: GroupTable::new(key_types, 0)?,
            heads: Vec::new(),
            held: Vec::new(),
            all: Vec::new(),
            free: Vec::new(),
            open: 0,
            queue: BinaryHeap::new(),
            next_number: 0,
            dirty: Vec::new(),
            gone: Vec::new(),
            idle: Vec::new(),
        })
    }

    /// The number of each row's key.
    pub(super) fn keys_of(&mut self, keys: &[ArrayRef], rows: usize, found: &mut Vec<u32>) -> Result<()> {
        self.table.intern(keys, rows, found)?;
        self.heads.resize(self.table.numbers(), NONE);
        self.held.resize(self.table.numbers(), 0);
        Ok(())
    }

    /// One above the largest number in use.
    pub(super) const fn numbers(&self) -> usize {
        self.all.len()
    }

    /// The number of windows.
    pub(super) const fn len(&self) -> usize {
        self.open
    }

    /// The windows, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Pane)> {
        (0_u32..).zip(&self.all).filter(|(_, pane)| pane.open)
    }

    #[inline]
    pub(super) fn get(&self, pane: u32) -> &Pane {
        &self.all[pane as usize]
    }

    /// The window, which changes.
    #[inline]
    pub(super) fn change(&mut self, pane: u32) -> &mut Pane {
        let at = &mut self.all[pane as usize];
        if !at.dirty {
            at.dirty = true;
            self.dirty.push(pane);
        }
        at
    }

    /// The window, to note of it what is not stored.
    #[inline]
    pub(super) fn note(&mut self, pane: u32) -> &mut Pane {
        &mut self.all[pane as usize]
    }

    /// The keys of these windows.
    pub(super) fn keys(&self, panes: &[u32]) -> Result<Vec<ArrayRef>> {
        let keys: Vec<u32> = panes.iter().map(|&pane| self.get(pane).key).collect();
        self.table.keys(&keys)
    }

    /// The window of `key` with these bounds, opened if need be; `behind` is one of the key that ends later, or [`NONE`].
    #[inline]
    pub(super) fn aligned(&mut self, key: u32, (start, end): (i64, i64), behind: u32) -> u32 {
        let (before, at) = self.place(key, behind, |pane| pane.end > end);
        if at != NONE && self.get(at).end == end { at } else { self.open(key, (start, end), before, at) }
    }

    /// The window of `key` that ends there, [`NONE`] when there is none.
    pub(super) fn ending(&self, key: u32, end: i64) -> u32 {
        let (_, at) = self.place(key, NONE, |pane| pane.end > end);
        if at != NONE && self.get(at).end == end { at } else { NONE }
    }

    /// The window of `key` that has the element at `time`, [`NONE`] when there is none.
    pub(super) fn containing(&self, key: u32, time: i64) -> u32 {
        let (_, at) = self.place(key, NONE, |pane| pane.start > time);
        if at != NONE && self.get(at).end > time { at } else { NONE }
    }

    /// The window of `key` that touches these bounds and ends last, [`NONE`] when none does.
    #[inline]
    pub(super) fn touching(&self, key: u32, (start, end): (i64, i64)) -> u32 {
        let (_, at) = self.place(key, NONE, |pane| pane.start > end);
        if at != NONE && self.get(at).end >= start { at } else { NONE }
    }

    /// The window of the key of `pane` that ends before it, if that is no earlier than `time`.
    #[inline]
    pub(super) fn next_touching(&self, pane: u32, time: i64) -> Option<u32> {
        let next = self.get(pane).next;
        (next != NONE && self.get(next).end >= time).then_some(next)
    }

    /// Opens the window of `key` with these bounds, which no other touches.
    pub(super) fn open_apart(&mut self, key: u32, bounds: (i64, i64)) -> u32 {
        let (before, at) = self.place(key, NONE, |pane| pane.end > bounds.1);
        self.open(key, bounds, before, at)
    }

    /// The first window of `key` behind `behind` that is not `later`, and the one before it.
    #[inline]
    fn place(&self, key: u32, behind: u32, later: impl Fn(&Pane) -> bool) -> (u32, u32) {
        let mut before = behind;
        let mut at = if behind == NONE { self.heads[key as usize] } else { self.get(behind).next };
        while at != NONE && later(self.get(at)) {
            (before, at) = (at, self.get(at).next);
        }
        (before, at)
    }

    fn open(&mut self, key: u32, (start, end): (i64, i64), before: u32, next: u32) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        self.open += 1;
        let pane = Pane {
            key,
            next,
            start,
            end,
            number,
            progress: Progress::default(),
            filled: false,
            firing: false,
            fired: false,
            rows: 0,
            queued: NO_TIME,
            open: true,
            dirty: true,
            stored: false,
        };
        let at = if let Some(at) = self.free.pop() {
            self.all[at as usize] = pane;
            at
        } else {
            self.all.push(pane);
            u32::try_from(self.all.len() - 1).unwrap_or(NONE)
        };
        self.dirty.push(at);
        if before == NONE {
            self.heads[key as usize] = at;
        } else {
            self.all[before as usize].next = at;
        }
        at
    }

    /// Takes a window out.
    pub(super) fn close(&mut self, pane: u32) {
        let Pane { key, next, stored, number, .. } = *self.get(pane);
        let head = &mut self.heads[key as usize];
        if *head == pane {
            *head = next;
            if next == NONE {
                self.idle.push(key);
            }
        } else {
            let mut before = *head;
            while self.get(before).next != pane {
                before = self.get(before).next;
            }
            self.all[before as usize].next = next;
        }
        let at = self.note(pane);
        (at.open, at.filled) = (false, false);
        if !at.dirty {
            // One that is dirty is still listed as such.
            self.free.push(pane);
        }
        self.open -= 1;
        if stored {
            self.gone.push((key, number));
            self.held[key as usize] += 1;
        }
        if self.dirty.len() > 2 * self.len() + 1_024 {
            // Without checkpoints nobody else gives the numbers of windows that are gone free.
            self.take_dirty_into(true);
        }
    }

    /// The windows that are open of those that changed; the others give their numbers free. With `keep` they stay listed.
    fn take_dirty_into(&mut self, keep: bool) -> Vec<u32> {
        let mut live = Vec::new();
        for pane in std::mem::take(&mut self.dirty) {
            let at = &mut self.all[pane as usize];
            if at.open {
                at.dirty = keep;
                live.push(pane);
            } else {
                self.free.push(pane);
            }
        }
        if keep {
            self.dirty.clone_from(&live);
        }
        live
    }

    /// A key came of whose rows none was taken: it may have no window.
    pub(super) fn idle(&mut self, key: u32) {
        self.idle.push(key);
    }

    /// Gives the numbers of keys free that have no window left and are in no stored entry. Whoever holds the number of a key
    /// without windows must not call this.
    pub(super) fn forget_keys(&mut self) {
        let mut idle = std::mem::take(&mut self.idle);
        idle.sort_unstable();
        idle.dedup();
        for key in idle {
            if self.heads[key as usize] == NONE && self.held[key as usize] == 0 {
                self.table.free(key);
            }
        }
    }

    /// Something is due in a window at `time` (or before, as was said earlier).
    #[inline]
    pub(super) fn queue(&mut self, pane: u32, time: i64) {
        let at = &mut self.all[pane as usize];
        if at.queued == NO_TIME || time < at.queued {
            at.queued = time;
            self.queue.push(Reverse((time, pane)));
        }
    }

    /// The number of times at which something may be due.
    pub(super) fn queued(&self) -> u64 {
        self.queue.len() as u64
    }

    /// The earliest time at which something may be due.
    pub(super) fn first_queued(&self) -> Option<i64> {
        self.queue.peek().map(|Reverse((time, _))| *time)
    }

    /// The next window to be looked at up to `now`, and the time that was queued for it.
    pub(super) fn next_queued(&mut self, now: i64) -> Option<(i64, u32)> {
        while let Some(&Reverse((time, pane))) = self.queue.peek()
            && time <= now
        {
            self.queue.pop();
            let at = &mut self.all[pane as usize];
            // Else it was queued again for an earlier time, or is another window by now.
            if at.open && at.queued == time {
                at.queued = NO_TIME;
                return Some((time, pane));
            }
        }
        None
    }

    /// The windows that changed since the last call.
    pub(super) fn take_dirty(&mut self) -> Vec<u32> {
        let live = self.take_dirty_into(false);
        for &pane in &live {
            self.all[pane as usize].stored = true;
        }
        live
    }

    /// The keys and numbers of the windows that are gone and that stored state has.
    pub(super) fn take_gone(&mut self) -> Result<(Vec<ArrayRef>, Vec<i64>)> {
        let (keys, numbers): (Vec<u32>, Vec<i64>) = std::mem::take(&mut self.gone).into_iter().unzip();
        let columns = self.table.keys(&keys)?;
        for &key in &keys {
            self.held[key as usize] -= 1;
            self.idle.push(key);
        }
        Ok((columns, numbers))
    }

    /// Takes up a stored window of `key`.
    pub(super) fn restore(&mut self, key: u32, bounds: (i64, i64), number: i64) -> u32 {
        let pane = self.open_apart(key, bounds);
        self.next_number = self.next_number.max(number.saturating_add(1));
        let at = self.note(pane);
        (at.number, at.stored, at.dirty) = (number, true, false);
        self.dirty.pop();
        pane
    }

    /// The bytes held, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.table.bytes()
            + self.all.capacity() * size_of::<Pane>()
            + self.heads.capacity() * 2 * size_of::<u32>()
            + self.queue.capacity() * size_of::<(i64, u32)>()
    }
}
