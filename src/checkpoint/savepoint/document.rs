//! `manifest.json`: what the savepoint is of, and its files with their sizes and checksums.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::manifest::{Manifest, check_version};
use crate::state::{Checksum, DescriptorDoc};
use crate::types::{Error, OperatorUid, Result};

/// The version that this build writes, and the greatest that it reads.
pub(super) const VERSION: u32 = 2;
/// The document's name in the directory.
pub(super) const DOCUMENT: &str = "manifest.json";
/// The name of the file of what belongs to operator instances.
pub(super) const ENTRIES: &str = "operator-state.parquet";

/// A savepoint's `manifest.json`. A field `checksum` over all others is added when it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    /// The version of the directory's form; 1 or 2: what differs stands in its descriptors and manifest.
    pub(super) version: u32,
    /// The manifest of the job and checkpoint.
    pub(super) manifest: Manifest,
    /// The operators that have state.
    pub(super) operators: Vec<OperatorDocument>,
    /// Operator entries and outputs to be committed.
    pub(super) operator_state: FileDocument,
}

/// The state of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OperatorDocument {
    pub(super) uid: OperatorUid,
    pub(super) states: Vec<StateDocument>,
}

/// One keyed state. The file's columns are `key_group`, `namespace`, then the state's own, in this order whatever they
/// are called there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateDocument {
    pub(super) state: DescriptorDoc,
    pub(super) file: FileDocument,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileDocument {
    /// Relative to the directory, parts separated by `/`.
    pub(super) path: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) checksum: String,
}

impl FileDocument {
    /// The place of the file.
    ///
    /// # Errors
    /// When the path leads out of the directory: then it is not one that a savepoint was written with.
    pub(super) fn place(&self, directory: &Path) -> Result<PathBuf> {
        let path = Path::new(&self.path);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if inside && path.components().next().is_some() {
            return Ok(directory.join(path));
        }
        Err(Error::state(format!("the savepoint names a file outside of itself: `{}`", self.path)))
    }
}

impl Document {
    /// The text of the file.
    pub(super) fn to_text(&self) -> Result<String> {
        let mut value = serde_json::to_value(self).map_err(Error::state)?;
        let sum = checksum(&value)?;
        if let Value::Object(fields) = &mut value {
            fields.insert("checksum".to_owned(), Value::String(sum));
        }
        let mut text = serde_json::to_string_pretty(&value).map_err(Error::state)?;
        text.push('\n');
        Ok(text)
    }

    /// The document that [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// When the document is of a later version, which is named, or was changed since.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        check_version("savepoint", bytes, VERSION)?;
        let damaged = |error: serde_json::Error| Error::state(format!("{DOCUMENT} can't be read: {error}"));
        let mut value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
        let stated = value.as_object_mut().and_then(|fields| fields.shift_remove("checksum"));
        if stated.as_ref().and_then(Value::as_str) != Some(checksum(&value)?.as_str()) {
            return Err(Error::state(format!(
                "{DOCUMENT} was changed after it was written: its checksum does not fit"
            )));
        }
        serde_json::from_value(value).map_err(damaged)
    }
}

/// The checksum of the document's meaning: its layout on the page does not count.
fn checksum(value: &Value) -> Result<String> {
    let mut sum = Checksum::new();
    sum.update(&serde_json::to_vec(value).map_err(Error::state)?);
    Ok(sum.finish())
}
