//! The coordinator's side of a checkpoint: who has acknowledged it, and what it consists of.
//!
//! One checkpoint at a time. A subtask that finishes hands over its last state; a pending checkpoint that it has not
//! acknowledged takes that as the acknowledgement (everything it ever did is before the barrier), every later one is not
//! waited for and repeats the subtask's operator state, which each checkpoint holds in full (Flink's FLIP-147).

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{OperatorDelta, StateChange, StateDelta};
use crate::types::{CheckpointId, Error, Result, SubtaskId};

/// The subtasks of one execution attempt and the checkpoint they are taking.
#[derive(Debug, Default)]
pub struct Coordinator {
    live: BTreeSet<SubtaskId>,
    pending: Option<Pending>,
    /// What finished subtasks handed over after the last checkpoint that they were part of.
    carried: Vec<OperatorDelta>,
    /// The operator state of finished subtasks that a checkpoint has already taken in full.
    repeated: Vec<OperatorDelta>,
    parent: Option<CheckpointId>,
}

#[derive(Debug)]
struct Pending {
    id: CheckpointId,
    triggered_ms: i64,
    /// The part of the subtasks that had finished when it was triggered.
    finished: Vec<OperatorDelta>,
    waiting: BTreeSet<SubtaskId>,
    deltas: BTreeMap<SubtaskId, Vec<OperatorDelta>>,
    alignment_ns_max: u64,
}

/// A checkpoint that every subtask has acknowledged, to be made durable.
#[derive(Debug)]
pub struct Completed {
    /// Its number.
    pub id: CheckpointId,
    /// What the deltas are relative to.
    pub parent: Option<CheckpointId>,
    /// In the order of subtasks.
    pub deltas: Vec<OperatorDelta>,
    /// Clock when it was triggered, milliseconds.
    pub triggered_ms: i64,
    /// The longest alignment of any subtask, nanoseconds.
    pub alignment_ns_max: u64,
}

impl Coordinator {
    /// The coordinator of an attempt that runs `subtasks` from the state of checkpoint `parent`.
    #[must_use]
    pub fn new(subtasks: impl IntoIterator<Item = SubtaskId>, parent: Option<CheckpointId>) -> Self {
        Self { live: subtasks.into_iter().collect(), parent, ..Self::default() }
    }

    /// Begins checkpoint `id`: the caller sends its barrier into the sources.
    ///
    /// # Errors
    /// While another is pending, or when every subtask has finished (see [`Self::last`]).
    pub fn trigger(&mut self, id: CheckpointId, now_ms: i64) -> Result<()> {
        if let Some(pending) = &self.pending {
            return Err(Error::config(format!("checkpoint {} is still being taken", pending.id)));
        }
        if self.live.is_empty() {
            return Err(Error::config("every subtask has finished"));
        }
        self.pending = Some(Pending {
            id,
            triggered_ms: now_ms,
            finished: self.take_finished(),
            waiting: self.live.clone(),
            deltas: BTreeMap::new(),
            alignment_ns_max: 0,
        });
        Ok(())
    }

    /// The checkpoint being taken.
    #[must_use]
    pub fn pending(&self) -> Option<CheckpointId> {
        self.pending.as_ref().map(|pending| pending.id)
    }

    /// Whether `subtask` has not finished.
    #[must_use]
    pub fn is_live(&self, subtask: SubtaskId) -> bool {
        self.live.contains(&subtask)
    }

    /// Whether every subtask has finished.
    #[must_use]
    pub fn all_finished(&self) -> bool {
        self.live.is_empty()
    }

    /// `subtask` has snapshotted its state for checkpoint `id`. An acknowledgement of any other checkpoint than the
    /// pending one is ignored.
    pub fn acknowledge(
        &mut self,
        subtask: SubtaskId,
        id: CheckpointId,
        deltas: Vec<OperatorDelta>,
        alignment_ns: u64,
    ) -> Option<Completed> {
        let pending = self.pending.as_mut().filter(|pending| pending.id == id)?;
        if pending.waiting.remove(&subtask) {
            pending.deltas.insert(subtask, deltas);
            pending.alignment_ns_max = pending.alignment_ns_max.max(alignment_ns);
        }
        self.complete()
    }

    /// `subtask` has finished with this last state.
    pub fn finish(&mut self, subtask: SubtaskId, deltas: Vec<OperatorDelta>) -> Option<Completed> {
        if !self.live.remove(&subtask) {
            return None;
        }
        match &mut self.pending {
            Some(pending) if pending.waiting.contains(&subtask) => {
                pending.waiting.remove(&subtask);
                self.repeated.extend(deltas.iter().filter_map(operator_state));
                pending.deltas.insert(subtask, deltas);
            }
            Some(_) | None => self.carried.extend(deltas),
        }
        self.complete()
    }

    /// The checkpoint of a job whose subtasks have all finished: no barrier is needed, all state is here.
    ///
    /// # Errors
    /// While a subtask lives.
    pub fn last(&mut self, id: CheckpointId, now_ms: i64) -> Result<Completed> {
        if !self.live.is_empty() || self.pending.is_some() {
            return Err(Error::config("not every subtask has finished"));
        }
        Ok(Completed {
            id,
            parent: self.parent.replace(id),
            deltas: self.take_finished(),
            triggered_ms: now_ms,
            alignment_ns_max: 0,
        })
    }

    fn complete(&mut self) -> Option<Completed> {
        let pending = self.pending.take_if(|pending| pending.waiting.is_empty())?;
        let mut deltas = pending.finished;
        deltas.extend(pending.deltas.into_values().flatten());
        Some(Completed {
            id: pending.id,
            parent: self.parent.replace(pending.id),
            deltas,
            triggered_ms: pending.triggered_ms,
            alignment_ns_max: pending.alignment_ns_max,
        })
    }

    /// What finished subtasks contribute to a checkpoint that begins now: operator state of all, and in full what no
    /// checkpoint has taken yet.
    fn take_finished(&mut self) -> Vec<OperatorDelta> {
        let mut deltas = self.repeated.clone();
        self.repeated.extend(self.carried.iter().filter_map(operator_state));
        deltas.append(&mut self.carried);
        deltas
    }
}

fn operator_state(delta: &OperatorDelta) -> Option<OperatorDelta> {
    let changes: Vec<_> =
        delta.delta.changes.iter().filter(|change| matches!(change, StateChange::Operator { .. })).cloned().collect();
    (!changes.is_empty()).then(|| OperatorDelta {
        uid: delta.uid.clone(),
        subtask: delta.subtask,
        key_groups: delta.key_groups.clone(),
        delta: StateDelta { changes },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{OperatorUid, VertexId};

    fn subtask(index: usize) -> SubtaskId {
        SubtaskId { vertex: VertexId(0), index }
    }

    /// One operator-state entry and one commit entry, both naming the moment they were made.
    fn deltas(index: usize, moment: u8) -> Vec<OperatorDelta> {
        let changes = vec![
            StateChange::Operator { state: "offset", entry: vec![moment] },
            StateChange::Commit { entry: vec![moment] },
        ];
        let delta = StateDelta { changes };
        vec![OperatorDelta { uid: OperatorUid::new("op"), subtask: index, key_groups: 0..0, delta }]
    }

    fn entries(completed: &Completed, commits: bool) -> Vec<(usize, u8)> {
        let mut entries = Vec::new();
        for delta in &completed.deltas {
            for change in &delta.delta.changes {
                match change {
                    StateChange::Operator { entry, .. } if !commits => entries.push((delta.subtask, entry[0])),
                    StateChange::Commit { entry } if commits => entries.push((delta.subtask, entry[0])),
                    StateChange::Operator { .. }
                    | StateChange::Commit { .. }
                    | StateChange::Upsert { .. }
                    | StateChange::Remove { .. }
                    | StateChange::DropNamespace { .. } => {}
                }
            }
        }
        entries.sort_unstable();
        entries
    }

    #[test]
    fn finishing_acknowledges_what_is_pending_and_later_checkpoints_repeat_operator_state_only() {
        let mut coordinator = Coordinator::new([subtask(0), subtask(1)], None);
        coordinator.trigger(CheckpointId(1), 5).expect("nothing pending");
        assert!(coordinator.trigger(CheckpointId(2), 5).is_err());
        assert!(coordinator.finish(subtask(0), deltas(0, 10)).is_none());
        let first = coordinator.acknowledge(subtask(1), CheckpointId(1), deltas(1, 11), 7).expect("all have answered");
        assert_eq!((first.parent, first.alignment_ns_max), (None, 7));
        assert_eq!(entries(&first, false), [(0, 10), (1, 11)]);
        coordinator.trigger(CheckpointId(2), 6).expect("nothing pending");
        let second = coordinator.acknowledge(subtask(1), CheckpointId(2), deltas(1, 12), 0).expect("one is left");
        assert_eq!(second.parent, Some(CheckpointId(1)));
        assert_eq!(entries(&second, false), [(0, 10), (1, 12)]);
        assert_eq!(entries(&second, true), [(1, 12)]);
    }

    #[test]
    fn what_finishes_after_acknowledging_belongs_to_the_next_checkpoint() {
        let mut coordinator = Coordinator::new([subtask(0), subtask(1)], Some(CheckpointId(8)));
        coordinator.trigger(CheckpointId(9), 0).expect("nothing pending");
        assert!(coordinator.acknowledge(subtask(0), CheckpointId(9), deltas(0, 1), 0).is_none());
        assert!(coordinator.finish(subtask(0), deltas(0, 2)).is_none());
        let ninth = coordinator.finish(subtask(1), deltas(1, 3)).expect("all have answered");
        assert_eq!(entries(&ninth, true), [(0, 1), (1, 3)]);
        assert!(coordinator.all_finished());
        let last = coordinator.last(CheckpointId(10), 0).expect("all have finished");
        assert_eq!(last.parent, Some(CheckpointId(9)));
        assert_eq!(entries(&last, true), [(0, 2)]);
        assert_eq!(entries(&last, false), [(0, 2), (1, 3)]);
    }

    proptest! {
        /// Whatever the order of acknowledgements and ends: every checkpoint has exactly one operator-state entry of
        /// each subtask, the newest at its cut, and every commit entry stands in exactly one checkpoint.
        #[test]
        fn every_checkpoint_is_whole_and_no_entry_is_committed_twice(
            subtasks in 1_usize..5,
            picks in prop::collection::vec((any::<u16>(), 0_u8..8), 0..120),
        ) {
            let mut coordinator = Coordinator::new((0..subtasks).map(subtask), None);
            let mut id = 0;
            let mut moment = 0_u8;
            let mut newest = vec![None; subtasks];
            let mut given = Vec::new();
            let mut taken = Vec::new();
            let mut acked = vec![0_u64; subtasks];
            let mut check = |completed: Completed, newest: &[Option<u8>], whole: bool| -> Result<(), TestCaseError> {
                let state = entries(&completed, false);
                let of: Vec<usize> = state.iter().map(|(index, _)| *index).collect();
                prop_assert_eq!(of, (0..newest.len()).collect::<Vec<_>>());
                if whole {
                    for (index, moment) in state {
                        prop_assert_eq!(Some(moment), newest[index]);
                    }
                }
                taken.extend(entries(&completed, true));
                Ok(())
            };
            for (pick, what) in picks {
                let index = usize::from(pick) % subtasks;
                if !coordinator.is_live(subtask(index)) {
                    continue;
                }
                moment += 1;
                let completed = match what {
                    0 => {
                        newest[index] = Some(moment);
                        given.push((index, moment));
                        coordinator.finish(subtask(index), deltas(index, moment))
                    }
                    1 | 2 if coordinator.pending().is_none() => {
                        id += 1;
                        prop_assert!(coordinator.trigger(CheckpointId(id), 0).is_ok());
                        None
                    }
                    _ if coordinator.pending().is_some() && acked[index] < id => {
                        acked[index] = id;
                        newest[index] = Some(moment);
                        given.push((index, moment));
                        coordinator.acknowledge(subtask(index), CheckpointId(id), deltas(index, moment), 0)
                    }
                    _ => None,
                };
                if let Some(completed) = completed {
                    check(completed, &newest, false)?;
                }
            }
            for index in 0..subtasks {
                if coordinator.is_live(subtask(index)) {
                    moment += 1;
                    newest[index] = Some(moment);
                    given.push((index, moment));
                    if let Some(completed) = coordinator.finish(subtask(index), deltas(index, moment)) {
                        check(completed, &newest, false)?;
                    }
                }
            }
            let last = coordinator.last(CheckpointId(id + 1), 0);
            prop_assert!(last.is_ok());
            if let Ok(last) = last {
                check(last, &newest, true)?;
            }
            taken.sort_unstable();
            given.sort_unstable();
            prop_assert_eq!(taken, given);
        }
    }
}
