//! The records that are read field by field at once.

use super::super::super::scan;

const RECORDS_MAX: usize = 128;
const RECORDS_MIN: usize = 2;
const PATIENCE_MAX: u32 = 256;
/// Bytes under way at once: they stay in the nearest caches.
pub(super) const CHUNK_BYTES: usize = 48 << 10;

/// The records that are under way, and when it is worth trying.
#[derive(Debug)]
pub(super) struct UnderWay {
    /// The position where each record is read next.
    pub(super) at: Vec<usize>,
    /// The position where each record's line ends.
    pub(super) ends: Vec<usize>,
    /// The number of records to take next.
    pub(super) records: usize,
    /// Records to be read one by one before several are tried again, and how many the next time.
    pub(super) one_by_one: u32,
    pub(super) patience: u32,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self { at: Vec::new(), ends: Vec::new(), records: RECORDS_MIN, one_by_one: 0, patience: 1 }
    }
}

impl UnderWay {
    /// Finds the lines at `start`, as many as are to be taken and no more than `room`.
    pub(super) fn find(&mut self, bytes: &[u8], start: usize, room: usize) {
        let chunk = &bytes[start..bytes.len().min(start + CHUNK_BYTES)];
        scan::line_ends(chunk, self.records.min(room), &mut self.ends);
        self.at.clear();
        let mut pos = start;
        for end in &mut self.ends {
            self.at.push(pos);
            *end += start;
            pos = *end;
        }
    }

    /// Learns that the first `read` of the records found were read.
    pub(super) fn learn(&mut self, read: usize) {
        if read == 0 {
            self.one_by_one = self.patience;
            self.patience = (self.patience * 2).min(PATIENCE_MAX);
            self.records = RECORDS_MIN;
        } else {
            self.patience = 1;
            self.records = if read == self.at.len() { (read * 2).min(RECORDS_MAX) } else { read }.max(RECORDS_MIN);
        }
    }
}
