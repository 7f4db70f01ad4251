//! A bounded queue from one subtask to another: rtrb's lock-free ring, plus closing and waking. A blocking one keeps the rows
//! beside it, until its reader may begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use super::checks::ChannelCheck;
use super::spool::{Drained, Draining, Filling, Producers, spool};
use super::wake::Waker;
use crate::types::{Error, MAX_WATERMARK, Schema, StreamElement};

/// The state that both ends and the panels share.
#[derive(Debug)]
pub(super) struct ChannelState {
    /// The reader wants nothing more.
    closed: AtomicBool,
    /// The writer found the ring full and waits for room.
    writer_waits: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
    capacity: u64,
    reader: Arc<Waker>,
    writer: Arc<Waker>,
}

impl ChannelState {
    /// Elements waiting in it, and how many fit.
    pub(super) fn fill(&self) -> (u64, u64) {
        let received = self.received.load(Ordering::Relaxed);
        (self.sent.load(Ordering::Relaxed).saturating_sub(received).min(self.capacity), self.capacity)
    }
}

/// The writing end.
#[derive(Debug)]
pub(super) struct Sender {
    ring: rtrb::Producer<StreamElement>,
    state: Arc<ChannelState>,
    /// The rows of a blocking channel, until the producer has finished.
    filling: Option<Filling>,
}

/// The reading end.
#[derive(Debug)]
pub(super) struct Receiver {
    ring: rtrb::Consumer<StreamElement>,
    state: Arc<ChannelState>,
    check: ChannelCheck,
    /// The rows of a blocking channel, until the reader has had all of them.
    draining: Option<Draining>,
}

/// A channel for `capacity` elements (at least one).
pub(super) fn channel(capacity: usize, writer: Arc<Waker>, reader: Arc<Waker>) -> (Sender, Receiver) {
    let capacity = capacity.max(1);
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    let state = Arc::new(ChannelState {
        closed: AtomicBool::new(false),
        writer_waits: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        received: AtomicU64::new(0),
        capacity: capacity as u64,
        reader,
        writer,
    });
    let check = ChannelCheck::default();
    let receiver = Receiver { ring: consumer, state: Arc::clone(&state), check, draining: None };
    (Sender { ring: producer, state, filling: None }, receiver)
}

/// A channel whose reader has nothing before all `producers` have finished: rows, then the end of event time, if it has come,
/// and the end.
pub(super) fn blocking_channel(
    producers: &Arc<Producers>,
    schema: &Schema,
    writer: Arc<Waker>,
    reader: Arc<Waker>,
) -> (Sender, Receiver) {
    const ENDS: usize = 2;
    let (sender, receiver) = channel(ENDS, writer, reader);
    let (filling, draining) = spool(producers, schema);
    let (filling, draining) = (Some(filling), Some(draining));
    (Sender { filling, ..sender }, Receiver { draining, ..receiver })
}

impl Sender {
    /// Whether the reader wants nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    /// Gives `element` to the reader, or gives it back when the ring is full. A closed channel swallows everything.
    pub(super) fn try_send(&mut self, element: StreamElement) -> Result<(), StreamElement> {
        if self.is_closed() {
            return Ok(());
        }
        if let Some(filling) = &mut self.filling {
            match element {
                StreamElement::Batch(batch) => {
                    filling.push(batch);
                    self.state.sent.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                StreamElement::EndOfInput => self.filling.take().map(Filling::finish).unwrap_or_default(),
                StreamElement::Watermark(MAX_WATERMARK) => {}
                // Nobody waits for event time, idles or measures while nothing flows.
                StreamElement::Watermark(_)
                | StreamElement::Barrier(_)
                | StreamElement::Status(_)
                | StreamElement::LatencyMarker(_) => return Ok(()),
            }
        }
        let sent = match self.ring.push(element) {
            Ok(()) => Ok(()),
            Err(rtrb::PushError::Full(element)) => {
                // Say so first, then look again: the reader may just have made room and not have seen us waiting.
                self.state.writer_waits.store(true, Ordering::SeqCst);
                fence(Ordering::SeqCst);
                self.ring.push(element).map_err(|rtrb::PushError::Full(element)| element)
            }
        };
        if sent.is_ok() {
            self.state.sent.fetch_add(1, Ordering::Relaxed);
            self.state.reader.wake();
        }
        sent
    }
}

impl Receiver {
    /// The next element, if one waits.
    pub(super) fn try_receive(&mut self) -> Option<StreamElement> {
        let element = match self.draining.as_mut().map(Draining::next) {
            Some(Drained::Nothing) => return None,
            Some(Drained::Batch(batch)) => StreamElement::Batch(batch),
            end_or_none => {
                if end_or_none.is_some() {
                    self.draining = None;
                }
                self.ring.pop().ok()?
            }
        };
        self.state.received.fetch_add(1, Ordering::Relaxed);
        self.wake_writer();
        self.check.element(&element);
        Some(element)
    }

    /// Whether the next element may pass a reader that takes no rows: a barrier, and with `time` a watermark or status.
    pub(super) fn next_passes(&self, time: bool) -> bool {
        if self.draining.is_some() {
            return false;
        }
        match self.ring.peek() {
            Ok(StreamElement::Barrier(_)) => true,
            Ok(StreamElement::Watermark(_) | StreamElement::Status(_)) => time,
            Ok(StreamElement::Batch(_) | StreamElement::LatencyMarker(_) | StreamElement::EndOfInput) | Err(_) => false,
        }
    }

    /// Refuses everything from now on and drops what waits.
    pub(super) fn close(&mut self) {
        self.state.closed.store(true, Ordering::Release);
        self.draining = None;
        while self.ring.pop().is_ok() {
            self.state.received.fetch_add(1, Ordering::Relaxed);
        }
        self.state.writer.wake();
    }

    /// The failure to keep or to read the rows of a blocking channel.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.draining.as_ref().and_then(Draining::failure)
    }

    pub(super) fn state(&self) -> Arc<ChannelState> {
        Arc::clone(&self.state)
    }

    fn wake_writer(&self) {
        fence(Ordering::SeqCst);
        if self.state.writer_waits.load(Ordering::Relaxed) {
            self.state.writer_waits.store(false, Ordering::SeqCst);
            self.state.writer.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_watermark(receiver: &mut Receiver) -> Option<i64> {
        let element = receiver.try_receive()?;
        let StreamElement::Watermark(watermark) = element else { panic!("{element:?}") };
        Some(watermark)
    }

    #[test]
    fn a_full_channel_gives_the_element_back_and_tells_the_writer_of_room() {
        let (writer, reader) = (Arc::new(Waker::default()), Arc::new(Waker::default()));
        let (mut tx, mut rx) = channel(2, Arc::clone(&writer), Arc::clone(&reader));
        assert!(tx.try_send(StreamElement::Watermark(1)).is_ok());
        assert!(reader.is_notified() && !writer.is_notified());
        assert!(tx.try_send(StreamElement::Watermark(2)).is_ok());
        assert!(matches!(tx.try_send(StreamElement::Watermark(3)), Err(StreamElement::Watermark(3))));
        assert_eq!(rx.state().fill(), (2, 2));
        assert_eq!(next_watermark(&mut rx), Some(1));
        assert!(writer.is_notified());
        assert!(tx.try_send(StreamElement::Watermark(3)).is_ok());
        assert_eq!(next_watermark(&mut rx), Some(2));
        assert_eq!(next_watermark(&mut rx), Some(3));
        assert_eq!(next_watermark(&mut rx), None);
    }

    #[test]
    fn a_closed_channel_swallows() {
        let (mut tx, mut rx) = channel(1, Arc::default(), Arc::default());
        assert!(tx.try_send(StreamElement::Watermark(1)).is_ok());
        rx.close();
        assert!(tx.is_closed());
        assert!(tx.try_send(StreamElement::Watermark(2)).is_ok());
        assert!(rx.try_receive().is_none());
    }

    /// Both ends park whenever they can't go on: a lost wake-up would leave them asleep for ever.
    #[test]
    fn no_wake_up_is_lost() {
        const ELEMENTS: i64 = 20_000;
        let long = std::time::Duration::from_secs(20);
        let (writer, reader) = (Arc::new(Waker::default()), Arc::new(Waker::default()));
        let (mut tx, mut rx) = channel(1, Arc::clone(&writer), Arc::clone(&reader));
        let sending = std::thread::spawn(move || {
            writer.belongs_to(std::thread::current());
            for watermark in 0..ELEMENTS {
                let mut element = StreamElement::Watermark(watermark);
                loop {
                    writer.begin_round();
                    match tx.try_send(element) {
                        Ok(()) => break,
                        Err(back) => element = back,
                    }
                    writer.park(long);
                }
            }
        });
        reader.belongs_to(std::thread::current());
        let mut next = 0;
        while next < ELEMENTS {
            reader.begin_round();
            match next_watermark(&mut rx) {
                Some(watermark) => {
                    assert_eq!(watermark, next);
                    next += 1;
                }
                None => reader.park(long),
            }
        }
        sending.join().expect("the writer ends");
    }
}
