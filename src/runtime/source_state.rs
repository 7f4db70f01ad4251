//! The state that the readers of a source keep across restarts.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray, UInt64Array};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use crate::api::Rejected;
use crate::state::{OperatorStateDescriptor, RestoredState, StateChange};
use crate::types::{Error, NO_TIME, Result};

/// [`Source::snapshot`](crate::api::Source::snapshot) of each reader.
const READER: OperatorStateDescriptor = OperatorStateDescriptor::union("reader");
/// Beside each of those, in the same order: how far event time had come in each of the reader's splits, and how many
/// entries of held rows are of that split.
const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");
/// Rows that a reader has returned but that have not left the source yet: not due by the pace, or beyond the budget of
/// rows. The reader's position is behind them, so they must be kept.
pub(super) const HELD: OperatorStateDescriptor = OperatorStateDescriptor::union("held");

/// Beside each of those, in the same order: the rows between the held ones that were given up, to be counted when those
/// around them leave. Earlier versions gave them up when they were read.
const LOST: OperatorStateDescriptor = OperatorStateDescriptor::union("lost");

/// The state of every source. Which instance goes on with which reader is decided where they are opened.
pub(super) const STATES: [OperatorStateDescriptor; 4] = [READER, WATERMARK, HELD, LOST];

const ROWS_VERSION: u8 = 1;
const VERSION: u8 = 3;
/// In this one, a reader had one event time: the largest that had left, and the number of its entries of held rows.
const VERSION_OF_ONE_TIME: u8 = 2;
/// In this one, an entry of event times had three: the largest by which the watermark had risen, the one that a row had
/// to exceed to raise it, and the largest among the held rows; and it did not count those.
const VERSION_OF_COMMON_TIMES: u8 = 1;

/// Rows that were given up, in order, each with how many of the rows around it leave before it.
pub(super) type Lost = VecDeque<(usize, Rejected)>;

/// Rows that a reader holds, and those between them that were given up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeldRows {
    pub(super) rows: RecordBatch,
    pub(super) lost: Lost,
}

/// The state of one reader at a barrier, and what it goes on from after a restore: the rows that it still has to give
/// meet the event time that it had reached.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ReaderState {
    /// The bytes that [`Source::snapshot`](crate::api::Source::snapshot) returned.
    pub(super) position: Vec<u8>,
    /// The reader's splits; of a reader whose rows have one event time that one, without a name.
    pub(super) splits: Vec<SplitState>,
}

/// The state of one split.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SplitState {
    pub(super) name: String,
    pub(super) times: SplitTimes,
    pub(super) held: Vec<HeldRows>,
}

/// The event time that a split has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SplitTimes {
    /// The largest event time that has left, [`NO_TIME`] for none.
    pub(super) newest: i64,
    /// The largest mark of an expression, [`NO_TIME`] for none, as where times alone raise the watermark.
    pub(super) mark: i64,
}

impl Default for SplitTimes {
    fn default() -> Self {
        Self { newest: NO_TIME, mark: NO_TIME }
    }
}

impl SplitTimes {
    /// What the watermark goes on from.
    pub(super) const fn reached(self, punctuated: bool) -> i64 {
        if punctuated { self.mark } else { self.newest }
    }

    /// The later of each of both.
    pub(super) fn max(self, other: Self) -> Self {
        Self { newest: self.newest.max(other.newest), mark: self.mark.max(other.mark) }
    }
}

/// A split in an entry of event times.
#[derive(Debug, Serialize, Deserialize)]
struct StoredSplit {
    name: String,
    #[serde(flatten)]
    times: SplitTimes,
    /// Entries of held rows.
    held: usize,
}

impl ReaderState {
    pub(super) fn changes(self) -> Result<Vec<StateChange>> {
        let stored =
            |split: &SplitState| StoredSplit { name: split.name.clone(), times: split.times, held: split.held.len() };
        let mut time = vec![VERSION];
        let stored: Vec<StoredSplit> = self.splits.iter().map(stored).collect();
        time.extend(serde_json::to_vec(&stored).map_err(Error::state)?);
        let held: Vec<HeldRows> = self.splits.into_iter().flat_map(|split| split.held).collect();
        let mut changes = vec![
            StateChange::Operator { state: READER.name, entry: self.position },
            StateChange::Operator { state: WATERMARK.name, entry: time },
        ];
        changes.push(StateChange::Operator { state: LOST.name, entry: encode_lost(&held)? });
        for held in held {
            changes.push(StateChange::Operator { state: HELD.name, entry: encode(&held.rows)? });
        }
        Ok(changes)
    }

    /// The states of every reader of the earlier run; `None` when that run had no such source.
    ///
    /// # Errors
    /// When an entry is damaged, or of a later version.
    pub(super) fn read(state: &dyn RestoredState) -> Result<Option<Vec<Self>>> {
        let positions = state.operator(&READER)?;
        let times = state.operator(&WATERMARK)?;
        let entries = state.operator(&HELD)?;
        let mut lost = state.operator(&LOST)?.into_iter();
        let mut held = entries.iter().map(|entry| decode(entry)).collect::<Result<VecDeque<_>>>()?;
        let reached = times.iter().map(|entry| splits_of(entry)).collect::<Result<Vec<_>>>()?;
        if positions.len() != reached.len() {
            return Err(Error::state("the readers of a source and their event times are not as many"));
        }
        let no_lost = |rows| HeldRows { rows, lost: Lost::new() };
        let mut readers = Vec::new();
        for (position, stored) in positions.into_iter().zip(reached) {
            let count = stored.iter().map(|split| split.held).sum::<usize>();
            let mut own: Vec<Vec<HeldRows>> =
                held.drain(..count.min(held.len())).map(|rows| rows.into_iter().map(no_lost).collect()).collect();
            if let Some(lost) = lost.next() {
                decode_lost(&lost, &mut own.iter_mut().flatten().collect::<Vec<_>>())?;
            }
            let mut own = own.into_iter();
            let split = |StoredSplit { name, times, held }| SplitState {
                name,
                times,
                held: own.by_ref().take(held).flatten().collect(),
            };
            readers.push(Self { position, splits: stored.into_iter().map(split).collect() });
        }
        // Only the first version did not count them all; no row may be lost.
        for (index, rows) in held.into_iter().enumerate() {
            let count = readers.len().max(1);
            let split = readers.get_mut(index % count).and_then(|reader| reader.splits.first_mut());
            let split = split.ok_or_else(|| Error::state("held rows of no reader"))?;
            split.held.extend(rows.into_iter().map(no_lost));
        }
        Ok((!readers.is_empty()).then_some(readers))
    }

    /// The rows that it held.
    pub(super) fn held(&self) -> impl Iterator<Item = &HeldRows> {
        self.splits.iter().flat_map(|split| &split.held)
    }

    /// The least time that a split of it goes on from.
    pub(super) fn reached(&self, punctuated: bool) -> i64 {
        self.splits.iter().map(|split| split.times.reached(punctuated)).min().unwrap_or(NO_TIME)
    }
}

/// The splits of an entry of event times.
fn splits_of(entry: &[u8]) -> Result<Vec<StoredSplit>> {
    let damaged = || Error::state("the watermark of a source is damaged");
    let time = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
    let one = |newest: i64, held: usize| {
        vec![StoredSplit { name: String::new(), times: SplitTimes { newest, mark: NO_TIME }, held }]
    };
    match entry.split_first() {
        Some((&VERSION, rest)) => serde_json::from_slice(rest).map_err(|_| damaged()),
        Some((&VERSION_OF_ONE_TIME, rest)) => {
            let (max_time, held) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
            let held = u32::from_le_bytes(held.try_into().map_err(|_| damaged())?);
            Ok(one(time(max_time), usize::try_from(held).map_err(Error::state)?))
        }
        Some((&VERSION_OF_COMMON_TIMES, [_at_end, times @ ..])) => match times.as_chunks::<8>() {
            // What a reader held then was mostly one batch.
            ([max_time, _, held], []) => Ok(one(time(max_time), usize::from(time(held) != NO_TIME))),
            _ => Err(damaged()),
        },
        Some((&version, _)) if version > VERSION => {
            Err(Error::state(format!("the watermark of a source is of version {version}; this build reads {VERSION}")))
        }
        Some(_) | None => Err(damaged()),
    }
}

fn encode(rows: &RecordBatch) -> Result<Vec<u8>> {
    let mut bytes = vec![ROWS_VERSION];
    let mut writer = StreamWriter::try_new(&mut bytes, rows.schema_ref())?;
    writer.write(rows)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

fn decode(entry: &[u8]) -> Result<Vec<RecordBatch>> {
    let Some((&ROWS_VERSION, bytes)) = entry.split_first() else {
        return Err(Error::state("the held rows of a source are damaged"));
    };
    let reader = StreamReader::try_new(Cursor::new(bytes), None)
        .map_err(|error| Error::state(format!("the held rows of a source are damaged: {error}")))?;
    Ok(reader.collect::<Result<Vec<_>, _>>()?)
}

/// The columns of an entry of lost rows: which of the reader's held batches, behind how many of its rows, and the row.
fn encode_lost(held: &[HeldRows]) -> Result<Vec<u8>> {
    let lost = || held.iter().enumerate().flat_map(|(batch, held)| held.lost.iter().map(move |lost| (batch, lost)));
    let number = |numbers: &mut dyn Iterator<Item = usize>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(numbers.map(|number| number as u64)))
    };
    let columns: [(&str, ArrayRef); 5] = [
        ("batch", number(&mut lost().map(|(batch, _)| batch))),
        ("before", number(&mut lost().map(|(_, (before, _))| *before))),
        ("place", Arc::new(StringArray::from_iter_values(lost().map(|(_, (_, row))| &row.place)))),
        ("row", Arc::new(BinaryArray::from_iter_values(lost().map(|(_, (_, row))| &row.row)))),
        ("message", Arc::new(StringArray::from_iter_values(lost().map(|(_, (_, row))| &row.message)))),
    ];
    encode(&RecordBatch::try_from_iter(columns)?)
}

fn decode_lost(entry: &[u8], held: &mut [&mut HeldRows]) -> Result<()> {
    let damaged = || Error::state("the rows that a source gave up are damaged");
    for rows in decode(entry)? {
        let [batch, before, place, row, message] = rows.columns() else { return Err(damaged()) };
        let number = |column: &ArrayRef, at: usize| -> Option<usize> {
            usize::try_from(column.as_primitive_opt::<UInt64Type>()?.value(at)).ok()
        };
        let text = |column: &ArrayRef, at: usize| Some(column.as_string_opt::<i32>()?.value(at).to_owned());
        for at in 0..rows.num_rows() {
            let lost = || {
                let row = row.as_binary_opt::<i32>()?.value(at).to_vec();
                let row = Rejected { place: text(place, at)?, row, message: text(message, at)? };
                Some((number(batch, at)?, (number(before, at)?, row)))
            };
            let (batch, lost) = lost().ok_or_else(damaged)?;
            held.get_mut(batch).ok_or_else(damaged)?.lost.push_back(lost);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;

    use super::*;
    use crate::memory_state::MemoryState;
    use crate::state::StateDelta;

    fn stored(changes: Vec<StateChange>) -> MemoryState {
        let mut state = MemoryState::default();
        state.apply(&(0..1).into(), &StateDelta { changes }, &|_| unreachable!("a source has no keyed state"));
        state
    }

    fn rows() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        RecordBatch::try_from_iter([("v", column)]).expect("one column")
    }

    #[test]
    fn each_reader_is_given_back_its_own_time_and_its_own_rows() {
        let written = || {
            let row = |row: &str| Rejected { place: "f:1".to_owned(), row: row.into(), message: "bad".to_owned() };
            let held = |rows, lost: &[&str]| HeldRows { rows, lost: lost.iter().map(|&of| (1, row(of))).collect() };
            let split = |name: &str, newest, mark, held| SplitState {
                name: name.to_owned(),
                times: SplitTimes { newest, mark },
                held,
            };
            let splits = [
                vec![split("", 50, NO_TIME, vec![])],
                vec![split("", NO_TIME, NO_TIME, vec![held(rows(), &["a", "\u{0}"])])],
                vec![
                    split("p-0", 80, 70, vec![held(rows().slice(1, 1), &[]), held(rows(), &["x"])]),
                    split("p-1", 10, NO_TIME, vec![held(rows(), &[])]),
                    split("p-2", NO_TIME, 3, vec![]),
                ],
                vec![],
            ];
            splits.into_iter().zip(1..).map(|(splits, position)| ReaderState { position: vec![position], splits })
        };
        let changes = written().map(|reader| reader.changes().expect("rows can be encoded"));
        let restored = ReaderState::read(&stored(changes.flatten().collect())).expect("as written");
        assert_eq!(restored, Some(written().collect()));
        assert_eq!(ReaderState::read(&stored(Vec::new())).expect("no such source"), None);
    }

    #[test]
    fn entries_of_the_first_version_are_read_and_their_rows_go_to_who_held_some() {
        let mut changes = Vec::new();
        for (max_time, held_time) in [(50_i64, NO_TIME), (60, 90)] {
            let mut entry = vec![VERSION_OF_COMMON_TIMES, 0];
            entry.extend([max_time, max_time + 5, held_time].iter().flat_map(|time| time.to_le_bytes()));
            changes.push(StateChange::Operator { state: READER.name, entry: vec![1] });
            changes.push(StateChange::Operator { state: WATERMARK.name, entry });
        }
        changes.push(StateChange::Operator { state: HELD.name, entry: encode(&rows()).expect("it is encoded") });
        let restored = ReaderState::read(&stored(changes)).expect("as written").expect("readers");
        let found: Vec<_> = restored.iter().map(|reader| (reader.reached(false), reader.held().count())).collect();
        assert_eq!(found, [(50, 0), (60, 1)]);
    }

    #[test]
    fn entries_of_the_second_version_are_read() {
        let mut entry = vec![VERSION_OF_ONE_TIME];
        entry.extend(50_i64.to_le_bytes());
        entry.extend(1_u32.to_le_bytes());
        let changes = vec![
            StateChange::Operator { state: READER.name, entry: vec![1] },
            StateChange::Operator { state: WATERMARK.name, entry },
            StateChange::Operator { state: HELD.name, entry: encode(&rows()).expect("it is encoded") },
        ];
        let restored = ReaderState::read(&stored(changes)).expect("as written").expect("readers");
        assert_eq!((restored[0].reached(false), restored[0].reached(true)), (50, NO_TIME));
        assert_eq!(restored[0].held().count(), 1);
    }

    #[test]
    fn damage_is_an_error() {
        for (state, entry) in [(READER, vec![1]), (WATERMARK, vec![9, 9]), (WATERMARK, vec![2, 9]), (HELD, vec![9, 9])]
        {
            let damaged = stored(vec![StateChange::Operator { state: state.name, entry }]);
            assert!(ReaderState::read(&damaged).is_err(), "{}", state.name);
        }
    }
}
