//! The small layer through which connectors and state touch files, so that a test can fail any call or cut the power.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// A file system. Errors are the system's; who calls adds the path.
pub trait Files: Debug + Send + Sync {
    /// The information on `path`, symbolic links followed.
    fn metadata(&self, path: &Path) -> io::Result<FileInfo>;
    /// The information on `path` itself: a symbolic link is told as one.
    fn link_metadata(&self, path: &Path) -> io::Result<FileInfo>;
    /// Opens for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// Creates a file for writing; fails when anything of that name exists, a dangling link too.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Renames within one file system, replacing what stands there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file (of a symbolic link: the link).
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
    /// Creates a directory and its parents where they are missing.
    fn create_dir(&self, directory: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, directory: &Path) -> io::Result<()>;
    /// Locks an existing file for as long as the guard lives; `None` when somebody else, in this process or another,
    /// holds it. A process that dies lets go.
    fn try_lock(&self, path: &Path) -> io::Result<Option<FileLock>>;
    /// Creates a file in an existing directory that has no name there once this returns: it is gone with who holds it,
    /// however that ends.
    fn scratch(&self, _directory: &Path) -> io::Result<Box<dyn ScratchFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// An open file, read at any place.
pub trait ReadFile: Send {
    /// Reads into `buffer` from `offset` on; returns how many bytes, 0 only at the end of the file.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// The information on the open file now, whatever its name points to meanwhile.
    fn info(&self) -> io::Result<FileInfo>;
}

/// A file being written from its beginning to its end.
pub trait WriteFile: Send {
    /// Appends all of `bytes`.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes content and size durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A working file that is read and written at any place, and never needed again.
pub trait ScratchFile: Debug + Send + Sync {
    /// Fills `buffer` from `offset` on; an error where the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` from `offset` on; the file grows as it must.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// Holds a lock until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// The information on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// The kind of what is there.
    pub kind: FileKind,
    /// Bytes.
    pub len: u64,
    /// When its content last changed, nanoseconds since the epoch; 0 where the system does not say.
    pub modified_ns: u128,
    /// Device and inode: the same file under any name. Zeros where the system has no such thing.
    pub id: (u64, u64),
}

/// Kinds of directory entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe, or the end of another.
    Pipe,
    /// A socket or device.
    Special,
}

impl FileInfo {
    fn of(metadata: &fs::Metadata) -> Self {
        let kind = if metadata.is_file() {
            FileKind::File
        } else if metadata.is_dir() {
            FileKind::Directory
        } else if metadata.is_symlink() {
            FileKind::Link
        } else if is_pipe(metadata) {
            FileKind::Pipe
        } else {
            FileKind::Special
        };
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            kind,
            len: metadata.len(),
            modified_ns: modified.map_or(0, |since| since.as_nanos()),
            id: identity(metadata),
        }
    }
}

#[cfg(unix)]
fn is_pipe(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}

/// Claims standard input, of which a process has one, for who reads it from now on.
///
/// # Errors
/// Who reads it, when that is somebody else.
pub fn claim_stdin(whose: &'static str) -> Result<(), &'static str> {
    static READER: OnceLock<&str> = OnceLock::new();
    let reader = *READER.get_or_init(|| whose);
    if reader == whose { Ok(()) } else { Err(reader) }
}

/// The machine's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    fn metadata(&self, path: &Path) -> io::Result<FileInfo> {
        Ok(FileInfo::of(&fs::metadata(path)?))
    }

    fn link_metadata(&self, path: &Path) -> io::Result<FileInfo> {
        Ok(FileInfo::of(&fs::symlink_metadata(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(OsFile(File::open(path)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(OsFile(OpenOptions::new().write(true).create_new(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut names: Vec<_> =
            fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<FileLock>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FileLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn scratch(&self, directory: &Path) -> io::Result<Box<dyn ScratchFile>> {
        let number = SCRATCH.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!(".scratch-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Box::new(OsScratch(file)))
    }
}

/// A number for the name that a scratch file has for a moment.
static SCRATCH: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
struct OsScratch(File);

impl ScratchFile for OsScratch {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
}

struct OsFile(File);

impl ReadFile for OsFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.seek(SeekFrom::Start(offset))?;
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn info(&self) -> io::Result<FileInfo> {
        Ok(FileInfo::of(&self.0.metadata()?))
    }
}

impl WriteFile for OsFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Files that fail on purpose.
#[cfg(test)]
pub mod failing {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use super::{
        File, FileInfo, FileLock, Files, OpenOptions, OsFiles, OsString, Path, ReadFile, ScratchFile, WriteFile, io,
    };

    /// The machine's files until call number `crash_at` (from 0): that call and every later one fails, as if the
    /// process had died within it; a write that is cut leaves half of its bytes. [`Self::lose_unsynced`] then takes
    /// away what no sync had made durable.
    #[derive(Debug, Clone)]
    pub struct CrashingFiles {
        state: Arc<Mutex<State>>,
    }

    #[derive(Debug, Default)]
    struct State {
        calls: u64,
        crash_at: Option<u64>,
        /// Files created here and how much of each is durable.
        synced: BTreeMap<PathBuf, u64>,
    }

    impl CrashingFiles {
        /// Files that work until call `crash_at`; for ever with `None`.
        #[must_use]
        pub fn new(crash_at: Option<u64>) -> Self {
            Self { state: Arc::new(Mutex::new(State { crash_at, ..State::default() })) }
        }

        /// Calls so far.
        ///
        /// # Panics
        /// When a test has panicked within a call.
        #[must_use]
        pub fn calls(&self) -> u64 {
            self.state.lock().unwrap().calls
        }

        /// Whether the crash has happened.
        ///
        /// # Panics
        /// As [`Self::calls`].
        #[must_use]
        pub fn crashed(&self) -> bool {
            let state = self.state.lock().unwrap();
            state.crash_at.is_some_and(|at| state.calls > at)
        }

        /// Cuts every file that was created here to what had been synced.
        ///
        /// # Panics
        /// When one can't be cut.
        pub fn lose_unsynced(&self) {
            for (path, &durable) in &self.state.lock().unwrap().synced {
                if let Ok(file) = OpenOptions::new().write(true).open(path) {
                    file.set_len(durable.min(file.metadata().unwrap().len())).unwrap();
                }
            }
        }

        fn call(&self) -> io::Result<()> {
            let mut state = self.state.lock().unwrap();
            state.calls += 1;
            if state.crash_at.is_some_and(|at| state.calls > at) {
                return Err(io::Error::other("crashed on purpose"));
            }
            Ok(())
        }
    }

    impl Files for CrashingFiles {
        fn metadata(&self, path: &Path) -> io::Result<FileInfo> {
            self.call()?;
            OsFiles.metadata(path)
        }

        fn link_metadata(&self, path: &Path) -> io::Result<FileInfo> {
            self.call()?;
            OsFiles.link_metadata(path)
        }

        fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
            self.call()?;
            OsFiles.open(path)
        }

        fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
            self.call()?;
            OsFiles.create(path)?;
            self.state.lock().unwrap().synced.insert(path.to_path_buf(), 0);
            let file = OpenOptions::new().append(true).open(path)?;
            Ok(Box::new(CrashingFile { files: self.clone(), path: path.to_path_buf(), file }))
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.call()?;
            OsFiles.rename(from, to)?;
            let mut state = self.state.lock().unwrap();
            if let Some(durable) = state.synced.remove(from) {
                state.synced.insert(to.to_path_buf(), durable);
            }
            Ok(())
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.call()?;
            OsFiles.remove(path)
        }

        fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
            self.call()?;
            OsFiles.list(directory)
        }

        fn create_dir(&self, directory: &Path) -> io::Result<()> {
            self.call()?;
            OsFiles.create_dir(directory)
        }

        fn sync_dir(&self, _directory: &Path) -> io::Result<()> {
            self.call()
        }

        fn try_lock(&self, path: &Path) -> io::Result<Option<FileLock>> {
            self.call()?;
            OsFiles.try_lock(path)
        }

        fn scratch(&self, directory: &Path) -> io::Result<Box<dyn ScratchFile>> {
            self.call()?;
            let file = OsFiles.scratch(directory)?;
            Ok(Box::new(CrashingScratch { files: self.clone(), file }))
        }
    }

    #[derive(Debug)]
    struct CrashingScratch {
        files: CrashingFiles,
        file: Box<dyn ScratchFile>,
    }

    impl ScratchFile for CrashingScratch {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            self.files.call()?;
            self.file.read_at(offset, buffer)
        }

        fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            self.files.call()?;
            self.file.write_at(offset, bytes)
        }
    }

    struct CrashingFile {
        files: CrashingFiles,
        path: PathBuf,
        file: File,
    }

    impl WriteFile for CrashingFile {
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            use std::io::Write;
            if let Err(crash) = self.files.call() {
                self.file.write_all(&bytes[..bytes.len() / 2])?;
                return Err(crash);
            }
            self.file.write_all(bytes)
        }

        fn sync(&mut self) -> io::Result<()> {
            // Remembered, not done: no power is cut here.
            self.files.call()?;
            let len = self.file.metadata()?.len();
            self.files.state.lock().unwrap().synced.insert(self.path.clone(), len);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::failing::CrashingFiles;
    use super::*;

    #[test]
    fn a_lock_is_held_until_dropped_and_seen_within_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l");
        OsFiles.create(&path).unwrap();
        let held = OsFiles.try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(OsFiles.try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(OsFiles.try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn a_crash_loses_what_was_not_synced_and_nothing_works_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let files = CrashingFiles::new(Some(4));
        let mut file = files.create(&path).unwrap();
        file.write(b"durable").unwrap();
        file.sync().unwrap();
        file.write(b" volatile").unwrap();
        assert!(file.write(b" never").is_err() && files.crashed());
        assert!(files.remove(&path).is_err());
        files.lose_unsynced();
        assert_eq!(fs::read(&path).unwrap(), b"durable");
    }

    #[test]
    fn create_does_not_follow_or_replace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "x").unwrap();
        assert!(OsFiles.create(&path).is_err());
        assert_eq!(OsFiles.link_metadata(dir.path()).unwrap().kind, FileKind::Directory);
    }
}
