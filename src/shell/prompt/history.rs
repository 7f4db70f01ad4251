//! The history file: one entry a line, `\n` and `\\` escaped, under a first line that names the format (the one of
//! rustyline's own history files).
//!
//! Every entry is appended as it is entered, under a lock, so that nothing is lost with the shell and several shells
//! share one file. When the file has grown to twice the entries that are kept it is written anew, without the older of
//! equal entries, beside the old one and renamed over it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::state::create_private_directory;
use crate::types::{Result, printable};

/// Entries that are kept.
pub(super) const ENTRIES: usize = 2_000;
/// Longer entries are pasted data, not statements to come back to.
const LONGEST_BYTES: usize = 64 * 1_024;
/// A longer file is not ours, or damaged: only its end is read.
const FILE_BYTES: u64 = 64 * 1_024 * 1_024;
const FORMAT: &str = "#V2";
/// Begins the line of an entry that failed: no escaped text begins so.
const FAILED: &str = "\\-";

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The statement.
    pub(super) text: String,
    /// Whether it failed when it was last run.
    pub(super) failed: bool,
}

/// The history on disk.
#[derive(Debug)]
pub(super) struct HistoryFile {
    path: PathBuf,
}

impl HistoryFile {
    /// The history in `path`; its directory is made, mode 0700, if it is missing.
    ///
    /// # Errors
    /// When the directory can't be made.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        if let Some(directory) = path.parent() {
            create_private_directory(directory)?;
        }
        Ok(Self { path })
    }

    /// The entries, oldest first, each once, where it was entered last.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    pub(super) fn load(&self) -> io::Result<Vec<Entry>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.lock_shared()?;
        let lines = lines_of(&file)?;
        drop(file);
        let entries = distinct(&lines);
        if lines.len() > 2 * ENTRIES {
            self.shorten()?;
        }
        Ok(entries)
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn append(&self, entry: &str) -> io::Result<()> {
        self.append_line(entry, "")
    }

    /// Says that an entry failed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn append_failed(&self, entry: &str) -> io::Result<()> {
        self.append_line(entry, FAILED)
    }

    fn append_line(&self, entry: &str, mark: &str) -> io::Result<()> {
        if entry.len() > LONGEST_BYTES || entry.trim().is_empty() {
            return Ok(());
        }
        let mut file = self.locked()?;
        let mut text = String::new();
        if file.metadata()?.len() == 0 {
            text.push_str(FORMAT);
            text.push('\n');
        }
        text.extend([mark, &escaped(entry), "\n"]);
        file.write_all(text.as_bytes())
    }

    /// The file, made if it is missing, locked, and still the one of that name: another shell may have put a shorter one
    /// in its place while the lock was waited for.
    fn locked(&self) -> io::Result<File> {
        loop {
            let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
            file.lock()?;
            let (ours, named) = (file.metadata()?, fs::metadata(&self.path));
            if named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
                // A file that somebody else made may be readable by all.
                if ours.mode() & 0o077 != 0 {
                    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
                }
                return Ok(file);
            }
        }
    }

    /// Writes the file anew with what is kept.
    fn shorten(&self) -> io::Result<()> {
        let file = self.locked()?;
        let entries = distinct(&lines_of(&file)?);
        let mut text = format!("{FORMAT}\n");
        for entry in &entries {
            let mark = if entry.failed { FAILED } else { "" };
            text.extend([mark, &escaped(&entry.text), "\n"]);
        }
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        new.write_all(text.as_bytes())?;
        fs::rename(&beside, &self.path)
    }
}

/// The lines of the file as they stand in it; what is not UTF-8 is left out.
fn lines_of(mut file: &File) -> io::Result<Vec<String>> {
    use std::io::Seek;
    let length = file.metadata()?.len();
    file.seek(io::SeekFrom::Start(length.saturating_sub(FILE_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES).read_to_end(&mut bytes)?;
    let lines = bytes.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    Ok(lines.filter(|line| !line.is_empty() && *line != FORMAT).map(str::to_owned).collect())
}

/// The entries of these lines that are kept: the last of equal ones, none that could drive a terminal.
fn distinct(lines: &[String]) -> Vec<Entry> {
    let mut seen = HashSet::new();
    let mut entries: Vec<Entry> = Vec::new();
    for line in lines.iter().rev() {
        let (line, failed) = line.strip_prefix(FAILED).map_or((line.as_str(), false), |line| (line, true));
        let text = unescaped(line);
        let drives = text.lines().any(|line| printable(line) != line);
        if text.len() <= LONGEST_BYTES && !drives && entries.len() < ENTRIES && seen.insert(text.clone()) {
            entries.push(Entry { text, failed });
        }
    }
    entries.reverse();
    entries
}

fn escaped(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "")
}

fn unescaped(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => entry.push('\n'),
                Some(other) => entry.push(other),
                None => {}
            },
            c => entry.push(c),
        }
    }
    entry
}

/// The directory of the history, for messages.
impl HistoryFile {
    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn history(directory: &tempfile::TempDir) -> HistoryFile {
        HistoryFile::open(directory.path().join("state/lotic/history")).expect("a directory")
    }

    /// The texts of the entries.
    fn texts(file: &HistoryFile) -> Vec<String> {
        file.load().expect("read").into_iter().map(|entry| entry.text).collect()
    }

    #[test]
    fn whether_an_entry_failed_is_what_came_of_it_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = history(&directory);
        for entry in ["bids | fliter x", "\\d bids", "mended"] {
            file.append(entry).expect("appended");
        }
        for entry in ["bids | fliter x", "mended"] {
            file.append_failed(entry).expect("appended");
        }
        file.append("mended").expect("appended");
        let kept = |file: &HistoryFile| -> Vec<(String, bool)> {
            file.load().expect("read").into_iter().map(|entry| (entry.text, entry.failed)).collect()
        };
        let expected = [("\\d bids", false), ("bids | fliter x", true), ("mended", false)]
            .map(|(text, failed)| (text.to_owned(), failed));
        assert_eq!(kept(&file), expected);
        file.shorten().expect("written anew");
        assert_eq!(kept(&file), expected);
    }

    #[test]
    fn entries_survive_with_their_lines_and_the_file_is_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = history(&directory);
        let entries = ["bids | limit 5", "run hot = bids\n  | key_by auction\n  | into print;", "\\d bids", "a \\n b"];
        for entry in entries {
            file.append(entry).expect("appended");
        }
        assert_eq!(texts(&history(&directory)), entries);
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(file.path().parent().expect("a directory")), 0o700);
    }

    #[test]
    fn of_equal_entries_the_last_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = history(&directory);
        for entry in ["a", "b", "a", "c", "  "] {
            file.append(entry).expect("appended");
        }
        assert_eq!(texts(&file), ["b", "a", "c"]);
    }

    #[test]
    fn a_long_history_is_cut_to_the_newest() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = history(&directory);
        let lines: String =
            (0..5 * ENTRIES).flat_map(|number| ["entry ".to_owned(), number.to_string(), "\n".to_owned()]).collect();
        fs::write(file.path(), format!("{FORMAT}\n{lines}")).expect("written");
        let entries = texts(&file);
        assert_eq!(entries.len(), ENTRIES);
        assert_eq!(entries.last().map(String::as_str), Some("entry 9999"));
        let lines = fs::read_to_string(file.path()).expect("text").lines().count();
        assert_eq!(lines, ENTRIES + 1);
        file.append(&"x".repeat(LONGEST_BYTES + 1)).expect("left out");
        assert_eq!(texts(&file), entries);
    }

    #[test]
    fn two_shells_keep_both_histories() {
        let directory = tempfile::tempdir().expect("a directory");
        let threads: Vec<_> = (0..4)
            .map(|shell| {
                let file = history(&directory);
                std::thread::spawn(move || {
                    for number in 0..50 {
                        file.append(&format!("{shell} {number}")).expect("appended");
                        if number == 25 {
                            file.shorten().expect("written anew");
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        let entries: HashSet<String> = texts(&history(&directory)).into_iter().collect();
        assert_eq!(entries.len(), 200);
    }

    #[test]
    fn a_damaged_history_drives_no_terminal_and_loses_only_what_is_damaged() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = history(&directory);
        fs::write(file.path(), b"#V2\ngood\n\x1b]0;x\x07\n\xff\xfe\nalso good\n").expect("written");
        assert_eq!(texts(&file), ["good", "also good"]);
    }
}
