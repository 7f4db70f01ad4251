//! What a source subtask keeps across restarts besides its reader's position.

use std::io::Cursor;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;

use crate::state::{OperatorStateDescriptor, RestoredState, StateChange};
use crate::types::{Error, NO_TIME, Result};

/// [`Source::snapshot`](crate::api::Source::snapshot) of the reader.
const READER: OperatorStateDescriptor = OperatorStateDescriptor::union("reader");
/// The watermark generator's largest event time and whether the reader has come to its end.
const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");
/// Rows that the reader has returned but that have not left the source yet: not due by the pace, or beyond the budget
/// of rows. The reader's position is behind them, so they must be kept.
const HELD: OperatorStateDescriptor = OperatorStateDescriptor::split("held");

/// The state of every source.
pub(super) const STATES: [OperatorStateDescriptor; 3] = [READER, WATERMARK, HELD];

const VERSION: u8 = 1;

/// Which event times were reached: what a [`WatermarkGenerator`](crate::api::WatermarkGenerator) goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    /// By the slowest that was under way.
    pub(super) least: i64,
    /// By any.
    pub(super) largest: i64,
}

impl Default for Reached {
    fn default() -> Self {
        Self { least: NO_TIME, largest: NO_TIME }
    }
}

/// The state of one source subtask at a barrier.
#[derive(Debug)]
pub(super) struct SourceSnapshot {
    pub(super) reader: Vec<u8>,
    pub(super) times: Reached,
    pub(super) at_end: bool,
    /// The largest event time among `held`, [`NO_TIME`] when there is none.
    pub(super) held_time: i64,
    pub(super) held: Vec<RecordBatch>,
}

impl SourceSnapshot {
    pub(super) fn changes(self) -> Result<Vec<StateChange>> {
        let mut watermark = vec![VERSION, u8::from(self.at_end)];
        watermark.extend_from_slice(&self.times.least.to_le_bytes());
        watermark.extend_from_slice(&self.times.largest.to_le_bytes());
        watermark.extend_from_slice(&self.held_time.to_le_bytes());
        let mut changes = vec![
            StateChange::Operator { state: READER.name, entry: self.reader },
            StateChange::Operator { state: WATERMARK.name, entry: watermark },
        ];
        for rows in self.held {
            changes.push(StateChange::Operator { state: HELD.name, entry: encode(&rows)? });
        }
        Ok(changes)
    }
}

/// What all readers of a source start from after a restore.
#[derive(Debug, Default)]
pub(super) struct RestoredSource {
    /// Of every reader of the earlier run; `None` when that run had no such source.
    pub(super) readers: Option<Vec<Vec<u8>>>,
    /// Where every watermark generator goes on from.
    pub(super) times: Reached,
}

impl RestoredSource {
    pub(super) fn fresh() -> Self {
        Self { readers: None, times: Reached::default() }
    }

    pub(super) fn read(state: &dyn RestoredState) -> Result<Self> {
        let readers = state.operator(&READER)?;
        let times = common_times(&state.operator(&WATERMARK)?)?;
        Ok(Self { readers: (!readers.is_empty()).then_some(readers), times })
    }
}

/// The rows that an instance of the source goes on with, before what its reader reads.
pub(super) fn read_held(state: &dyn RestoredState) -> Result<Vec<RecordBatch>> {
    let held = state.operator(&HELD)?.iter().map(|entry| decode(entry)).collect::<Result<Vec<_>>>()?;
    Ok(held.concat())
}

/// The least of the readers that were under way (what they have not read yet may be as old as that), and the largest of
/// all. When all were at their end, the largest is both.
///
/// Rows that one of several readers held back come before older ones that another has yet to read, so they count for the
/// largest. A single reader goes on in order: its held rows must meet the very watermark that they would have met.
fn common_times(entries: &[Vec<u8>]) -> Result<Reached> {
    let damaged = || Error::state("the watermark of a source is damaged");
    let mut under_way: Option<i64> = None;
    let mut largest = NO_TIME;
    for entry in entries {
        let Some((&[VERSION, at_end], times)) = entry.split_first_chunk::<2>() else { return Err(damaged()) };
        let ([least, sent, held], []) = times.as_chunks::<8>() else { return Err(damaged()) };
        let least = i64::from_le_bytes(*least);
        largest = largest.max(i64::from_le_bytes(*sent));
        if entries.len() > 1 {
            largest = largest.max(i64::from_le_bytes(*held));
        }
        if at_end == 0 {
            under_way = Some(under_way.map_or(least, |common| common.min(least)));
        }
    }
    Ok(Reached { least: under_way.unwrap_or(largest), largest })
}

fn encode(rows: &RecordBatch) -> Result<Vec<u8>> {
    let mut bytes = vec![VERSION];
    let mut writer = StreamWriter::try_new(&mut bytes, rows.schema_ref())?;
    writer.write(rows)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

fn decode(entry: &[u8]) -> Result<Vec<RecordBatch>> {
    let Some((&VERSION, bytes)) = entry.split_first() else {
        return Err(Error::state("the held rows of a source are damaged"));
    };
    let reader = StreamReader::try_new(Cursor::new(bytes), None)
        .map_err(|error| Error::state(format!("the held rows of a source are damaged: {error}")))?;
    Ok(reader.collect::<Result<Vec<_>, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;
    use crate::memory_state::MemoryState;
    use crate::state::{Instance, StateDelta};

    fn stored(changes: Vec<StateChange>) -> MemoryState {
        let mut state = MemoryState::default();
        state.apply(&(0..1).into(), &StateDelta { changes }, &|_| unreachable!("a source has no keyed state"));
        state
    }

    #[test]
    fn what_is_written_is_read_back_and_the_least_time_under_way_counts() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let rows = RecordBatch::try_from_iter([("v", column)]).expect("one column");
        let mut changes = Vec::new();
        for (max_time, at_end) in [(50, false), (10, true), (80, false)] {
            let held = if at_end { vec![rows.slice(1, 1)] } else { Vec::new() };
            changes.extend(
                SourceSnapshot {
                    reader: vec![1],
                    times: Reached { least: max_time, largest: max_time + 5 },
                    held_time: max_time + 9,
                    at_end,
                    held,
                }
                .changes()
                .expect("rows can be encoded"),
            );
        }
        let state = stored(changes);
        let restored = RestoredSource::read(&state).expect("as written");
        assert_eq!(restored.times, Reached { least: 50, largest: 89 });
        assert_eq!(restored.readers.map(|readers| readers.len()), Some(3));
        // The held rows go on in one of two instances.
        let held =
            [0, 1].map(|index| read_held(&state.for_instance(Instance::new(index, 2, 128))).expect("as written"));
        assert_eq!(held, [vec![rows.slice(1, 1)], vec![]]);
    }

    #[test]
    fn damage_is_an_error() {
        for state in [READER, WATERMARK, HELD] {
            let damaged = stored(vec![StateChange::Operator { state: state.name, entry: vec![9, 9] }]);
            let refused = RestoredSource::read(&damaged).is_err() || read_held(&damaged).is_err();
            assert_eq!(refused, state != READER);
        }
    }
}
