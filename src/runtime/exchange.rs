//! One edge as its producer sees it: which rows go to which subtask, and what waits for room there.

use std::collections::VecDeque;

use arrow_array::{ArrayRef, UInt32Array};

use super::channel::Sender;
use super::checks;
use crate::api::Exchange;
use crate::types::{Batch, ChannelStatus, Result, Schema, StreamElement, key_group};

/// The outgoing channels of one edge of one subtask.
#[derive(Debug)]
pub(super) struct EdgeOutput {
    partitioner: Partitioner,
    targets: Vec<Target>,
    /// Elements that found their channel full, over all targets.
    waiting: usize,
    /// Whether the readers were told that nothing is to be expected.
    idle: bool,
    schema: Schema,
}

#[derive(Debug)]
struct Target {
    sender: Sender,
    /// In order. While there is one, nothing may overtake it, and the subtask does no step: so there are never more than what
    /// the operators of its chain emit in one.
    pending: VecDeque<StreamElement>,
}

#[derive(Debug)]
enum Partitioner {
    /// There is one target, or every row goes to the first.
    First,
    /// Batches in turn.
    RoundRobin { next: usize },
    /// Every row to every target.
    Broadcast,
    /// By key group: `owners` says to which target each goes.
    Hash { columns: Vec<usize>, owners: Vec<u16>, scratch: Scratch },
}

/// Kept between batches, so that splitting allocates nothing that lasts.
#[derive(Debug, Default)]
struct Scratch {
    hashes: Vec<u64>,
    targets: Vec<u16>,
    /// The place where each target's rows end.
    ends: Vec<usize>,
}

impl EdgeOutput {
    /// The output of producer `subtask` over `senders`: for [`Exchange::Forward`] between equal parallelisms the one
    /// channel to its own counterpart, else one to each subtask of the reader.
    pub(super) fn new(
        exchange: &Exchange,
        subtask: usize,
        senders: Vec<Sender>,
        max_parallelism: u16,
        schema: Schema,
    ) -> Self {
        let count = senders.len();
        let partitioner = match exchange {
            _ if count <= 1 => Partitioner::First,
            Exchange::Global => Partitioner::First,
            Exchange::Broadcast => Partitioner::Broadcast,
            // Producers begin at different readers, or the first reader would get every producer's first batch.
            Exchange::Forward | Exchange::Rebalance | Exchange::Rescale => {
                Partitioner::RoundRobin { next: subtask % count }
            }
            Exchange::Hash(columns) => {
                let owner = |group| key_group::subtask_of(group, count, max_parallelism);
                // There are at most as many subtasks as key groups.
                let owners = (0..max_parallelism).map(|group| u16::try_from(owner(group)).unwrap_or(u16::MAX));
                Partitioner::Hash { columns: columns.clone(), owners: owners.collect(), scratch: Scratch::default() }
            }
        };
        let targets = senders.into_iter().map(|sender| Target { sender, pending: VecDeque::new() }).collect();
        Self { partitioner, targets, waiting: 0, idle: false, schema }
    }

    /// Sends rows to the subtasks that they belong to.
    pub(super) fn batch(&mut self, batch: Batch) -> Result<()> {
        checks::columns(&batch, &self.schema);
        self.status(ChannelStatus::Active);
        match &mut self.partitioner {
            Partitioner::First => self.send(0, StreamElement::Batch(batch)),
            Partitioner::RoundRobin { next } => {
                let target = *next;
                *next = (target + 1) % self.targets.len();
                self.send(target, StreamElement::Batch(batch));
            }
            Partitioner::Broadcast => self.control(&StreamElement::Batch(batch)),
            Partitioner::Hash { columns, owners, scratch } => {
                let order = scratch.assign(&batch, columns, self.targets.len(), owners)?;
                match order {
                    Assignment::One(target) => self.send(target, StreamElement::Batch(batch)),
                    Assignment::Sorted(indices) => {
                        let sorted = batch.take(&indices)?;
                        let ends = std::mem::take(&mut scratch.ends);
                        let mut start = 0;
                        for (target, &end) in ends.iter().enumerate() {
                            if end > start {
                                self.send(target, StreamElement::Batch(sorted.slice(start, end - start)));
                            }
                            start = end;
                        }
                        if let Partitioner::Hash { scratch, .. } = &mut self.partitioner {
                            scratch.ends = ends;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends a watermark to every subtask. Where the edge was idle it goes before the change of status: a reader that has
    /// nothing to read never holds time back between the two.
    pub(super) fn watermark(&mut self, watermark: i64) {
        self.control(&StreamElement::Watermark(watermark));
        self.status(ChannelStatus::Active);
    }

    /// Tells every subtask whether rows are to be expected; says nothing twice.
    pub(super) fn status(&mut self, status: ChannelStatus) {
        let idle = status == ChannelStatus::Idle;
        if self.idle != idle {
            self.idle = idle;
            self.control(&StreamElement::Status(status));
        }
    }

    /// Sends `element` to every subtask.
    pub(super) fn control(&mut self, element: &StreamElement) {
        for target in 0..self.targets.len() {
            self.send(target, element.clone());
        }
    }

    /// Sends what waits; whether nothing waits any more.
    pub(super) fn flush(&mut self) -> bool {
        if self.waiting == 0 {
            return true;
        }
        for target in &mut self.targets {
            while let Some(element) = target.pending.pop_front() {
                if let Err(back) = target.sender.try_send(element) {
                    target.pending.push_front(back);
                    break;
                }
                self.waiting -= 1;
            }
        }
        self.waiting == 0
    }

    /// Whether nothing waits for room.
    pub(super) const fn has_room(&self) -> bool {
        self.waiting == 0
    }

    /// Whether no reader wants anything more.
    pub(super) fn is_closed(&self) -> bool {
        self.targets.iter().all(|target| target.sender.is_closed())
    }

    fn send(&mut self, target: usize, element: StreamElement) {
        let target = &mut self.targets[target];
        let back = if target.pending.is_empty() { target.sender.try_send(element).err() } else { Some(element) };
        if let Some(element) = back {
            target.pending.push_back(element);
            self.waiting += 1;
        }
    }
}

enum Assignment {
    /// All rows belong to one target.
    One(usize),
    /// Rows by target; `Scratch::ends` says where each target's rows end.
    Sorted(UInt32Array),
}

/// Up to so many targets the rows are looked through once for each: that has no branch and no count to be kept a row.
const FEW: usize = 4;

impl Scratch {
    /// The row numbers by target, in their order.
    fn assign(&mut self, batch: &Batch, columns: &[usize], targets: usize, owners: &[u16]) -> Result<Assignment> {
        let keys: Vec<ArrayRef> = columns.iter().map(|&column| batch.column(column).clone()).collect();
        let (Ok(groups), false) = (u16::try_from(owners.len()), keys.is_empty()) else {
            return Ok(Assignment::One(0));
        };
        key_group::hash_keys(&keys, &mut self.hashes)?;
        self.targets.clear();
        self.targets.extend(self.hashes.iter().map(|&hash| owners[usize::from(key_group::key_group(hash, groups))]));
        let order = if targets <= FEW { self.by_passes(targets) } else { self.by_counting(targets) };
        let (rows, mut start) = (self.targets.len(), 0);
        for (target, &end) in self.ends.iter().enumerate() {
            if end - start == rows {
                return Ok(Assignment::One(target));
            }
            start = end;
        }
        Ok(Assignment::Sorted(order.into()))
    }

    fn by_passes(&mut self, targets: usize) -> Vec<u32> {
        let rows = self.targets.len();
        // One more, for a row that is not of the target when the order is full.
        let mut order = vec![0_u32; rows + 1];
        let mut at = 0;
        self.ends.clear();
        for target in 0..targets {
            for (row, &of) in (0_u32..).zip(&self.targets) {
                order[at] = row;
                at += usize::from(usize::from(of) == target);
            }
            self.ends.push(at);
        }
        order.truncate(rows);
        order
    }

    /// A counting sort.
    fn by_counting(&mut self, targets: usize) -> Vec<u32> {
        self.ends.clear();
        self.ends.resize(targets, 0);
        for &target in &self.targets {
            self.ends[usize::from(target)] += 1;
        }
        // From counts to where each target's rows begin; placing a row moves that on, so it ends as where they end.
        let mut start = 0;
        for end in &mut self.ends {
            (start, *end) = (start + *end, start);
        }
        let mut order = vec![0_u32; self.targets.len()];
        for (row, &target) in (0_u32..).zip(&self.targets) {
            let place = &mut self.ends[usize::from(target)];
            order[*place] = row;
            *place += 1;
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{Int64Array, RecordBatch};

    use super::super::channel::{Receiver, channel};
    use super::*;
    use crate::types::{Field, LogicalType};

    fn edge(exchange: &Exchange, targets: usize, capacity: usize) -> (EdgeOutput, Vec<Receiver>) {
        let (senders, receivers) = (0..targets).map(|_| channel(capacity, Arc::default(), Arc::default())).unzip();
        let schema = Schema::new([Field::new("k", LogicalType::BigInt)]);
        (EdgeOutput::new(exchange, 0, senders, 128, schema), receivers)
    }

    fn batch(values: &[i64]) -> Batch {
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        Batch::new(RecordBatch::try_from_iter([("k", column)]).expect("one column"), values.to_vec().into())
    }

    fn received(receiver: &mut Receiver) -> Vec<i64> {
        let mut values = Vec::new();
        while let Some(element) = receiver.try_receive() {
            if let StreamElement::Batch(batch) = element {
                assert_eq!(batch.times().to_vec(), batch.column(0).as_primitive::<Int64Type>().values().to_vec());
                values.extend_from_slice(batch.times());
            }
        }
        values
    }

    #[test]
    fn a_hash_exchange_sends_every_row_once_to_the_owner_of_its_key_group_in_order() {
        for targets in [3, 7] {
            hashed_to(targets);
        }
    }

    fn hashed_to(targets: usize) {
        let (mut edge, mut receivers) = edge(&Exchange::Hash(vec![0]), targets, 8);
        let values: Vec<i64> = (0..100).map(|v| v * 7 % 41).collect();
        edge.batch(batch(&values)).expect("ints hash");
        let mut hashes = Vec::new();
        let key: ArrayRef = Arc::new(Int64Array::from(values.clone()));
        key_group::hash_keys(&[key], &mut hashes).expect("ints hash");
        for (index, receiver) in receivers.iter_mut().enumerate() {
            let owned: Vec<i64> = values
                .iter()
                .zip(&hashes)
                .filter(|(_, hash)| key_group::subtask_of(key_group::key_group(**hash, 128), targets, 128) == index)
                .map(|(value, _)| *value)
                .collect();
            assert!(!owned.is_empty());
            assert_eq!(received(receiver), owned);
        }
    }

    #[test]
    fn what_finds_no_room_waits_in_order_and_other_targets_go_on() {
        let (mut edge, mut receivers) = edge(&Exchange::Rebalance, 2, 1);
        for value in 0..6 {
            edge.batch(batch(&[value])).expect("a batch");
        }
        assert!(!edge.flush());
        assert_eq!(received(&mut receivers[1]), [1]);
        assert!(!edge.flush());
        assert_eq!(received(&mut receivers[1]), [3]);
        assert_eq!(received(&mut receivers[0]), [0]);
        edge.flush();
        assert_eq!(received(&mut receivers[0]), [2]);
        assert_eq!(received(&mut receivers[1]), [5]);
        assert!(edge.flush());
        assert_eq!(received(&mut receivers[0]), [4]);
    }

    #[test]
    fn an_edge_is_closed_when_all_its_readers_are() {
        let (mut edge, mut receivers) = edge(&Exchange::Broadcast, 2, 1);
        receivers[0].close();
        assert!(!edge.is_closed());
        edge.batch(batch(&[1])).expect("a batch");
        assert_eq!(received(&mut receivers[1]), [1]);
        receivers[1].close();
        assert!(edge.is_closed());
        edge.batch(batch(&[2])).expect("a batch");
        assert!(edge.flush());
    }
}
