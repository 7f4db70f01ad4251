//! A savepoint read back. Every file's checksum is taken before anything of it is believed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::document::{DOCUMENT, Document, FileDocument, OperatorDocument};
use super::shape::convert;
use super::write::{entries_schema, failed};
use crate::state::{Checksum, Namespace, OperatorEntry, SnapshotSource, StateDescriptor, StateSnapshot, Visit};
use crate::types::{Error, OperatorUid, Result};

/// Opens the savepoint in `directory`. Its [`manifest`](StateSnapshot::manifest) is a [`Manifest`](crate::checkpoint::Manifest).
///
/// # Errors
/// When it is no savepoint, of a later version (which is named), a file is missing, or a byte of any file has changed.
pub fn open_savepoint(directory: &Path) -> Result<StateSnapshot> {
    let path = directory.join(DOCUMENT);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let there = directory.is_dir();
            let directory = directory.display();
            return Err(Error::state(if there {
                format!("{directory} is not a savepoint: it has no {DOCUMENT}; `savepoint JOB to 'DIR'` writes one")
            } else {
                format!("there is no savepoint {directory}: the directory does not exist")
            }));
        }
        Err(error) => return Err(Error::io(path, error)),
    };
    let source = Savepoint::new(directory, &bytes).map_err(|error| named(directory, error))?;
    Ok(StateSnapshot::new(Arc::new(source)))
}

/// A savepoint whose files have been checked.
struct Savepoint {
    directory: PathBuf,
    manifest: Vec<u8>,
    operators: Vec<(OperatorUid, Vec<StateDescriptor>)>,
    documents: Vec<OperatorDocument>,
    entries: BTreeMap<String, Vec<OperatorEntry>>,
}

impl Savepoint {
    fn new(directory: &Path, bytes: &[u8]) -> Result<Self> {
        let document = Document::parse(bytes)?;
        let mut operators = Vec::new();
        for operator in &document.operators {
            let mut states = Vec::new();
            for state in &operator.states {
                check_file(directory, &state.file)?;
                states.push(state.state.descriptor()?);
            }
            operators.push((operator.uid.clone(), states));
        }
        check_file(directory, &document.operator_state)?;
        let entries = read_entries(&document.operator_state.place(directory)?)?;
        Ok(Self {
            directory: directory.to_path_buf(),
            manifest: document.manifest.to_bytes()?,
            operators,
            documents: document.operators,
            entries,
        })
    }

    fn try_scan(
        &self,
        uid: &OperatorUid,
        state: &StateDescriptor,
        key_groups: &Range<u16>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let operator = self.documents.iter().find(|operator| operator.uid == *uid);
        let found = operator.and_then(|operator| operator.states.iter().find(|other| other.state.name == state.name));
        let Some(found) = found else {
            return Ok(());
        };
        let place = found.file.place(&self.directory)?;
        let mut runs = Runs { state, key_groups, open: None, visit };
        for rows in reader(&place, |group| may_hold(group, key_groups))? {
            runs.add(&rows?)?;
        }
        runs.finish()
    }
}

impl SnapshotSource for Savepoint {
    fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    fn operators(&self) -> &[(OperatorUid, Vec<StateDescriptor>)] {
        &self.operators
    }

    fn scan(
        &self,
        uid: &OperatorUid,
        state: &StateDescriptor,
        key_groups: Range<u16>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.try_scan(uid, state, &key_groups, visit).map_err(|error| named(&self.directory, error))
    }

    fn entries(&self, uid: &OperatorUid) -> Result<Vec<OperatorEntry>> {
        Ok(self.entries.get(uid.as_str()).cloned().unwrap_or_default())
    }
}

/// The error with the savepoint it is about.
#[expect(clippy::wildcard_enum_match_arm, reason = "only an error of state lacks its place")]
fn named(directory: &Path, error: Error) -> Error {
    match error {
        Error::State(message) => Error::state(format!("savepoint {}: {message}", directory.display())),
        other => other,
    }
}

/// Refuses a file that is not, byte for byte, the one that was written.
fn check_file(directory: &Path, file: &FileDocument) -> Result<()> {
    let place = file.place(directory)?;
    let mut reader = match File::open(&place) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::state(format!("its file {} is missing", file.path)));
        }
        Err(error) => return Err(Error::io(place, error)),
    };
    let mut sum = Checksum::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => sum.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(place, error)),
        }
    }
    if sum.length() != file.bytes {
        return Err(Error::state(format!("its file {} has {} bytes, not {}", file.path, sum.length(), file.bytes)));
    }
    if sum.finish() != file.checksum {
        return Err(Error::state(format!(
            "its file {} was changed after it was written: its checksum differs; copy it again, or take another savepoint",
            file.path
        )));
    }
    Ok(())
}

fn reader(place: &Path, wanted: impl Fn(&RowGroupMetaData) -> bool) -> Result<ParquetRecordBatchReader> {
    let file = File::open(place).map_err(|error| Error::io(place, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(place, &error))?;
    let groups = builder.metadata().row_groups().iter().enumerate();
    let groups = groups.filter(|(_, group)| wanted(group)).map(|(i, _)| i).collect();
    builder.with_row_groups(groups).build().map_err(|error| failed(place, &error))
}

/// Whether a row group has rows of `key_groups`, as far as its statistics say. Rows are sorted by key group.
fn may_hold(group: &RowGroupMetaData, key_groups: &Range<u16>) -> bool {
    let (low, high) = match group.columns().first().and_then(|column| column.statistics()) {
        Some(Statistics::Int32(statistics)) => (statistics.min_opt().copied(), statistics.max_opt().copied()),
        _ => (None, None),
    };
    low.is_none_or(|low| low < i32::from(key_groups.end)) && high.is_none_or(|high| high >= i32::from(key_groups.start))
}

/// Puts together the rows of each key group and namespace, which follow each other but may be cut by a batch's end.
struct Runs<'a, 'v> {
    state: &'a StateDescriptor,
    key_groups: &'a Range<u16>,
    open: Option<(u16, Namespace, Vec<RecordBatch>)>,
    visit: &'a mut Visit<'v>,
}

impl Runs<'_, '_> {
    fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        let schema = self.state.schema.arrow();
        if rows.num_columns() != schema.fields().len() + 2 {
            return Err(Error::state("a state's file has other columns than the manifest says"));
        }
        let groups = rows.column(0).as_primitive_opt::<Int32Type>();
        let namespaces = rows.column(1).as_primitive_opt::<Int64Type>();
        let (Some(groups), Some(namespaces)) = (groups, namespaces) else {
            return Err(Error::state("a state's file does not begin with key_group and namespace"));
        };
        let own = rows.columns()[2..].iter().zip(schema.fields());
        let own: Vec<ArrayRef> =
            own.map(|(column, field)| convert(column, field.data_type())).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let own = RecordBatch::try_new_with_options(schema.clone(), own, &options)?;
        let mut start = 0;
        while start < rows.num_rows() {
            let (group, namespace) = (groups.value(start), namespaces.value(start));
            let same = |row: &usize| groups.value(*row) == group && namespaces.value(*row) == namespace;
            let end = (start..rows.num_rows()).take_while(same).last().map_or(start, |last| last) + 1;
            let group = u16::try_from(group).map_err(|_| Error::state(format!("there is no key group {group}")))?;
            if self.key_groups.contains(&group) {
                self.run(group, namespace, own.slice(start, end - start))?;
            }
            start = end;
        }
        Ok(())
    }

    fn run(&mut self, group: u16, namespace: Namespace, rows: RecordBatch) -> Result<()> {
        match &mut self.open {
            Some((open_group, open_namespace, parts)) if (*open_group, *open_namespace) == (group, namespace) => {
                parts.push(rows);
                Ok(())
            }
            _ => {
                self.finish()?;
                self.open = Some((group, namespace, vec![rows]));
                Ok(())
            }
        }
    }

    fn finish(&mut self) -> Result<()> {
        let Some((group, namespace, parts)) = self.open.take() else {
            return Ok(());
        };
        (self.visit)(group, namespace, concat_batches(self.state.schema.arrow(), &parts)?)
    }
}

fn read_entries(place: &Path) -> Result<BTreeMap<String, Vec<OperatorEntry>>> {
    let mut entries: BTreeMap<String, Vec<OperatorEntry>> = BTreeMap::new();
    for rows in reader(place, |_| true)? {
        let rows = rows?;
        if rows.schema().fields().len() != entries_schema().fields().len() {
            return Err(Error::state("its file of operator entries has other columns than it should"));
        }
        let uids = rows.column(0).as_string_opt::<i32>();
        let states = rows.column(1).as_string_opt::<i32>();
        let subtasks = rows.column(2).as_primitive_opt::<Int32Type>();
        let bytes = rows.column(3).as_binary_opt::<i32>();
        let (Some(uids), Some(states), Some(subtasks), Some(bytes)) = (uids, states, subtasks, bytes) else {
            return Err(Error::state("its file of operator entries has other columns than it should"));
        };
        for row in 0..rows.num_rows() {
            let subtask = usize::try_from(subtasks.value(row)).map_err(Error::state)?;
            let state = states.is_valid(row).then(|| states.value(row).to_owned());
            let entry = OperatorEntry { state, subtask, entry: bytes.value(row).to_vec() };
            entries.entry(uids.value(row).to_owned()).or_default().push(entry);
        }
    }
    Ok(entries)
}
