//! The inputs of a subtask: several channels made one stream, in the order that checkpoints and event time need.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::channel::{ChannelState, Receiver};
use super::metrics::SubtaskMetrics;
use super::watermark_valve::{Passed, WatermarkValve};
use crate::api::Inputs;
use crate::checkpoint::{Aligned, Aligner};
use crate::types::{Batch, ChannelStatus, CheckpointId, Clock, Error, StreamElement};

/// The event that tells a subtask what to do next about its inputs.
#[derive(Debug)]
pub(super) enum GateEvent {
    /// Rows of this input.
    Batch(usize, Batch),
    /// Event time has risen.
    Watermark(i64),
    /// All inputs have become idle, or one active again.
    Status(ChannelStatus),
    /// Every live channel has delivered the barrier.
    Barrier(Aligned),
    /// A latency marker, which left its source at this time of the clock, nanoseconds.
    LatencyMarker(u64),
    /// Every channel of this input has ended.
    EndOf(usize),
    /// Every channel has ended.
    EndOfInput,
}

/// All input channels of one subtask.
#[derive(Debug)]
pub(super) struct InputGate {
    channels: Vec<Channel>,
    aligner: Aligner,
    valve: WatermarkValve,
    /// The channel that is looked at first: one further than the last that had something, so that all get their turn.
    next: usize,
    live: usize,
    ready: VecDeque<GateEvent>,
    /// The newest checkpoint that has begun, until its barrier has come.
    announced: Option<CheckpointId>,
}

#[derive(Debug)]
struct Channel {
    input: usize,
    receiver: Receiver,
    ended: bool,
}

impl InputGate {
    /// A gate over `channels`, each with the operator input that it belongs to.
    pub(super) fn new(channels: Vec<(usize, Receiver)>) -> Self {
        let channels: Vec<_> =
            channels.into_iter().map(|(input, receiver)| Channel { input, receiver, ended: false }).collect();
        let count = channels.len();
        Self {
            channels,
            aligner: Aligner::new(count),
            valve: WatermarkValve::new(count),
            next: 0,
            live: count,
            ready: VecDeque::new(),
            announced: None,
        }
    }

    /// The states of the channels that panels read.
    pub(super) fn states(&self) -> Vec<Arc<ChannelState>> {
        self.channels.iter().map(|channel| channel.receiver.state()).collect()
    }

    /// Wants nothing more: producers see it and stop. Returns the inputs that had not ended. Barriers still come, by
    /// [`Self::announce`].
    pub(super) fn close(&mut self, now_ns: u64) -> BTreeSet<usize> {
        let mut open = BTreeSet::new();
        self.ready.retain(|event| matches!(event, GateEvent::Barrier(_)));
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel.receiver.close();
            if !std::mem::replace(&mut channel.ended, true) {
                open.insert(channel.input);
                self.ready.extend(self.aligner.end(index, now_ns).map(GateEvent::Barrier));
            }
        }
        self.live = 0;
        self.take_announced(now_ns);
        open
    }

    /// A checkpoint has begun. Its barrier comes over the channels; where all of them have ended without it, it is here.
    pub(super) fn announce(&mut self, id: CheckpointId, now_ns: u64) {
        self.announced = Some(id);
        self.take_announced(now_ns);
    }

    /// A checkpoint will never be: no channel waits for its barrier any more.
    pub(super) fn abort(&mut self, id: CheckpointId) {
        self.announced.take_if(|announced| *announced <= id);
        self.aligner.abort(id);
    }

    fn take_announced(&mut self, now_ns: u64) {
        if self.live == 0
            && let Some(id) = self.announced.take()
            && !self.channels.is_empty()
        {
            // Any channel: none of them is waited for.
            self.ready.extend(self.aligner.barrier(0, id, now_ns).map(GateEvent::Barrier));
        }
    }

    /// The next event; `None` when nothing that may be read has come. Of the inputs `refused` only barriers are taken, and
    /// watermarks unless that is all.
    pub(super) fn poll(&mut self, refused: Inputs, clock: &dyn Clock, metrics: &SubtaskMetrics) -> Option<GateEvent> {
        loop {
            let wanted = |event: &GateEvent| refused != Inputs::ALL || matches!(event, GateEvent::Barrier(_));
            if self.ready.front().is_some_and(wanted) {
                return self.ready.pop_front();
            }
            if !self.ready.is_empty() {
                return None;
            }
            let (index, element) = self.receive(refused)?;
            match element {
                StreamElement::Batch(batch) => {
                    return Some(GateEvent::Batch(self.channels[index].input, self.meeting(index, batch)));
                }
                StreamElement::Watermark(watermark) => {
                    metrics.set_input_watermark(index, watermark);
                    let passed = self.valve.watermark(index, watermark);
                    self.pass(passed);
                }
                StreamElement::Status(status) => {
                    metrics.set_input_idle(index, status == ChannelStatus::Idle);
                    let passed = self.valve.status(index, status);
                    self.pass(passed);
                }
                StreamElement::Barrier(id) => {
                    let aligned = self.aligner.barrier(index, id, clock.nanos());
                    self.aligned(aligned);
                }
                StreamElement::LatencyMarker(since_ns) => return Some(GateEvent::LatencyMarker(since_ns)),
                StreamElement::EndOfInput => self.end(index, clock.nanos()),
            }
        }
    }

    /// The rows of a channel with the watermarks that they meet behind the gate.
    fn meeting(&self, index: usize, batch: Batch) -> Batch {
        let Some(met) = batch.watermarks().filter(|_| self.channels.len() > 1) else { return batch };
        let met = self.valve.bound(index).map(|bound| met.iter().map(|met| *met.min(&bound)).collect());
        batch.with_watermarks(met)
    }

    /// The failure of a channel, which has nothing more to give.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.channels.iter().find_map(|channel| channel.receiver.failure())
    }

    fn receive(&mut self, refused: Inputs) -> Option<(usize, StreamElement)> {
        let count = self.channels.len();
        for offset in 0..count {
            let index = (self.next + offset) % count;
            let channel = &mut self.channels[index];
            if channel.ended || self.aligner.is_blocked(index) {
                continue;
            }
            if refused.contains(channel.input) && !channel.receiver.next_passes(refused != Inputs::ALL) {
                continue;
            }
            if let Some(element) = channel.receiver.try_receive() {
                self.next = (index + 1) % count;
                return Some((index, element));
            }
        }
        None
    }

    /// A channel that ends keeps its last watermark in the minimum: one that was read to its end has sent the largest
    /// watermark, or gone idle, before; one that was stopped must not let event time run ahead of rows that will still
    /// come after a restore.
    fn end(&mut self, index: usize, now_ns: u64) {
        self.channels[index].ended = true;
        self.live -= 1;
        let aligned = self.aligner.end(index, now_ns);
        self.aligned(aligned);
        let input = self.channels[index].input;
        if self.channels.iter().all(|channel| channel.ended || channel.input != input) {
            self.ready.push_back(GateEvent::EndOf(input));
        }
        if self.live == 0 {
            self.ready.push_back(GateEvent::EndOfInput);
        }
        self.take_announced(now_ns);
    }

    fn aligned(&mut self, aligned: Option<Aligned>) {
        if let Some(aligned) = aligned {
            self.announced.take_if(|announced| *announced <= aligned.id);
            self.ready.push_back(GateEvent::Barrier(aligned));
        }
    }

    fn pass(&mut self, passed: Passed) {
        // A watermark may not follow the idle status, so it goes first.
        self.ready.extend(passed.watermark.map(GateEvent::Watermark));
        self.ready.extend(passed.status.map(GateEvent::Status));
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, RecordBatch};

    use super::super::channel::{Sender, channel};
    use super::*;
    use crate::types::{CheckpointId, VirtualClock};

    fn gate(channels: usize) -> (Vec<Sender>, InputGate) {
        let (senders, receivers) = (0..channels)
            .map(|input| {
                let (tx, rx) = channel(16, Arc::default(), Arc::default());
                (tx, (input, rx))
            })
            .unzip();
        (senders, InputGate::new(receivers))
    }

    fn rows(value: i64) -> StreamElement {
        let column: arrow_array::ArrayRef = Arc::new(Int64Array::from(vec![value]));
        StreamElement::Batch(Batch::untimed(RecordBatch::try_from_iter([("v", column)]).expect("one column")))
    }

    fn drain(gate: &mut InputGate) -> Vec<String> {
        let metrics = SubtaskMetrics::default();
        std::iter::from_fn(|| gate.poll(Inputs::NONE, &VirtualClock::default(), &metrics))
            .map(|event| match event {
                GateEvent::Batch(input, _) => format!("rows {input}"),
                GateEvent::Watermark(watermark) => format!("watermark {watermark}"),
                GateEvent::Status(status) => format!("{status:?}"),
                GateEvent::Barrier(aligned) => format!("barrier {}", aligned.id),
                GateEvent::LatencyMarker(since_ns) => format!("latency marker {since_ns}"),
                GateEvent::EndOf(input) => format!("end of {input}"),
                GateEvent::EndOfInput => "end".to_owned(),
            })
            .collect()
    }

    fn send(sender: &mut Sender, elements: impl IntoIterator<Item = StreamElement>) {
        for element in elements {
            assert!(sender.try_send(element).is_ok());
        }
    }

    #[test]
    fn a_row_meets_no_watermark_that_another_channel_holds_back() {
        let (mut tx, mut gate) = gate(2);
        let marked = |met: i64| {
            let StreamElement::Batch(batch) = rows(met) else { return rows(met) };
            StreamElement::Batch(batch.with_watermarks(Some(vec![met].into())))
        };
        send(&mut tx[0], [marked(9)]);
        send(&mut tx[1], [StreamElement::Watermark(4), marked(7), StreamElement::Status(ChannelStatus::Idle)]);
        send(&mut tx[0], [marked(12)]);
        let metrics = SubtaskMetrics::default();
        let met: Vec<i64> = std::iter::from_fn(|| gate.poll(Inputs::NONE, &VirtualClock::default(), &metrics))
            .filter_map(|event| {
                if let GateEvent::Batch(_, batch) = event { batch.watermarks()?.first().copied() } else { None }
            })
            .collect();
        assert_eq!(met, [i64::MIN, 4, i64::MIN]);
    }

    #[test]
    fn inputs_take_turns_and_a_channel_behind_its_barrier_waits() {
        let (mut tx, mut gate) = gate(2);
        send(&mut tx[0], [rows(1), StreamElement::Barrier(CheckpointId(1)), rows(2)]);
        send(&mut tx[1], [rows(3), rows(4)]);
        assert_eq!(drain(&mut gate), ["rows 0", "rows 1", "rows 1"]);
        send(&mut tx[1], [StreamElement::Barrier(CheckpointId(1)), rows(5)]);
        assert_eq!(drain(&mut gate), ["barrier 1", "rows 0", "rows 1"]);
    }

    #[test]
    fn an_end_counts_as_a_barrier_and_the_last_end_ends_the_input() {
        let (mut tx, mut gate) = gate(2);
        send(&mut tx[0], [StreamElement::Barrier(CheckpointId(1)), StreamElement::EndOfInput]);
        send(&mut tx[1], [StreamElement::EndOfInput]);
        assert_eq!(drain(&mut gate), ["barrier 1", "end of 1", "end of 0", "end"]);
    }

    #[test]
    fn a_stopped_channel_holds_the_watermark_and_a_drained_one_does_not() {
        let (mut tx, mut gate) = gate(2);
        send(&mut tx[0], [StreamElement::Watermark(5), StreamElement::EndOfInput]);
        send(&mut tx[1], [StreamElement::Watermark(9)]);
        assert_eq!(drain(&mut gate), ["watermark 5", "end of 0"]);
        let (mut tx, mut gate) = self::gate(2);
        send(&mut tx[0], [StreamElement::Watermark(i64::MAX), StreamElement::EndOfInput]);
        send(&mut tx[1], [StreamElement::Watermark(9)]);
        assert_eq!(drain(&mut gate), ["watermark 9", "end of 0"]);
    }

    #[test]
    fn of_a_refused_input_only_barriers_come_and_of_another_everything() {
        let (mut tx, mut gate) = gate(2);
        let metrics = SubtaskMetrics::default();
        let mut poll = |refused| gate.poll(refused, &VirtualClock::default(), &metrics);
        send(&mut tx[0], [StreamElement::Barrier(CheckpointId(1)), rows(1)]);
        send(&mut tx[1], [rows(2), StreamElement::Watermark(3), StreamElement::Barrier(CheckpointId(1))]);
        assert!(poll(Inputs::ALL).is_none());
        assert!(matches!(poll(Inputs::one(0)), Some(GateEvent::Batch(1, _))));
        send(&mut tx[0], [StreamElement::Watermark(4)]);
        assert!(matches!(poll(Inputs::one(1)), Some(GateEvent::Barrier(Aligned { id: CheckpointId(1), .. }))));
        assert!(poll(Inputs::one(0)).is_none());
        assert!(matches!(poll(Inputs::one(1)), Some(GateEvent::Batch(0, _))));
        assert!(matches!(poll(Inputs::one(0)), Some(GateEvent::Watermark(3))));
    }

    /// A subtask whose producers have finished is told of checkpoints by the job manager alone.
    #[test]
    fn a_checkpoint_begins_where_all_channels_have_ended() {
        let (mut tx, mut gate) = gate(2);
        gate.announce(CheckpointId(1), 0);
        send(&mut tx[0], [StreamElement::EndOfInput]);
        assert_eq!(drain(&mut gate), ["end of 0"]);
        send(&mut tx[1], [StreamElement::Barrier(CheckpointId(1)), StreamElement::EndOfInput]);
        assert_eq!(drain(&mut gate), ["barrier 1", "end of 1", "end"]);
        gate.announce(CheckpointId(2), 0);
        assert_eq!(drain(&mut gate), ["barrier 2"]);
        let (_tx, mut gate) = self::gate(2);
        gate.announce(CheckpointId(3), 0);
        assert_eq!(gate.close(0), [0, 1].into());
        assert_eq!(drain(&mut gate), ["barrier 3"]);
    }
}
