//! The second phase: staged files get their names.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::parts::{Stage, is_committed, mark_of, marked_run, owner_in, run_mark, run_of, staged};
use crate::api::{Committer, SinkOwner};
use crate::types::files::{FileInfo, FileKind, FileLock, Files};
use crate::types::{Error, Result};

const VERSION: u32 = 1;

/// The entry of one staged file in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    version: u32,
    pub(super) staged: String,
    pub(super) name: String,
    pub(super) bytes: u64,
}

impl Entry {
    pub(super) const fn new(staged: String, name: String, bytes: u64) -> Self {
        Self { version: VERSION, staged, name, bytes }
    }

    fn parse(entry: &[u8]) -> Result<Self> {
        let entry: Self = serde_json::from_slice(entry)
            .map_err(|error| Error::state(format!("an entry of a file sink is damaged: {error}")))?;
        if entry.version != VERSION {
            let version = entry.version;
            return Err(Error::state(format!(
                "an entry of a file sink is of version {version}; this build reads {VERSION}"
            )));
        }
        // What is renamed never leaves the directory, whatever the state says.
        let pending = matches!(staged(&entry.staged), Some((_, Stage::Pending)));
        if !pending || !is_committed(&entry.name) {
            return Err(Error::state(format!("'{}' is not a file of a file sink", entry.staged)));
        }
        Ok(entry)
    }
}

/// The directory of a sink, shared by its instances and its committer.
#[derive(Debug)]
pub(super) struct PartDirectory {
    pub(super) files: Arc<dyn Files>,
    pub(super) path: PathBuf,
    run: Mutex<RunState>,
}

#[derive(Debug, Default)]
struct RunState {
    /// The number of this run, and the lock that tells others that it lives.
    own: Option<(u64, FileLock)>,
    /// Whether what an earlier attempt had staged has been removed.
    clean: bool,
    /// The owner whose staged output is ours.
    owner: SinkOwner,
    /// The number of each instance's next staged file. It outlives the attempt: a checkpoint that is restored twice still
    /// names files that were committed when it was restored first, and nothing else may have got their names since.
    numbers: BTreeMap<u64, u64>,
}

impl PartDirectory {
    pub(super) fn new(files: Arc<dyn Files>, path: PathBuf) -> Self {
        Self { files, path, run: Mutex::default() }
    }

    pub(super) fn error(&self, name: &str, error: io::Error) -> Error {
        Error::io(self.path.join(name), error)
    }

    fn lock(&self) -> MutexGuard<'_, RunState> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next file that instance `subtask` stages in this run.
    pub(super) fn next_number(&self, subtask: u64) -> u64 {
        let mut state = self.lock();
        let next = state.numbers.entry(subtask).or_default();
        let number = *next;
        *next += 1;
        number
    }

    /// The number of this run, taken at the first call: no file of another run ever has it. At the first call of each
    /// attempt, what earlier runs of the job have staged goes, but for `listed`, which the checkpoint has committed. Which
    /// runs those are their marks say; `earlier` names runs of the job whose marks do not.
    pub(super) fn run(&self, earlier: &BTreeSet<u64>, listed: &BTreeSet<String>) -> Result<u64> {
        let mut state = self.lock();
        self.files.create_dir(&self.path).map_err(|error| Error::io(&self.path, error))?;
        let own = if let Some((run, _)) = &state.own {
            *run
        } else {
            let (run, lock) = self.take_run(state.owner)?;
            state.own = Some((run, lock));
            run
        };
        if !state.clean {
            self.remove_staged(earlier, listed, own, state.owner)?;
            state.clean = true;
        }
        Ok(own)
    }

    fn take_run(&self, owner: SinkOwner) -> Result<(u64, FileLock)> {
        let names = self.files.list(&self.path).map_err(|error| Error::io(&self.path, error))?;
        let mut run = names.iter().filter_map(run_of).max().map_or(1, |run| run.saturating_add(1));
        loop {
            let mark = self.path.join(run_mark(run));
            let mut file = match self.files.create(&mark) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    run = run.saturating_add(1);
                    continue;
                }
                Err(error) => return Err(Error::io(mark, error)),
            };
            if let Some(lock) = self.files.try_lock(&mark).map_err(|error| Error::io(&mark, error))? {
                let written = file.write(mark_of(owner.id).as_bytes()).and_then(|()| file.sync());
                written.map_err(|error| Error::io(&mark, error))?;
                return Ok((run, lock));
            }
            run = run.saturating_add(1);
        }
    }

    /// Removes what dead runs left behind: files in progress of any run, because no checkpoint speaks of them, closed ones
    /// of the job's own runs that are not `listed`, and the marks of runs that have nothing staged any more. A run lives as
    /// long as its mark is locked: a fork of a job that still runs has that job's number in its state, too.
    fn remove_staged(
        &self,
        earlier: &BTreeSet<u64>,
        listed: &BTreeSet<String>,
        own: u64,
        owner: SinkOwner,
    ) -> Result<()> {
        let names = self.files.list(&self.path).map_err(|error| Error::io(&self.path, error))?;
        let mut dead = BTreeMap::from([(own, true)]);
        let mut locks = Vec::new();
        for run in names.iter().filter_map(marked_run).filter(|run| own != *run) {
            let mark = self.path.join(run_mark(run));
            match self.files.try_lock(&mark) {
                Ok(Some(lock)) => {
                    let marked = self.owner(&run_mark(run))?;
                    let ours = match marked {
                        Some(id) => owner.id == Some(id) && (owner.alone || earlier.contains(&run)),
                        None => earlier.contains(&run),
                    };
                    dead.insert(run, ours);
                    locks.push((run, ours || marked.is_none(), lock));
                }
                Ok(None) => {}
                // Somebody has removed the mark; whether the run lives can't be told, so its files stay.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(mark, error)),
            }
        }
        let mut left = BTreeSet::new();
        for name in names.iter().filter_map(|name| name.to_str()) {
            let Some((run, stage)) = staged(name) else { continue };
            let goes = match (stage, dead.get(&run)) {
                (Stage::InProgress, Some(_)) => true,
                (Stage::Pending, Some(ours)) => *ours && !listed.contains(name),
                (Stage::InProgress | Stage::Pending, None) => false,
            };
            if goes {
                self.remove(name)?;
            } else {
                left.insert(run);
            }
        }
        for (run, _, _) in locks.iter().filter(|(run, goes, _)| *goes && !left.contains(run)) {
            self.remove(&run_mark(*run))?;
        }
        Ok(())
    }

    /// The owner that a mark names, if it names one.
    fn owner(&self, mark: &str) -> Result<Option<u64>> {
        let mut text = [0; 64];
        let read = self.files.open(&self.path.join(mark)).and_then(|mut file| file.read_at(0, &mut text));
        Ok(owner_in(&text[..read.map_err(|error| self.error(mark, error))?]))
    }

    fn remove(&self, name: &str) -> Result<()> {
        match self.files.remove(&self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.error(name, error)),
            _ => Ok(()),
        }
    }

    fn info(&self, name: &str) -> Result<Option<FileInfo>> {
        match self.files.link_metadata(&self.path.join(name)) {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(name, error)),
        }
    }

    /// Gives one staged file its name, unless it has it already. Returns whether anything changed.
    fn commit_one(&self, entry: &Entry) -> Result<bool> {
        let refused = |name: &str, why: String| Err(self.error(name, io::Error::other(why)));
        let Entry { staged, name, bytes, .. } = entry;
        let found = self.info(name)?;
        match self.info(staged)? {
            Some(info) if info.kind != FileKind::File || info.len != *bytes => {
                refused(staged, format!("is not the file of {bytes} bytes that was staged here"))
            }
            Some(_) if found.is_some() => {
                refused(name, "exists already; it is not overwritten with what was staged for it".to_owned())
            }
            Some(_) => {
                let (from, to) = (self.path.join(staged), self.path.join(name));
                self.files.rename(&from, &to).map_err(|error| Error::io(from, error))?;
                Ok(true)
            }
            None => match found {
                Some(info) if info.len == *bytes => Ok(false),
                Some(info) => refused(name, format!("has {} bytes, but {bytes} were committed", info.len)),
                None => refused(
                    name,
                    format!(
                        "is lost: it was to be committed with this checkpoint, and '{staged}', where its rows were, is gone too"
                    ),
                ),
            },
        }
    }
}

/// Commits the files of one sink.
#[derive(Debug)]
pub(super) struct FileCommitter {
    pub(super) directory: Arc<PartDirectory>,
}

impl Committer for FileCommitter {
    fn commit(&self, entries: &[Vec<u8>]) -> Result<()> {
        let mut renamed = false;
        for entry in entries {
            renamed |= self.directory.commit_one(&Entry::parse(entry)?)?;
        }
        if renamed {
            let path = &self.directory.path;
            self.directory.files.sync_dir(path).map_err(|error| Error::io(path, error))?;
        }
        Ok(())
    }

    fn recover(&self, entries: &[Vec<u8>], owner: SinkOwner) -> Result<()> {
        self.commit(entries)?;
        // The rest waits for the sink's instances, who know from their state what is committed.
        let mut state = self.directory.lock();
        state.clean = false;
        state.owner = owner;
        Ok(())
    }
}
