//! The state directory: who may use it, and how its files are made.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::types::key_group::hash_bytes;
use crate::types::{Error, Result};

/// Leave to use a state directory. One process at a time has it; all jobs of that process share it. It is given back
/// when the last clone is dropped, or when the process dies, however it dies.
#[derive(Debug, Clone)]
pub struct StateDir {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// The warning that the directory's owner should know.
    warning: Option<String>,
    /// The operating system's lock lives as long as this is open.
    _lock: File,
    jobs: Mutex<Vec<String>>,
}

/// The directories that this process holds.
static HELD: Mutex<Vec<Weak<Held>>> = Mutex::new(Vec::new());

impl StateDir {
    /// Takes `path`, creating it (0700) where it does not exist.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it; [`Error::Config`] when it is another user's, or its lock is no file
    /// (a symbolic link, say); [`Error::Io`] when it can't be created or written.
    pub fn lock(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        create_private_directory(path)?;
        let path = path.canonicalize().map_err(|error| Error::io(path, error))?;
        let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|held| held.strong_count() > 0);
        if let Some(held) = all.iter().filter_map(Weak::upgrade).find(|held| held.path == path) {
            return Ok(Self { held });
        }
        let warning = check_owner(&path)?;
        let held = Arc::new(Held { _lock: take(&path)?, path, warning, jobs: Mutex::default() });
        all.push(Arc::downgrade(&held));
        Ok(Self { held })
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.held.path
    }

    /// The warning that the person should know: that others can write to the directory.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.held.warning.as_deref()
    }

    /// Takes the directory of job `name`, `jobs/<name>`, creating it.
    ///
    /// # Errors
    /// [`Error::Config`] when a job of this name is running, or one of the two is a symbolic link; [`Error::Io`] when it
    /// can't be created.
    pub fn job(&self, name: &str) -> Result<JobDir> {
        let path = self.job_path(name);
        let mut jobs = self.held.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.iter().any(|running| running == name) {
            return Err(Error::config(format!("a job named `{name}` is running; stop or cancel it first")));
        }
        create_private_directory(&path)?;
        for part in [self.held.path.join("jobs"), path.clone()] {
            let metadata = fs::symlink_metadata(&part).map_err(|error| Error::io(&part, error))?;
            if metadata.is_symlink() {
                return Err(not_followed(&part));
            }
        }
        jobs.push(name.to_owned());
        Ok(JobDir { directory: self.clone(), name: name.to_owned(), path })
    }

    /// The path of the state of job `name`, whether or not it exists.
    #[must_use]
    pub fn job_path(&self, name: &str) -> PathBuf {
        self.held.path.join("jobs").join(file_name_of(name))
    }
}

/// Leave to use the directory of one job, given back when dropped.
#[derive(Debug)]
pub struct JobDir {
    directory: StateDir,
    name: String,
    path: PathBuf,
}

impl JobDir {
    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for JobDir {
    fn drop(&mut self) {
        let mut jobs = self.directory.held.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|running| *running != self.name);
    }
}

fn not_followed(path: &Path) -> Error {
    Error::config(format!("{} is a symbolic link: in a state directory none is followed", path.display()))
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

/// Locks the file `lock` in `directory` and writes our process id into it.
fn take(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let mut file = open_private_file(&path)?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::config(format!("{} is no regular file", path.display())));
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::Locked { path: directory.to_path_buf(), pid: holder(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
    }
    let pid = std::process::id().to_string();
    file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(|error| Error::io(&path, error))?;
    Ok(file)
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
fn open_private_file(path: &Path) -> Result<File> {
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
    fn jobs_of_one_process_share_the_directory_but_not_a_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = StateDir::lock(dir.path().join("state")).expect("free");
        let second = StateDir::lock(dir.path().join("state")).expect("ours already");
        let hot = first.job("hot").expect("free");
        assert!(second.job("hot").expect_err("running").to_string().contains("`hot` is running"));
        second.job("cold").expect("another name");
        drop(hot);
        second.job("hot").expect("given back");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::lock(dir.path().join("state")).expect("free");
        let job = state.job("hot").expect("free");
        assert_eq!(mode(state.path()), 0o700);
        assert_eq!(mode(job.path()), 0o700);
        assert_eq!(mode(&state.path().join("jobs")), 0o700);
        assert_eq!(mode(&state.path().join("lock")), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_nothing_is_written_through_one() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().expect("a directory");
        let (state, target) = (dir.path().join("state"), dir.path().join("mine"));
        fs::write(&target, "mine").expect("written");
        fs::create_dir_all(state.join("jobs")).expect("created");
        symlink(&target, state.join("lock")).expect("linked");
        let refused = |error: Error| assert!(error.to_string().contains("is a symbolic link"), "{error}");
        refused(StateDir::lock(&state).expect_err("a link"));
        symlink(dir.path().join("nothing"), state.join("other")).expect("linked");
        fs::rename(state.join("other"), state.join("lock")).expect("renamed");
        refused(StateDir::lock(&state).expect_err("a link to nothing"));
        assert!(!dir.path().join("nothing").exists());
        fs::remove_file(state.join("lock")).expect("removed");
        let held = StateDir::lock(&state).expect("free");
        symlink(dir.path(), state.join("jobs/hot")).expect("linked");
        refused(held.job("hot").expect_err("a link"));
        held.job("cold").expect("a directory");
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
            let held = StateDir::lock(&state).expect("free");
            assert_eq!(held.warning().is_some(), told, "{mode:o}: {:?}", held.warning());
        }
        // Only root can give a directory away.
        if chown(&state, Some(12_345), None).is_ok() {
            let error = StateDir::lock(&state).expect_err("somebody else's").to_string();
            assert!(error.contains("belongs to another user (uid 12345)"), "{error}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("file"), b"").expect("written");
        let error = StateDir::lock(dir.path().join("file/state")).expect_err("below a file");
        assert!(error.to_string().contains("file/state"), "{error}");
    }
}
