//! Byte ranges of files. A split owns the records that begin inside it: who starts in the middle of a file skips to the
//! first byte behind a line end at or after the byte before its range, and reads past its range to finish its last
//! record. So every record has one owner, whatever the split size.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::discover::InputFile;
use crate::connectors::dealer::Splits;

/// The part of a file that one reader has to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FileSplit {
    /// The number of the file in the input, in order.
    pub(super) file: usize,
    /// First byte; of a compressed file always 0.
    pub(super) start: u64,
    /// One past the last byte; [`u64::MAX`] for a compressed file, whose size is not known.
    pub(super) end: u64,
    /// The start of the first record that has not been read; `None` when it has not been looked for yet.
    pub(super) at: Option<u64>,
    /// `at` stands inside a record that is too long and has been rejected; the rest of it is passed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) mid_record: bool,
}

impl FileSplit {
    /// The number of bytes of the split that have been read, for progress.
    pub(super) fn done(&self) -> u64 {
        if self.end == u64::MAX { 0 } else { self.at.map_or(0, |at| at.clamp(self.start, self.end) - self.start) }
    }
}

/// Cuts the files of an input into splits. A position counts bytes from the start of the first file, as if all were
/// one, so that the split size may change between two runs.
#[derive(Debug)]
pub(super) struct FileSplits {
    files: Arc<[InputFile]>,
    split_bytes: u64,
    /// Whether records never hold line ends, so that a split may start at any of them.
    splittable: bool,
    file: usize,
    /// The position where the file begins.
    base: u64,
    next: u64,
}

impl FileSplits {
    pub(super) fn new(files: Arc<[InputFile]>, split_bytes: u64, splittable: bool, position: u64) -> Self {
        Self { files, split_bytes: split_bytes.max(1), splittable, file: 0, base: 0, next: position }
    }
}

impl Splits for FileSplits {
    type Split = FileSplit;

    fn take(&mut self) -> Option<FileSplit> {
        let file = loop {
            let file = self.files.get(self.file)?;
            if self.next < self.base + file.info.len {
                break file;
            }
            self.base += file.info.len;
            self.file += 1;
        };
        let start = self.next - self.base;
        let (end, ahead) = if file.compression.is_some() {
            (u64::MAX, file.info.len)
        } else if self.splittable {
            let end = start.saturating_add(self.split_bytes).min(file.info.len);
            (end, end)
        } else {
            (file.info.len, file.info.len)
        };
        self.next = self.base + ahead;
        let start = if end == u64::MAX { 0 } else { start };
        Some(FileSplit { file: self.file, start, end, at: None, mid_record: false })
    }

    fn position(&self) -> u64 {
        self.next
    }
}
