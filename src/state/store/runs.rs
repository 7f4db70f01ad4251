//! The places of a job's database and of those of its earlier runs.
//!
//! ```text
//! state.redb             the job's state: the newest run that took a checkpoint or was started from a savepoint
//! state.redb.new         the next one, until it is complete
//! state.redb.earlier     the one before, on its way from the first name to a place in runs/
//! runs/<n>/state.redb    those before, the newest of them
//! ```
//!
//! A complete database gets the first name by one rename over the earlier one, which has got a second name before that: at
//! every moment the first name is that of a whole database, the earlier or the new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::state::directory::{create_private_directory, rename_durably, sync_directory};
use crate::types::{Error, Result};

/// The name of a job's database in its directory.
pub(super) const FILE: &str = "state.redb";
/// The database's name until it is complete.
pub(super) const UNFINISHED: &str = "state.redb.new";
/// The second name of the database that gives way.
const EARLIER: &str = "state.redb.earlier";
/// The directory where databases of earlier runs are kept.
const RUNS: &str = "runs";
/// The number of earlier runs whose databases are kept.
const RUNS_KEPT: usize = 3;

/// Makes the complete and durable `state.redb.new` the job's database, in one durable step.
///
/// # Errors
/// When that fails at any point: then the job's database is the earlier one, or none, as before.
pub(super) fn switch(directory: &Path) -> Result<()> {
    let path = directory.join(FILE);
    let earlier = name_earlier(directory)?;
    let renamed = fs::rename(directory.join(UNFINISHED), &path).map_err(|error| Error::io(&path, error));
    if let Err(error) = renamed.and_then(|()| sync_directory(directory)) {
        // Nobody must find a database whose first checkpoint is held to have failed. What fails here once more is told by
        // the error that is on its way.
        if earlier {
            let _ = fs::rename(directory.join(EARLIER), &path);
            let _ = fs::remove_file(directory.join(EARLIER));
        } else {
            let _ = fs::remove_file(&path);
        }
        let _ = sync_directory(directory);
        return Err(error);
    }
    if earlier {
        // The switch is done. What fails now is done at the next start.
        let _ = keep_earlier(directory);
    }
    Ok(())
}

/// Removes what a run that was killed has left half done in the job's directory, which nobody else uses now: an
/// incomplete database, and names on their way.
///
/// # Errors
/// When a file can't be moved or removed.
pub(super) fn tidy(directory: &Path) -> Result<()> {
    remove_file(&directory.join(UNFINISHED))?;
    let runs = directory.join(RUNS);
    for run in kept(&runs)? {
        let run = runs.join(run.to_string());
        if !exists(&run.join(FILE))? {
            fs::remove_dir_all(&run).map_err(|error| Error::io(run, error))?;
        }
    }
    settle_earlier(directory)?;
    forget(&runs)
}

/// Gives the job's database a second name. Whether there is one.
fn name_earlier(directory: &Path) -> Result<bool> {
    let (path, earlier) = (directory.join(FILE), directory.join(EARLIER));
    if !exists(&path)? {
        return Ok(false);
    }
    settle_earlier(directory)?;
    // Some file systems know no second names.
    let named = fs::hard_link(&path, &earlier).or_else(|_| {
        fs::copy(&path, &earlier).and_then(|_| File::open(&earlier)?.sync_all()).inspect_err(|_| {
            let _ = fs::remove_file(&earlier);
        })
    });
    named.map_err(|error| Error::io(earlier, error))?;
    Ok(true)
}

/// Ends a switch that was cut short: undoes it before its rename, does the rest behind that.
fn settle_earlier(directory: &Path) -> Result<()> {
    let (path, earlier) = (directory.join(FILE), directory.join(EARLIER));
    if !exists(&earlier)? {
        return Ok(());
    }
    if same_file(&path, &earlier) { remove_file(&earlier) } else { keep_earlier(directory) }
}

/// Moves the database that has given way to the newest place in `runs`.
fn keep_earlier(directory: &Path) -> Result<()> {
    let runs = directory.join(RUNS);
    create_private_directory(&runs)?;
    let run = runs.join(kept(&runs)?.last().map_or(1, |last| last + 1).to_string());
    create_private_directory(&run)?;
    rename_durably(&directory.join(EARLIER), &run.join(FILE))?;
    forget(&runs)
}

/// Removes the oldest runs but for [`RUNS_KEPT`].
fn forget(runs: &Path) -> Result<()> {
    let kept = kept(runs)?;
    for run in &kept[..kept.len().saturating_sub(RUNS_KEPT)] {
        let run = runs.join(run.to_string());
        fs::remove_dir_all(&run).map_err(|error| Error::io(run, error))?;
    }
    Ok(())
}

/// The numbers in `runs`, ascending.
fn kept(runs: &Path) -> Result<Vec<u64>> {
    let entries = match fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(runs, error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| Error::io(runs, error))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn exists(path: &PathBuf) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io(path, error)),
    }
}

#[cfg(unix)]
fn same_file(left: &Path, right: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(left).is_some_and(|left| identity(right) == Some(left))
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> bool {
    false
}

pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}
