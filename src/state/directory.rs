//! The state directory: who may use which part of it, and how its files are made.
//!
//! ```text
//! definitions            what is remembered of sessions
//! jobs/<job>/lock        held by the process that runs the job
//! jobs/<job>/state.redb  its checkpoints
//! ```

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::types::key_group::hash_bytes;
use crate::types::{Error, Result};

/// The folder of jobs in a state directory.
const JOBS: &str = "jobs";
/// The file in a job's directory that is locked.
const LOCK: &str = "lock";
/// Looks for a lock that another process holds, one every [`LOOK_MS`], before the job is its.
const LOOKS: u32 = 20;
/// Looks for one that this process holds: the job's last run may still be ending.
const OWN_LOOKS: u32 = 400;
const LOOK_MS: u64 = 5;

/// A state directory. Several processes may use one; each job in it is one process's at a time.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
    /// The warning that the directory's owner should know.
    warning: Option<String>,
}

impl StateDir {
    /// The directory `path`, created (0700) where it does not exist.
    ///
    /// # Errors
    /// [`Error::Config`] when it is another user's; [`Error::Io`] when it can't be created.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        create_private_directory(path)?;
        let path = path.canonicalize().map_err(|error| Error::io(path, error))?;
        let warning = check_owner(&path)?;
        Ok(Self { path, warning })
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The warning that the person should know: that others can write to the directory.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Takes the directory of job `name`, `jobs/<name>`, creating it. It is given back when the last owner of what is
    /// returned drops it, or when the process dies, however it dies.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it; [`Error::Config`] when this one has, or a part of the path is a
    /// symbolic link, or the lock is no file; [`Error::Io`] when it can't be created or written.
    pub fn job(&self, name: &str) -> Result<JobDir> {
        self.take(name, LOOKS)
    }

    /// As [`job`](Self::job), without the moment that another process has to give the job back: for a look at many.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    pub fn job_at_once(&self, name: &str) -> Result<JobDir> {
        self.take(name, 0)
    }

    /// As [`job`](Self::job), where there is such a directory in the state directory `path`; `None` where there is none.
    /// Nothing is made for a look.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`job`](Self::job).
    pub fn existing_job(path: &Path, name: &str) -> Result<Option<JobDir>> {
        if fs::symlink_metadata(job_path(path, name)).is_err() {
            return Ok(None);
        }
        Self::open(path)?.job(name).map(Some)
    }

    fn take(&self, name: &str, looks: u32) -> Result<JobDir> {
        let path = job_path(&self.path, name);
        loop {
            create_private_directory(&path)?;
            no_link(&self.path.join(JOBS))?;
            no_link(&path)?;
            let lock = take(&path, name, looks)?;
            // Whoever held it before may have removed the directory: then this is the lock of nothing.
            if is_at(&lock, &path.join(LOCK)) {
                return Ok(JobDir { path, _lock: lock });
            }
        }
    }
}

/// The path of the state of job `name` in the state directory `directory`, whether or not it exists.
#[must_use]
pub fn job_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(JOBS).join(file_name_of(name))
}

/// The directories of the jobs in the state directory `directory`, by name, each with the job's name; of a name that was
/// too long for a directory, `None`.
///
/// # Errors
/// [`Error::Io`] when there is such a folder and it can't be read.
pub fn job_directories(directory: &Path) -> Result<Vec<(PathBuf, Option<String>)>> {
    let jobs = directory.join(JOBS);
    let entries = match fs::read_dir(&jobs) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::io(jobs, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(&jobs, error))?;
        // A symbolic link is none of ours.
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(name) = entry.file_name().to_str()
        {
            found.push((entry.path(), text_of(name)));
        }
    }
    found.sort();
    Ok(found)
}

/// Leave to use the directory of one job, given back when dropped.
#[derive(Debug)]
pub struct JobDir {
    path: PathBuf,
    /// The operating system's lock lives as long as this is open.
    _lock: File,
}

impl JobDir {
    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all that is kept of the job.
    ///
    /// # Errors
    /// [`Error::Io`] when something in it can't be removed.
    pub fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.path).map_err(|error| Error::io(&self.path, error))
    }
}

/// Refuses a path that is a symbolic link.
pub(super) fn no_link(path: &Path) -> Result<()> {
    let link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if link { Err(not_followed(path)) } else { Ok(()) }
}

fn not_followed(path: &Path) -> Error {
    Error::config(format!("{} is a symbolic link, and none is followed in a state directory", path.display()))
}

/// Whoever can write to a state directory decides what jobs restore and where they write: it must be ours, or the system's.
/// What there is to say when others can write to it, too.
#[cfg(unix)]
fn check_owner(path: &Path) -> Result<Option<String>> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|error| Error::io(path, error))?;
    let (owner, mode, shown) = (metadata.uid(), metadata.mode() & 0o7777, path.display());
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(Error::config(format!(
            "the state directory {shown} belongs to another user (uid {owner}), who could put any state there; give another \
             --state-dir"
        )));
    }
    Ok((mode & 0o022 != 0).then(|| {
        format!(
            "other users can write to the state directory {shown} (mode {mode:04o}) and put any state there; \
             `chmod go-w` closes it"
        )
    }))
}

#[cfg(not(unix))]
fn check_owner(_: &Path) -> Result<Option<String>> {
    Ok(None)
}

/// Locks the file `lock` in the directory of job `name` and writes our process id into it; looks so many times more when
/// another process has it.
fn take(directory: &Path, name: &str, looks: u32) -> Result<File> {
    let path = directory.join(LOCK);
    let mut file = open_private_file(&path)?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::config(format!("{} is not a regular file", path.display())));
    }
    let mut looked = 0;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                let pid = holder(&mut file);
                // Somebody who lists the jobs has it for a moment.
                let most = if looks > 0 && pid == std::process::id() { OWN_LOOKS } else { looks };
                if looked < most {
                    looked += 1;
                    thread::park_timeout(Duration::from_millis(LOOK_MS));
                    continue;
                }
                if pid == std::process::id() {
                    return Err(Error::config(format!(
                        "job `{name}` is running; `stop {name}` or `cancel {name}` ends it"
                    )));
                }
                return Err(Error::Locked { job: name.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
        }
    }
    let pid = std::process::id().to_string();
    file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(|error| Error::io(&path, error))?;
    Ok(file)
}

/// Whether `file` is what `path` names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(ours), Ok(named)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The process id in a lock file. Its holder writes it right after locking: an empty file is read again for a moment.
fn holder(file: &mut File) -> u32 {
    for _ in 0..50 {
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        if let (Ok(_), Ok(pid)) = (read, text.trim().parse()) {
            return pid;
        }
        thread::park_timeout(Duration::from_millis(2));
    }
    0
}

/// Creates `path` and what is missing above it, each with mode 0700. What exists is left as it is.
///
/// # Errors
/// When it can't be created, or is no directory.
pub fn create_private_directory(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(path).map_err(|error| Error::io(path, error))
}

/// Creates `path`, mode 0600; it must not exist.
///
/// # Errors
/// When it exists or can't be created.
pub fn create_private_file(path: &Path) -> Result<File> {
    private_options().create_new(true).open(path).map_err(|error| Error::io(path, error))
}

/// Opens `path` for reading and writing, creating it with mode 0600. A symbolic link is refused.
pub(super) fn open_private_file(path: &Path) -> Result<File> {
    let mut options = private_options();
    options.create(true).truncate(false);
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options.open(path).map_err(|error| {
        let link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        if link { not_followed(path) } else { Error::io(path, error) }
    })
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    options.mode(0o600);
    options
}

/// Makes what was created, renamed or removed in `path` durable.
///
/// # Errors
/// When the directory can't be opened or synced.
pub fn sync_directory(path: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| Error::io(path, error))?;
    }
    Ok(())
}

/// A file name for any text: letters, digits, `_`, `-` and inner dots stay, every other byte becomes `%xx`; a text too
/// long for a file system is cut and told apart by its hash. Two texts never share a name, on file systems that tell
/// case apart.
#[must_use]
pub fn file_name_of(text: &str) -> String {
    const LONGEST: usize = 150;
    let mut name = String::with_capacity(text.len());
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            b'.' if i > 0 => name.push('.'),
            _ => {
                // Writing to a `String` cannot fail.
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    if name.is_empty() {
        return "%".to_owned();
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        // `%%` is never the beginning of an escape, so no shorter text has such a name.
        let _ = write!(name, "%%{:016x}", hash_bytes(text.as_bytes()));
    }
    name
}

/// The text that [`file_name_of`] made `name` of; `None` when that was cut, or `name` is none of its names.
fn text_of(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let code = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(code).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| file_name_of(text) == name)
}

/// Renames `from` to `to` and makes that durable.
///
/// # Errors
/// When a file can't be renamed or a directory synced.
pub(super) fn rename_durably(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| Error::io(from, error))?;
    let (left, reached) = (from.parent(), to.parent());
    for parent in left.filter(|_| left != reached).into_iter().chain(reached) {
        sync_directory(parent)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_apart_and_inside_the_directory() {
        assert_eq!(file_name_of("hot-2.b_C"), "hot-2.b_C");
        assert_eq!(file_name_of("a/../b"), "a%2f..%2fb");
        assert_eq!(file_name_of(".."), "%2e.");
        assert_eq!(file_name_of("."), "%2e");
        assert_eq!(file_name_of(""), "%");
        assert_eq!(file_name_of("\u{202e}x"), "%e2%80%aex");
        let long = "n".repeat(300);
        assert!(file_name_of(&long).len() < 200);
        assert_ne!(file_name_of(&long), file_name_of(&"n".repeat(301)));
        assert!(file_name_of(&"é".repeat(200)).is_ascii());
    }

    #[test]
    fn a_name_comes_back_from_its_file_name_unless_it_was_cut() {
        for name in ["hot-2.b_C", "a/../b", "..", "\u{202e}x", "ä%20 b", "%", "100%"] {
            assert_eq!(text_of(&file_name_of(name)).as_deref(), Some(name));
        }
        assert_eq!(text_of(&file_name_of(&"n".repeat(300))), None);
        for foreign in ["%", "%2", "%zz", "%61", "%C3", ".hidden", "a b"] {
            assert_eq!(text_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_job_is_one_owners_at_a_time_and_others_go_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = StateDir::open(dir.path().join("state")).expect("ours");
        let second = StateDir::open(dir.path().join("state")).expect("ours");
        let hot = first.job("hot").expect("free");
        assert!(second.job("hot").expect_err("running").to_string().contains("`hot` is running"));
        second.job("a/b").expect("another name");
        drop(hot);
        second.job("hot").expect("given back");
        let names =
            |found: Vec<(PathBuf, Option<String>)>| -> Vec<_> { found.into_iter().map(|(_, name)| name).collect() };
        let found = job_directories(first.path()).expect("read");
        assert_eq!(names(found), [Some("a/b".to_owned()), Some("hot".to_owned())]);
        second.job("hot").expect("free").remove().expect("removed");
        assert_eq!(job_directories(first.path()).expect("read").len(), 1);
        assert_eq!(job_directories(&dir.path().join("nothing")).expect("none").len(), 0);
    }

    #[test]
    fn the_lock_of_a_removed_directory_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(dir.path()).expect("ours");
        let removed = state.job("hot").expect("free");
        let path = removed.path().to_owned();
        let waiting = open_private_file(&path.join(LOCK)).expect("opened");
        removed.remove().expect("removed");
        assert!(waiting.try_lock().is_ok() && !is_at(&waiting, &path.join(LOCK)));
        let again = state.job("hot").expect("free");
        assert!(!is_at(&waiting, &again.path().join(LOCK)));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(dir.path().join("state")).expect("ours");
        let job = state.job("hot").expect("free");
        assert_eq!(mode(state.path()), 0o700);
        assert_eq!(mode(job.path()), 0o700);
        assert_eq!(mode(&state.path().join("jobs")), 0o700);
        assert_eq!(mode(&job.path().join("lock")), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_nothing_is_written_through_one() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().expect("a directory");
        let (state, target) = (dir.path().join("state"), dir.path().join("mine"));
        fs::write(&target, "mine").expect("written");
        let held = StateDir::open(&state).expect("ours");
        let lock = state.join("jobs/hot/lock");
        fs::create_dir_all(state.join("jobs/hot")).expect("created");
        let refused = |error: Error| assert!(error.to_string().contains("is a symbolic link"), "{error}");
        symlink(&target, &lock).expect("linked");
        refused(held.job("hot").expect_err("a link"));
        fs::remove_file(&lock).expect("removed");
        symlink(dir.path().join("nothing"), &lock).expect("linked");
        refused(held.job("hot").expect_err("a link to nothing"));
        assert!(!dir.path().join("nothing").exists());
        fs::remove_dir_all(state.join("jobs/hot")).expect("removed");
        symlink(dir.path(), state.join("jobs/hot")).expect("linked");
        refused(held.job("hot").expect_err("a link"));
        held.job("cold").expect("a directory");
        let found = job_directories(&state).expect("read");
        assert_eq!(found.len(), 1, "a link is no job: {found:?}");
        fs::rename(state.join("jobs"), dir.path().join("jobs")).expect("renamed");
        symlink(dir.path().join("jobs"), state.join("jobs")).expect("linked");
        refused(held.job("cold").expect_err("below a link"));
        assert_eq!(fs::read_to_string(target).expect("there"), "mine");
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_others_can_write_to_is_told_and_another_users_is_refused() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let dir = tempfile::tempdir().expect("a directory");
        let state = dir.path().join("state");
        fs::create_dir(&state).expect("created");
        for (mode, told) in [(0o755, false), (0o700, false), (0o777, true), (0o770, true)] {
            fs::set_permissions(&state, fs::Permissions::from_mode(mode)).expect("ours");
            let held = StateDir::open(&state).expect("ours");
            assert_eq!(held.warning().is_some(), told, "{mode:o}: {:?}", held.warning());
        }
        // Only root can give a directory away.
        if chown(&state, Some(12_345), None).is_ok() {
            let error = StateDir::open(&state).expect_err("somebody else's").to_string();
            assert!(error.contains("belongs to another user (uid 12345)"), "{error}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("file"), b"").expect("written");
        let error = StateDir::open(dir.path().join("file/state")).expect_err("below a file");
        assert!(error.to_string().contains("file/state"), "{error}");
    }
}
