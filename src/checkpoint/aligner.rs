//! Barrier alignment of one subtask: Chandy and Lamport's snapshots in the form of Carbone et al., "Lightweight
//! Asynchronous Snapshots for Distributed Dataflows" (2015).
//!
//! A channel that has delivered the barrier of a checkpoint is blocked until every other live channel has delivered it
//! too (or has ended): so the subtask's state at that moment has seen all that stands before the barriers and nothing of
//! what stands behind them.
//!
//! # A checkpoint that ends early
//! Numbers rise, and one checkpoint is taken at a time, so whatever ends checkpoint *n* ends all before it. The job manager
//! tells every subtask that *n* was aborted, and each by itself
//! - releases the channels that wait for it, and
//! - passes over each barrier up to *n* that still arrives: it is not waited for, not snapshotted and not sent on. Nobody
//!   behind waits for it in vain, since whoever is behind is told as well.
//!
//! A source takes every barrier that it was sent, aborted or not: its readers share out their input in step with barriers.
//! A subtask that has aligned before it was told has taken its part and sent the barrier on; the part counts for the next
//! checkpoint ([`Coordinator`](super::Coordinator)). A newer barrier on a channel says the same as the abort of the one
//! that is being aligned, and may come first.

use crate::types::CheckpointId;

/// The alignment of a subtask's channels: which must wait for which others.
#[derive(Debug, Clone)]
pub struct Aligner {
    channels: Vec<Channel>,
    round: Option<Round>,
    /// The newest checkpoint that was aligned or aborted; barriers up to it are passed over.
    over: Option<CheckpointId>,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    live: bool,
    arrived: bool,
}

#[derive(Debug, Clone, Copy)]
struct Round {
    id: CheckpointId,
    started_ns: u64,
}

/// Every live channel has delivered the barrier: the subtask's state is now that of the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aligned {
    /// The checkpoint.
    pub id: CheckpointId,
    /// Nanoseconds from its first barrier to its last.
    pub alignment_ns: u64,
}

impl Aligner {
    /// An aligner of `channels` live channels.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self { channels: vec![Channel { live: true, arrived: false }; channels], round: None, over: None }
    }

    /// Whether nothing may be read from `channel` now.
    #[must_use]
    pub fn is_blocked(&self, channel: usize) -> bool {
        self.round.is_some() && self.channels[channel].arrived
    }

    /// `channel` has delivered the barrier of checkpoint `id`. A newer checkpoint than the one being aligned abandons
    /// that one; an older one, or one that was aborted, is passed over.
    pub fn barrier(&mut self, channel: usize, id: CheckpointId, now_ns: u64) -> Option<Aligned> {
        if self.over.is_some_and(|over| id <= over) {
            return None;
        }
        match self.round {
            Some(round) if round.id > id => return None,
            Some(round) if round.id == id => {}
            Some(_) | None => {
                self.channels.iter_mut().for_each(|channel| channel.arrived = false);
                self.round = Some(Round { id, started_ns: now_ns });
            }
        }
        self.channels[channel].arrived = true;
        self.complete(now_ns)
    }

    /// `channel` has ended and is waited for no more.
    pub fn end(&mut self, channel: usize, now_ns: u64) -> Option<Aligned> {
        self.channels[channel].live = false;
        self.complete(now_ns)
    }

    /// Checkpoint `id` was aborted: no channel waits for it, or for an older one, any more.
    pub fn abort(&mut self, id: CheckpointId) {
        self.over = self.over.max(Some(id));
        if self.round.is_some_and(|round| round.id <= id) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.round = None;
        self.channels.iter_mut().for_each(|channel| channel.arrived = false);
    }

    fn complete(&mut self, now_ns: u64) -> Option<Aligned> {
        let round = self.round?;
        if self.channels.iter().any(|channel| channel.live && !channel.arrived) {
            return None;
        }
        self.over = Some(round.id);
        self.leave();
        Some(Aligned { id: round.id, alignment_ns: now_ns.saturating_sub(round.started_ns) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: CheckpointId = CheckpointId(1);
    const TWO: CheckpointId = CheckpointId(2);

    #[test]
    fn a_channel_waits_for_the_others_and_the_time_is_measured() {
        let mut aligner = Aligner::new(3);
        assert_eq!(aligner.barrier(1, ONE, 100), None);
        assert!(aligner.is_blocked(1) && !aligner.is_blocked(0));
        assert_eq!(aligner.barrier(0, ONE, 150), None);
        assert_eq!(aligner.barrier(2, ONE, 170), Some(Aligned { id: ONE, alignment_ns: 70 }));
        assert!((0..3).all(|channel| !aligner.is_blocked(channel)));
    }

    #[test]
    fn an_ended_channel_is_not_waited_for() {
        let mut aligner = Aligner::new(2);
        assert_eq!(aligner.barrier(0, ONE, 0), None);
        assert_eq!(aligner.end(1, 9), Some(Aligned { id: ONE, alignment_ns: 9 }));
        assert_eq!(aligner.barrier(0, TWO, 20), Some(Aligned { id: TWO, alignment_ns: 0 }));
        assert_eq!(aligner.end(0, 30), None);
    }

    #[test]
    fn a_newer_checkpoint_abandons_the_one_being_aligned() {
        let mut aligner = Aligner::new(2);
        assert_eq!(aligner.barrier(0, ONE, 0), None);
        assert_eq!(aligner.barrier(1, TWO, 5), None);
        assert!(!aligner.is_blocked(0) && aligner.is_blocked(1));
        assert_eq!(aligner.barrier(1, ONE, 6), None);
        assert_eq!(aligner.barrier(0, TWO, 8), Some(Aligned { id: TWO, alignment_ns: 3 }));
        assert_eq!(aligner.barrier(0, ONE, 9), None);
    }

    #[test]
    fn an_abort_releases_its_channels_and_its_barriers_are_passed_over() {
        let mut aligner = Aligner::new(3);
        assert_eq!(aligner.barrier(0, ONE, 0), None);
        aligner.abort(ONE);
        assert!((0..3).all(|channel| !aligner.is_blocked(channel)));
        assert_eq!(aligner.barrier(0, TWO, 5), None);
        assert_eq!(aligner.barrier(1, ONE, 6), None);
        assert!(aligner.is_blocked(0) && !aligner.is_blocked(1));
        aligner.abort(ONE);
        assert!(aligner.is_blocked(0), "an abort that comes late leaves the newer one alone");
        assert_eq!(aligner.barrier(1, TWO, 7), None);
        assert_eq!(aligner.end(2, 8), Some(Aligned { id: TWO, alignment_ns: 3 }));
    }

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Item {
        Row,
        Barrier(u64),
    }

    /// The items of one channel: `rows[i]` rows, then barrier `i + 1`, …; it ends after `ends_after` of its items.
    fn script(rows: &[u8], ends_after: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for (id, &rows) in (1..).zip(rows) {
            items.extend(std::iter::repeat_n(Item::Row, usize::from(rows)));
            items.push(Item::Barrier(id));
        }
        items.truncate(ends_after);
        items
    }

    proptest! {
        #[test]
        fn nothing_behind_a_barrier_is_read_before_alignment(
            channels in prop::collection::vec((prop::collection::vec(0_u8..4, 3), 0_usize..16), 1..5),
            picks in prop::collection::vec(any::<u16>(), 200),
        ) {
            let scripts: Vec<Vec<Item>> = channels.iter().map(|(rows, ends)| script(rows, *ends)).collect();
            let mut aligner = Aligner::new(scripts.len());
            let mut at = vec![0_usize; scripts.len()];
            let mut ended = vec![false; scripts.len()];
            let mut aligned = 0_u64;
            for pick in picks {
                let open: Vec<usize> =
                    (0..scripts.len()).filter(|&c| !ended[c] && !aligner.is_blocked(c)).collect();
                if open.is_empty() {
                    break;
                }
                let channel = open[usize::from(pick) % open.len()];
                let done = match scripts[channel].get(at[channel]) {
                    None => {
                        ended[channel] = true;
                        aligner.end(channel, 0)
                    }
                    Some(Item::Row) => {
                        at[channel] += 1;
                        // Every barrier that stands before this row has been aligned.
                        let before = scripts[channel][..at[channel]].iter().filter(|i| **i != Item::Row).count();
                        prop_assert!(aligned >= before as u64);
                        None
                    }
                    Some(Item::Barrier(id)) => {
                        at[channel] += 1;
                        aligner.barrier(channel, CheckpointId(*id), 0)
                    }
                };
                if let Some(done) = done {
                    prop_assert_eq!(done.id.0, aligned + 1);
                    aligned = done.id.0;
                    // Each channel stands exactly behind this barrier, or had ended before it.
                    for (c, items) in scripts.iter().enumerate() {
                        let last = items[..at[c]].last();
                        prop_assert!(ended[c] || last == Some(&Item::Barrier(aligned)));
                    }
                }
            }
            // Nothing is stuck: all that was not read is behind an unfinished run of picks only.
            prop_assert!(ended.iter().all(|&e| e) || (0..scripts.len()).any(|c| !ended[c] && !aligner.is_blocked(c)));
        }
    }
}
