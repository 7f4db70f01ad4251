//! The names of a sink's files.
//!
//! ```text
//! .run-3                               this number is taken; locked while its run lives; says whose run it is
//! .part-3-0-7.ndjson.inprogress        run 3, subtask 0, its file number 7: being written, in no checkpoint
//! .part-3-0-7.ndjson.pending           the same, closed: a checkpoint may list it
//! part-3-0-12.ndjson                   run 3, subtask 0, committed with checkpoint 12
//! part-3-0-12-2.ndjson                 where the name before was taken already
//! ```

use std::ffi::OsString;
use std::fmt;

/// The beginning of a mark that names its owner.
const OWNER: &str = "job ";

/// A file of ours that is not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) run: u64,
    pub(super) subtask: u64,
    pub(super) number: u64,
    pub(super) extension: &'static str,
    pub(super) stage: Stage,
}

/// The stage of a file that has no final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    InProgress,
    Pending,
}

impl fmt::Display for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, subtask, number, extension, stage } = self;
        let stage = match stage {
            Stage::InProgress => "inprogress",
            Stage::Pending => "pending",
        };
        write!(f, ".part-{run}-{subtask}-{number}.{extension}.{stage}")
    }
}

/// The name that marks `run` as taken.
pub(super) fn run_mark(run: u64) -> String {
    format!(".run-{run}")
}

/// The text of a mark: the owner of its run.
pub(super) fn mark_of(owner: Option<u64>) -> String {
    owner.map_or_else(String::new, |owner| format!("{OWNER}{owner:016x}\n"))
}

/// The owner that a mark of this content names.
pub(super) fn owner_in(mark: &[u8]) -> Option<u64> {
    let owner = std::str::from_utf8(mark).ok()?.strip_prefix(OWNER)?.strip_suffix('\n')?;
    u64::from_str_radix(owner, 16).ok()
}

/// The final name of subtask `subtask`'s rows of `checkpoint`; `again` counts names that were taken.
pub(super) fn committed(run: u64, subtask: u64, checkpoint: u64, again: u64, extension: &str) -> String {
    match again {
        0 => format!("part-{run}-{subtask}-{checkpoint}.{extension}"),
        again => format!("part-{run}-{subtask}-{checkpoint}-{}.{extension}", again + 1),
    }
}

/// The run that a name of ours belongs to, whatever kind of name it is.
pub(super) fn run_of(name: &OsString) -> Option<u64> {
    let name = name.to_str()?;
    if let Some(run) = name.strip_prefix(".run-") {
        return number(run);
    }
    let numbers = name.strip_prefix('.').unwrap_or(name).strip_prefix("part-")?;
    number(numbers.split_once('-')?.0)
}

/// The run and stage of a staged file's name; `None` for any other name.
pub(super) fn staged(name: &str) -> Option<(u64, Stage)> {
    let (name, stage) = name.strip_prefix(".part-")?.rsplit_once('.')?;
    let stage = match stage {
        "inprogress" => Stage::InProgress,
        "pending" => Stage::Pending,
        _ => return None,
    };
    let (numbers, extension) = name.split_once('.')?;
    let mut numbers = numbers.split('-').map(number);
    match (numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()) {
        (run, _, _, None) if is_extension(extension) => Some((run, stage)),
        _ => None,
    }
}

/// The run whose mark `name` is.
pub(super) fn marked_run(name: &OsString) -> Option<u64> {
    number(name.to_str()?.strip_prefix(".run-")?)
}

/// Whether `name` is one that [`committed`] gives: what a checkpoint tells us to rename stays in the directory.
pub(super) fn is_committed(name: &str) -> bool {
    let Some((numbers, extension)) = name.strip_prefix("part-").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let numbers: Vec<_> = numbers.split('-').map(number).collect();
    (3..=4).contains(&numbers.len()) && numbers.iter().all(Option::is_some) && is_extension(extension)
}

fn is_extension(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Digits alone: `parse` would take a sign.
fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is_ours() {
        for (stage, shown) in [(Stage::InProgress, "inprogress"), (Stage::Pending, "pending")] {
            let name = Staged { run: 3, subtask: 0, number: 7, extension: "ndjson", stage }.to_string();
            assert_eq!(name, format!(".part-3-0-7.ndjson.{shown}"));
            assert_eq!(staged(&name), Some((3, stage)));
        }
        assert_eq!(run_of(&run_mark(9).into()), Some(9));
        assert_eq!(run_of(&committed(4, 1, 12, 1, "csv").into()), Some(4));
        assert!(is_committed("part-3-0-12.ndjson") && is_committed("part-3-0-12-2.csv"));
        for foreign in [
            ".part-3-0.ndjson.inprogress",
            ".part-3-0-7.../x.inprogress",
            ".part-+3-0-7.csv.inprogress",
            "part-3-0-7.csv.inprogress",
            ".part-3-0-7-9.csv.inprogress",
        ] {
            assert_eq!(staged(foreign), None, "{foreign}");
        }
        for foreign in ["part-1-2.csv", "part-1-2-3./../x", "../part-1-2-3.csv", "part-1-2-3", "part-1-2-3.a/b"] {
            assert!(!is_committed(foreign), "{foreign}");
        }
    }
}
