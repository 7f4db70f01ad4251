//! A pipe as a file: a thread reads it, once and in order, so that nobody waits for whoever writes it. What it gave
//! before anybody asked is held, and read with the rest. What is packed is unpacked on the way.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::discover::{InputFile, STDIN};
use super::stream::unpacked;
use crate::types::files::{FileInfo, FileKind, FileLock, Files, ReadFile, WriteFile};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Bytes held for the reader, at most about so many.
const HELD_BYTES: usize = 4 << 20;
/// A pipe that gives nothing for so long has given its sample.
const QUIET: Duration = Duration::from_millis(100);
/// The time that a named pipe has for its first line when its columns are to be inferred.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether anybody still wants what is read.
const LOOK: Duration = Duration::from_millis(100);

/// A pipe that is being read.
#[derive(Debug)]
pub(super) struct Pipe {
    name: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: Vec<u8>,
    /// The bytes of `held` that were handed over.
    head: usize,
    ended: bool,
    failed: Option<(io::ErrorKind, String)>,
    /// Whether somebody reads it: nobody else can.
    taken: bool,
}

impl Pipe {
    /// Begins to read the pipe at `path`; of standard input there is one.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn open(path: &Path) -> io::Result<Arc<Self>> {
        static STANDARD: LazyLock<Mutex<Option<Arc<Pipe>>>> = LazyLock::new(Mutex::default);
        if path != Path::new(STDIN) {
            let path = path.to_path_buf();
            return Self::begin(path.display().to_string(), move || Ok(Box::new(File::open(path)?)));
        }
        let mut standard = STANDARD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = &*standard {
            return Ok(Arc::clone(pipe));
        }
        let pipe = Self::begin(STDIN.to_owned(), || Ok(Box::new(io::stdin())))?;
        Ok(Arc::clone(standard.insert(pipe)))
    }

    fn begin(name: String, open: impl FnOnce() -> io::Result<Box<dyn Read>> + Send + 'static) -> io::Result<Arc<Self>> {
        let pipe = Arc::new(Self { name, state: Mutex::default(), changed: Condvar::new() });
        let reading = Arc::clone(&pipe);
        std::thread::Builder::new().name("pipe".to_owned()).spawn(move || {
            let read = open().and_then(unpacked).and_then(|source| reading.fill(source));
            let mut state = reading.lock();
            state.ended = true;
            state.failed = read.err().map(|error| (error.kind(), error.to_string()));
            drop(state);
            reading.changed.notify_all();
        })?;
        Ok(pipe)
    }

    fn fill(self: &Arc<Self>, mut source: Box<dyn Read>) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = match source.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let mut state = self.lock();
            while state.held.len() - state.head >= HELD_BYTES {
                // Nobody else has it any more.
                if Arc::strong_count(self) == 1 {
                    return Ok(());
                }
                state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
            }
            if read == 0 || Arc::strong_count(self) == 1 {
                return Ok(());
            }
            if state.head >= HELD_BYTES {
                let head = std::mem::take(&mut state.head);
                state.held.drain(..head);
            }
            state.held.extend_from_slice(&chunk[..read]);
            drop(state);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first bytes, up to `most` and whole lines at least, and whether they are all. They stay to be read. Standard
    /// input is waited for, a named pipe for a while.
    ///
    /// # Errors
    /// When it can't be read, or gives no line in time.
    pub(super) fn sample(&self, most: usize) -> io::Result<(Vec<u8>, bool)> {
        let mut state = self.lock();
        let mut waited = Duration::ZERO;
        loop {
            let held = state.held.len() - state.head;
            if let Some((kind, message)) = &state.failed {
                return Err(io::Error::new(*kind, message.clone()));
            }
            if state.ended || held >= most {
                break;
            }
            let (next, timed_out) = self.changed.wait_timeout(state, QUIET).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if !timed_out.timed_out() {
                continue;
            }
            if state.held[state.head..].contains(&b'\n') {
                break;
            }
            waited += QUIET;
            if waited >= PATIENCE && self.name != STDIN {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody writes to the pipe"));
            }
        }
        let held = &state.held[state.head..];
        let all = state.ended && held.len() <= most;
        Ok((held[..held.len().min(most)].to_vec(), all))
    }

    /// Whether the caller is the first to read it.
    pub(super) fn take(&self) -> bool {
        !std::mem::replace(&mut self.lock().taken, true)
    }

    /// Whether somebody reads it, or has.
    pub(super) fn is_taken(&self) -> bool {
        self.lock().taken
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        let held = &state.held[state.head..];
        if held.is_empty() {
            return match (state.ended, &state.failed) {
                (_, Some((kind, message))) => Err(io::Error::new(*kind, message.clone())),
                (true, None) => Ok(0),
                (false, None) => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let count = held.len().min(buffer.len());
        buffer[..count].copy_from_slice(&held[..count]);
        state.head += count;
        if state.head == state.held.len() {
            state.held.clear();
            state.head = 0;
        }
        drop(state);
        self.changed.notify_all();
        Ok(count)
    }
}

/// The pipe at `path` as the only file of an input.
pub(super) fn input(path: PathBuf, name: String) -> InputFile {
    InputFile { path, name, info: INFO, compression: None }
}

/// A pipe has no size that could be known; one of nothing would not be read at all.
const INFO: FileInfo = FileInfo { kind: FileKind::File, len: 1, modified_ns: 0, id: (0, 0) };

/// The files of an input that is a pipe.
#[derive(Debug)]
pub(super) struct PipeFiles(pub(super) Arc<Pipe>);

impl PipeFiles {
    fn unsupported<T>() -> io::Result<T> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Files for PipeFiles {
    fn metadata(&self, _path: &Path) -> io::Result<FileInfo> {
        Ok(INFO)
    }

    fn link_metadata(&self, _path: &Path) -> io::Result<FileInfo> {
        Ok(INFO)
    }

    fn open(&self, _path: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(PipeEnd(Arc::clone(&self.0))))
    }

    fn create(&self, _path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Self::unsupported()
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Self::unsupported()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        Self::unsupported()
    }

    fn list(&self, _directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
        Self::unsupported()
    }

    fn create_dir(&self, _directory: &Path) -> io::Result<()> {
        Self::unsupported()
    }

    fn sync_dir(&self, _directory: &Path) -> io::Result<()> {
        Self::unsupported()
    }

    fn try_lock(&self, _path: &Path) -> io::Result<Option<FileLock>> {
        Self::unsupported()
    }
}

/// The end of a pipe where it is read: forward only.
struct PipeEnd(Arc<Pipe>);

impl ReadFile for PipeEnd {
    fn read_at(&mut self, _offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn info(&self) -> io::Result<FileInfo> {
        Ok(INFO)
    }
}
