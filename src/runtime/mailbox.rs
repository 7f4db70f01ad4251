//! The messages to one subtask from outside its slot: by the job manager, by whoever looks, by whoever kills.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{Settled, StateRead};
use crate::inspect::StateQuery;
use crate::types::{CheckpointId, Result, SubtaskId};

/// Questions that may wait at one subtask.
const QUESTIONS: usize = 4;

/// One message.
#[derive(Debug)]
pub(super) enum Message {
    /// Checkpoint so-and-so begins. A source takes it and sends its barrier; who has inputs waits for theirs, and takes it
    /// when all of them have ended (Flink's FLIP-147).
    Barrier(CheckpointId),
    /// The outcome of a checkpoint.
    Settled(CheckpointId, Settled),
    /// The job is paused, or goes on.
    Hold(bool),
    /// A source behaves as if its input had ended.
    Stop {
        /// Whether everything open fires first.
        drain: bool,
    },
    /// Somebody wants to see the operators.
    Look,
    /// Somebody asks for keyed state.
    Question(StateQuestion),
    /// The subtask fails.
    Kill,
}

/// A question to one subtask, answered between two batches.
#[derive(Debug)]
pub(super) struct StateQuestion {
    pub(super) query: Arc<StateQuery>,
    pub(super) reply: SyncSender<StateAnswer>,
}

/// The state that each operator of the subtask's chain has read; `None` for one that can't show its live state.
pub(super) type StateAnswer = (SubtaskId, Result<Vec<Option<Vec<StateRead>>>>);

/// The messages on their way to one subtask: a load a step when there are none.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: AtomicBool,
    letters: Mutex<Letters>,
}

#[derive(Debug, Default)]
struct Letters {
    messages: VecDeque<Message>,
    questions: usize,
    looked: bool,
    closed: bool,
}

impl Mailbox {
    /// Leaves `message`; the caller wakes the slot. False when the subtask is over, or has been asked too much already. There
    /// is never more than one wish to look.
    pub(super) fn put(&self, message: Message) -> bool {
        let mut letters = self.lock();
        match message {
            _ if letters.closed => return false,
            Message::Look if letters.looked => return true,
            Message::Look => letters.looked = true,
            Message::Question(_) if letters.questions == QUESTIONS => return false,
            Message::Question(_) => letters.questions += 1,
            Message::Barrier(_) | Message::Settled(..) | Message::Hold(_) | Message::Stop { .. } | Message::Kill => {}
        }
        letters.messages.push_back(message);
        self.waiting.store(true, Ordering::Release);
        true
    }

    /// Whether there is a message.
    pub(super) fn has_mail(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// The next message.
    pub(super) fn take(&self) -> Option<Message> {
        self.take_where(|_| true)
    }

    /// The next message of somebody who only looks.
    pub(super) fn take_look(&self) -> Option<Message> {
        self.take_where(|message| matches!(message, Message::Look | Message::Question(_)))
    }

    /// Whoever still asks is told by the end of the question; nothing is taken in any more.
    pub(super) fn close(&self) {
        let mut letters = self.lock();
        letters.closed = true;
        letters.messages.clear();
        self.waiting.store(false, Ordering::Release);
    }

    /// Whether the subtask is over.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn take_where(&self, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        if !self.has_mail() {
            return None;
        }
        let mut letters = self.lock();
        let position = letters.messages.iter().position(wanted);
        let message = position.and_then(|position| letters.messages.remove(position));
        match message {
            Some(Message::Look) => letters.looked = false,
            Some(Message::Question(_)) => letters.questions -= 1,
            Some(_) | None => {}
        }
        self.waiting.store(!letters.messages.is_empty(), Ordering::Release);
        message
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn messages_come_in_order_and_looks_may_be_taken_before() {
        let mailbox = Mailbox::default();
        assert!(!mailbox.has_mail() && mailbox.take().is_none());
        assert!(mailbox.put(Message::Hold(true)));
        assert!(mailbox.put(Message::Look) && mailbox.put(Message::Look));
        assert!(mailbox.put(Message::Barrier(CheckpointId(3))));
        assert!(matches!(mailbox.take_look(), Some(Message::Look)));
        assert!(mailbox.take_look().is_none() && mailbox.has_mail());
        assert!(matches!(mailbox.take(), Some(Message::Hold(true))));
        assert!(matches!(mailbox.take(), Some(Message::Barrier(CheckpointId(3)))));
        assert!(!mailbox.has_mail());
    }

    #[test]
    fn questions_are_bounded_and_none_is_left_without_an_answer() {
        let mailbox = Mailbox::default();
        let (reply, answers) = sync_channel(QUESTIONS);
        let ask = || {
            let (query, reply) = (Arc::new(StateQuery::default()), reply.clone());
            mailbox.put(Message::Question(StateQuestion { query, reply }))
        };
        assert!((0..QUESTIONS).all(|_| ask()));
        assert!(!ask());
        assert!(matches!(mailbox.take(), Some(Message::Question(_))));
        assert!(ask());
        mailbox.close();
        assert!(!ask() && !mailbox.put(Message::Kill) && !mailbox.has_mail());
        drop(reply);
        assert!(answers.recv().is_err());
    }
}
