//! A table that is read whole and found in by key, as Flink's `FileSystemLookupFunction` does. It is read again when what
//! was read has become too old and the source says that its rows are others, so that a changed file is seen.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use crate::api::{Found, Lookup, LookupSource, LookupStart, LookupTable, SourcePoll, SourceStart};
use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::types::floats::canonical_column;
use crate::types::{Error, Result, Schema};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 8_192;
/// Attempts at a file that is written while it is read.
const ATTEMPTS: usize = 3;

/// A source that is read whole. What was read is there for all instances of its join.
#[derive(Debug)]
pub(super) struct ScannedTable {
    source: LookupSource,
    read: Arc<Mutex<Option<Index>>>,
}

impl ScannedTable {
    pub(super) fn new(source: LookupSource) -> Self {
        Self { source, read: Arc::default() }
    }
}

impl LookupTable for ScannedTable {
    fn describe(&self) -> String {
        self.source.source.describe()
    }

    fn open(&self, start: &LookupStart) -> Result<Arc<dyn Lookup>> {
        let (source, read) = (self.source.clone(), Arc::clone(&self.read));
        Ok(Arc::new(Scanned { source, read, start: start.clone() }))
    }
}

struct Scanned {
    source: LookupSource,
    read: Arc<Mutex<Option<Index>>>,
    start: LookupStart,
}

/// The rows of a source by key.
#[derive(Debug)]
struct Index {
    /// The columns that it was made of: those asked by, and those answered with.
    of: (Vec<usize>, Vec<usize>),
    version: Option<String>,
    read_at_ms: i64,
    rows: RecordBatch,
    groups: GroupTable,
    /// The rows of group `g` are `sorted[starts[g]..starts[g + 1]]`, in the order in which they stand in the source.
    starts: Vec<usize>,
    sorted: Vec<u32>,
}

impl Lookup for Scanned {
    fn ask(&self, keys: &[ArrayRef]) -> Result<Found> {
        let now_ms = self.start.clock.now_ms();
        let mut held = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (self.start.keys.clone(), self.start.columns.clone());
        let known = held.take().filter(|index| index.of == of);
        let index = match known {
            Some(index) if now_ms < index.read_at_ms.saturating_add(self.start.age_ms) => index,
            known => {
                let version = self.source.source.version()?;
                match known {
                    Some(index) if index.version == version => Index { read_at_ms: now_ms, ..index },
                    _ => self.read(of, now_ms)?,
                }
            }
        };
        held.insert(index).find(keys)
    }

    /// The rows are in memory, behind one lock.
    fn at_once(&self) -> usize {
        1
    }
}

impl Scanned {
    fn read(&self, of: (Vec<usize>, Vec<usize>), now_ms: i64) -> Result<Index> {
        let mut attempts = 1;
        loop {
            let version = self.source.source.version()?;
            match self.rows(&of.1) {
                Ok((schema, rows)) => return self.index(of, version, now_ms, &schema, rows),
                // Whoever writes it may be done by now.
                Err(Error::Changed { .. }) if attempts < ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// All rows, of the columns asked for and behind them those of the primary key.
    fn rows(&self, columns: &[usize]) -> Result<(Schema, Vec<RecordBatch>)> {
        let source = &self.source.source;
        let mut projection: Vec<usize> =
            columns.iter().chain(self.source.primary_key.iter().flatten()).copied().collect();
        projection.sort_unstable();
        projection.dedup();
        let schema = source.schema().project(&projection);
        let readers = source.start(&SourceStart {
            parallelism: 1,
            projection,
            restored: None,
            batch_rows: BATCH_ROWS,
            clock: Arc::clone(&self.start.clock),
        })?;
        let mut all = Vec::new();
        for mut reader in readers {
            loop {
                let split = reader.splits().and_then(|splits| splits.first()).cloned();
                let poll = match &split {
                    Some(split) => reader.poll_split(split)?,
                    None => reader.poll()?,
                };
                match poll {
                    SourcePoll::Rows { rows, rejected } => {
                        if let Some((_, bad)) = rejected.into_iter().next().filter(|_| !self.source.skips_unreadable) {
                            let row = String::from_utf8_lossy(&bad.row).into_owned();
                            return Err(Error::Row { place: bad.place, message: bad.message, row });
                        }
                        all.push(rows);
                    }
                    SourcePoll::Pending(_) => {
                        let name = &self.source.name;
                        return Err(Error::config(format!(
                            "rows can't be looked up in `{name}`: it gives them one after the other in time"
                        )));
                    }
                    SourcePoll::End if split.is_none() => break,
                    SourcePoll::End => {}
                }
            }
        }
        Ok((schema, all))
    }

    fn index(
        &self,
        of: (Vec<usize>, Vec<usize>),
        version: Option<String>,
        read_at_ms: i64,
        schema: &Schema,
        read: Vec<RecordBatch>,
    ) -> Result<Index> {
        let (table, (keys, columns)) = (self.source.source.schema(), &of);
        let place = |column: &usize| {
            let name = &table.fields()[*column].name;
            schema.index_of(name).ok_or_else(|| Error::state(format!("column `{name}` of a look-up is missing")))
        };
        let mut rows = concat_batches(schema.arrow(), &read)?;
        drop(read);
        let key_of = |rows: &RecordBatch, columns: &[usize]| -> Result<Vec<ArrayRef>> {
            columns.iter().map(|column| Ok(canonical_column(rows.column(place(column)?)))).collect()
        };
        if let Some(primary_key) = &self.source.primary_key {
            rows = take_record_batch(&rows, &last_of_each(&key_of(&rows, primary_key)?, rows.num_rows())?)?;
        }
        let mut numbers = Vec::new();
        let (key, mut groups) = table_of(&key_of(&rows, keys)?)?;
        groups.intern(&key, rows.num_rows(), &mut numbers)?;
        let mut starts = vec![0; groups.numbers() + 1];
        for &group in &numbers {
            starts[group as usize + 1] += 1;
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let (mut next, mut sorted) = (starts.clone(), vec![0; numbers.len()]);
        for (row, group) in (0_u32..).zip(numbers) {
            sorted[next[group as usize]] = row;
            next[group as usize] += 1;
        }
        let rows = rows.project(&columns.iter().map(place).collect::<Result<Vec<_>>>()?)?;
        Ok(Index { of, version, read_at_ms, rows, groups, starts, sorted })
    }
}

fn table_of(key: &[ArrayRef]) -> Result<(Vec<ArrayRef>, GroupTable)> {
    let types: Vec<_> = key.iter().map(|column| column.data_type().clone()).collect();
    Ok((key.to_vec(), GroupTable::new(&types, 0)?))
}

/// The last row of each key, in the order of the rows.
fn last_of_each(key: &[ArrayRef], rows: usize) -> Result<UInt32Array> {
    let (key, mut groups) = table_of(key)?;
    let mut numbers = Vec::new();
    groups.intern(&key, rows, &mut numbers)?;
    let mut last = vec![0; groups.numbers()];
    for (row, &group) in (0_u32..).zip(&numbers) {
        last[group as usize] = row;
    }
    last.sort_unstable();
    Ok(UInt32Array::from(last))
}

impl Index {
    fn find(&mut self, keys: &[ArrayRef]) -> Result<Found> {
        let count = keys.first().map_or(0, |key| key.len());
        let (mut groups, mut rows, mut ends) = (Vec::new(), Vec::new(), Vec::with_capacity(count));
        self.groups.find(keys, count, &mut groups)?;
        for group in groups {
            if group != NO_GROUP {
                let group = group as usize;
                rows.extend_from_slice(&self.sorted[self.starts[group]..self.starts[group + 1]]);
            }
            ends.push(rows.len());
        }
        let rows = take_record_batch(&self.rows, &UInt32Array::from(rows))?;
        Ok(Found { rows, ends, as_of_ms: self.read_at_ms })
    }
}
