//! Whether the files of an input are still those that it was begun with.
//!
//! A checkpoint holds the fingerprint of its input in one short text: the files' names and sizes, something of their
//! content, which files they are (device and inode), and when they were last changed. A file that is the same one and was
//! changed since is another input, whatever its size. Another file of the same name, size and content is a copy, and is
//! taken for the one that it was copied from.

use std::hash::Hasher;
use std::io;
use std::sync::Arc;

use super::discover::InputFile;
use crate::types::files::{Files, ReadFile};
use crate::types::{Error, Result};

/// Bytes at either end of a file that count for its content.
const SAMPLE_BYTES: usize = 4_096;
/// Files whose content counts: the first ones.
const SAMPLED_FILES: usize = 64;
/// Stands before what is said of the content; a fingerprint without was written before that was said.
const CONTENT: &str = " content ";
/// Stands before what is said of the files themselves; as above.
const FILES: &str = " files ";

/// Something of the content of each of the first files of an input, as far as it went when the input was put together.
///
/// # Errors
/// When a file can't be read.
pub(super) fn contents(files: &dyn Files, inputs: &[InputFile]) -> Result<Arc<[u64]>> {
    let content = |input: &InputFile| {
        let opened = files.open(&input.path);
        opened.and_then(|mut file| content(&mut *file, input.info.len)).map_err(|error| Error::io(&input.path, error))
    };
    inputs.iter().take(SAMPLED_FILES).map(content).collect()
}

/// Something of the content of the first `len` bytes of `file`.
pub(super) fn content(file: &mut dyn ReadFile, len: u64) -> io::Result<u64> {
    let mut hash = Fnv::new();
    let mut sample = vec![0; SAMPLE_BYTES];
    for offset in [0, len.saturating_sub(SAMPLE_BYTES as u64)] {
        let most = usize::try_from(len - offset).unwrap_or(usize::MAX).min(SAMPLE_BYTES);
        let read = file.read_at(offset, &mut sample[..most])?;
        hash.write(&sample[..read]);
    }
    Ok(hash.finish())
}

/// The [`content`] of a file of no bytes.
pub(super) fn content_of_nothing() -> u64 {
    Fnv::new().finish()
}

/// The fingerprint of an input, given the [`contents`] of its files.
pub(super) fn fingerprint(inputs: &[InputFile], contents: &[u64]) -> String {
    let [mut names, mut content, mut ids, mut times] = [Fnv::new(), Fnv::new(), Fnv::new(), Fnv::new()];
    let mut bytes = 0_u64;
    for file in inputs {
        names.write(file.name.as_bytes());
        names.write(&[0]);
        names.write(&file.info.len.to_le_bytes());
        bytes = bytes.saturating_add(file.info.len);
        let (device, inode) = file.info.id;
        ids.write(&device.to_le_bytes());
        ids.write(&inode.to_le_bytes());
        times.write(&file.info.modified_ns.to_le_bytes());
    }
    for of_file in contents {
        content.write(&of_file.to_le_bytes());
    }
    let name = inputs.first().map_or("", |file| file.name.as_str());
    let more = if inputs.len() > 1 { ", …" } else { "" };
    let [names, content, ids, times] = [names, content, ids, times].map(|hash| format!("{:016x}", hash.finish()));
    format!(
        "{} file(s) of {bytes} bytes ({name}{more}) [{names}]{CONTENT}{content}{FILES}{ids} changed {times}",
        inputs.len()
    )
}

/// Whether an input of fingerprint `now` is the one that had fingerprint `then`.
pub(super) fn is_same(then: &str, now: &str) -> bool {
    fn parts(fingerprint: &str) -> (&str, Option<&str>, Option<(&str, &str)>) {
        let (rest, files) = match fingerprint.rsplit_once(FILES) {
            Some((rest, files)) => (rest, files.split_once(" changed ")),
            None => (fingerprint, None),
        };
        match rest.rsplit_once(CONTENT) {
            Some((names, content)) => (names, Some(content), files),
            None => (rest, None, files),
        }
    }
    let ((names, content, files), (names_now, content_now, files_now)) = (parts(then), parts(now));
    names == names_now
        && content.is_none_or(|content| Some(content) == content_now)
        && match (files, files_now) {
            (Some((ids, times)), Some((ids_now, times_now))) => ids != ids_now || times == times_now,
            _ => true,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_unchanged_or_copied_are_the_same_input() {
        let then = "1 file(s) of 4 bytes (a) [12] content c1 files f1 changed t1";
        let same = |now: &str| is_same(then, &format!("1 file(s) of 4 bytes (a) [12] content {now}"));
        assert!(same("c1 files f1 changed t1"));
        assert!(same("c1 files f2 changed t2"), "a copy");
        assert!(!same("c1 files f1 changed t2"), "patched in place");
        assert!(!same("c2 files f2 changed t1"), "another content");
        assert!(!is_same(then, "1 file(s) of 5 bytes (a) [13] content c1 files f1 changed t1"));
        for earlier in ["1 file(s) of 4 bytes (a) [12]", "1 file(s) of 4 bytes (a) [12] content c1"] {
            assert!(is_same(earlier, then), "written before more was said");
        }
    }
}
