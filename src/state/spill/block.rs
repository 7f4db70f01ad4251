//! A block of the file: entries in the order of their hashes.
//!
//! `start u32 · entries u32 · epoch u32 · length of each row u32, or 0 · hashes u32 each · marks u8 each · ends of the rows
//! u32 each, unless they have one length · rows`. A row is its entry in arrow-row bytes, which begin with those of its key;
//! of one that is gone, the key alone.

use crate::types::{Error, Result};

const HEAD: usize = 16;
/// Bytes beyond which a block is split, unless there are too many.
pub(super) const LARGE: usize = 4 << 10;

/// The entry changed in the block's epoch.
pub(super) const CHANGED: u8 = 1;
/// The entry is gone.
pub(super) const GONE: u8 = 2;

/// An entry, put or read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) hash: u32,
    pub(super) marks: u8,
    pub(super) row: &'a [u8],
}

impl Entry<'_> {
    pub(super) const fn is_gone(&self) -> bool {
        self.marks & GONE != 0
    }
}

/// A block as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) epoch: u32,
    /// 0 where rows differ in length.
    row_bytes: usize,
    hashes: &'a [[u8; 4]],
    marks: &'a [u8],
    ends: &'a [[u8; 4]],
    rows: &'a [u8],
}

impl<'a> Block<'a> {
    /// The block that begins at hash `start`.
    pub(super) fn read(start: u32, bytes: &'a [u8]) -> Result<Self> {
        Self::parse(start, bytes).ok_or_else(|| Error::state("state that had left memory is not where it was put"))
    }

    fn parse(start: u32, bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let number = |at: usize| head.as_chunks::<4>().0.get(at).map(|bytes| u32::from_le_bytes(*bytes));
        let (entries, row_bytes) = (number(1)? as usize, number(3)? as usize);
        let (hashes, rest) = rest.split_at_checked(entries.checked_mul(4)?)?;
        let (marks, rest) = rest.split_at_checked(entries)?;
        let (ends, rows) = rest.split_at_checked(if row_bytes == 0 { 4 * entries } else { 0 })?;
        let (hashes, ends) = (hashes.as_chunks().0, ends.as_chunks().0);
        let whole = number(0)? == start && (row_bytes == 0 || row_bytes.checked_mul(entries) == Some(rows.len()));
        whole.then_some(Self { epoch: number(2)?, row_bytes, hashes, marks, ends, rows })
    }

    pub(super) const fn len(&self) -> usize {
        self.hashes.len()
    }

    fn hash(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.hashes[at])
    }

    fn row(&self, at: usize) -> &'a [u8] {
        let end = |at: usize| u32::from_le_bytes(self.ends[at]) as usize;
        let (from, to) = match self.row_bytes {
            0 => (if at == 0 { 0 } else { end(at - 1) }, end(at)),
            length => (at * length, (at + 1) * length),
        };
        self.rows.get(from..to).unwrap_or_default()
    }

    /// The entries, those with marks of `epoch` alone marked as changed, and those left out that are gone and were told so.
    pub(super) fn entries(self, epoch: u32) -> impl Iterator<Item = Entry<'a>> {
        let known = if self.epoch == epoch { CHANGED | GONE } else { GONE };
        let entry = move |at| Entry { hash: self.hash(at), marks: self.marks[at] & known, row: self.row(at) };
        (0..self.len()).map(entry).filter(|entry| entry.marks != GONE)
    }

    /// The row whose key is `key`, unless it is gone.
    pub(super) fn find(&self, hash: u32, key: &[u8]) -> Option<&'a [u8]> {
        let first = self.hashes.partition_point(|other| u32::from_le_bytes(*other) < hash);
        let same = (first..self.len()).take_while(|&at| self.hash(at) == hash);
        let mut live = same.filter(|&at| self.marks[at] & GONE == 0).map(|at| self.row(at));
        live.find(|row| row.starts_with(key))
    }
}

/// `old` with `new` on top, both in the order of their hashes; each new entry stands beside its key. What is gone and need
/// not be told is left out.
pub(super) fn merge<'a>(old: impl Iterator<Item = Entry<'a>>, new: &[(Entry<'a>, &[u8])]) -> Vec<Entry<'a>> {
    let mut merged = Vec::with_capacity(new.len() + old.size_hint().1.unwrap_or(0));
    let (mut at, mut same_until) = (0, 0);
    let keep = |entry: &Entry<'_>| entry.marks != GONE;
    for entry in old {
        while at < new.len() && new[at].0.hash < entry.hash {
            merged.extend(Some(new[at].0).filter(keep));
            at += 1;
        }
        same_until = at.max(same_until);
        while same_until < new.len() && new[same_until].0.hash == entry.hash {
            same_until += 1;
        }
        if !new[at..same_until].iter().any(|(_, key)| entry.row.starts_with(key)) {
            merged.push(entry);
        }
    }
    merged.extend(new[at..].iter().map(|(entry, _)| *entry).filter(keep));
    merged
}

/// `entries` in parts of at most `large` bytes, about, that each make a block; equal hashes stay together.
pub(super) fn parts<'b, 'a>(entries: &'b [Entry<'a>], large: usize) -> Vec<&'b [Entry<'a>]> {
    let size = |entry: &Entry<'_>| entry.row.len() + 5;
    let mut left: usize = entries.iter().map(size).sum();
    let part = if left > large { left / left.div_ceil(large * 5 / 8) } else { left };
    let (mut parts, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let begins = at > from && entries[at - 1].hash != entry.hash;
        if begins && bytes >= part && left >= part / 2 {
            parts.push(&entries[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += size(entry);
        left -= size(entry);
    }
    if from < entries.len() {
        parts.push(&entries[from..]);
    }
    parts
}

/// Writes the block that begins at `start` to the end of `out`.
pub(super) fn write(start: u32, epoch: u32, entries: &[Entry<'_>], out: &mut Vec<u8>) -> Result<()> {
    let number = |n: usize| u32::try_from(n).map_err(|_| Error::state("an entry of state of more than 4 GiB"));
    let length = entries.first().map_or(0, |entry| entry.row.len());
    let row_bytes = if entries.iter().all(|entry| entry.row.len() == length) { length } else { 0 };
    for head in [start, number(entries.len())?, epoch, number(row_bytes)?] {
        out.extend_from_slice(&head.to_le_bytes());
    }
    for entry in entries {
        out.extend_from_slice(&entry.hash.to_le_bytes());
    }
    out.extend(entries.iter().map(|entry| entry.marks));
    if row_bytes == 0 {
        let mut end = 0;
        for entry in entries {
            end += entry.row.len();
            out.extend_from_slice(&number(end)?.to_le_bytes());
        }
    }
    for entry in entries {
        out.extend_from_slice(entry.row);
    }
    Ok(())
}
