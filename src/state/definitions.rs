//! Definitions as text: what a state directory remembers of the statements that named something.
//!
//! ```text
//! #lotic definitions 1
//! {"kind":"source","name":"bids","directory":"/home/ann/auctions","text":"source bids from file 'bids.csv'"}
//! ```
//!
//! One line each, JSON, oldest first. The file is written anew as a whole and renamed over the old one, under a lock that
//! lasts as long as that: of two processes neither loses what the other has defined, and of one name the last definition
//! counts. Like the manifests of checkpoints, which hold statements too, it holds them as they were typed, secrets with
//! them, and nobody but its owner can read it (mode 0600).

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::directory::{create_private_file, no_link, open_private_file};
use crate::types::{Error, Result};

/// The first line, without the number of the format.
const HEADER: &str = "#lotic definitions ";
/// The format that this build writes, and the greatest that it reads.
const VERSION: u64 = 1;
/// Longer statements are data, not definitions to come back to, bytes.
const LONGEST_BYTES: usize = 256 << 10;
/// A longer file is not ours, bytes.
const FILE_BYTES: u64 = 64 << 20;
/// Looks for a lock that another process holds, one every [`LOOK_MS`].
const LOOKS: u32 = 400;
const LOOK_MS: u64 = 5;

/// One definition as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The word that begins the statement: `source`, …
    pub kind: String,
    /// The name that it gives.
    pub name: String,
    /// Where its relative paths start.
    pub directory: PathBuf,
    /// The statement.
    pub text: String,
}

/// The definitions of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    /// Those that could be read, oldest first, each name once.
    pub all: Vec<Definition>,
    /// What is wrong with the file, if anything is.
    pub damage: Option<String>,
}

/// A file of definitions.
#[derive(Debug, Clone)]
pub struct DefinitionsFile {
    path: PathBuf,
}

impl DefinitionsFile {
    /// The file at `path`, whether or not it exists.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The definitions. None when there is no file. A line that can't be read is passed over and said.
    ///
    /// # Errors
    /// [`Error::State`] when the file is of a later version; [`Error::Io`] when it can't be read;
    /// [`Error::Config`] when it is a symbolic link.
    pub fn load(&self) -> Result<Definitions> {
        no_link(&self.path)?;
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(FILE_BYTES).read_to_end(&mut bytes).map_err(|error| Error::io(&self.path, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Definitions::default()),
            Err(error) => return Err(Error::io(&self.path, error)),
        };
        self.read(&bytes)
    }

    fn read(&self, bytes: &[u8]) -> Result<Definitions> {
        let mut found = Definitions::default();
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let mut bad = 0_usize;
        match std::str::from_utf8(lines.next().unwrap_or_default()).ok().and_then(|line| line.strip_prefix(HEADER)) {
            Some(version) => match version.trim().parse::<u64>() {
                Ok(version) if version > VERSION => {
                    return Err(Error::state(format!(
                        "{} has version {version}; this build of lotic reads versions up to {VERSION}",
                        self.path.display()
                    )));
                }
                Ok(_) => {}
                Err(_) => bad += 1,
            },
            None => bad += 1,
        }
        for line in lines.filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<Definition>(line) {
                Ok(definition) => put(&mut found.all, definition),
                Err(_) => bad += 1,
            }
        }
        // A line that was cut may be a whole one by chance; ours ends.
        bad += usize::from(bad == 0 && bytes.last() != Some(&b'\n'));
        found.damage = (bad > 0).then(|| {
            let lines = if bad == 1 { "a line".to_owned() } else { format!("{bad} lines") };
            format!(
                "{lines} of {} can't be read: what stood there is forgotten, and the file is kept aside",
                self.path.display()
            )
        });
        Ok(found)
    }

    /// Adds a definition, in the place of the one that has its name. Whether that changed anything.
    ///
    /// # Errors
    /// As [`load`](Self::load); [`Error::Config`] when the statement is too long, or another process holds the file for
    /// seconds; [`Error::Io`] when it can't be written.
    pub fn put(&self, definition: &Definition) -> Result<bool> {
        if definition.text.len() > LONGEST_BYTES {
            return Err(Error::config(format!(
                "the {} `{}` has {} bytes; at most {LONGEST_BYTES} are remembered",
                definition.kind,
                definition.name,
                definition.text.len()
            )));
        }
        self.change(|all| {
            let known = all.contains(definition);
            put(all, definition.clone());
            !known
        })
    }

    /// Removes the definition called `name`. Whether there was one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove(&self, name: &str) -> Result<bool> {
        if !self.path.exists() {
            return Ok(false);
        }
        self.change(|all| {
            let before = all.len();
            all.retain(|definition| definition.name != name);
            all.len() < before
        })
    }

    /// Writes these definitions in the place of all there are. For a file that only one process writes.
    ///
    /// # Errors
    /// [`Error::Io`] when it can't be written.
    pub fn replace(&self, all: &[Definition]) -> Result<()> {
        let mut text = format!("{HEADER}{VERSION}\n");
        for definition in all {
            text.push_str(&serde_json::to_string(definition).map_err(Error::state)?);
            text.push('\n');
        }
        let beside = beside(&self.path, "new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io(beside, error)),
            Ok(()) | Err(_) => {}
        }
        let mut new = create_private_file(&beside)?;
        new.write_all(text.as_bytes()).and_then(|()| new.sync_data()).map_err(|error| Error::io(&beside, error))?;
        fs::rename(&beside, &self.path).map_err(|error| Error::io(&self.path, error))
    }

    /// Reads the file, changes what it holds and writes it, unless nothing has changed, while no other process does.
    fn change(&self, change: impl FnOnce(&mut Vec<Definition>) -> bool) -> Result<bool> {
        let _locked = self.lock()?;
        let mut found = self.load()?;
        if !change(&mut found.all) {
            return Ok(false);
        }
        if found.damage.is_some() {
            self.set_aside()?;
        }
        self.replace(&found.all)?;
        Ok(true)
    }

    /// Gives a damaged file another name as well, so that nothing in it is lost when a new one takes its own.
    fn set_aside(&self) -> Result<()> {
        for number in 1..=u32::MAX {
            let aside = beside(&self.path, &format!("damaged.{number}"));
            match fs::hard_link(&self.path, &aside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map_err(|error| Error::io(aside, error)),
            }
        }
        Ok(())
    }

    /// The lock of those who write.
    fn lock(&self) -> Result<File> {
        let path = beside(&self.path, "lock");
        let file = open_private_file(&path)?;
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => thread::park_timeout(Duration::from_millis(LOOK_MS)),
                Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
            }
        }
        Err(Error::config(format!("{} is in use by another process", path.display())))
    }
}

/// Adds `definition`, as the newest, and takes the one of its name away.
fn put(all: &mut Vec<Definition>, definition: Definition) {
    all.retain(|earlier| earlier.name != definition.name);
    all.push(definition);
}

/// `path` with `.extension` behind it.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, DefinitionsFile) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = DefinitionsFile::new(directory.path().join("definitions"));
        (directory, file)
    }

    fn source(name: &str, text: &str) -> Definition {
        Definition { kind: "source".into(), name: name.into(), directory: "/somewhere".into(), text: text.into() }
    }

    fn names(file: &DefinitionsFile) -> Vec<String> {
        file.load().expect("read").all.into_iter().map(|definition| definition.name).collect()
    }

    #[test]
    fn of_one_name_the_last_definition_counts_and_what_is_removed_is_gone() {
        let (_directory, file) = file();
        assert_eq!(file.load().expect("nothing there"), Definitions::default());
        assert!(file.put(&source("a", "1")).expect("written") && file.put(&source("b", "1")).expect("written"));
        assert!(file.put(&source("a", "2")).expect("written"));
        assert!(!file.put(&source("a", "2")).expect("nothing new"));
        assert_eq!(file.load().expect("read").all, [source("b", "1"), source("a", "2")]);
        assert!(file.remove("a").expect("removed") && !file.remove("a").expect("gone before"));
        assert_eq!(names(&file), ["b"]);
    }

    #[test]
    fn any_name_and_text_comes_back_as_it_was() {
        let (_directory, file) = file();
        let hostile = [
            "line\nbreak",
            "cr\r\nlf",
            "\u{1b}]0;title\u{7}",
            "it's \"quoted\" \\ `so`",
            "\u{202e}txt",
            "\0",
            "{\"kind\":1}",
            "#lotic definitions 9",
            "",
            "ärger 字",
        ];
        for text in hostile {
            file.put(&source(text, &format!("source `{text}` from values"))).expect("written");
        }
        assert_eq!(names(&file), hostile);
        let written = fs::read(&file.path).expect("a file");
        assert_eq!(memchr::memchr_iter(b'\n', &written).count(), hostile.len() + 1);
        assert!(!written.iter().any(|byte| *byte < b' ' && *byte != b'\n'), "nothing in it drives a terminal");
        let long = source("long", &"x".repeat(LONGEST_BYTES + 1));
        assert!(file.put(&long).expect_err("refused").to_string().contains("at most 262144 are remembered"));
        assert_eq!(names(&file), hostile);
    }

    #[test]
    fn of_a_damaged_file_what_can_be_read_is_used_and_all_of_it_is_kept_aside() {
        let whole = {
            let (_directory, file) = file();
            file.put(&source("a", "1")).expect("written");
            file.put(&source("b", "1")).expect("written");
            fs::read(&file.path).expect("a file")
        };
        for cut in 1..whole.len() {
            let (_directory, file) = file();
            fs::write(&file.path, &whole[..cut]).expect("written");
            let found = file.load().expect("read");
            // A file that ends with a line end is whole.
            assert_eq!(found.damage.is_none(), whole[cut - 1] == b'\n', "cut at {cut}: {found:?}");
        }
        for garbage in [&b"\x00\xff\xfe garbage\n"[..], b"garbage", b"#lotic definitions x\n{\"kind\":\"source\"}\n"] {
            let (_directory, file) = file();
            let bytes = [garbage, &b"\n"[..], &whole[HEADER.len() + 2..]].concat();
            fs::write(&file.path, &bytes).expect("written");
            let found = file.load().expect("read");
            assert_eq!(found.all.len(), 2);
            assert!(found.damage.is_some_and(|damage| damage.contains("can't be read")), "said");
            assert_eq!(fs::read(&file.path).expect("untouched"), bytes, "reading changes nothing");
            file.put(&source("c", "1")).expect("written");
            assert_eq!(names(&file), ["a", "b", "c"]);
            assert_eq!(file.load().expect("read").damage, None);
            assert_eq!(fs::read(beside(&file.path, "damaged.1")).expect("kept aside"), bytes);
        }
    }

    #[test]
    fn a_later_version_is_neither_read_nor_changed() {
        let (_directory, file) = file();
        let later = "#lotic definitions 2\nwho knows\n";
        fs::write(&file.path, later).expect("written");
        for error in [file.load().expect_err("later"), file.put(&source("a", "1")).expect_err("later")] {
            assert!(error.to_string().contains("has version 2; this build of lotic reads versions up to 1"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file.path).expect("there"), later);
    }

    #[test]
    fn of_several_writers_none_loses_a_definition() {
        let (_directory, file) = file();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let file = file.clone();
                thread::spawn(move || {
                    for number in 0..20 {
                        file.put(&source(&format!("{writer}_{number}"), "1")).expect("written");
                        file.put(&source("last", &format!("{writer}"))).expect("written");
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("no panic");
        }
        assert_eq!(names(&file).len(), 81);
    }

    #[cfg(unix)]
    #[test]
    fn the_files_are_private_and_no_link_is_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let (directory, file) = file();
        file.put(&source("a", "with (password = 'hunter2')")).expect("written");
        for path in [file.path.clone(), beside(&file.path, "lock")] {
            assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        let mine = directory.path().join("mine");
        fs::rename(&file.path, &mine).expect("renamed");
        symlink(&mine, &file.path).expect("linked");
        assert!(file.load().expect_err("a link").to_string().contains("is a symbolic link"));
        assert!(file.put(&source("b", "1")).is_err());
    }
}
