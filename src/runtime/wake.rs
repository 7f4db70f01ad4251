//! Waking a parked slot, at no system call when it is awake.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;

/// Shared by a slot and everything that may have news for it.
///
/// A round of the slot begins with [`begin_round`](Self::begin_round) and looks at every queue after that; whoever
/// changes a queue calls [`wake`](Self::wake) after the change. The fences order the two (Dekker's protocol): either the
/// slot sees the change, or the waker sees that it has to notify.
#[derive(Debug, Default)]
pub(super) struct Waker {
    notified: AtomicBool,
    parked: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Waker {
    /// Says which thread to wake; until then nobody sleeps and there is nobody to wake.
    pub(super) fn belongs_to(&self, thread: Thread) {
        // A waker belongs to one slot thread for its whole life.
        let _ = self.thread.set(thread);
    }

    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        if !self.notified.load(Ordering::Relaxed) {
            self.notified.store(true, Ordering::SeqCst);
            if self.parked.load(Ordering::SeqCst)
                && let Some(thread) = self.thread.get()
            {
                thread.unpark();
            }
        }
    }

    pub(super) fn begin_round(&self) {
        if self.notified.load(Ordering::Relaxed) {
            self.notified.store(false, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
    }

    pub(super) fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    /// Sleeps until woken, or for `timeout`. Only the slot's own thread calls it.
    pub(super) fn park(&self, timeout: std::time::Duration) {
        self.parked.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.notified.load(Ordering::SeqCst) {
            std::thread::park_timeout(timeout);
        }
        self.parked.store(false, Ordering::SeqCst);
    }
}
