//! The file sink: part files, written exactly once.
//!
//! Rows go to a staged file. At a barrier the file is closed and made durable, and its name goes into the checkpoint;
//! when that is complete the committer renames it. A crash before leaves a staged file that the next attempt removes; a
//! crash after is mended by the restored checkpoint's entries. A job that is restored in a new process is a new run with
//! a new number, so nothing that it writes can have the name of anything else.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::commit::{Entry, FileCommitter, PartDirectory};
use super::format::{self, FileFormat};
use super::parts::{Stage, Staged, committed};
use crate::api::{Committer, Operator, OperatorContext, Output, PlannedOperator, SinkRequest};
use crate::connectors::options::place;
use crate::formats::Encoder;
use crate::state::{OperatorStateDescriptor, StateChange, StateDelta};
use crate::types::files::{FileKind, Files, OsFiles, WriteFile};
use crate::types::{Batch, CheckpointId, Diagnostic, Error, Result, Schema};

/// Text is handed to the system in pieces of this size.
const WRITE_BYTES: usize = 256 << 10;
/// The operator state that remembers runs and staged files: each instance must know those of all.
const STATE: OperatorStateDescriptor = OperatorStateDescriptor::union("parts");
const VERSION: u32 = 1;

/// The registry's sink factory.
pub(super) fn sink(request: &SinkRequest) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    Ok(Arc::new(FileSink::new(request, Arc::new(OsFiles))?))
}

#[derive(Debug)]
pub(super) struct FileSink {
    text: String,
    schema: Schema,
    changelog: bool,
    format: Arc<dyn FileFormat>,
    directory: Arc<PartDirectory>,
}

impl FileSink {
    pub(super) fn new(request: &SinkRequest, files: Arc<dyn Files>) -> Result<Self, Diagnostic> {
        let Some(target) = &request.target else {
            return Err(Diagnostic::at(request.span, "the connector `file` needs a directory")
                .help("such as `into file 'out/rows'`"));
        };
        let refused = |message: String| Diagnostic::at(target.span, message);
        if target.node.is_empty() || target.node.contains('\0') {
            return Err(refused("this is not a path".to_owned()));
        }
        let path = request.base_dir.join(&target.node);
        if let Ok(info) = files.metadata(&path)
            && info.kind != FileKind::Directory
        {
            return Err(refused(format!("'{}' is not a directory", target.node))
                .help("a file sink writes part files into a directory: give the name of one"));
        }
        let options = &request.options;
        let name = options.text("format")?.unwrap_or("json");
        let format = format::find(name, options)?.ok_or_else(|| {
            Diagnostic::at(place(options, "format", request.span), format!("there is no format '{name}'"))
                .did_you_mean(name, format::names())
        })?;
        // Columns that the format can't write are refused here, at their statement, not by the running job.
        let changelog = !request.changelog.is_append();
        format.encoder(&request.schema, changelog).map_err(|error| error.or_at(request.span))?;
        Ok(Self {
            text: target.node.clone(),
            schema: request.schema.clone(),
            changelog,
            format,
            directory: Arc::new(PartDirectory::new(files, path)),
        })
    }
}

impl PlannedOperator for FileSink {
    fn name(&self) -> &'static str {
        "FileSink"
    }

    fn describe(&self) -> String {
        format!("'{}' as {}", self.text, self.format.name())
    }

    fn output(&self) -> &Schema {
        &self.schema
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![STATE]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut earlier = BTreeSet::new();
        let mut listed = BTreeSet::new();
        if let Some(restored) = &context.restored {
            for entry in restored.operator(&STATE)? {
                let state = SinkState::parse(&entry)?;
                earlier.extend(state.runs);
                listed.extend(state.staged);
            }
        }
        let run = self.directory.run(&earlier, &listed)?;
        let encoder = self
            .format
            .encoder(&self.schema, self.changelog)
            .map_err(|error| Error::config(format!("{}: {error}", self.text)))?;
        Ok(Box::new(FileWriter {
            directory: self.directory.clone(),
            encoder,
            extension: self.format.extension(),
            run,
            subtask: u64::try_from(context.subtask).unwrap_or(u64::MAX),
            staging: None,
            closed: Vec::new(),
            earlier,
            buffer: Vec::new(),
        }))
    }

    fn committer(&self) -> Option<Arc<dyn Committer>> {
        Some(Arc::new(FileCommitter { directory: self.directory.clone() }))
    }
}

/// The state that each instance puts into every checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct SinkState {
    version: u32,
    /// The runs whose staged files are this job's.
    runs: BTreeSet<u64>,
    /// The files that this checkpoint commits.
    staged: Vec<String>,
}

impl SinkState {
    fn parse(entry: &[u8]) -> Result<Self> {
        let state: Self = serde_json::from_slice(entry)
            .map_err(|error| Error::state(format!("the state of a file sink is damaged: {error}")))?;
        if state.version == VERSION {
            return Ok(state);
        }
        Err(Error::state(format!("a file sink's state is of version {}; this build reads {VERSION}", state.version)))
    }
}

struct FileWriter {
    directory: Arc<PartDirectory>,
    encoder: Box<dyn Encoder>,
    extension: &'static str,
    run: u64,
    subtask: u64,
    staging: Option<Staging>,
    /// Closed and durable, to be listed by the next snapshot.
    closed: Vec<Closed>,
    earlier: BTreeSet<u64>,
    buffer: Vec<u8>,
}

struct Staging {
    name: Staged,
    file: Box<dyn WriteFile>,
    bytes: u64,
}

struct Closed {
    name: String,
    bytes: u64,
}

impl FileWriter {
    fn stage(&mut self) -> Result<Staging> {
        let Self { run, subtask, extension, .. } = *self;
        loop {
            let name = Staged {
                run,
                subtask,
                number: self.directory.next_number(subtask),
                extension,
                stage: Stage::InProgress,
            };
            let shown = name.to_string();
            match self.directory.files.create(&self.directory.path.join(&shown)) {
                Ok(file) => {
                    self.encoder.header(&mut self.buffer);
                    return Ok(Staging { name, file, bytes: 0 });
                }
                // Listed by the checkpoint that was restored: its number is in use until it is committed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.directory.error(&shown, error)),
            }
        }
    }

    fn write(&mut self, staging: &mut Staging) -> Result<()> {
        let failed = |error| self.directory.error(&staging.name.to_string(), error);
        staging.file.write(&self.buffer).map_err(failed)?;
        staging.bytes += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        Ok(())
    }

    /// Ends the staged file, durably.
    fn close(&mut self) -> Result<()> {
        let Some(mut staging) = self.staging.take() else { return Ok(()) };
        self.write(&mut staging)?;
        let PartDirectory { files, path, .. } = &*self.directory;
        let name = staging.name.to_string();
        staging.file.sync().map_err(|error| self.directory.error(&name, error))?;
        let pending = Staged { stage: Stage::Pending, ..staging.name }.to_string();
        files.rename(&path.join(&name), &path.join(&pending)).map_err(|error| self.directory.error(&name, error))?;
        files.sync_dir(path).map_err(|error| Error::io(path, error))?;
        self.closed.push(Closed { name: pending, bytes: staging.bytes });
        Ok(())
    }

    /// The final name of a file that goes with `checkpoint`, one that nobody has.
    fn name(&self, checkpoint: CheckpointId, after: u64) -> (String, u64) {
        let mut again = after;
        loop {
            let name = committed(self.run, self.subtask, checkpoint.0, again, self.extension);
            again += 1;
            if self.directory.files.link_metadata(&self.directory.path.join(&name)).is_err() {
                return (name, again);
            }
        }
    }
}

impl Operator for FileWriter {
    fn process(&mut self, _input: usize, batch: Batch, _out: &mut dyn Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut staging = match self.staging.take() {
            Some(staging) => staging,
            None => self.stage()?,
        };
        self.encoder.encode(&batch, &mut self.buffer)?;
        if self.buffer.len() >= WRITE_BYTES {
            self.write(&mut staging)?;
        }
        self.staging = Some(staging);
        Ok(())
    }

    fn end_of_input(&mut self, _input: usize, _out: &mut dyn Output) -> Result<()> {
        self.close()
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<StateDelta> {
        self.close()?;
        let closed = std::mem::take(&mut self.closed);
        let mut runs = self.earlier.clone();
        runs.insert(self.run);
        let staged = closed.iter().map(|file| file.name.clone()).collect();
        let state = SinkState { version: VERSION, runs, staged };
        let mut changes =
            vec![StateChange::Operator { state: STATE.name, entry: serde_json::to_vec(&state).map_err(Error::state)? }];
        let mut again = 0;
        for Closed { name: staged, bytes } in closed {
            let (name, next) = self.name(checkpoint, again);
            again = next;
            let entry = serde_json::to_vec(&Entry::new(staged, name, bytes)).map_err(Error::state)?;
            changes.push(StateChange::Commit { entry });
        }
        Ok(StateDelta { changes })
    }
}

#[cfg(test)]
mod tests;
