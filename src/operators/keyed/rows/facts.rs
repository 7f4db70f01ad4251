//! What is known of each row beside its columns.

/// The number that no row has.
pub(in crate::operators) const NO_ROW: u32 = u32::MAX;

/// Rows fit into memory, so their number fits 32 bits.
pub(super) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NO_ROW)
}

/// Where a row's columns are: the chunk, and the place there.
pub(super) type Place = (u32, u32);

/// Changed since the last snapshot.
pub(super) const DIRTY: u8 = 1;
/// Part of the stored state.
pub(super) const STORED: u8 = 2;
/// Taken out.
pub(super) const GONE: u8 = 4;

/// What is known of rows, by their number. Each fact is a vector: a walk along a group's rows touches nothing but `next`,
/// and rows that come together are written side by side.
#[derive(Default)]
pub(super) struct Facts {
    /// The row of the same group that came after it.
    pub(super) next: Vec<u32>,
    pub(super) before: Vec<u32>,
    pub(super) group: Vec<u32>,
    pub(super) place: Vec<Place>,
    /// Empty where nothing stands beside rows.
    pub(super) mark: Vec<i64>,
    pub(super) state: Vec<u8>,
    /// Numbers that no row has.
    pub(super) free: Vec<u32>,
}

/// Rows to be noted.
pub(super) struct NewRows<'a> {
    pub(super) groups: &'a [u32],
    /// Where rows have marks; 0 without.
    pub(super) marks: Option<&'a [i64]>,
    pub(super) state: u8,
}

impl Facts {
    /// Notes rows, the columns of which are in chunk `chunk` in this order; gives their numbers. They are in no list yet.
    pub(super) fn add(&mut self, chunk: u32, rows: &NewRows<'_>, marked: bool) -> Vec<u32> {
        let count = rows.groups.len();
        let reused = self.free.len().min(count);
        let mut ids = self.free.split_off(self.free.len() - reused);
        for (at, &id) in ids.iter().enumerate() {
            let row = id as usize;
            (self.next[row], self.before[row], self.group[row]) = (NO_ROW, NO_ROW, rows.groups[at]);
            self.place[row] = (chunk, index(at));
            self.state[row] = rows.state;
            if marked {
                self.mark[row] = rows.marks.map_or(0, |marks| marks[at]);
            }
        }
        let first = self.next.len();
        let all = first + count - reused;
        self.next.resize(all, NO_ROW);
        self.before.resize(all, NO_ROW);
        self.group.extend_from_slice(&rows.groups[reused..]);
        self.place.extend((index(reused)..index(count)).map(|at| (chunk, at)));
        self.state.resize(all, rows.state);
        match rows.marks {
            Some(marks) if marked => self.mark.extend_from_slice(&marks[reused..]),
            _ if marked => self.mark.resize(all, 0),
            _ => {}
        }
        ids.extend(index(first)..index(all));
        ids
    }

    #[inline]
    pub(super) fn is(&self, row: u32, state: u8) -> bool {
        self.state[row as usize] & state != 0
    }

    #[inline]
    pub(super) fn set(&mut self, row: u32, state: u8) {
        self.state[row as usize] |= state;
    }

    #[inline]
    pub(super) fn unset(&mut self, row: u32, state: u8) {
        self.state[row as usize] &= !state;
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.next.capacity() * (3 * size_of::<u32>() + size_of::<Place>() + 1)
            + self.mark.capacity() * size_of::<i64>()
            + self.free.capacity() * size_of::<u32>()
    }
}
