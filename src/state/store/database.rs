//! The file, its tables, and how it is opened.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use redb::{
    Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};

use super::block::Layout;
use super::commit::{Commit, CommitStats};
use super::key::{BlockKey, Group};
use super::keys::Keys;
use super::record::{CheckpointRecord, SchemaRecord, from_json};
use crate::state::directory::{create_private_directory, create_private_file, rename_durably};
use crate::state::seal::unseal;
use crate::state::{StateDescriptor, StateSnapshot};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

/// The file's name in its directory.
const FILE: &str = "state.redb";
/// Its name until it is complete.
const UNFINISHED: &str = "state.redb.new";
/// Where fresh starts set earlier databases aside.
const RUNS: &str = "runs";
/// The version of what the tables mean.
pub(super) const FORMAT: u64 = 2;
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

/// Numbers: [`FORMAT`], the last checkpoint id.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// A checkpoint's [`CheckpointRecord`], sealed JSON.
pub(super) const CHECKPOINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoints");
/// [`Commit::manifest`](super::Commit::manifest), sealed.
pub(super) const MANIFESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("manifests");
/// Bytes of the blocks that a checkpoint consists of.
pub(super) const SIZES: TableDefinition<'_, u64, u64> = TableDefinition::new("sizes");
/// The operator entries of a checkpoint by uid, sealed.
pub(super) const ENTRIES: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("entries");
/// [`SchemaRecord`]s, sealed JSON.
pub(super) const SCHEMAS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("schemas");
/// Dropped namespaces by the checkpoint that dropped them, and a counter.
pub(super) const PURGES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("purges");
/// One row while blocks of dead checkpoints are searched for: how far that is.
pub(super) const SWEEP: TableDefinition<'_, u8, (u32, &BlockKey)> = TableDefinition::new("sweep");

/// The key under which [`META`] holds [`FORMAT`].
pub(super) const VERSION: &str = "format";
/// The key under which [`META`] holds the last checkpoint id.
pub(super) const LAST_ID: &str = "last_id";

/// The state database of one job.
///
/// Several threads may use it at once: commits and [`retain`](Self::retain) wait for each other, readers wait for
/// nobody.
pub struct StateStore {
    pub(super) path: PathBuf,
    db: Database,
    identity: Option<(u64, u64)>,
    schemas: Mutex<Vec<Arc<StoredState>>>,
    work: Mutex<Work>,
}

/// What was written since blocks were last merged. Lost when the process ends; what it would have merged is merged when
/// it is next written to.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Where blocks were added: by schema number.
    pub(super) touched: BTreeSet<(u32, Group)>,
    /// How many bytes.
    pub(super) bytes: u64,
}

/// A keyed state whose blocks are in the database.
#[derive(Debug)]
pub(super) struct StoredState {
    pub(super) number: u32,
    pub(super) uid: OperatorUid,
    pub(super) descriptor: StateDescriptor,
    /// The name of the table of its blocks.
    pub(super) table: String,
    pub(super) layout: Layout,
    pub(super) keys: Keys,
}

impl StoredState {
    pub(super) fn new(number: u32, uid: OperatorUid, descriptor: StateDescriptor) -> Result<Self> {
        let keys = descriptor.key_schema();
        Ok(Self {
            number,
            table: format!("{uid}/{}#{number}", descriptor.name),
            layout: Layout { entries: descriptor.schema.arrow().clone(), keys: keys.arrow().clone() },
            keys: Keys::new(keys.arrow())?,
            uid,
            descriptor,
        })
    }

    pub(super) fn blocks(&self) -> TableDefinition<'_, &'static BlockKey, &'static [u8]> {
        TableDefinition::new(&self.table)
    }
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
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path, error)),
        };
        // redb would make a new database of it. Ours are complete before they get this name.
        if metadata.len() == 0 {
            return Err(Error::state(format!("{} is empty: it is not a state database", path.display())));
        }
        let db = open_database(&path, metadata.len() <= CHECKED_BYTES)?;
        let mut store =
            Self { identity: identity(&metadata), db, schemas: Mutex::default(), work: Mutex::default(), path };
        store.load().and_then(|()| store.compact(metadata.len())).map_err(|error| name_error(&store.path, error))?;
        Ok(Some(store))
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
        if file_bytes / SPARSE_TIMES > used_bytes {
            self.db.compact().map_err(|error| Error::state(format!("can't be compacted: {error}")))?;
        }
        Ok(())
    }

    /// Sets the database of an earlier run, if there is one, aside as `directory/runs/<n>/state.redb`, never to be touched
    /// again: what `latest` means is always `directory/state.redb`, the newest run.
    ///
    /// # Errors
    /// [`Error::Io`] when it can't be moved.
    pub fn set_aside(directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        match fs::symlink_metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io(path, error)),
        }
        let runs = directory.join(RUNS);
        create_private_directory(&runs)?;
        let mut last = 0;
        for entry in fs::read_dir(&runs).map_err(|error| Error::io(&runs, error))? {
            let name = entry.map_err(|error| Error::io(&runs, error))?.file_name();
            last = last.max(name.to_str().and_then(|name| name.parse::<u64>().ok()).unwrap_or(0));
        }
        let run = runs.join((last + 1).to_string());
        create_private_directory(&run)?;
        rename_durably(&path, &run.join(FILE))
    }

    /// Creates `directory/state.redb` with a first checkpoint in it: the file is synced once less than by
    /// [`open`](Self::open) and then [`commit`](Self::commit), which a short job notices. The directory must be there: one
    /// that was removed under a running job is not this process's any more. Only then what an earlier run left gives way:
    /// a run that came to nothing hides no checkpoint.
    ///
    /// # Errors
    /// As those have. There is no database then.
    pub fn create_with(directory: &Path, commit: &Commit<'_>) -> Result<(Self, CommitStats)> {
        let store = Self::unfinished(directory, Durability::None)?;
        let stats = store.commit(commit)?;
        Ok((store.finished(directory)?, stats))
    }

    fn create(directory: &Path) -> Result<Self> {
        create_private_directory(directory)?;
        Self::unfinished(directory, Durability::Immediate)?.finished(directory)
    }

    /// A new database under another name. It has no checkpoint; whether it is on disk, `durability` says.
    fn unfinished(directory: &Path, durability: Durability) -> Result<Self> {
        let path = directory.join(UNFINISHED);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(path, error)),
        }
        let file = create_private_file(&path)?;
        let identity = file.metadata().ok().as_ref().and_then(identity);
        drop(file);
        let db = open_database(&path, false)?;
        let store = Self { identity, db, schemas: Mutex::default(), work: Mutex::default(), path };
        store.initialize(durability).map_err(|error| store.named(error))?;
        Ok(store)
    }

    /// It is complete: gives it its own name, which an earlier run's had until now.
    fn finished(mut self, directory: &Path) -> Result<Self> {
        Self::set_aside(directory)?;
        let path = directory.join(FILE);
        rename_durably(&self.path, &path)?;
        self.path = path;
        Ok(self)
    }

    /// Nobody looks for the file yet, so that one phase is enough: it is given its name after it is on disk.
    fn initialize(&self, durability: Durability) -> Result<()> {
        let mut transaction = self.db.begin_write().map_err(db)?;
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
        let meta = transaction.open_table(META).map_err(|_| Error::state("this is a database, but not of lotic"))?;
        let format = meta.get(VERSION).map_err(db)?.map_or(0, |value| value.value());
        if !(1..=FORMAT).contains(&format) {
            return Err(Error::state(format!("its format is {format}; this build reads formats up to {FORMAT}")));
        }
        let mut schemas = self.schemas();
        for row in transaction.open_table(SCHEMAS).map_err(db)?.iter().map_err(db)? {
            let (number, value) = row.map_err(db)?;
            let number = number.value();
            let bytes = unseal(&number.to_be_bytes(), "the schema of a state", value.value())?;
            let record: SchemaRecord = from_json("the schema of a state", bytes)?;
            schemas.push(Arc::new(StoredState::new(number, record.uid, record.state.descriptor()?)?));
        }
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

    /// A checkpoint to read from. Later commits do not change what it says.
    ///
    /// While it lives, the pages it may read are not used again: keep it as long as it is read, not longer.
    pub fn snapshot(self: &Arc<Self>, id: CheckpointId) -> Result<StateSnapshot> {
        let source = super::read::CheckpointSource::new(Arc::clone(self), id).map_err(|error| self.named(error))?;
        Ok(StateSnapshot::new(Arc::new(source)))
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction> {
        self.db.begin_read().map_err(db)
    }

    /// A transaction that is on disk when its commit returns, whatever happens then.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction> {
        let mut transaction = self.db.begin_write().map_err(db)?;
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
            Ok(_) => Err(Error::state("another file was put in its place while it was in use")),
            Err(error) => Err(Error::io(&self.path, error)),
        }
    }

    /// The error with the file it is about.
    pub(super) fn named(&self, error: Error) -> Error {
        name_error(&self.path, error)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only an error of state lacks its place")]
fn name_error(path: &Path, error: Error) -> Error {
    match error {
        Error::State(message) => Error::state(format!("{}: {message}", path.display())),
        other => other,
    }
}

/// The checkpoint records of a table, ascending.
pub(super) fn records(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<(u64, CheckpointRecord)>> {
    let mut records = Vec::new();
    for row in table.iter().map_err(db)? {
        let (id, value) = row.map_err(db)?;
        records.push((id.value(), record(id.value(), value.value())?));
    }
    Ok(records)
}

/// A checkpoint record as it is stored.
pub(super) fn record(id: u64, value: &[u8]) -> Result<CheckpointRecord> {
    let what = format!("the record of checkpoint {id}");
    from_json(&what, unseal(&id.to_be_bytes(), &what, value)?)
}

/// An error of redb's.
pub(super) fn db(error: impl Into<redb::Error>) -> Error {
    Error::state(error.into())
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
