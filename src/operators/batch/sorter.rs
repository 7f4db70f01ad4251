//! A sort of more rows than there is memory for: runs of a memory full are sorted and written, then merged (Knuth, The Art of
//! Computer Programming, volume 3, 5.4.1). Equal rows stay in the order in which they came.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef as ArrowSchemaRef};
use arrow_select::interleave::interleave_record_batch;

use crate::types::{Batch, Error, MemoryPart, Result, Schema, SpillReader, SpillSpace, SpilledRows};

/// Runs that are merged at once: each has a batch in memory.
const RUNS: usize = 64;

/// Takes rows, each with a byte string that says its place.
#[derive(Debug)]
pub(in crate::operators) struct Sorter {
    layout: SpilledRows,
    batch_rows: usize,
    memory: MemoryPart,
    held: Vec<RecordBatch>,
    /// Runs, and behind them those that were merged of so many, and so on: what comes later came earlier.
    runs: Vec<Vec<SpillReader>>,
}

impl Sorter {
    /// For rows of these columns, which are given back in batches of `batch_rows`.
    pub(in crate::operators) fn new(columns: &ArrowSchemaRef, batch_rows: usize, space: &Arc<SpillSpace>) -> Self {
        let layout = SpilledRows::new(columns, &[Field::new("#place", DataType::Binary, false)]);
        let memory = Arc::clone(space).part();
        Self { layout, batch_rows: batch_rows.max(1), memory, held: Vec::new(), runs: Vec::new() }
    }

    /// Takes rows and their places.
    ///
    /// # Errors
    /// When the memory is spent and they can't be written.
    pub(in crate::operators) fn push(&mut self, batch: &Batch, places: BinaryArray) -> Result<()> {
        self.memory.take(batch.bytes() + places.value_data().len() + size_of_val(places.value_offsets()));
        // Where it stands and where it goes, while it is sorted.
        self.memory.take(batch.rows() * size_of::<(usize, usize)>());
        self.held.push(self.layout.write(batch, [Arc::new(places) as ArrayRef])?);
        if self.memory.is_spent() { self.spill() } else { Ok(()) }
    }

    /// Takes rows that are sorted, batch by batch, and writes them.
    ///
    /// # Errors
    /// When they can't be written, and what `next` fails with.
    pub(in crate::operators) fn add_run(
        &mut self,
        mut next: impl FnMut() -> Result<Option<(Batch, BinaryArray)>>,
    ) -> Result<()> {
        let layout = self.layout.clone();
        self.write(|| next()?.map(|(batch, places)| layout.write(&batch, [Arc::new(places) as ArrayRef])).transpose())
    }

    /// Writes what is held as a sorted run.
    fn spill(&mut self) -> Result<()> {
        let (mut held, batch_rows) = (Held::new(std::mem::take(&mut self.held))?, self.batch_rows);
        self.write(|| held.next(batch_rows))?;
        self.memory.clear();
        Ok(())
    }

    fn write(&mut self, next: impl FnMut() -> Result<Option<RecordBatch>>) -> Result<()> {
        let mut run = self.written(next)?;
        for level in 0.. {
            if self.runs.len() == level {
                self.runs.push(Vec::new());
            }
            self.runs[level].push(run);
            if self.runs[level].len() < RUNS {
                break;
            }
            let (mut merge, batch_rows) = (Merge::new(std::mem::take(&mut self.runs[level]))?, self.batch_rows);
            run = self.written(|| merge.next(batch_rows))?;
        }
        Ok(())
    }

    fn written(&self, mut next: impl FnMut() -> Result<Option<RecordBatch>>) -> Result<SpillReader> {
        let mut writer = self.memory.space().create(self.layout.schema())?;
        while let Some(rows) = next()? {
            writer.write(&rows)?;
        }
        writer.finish()?.reader()
    }

    /// The rows in their order.
    ///
    /// # Errors
    /// When they can't be written or read.
    pub(in crate::operators) fn finish(mut self) -> Result<Sorted> {
        let rows = if self.runs.is_empty() {
            Rows::Held(Held::new(std::mem::take(&mut self.held))?)
        } else {
            if !self.held.is_empty() {
                self.spill()?;
            }
            Rows::Merged(Merge::new(self.runs.into_iter().rev().flatten().collect())?)
        };
        Ok(Sorted { layout: self.layout, batch_rows: self.batch_rows, rows, _memory: self.memory })
    }
}

/// Rows in their order, given batch by batch.
#[derive(Debug)]
pub(in crate::operators) struct Sorted {
    layout: SpilledRows,
    batch_rows: usize,
    rows: Rows,
    _memory: MemoryPart,
}

#[derive(Debug)]
enum Rows {
    Held(Held),
    Merged(Merge),
}

impl Sorted {
    /// The next rows, a batch of them, with their places.
    ///
    /// # Errors
    /// When they can't be read.
    pub(in crate::operators) fn next(&mut self) -> Result<Option<(Batch, BinaryArray)>> {
        let rows = match &mut self.rows {
            Rows::Held(held) => held.next(self.batch_rows)?,
            Rows::Merged(merge) => merge.next(self.batch_rows)?,
        };
        rows.map(|rows| Ok((self.layout.read(&rows)?, places(&rows)?.clone()))).transpose()
    }
}

/// The places of rows, the last of their columns.
fn places(rows: &RecordBatch) -> Result<&BinaryArray> {
    let places = rows.columns().last().and_then(|places| places.as_binary_opt::<i32>());
    places.ok_or_else(|| Error::state("rows on disk are damaged"))
}

/// Rows in memory, and their order.
#[derive(Debug)]
struct Held {
    batches: Vec<RecordBatch>,
    order: Vec<(usize, usize)>,
    at: usize,
}

impl Held {
    fn new(batches: Vec<RecordBatch>) -> Result<Self> {
        let keys: Vec<&BinaryArray> = batches.iter().map(places).collect::<Result<_>>()?;
        let of = |(batch, rows): (usize, &RecordBatch)| (0..rows.num_rows()).map(move |row| (batch, row));
        let mut order: Vec<(usize, usize)> = batches.iter().enumerate().flat_map(of).collect();
        order.sort_by(|a, b| keys[a.0].value(a.1).cmp(keys[b.0].value(b.1)));
        Ok(Self { batches, order, at: 0 })
    }

    fn next(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        let end = self.order.len().min(self.at.saturating_add(most));
        let rows = &self.order[self.at..end];
        if rows.is_empty() {
            self.batches.clear();
            return Ok(None);
        }
        self.at = end;
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        Ok(Some(interleave_record_batch(&batches, rows)?))
    }
}

/// Sorted runs, merged: a heap of their first rows.
#[derive(Debug)]
struct Merge {
    runs: Vec<Run>,
    /// The runs that have rows left, as a heap, the one of the least row first.
    heap: Vec<usize>,
}

#[derive(Debug)]
struct Run {
    reader: SpillReader,
    rows: RecordBatch,
    places: BinaryArray,
    at: usize,
    /// Where its rows are among those that the batch under construction is made of.
    piece: Option<usize>,
}

impl Run {
    fn place(&self) -> &[u8] {
        self.places.value(self.at)
    }
}

impl Merge {
    fn new(readers: Vec<SpillReader>) -> Result<Self> {
        let mut runs = Vec::with_capacity(readers.len());
        for mut reader in readers {
            if let Some(rows) = reader.read()? {
                runs.push(Run { places: places(&rows)?.clone(), reader, rows, at: 0, piece: None });
            }
        }
        let mut merge = Self { heap: (0..runs.len()).collect(), runs };
        for root in (0..merge.heap.len() / 2).rev() {
            merge.sink(root);
        }
        Ok(merge)
    }

    fn order(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (self.heap[a], self.heap[b]);
        self.runs[a].place().cmp(self.runs[b].place()).then(a.cmp(&b))
    }

    /// Lets the run at `root` of the heap sink to its place.
    fn sink(&mut self, mut root: usize) {
        loop {
            let children = [2 * root + 1, 2 * root + 2].into_iter().filter(|&child| child < self.heap.len());
            let Some(least) = children.min_by(|&a, &b| self.order(a, b)) else { return };
            if self.order(root, least).is_le() {
                return;
            }
            self.heap.swap(root, least);
            root = least;
        }
    }

    fn next(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        let (mut pieces, mut rows): (Vec<RecordBatch>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
        self.runs.iter_mut().for_each(|run| run.piece = None);
        while rows.len() < most
            && let Some(&first) = self.heap.first()
        {
            let run = &mut self.runs[first];
            let piece = *run.piece.get_or_insert_with(|| {
                pieces.push(run.rows.clone());
                pieces.len() - 1
            });
            rows.push((piece, run.at));
            run.at += 1;
            if run.at == run.rows.num_rows() {
                if let Some(next) = run.reader.read()? {
                    (run.places, run.rows, run.at, run.piece) = (places(&next)?.clone(), next, 0, None);
                } else {
                    self.heap.swap_remove(0);
                }
            }
            self.sink(0);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let pieces: Vec<&RecordBatch> = pieces.iter().collect();
        Ok(Some(interleave_record_batch(&pieces, &rows)?))
    }
}

/// Rows that are sorted when all have come, and then given.
pub(in crate::operators) enum SortsAll {
    /// Rows come.
    Coming(Sorter),
    /// Rows are given.
    Sorted(Sorted),
    /// None is left.
    Given,
}

impl SortsAll {
    /// No rows yet; a given batch has about `batch_rows` of them.
    pub(in crate::operators) fn new(rows: &Schema, batch_rows: usize, space: &Arc<SpillSpace>) -> Self {
        Self::Coming(Sorter::new(rows.arrow(), batch_rows, space))
    }

    /// Takes in rows, each with its place; those that come when the others are given are none of ours.
    ///
    /// # Errors
    /// When they can't be written.
    pub(in crate::operators) fn push(&mut self, batch: &Batch, places: BinaryArray) -> Result<()> {
        if let Self::Coming(sorter) = self { sorter.push(batch, places) } else { Ok(()) }
    }

    /// The next rows in their order, a batch of them, with their places: from the first call on no more come.
    ///
    /// # Errors
    /// When they can't be written or read.
    pub(in crate::operators) fn next(&mut self) -> Result<Option<(Batch, BinaryArray)>> {
        *self = match std::mem::replace(self, Self::Given) {
            Self::Coming(sorter) => Self::Sorted(sorter.finish()?),
            all @ (Self::Sorted(_) | Self::Given) => all,
        };
        let Self::Sorted(sorted) = self else { return Ok(None) };
        let next = sorted.next()?;
        if next.is_none() {
            *self = Self::Given;
        }
        Ok(next)
    }
}
