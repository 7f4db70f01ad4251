use std::time::Duration;

use arrow_array::Int64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field, Schema as ArrowSchema};

use super::*;
use crate::connectors::testing::start;
use crate::types::VirtualClock;

struct Numbers;

impl RowGenerator for Numbers {
    fn rows(&mut self, first: u64, count: usize) -> Result<RecordBatch> {
        let schema = Arc::new(ArrowSchema::new(vec![Field::new("n", DataType::Int64, true)]));
        let numbers: Int64Array = (first.cast_signed()..).take(count).collect();
        Ok(RecordBatch::try_new(schema, vec![Arc::new(numbers)])?)
    }
}

fn plan(total: Option<u64>, rate: Option<f64>) -> RowPlan {
    RowPlan { input: "numbers".to_owned(), total, rate }
}

fn numbers(poll: SourcePoll) -> Vec<i64> {
    match poll {
        SourcePoll::Rows { rows, .. } => rows.column(0).as_primitive::<Int64Type>().values().to_vec(),
        SourcePoll::Pending(_) | SourcePoll::End => Vec::new(),
    }
}

#[test]
fn rows_flow_at_their_rate_whatever_the_polls() {
    let clock = VirtualClock::at(1_000);
    let start = SourceStart { clock: Arc::new(clock.clone()), ..start(2, &[0], 8) };
    let mut readers = readers(&plan(Some(100), Some(40.0)), &start, || Box::new(Numbers)).unwrap();
    let mut got = vec![0_usize; 2];
    for step in 0..25_u64 {
        for (at, reader) in readers.iter_mut().enumerate() {
            loop {
                let rows = numbers(reader.poll().unwrap());
                if rows.is_empty() {
                    break;
                }
                got[at] += rows.len();
            }
        }
        // 40 rows a second are one every 25 ms; the first is due at once.
        let due = usize::try_from(step * 4 + 1).unwrap();
        assert_eq!(got.iter().sum::<usize>(), due, "after {step} times 100 ms");
        clock.advance(Duration::from_millis(100));
    }
    assert!(got.iter().all(|&rows| rows > 20), "one reader sat on the rows: {got:?}");
}

#[test]
fn a_reader_says_when_its_next_row_is_due() {
    let clock = VirtualClock::at(5_000);
    let start = SourceStart { clock: Arc::new(clock.clone()), ..start(1, &[0], 8) };
    let mut readers = readers(&plan(None, Some(2.0)), &start, || Box::new(Numbers)).unwrap();
    assert_eq!(numbers(readers[0].poll().unwrap()), [0]);
    let SourcePoll::Pending(due) = readers[0].poll().unwrap() else { panic!("row 1 is not due") };
    assert_eq!(due, Some(5_500));
    clock.advance_to(5_500);
    assert_eq!(numbers(readers[0].poll().unwrap()), [1]);
    assert_eq!(readers[0].progress(), SourceProgress { done: 2, total: None });
}

#[test]
fn progress_goes_on_where_the_restored_run_was() {
    let start_options = start(2, &[0], 10);
    let mut first = readers(&plan(Some(100), None), &start_options, || Box::new(Numbers)).unwrap();
    for _ in 0..2 {
        first[0].poll().unwrap();
        first[1].poll().unwrap();
    }
    let restored = first.iter_mut().map(|reader| reader.snapshot(CheckpointId(1)).unwrap()).collect();
    let again = SourceStart { restored: Some(restored), ..start(3, &[0], 10) };
    let second = readers(&plan(Some(100), None), &again, || Box::new(Numbers)).unwrap();
    assert_eq!(second.iter().map(|reader| reader.progress().done).sum::<u64>(), 40);
}
