//! Watermark alignment: a source whose watermark is too far ahead of the slowest one waits for it.
//!
//! Flink's `withWatermarkAlignment`, exact a row: a reader stops behind the row that brings its watermark further ahead
//! than it may be. The slowest never waits, one that has ended or is idle is not waited for, and one that has no watermark
//! yet is: nobody knows how far it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::wake::Waker;
use crate::types::{MAX_WATERMARK, MIN_WATERMARK, SubtaskId};

/// What the aligned source subtasks of an attempt share.
#[derive(Debug, Default)]
pub(super) struct Alignment(Mutex<Vec<Member>>);

#[derive(Debug)]
struct Member {
    subtask: SubtaskId,
    watermark: i64,
    /// Whether it is waited for.
    counts: bool,
    /// Whether it waits.
    waits: bool,
    waker: Arc<Waker>,
}

impl Alignment {
    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        // Nothing that is called under the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes part in it from now on, `drift_ms` milliseconds ahead of the slowest at most.
    pub(super) fn join(self: &Arc<Self>, subtask: SubtaskId, drift_ms: i64, waker: Arc<Waker>) -> Aligned {
        let mut members = self.lock();
        members.push(Member { subtask, watermark: MIN_WATERMARK, counts: true, waits: false, waker });
        Aligned { group: Arc::clone(self), at: members.len() - 1, drift_ms, told: (MIN_WATERMARK, true) }
    }
}

/// The slowest of those that are waited for.
fn slowest(members: &[Member]) -> Option<&Member> {
    members.iter().filter(|member| member.counts).min_by_key(|member| member.watermark)
}

/// One source subtask's part in an [`Alignment`]. Dropped, it is not waited for any more.
#[derive(Debug)]
pub(super) struct Aligned {
    group: Arc<Alignment>,
    at: usize,
    drift_ms: i64,
    /// What was told last.
    told: (i64, bool),
}

impl Aligned {
    /// The subtask's watermark is `watermark` now, and it is waited for or not; wakes those for whom that changes
    /// something.
    pub(super) fn tell(&mut self, watermark: i64, counts: bool) {
        if self.told == (watermark, counts) {
            return;
        }
        self.told = (watermark, counts);
        let mut members = self.group.lock();
        let least = |members: &[Member]| slowest(members).map_or(MAX_WATERMARK, |member| member.watermark);
        let before = least(&members);
        let own = &mut members[self.at];
        (own.watermark, own.counts) = (watermark, counts);
        if least(&members) > before {
            for member in members.iter_mut().filter(|member| member.waits) {
                member.waits = false;
                member.waker.wake();
            }
        }
    }

    /// The watermark above which the subtask waits.
    pub(super) fn limit(&self) -> i64 {
        match slowest(&self.group.lock()).map(|member| member.watermark) {
            None => MAX_WATERMARK,
            Some(MIN_WATERMARK) => MIN_WATERMARK,
            Some(watermark) => watermark.saturating_add(self.drift_ms),
        }
    }

    /// The subtask waits for `limit` to rise: it will be woken. False when it has risen meanwhile.
    pub(super) fn wait(&self, limit: i64) -> bool {
        let mut members = self.group.lock();
        let least = slowest(&members).map_or(MAX_WATERMARK, |member| member.watermark);
        let waits = least == MIN_WATERMARK && limit == MIN_WATERMARK || least.saturating_add(self.drift_ms) <= limit;
        members[self.at].waits = waits;
        waits
    }

    /// The subtask that this one waits for, if it waits.
    pub(super) fn waits_for(&self) -> Option<SubtaskId> {
        let members = self.group.lock();
        members[self.at].waits.then(|| slowest(&members).map(|member| member.subtask)).flatten()
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        self.tell(self.told.0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::VertexId;

    fn joined(group: &Arc<Alignment>, vertex: usize) -> (Aligned, Arc<Waker>) {
        let waker = Arc::new(Waker::default());
        (group.join(SubtaskId { vertex: VertexId(vertex), index: 0 }, 10, Arc::clone(&waker)), waker)
    }

    #[test]
    fn who_is_ahead_waits_until_the_slowest_has_come_near() {
        let group = Arc::default();
        let ((mut fast, woken), (mut slow, _)) = (joined(&group, 0), joined(&group, 1));
        fast.tell(100, true);
        assert_eq!(fast.limit(), MIN_WATERMARK, "nobody knows yet how far the other is");
        assert!(fast.wait(MIN_WATERMARK));
        assert_eq!(fast.waits_for().map(|id| id.vertex.0), Some(1));
        slow.tell(85, true);
        assert!(woken.is_notified() && fast.waits_for().is_none());
        assert_eq!((fast.limit(), slow.limit()), (95, 95));
        assert!(fast.wait(95));
        slow.tell(95, true);
        assert_eq!(fast.limit(), 105);
        assert!(!fast.wait(95), "what has risen is not waited for");
    }

    #[test]
    fn who_is_idle_or_has_gone_is_not_waited_for() {
        let group = Arc::default();
        let ((mut fast, woken), (mut slow, _)) = (joined(&group, 0), joined(&group, 1));
        fast.tell(100, true);
        slow.tell(5, true);
        slow.tell(5, false);
        assert_eq!(fast.limit(), 110);
        slow.tell(5, true);
        assert!(fast.wait(fast.limit()));
        drop(slow);
        assert!(woken.is_notified());
        assert_eq!(fast.limit(), 110);
        fast.tell(100, false);
        assert_eq!(fast.limit(), MAX_WATERMARK, "nobody is waited for");
    }
}
