use std::collections::VecDeque;

use super::*;
use crate::connectors::random::Stream;

/// Splits are the tens of 0..100; a split is read one number at a time.
#[derive(Debug)]
struct Tens {
    next: u64,
    end: u64,
}

impl Splits for Tens {
    type Split = (u64, u64);

    fn take(&mut self) -> Option<(u64, u64)> {
        let start = self.next;
        (start < self.end).then(|| {
            self.next = (start + 10).min(self.end);
            (start, self.next)
        })
    }

    fn position(&self) -> u64 {
        self.next
    }
}

/// A seeded run: readers read, checkpoints are taken one reader at a time, in any order, and what was read before a
/// reader's snapshot counts for the checkpoint.
struct Run {
    dealer: Dealer<Tens>,
    readers: Vec<TestReader>,
    checkpoint: u64,
    /// The last checkpoint that every reader has taken: what had been read, and the entries.
    complete: Option<(Vec<u64>, Vec<Vec<u8>>)>,
}

#[derive(Default)]
struct TestReader {
    current: Option<(u64, u64)>,
    read: Vec<u64>,
    ended: bool,
    pending: VecDeque<u64>,
    taken: Vec<(u64, usize, Vec<u8>)>,
}

const INPUT: &str = "tens";
const END: u64 = 97;

impl Run {
    fn new(parallelism: usize, restored: Option<&[Vec<u8>]>) -> Self {
        let left = restored.map_or(Remaining::all(), |entries| remaining(entries, INPUT, str::eq).unwrap());
        let readers = left.readers(parallelism);
        let dealer = Dealer::new(Tens { next: left.next, end: END }, left, parallelism);
        let readers = (0..readers).map(|_| TestReader::default()).collect();
        Self { dealer, readers, checkpoint: 0, complete: None }
    }

    /// One random step; false when every reader has ended.
    fn step(&mut self, random: u64) -> bool {
        let count = self.readers.len() as u64;
        let index = usize::try_from(random % count).unwrap();
        match random / 64 % 8 {
            // At most two checkpoints are under way, so that they overlap.
            0 if self.readers.iter().all(|reader| reader.pending.len() < 2) => {
                self.checkpoint += 1;
                self.readers.iter_mut().for_each(|reader| reader.pending.push_back(self.checkpoint));
            }
            1 | 2 => self.snapshot(index),
            _ => self.read(index),
        }
        self.readers.iter().any(|reader| !reader.ended)
    }

    fn snapshot(&mut self, index: usize) {
        let reader = &mut self.readers[index];
        let Some(id) = reader.pending.pop_front() else { return };
        let entry = self.dealer.snapshot(index, CheckpointId(id), INPUT, reader.current).unwrap();
        reader.taken.push((id, reader.read.len(), entry));
        let entries: Option<Vec<_>> = self
            .readers
            .iter()
            .map(|reader| {
                reader
                    .taken
                    .iter()
                    .find(|(taken, ..)| *taken == id)
                    .map(|(_, len, entry)| (&reader.read[..*len], entry))
            })
            .collect();
        if let Some(entries) = entries {
            let read = entries.iter().flat_map(|(read, _)| read.iter().copied()).collect();
            self.complete = Some((read, entries.into_iter().map(|(_, entry)| entry.clone()).collect()));
        }
    }

    fn read(&mut self, index: usize) {
        let reader = &mut self.readers[index];
        if reader.ended {
            return;
        }
        match reader.current {
            Some((at, end)) => {
                reader.read.push(at);
                reader.current = (at + 1 < end).then_some((at + 1, end));
            }
            None => match self.dealer.deal(index) {
                Deal::Split(split) => reader.current = Some(split),
                Deal::Wait => {}
                Deal::End => reader.ended = true,
            },
        }
    }
}

#[test]
fn whatever_the_interleaving_a_restored_run_reads_the_rest_exactly_once() {
    let mut mid_way = 0;
    for seed in 0..2_000 {
        let random = Stream::new(seed, "dealer");
        let mut before: Vec<u64> = Vec::new();
        let mut entries: Option<Vec<Vec<u8>>> = None;
        let mut row = 0;
        for attempt in 0..4 {
            let readers = usize::try_from(random.below(1_000 + attempt, 4)).unwrap() + 1;
            let mut run = Run::new(readers, entries.as_deref());
            let steps = random.below(2_000 + attempt, 150);
            for _ in 0..steps {
                row += 1;
                run.step(random.at(row));
            }
            // The run dies here; what it read after its last complete checkpoint is forgotten.
            if let Some((read, complete)) = run.complete {
                mid_way += usize::from(!read.is_empty() && read.len() < 97);
                before.extend(read);
                entries = Some(complete);
            }
        }
        let mut last = Run::new(2, entries.as_deref());
        while last.step({
            row += 1;
            random.at(row)
        }) {}
        for reader in &last.readers {
            before.extend(&reader.read);
        }
        before.sort_unstable();
        assert_eq!(before, (0..END).collect::<Vec<_>>(), "seed {seed}");
    }
    assert!(mid_way > 500, "too few of the checkpoints were in the middle: {mid_way}");
}

#[test]
fn a_reader_goes_on_with_its_own_split_and_the_rest_is_dealt_in_order() {
    let left = Remaining { next: 50, begun: vec![Some((38, 40)), None], returned: vec![(13, 20)] };
    let dealer = Dealer::new(Tens { next: 50, end: 70 }, left, 2);
    let dealt: Vec<_> = [0, 1, 0, 1, 0].map(|reader| dealer.deal(reader)).into();
    let split = |split| Deal::Split(split);
    assert_eq!(dealt, [split((38, 40)), split((13, 20)), split((50, 60)), split((60, 70)), Deal::End]);
}

#[test]
fn more_readers_than_subtasks_finish_what_they_had_begun_and_the_last_go_on() {
    let left = Remaining { next: 50, begun: vec![Some((13, 20)), None, Some((38, 40))], returned: Vec::new() };
    assert_eq!(left.readers(1), 3);
    let dealer = Dealer::new(Tens { next: 50, end: 60 }, left, 1);
    assert_eq!([0, 1, 2].map(|reader| dealer.has_ended(reader)), [false, true, false]);
    let dealt: Vec<_> = [0, 0, 1, 2, 2, 2].map(|reader| dealer.deal(reader)).into();
    let split = |split| Deal::Split(split);
    assert_eq!(dealt, [split((13, 20)), Deal::End, Deal::End, split((38, 40)), split((50, 60)), Deal::End]);
}

#[test]
fn a_reader_for_which_there_is_no_split_is_at_its_end_before_it_asks() {
    let dealer = Dealer::new(Tens { next: 0, end: 15 }, Remaining::all(), 3);
    assert_eq!([0, 1, 2].map(|reader| dealer.has_ended(reader)), [false, false, true]);
    let entry = dealer.snapshot(1, CheckpointId(1), INPUT, None).unwrap();
    let left = remaining::<(u64, u64)>(&[entry], INPUT, str::eq).unwrap();
    assert_eq!(left.begun, [Some((10, 15))], "what it was dealt and has not asked for is its own");
}

#[test]
fn a_reader_that_has_taken_a_snapshot_waits_for_those_that_have_not() {
    let dealer = Dealer::new(Tens { next: 0, end: 100 }, Remaining::all(), 3);
    dealer.snapshot(0, CheckpointId(1), INPUT, None).unwrap();
    assert_eq!(dealer.deal(0), Deal::Split((0, 10)), "dealt before");
    assert_eq!(dealer.deal(0), Deal::Wait);
    dealer.snapshot(1, CheckpointId(1), INPUT, None).unwrap();
    assert_eq!(dealer.deal(0), Deal::Wait);
    dealer.end(2);
    assert_eq!(dealer.deal(0), Deal::Split((30, 40)));
}

#[test]
fn positions_in_another_input_or_of_a_later_version_are_refused() {
    let dealer = Dealer::new(Tens { next: 0, end: 100 }, Remaining::all(), 1);
    let entry = dealer.snapshot(0, CheckpointId(1), INPUT, Some((3, 10))).unwrap();
    let refused =
        |entries: &[Vec<u8>], input: &str| remaining::<(u64, u64)>(entries, input, str::eq).unwrap_err().to_string();
    insta::assert_snapshot!(refused(std::slice::from_ref(&entry), "others"), @"the input is not the one that was checkpointed: then tens, now others; bring it back as it was, or start the job anew");
    let later = String::from_utf8(entry).unwrap().replace("\"version\":1", "\"version\":2").into_bytes();
    insta::assert_snapshot!(refused(&[later], INPUT), @"a source's position is of version 2; this build reads 1");
    insta::assert_snapshot!(refused(&[b"{}".to_vec()], INPUT), @"a source's position is damaged: missing field `version` at line 1 column 2");
    insta::assert_snapshot!(refused(&[], INPUT), @"a source's checkpoint has no positions");
}
