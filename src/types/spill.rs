//! Rows on disk while a job runs, where they are more than its memory: sorted runs, and what a blocking exchange holds.
//! Nothing of them is left when the job is over, however it ends.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int8Array, Int64Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::files::{Files, OsFiles, ReadFile, WriteFile};
use super::{Batch, Error, Result, Schema as Columns};

/// The memory of a job for rows that wait, and the directory for those that are more.
#[derive(Debug)]
pub struct SpillSpace {
    files: Arc<dyn Files>,
    directory: PathBuf,
    budget: usize,
    held: AtomicUsize,
    next: AtomicU64,
}

impl SpillSpace {
    /// A space of `budget` bytes in memory. The directory is made when something is written.
    #[must_use]
    pub const fn new(files: Arc<dyn Files>, directory: PathBuf, budget: usize) -> Self {
        Self { files, directory, budget, held: AtomicUsize::new(0), next: AtomicU64::new(0) }
    }

    /// A space of `budget` bytes in memory; what is more goes to a directory of this process's own for temporary files.
    #[must_use]
    pub fn temporary(budget: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("lotic-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self::new(Arc::new(OsFiles), std::env::temp_dir().join(name), budget)
    }

    /// The bytes that may be in memory.
    #[must_use]
    pub const fn budget(&self) -> usize {
        self.budget
    }

    /// The files that were written so far.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Whether somebody holds rows in memory.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    /// A part of the memory, empty as yet.
    #[must_use]
    pub const fn part(self: Arc<Self>) -> MemoryPart {
        MemoryPart { space: self, bytes: 0 }
    }

    /// A new file for rows of this schema.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn create(&self, schema: &SchemaRef) -> Result<SpillWriter> {
        let failed = |path: &PathBuf, error| Error::io(path, error);
        self.files.create_dir(&self.directory).map_err(|error| failed(&self.directory, error))?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{number}.arrow"));
        let file = self.files.create(&path).map_err(|error| failed(&path, error))?;
        let named = Named { files: Arc::clone(&self.files), path, gone: false };
        let read = self.files.open(&named.path).map_err(|error| failed(&named.path, error))?;
        let sink = io::BufWriter::with_capacity(BUFFER, Sink(file));
        let writer = StreamWriter::try_new(sink, schema).map_err(|error| named.failed(error))?;
        Ok(SpillWriter { writer, read, named: named.unlinked() })
    }
}

impl Drop for SpillSpace {
    fn drop(&mut self) {
        // There is one only where something was spilled, and then it is empty.
        let _ = std::fs::remove_dir(&self.directory);
    }
}

/// Bytes that are read or written at once.
const BUFFER: usize = 1 << 18;

/// The share of the memory that whoever holds rows may keep when others hold all of it: runs stay long enough.
const LEAST_SHARE: usize = 16;

/// The memory that one holder of rows takes of a space; given back when it is dropped.
#[derive(Debug)]
pub struct MemoryPart {
    space: Arc<SpillSpace>,
    bytes: usize,
}

impl MemoryPart {
    /// Takes so many bytes more.
    pub fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.space.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives so many bytes back, at most all.
    pub fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.space.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Gives all back.
    pub fn clear(&mut self) {
        self.give_back(self.bytes);
    }

    /// Takes or gives back, so that it is so many bytes.
    pub fn set(&mut self, bytes: usize) {
        if bytes > self.bytes { self.take(bytes - self.bytes) } else { self.give_back(self.bytes - bytes) }
    }

    /// Whether the memory is spent, and this holder has its share of it: it is to write to a file.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.space.held.load(Ordering::Relaxed) > self.space.budget && self.bytes > self.space.budget / LEAST_SHARE
    }

    /// The space.
    #[must_use]
    pub const fn space(&self) -> &Arc<SpillSpace> {
        &self.space
    }
}

impl Drop for MemoryPart {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A file while it is written.
pub struct SpillWriter {
    writer: StreamWriter<io::BufWriter<Sink>>,
    read: Box<dyn ReadFile>,
    named: Named,
}

impl SpillWriter {
    /// Appends rows.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows).map_err(|error| self.named.failed(error))
    }

    /// The file, to be read from its beginning.
    ///
    /// # Errors
    /// When it can't be written to its end.
    pub fn finish(mut self) -> Result<Spilled> {
        self.writer.finish().and_then(|()| self.writer.flush()).map_err(|error| self.named.failed(error))?;
        Ok(Spilled { read: Arc::new(Mutex::new(self.read)), named: Arc::new(self.named) })
    }
}

impl fmt::Debug for SpillWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpillWriter({})", self.named.path.display())
    }
}

/// A file that was written.
#[derive(Clone)]
pub struct Spilled {
    read: Arc<Mutex<Box<dyn ReadFile>>>,
    named: Arc<Named>,
}

impl Spilled {
    /// What reads it from its beginning.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn reader(&self) -> Result<SpillReader> {
        let from = io::BufReader::with_capacity(BUFFER, From { file: Arc::clone(&self.read), offset: 0 });
        let reader = StreamReader::try_new(from, None).map_err(|error| self.named.failed(error))?;
        Ok(SpillReader { reader, named: Arc::clone(&self.named) })
    }
}

impl fmt::Debug for Spilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spilled({})", self.named.path.display())
    }
}

/// A file while it is read; it is gone when this is dropped.
pub struct SpillReader {
    reader: StreamReader<io::BufReader<From>>,
    named: Arc<Named>,
}

impl SpillReader {
    /// The next rows, as they were written; `None` at the end.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn read(&mut self) -> Result<Option<RecordBatch>> {
        self.reader.next().transpose().map_err(|error| self.named.failed(error))
    }
}

impl fmt::Debug for SpillReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpillReader({})", self.named.path.display())
    }
}

/// A file that goes with its owner.
struct Named {
    files: Arc<dyn Files>,
    path: PathBuf,
    /// Whether it has no name any more: where the system allows that, an open file is enough, and is gone with its process.
    gone: bool,
}

impl Named {
    fn unlinked(mut self) -> Self {
        self.gone = cfg!(unix) && self.files.remove(&self.path).is_ok();
        self
    }

    fn failed(&self, error: ArrowError) -> Error {
        if let ArrowError::IoError(_, error) = error { Error::io(&self.path, error) } else { error.into() }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if !self.gone {
            let _ = self.files.remove(&self.path);
        }
    }
}

struct Sink(Box<dyn WriteFile>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct From {
    file: Arc<Mutex<Box<dyn ReadFile>>>,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.lock().unwrap_or_else(PoisonError::into_inner).read_at(self.offset, buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// Batches as plain columns, with their times, kinds and what else goes with each row: how they are written to a file.
#[derive(Debug, Clone)]
pub struct SpilledRows {
    columns: SchemaRef,
    schema: SchemaRef,
}

impl SpilledRows {
    /// For batches of these columns, with `more` columns beside them.
    #[must_use]
    pub fn new(columns: &SchemaRef, more: &[Field]) -> Self {
        let fields = columns.fields().iter().map(|field| field.as_ref().clone());
        let time = Field::new("#time", DataType::Int64, false);
        let kind = Field::new("#kind", DataType::Int8, true);
        let fields: Vec<Field> = fields.chain([time, kind]).chain(more.iter().cloned()).collect();
        Self { columns: Arc::clone(columns), schema: Arc::new(Schema::new(fields)) }
    }

    /// The columns as they are written.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A batch as it is written.
    ///
    /// # Errors
    /// When its columns are not those that were said.
    pub fn write(&self, batch: &Batch, more: impl IntoIterator<Item = ArrayRef>) -> Result<RecordBatch> {
        let time: ArrayRef = Arc::new(Int64Array::new(batch.times().clone(), None));
        let kind: ArrayRef = match batch.kinds() {
            Some(kinds) => Arc::new(Int8Array::new(kinds.clone(), None)),
            None => Arc::new(Int8Array::new_null(batch.rows())),
        };
        let columns = batch.columns().columns().iter().cloned().chain([time, kind]).chain(more).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// The batch that was written as `rows`.
    ///
    /// # Errors
    /// When it was written otherwise.
    pub fn read(&self, rows: &RecordBatch) -> Result<Batch> {
        let width = self.columns.fields().len();
        let (columns, rest) = rows.columns().split_at(width.min(rows.num_columns()));
        let (Some(times), Some(kinds)) = (
            rest.first().and_then(|times| times.as_primitive_opt::<Int64Type>()),
            rest.get(1).and_then(|kinds| kinds.as_primitive_opt::<Int8Type>()),
        ) else {
            return Err(Error::state("rows on disk are damaged"));
        };
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let columns = RecordBatch::try_new_with_options(Arc::clone(&self.columns), columns.to_vec(), &options)?;
        let kinds = (kinds.null_count() == 0 && !kinds.is_empty()).then(|| kinds.values().clone());
        Ok(Batch::new(columns, times.values().clone()).with_kinds(kinds))
    }
}

/// Batches that are kept in their order: in memory, and from where that is spent on in a file.
#[derive(Debug)]
pub struct Spool {
    kept: Kept,
    writer: Option<SpillWriter>,
}

impl Spool {
    /// For batches of these columns.
    #[must_use]
    pub fn new(columns: &Columns, space: &Arc<SpillSpace>) -> Self {
        let (layout, memory) = (SpilledRows::new(columns.arrow(), &[]), Arc::clone(space).part());
        let kept = Kept { layout, memory: Arc::new(memory), held: VecDeque::new(), file: None, rows: 0 };
        Self { kept, writer: None }
    }

    /// Keeps a batch.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn push(&mut self, batch: Batch) -> Result<()> {
        let Kept { layout, memory, held, rows, .. } = &mut self.kept;
        *rows += batch.rows() as u64;
        if self.writer.is_none() && memory.is_spent() {
            self.writer = Some(memory.space().create(layout.schema())?);
        }
        if let Some(writer) = &mut self.writer {
            return writer.write(&layout.write(&batch, [])?);
        }
        if let Some(memory) = Arc::get_mut(memory) {
            memory.take(batch.bytes());
        }
        held.push_back(batch);
        Ok(())
    }

    /// The batches.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn finish(self) -> Result<Kept> {
        let file = self.writer.map(SpillWriter::finish).transpose()?;
        Ok(Kept { file, ..self.kept })
    }
}

/// Batches that were kept.
#[derive(Debug, Clone)]
pub struct Kept {
    layout: SpilledRows,
    memory: Arc<MemoryPart>,
    held: VecDeque<Batch>,
    file: Option<Spilled>,
    rows: u64,
}

impl Kept {
    /// The number of their rows.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// What reads them once. Of a clone that leaves them where they are; else memory is given back on the way.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn read(self) -> Result<KeptRows> {
        let file = self.file.as_ref().map(Spilled::reader).transpose()?;
        Ok(KeptRows { layout: self.layout, memory: self.memory, held: self.held, file })
    }
}

/// Batches on their way out.
#[derive(Debug)]
pub struct KeptRows {
    layout: SpilledRows,
    memory: Arc<MemoryPart>,
    held: VecDeque<Batch>,
    file: Option<SpillReader>,
}

impl KeptRows {
    /// The next one.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        if let Some(batch) = self.held.pop_front() {
            if let Some(memory) = Arc::get_mut(&mut self.memory) {
                memory.give_back(batch.bytes());
            }
            return Ok(Some(batch));
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        file.read()?.map(|rows| self.layout.read(&rows)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: std::ops::Range<i64>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    }

    #[test]
    fn what_was_written_is_read_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let space = Arc::new(SpillSpace::new(Arc::new(OsFiles), dir.path().join("spill"), 10));
        let mut writer = space.create(&rows(0..1).schema()).unwrap();
        for first in 0..3 {
            writer.write(&rows(first * 10..first * 10 + 10)).unwrap();
        }
        let mut reader = writer.finish().unwrap().reader().unwrap();
        for first in 0..3 {
            assert_eq!(reader.read().unwrap(), Some(rows(first * 10..first * 10 + 10)));
        }
        assert_eq!(reader.read().unwrap(), None);
        drop(reader);
        let half = space.create(&rows(0..1).schema()).unwrap();
        drop((half, space));
        assert!(!dir.path().join("spill").exists());
    }

    #[test]
    fn a_file_that_can_t_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let files = crate::types::files::failing::CrashingFiles::new(Some(3));
        let space = SpillSpace::new(Arc::new(files), dir.path().join("spill"), 10);
        let written = space.create(&rows(0..1).schema()).and_then(|mut writer| {
            writer.write(&rows(0..100_000))?;
            writer.finish()
        });
        assert!(matches!(written, Err(Error::Io { .. })));
    }

    #[test]
    fn memory_is_spent_by_all_and_each_keeps_a_share() {
        let space = Arc::new(SpillSpace::temporary(160));
        let (mut one, mut two) = (Arc::clone(&space).part(), Arc::clone(&space).part());
        one.take(155);
        two.take(10);
        assert!(one.is_spent() && !two.is_spent(), "a tenth is too little to be written");
        two.take(1);
        assert!(two.is_spent());
        drop(one);
        assert!(!two.is_spent());
        two.set(3);
        two.clear();
        assert!(!space.is_in_use());
    }
}
