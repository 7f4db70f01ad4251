//! Signals taken over from the system. Nothing in it can fail once they are: a flag notes each, and a socket only wakes
//! the thread that waits, which looks by itself when the socket can't be read.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

/// Between two looks where nothing wakes.
const LOOK: Duration = Duration::from_millis(50);

/// Signals that have come, by their place in the list.
#[derive(Debug)]
pub(super) struct Caught<const COUNT: usize> {
    flags: [Arc<AtomicBool>; COUNT],
    wakes: UnixStream,
}

impl<const COUNT: usize> Caught<COUNT> {
    /// Takes these signals over; they can't be handed back.
    ///
    /// # Errors
    /// When the system has no socket, or does not give them.
    pub(super) fn take_over(signals: [Signal; COUNT]) -> io::Result<Self> {
        let (wakes, woken) = UnixStream::pair()?;
        let flags = std::array::from_fn(|_| Arc::default());
        for (signal, flag) in signals.iter().zip(&flags) {
            // In this order: whoever is woken finds the flag.
            signal_hook::flag::register(signal.as_raw(), Arc::clone(flag))?;
            signal_hook::low_level::pipe::register(signal.as_raw(), woken.try_clone()?)?;
        }
        Ok(Self { flags, wakes })
    }

    /// Waits until one has come, or so long.
    pub(super) fn wait(&mut self, at_most: Duration) {
        if self.flags.iter().any(|flag| flag.load(Ordering::SeqCst)) {
            return;
        }
        let read = self.wakes.set_read_timeout(Some(at_most)).and_then(|()| self.wakes.read(&mut [0; 64]));
        let broken = |error: io::Error| {
            !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
        };
        if read.map_or_else(broken, |bytes| bytes == 0) {
            std::thread::park_timeout(LOOK.min(at_most));
        }
    }

    /// Whether the signal at `index` of the list has come since the last call.
    pub(super) fn take(&self, index: usize) -> bool {
        self.flags[index].swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;

    use rustix::process::{getpid, kill_process};

    use super::*;

    #[test]
    fn a_signal_is_noted_when_nothing_wakes_either() {
        let mut caught = Caught::take_over([Signal::USR1, Signal::USR2]).expect("ours");
        for _ in 0..2 {
            kill_process(getpid(), Signal::USR2).expect("it can be signalled");
            let mut looks = 0;
            while !caught.take(1) {
                caught.wait(Duration::from_secs(1));
                looks += 1;
                assert!(looks < 100, "it has come");
            }
            assert!(!caught.take(0) && !caught.take(1));
            caught.wakes.shutdown(Shutdown::Both).expect("a socket");
        }
    }
}
