//! State by hand: a typed hash table, and one a window.

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) key: i64,
    /// Zero in an empty slot.
    pub(super) count: i64,
    pub(super) sum: i64,
}

/// From an auction to its count and sum: open addressing, linear probing, at most half full.
pub(super) struct Table {
    slots: Vec<Entry>,
    shift: u32,
    filled: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { slots: vec![Entry::default(); 1 << 10], shift: 64 - 10, filled: 0 }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "shifted down to the number of slots")]
    const fn home(&self, key: i64) -> usize {
        (key.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    /// Adds to the entry of `key`; returns its count.
    #[inline]
    pub(super) fn add(&mut self, key: i64, count: i64, value: i64) -> i64 {
        let mask = self.slots.len() - 1;
        let mut at = self.home(key);
        loop {
            let slot = &mut self.slots[at & mask];
            if slot.key == key && slot.count != 0 {
                slot.count += count;
                slot.sum += value;
                return slot.count;
            }
            if slot.count == 0 {
                *slot = Entry { key, count, sum: value };
                self.filled += 1;
                if self.filled * 2 > self.slots.len() {
                    self.grow();
                }
                return count;
            }
            at += 1;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let bits = self.slots.len().trailing_zeros() + 1;
        let old = std::mem::replace(&mut self.slots, vec![Entry::default(); 1 << bits]);
        self.shift = 64 - bits;
        self.filled = 0;
        for entry in old.into_iter().filter(|entry| entry.count != 0) {
            self.add(entry.key, entry.count, entry.sum);
        }
    }

    /// The entries, in no order; the table is empty afterwards.
    pub(super) fn take(&mut self) -> Vec<Entry> {
        let entries = self.slots.iter().filter(|entry| entry.count != 0).copied().collect();
        self.slots.fill(Entry::default());
        self.filled = 0;
        entries
    }
}

/// Tables by time: few are open at once, and the one used last is mostly the one used next.
pub(super) struct Panes {
    size: i64,
    open: Vec<(i64, Table)>,
    spare: Vec<Table>,
    closed: Vec<(i64, Vec<Entry>)>,
    last: usize,
    newest: i64,
}

/// The most milliseconds that a bid may be behind the newest and still find its pane open; a later one opens it once
/// more, which costs only time.
const DELAY_MS: i64 = 4_000;

impl Panes {
    pub(super) const fn every(size: i64) -> Self {
        Self { size, open: Vec::new(), spare: Vec::new(), closed: Vec::new(), last: 0, newest: i64::MIN }
    }

    #[inline]
    pub(super) fn add(&mut self, time: i64, key: i64, value: i64) {
        if let Some((start, table)) = self.open.get_mut(self.last)
            && time.wrapping_sub(*start).cast_unsigned() < self.size.cast_unsigned()
        {
            table.add(key, 1, value);
            return;
        }
        self.find(time).add(key, 1, value);
    }

    #[cold]
    fn find(&mut self, time: i64) -> &mut Table {
        let start = time - time.rem_euclid(self.size);
        if start > self.newest {
            self.newest = start;
            self.close_before(start - DELAY_MS);
        }
        self.last = self.open.iter().position(|(other, _)| *other == start).unwrap_or_else(|| {
            self.open.push((start, self.spare.pop().unwrap_or_else(Table::new)));
            self.open.len() - 1
        });
        &mut self.open[self.last].1
    }

    pub(super) fn close_before(&mut self, end: i64) {
        let (done, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.open).into_iter().partition(|(start, _)| *start < end - self.size + 1);
        self.open = open;
        self.last = 0;
        for (start, mut table) in done {
            self.closed.push((start, table.take()));
            self.spare.push(table);
        }
    }
}

/// The panes of all threads in order of time, those of one time added up.
pub(super) fn merge(parts: Vec<Panes>) -> Vec<(i64, Vec<Entry>)> {
    let mut panes: Vec<(i64, Vec<Entry>)> = parts.into_iter().flat_map(|part| part.closed).collect();
    panes.sort_by_key(|(start, _)| *start);
    let mut table = Table::new();
    let mut merged: Vec<(i64, Vec<Entry>)> = Vec::with_capacity(panes.len());
    for (start, entries) in panes {
        match merged.last_mut() {
            Some((known, sums)) if *known == start => {
                sums.iter().chain(&entries).for_each(|entry| {
                    table.add(entry.key, entry.count, entry.sum);
                });
                *sums = table.take();
            }
            _ => merged.push((start, entries)),
        }
    }
    merged
}
