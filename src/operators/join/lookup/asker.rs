//! Requests on their way to a table, and answers on their way back.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread;

use arrow_array::ArrayRef;

use crate::api::{Found, Lookup, OperatorContext};
use crate::types::{Clock, Error, Result};

/// A request by its number: the keys that are asked for.
type Request = (u64, Vec<ArrayRef>);

/// A request by its number, and what came of it.
pub(super) type Answer = (u64, Result<Found>);

/// Carries requests to a table. Where time is virtual nothing may go on beside the run: a request is then answered by whoever
/// looks for the answer, when its time has come.
pub(super) enum Asker {
    Threads(Threads),
    Inline(Inline),
}

impl Asker {
    /// For at most `concurrency` requests under way.
    pub(super) fn new(lookup: Arc<dyn Lookup>, concurrency: usize, context: &OperatorContext) -> Self {
        if context.clock.is_virtual() {
            return Self::Inline(Inline { lookup, clock: Arc::clone(&context.clock), due: BTreeMap::new() });
        }
        let (requests, taken) = sync_channel(concurrency);
        let (answer, answers) = sync_channel(concurrency);
        let most = lookup.at_once().min(concurrency);
        Self::Threads(Threads {
            worker: Worker { lookup, taken: Arc::new(Mutex::new(taken)), answer, waker: context.waker.clone() },
            requests,
            answers,
            under_way: 0,
            running: 0,
            most,
        })
    }

    pub(super) fn ask(&mut self, number: u64, keys: Vec<ArrayRef>) -> Result<()> {
        match self {
            Self::Threads(threads) => threads.ask(number, keys),
            Self::Inline(inline) => {
                let due_ms = inline.clock.now_ms().saturating_add(inline.lookup.takes_ms(&keys));
                inline.due.insert((due_ms, number), keys);
                Ok(())
            }
        }
    }

    /// The answers that have come.
    pub(super) fn answers(&mut self) -> Vec<Answer> {
        match self {
            Self::Threads(threads) => {
                let answers: Vec<Answer> = threads.answers.try_iter().collect();
                threads.under_way -= answers.len();
                answers
            }
            Self::Inline(inline) => {
                let later = inline.due.split_off(&(inline.clock.now_ms().saturating_add(1), 0));
                let due = std::mem::replace(&mut inline.due, later);
                due.into_iter().map(|((_, number), keys)| (number, inline.lookup.ask(&keys))).collect()
            }
        }
    }

    /// When the next answer comes, milliseconds, if that is known.
    pub(super) fn due_ms(&self) -> Option<i64> {
        match self {
            Self::Threads(_) => None,
            Self::Inline(inline) => inline.due.keys().next().map(|(due_ms, _)| *due_ms),
        }
    }
}

/// Answers requests where time is virtual.
pub(super) struct Inline {
    lookup: Arc<dyn Lookup>,
    clock: Arc<dyn Clock>,
    /// The keys of requests by when they are answered.
    due: BTreeMap<(i64, u64), Vec<ArrayRef>>,
}

/// Threads that wait for answers; they end with the operator.
pub(super) struct Threads {
    worker: Worker,
    requests: SyncSender<Request>,
    answers: Receiver<Answer>,
    under_way: usize,
    running: usize,
    most: usize,
}

/// What a thread needs.
#[derive(Clone)]
struct Worker {
    lookup: Arc<dyn Lookup>,
    taken: Arc<Mutex<Receiver<Request>>>,
    answer: SyncSender<Answer>,
    waker: Waker,
}

impl Threads {
    fn ask(&mut self, number: u64, keys: Vec<ArrayRef>) -> Result<()> {
        self.under_way += 1;
        if self.running < self.under_way.min(self.most) {
            self.running += 1;
            let worker = self.worker.clone();
            thread::Builder::new()
                .name("lookup".to_owned())
                .spawn(move || worker.run())
                .map_err(|error| Error::config(format!("no thread can be made for look-ups: {error}")))?;
        }
        // There are never more requests than it holds.
        self.requests.send((number, keys)).map_err(|_| Error::state("the threads of a look-up are gone"))
    }
}

impl Worker {
    fn run(self) {
        loop {
            let request = self.taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((number, keys)) = request else { return };
            let found = catch_unwind(AssertUnwindSafe(|| self.lookup.ask(&keys)));
            let found = found.unwrap_or_else(|_| Err(Error::Panic("in a look-up".to_owned())));
            if self.answer.send((number, found)).is_err() {
                return;
            }
            self.waker.wake_by_ref();
        }
    }
}
