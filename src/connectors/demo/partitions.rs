//! Readers of a set that is partitioned: each partition is read by itself, and has an event time of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::set::PARTITION_ROWS;
use crate::api::{Source, SourcePoll, SourceProgress, SourceStart};
use crate::connectors::generator::{RowGenerator, RowPlan, readers};
use crate::types::{CheckpointId, Clock, Error, Result};

/// The wait of a partition that is silent, milliseconds.
const WAIT_MS: i64 = 20;

/// The positions of partitions, by name.
type Positions = BTreeMap<String, Vec<u8>>;

/// Opens the readers of `start` over the partitions `names`, which share the rows and the rate of `plan`.
///
/// # Errors
/// When restored positions do not fit the plan.
pub(super) fn partitioned(
    names: &[&str],
    plan: &RowPlan,
    start: &SourceStart,
    generator: impl Fn() -> Box<dyn RowGenerator>,
) -> Result<Vec<Box<dyn Source>>> {
    let mut stored = Positions::new();
    for entry in start.restored.iter().flatten() {
        let positions: Positions =
            serde_json::from_slice(entry).map_err(|error| Error::state(format!("a position is damaged: {error}")))?;
        stored.extend(positions);
    }
    let count = start.restored.as_ref().map_or(0, Vec::len).max(start.parallelism);
    // Those before the last so many end at once.
    let first = count - start.parallelism;
    let of = |reader: usize| -> Result<PartitionReader> {
        let mut all = Vec::new();
        for (place, &name) in names.iter().enumerate() {
            if reader < first || place % start.parallelism != reader - first {
                continue;
            }
            let (number, place) = (to_u64(names.len()), to_u64(place));
            let plan = RowPlan {
                input: format!("{} {name}", plan.input),
                total: plan.total.map(|total| (total + number - 1 - place) / number),
                #[expect(clippy::cast_precision_loss, reason = "a few partitions")]
                rate: plan.rate.map(|rate| rate / number as f64),
            };
            let restored = stored.get(name).map(|position| vec![position.clone()]);
            let start = SourceStart { parallelism: 1, restored, ..start.clone() };
            let offset = place * PARTITION_ROWS;
            let generator = || -> Box<dyn RowGenerator> { Box::new(Offset { rows: generator(), offset }) };
            all.extend(readers(&plan, &start, generator)?.into_iter().map(|reader| (name.to_owned(), reader)));
        }
        Ok(PartitionReader { names: left(&all), all, total: plan.total, clock: Arc::clone(&start.clock) })
    };
    (0..count).map(|reader| Ok(Box::new(of(reader)?) as Box<dyn Source>)).collect()
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn left(all: &[(String, Box<dyn Source>)]) -> Vec<String> {
    all.iter().filter(|(_, reader)| !reader.is_at_end()).map(|(name, _)| name.clone()).collect()
}

/// The rows of one partition.
struct Offset {
    rows: Box<dyn RowGenerator>,
    offset: u64,
}

impl RowGenerator for Offset {
    fn rows(&mut self, first: u64, count: usize) -> Result<arrow_array::RecordBatch> {
        self.rows.rows(self.offset + first, count)
    }
}

/// Reads some of the partitions. One that is at its end still says so in checkpoints.
struct PartitionReader {
    /// Those that are not at their end.
    names: Vec<String>,
    all: Vec<(String, Box<dyn Source>)>,
    total: Option<u64>,
    clock: Arc<dyn Clock>,
}

impl PartitionReader {
    fn pending(&self) -> SourcePoll {
        SourcePoll::Pending(Some(self.clock.now_ms().saturating_add(WAIT_MS)))
    }
}

impl Source for PartitionReader {
    fn poll(&mut self) -> Result<SourcePoll> {
        Ok(if self.is_at_end() { SourcePoll::End } else { self.pending() })
    }

    fn splits(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn poll_split(&mut self, split: &str) -> Result<SourcePoll> {
        let Some((_, reader)) = self.all.iter_mut().find(|(name, _)| name == split) else { return Ok(SourcePoll::End) };
        let polled = reader.poll()?;
        match &polled {
            SourcePoll::Rows { rows, .. } if rows.num_rows() == 0 => return Ok(self.pending()),
            SourcePoll::End => self.names.retain(|name| name != split),
            SourcePoll::Rows { .. } | SourcePoll::Pending(_) => {}
        }
        Ok(polled)
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<u8>> {
        let positions: Result<Positions> =
            self.all.iter_mut().map(|(name, reader)| Ok((name.clone(), reader.snapshot(checkpoint)?))).collect();
        serde_json::to_vec(&positions?).map_err(|error| Error::state(format!("a position can't be written: {error}")))
    }

    fn is_at_end(&self) -> bool {
        self.names.is_empty()
    }

    fn progress(&self) -> SourceProgress {
        SourceProgress { done: self.all.iter().map(|(_, reader)| reader.progress().done).sum(), total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gateways::Gateways;
    use super::super::set::DemoSet;
    use super::super::source::opened;
    use super::*;
    use crate::types::VirtualClock;

    fn start(parallelism: usize, restored: Option<Vec<Vec<u8>>>, clock: &Arc<VirtualClock>) -> SourceStart {
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        SourceStart { parallelism, projection: vec![0, 1, 3], restored, batch_rows: 64, clock }
    }

    /// Polls every split once; the rows that come, as text, by split.
    fn round(reader: &mut dyn Source, into: &mut BTreeMap<String, Vec<String>>) {
        for split in reader.splits().expect("partitioned").to_vec() {
            if let SourcePoll::Rows { rows, .. } = reader.poll_split(&split).expect("polls") {
                let rows = (0..rows.num_rows()).map(|row| format!("{:?}", rows.slice(row, 1).columns()));
                into.entry(split).or_default().extend(rows);
            }
        }
    }

    #[test]
    fn a_partition_that_was_cut_goes_on_where_it_was_at_any_parallelism() {
        let clock = Arc::new(VirtualClock::at(0));
        let whole = {
            let mut rows = BTreeMap::new();
            let mut readers = opened(&Gateways, 2_000, None, &start(1, None, &clock)).expect("opens");
            while !readers[0].is_at_end() {
                round(&mut *readers[0], &mut rows);
            }
            rows
        };
        assert_eq!(
            whole.iter().map(|(name, rows)| (name.as_str(), rows.len())).collect::<Vec<_>>(),
            [("north", 1_000), ("south", 1_000 - 180 * 4)]
        );
        for rounds in 0..20 {
            let (mut rows, mut parallelism, mut restored) = (BTreeMap::new(), 1, None);
            for next in [2, 1, 3] {
                let mut readers = opened(&Gateways, 2_000, None, &start(parallelism, restored, &clock)).expect("opens");
                (0..rounds).for_each(|_| readers.iter_mut().for_each(|reader| round(&mut **reader, &mut rows)));
                restored = Some(readers.iter_mut().map(|reader| reader.snapshot(CheckpointId(1)).unwrap()).collect());
                parallelism = next;
            }
            for reader in &mut opened(&Gateways, 2_000, None, &start(parallelism, restored, &clock)).expect("opens") {
                while !reader.is_at_end() {
                    round(&mut **reader, &mut rows);
                }
                assert!(matches!(reader.poll(), Ok(SourcePoll::End)));
            }
            assert_eq!(rows, whole, "{rounds} rounds each");
        }
    }

    #[test]
    fn silence_takes_its_time() {
        let clock = Arc::new(VirtualClock::at(0));
        // A second of event time a second.
        let mut readers = opened(&Gateways, 4_800, Some(8.0), &start(1, None, &clock)).expect("opens");
        let mut seen = [0, 0];
        for second in 0..=250 {
            clock.advance_to(second * 1_000);
            let mut rows = BTreeMap::new();
            (0..8).for_each(|_| round(&mut *readers[0], &mut rows));
            for (seen, name) in seen.iter_mut().zip(Gateways.partitions()) {
                *seen += rows.get(*name).map_or(0, Vec::len);
            }
            let due = usize::try_from(second * 4 + 1).unwrap();
            let heard = if second < 60 { due } else { due.saturating_sub(180 * 4).max(240) };
            assert_eq!(seen, [due, heard], "second {second}");
        }
    }
}
