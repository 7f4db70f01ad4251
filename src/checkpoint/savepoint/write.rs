//! A savepoint written: whole, or not at all.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int32Builder, StringBuilder};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::document::{DOCUMENT, Document, ENTRIES, FileDocument, OperatorDocument, StateDocument, VERSION};
use super::shape::{convert, stored_type};
use crate::checkpoint::Manifest;
use crate::state::{
    Checksum, SnapshotSource, StateDescriptor, StateSnapshot, create_private_directory, create_private_file,
    file_name_of, sync_directory,
};
use crate::types::{Error, OperatorUid, Result};

/// Rows of a row group: what a restored instance must read at least to find its key groups.
const ROW_GROUP_ROWS: usize = 65_536;

/// The cost of writing a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SavepointStats {
    /// The number of the savepoint's files.
    pub files: u64,
    /// Entries of keyed state.
    pub entries: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// The last part of the name under which a savepoint is built; the first is a dot.
const UNFINISHED: &str = ".incomplete";

/// Writes `snapshot` as a savepoint into `directory`, which must not exist or be empty. It is built beside it, under a
/// name of its own that begins with a dot, made durable, and renamed: a directory of that name is always a whole savepoint.
///
/// # Errors
/// When the directory holds something, can't be written, or the snapshot can't be read; nothing is left behind then.
pub fn write_savepoint(snapshot: &StateSnapshot, manifest: &Manifest, directory: &Path) -> Result<SavepointStats> {
    write_savepoint_noted(snapshot, manifest, directory, &|_| Ok(()))
}

/// As [`write_savepoint`]; `note` is told where it is built, before there is anything: a process that dies leaves that
/// behind.
///
/// # Errors
/// As that has, and those of `note`.
pub fn write_savepoint_noted(
    snapshot: &StateSnapshot,
    manifest: &Manifest,
    directory: &Path,
    note: &dyn Fn(&Path) -> Result<()>,
) -> Result<SavepointStats> {
    let name = directory.file_name().ok_or_else(|| {
        Error::config(format!("{} can't name a savepoint: give a directory that is not there yet", directory.display()))
    })?;
    check_savepoint_place(directory)?;
    // Of a link, what it points to gives way.
    let directory = &fs::canonicalize(directory).unwrap_or_else(|_| directory.to_path_buf());
    let name = directory.file_name().unwrap_or(name);
    let parent = match directory.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("."),
    };
    create_private_directory(parent)?;
    let unfinished = unfinished_place(parent, name, note)?;
    let written = write_all(snapshot.source(), manifest, &unfinished).and_then(|stats| {
        // An empty directory in its place gives way. (Removing fails for one that is not empty, and so does renaming.)
        let _ = fs::remove_dir(directory);
        fs::rename(&unfinished, directory).map_err(|error| Error::io(directory, error))?;
        sync_directory(parent).inspect_err(|_| {
            // What is told to have failed must not be found.
            let _ = fs::rename(directory, &unfinished);
        })?;
        Ok(stats)
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    written
}

/// Creates the directory in which a savepoint is built, one that nobody else builds in.
fn unfinished_place(parent: &Path, name: &OsStr, note: &dyn Fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let name = name.to_string_lossy();
    let mut number = 1;
    loop {
        let place = parent.join(format!(".{name}.{number}{UNFINISHED}"));
        if fs::symlink_metadata(&place).is_err() {
            note(&place)?;
            match DirBuilder::new().mode(0o700).create(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(place, error)),
                Ok(()) => return Ok(place),
            }
        }
        number += 1;
    }
}

/// Whether `path` is the name of a savepoint that is being written.
#[must_use]
pub fn is_unfinished_savepoint(path: &Path) -> bool {
    path.is_absolute()
        && path.file_name().is_some_and(|name| {
            let name = name.as_encoded_bytes();
            name.starts_with(b".") && name.ends_with(UNFINISHED.as_bytes())
        })
}

/// Whether a savepoint may be written into `directory`, without touching it.
///
/// # Errors
/// When there is something else of that name, or it holds something.
pub fn check_savepoint_place(directory: &Path) -> Result<()> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(directory, error)),
    };
    if entries.next().is_some() {
        let path = directory.display();
        return Err(Error::config(format!("{path} is not empty; a savepoint needs a directory of its own")));
    }
    Ok(())
}

fn write_all(source: &dyn SnapshotSource, manifest: &Manifest, directory: &Path) -> Result<SavepointStats> {
    let mut stats = SavepointStats::default();
    let mut count = |file: &FileDocument| {
        stats.files += 1;
        stats.bytes += file.bytes;
    };
    let mut operators = Vec::new();
    let mut entries = 0;
    for (uid, descriptors) in source.operators() {
        let folder = directory_of(uid);
        if !descriptors.is_empty() {
            create_private_directory(&directory.join(&folder))?;
        }
        let mut documents = Vec::new();
        for descriptor in descriptors {
            let path = format!("{folder}/{}.parquet", file_name_of(descriptor.name));
            let file = write_state(source, uid, descriptor, directory, path)?;
            count(&file);
            entries += file.rows;
            documents.push(StateDocument { state: descriptor.into(), file });
        }
        if !descriptors.is_empty() {
            sync_directory(&directory.join(&folder))?;
        }
        operators.push(OperatorDocument { uid: uid.clone(), states: documents });
    }
    let operator_state = write_entries(source, directory)?;
    count(&operator_state);
    let document = Document { version: VERSION, manifest: manifest.clone(), operators, operator_state };
    let text = document.to_text()?;
    let path = directory.join(DOCUMENT);
    let mut file = create_private_file(&path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| Error::io(&path, error))?;
    sync_directory(directory)?;
    Ok(SavepointStats { files: stats.files + 1, entries, bytes: stats.bytes + text.len() as u64 })
}

/// The folder of an operator's files.
fn directory_of(uid: &OperatorUid) -> String {
    let name = file_name_of(uid.as_str());
    // A lone `%` never begins a name otherwise.
    if name == DOCUMENT || name == ENTRIES { format!("%{name}") } else { name }
}

fn write_state(
    source: &dyn SnapshotSource,
    uid: &OperatorUid,
    state: &StateDescriptor,
    directory: &Path,
    path: String,
) -> Result<FileDocument> {
    let schema = file_schema(state);
    let mut writer = StateFile::create(directory, path, &schema)?;
    source.scan(uid, state, 0..u16::MAX, &mut |key_group, namespace, rows| {
        let count = rows.num_rows();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_value(i32::from(key_group), count)),
            Arc::new(Int64Array::from_value(namespace, count)),
        ];
        for (column, field) in rows.columns().iter().zip(&schema.fields()[2..]) {
            columns.push(convert(column, field.data_type())?);
        }
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)
    })?;
    writer.finish()
}

/// `key_group`, `namespace` and the state's columns, under names that are all different.
fn file_schema(state: &StateDescriptor) -> SchemaRef {
    let mut names: Vec<String> = Vec::new();
    let mut field = |name: &str, ty: DataType, nullable: bool| {
        let mut name = name.to_owned();
        while names.contains(&name) {
            name.push('_');
        }
        names.push(name.clone());
        Field::new(name, ty, nullable)
    };
    let own = state.schema.fields();
    let mut fields = vec![field("key_group", DataType::Int32, false), field("namespace", DataType::Int64, false)];
    fields.extend(own.iter().map(|column| field(&column.name, stored_type(&column.ty.to_arrow()), true)));
    Arc::new(ArrowSchema::new(fields))
}

/// The columns of the file of what belongs to operator instances.
pub(super) fn entries_schema() -> SchemaRef {
    Arc::new(ArrowSchema::new(vec![
        Field::new("uid", DataType::Utf8, false),
        Field::new("state", DataType::Utf8, true),
        Field::new("subtask", DataType::Int32, false),
        Field::new("entry", DataType::Binary, false),
    ]))
}

fn write_entries(source: &dyn SnapshotSource, directory: &Path) -> Result<FileDocument> {
    let schema = entries_schema();
    let mut writer = StateFile::create(directory, ENTRIES.to_owned(), &schema)?;
    for (uid, _) in source.operators() {
        let (mut uids, mut states) = (StringBuilder::new(), StringBuilder::new());
        let (mut subtasks, mut entries) = (Int32Builder::new(), BinaryBuilder::new());
        for entry in source.entries(uid)? {
            uids.append_value(uid.as_str());
            states.append_option(entry.state);
            subtasks.append_value(i32::try_from(entry.subtask).map_err(Error::state)?);
            entries.append_value(entry.entry);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(uids.finish()),
            Arc::new(states.finish()),
            Arc::new(subtasks.finish()),
            Arc::new(entries.finish()),
        ];
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
    }
    writer.finish()
}

/// A Parquet file that is being written.
struct StateFile {
    path: String,
    place: PathBuf,
    rows: u64,
    parquet: ArrowWriter<Hashing>,
}

impl StateFile {
    fn create(directory: &Path, path: String, schema: &SchemaRef) -> Result<Self> {
        let place = directory.join(&path);
        let file = Hashing { file: BufWriter::new(create_private_file(&place)?), sum: Checksum::new() };
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let parquet = ArrowWriter::try_new(file, schema.clone(), Some(properties));
        let parquet = parquet.map_err(|error| failed(&place, &error))?;
        Ok(Self { path, place, rows: 0, parquet })
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.rows += rows.num_rows() as u64;
        self.parquet.write(rows).map_err(|error| failed(&self.place, &error))
    }

    fn finish(self) -> Result<FileDocument> {
        let Hashing { file, sum } = self.parquet.into_inner().map_err(|error| failed(&self.place, &error))?;
        let synced = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file: File| file.sync_all());
        synced.map_err(|error| Error::io(&self.place, error))?;
        Ok(FileDocument { path: self.path, rows: self.rows, bytes: sum.length(), checksum: sum.finish() })
    }
}

/// Takes the checksum of what is written.
struct Hashing {
    file: BufWriter<File>,
    sum: Checksum,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn failed(place: &Path, error: &ParquetError) -> Error {
    Error::state(format!("{}: {error}", place.display()))
}
