//! The files of an input.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stream::{ByteStream, Compression, CompressionChoice};
use crate::types::files::{FileInfo, FileKind, Files};
use crate::types::io_reason;

/// The path that means standard input.
pub(super) const STDIN: &str = "/dev/stdin";

/// One file of an input.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    /// The path of the file.
    pub(super) path: PathBuf,
    /// The name of the file in errors: relative where it was typed so.
    pub(super) name: String,
    /// Size, identity and time of the file when it was found.
    pub(super) info: FileInfo,
    pub(super) compression: Option<Compression>,
}

impl InputFile {
    /// The file's extension, without that of its compression, in lower case.
    pub(super) fn extension(&self) -> Option<String> {
        let path = match extension(&self.path).as_deref().and_then(Compression::of_extension) {
            Some(_) => self.path.with_extension(""),
            None => self.path.clone(),
        };
        extension(&path)
    }

    /// Opens the file at `offset`.
    pub(super) fn open(&self, files: &dyn Files, offset: u64) -> std::io::Result<ByteStream> {
        Ok(ByteStream::new(files.open(&self.path)?, self.compression, offset))
    }

    /// Up to `most` bytes of the file's content from the beginning, and whether that is all of it.
    pub(super) fn sample(&self, files: &dyn Files, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
        let mut sample = Vec::new();
        self.open(files, 0)?.take(most).read_to_end(&mut sample)?;
        let all = u64::try_from(sample.len()).is_ok_and(|len| len < most);
        Ok((sample, all))
    }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase())
}

/// The path of a source, as typed.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) text: String,
    pub(super) base_dir: PathBuf,
    pub(super) compression: CompressionChoice,
}

/// The files that `target` names, sorted by name: a file, the data files of a directory, or the matches of a glob.
///
/// # Errors
/// A message for people when there is none, or one is no regular file.
pub(super) fn discover(files: &dyn Files, target: &Target) -> Result<Arc<[InputFile]>, String> {
    let text = &target.text;
    if text.is_empty() {
        return Err("the path is empty".to_owned());
    }
    if text.contains('\0') {
        return Err("a path can't hold a NUL character".to_owned());
    }
    let path = target.base_dir.join(text);
    // A name that holds a `*` or `[` itself means itself where it exists.
    let found = match files.metadata(&path) {
        Ok(info) if info.kind == FileKind::Directory => in_directory(files, &path, text)?,
        Ok(info) => vec![regular(path, text.clone(), info)?],
        Err(_) if text.contains(['*', '?', '[']) => matching(files, target)?,
        Err(error) => return Err(format!("can't read '{text}': {}", io_reason(&error))),
    };
    let compressed = |file: (PathBuf, String, FileInfo)| {
        let (path, name, info) = file;
        let compression = match target.compression {
            CompressionChoice::ByExtension if target.text == STDIN => by_beginning(files, &path),
            CompressionChoice::ByExtension => extension(&path).as_deref().and_then(Compression::of_extension),
            CompressionChoice::Fixed(compression) => compression,
        };
        InputFile { path, name, info, compression }
    };
    Ok(found.into_iter().map(compressed).collect())
}

/// The compression that the first bytes of a file tell, of one whose name tells nothing; what can't be read is told later.
fn by_beginning(files: &dyn Files, path: &Path) -> Option<Compression> {
    let mut first = [0; 4];
    let read = files.open(path).and_then(|mut file| file.read_at(0, &mut first)).ok()?;
    Compression::of_beginning(&first[..read])
}

type Found = (PathBuf, String, FileInfo);

fn regular(path: PathBuf, name: String, info: FileInfo) -> Result<Found, String> {
    match info.kind {
        FileKind::File => Ok((path, name, info)),
        FileKind::Directory => Err(format!("'{name}' is a directory")),
        FileKind::Link | FileKind::Pipe | FileKind::Special => {
            Err(format!("'{name}' is a pipe, socket or device, not a regular file"))
        }
    }
}

/// The regular files of a directory but those whose names begin with `.` or `_`, as in Flink: what is staged there, and
/// marks, are no data.
fn in_directory(files: &dyn Files, directory: &Path, text: &str) -> Result<Vec<Found>, String> {
    let names = files.list(directory).map_err(|error| format!("can't list '{text}': {}", io_reason(&error)))?;
    let mut found = Vec::new();
    for name in names {
        let shown = name.to_string_lossy();
        if shown.starts_with(['.', '_']) {
            continue;
        }
        let shown = format!("{}/{shown}", text.trim_end_matches('/'));
        let path = directory.join(&name);
        let info = files.metadata(&path).map_err(|error| format!("can't read '{shown}': {}", io_reason(&error)))?;
        if info.kind != FileKind::Directory {
            found.push(regular(path, shown, info)?);
        }
    }
    if found.is_empty() { Err(format!("the directory '{text}' holds no data files")) } else { Ok(found) }
}

fn matching(files: &dyn Files, target: &Target) -> Result<Vec<Found>, String> {
    let text = &target.text;
    let pattern = if Path::new(text).is_absolute() {
        text.clone()
    } else {
        format!("{}/{text}", glob::Pattern::escape(&target.base_dir.to_string_lossy()))
    };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let paths =
        glob::glob_with(&pattern, options).map_err(|error| format!("'{text}' is not a pattern: {}", error.msg))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| format!("can't read a match of '{text}': {}", io_reason(error.error())))?;
        let name = path.strip_prefix(&target.base_dir).unwrap_or(&path).to_string_lossy().into_owned();
        let info = files.metadata(&path).map_err(|error| format!("can't read '{name}': {}", io_reason(&error)))?;
        if info.kind != FileKind::Directory {
            found.push(regular(path, name, info)?);
        }
    }
    found.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    if found.is_empty() { Err(format!("no file matches '{text}'")) } else { Ok(found) }
}
