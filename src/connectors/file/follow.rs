//! `follow = true`: files that grow. Each file is read to where it ends now, and further when there is more; a file that
//! comes into the folder is taken up. A file is told by what it is (device and inode), not by its name: one that is renamed
//! goes on, one that is put in its place is another, read from its beginning. A file that is gone is let go of at its end.
//!
//! With `partitioned = true` each file is a split with an event time of its own, whether or not it grows: the readers take
//! files whole, and read those of theirs side by side.
//!
//! The files are shared out by what they are, so that readers need not agree on them. A checkpoint holds how far each file
//! was read, with something of what stands before, so that a restored reader refuses a file that was rewritten.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::discover::{InputFile, Target, discover};
use super::fingerprint::content;
use super::format::FileFormat;
use super::reader::{FileReader, Input};
use super::splits::{FileSplit, FileSplits};
use crate::api::{Source, SourcePoll, SourceProgress, SourceStart};
use crate::connectors::dealer::{Dealer, Remaining};
use crate::types::files::{FileInfo, FileLock, Files, ReadFile, WriteFile};
use crate::types::{CheckpointId, Error, Result, Schema};

/// The interval at which a folder is looked through for new files, milliseconds.
const LOOK_MS: i64 = 200;
/// The wait when no file has more, milliseconds.
const WAIT_MS: i64 = 50;
const VERSION: u32 = 1;

/// What all readers of a followed source share.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) files: Arc<dyn Files>,
    pub(super) target: Target,
    pub(super) format: Arc<dyn FileFormat>,
    pub(super) schema: Schema,
    pub(super) record_bytes_max: usize,
    /// Whether files grow and come; if not, they are those that there are at the start, to their size then.
    pub(super) grows: bool,
    /// Whether each file has an event time of its own.
    pub(super) partitioned: bool,
}

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    name: String,
    /// What the split is called, where that is not the file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    called: Option<String>,
    id: (u64, u64),
    /// Whether its end was found: one that was read to its end, and not asked for more yet, still holds back event time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    finished: bool,
    /// The split as the reader left it.
    split: FileSplit,
    /// Something of the content before that.
    content: u64,
}

impl Place {
    fn offset(&self) -> u64 {
        self.split.at.unwrap_or(0)
    }

    /// The file that it is a place of: the same one, else a copy of the same name.
    fn among<'i>(&self, inputs: &'i [InputFile]) -> Option<&'i InputFile> {
        let same = inputs.iter().find(|input| input.info.id == self.id);
        same.or_else(|| inputs.iter().find(|input| input.name == self.name))
    }
}

/// The entry of one reader in a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Places {
    version: u32,
    follow: Vec<Place>,
}

/// The readers of a followed source.
///
/// # Errors
/// When the positions of a checkpoint are damaged or of a later version.
pub(super) fn start(followed: &Arc<Followed>, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
    let entries = start.restored.as_deref().unwrap_or_default();
    let mut places = Vec::new();
    for entry in entries {
        let read: Places = serde_json::from_slice(entry)
            .map_err(|error| Error::state(format!("the position in a followed file is damaged: {error}")))?;
        if read.version != VERSION {
            let message = format!("a position is of version {}; this build reads {VERSION}", read.version);
            return Err(Error::state(message));
        }
        places.extend(read.follow);
    }
    let fixed = if followed.grows {
        None
    } else {
        let found = discover(&*followed.files, &followed.target).map_err(Error::config)?;
        if let Some(gone) = places.iter().find(|place| place.among(&found).is_none()) {
            return Err(Error::config(format!("{} was read until the checkpoint, and is gone", gone.name)));
        }
        Some(found)
    };
    let readers = entries.len().max(start.parallelism);
    let idle = readers - start.parallelism;
    let reader = |index: usize| -> Result<Box<dyn Source>> {
        let mut reader = FollowReader {
            followed: Arc::clone(followed),
            start: SourceStart { restored: None, ..start.clone() },
            fixed: fixed.clone(),
            // The last ones read; those before have subtasks no more.
            share: index.checked_sub(idle),
            places: places.clone(),
            files: Vec::new(),
            finished: Vec::new(),
            names: Vec::new(),
            next: 0,
            look_ms: i64::MIN,
            done: 0,
        };
        // The splits are known before anything runs: none of them is late because another was found first.
        if followed.partitioned && reader.share.is_some() {
            reader.look()?;
        }
        Ok(Box::new(reader))
    };
    (0..readers).map(reader).collect()
}

struct FollowReader {
    followed: Arc<Followed>,
    start: SourceStart,
    /// The files of an input that does not grow.
    fixed: Option<Arc<[InputFile]>>,
    /// The part of the files that is this reader's; `None` for one that reads nothing any more.
    share: Option<usize>,
    /// How far files were read before the restore, of all readers: those that were not found again yet.
    places: Vec<Place>,
    files: Vec<OpenFile>,
    /// The files that do not grow and were read to their ends.
    finished: Vec<Place>,
    /// The splits of a partitioned source: one a file.
    names: Vec<String>,
    /// The file that is polled next.
    next: usize,
    look_ms: i64,
    /// Bytes of files that were let go of.
    done: u64,
}

struct OpenFile {
    name: String,
    /// What its split is called.
    called: String,
    id: (u64, u64),
    /// Where it was taken up, until something was read.
    begun: Option<Place>,
    /// Where it ends, of one that does not grow.
    end: Place,
    reader: FileReader,
    /// Whether the last look found nothing more.
    drained: bool,
    /// Whether the folder still has it.
    listed: bool,
}

impl FollowReader {
    fn is_own(&self, id: (u64, u64)) -> bool {
        let place = match &self.fixed {
            Some(found) => found.iter().position(|input| input.info.id == id).unwrap_or_default() as u64,
            // Inodes are given out in a row: their rests are spread well enough.
            None => id.0 ^ id.1,
        };
        self.share.is_some_and(|share| place % self.start.parallelism as u64 == share as u64)
    }

    /// Takes up files that have come, and lets go of those that are gone and read.
    fn look(&mut self) -> Result<()> {
        let now_ms = self.start.clock.now_ms();
        if now_ms < self.look_ms {
            return Ok(());
        }
        let (found, look_ms) = match &self.fixed {
            Some(found) => (Arc::clone(found), i64::MAX),
            // A folder that is empty for now, a file between two rotations.
            None => (
                discover(&*self.followed.files, &self.followed.target).unwrap_or_default(),
                now_ms.saturating_add(LOOK_MS),
            ),
        };
        self.look_ms = look_ms;
        for file in &mut self.files {
            let listed = found.iter().find(|input| input.info.id == file.id);
            file.listed = listed.is_some();
            if let Some(input) = listed {
                file.name.clone_from(&input.name);
            }
        }
        // A place that another reader has found is no longer ours.
        let places = std::mem::take(&mut self.places);
        let kept =
            places.into_iter().filter(|place| place.among(&found).is_none_or(|input| self.is_own(input.info.id)));
        self.places = kept.collect();
        for input in found.iter() {
            let id = input.info.id;
            if self.is_own(id) && !self.files.iter().any(|file| file.id == id) {
                let known = self.places.iter().position(|place| place.among(&found).is_some_and(|of| of.info.id == id));
                let place = known.map(|known| self.places.swap_remove(known));
                let opened = self.take_up(input.clone(), place)?;
                if opened.begun.as_ref().is_some_and(|place| place.finished) {
                    self.done += input.info.len;
                    self.finished.push(opened.end);
                } else {
                    self.files.push(opened);
                }
            }
        }
        let done = &mut self.done;
        self.files.retain(|file| {
            let keep = file.listed || !file.drained;
            *done += if keep { 0 } else { file.reader.progress().done };
            keep
        });
        self.names = self.files.iter().map(|file| file.called.clone()).collect();
        Ok(())
    }

    fn take_up(&self, input: InputFile, place: Option<Place>) -> Result<OpenFile> {
        if input.compression.is_some() {
            return Err(Error::config(format!("{} is compressed: a compressed file can't be followed", input.name)));
        }
        let failed = |error| Error::io(&input.path, error);
        let mut file = self.followed.files.open(&input.path).map_err(failed)?;
        let end = if self.followed.grows { u64::MAX } else { input.info.len };
        let mut split = FileSplit { file: 0, start: 0, end, at: None, mid_record: false };
        let called = match place.as_ref() {
            Some(place) => place.called.clone().unwrap_or_else(|| place.name.clone()),
            // One that was renamed keeps what it was called; what is put in its place is another.
            None if self.files.iter().any(|file| file.called == input.name) => {
                format!("{} ({})", input.name, input.info.id.1)
            }
            None => input.name.clone(),
        };
        if let Some(place) = &place {
            let changed = |what: &str| Error::Changed { path: input.path.clone(), what: what.to_owned() };
            if input.info.len < place.offset() {
                return Err(changed("is shorter than it was read at the checkpoint"));
            }
            if content(&mut *file, place.offset()).map_err(failed)? != place.content {
                return Err(changed("is not what was read at the checkpoint"));
            }
            split = place.split;
        }
        let contents = Arc::new([content(&mut *file, input.info.len).map_err(failed)?]);
        let end = Place {
            name: input.name.clone(),
            called: None,
            id: input.info.id,
            finished: true,
            split: FileSplit { at: Some(input.info.len), mid_record: false, ..split },
            content: contents[0],
        };
        let Followed { format, schema, record_bytes_max, files, .. } = &*self.followed;
        let (name, id) = (input.name.clone(), input.info.id);
        let inputs: Arc<[InputFile]> = Arc::new([input]);
        let shared = Arc::new(Input {
            files: if self.followed.grows { Arc::new(GrowingFiles(Arc::clone(files))) } else { Arc::clone(files) },
            inputs: Arc::clone(&inputs),
            format: Arc::clone(format),
            schema: schema.clone(),
            projection: self.start.projection.clone(),
            fingerprint: String::new(),
            contents,
            bytes: None,
            record_bytes_max: *record_bytes_max,
            has_lines: true,
        });
        let remaining = Remaining { next: u64::MAX, begun: vec![Some(split)], returned: Vec::new() };
        let splits = FileSplits::new(inputs, u64::MAX, false, u64::MAX);
        let dealer = Arc::new(Dealer::new(splits, remaining, 1));
        let SourceStart { batch_rows, clock, .. } = &self.start;
        let reader = FileReader::new(shared, dealer, 0, *batch_rows, Arc::clone(clock), 0)?;
        Ok(OpenFile { name, called, id, begun: place, end, reader, drained: false, listed: true })
    }

    /// Whether the file that is polled gives nothing more; those that have ended are let go of.
    fn poll_file(&mut self, at: usize) -> Result<SourcePoll> {
        let file = &mut self.files[at];
        let polled = file.reader.poll()?;
        file.begun = None;
        file.drained = !matches!(polled, SourcePoll::Rows { .. });
        if matches!(polled, SourcePoll::End) && !self.followed.grows {
            let file = self.files.remove(at);
            self.done += file.end.offset();
            self.finished.push(file.end);
            self.names = self.files.iter().map(|file| file.called.clone()).collect();
        }
        Ok(polled)
    }

    fn nothing_now(&self) -> SourcePoll {
        SourcePoll::Pending(Some(self.start.clock.now_ms().saturating_add(WAIT_MS)))
    }
}

impl Source for FollowReader {
    fn poll(&mut self) -> Result<SourcePoll> {
        if self.share.is_none() {
            return Ok(SourcePoll::End);
        }
        self.look()?;
        if self.followed.partitioned {
            return Ok(if self.is_at_end() { SourcePoll::End } else { self.nothing_now() });
        }
        for _ in 0..self.files.len() {
            self.next %= self.files.len();
            let polled = self.poll_file(self.next)?;
            self.next += 1;
            if matches!(polled, SourcePoll::Rows { .. }) {
                return Ok(polled);
            }
        }
        Ok(self.nothing_now())
    }

    fn splits(&self) -> Option<&[String]> {
        self.followed.partitioned.then_some(&self.names)
    }

    fn poll_split(&mut self, split: &str) -> Result<SourcePoll> {
        self.look()?;
        let Some(at) = self.files.iter().position(|file| file.called == split) else { return Ok(SourcePoll::End) };
        match self.poll_file(at)? {
            SourcePoll::End if self.followed.grows => Ok(self.nothing_now()),
            polled @ (SourcePoll::Rows { .. } | SourcePoll::Pending(_) | SourcePoll::End) => Ok(polled),
        }
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<u8>> {
        // What was not found again yet is still to be found, by its owner: all hold it, and it is taken up once.
        let mut follow: Vec<Place> = self.places.iter().filter(|place| self.is_own(place.id)).cloned().collect();
        follow.extend(self.finished.iter().cloned());
        for file in &mut self.files {
            // That no file has become another one is seen there.
            file.reader.snapshot(checkpoint)?;
            if let Some((split, content)) = file.reader.place_read()? {
                let called = (file.called != file.name).then(|| file.called.clone());
                follow.push(Place { name: file.name.clone(), called, id: file.id, finished: false, split, content });
            } else {
                follow.extend(file.begun.clone());
            }
        }
        serde_json::to_vec(&Places { version: VERSION, follow }).map_err(Error::state)
    }

    fn is_at_end(&self) -> bool {
        self.share.is_none() || self.fixed.is_some() && self.look_ms == i64::MAX && self.files.is_empty()
    }

    fn progress(&self) -> SourceProgress {
        let done = self.done + self.files.iter().map(|file| file.reader.progress().done).sum::<u64>();
        let bytes = |found: &Arc<[InputFile]>| found.iter().map(|input| input.info.len).sum();
        SourceProgress { done, total: self.fixed.as_ref().map(bytes) }
    }
}

/// Files at whose end there may be more later.
#[derive(Debug)]
struct GrowingFiles(Arc<dyn Files>);

impl Files for GrowingFiles {
    fn metadata(&self, path: &Path) -> io::Result<FileInfo> {
        self.0.metadata(path)
    }

    fn link_metadata(&self, path: &Path) -> io::Result<FileInfo> {
        self.0.link_metadata(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(GrowingFile(self.0.open(path)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.0.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
        self.0.list(directory)
    }

    fn create_dir(&self, directory: &Path) -> io::Result<()> {
        self.0.create_dir(directory)
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        self.0.sync_dir(directory)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<FileLock>> {
        self.0.try_lock(path)
    }
}

struct GrowingFile(Box<dyn ReadFile>);

impl ReadFile for GrowingFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read_at(offset, buffer)? {
            0 if !buffer.is_empty() => {
                let len = self.0.info()?.len;
                if len < offset {
                    let message = format!("was truncated while it was followed: from {offset} to {len} bytes");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                Err(io::ErrorKind::WouldBlock.into())
            }
            read => Ok(read),
        }
    }

    fn info(&self) -> io::Result<FileInfo> {
        self.0.info()
    }
}

#[cfg(test)]
mod tests;
