//! The file of one operator instance.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};

use super::block::{self, Block, CHANGED, Entry, GONE};
use super::changed::Changed;
use super::codec::Codec;
use super::directory::{Directory, Filter, Stored};
use super::extents::{Extent, Extents, failed};
use crate::state::{DeferredRows, StateDescriptor};
use crate::types::files::{Files, ScratchFile};
use crate::types::{Error, Result};

/// Of the memory that an instance may use, filters take at most one part in so many.
const FILTER_SHARE: usize = 8;
/// Entries that are read together when all are.
const SCANNED: usize = 8_192;

/// The memory that an operator instance may use for keyed state, and where what does not fit goes.
#[derive(Debug, Clone)]
pub struct ManagedMemory {
    /// Bytes.
    pub bytes: usize,
    /// The directory of working files.
    pub directory: PathBuf,
    /// The files.
    pub files: Arc<dyn Files>,
}

/// What is to be known of an entry beside its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// It differs from what the last snapshot said: the next one must have it.
    pub changed: bool,
    /// There is no such entry any more; its values do not matter.
    pub gone: bool,
}

/// Entries that were found.
#[derive(Debug)]
pub struct Found {
    /// Which of the keys that were looked for, each with its entry at the same place.
    pub rows: Vec<u32>,
    /// The state's columns.
    pub entries: RecordBatch,
}

/// Entries of one keyed state that are not in memory. They are put, found and told many at a time.
pub struct Spill {
    memory: ManagedMemory,
    max_parallelism: u16,
    codec: Arc<Codec>,
    /// Made when there is something to put into it.
    file: Option<Arc<dyn ScratchFile>>,
    directory: Directory,
    extents: Extents,
    /// The snapshots so far, and one: marks of earlier epochs have been told.
    epoch: u32,
    entries: u64,
    read: Vec<u8>,
    written: Vec<u8>,
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spill({} entries, {} bytes)", self.entries, self.file_bytes())
    }
}

impl Spill {
    /// A file for entries of `state`, of a job with so many key groups. Nothing is created before it is needed.
    ///
    /// # Errors
    /// When a column's type has no bytes.
    pub fn new(memory: ManagedMemory, state: &StateDescriptor, max_parallelism: u16) -> Result<Self> {
        Ok(Self {
            memory,
            max_parallelism,
            codec: Arc::new(Codec::new(state)?),
            file: None,
            directory: Directory::default(),
            extents: Extents::default(),
            epoch: 1,
            entries: 0,
            read: Vec::new(),
            written: Vec::new(),
        })
    }

    /// The number of entries, those that are gone left out.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.entries
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.directory.bytes() + self.read.capacity() + self.written.capacity()
    }

    /// Bytes of the file.
    #[must_use]
    pub const fn file_bytes(&self) -> u64 {
        self.extents.file_bytes()
    }

    /// Puts entries of these keys in place of what they have; `values` are the columns behind the key's. No key stands twice.
    ///
    /// # Errors
    /// When the file can't be read or written, or columns are not of the state's types.
    pub fn put(&mut self, keys: &[ArrayRef], values: &[ArrayRef], marks: &[Mark]) -> Result<()> {
        let codec = Arc::clone(&self.codec);
        let (hashes, encoded) = (codec.hashes(keys)?, codec.keys(keys)?);
        let rows = codec.entries(&[keys, values].concat())?;
        let mut new: Vec<(Entry<'_>, &[u8])> = Vec::with_capacity(marks.len());
        for (at, (&hash, mark)) in hashes.iter().zip(marks).enumerate() {
            let (key, marks) = (encoded.row(at).data(), u8::from(mark.changed) * CHANGED + u8::from(mark.gone) * GONE);
            let row = if mark.gone { key } else { rows.row(at).data() };
            new.push((Entry { hash, marks, row }, key));
        }
        new.sort_by_key(|(entry, _)| entry.hash);
        let mut rest = new.as_slice();
        while let Some((first, _)) = rest.first() {
            let start = self.directory.of(first.hash).map_or(0, |(start, _)| start);
            let next = self.directory.next(start);
            let within = rest.partition_point(|(entry, _)| next.is_none_or(|next| entry.hash < next));
            let (here, behind) = rest.split_at(within);
            self.rewrite(start, here)?;
            rest = behind;
        }
        Ok(())
    }

    /// Puts `new` into the block that begins at `start`.
    fn rewrite(&mut self, start: u32, new: &[(Entry<'_>, &[u8])]) -> Result<()> {
        let old = self.directory.of(start).map(|(_, stored)| stored.extent);
        let mut buffer = std::mem::take(&mut self.read);
        let written = self.rewrite_from(start, old, new, &mut buffer);
        self.read = buffer;
        written
    }

    fn rewrite_from(
        &mut self,
        start: u32,
        old: Option<Extent>,
        new: &[(Entry<'_>, &[u8])],
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let live = |entries: &[Entry<'_>]| entries.iter().filter(|entry| !entry.is_gone()).count() as u64;
        let merged = match old {
            Some(extent) => {
                self.fetch(extent, buffer)?;
                let entries: Vec<Entry<'_>> = Block::read(start, buffer)?.entries(self.epoch).collect();
                self.entries -= live(&entries);
                block::merge(entries.into_iter(), new)
            }
            None => block::merge(std::iter::empty(), new),
        };
        self.entries += live(&merged);
        let parts = block::parts(&merged);
        if parts.is_empty() {
            self.directory.remove(start);
        }
        for (number, part) in parts.into_iter().enumerate() {
            let start = if number == 0 { start } else { part[0].hash };
            let changed = part.iter().any(|entry| entry.marks & CHANGED != 0);
            block::write(start, self.epoch, part, &mut self.written)?;
            let extent = self.extents.take(self.written.len());
            let extent = extent.ok_or_else(|| Error::state("state that has left memory is larger than 2 TiB"))?;
            let file = if let Some(file) = &self.file {
                file
            } else {
                let made = self.memory.files.scratch(&self.memory.directory);
                self.file.insert(made.map_err(|error| failed(&self.memory.directory, &error))?.into())
            };
            let written = file.write_at(extent.offset(), &self.written);
            written.map_err(|error| failed(&self.memory.directory, &error))?;
            let room = self.memory.bytes / FILTER_SHARE;
            let filter = Filter::new(part.iter().map(|entry| entry.hash), self.entries, room);
            let changed = if changed { self.epoch } else { 0 };
            self.directory.insert(start, Stored { extent, changed, filter });
        }
        if let Some(extent) = old {
            self.extents.give(extent);
        }
        Ok(())
    }

    fn fetch(&self, extent: Extent, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.resize(extent.bytes as usize, 0);
        let file = self.file.as_ref().ok_or_else(|| Error::state("state that had left memory has no file"))?;
        file.read_at(extent.offset(), buffer).map_err(|error| failed(&self.memory.directory, &error))
    }

    /// The entries of these keys, of those that have one. They stay where they are.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn find(&mut self, keys: &[ArrayRef]) -> Result<Found> {
        let codec = Arc::clone(&self.codec);
        let (mut rows, mut bytes, mut ends) = (Vec::new(), Vec::new(), vec![0]);
        if !self.directory.is_empty() {
            let hashes = codec.hashes(keys)?;
            let encoded = codec.keys(keys)?;
            let mut order: Vec<u64> = (0_u64..).zip(&hashes).map(|(at, &hash)| u64::from(hash) << 32 | at).collect();
            order.sort_unstable();
            let (mut buffer, mut held) = (std::mem::take(&mut self.read), None);
            for place in order {
                #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
                let (hash, at) = ((place >> 32) as u32, place as u32);
                let Some((start, stored)) = self.directory.of(hash).filter(|(_, stored)| stored.filter.may_have(hash))
                else {
                    continue;
                };
                if held != Some(start) {
                    self.fetch(stored.extent, &mut buffer)?;
                    held = Some(start);
                }
                if let Some(row) = Block::read(start, &buffer)?.find(hash, encoded.row(at as usize).data()) {
                    rows.push(at);
                    bytes.extend_from_slice(row);
                    ends.push(bytes.len());
                }
            }
            self.read = buffer;
        }
        let entries = codec.entry_columns(ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]))?;
        Ok(Found { rows, entries })
    }

    /// All entries, some at a time.
    ///
    /// # Errors
    /// When the file can't be read, and those of `visit`.
    pub fn scan(&self, visit: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let (mut bytes, mut ends, mut buffer) = (Vec::new(), vec![0], Vec::new());
        for (start, stored) in self.directory.iter() {
            self.fetch(stored.extent, &mut buffer)?;
            for entry in Block::read(start, &buffer)?.entries(self.epoch).filter(|entry| !entry.is_gone()) {
                bytes.extend_from_slice(entry.row);
                ends.push(bytes.len());
            }
            if ends.len() > SCANNED {
                visit(self.codec.entry_columns(ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]))?)?;
                bytes.clear();
                ends.truncate(1);
            }
        }
        if ends.len() > 1 {
            visit(self.codec.entry_columns(ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]))?)?;
        }
        Ok(())
    }

    /// What was put as changed since this was last asked for; `None` when nothing was. Read from the file later on, while
    /// other entries are put.
    pub fn take_changed(&mut self) -> Option<Arc<dyn DeferredRows>> {
        let changed = self.directory.iter().filter(|(_, stored)| stored.changed == self.epoch);
        let blocks: Vec<(u32, Extent)> = changed.map(|(start, stored)| (start, stored.extent)).collect();
        let file = Arc::clone(self.file.as_ref().filter(|_| !blocks.is_empty())?);
        let epoch = self.epoch;
        self.epoch += 1;
        Some(Arc::new(Changed {
            file,
            directory: self.memory.directory.clone(),
            codec: Arc::clone(&self.codec),
            blocks,
            epoch,
            max_parallelism: self.max_parallelism,
            _lease: self.extents.lease(),
        }))
    }

    /// The number of key columns.
    #[must_use]
    pub fn key_columns(&self) -> usize {
        self.codec.key_columns()
    }
}
