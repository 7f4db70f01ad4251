//! Which files an input consists of.

use std::hash::Hasher;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stream::{ByteStream, Compression, CompressionChoice};
use crate::connectors::dealer::CONTENT;
use crate::types::files::{FileInfo, FileKind, Files};
use crate::types::{Error, Result};

/// One file of an input.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// As it is named in errors: relative where it was typed so.
    pub(super) name: String,
    /// What it was when it was found.
    pub(super) info: FileInfo,
    pub(super) compression: Option<Compression>,
}

impl InputFile {
    /// Its extension, without that of its compression, in lower case.
    pub(super) fn extension(&self) -> Option<String> {
        let path = match extension(&self.path).as_deref().and_then(Compression::of_extension) {
            Some(_) => self.path.with_extension(""),
            None => self.path.clone(),
        };
        extension(&path)
    }

    /// Opens it at `offset`.
    pub(super) fn open(&self, files: &dyn Files, offset: u64) -> std::io::Result<ByteStream> {
        Ok(ByteStream::new(files.open(&self.path)?, self.compression, offset))
    }

    /// Up to `most` bytes of its content from the beginning, and whether that is all of it.
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

/// How a source's path was typed.
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
        Err(error) => return Err(format!("can't read '{text}': {error}")),
    };
    let compressed = |file: (PathBuf, String, FileInfo)| {
        let (path, name, info) = file;
        let compression = match target.compression {
            CompressionChoice::ByExtension => extension(&path).as_deref().and_then(Compression::of_extension),
            CompressionChoice::Fixed(compression) => compression,
        };
        InputFile { path, name, info, compression }
    };
    Ok(found.into_iter().map(compressed).collect())
}

type Found = (PathBuf, String, FileInfo);

fn regular(path: PathBuf, name: String, info: FileInfo) -> Result<Found, String> {
    match info.kind {
        FileKind::File => Ok((path, name, info)),
        FileKind::Directory => Err(format!("'{name}' is a directory")),
        FileKind::Link | FileKind::Special => {
            Err(format!("'{name}' is not a regular file but a pipe, socket or device, which can't be read in splits"))
        }
    }
}

/// The regular files of a directory but those whose names begin with `.` or `_`, as in Flink: what is staged there, and
/// marks, are no data.
fn in_directory(files: &dyn Files, directory: &Path, text: &str) -> Result<Vec<Found>, String> {
    let names = files.list(directory).map_err(|error| format!("can't list '{text}': {error}"))?;
    let mut found = Vec::new();
    for name in names {
        let shown = name.to_string_lossy();
        if shown.starts_with(['.', '_']) {
            continue;
        }
        let shown = format!("{}/{shown}", text.trim_end_matches('/'));
        let path = directory.join(&name);
        let info = files.metadata(&path).map_err(|error| format!("can't read '{shown}': {error}"))?;
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
    let paths = glob::glob_with(&pattern, options).map_err(|error| format!("'{text}' is no pattern: {}", error.msg))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| format!("can't read a match of '{text}': {error}"))?;
        let name = path.strip_prefix(&target.base_dir).unwrap_or(&path).to_string_lossy().into_owned();
        let info = files.metadata(&path).map_err(|error| format!("can't read '{name}': {error}"))?;
        if info.kind != FileKind::Directory {
            found.push(regular(path, name, info)?);
        }
    }
    found.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    if found.is_empty() { Err(format!("no file matches '{text}'")) } else { Ok(found) }
}

/// Bytes at either end of a file that its fingerprint takes in.
const SAMPLE_BYTES: usize = 4_096;
/// Files of whose content the fingerprint takes something in: the first ones.
const SAMPLED_FILES: usize = 64;

/// Names and sizes of the files, and something of their content, in one short text: a position in other files is refused.
///
/// # Errors
/// When a file can't be read.
pub(super) fn fingerprint(files: &dyn Files, inputs: &[InputFile]) -> Result<String> {
    let mut hash = Fnv::new();
    let mut bytes = 0_u64;
    for file in inputs {
        hash.write(file.name.as_bytes());
        hash.write(&[0]);
        hash.write(&file.info.len.to_le_bytes());
        bytes = bytes.saturating_add(file.info.len);
    }
    let mut content = Fnv::new();
    let mut sample = vec![0; SAMPLE_BYTES];
    for file in inputs.iter().take(SAMPLED_FILES) {
        let mut read = || -> io::Result<()> {
            let mut opened = files.open(&file.path)?;
            for offset in [0, file.info.len.saturating_sub(SAMPLE_BYTES as u64)] {
                let most = usize::try_from(file.info.len - offset).unwrap_or(usize::MAX).min(SAMPLE_BYTES);
                let read = opened.read_at(offset, &mut sample[..most])?;
                content.write(&sample[..read]);
            }
            Ok(())
        };
        read().map_err(|error| Error::io(&file.path, error))?;
    }
    let name = inputs.first().map_or("", |file| file.name.as_str());
    let more = if inputs.len() > 1 { ", …" } else { "" };
    Ok(format!(
        "{} file(s) of {bytes} bytes ({name}{more}) [{:016x}]{CONTENT}{:016x}",
        inputs.len(),
        hash.finish(),
        content.finish()
    ))
}

/// FNV-1a, 64 bits: stored, so it must never change, which the standard hasher does not promise.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
