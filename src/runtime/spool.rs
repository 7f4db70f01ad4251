//! The rows of a blocking exchange: what one producer has for one reader is kept, in memory and then in a file, until all
//! producers have finished.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::types::{Batch, Error, Kept, KeptRows, Result, Schema, SpillSpace, Spool};

/// The producers of one reader, which begins when the last of them has finished.
#[derive(Debug)]
pub(super) struct Producers {
    unfinished: AtomicUsize,
    space: Arc<SpillSpace>,
}

impl Producers {
    /// So many producers, whose rows are kept in `space`.
    pub(super) fn new(producers: usize, space: Arc<SpillSpace>) -> Arc<Self> {
        Arc::new(Self { unfinished: AtomicUsize::new(producers), space })
    }

    /// Whether one has not finished.
    fn run(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) > 0
    }
}

/// The two ends of what one producer has for one reader.
pub(super) fn spool(producers: &Arc<Producers>, schema: &Schema) -> (Filling, Draining) {
    let handed: Arc<Mutex<Option<Result<Kept>>>> = Arc::default();
    let spool = Spool::new(schema, &producers.space);
    let (own, producers) = (Arc::clone(&handed), Arc::clone(producers));
    let draining = Draining { handed, producers: Arc::clone(&producers), rows: None, failure: None };
    (Filling { spool, failure: None, handed: own, producers }, draining)
}

/// The producer's end.
#[derive(Debug)]
pub(super) struct Filling {
    spool: Spool,
    failure: Option<Error>,
    handed: Arc<Mutex<Option<Result<Kept>>>>,
    producers: Arc<Producers>,
}

impl Filling {
    /// Keeps rows. What fails is told to the reader, who fails the job.
    pub(super) fn push(&mut self, batch: Batch) {
        if self.failure.is_none() {
            self.failure = self.spool.push(batch).err();
        }
    }

    /// The producer has finished: what it had is the reader's.
    pub(super) fn finish(self) {
        let kept = self.failure.map_or_else(|| self.spool.finish(), Err);
        *self.handed.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        self.producers.unfinished.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The reader's end.
#[derive(Debug)]
pub(super) struct Draining {
    handed: Arc<Mutex<Option<Result<Kept>>>>,
    producers: Arc<Producers>,
    rows: Option<KeptRows>,
    failure: Option<Error>,
}

/// The answer of [`Draining::next`].
pub(super) enum Drained {
    /// Nothing yet, or nothing for ever: see [`Draining::failure`].
    Nothing,
    Batch(Batch),
    End,
}

impl Draining {
    /// The next rows.
    pub(super) fn next(&mut self) -> Drained {
        if self.producers.run() || self.failure.is_some() {
            return Drained::Nothing;
        }
        let found = self.take();
        found.unwrap_or_else(|error| {
            self.failure = Some(error);
            Drained::Nothing
        })
    }

    fn take(&mut self) -> Result<Drained> {
        let rows = match &mut self.rows {
            Some(rows) => rows,
            none => {
                let handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner).take();
                let kept = handed.unwrap_or_else(|| Err(Error::state("an exchange has lost its rows")))?;
                none.insert(kept.read()?)
            }
        };
        Ok(rows.next_batch()?.map_or(Drained::End, Drained::Batch))
    }

    /// The failure of either end.
    pub(super) const fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;
    use crate::types::{Field, LogicalType};

    fn batch(schema: &Schema, first: i64) -> Batch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + 100));
        let columns = RecordBatch::try_new(schema.arrow().clone(), vec![column]).expect("one column");
        Batch::new(columns, (first..first + 100).collect())
    }

    #[test]
    fn rows_come_in_order_once_all_producers_have_finished_however_many_fit_into_memory() {
        let schema = Schema::new([Field::new("n", LogicalType::BigInt)]);
        for budget in [0, 5_000, 1 << 20] {
            let producers = Producers::new(2, Arc::new(SpillSpace::temporary(budget)));
            let (mut one, mut reads_one) = spool(&producers, &schema);
            let (two, mut reads_two) = spool(&producers, &schema);
            for first in 0..20 {
                one.push(batch(&schema, first * 100));
            }
            one.finish();
            assert!(matches!(reads_one.next(), Drained::Nothing), "one has not finished");
            two.finish();
            assert!(matches!(reads_two.next(), Drained::End));
            let mut found = Vec::new();
            while let Drained::Batch(batch) = reads_one.next() {
                assert_eq!(batch.times().to_vec(), batch.column(0).as_primitive::<Int64Type>().values().to_vec());
                found.extend_from_slice(batch.times());
            }
            assert_eq!(found, (0..2_000).collect::<Vec<i64>>());
            assert!(reads_one.failure().is_none());
        }
    }

    #[test]
    fn a_full_disk_fails_the_reader() {
        let schema = Schema::new([Field::new("n", LogicalType::BigInt)]);
        let files = Arc::new(crate::types::files::failing::CrashingFiles::new(Some(0)));
        let space = SpillSpace::new(files, std::env::temp_dir().join("never"), 0);
        let (mut one, mut reads) = spool(&Producers::new(1, Arc::new(space)), &schema);
        one.push(batch(&schema, 0));
        one.push(batch(&schema, 100));
        one.finish();
        assert!(matches!(reads.next(), Drained::Nothing));
        assert!(matches!(reads.failure(), Some(Error::Io { .. })));
    }
}
