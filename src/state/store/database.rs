//! The file, and how it is opened.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use redb::{Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};

use super::key::Group;
use super::record::{SchemaRecord, from_json};
use super::runs::{self, FILE, UNFINISHED};
use super::stored_state::StoredState;
use super::tables::{
    CHECKPOINTS, ENTRIES, FORMAT, LAST_ID, MANIFESTS, META, PURGES, SCHEMAS, SIZES, SWEEP, VERSION, db,
};
use crate::state::directory::{create_private_directory, create_private_file};
use crate::state::seal::unseal;
use crate::types::{CheckpointId, Error, Result};

/// Pages kept in memory. The default would be 1 GiB a job.
const CACHE_BYTES: usize = 64 << 20;
/// A database up to this size is checked page by page when it is opened: that takes a moment and finds damage that would
/// otherwise surface as a failed read later on.
const CHECKED_BYTES: u64 = 16 << 20;
/// A database of at least this size is compacted when it is opened, if most of it is unused: redb uses freed pages again
/// but never gives them back, so the file stays as large as the state once was.
const COMPACTED_BYTES: u64 = 32 << 20;
/// "Most of it": the file is this many times what its checkpoints consist of.
const SPARSE_TIMES: u64 = 4;
/// After a `kill -9` the file may be locked for a moment more.
const OPEN_TRIES: u32 = 100;

/// The state database of one job.
///
/// Several threads may use it at once: commits and [`retain`](Self::retain) wait for each other, readers wait for
/// nobody. When the system fails a call (no space left, say), what was under way is an error, and the file is opened anew
/// before the next use: redb takes no more calls then.
pub struct StateStore {
    pub(super) path: PathBuf,
    /// `None` when it could not be opened anew.
    db: RwLock<Option<Database>>,
    /// Whether it must be opened anew before its next use.
    failed: AtomicBool,
    /// The checkpoint whose commit has failed: it may be in the file all the same.
    doubtful: Mutex<Option<CheckpointId>>,
    identity: Option<(u64, u64)>,
    schemas: Mutex<Vec<Arc<StoredState>>>,
    work: Mutex<Work>,
}

/// The writes since blocks were last merged. Lost when the process ends; what would have been merged is merged when it
/// is next written to.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The groups where blocks were added, with their schema numbers.
    pub(super) touched: BTreeSet<(u32, Group)>,
    /// The number of bytes.
    pub(super) bytes: u64,
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl StateStore {
    /// Opens, or creates, `directory/state.redb` (directory 0700, file 0600).
    ///
    /// # Errors
    /// [`Error::State`] when the file is no database, damaged, or of a later version; [`Error::Io`] when it can't be
    /// read or written.
    pub fn open(directory: &Path) -> Result<Self> {
        match Self::open_existing(directory)? {
            Some(store) => Ok(store),
            None => Self::create(directory),
        }
    }

    /// Opens `directory/state.redb`; `None` when there is no such file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_existing(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(FILE);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path, error)),
        };
        if metadata.is_symlink() {
            return Err(Error::state(format!("{} is a symbolic link, which is not followed", path.display())));
        }
        // redb would make a new database of it. Ours are complete before they get this name.
        if metadata.len() == 0 {
            return Err(Error::state(format!("{} is empty: it is not a state database", path.display())));
        }
        let db = open_database(&path, metadata.len() <= CHECKED_BYTES)?;
        let mut store = Self::new(path, identity(&metadata), db);
        store.load().and_then(|()| store.compact(metadata.len())).map_err(|error| name_error(&store.path, error))?;
        Ok(Some(store))
    }

    fn new(path: PathBuf, identity: Option<(u64, u64)>, db: Database) -> Self {
        Self {
            path,
            db: RwLock::new(Some(db)),
            failed: AtomicBool::new(false),
            doubtful: Mutex::default(),
            identity,
            schemas: Mutex::default(),
            work: Mutex::default(),
        }
    }

    /// Gives unused pages back to the file system, where that is worth it. Crash-safe: redb moves pages in transactions.
    fn compact(&mut self, file_bytes: u64) -> Result<()> {
        if file_bytes < COMPACTED_BYTES {
            return Ok(());
        }
        let used_bytes = {
            let sizes = self.begin_read()?.open_table(SIZES).map_err(db)?;
            let rows = sizes.iter().map_err(db)?;
            // Checkpoints share blocks, so the sum is more than what is used.
            rows.map(|row| Ok(row.map_err(db)?.1.value())).sum::<Result<u64>>()?
        };
        let held = self.db.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(db) = held.as_mut().filter(|_| file_bytes / SPARSE_TIMES > used_bytes) {
            db.compact().map_err(|error| Error::state(format!("can't be compacted: {error}")))?;
        }
        Ok(())
    }

    /// Whether there is a database of a job in `directory`.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        fs::symlink_metadata(directory.join(FILE)).is_ok()
    }

    /// Removes what a run that was killed has left half done in the job's directory, and the oldest databases of earlier
    /// runs. Nobody may be using the directory.
    ///
    /// # Errors
    /// [`Error::Io`] when a file can't be moved or removed.
    pub fn tidy(directory: &Path) -> Result<()> {
        runs::tidy(directory)
    }

    fn create(directory: &Path) -> Result<Self> {
        create_private_directory(directory)?;
        Self::unfinished(directory, Durability::Immediate)?.finished(directory)
    }

    /// A new database under another name. It has no checkpoint; whether it is on disk, `durability` says.
    pub(super) fn unfinished(directory: &Path, durability: Durability) -> Result<Self> {
        let path = directory.join(UNFINISHED);
        runs::remove_file(&path)?;
        let file = create_private_file(&path)?;
        let identity = file.metadata().ok().as_ref().and_then(identity);
        drop(file);
        let db = open_database(&path, false)?;
        let store = Self::new(path, identity, db);
        store.initialize(durability).map_err(|error| store.named(error))?;
        Ok(store)
    }

    /// The store is complete: it becomes the job's.
    pub(super) fn finished(mut self, directory: &Path) -> Result<Self> {
        runs::switch(directory)?;
        self.path = directory.join(FILE);
        Ok(self)
    }

    /// Nobody looks for the file yet, so that one phase is enough: it is given its name after it is on disk.
    fn initialize(&self, durability: Durability) -> Result<()> {
        let mut transaction = self.with(|database| database.begin_write().map_err(db))?;
        transaction.set_durability(durability).map_err(Error::state)?;
        {
            let mut meta = transaction.open_table(META).map_err(db)?;
            meta.insert(VERSION, FORMAT).map_err(db)?;
            meta.insert(LAST_ID, 0).map_err(db)?;
            transaction.open_table(CHECKPOINTS).map_err(db)?;
            transaction.open_table(MANIFESTS).map_err(db)?;
            transaction.open_table(SIZES).map_err(db)?;
            transaction.open_table(ENTRIES).map_err(db)?;
            transaction.open_table(SCHEMAS).map_err(db)?;
            transaction.open_table(PURGES).map_err(db)?;
            transaction.open_table(SWEEP).map_err(db)?;
        }
        transaction.commit().map_err(db)
    }

    /// Checks the version and reads the schemas.
    fn load(&self) -> Result<()> {
        let transaction = self.begin_read()?;
        let meta = transaction.open_table(META).map_err(|_| Error::state("it is a database, but not one of lotic"))?;
        let format = meta.get(VERSION).map_err(db)?.map_or(0, |value| value.value());
        if !(1..=FORMAT).contains(&format) {
            return Err(Error::state(format!("its format is {format}; this build reads formats up to {FORMAT}")));
        }
        let mut schemas = Vec::new();
        for row in transaction.open_table(SCHEMAS).map_err(db)?.iter().map_err(db)? {
            let (number, value) = row.map_err(db)?;
            let number = number.value();
            let bytes = unseal(&number.to_be_bytes(), "the schema of a state", value.value())?;
            let record: SchemaRecord = from_json("the schema of a state", bytes)?;
            schemas.push(Arc::new(StoredState::new(number, record.uid, record.state.descriptor()?)?));
        }
        *self.schemas() = schemas;
        Ok(())
    }

    fn with<T>(&self, f: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        if self.failed.load(Ordering::Acquire) {
            self.reopen()?;
        }
        match &*self.db.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => f(database),
            None => Err(Error::state("it could not be opened again after a call of the system had failed")),
        }
    }

    /// Closes the file and opens it anew. A checkpoint whose commit has failed is none, whatever the file says: those who
    /// were told so have gone on from the one before.
    fn reopen(&self) -> Result<()> {
        let mut held = self.db.write().unwrap_or_else(PoisonError::into_inner);
        if !self.failed.load(Ordering::Acquire) {
            // Another thread was here first.
            return Ok(());
        }
        *held = None;
        self.check_place()?;
        let bytes = fs::metadata(&self.path).map_err(|error| Error::io(&self.path, error))?.len();
        *held = Some(open_database(&self.path, bytes <= CHECKED_BYTES)?);
        self.failed.store(false, Ordering::Release);
        drop(held);
        let settled = self.load().and_then(|()| self.withdraw());
        settled.inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    /// Goes on with the file as `backend` gives it.
    #[cfg(test)]
    pub(super) fn put_backend(&self, backend: impl redb::StorageBackend) {
        let mut held = self.db.write().unwrap_or_else(PoisonError::into_inner);
        *held = None;
        *held = Database::builder().create_with_backend(backend).ok();
    }

    fn withdraw(&self) -> Result<()> {
        let mut doubtful = self.doubtful.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = *doubtful {
            let mut held = self.checkpoints()?;
            if held.contains(&id) {
                held.retain(|other| *other != id);
                self.retain(&held)?;
            }
        }
        *doubtful = None;
        Ok(())
    }

    /// The last checkpoint id ever committed, 0 before the first. The next must be greater.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn last_id(&self) -> Result<CheckpointId> {
        let read = || {
            let meta = self.begin_read()?.open_table(META).map_err(db)?;
            Ok(CheckpointId(meta.get(LAST_ID).map_err(db)?.map_or(0, |id| id.value())))
        };
        read().map_err(|error| self.named(error))
    }

    /// The checkpoints held, ascending.
    pub fn checkpoints(&self) -> Result<Vec<CheckpointId>> {
        let read = || -> Result<Vec<_>> {
            let table = self.begin_read()?.open_table(CHECKPOINTS).map_err(db)?;
            table.iter().map_err(db)?.map(|row| Ok(CheckpointId(row.map_err(db)?.0.value()))).collect()
        };
        read().map_err(|error| self.named(error))
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction> {
        self.with(|database| database.begin_read().map_err(db))
    }

    /// A transaction that is on disk when its commit returns, whatever happens then.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction> {
        let mut transaction = self.with(|database| database.begin_write().map_err(db))?;
        transaction.set_durability(Durability::Immediate).map_err(Error::state)?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    pub(super) fn schemas(&self) -> MutexGuard<'_, Vec<Arc<StoredState>>> {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn schema(&self, number: u32) -> Result<Arc<StoredState>> {
        let schemas = self.schemas();
        let found = schemas.iter().find(|state| state.number == number);
        found.cloned().ok_or_else(|| Error::state(format!("a checkpoint names schema {number}, which is missing")))
    }

    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file is still where it was opened. One that was removed would take commits that nobody finds again.
    pub(super) fn check_place(&self) -> Result<()> {
        match fs::metadata(&self.path) {
            Ok(metadata) if self.identity.is_none() || identity(&metadata) == self.identity => Ok(()),
            Ok(_) => Err(Error::state("it was replaced by another file while it was in use")),
            Err(error) => Err(Error::io(&self.path, error)),
        }
    }

    /// The error with the file it is about.
    pub(super) fn named(&self, error: Error) -> Error {
        if matches!(error, Error::Io { .. }) {
            self.failed.store(true, Ordering::Release);
        }
        name_error(&self.path, error)
    }

    /// The error of a commit of checkpoint `id`.
    pub(super) fn uncommitted(&self, id: CheckpointId, error: Error) -> Error {
        if matches!(error, Error::Io { .. }) {
            *self.doubtful.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        }
        self.named(error)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only an error of the database lacks its place")]
fn name_error(path: &Path, error: Error) -> Error {
    match error {
        Error::State(message) => Error::state(format!("{}: {message}", path.display())),
        Error::Io { path: nowhere, source } if nowhere.as_os_str().is_empty() => {
            Error::Io { path: path.to_path_buf(), source }
        }
        other => other,
    }
}

fn open_database(path: &Path, check: bool) -> Result<Database> {
    let open = || {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(check);
        let mut tries = 0;
        loop {
            match builder.create(path) {
                Err(DatabaseError::DatabaseAlreadyOpen) if tries < OPEN_TRIES => {
                    tries += 1;
                    thread::park_timeout(Duration::from_millis(10));
                }
                result => return result,
            }
        }
    };
    // redb asserts what a file of its own always holds; one that something else wrote to must not take us down.
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(error)) => Err(Error::state(format!("{} can't be opened: {error}", path.display()))),
        Err(_) => Err(Error::state(format!("{} is damaged: it is no longer a database", path.display()))),
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
