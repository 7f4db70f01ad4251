//! A firing that a checkpoint came between: how far it was, written and read back.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::types::{Error, Result, key_group};

const VERSION: u8 = 1;

/// The mark that an instance had reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The instance's key groups.
    pub(super) groups: Range<u16>,
    /// Windows that end before this were given in full.
    pub(super) below: i64,
    /// The watermarks that were not passed on yet, ascending.
    pub(super) watermarks: Vec<i64>,
}

impl Mark {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.groups.start.to_le_bytes());
        bytes.extend_from_slice(&self.groups.end.to_le_bytes());
        for time in [self.below].iter().chain(&self.watermarks) {
            bytes.extend_from_slice(&time.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(entry: &[u8]) -> Result<Self> {
        let damaged = || Error::state("the mark of a firing is damaged");
        let (&[version, a, b, c, d], times) = entry.split_first_chunk::<5>().ok_or_else(damaged)?;
        let (times, rest) = times.as_chunks::<8>();
        let (Some((below, watermarks)), VERSION, []) = (times.split_first(), version, rest) else {
            return Err(damaged());
        };
        Ok(Self {
            groups: u16::from_le_bytes([a, b])..u16::from_le_bytes([c, d]),
            below: i64::from_le_bytes(*below),
            watermarks: watermarks.iter().map(|time| i64::from_le_bytes(*time)).collect(),
        })
    }
}

/// The progress of the instances whose keys this one has.
pub(super) struct Resumed {
    marks: Vec<Mark>,
    /// The keys that were given of a window that was not given in full.
    given: BTreeMap<i64, GroupTable>,
}

impl Resumed {
    /// The firing that `marks` and the keys `given` tell of, as far as it concerns the key groups `own`; `None` when none was
    /// under way there.
    pub(super) fn new(
        marks: Vec<Mark>,
        own: &Range<u16>,
        key_types: &[DataType],
        given: &[(i64, RecordBatch)],
    ) -> Result<Option<Self>> {
        let concerns = |mark: &Mark| mark.groups.start < own.end && own.start < mark.groups.end;
        let marks: Vec<Mark> = marks.into_iter().filter(concerns).collect();
        if marks.iter().all(|mark| mark.watermarks.is_empty()) {
            return Ok(None);
        }
        let mut resumed = Self { marks, given: BTreeMap::new() };
        for (end, rows) in given {
            let mut table = GroupTable::new(key_types, rows.num_rows())?;
            table.intern(rows.columns(), rows.num_rows(), &mut Vec::new())?;
            resumed.given.insert(*end, table);
        }
        Ok(Some(resumed))
    }

    /// The end of the first window of which something is owed.
    pub(super) fn first_end(&self) -> i64 {
        self.marks.iter().map(|mark| mark.below).min().unwrap_or(i64::MAX)
    }

    /// The watermarks to be passed on, ascending.
    pub(super) fn watermarks(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.marks.iter().flat_map(|mark| mark.watermarks.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The last watermark that fires windows of which something is owed.
    pub(super) fn last_watermark(&self) -> i64 {
        self.marks.iter().flat_map(|mark| mark.watermarks.iter().copied()).max().unwrap_or(i64::MIN)
    }

    /// The mask of these keys: those whose row of the window that ends at `end` is still to come.
    pub(super) fn owes(&mut self, end: i64, keys: &[ArrayRef], rows: usize, max_parallelism: u16) -> Result<Vec<bool>> {
        let mut hashes = Vec::new();
        key_group::hash_keys(keys, &mut hashes)?;
        hashes.resize(rows, 0);
        let last = self.last_watermark();
        let owes = |&hash: &u64| {
            let group = key_group::key_group(hash, max_parallelism);
            // A window that no watermark before the checkpoint fired is owed to all.
            end.saturating_sub(1) > last
                || self.marks.iter().any(|mark| mark.groups.contains(&group) && end >= mark.below)
        };
        let mut still: Vec<bool> = hashes.iter().map(owes).collect();
        if let Some(given) = self.given.get_mut(&end) {
            let mut groups = Vec::new();
            given.find(keys, rows, &mut groups)?;
            still.iter_mut().zip(groups).for_each(|(still, group)| *still &= group == NO_GROUP);
        }
        Ok(still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_damage_is_found() {
        let mark = Mark { groups: 3..128, below: -7, watermarks: vec![5, i64::MAX] };
        let entry = mark.encode();
        assert_eq!(Mark::decode(&entry).expect("whole"), mark);
        for cut in 0..13 {
            assert!(Mark::decode(&entry[..cut]).is_err(), "cut at {cut}");
        }
    }
}
