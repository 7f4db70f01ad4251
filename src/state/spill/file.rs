//! The file of one operator instance.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};

use super::block::{self, Block, CHANGED, Entry, GONE};
use super::changed::Changed;
use super::codec::Codec;
use super::directory::{Directory, Filter, Place, Stored};
use super::log::{Extent, Log, failed};
use super::window::Window;
use crate::state::{DeferredRows, StateDescriptor};
use crate::types::files::{Files, ScratchFile};
use crate::types::{Error, Result};

/// Of the memory that an instance may use, filters take at most one part in so many.
const FILTER_SHARE: usize = 8;
/// And what is known of blocks beside them takes such a part, about.
const DIRECTORY_SHARE: usize = 16;
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

/// Bytes that are read or written in one call: one in 32 of the memory, if that is sensible.
fn buffer(memory: &ManagedMemory) -> usize {
    (memory.bytes / 32).clamp(4 << 10, 64 << 10)
}

/// What is to become of a block: where it stands, where it begins and lies if it is there already, and what comes into it,
/// each entry with its key.
struct Change<'a> {
    place: Place,
    old: Option<(u32, Extent)>,
    new: &'a [(Entry<'a>, &'a [u8])],
}

/// Entries of one keyed state that are not in memory. They are put, found and told many at a time.
pub struct Spill {
    memory: ManagedMemory,
    max_parallelism: u16,
    codec: Arc<Codec>,
    /// Made when there is something to put into it.
    file: Option<Arc<dyn ScratchFile>>,
    directory: Directory,
    log: Log,
    /// The snapshots so far, and one: marks of earlier epochs have been told.
    epoch: u32,
    entries: u64,
    window: Window,
    /// Blocks on their way to the file, where the first of them goes, and what they are put in place of.
    waiting: Vec<u8>,
    waiting_at: u64,
    replaced: Vec<(Place, usize)>,
    new: Vec<(u32, Stored)>,
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
            max_parallelism,
            codec: Arc::new(Codec::new(state)?),
            file: None,
            directory: Directory::default(),
            log: Log::default(),
            epoch: 1,
            entries: 0,
            window: Window::new(buffer(&memory)),
            waiting: Vec::new(),
            waiting_at: 0,
            replaced: Vec::new(),
            new: Vec::new(),
            memory,
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
        self.directory.bytes() + self.window.bytes() + self.waiting.capacity()
    }

    /// Bytes of the file.
    #[must_use]
    pub const fn file_bytes(&self) -> u64 {
        self.log.file_bytes()
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
        let mut changes: Vec<Change<'_>> = Vec::new();
        while let Some((first, _)) = rest.first() {
            let place = self.directory.place(first.hash);
            let next = self.directory.get(self.directory.next(place)).map(|(start, _)| start);
            let within = rest.partition_point(|(entry, _)| next.is_none_or(|next| entry.hash < next));
            let (new, behind) = rest.split_at(within);
            let old = self.directory.get(place).map(|(start, stored)| (start, stored.extent));
            changes.push(Change { place, old, new });
            rest = behind;
        }
        let mut window = std::mem::take(&mut self.window);
        window.close();
        for (at, change) in changes.iter().enumerate() {
            let extents = changes[at..].iter().filter_map(|change| Some(change.old?.1));
            let old = window.show(extents, &mut |at, buffer| self.read(at, buffer))?;
            self.rewrite(change, old)?;
        }
        self.flush()?;
        // The last ones first: places stay what they are.
        while let Some((place, parts)) = self.replaced.pop() {
            self.directory.replace(place, self.new.drain(self.new.len() - parts..));
        }
        self.directory.settle();
        self.tidy(&mut window)?;
        self.window = window;
        Ok(())
    }

    /// Makes a change to a block of these bytes.
    fn rewrite(&mut self, &Change { place, old, new }: &Change<'_>, bytes: &[u8]) -> Result<()> {
        let live = |entries: &[Entry<'_>]| entries.iter().filter(|entry| !entry.is_gone()).count() as u64;
        let merged = match old {
            Some((start, _)) => {
                let entries: Vec<Entry<'_>> = Block::read(start, bytes)?.entries(self.epoch).collect();
                self.entries -= live(&entries);
                block::merge(entries.into_iter(), new)
            }
            None => block::merge(std::iter::empty(), new),
        };
        self.entries += live(&merged);
        let parts = block::parts(&merged, self.large());
        self.replaced.push((place, parts.len()));
        for (number, part) in parts.into_iter().enumerate() {
            let start = if number == 0 { old.map_or(0, |(start, _)| start) } else { part[0].hash };
            let changed = part.iter().any(|entry| entry.marks & CHANGED != 0);
            let from = self.waiting.len();
            block::write(start, self.epoch, part, &mut self.waiting)?;
            let extent = self.place(from)?;
            let room = self.memory.bytes / FILTER_SHARE;
            let filter = Filter::new(part.iter().map(|entry| entry.hash), self.entries, room);
            let changed = if changed { self.epoch } else { 0 };
            self.new.push((start, Stored { extent, changed, filter }));
        }
        if let Some((_, extent)) = old {
            self.log.give(extent);
        }
        Ok(())
    }

    /// Bytes beyond which a block is split: more where the directory would be too large otherwise.
    fn large(&self) -> usize {
        let share = (self.memory.bytes / DIRECTORY_SHARE).max(1 << 14);
        block::LARGE * (self.directory.block_bytes() / share).clamp(1, 256)
    }

    /// Gives the last of the blocks that wait, which begins at `from`, its place.
    fn place(&mut self, from: usize) -> Result<Extent> {
        let extent = self.log.take(self.waiting.len() - from);
        let extent = extent.ok_or_else(|| Error::state("state that has left memory is larger than 256 GiB"))?;
        if extent.offset() != self.waiting_at + from as u64 {
            let last = self.waiting.split_off(from);
            self.flush()?;
            self.waiting.extend_from_slice(&last);
            self.waiting_at = extent.offset();
        }
        let padding = extent.held() - u64::from(extent.bytes);
        self.waiting.extend((0..padding).map(|_| 0));
        if self.waiting.len() >= buffer(&self.memory) {
            self.flush()?;
        }
        Ok(extent)
    }

    /// Writes the blocks that wait.
    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let file = if let Some(file) = &self.file {
            file
        } else {
            let made = self.memory.files.scratch(&self.memory.directory);
            self.file.insert(made.map_err(|error| failed(&self.memory.directory, &error))?.into())
        };
        let written = file.write_at(self.waiting_at, &self.waiting);
        written.map_err(|error| failed(&self.memory.directory, &error))?;
        self.waiting_at += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Moves blocks together where the holes between them are too many.
    fn tidy(&mut self, window: &mut Window) -> Result<()> {
        if !self.log.is_wasteful() {
            return Ok(());
        }
        window.close();
        let mut place = Directory::first();
        while let Some((_, stored)) = self.directory.get(place) {
            let old = stored.extent;
            if self.log.is_lonely(old) {
                let bytes = window.show([old], &mut |at, buffer| self.read(at, buffer))?;
                let from = self.waiting.len();
                self.waiting.extend_from_slice(bytes);
                let extent = self.place(from)?;
                self.directory.move_to(place, extent);
                self.log.give(old);
            }
            place = self.directory.next(place);
        }
        self.flush()
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        let file = self.file.as_ref().ok_or_else(|| Error::state("state that had left memory has no file"))?;
        file.read_at(at, buffer).map_err(|error| failed(&self.memory.directory, &error))
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
            let mut window = std::mem::take(&mut self.window);
            window.close();
            for next in order {
                #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
                let (hash, at) = ((next >> 32) as u32, next as u32);
                let known = self.directory.get(self.directory.place(hash));
                let Some((start, stored)) = known.filter(|(_, stored)| stored.filter.may_have(hash)) else { continue };
                let block = window.show([stored.extent], &mut |at, buffer| self.read(at, buffer))?;
                if let Some(row) = Block::read(start, block)?.find(hash, encoded.row(at as usize).data()) {
                    rows.push(at);
                    bytes.extend_from_slice(row);
                    ends.push(bytes.len());
                }
            }
            self.window = window;
        }
        let entries = codec.entry_columns(ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]))?;
        Ok(Found { rows, entries })
    }

    /// All entries, some at a time.
    ///
    /// # Errors
    /// When the file can't be read, and those of `visit`.
    pub fn scan(&self, visit: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        self.scan_from(0, usize::MAX, visit).map(|_| ())
    }

    /// The entries of so many blocks from that on which has the hash `from`. Gives the hash to go on from; 0 when those were
    /// the last.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub fn scan_from(&self, from: u32, blocks: usize, visit: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<u32> {
        let (mut bytes, mut ends, mut window) = (Vec::new(), vec![0], Window::new(buffer(&self.memory)));
        let mut rest = self.directory.iter_from(self.directory.place(from));
        for _ in 0..blocks {
            let Some((start, stored)) = rest.next() else { break };
            let extents = std::iter::once(stored.extent).chain(rest.clone().map(|(_, next)| next.extent));
            let block = window.show(extents, &mut |at, buffer| self.read(at, buffer))?;
            for entry in Block::read(start, block)?.entries(self.epoch).filter(|entry| !entry.is_gone()) {
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
        Ok(rest.next().map_or(0, |(start, _)| start))
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
            _lease: self.log.lease(),
        }))
    }

    /// The number of key columns.
    #[must_use]
    pub fn key_columns(&self) -> usize {
        self.codec.key_columns()
    }
}
