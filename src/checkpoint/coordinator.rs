//! The coordinator's side of a checkpoint: who has acknowledged it, and what it consists of.
//!
//! One checkpoint at a time. What a subtask hands over has left the subtask for good, so it is owed to the next checkpoint
//! until one that holds it is durable: an aborted checkpoint, and one that could not be written, leaves what it had
//! collected to its successor, in the order in which it was handed over. An acknowledgement that comes after the abort is
//! taken in alike. So every delta is in exactly one durable checkpoint, and deltas are always relative to the last of those.
//!
//! A subtask that finishes hands over its last state; a pending checkpoint that it has not acknowledged takes that as the
//! acknowledgement (everything it ever did is before the barrier), every later one is not waited for and repeats the
//! subtask's operator state, which each checkpoint holds in full (Flink's FLIP-147).

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{OperatorDelta, StateChange, StateDelta};
use crate::types::{CheckpointId, Error, Result, SubtaskId, VertexId};

/// The parts that subtasks have handed over, of each operator one delta.
type Parts = BTreeMap<SubtaskId, Vec<OperatorDelta>>;

/// The subtasks of one execution attempt and the checkpoint they are taking.
#[derive(Debug, Default)]
pub struct Coordinator {
    live: BTreeSet<SubtaskId>,
    pending: Option<Pending>,
    /// The parts of the next checkpoint to complete, as far as they have been handed over.
    owed: Parts,
    parent: Option<CheckpointId>,
}

#[derive(Debug)]
struct Pending {
    id: CheckpointId,
    triggered_ms: i64,
    waiting: BTreeSet<SubtaskId>,
    /// The parts that subtasks handed over when they finished after they had acknowledged this checkpoint.
    later: Parts,
    alignment_ns_max: u64,
}

/// A checkpoint that every subtask has acknowledged, to be made durable.
#[derive(Debug)]
pub struct Completed {
    /// The checkpoint's number.
    pub id: CheckpointId,
    /// The checkpoint that the deltas are relative to.
    pub parent: Option<CheckpointId>,
    /// In the order of subtasks; of each operator instance one.
    pub deltas: Vec<OperatorDelta>,
    /// The vertex of each of them.
    vertices: Vec<VertexId>,
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
            waiting: self.live.clone(),
            later: Parts::new(),
            alignment_ns_max: 0,
        });
        Ok(())
    }

    /// The checkpoint being taken.
    #[must_use]
    pub fn pending(&self) -> Option<CheckpointId> {
        self.pending.as_ref().map(|pending| pending.id)
    }

    /// When it was triggered, milliseconds of the clock.
    #[must_use]
    pub fn pending_since_ms(&self) -> Option<i64> {
        self.pending.as_ref().map(|pending| pending.triggered_ms)
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

    /// `subtask` has snapshotted its state for checkpoint `id`: the pending one, or an earlier one that was aborted, whose
    /// part the next checkpoint then holds.
    pub fn acknowledge(
        &mut self,
        subtask: SubtaskId,
        id: CheckpointId,
        deltas: Vec<OperatorDelta>,
        alignment_ns: u64,
    ) -> Option<Completed> {
        hand_over(&mut self.owed, subtask, deltas);
        let pending = self.pending.as_mut().filter(|pending| pending.id == id)?;
        pending.waiting.remove(&subtask);
        pending.alignment_ns_max = pending.alignment_ns_max.max(alignment_ns);
        self.complete()
    }

    /// `subtask` has finished with this last state.
    pub fn finish(&mut self, subtask: SubtaskId, deltas: Vec<OperatorDelta>) -> Option<Completed> {
        if !self.live.remove(&subtask) {
            return None;
        }
        if let Some(pending) = self.pending.as_mut().filter(|pending| !pending.waiting.contains(&subtask)) {
            pending.later.insert(subtask, deltas);
            return None;
        }
        hand_over(&mut self.owed, subtask, deltas);
        if let Some(pending) = &mut self.pending {
            pending.waiting.remove(&subtask);
        }
        self.complete()
    }

    /// Gives up the pending checkpoint; what it has collected is owed to the next. Returns its number.
    pub fn abort(&mut self) -> Option<CheckpointId> {
        let pending = self.pending.take()?;
        for (subtask, deltas) in pending.later {
            hand_over(&mut self.owed, subtask, deltas);
        }
        Some(pending.id)
    }

    /// `completed`, the last one, could not be made durable: what it consists of is owed to the next.
    pub fn give_back(&mut self, completed: Completed) {
        self.parent = completed.parent;
        let since = std::mem::take(&mut self.owed);
        for (vertex, delta) in completed.vertices.into_iter().zip(completed.deltas) {
            let subtask = SubtaskId { vertex, index: delta.subtask };
            self.owed.entry(subtask).or_default().push(delta);
        }
        for (subtask, deltas) in since {
            hand_over(&mut self.owed, subtask, deltas);
        }
    }

    /// The checkpoint of a job whose subtasks have all finished: no barrier is needed, all state is here.
    ///
    /// # Errors
    /// While a subtask lives.
    pub fn last(&mut self, id: CheckpointId, now_ms: i64) -> Result<Completed> {
        if !self.live.is_empty() || self.pending.is_some() {
            return Err(Error::config("not every subtask has finished"));
        }
        Ok(self.collect(id, now_ms, 0, Parts::new()))
    }

    fn complete(&mut self) -> Option<Completed> {
        let pending = self.pending.take_if(|pending| pending.waiting.is_empty())?;
        Some(self.collect(pending.id, pending.triggered_ms, pending.alignment_ns_max, pending.later))
    }

    /// Everything that is owed, as checkpoint `id`; after it, `later` is owed to the next, and again the operator state of
    /// the subtasks that have nothing more to say.
    fn collect(&mut self, id: CheckpointId, triggered_ms: i64, alignment_ns_max: u64, later: Parts) -> Completed {
        let (mut deltas, mut vertices) = (Vec::new(), Vec::new());
        for (subtask, parts) in std::mem::replace(&mut self.owed, later) {
            if !self.live.contains(&subtask) {
                self.owed.entry(subtask).or_insert_with(|| parts.iter().filter_map(operator_state).collect());
            }
            vertices.resize(vertices.len() + parts.len(), subtask.vertex);
            deltas.extend(parts);
        }
        Completed { id, parent: self.parent.replace(id), deltas, vertices, triggered_ms, alignment_ns_max }
    }
}

/// Puts what `subtask` hands over behind what it has handed over before. Operator state is given in full each time, and an
/// operator that gives none has none any more, so the older one goes.
fn hand_over(parts: &mut Parts, subtask: SubtaskId, deltas: Vec<OperatorDelta>) {
    let own = parts.entry(subtask).or_default();
    for earlier in own.iter_mut() {
        earlier.delta.changes.retain(|change| !matches!(change, StateChange::Operator { .. }));
    }
    for delta in deltas {
        match own.iter_mut().find(|earlier| earlier.uid == delta.uid) {
            Some(earlier) => earlier.delta.changes.extend(delta.delta.changes),
            None => own.push(delta),
        }
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
                    | StateChange::Deferred { .. }
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

    #[test]
    fn what_an_aborted_checkpoint_collected_is_part_of_the_next_and_so_is_what_comes_late() {
        let mut coordinator = Coordinator::new([subtask(0), subtask(1), subtask(2)], Some(CheckpointId(3)));
        coordinator.trigger(CheckpointId(4), 0).expect("nothing pending");
        assert!(coordinator.acknowledge(subtask(0), CheckpointId(4), deltas(0, 1), 0).is_none());
        assert!(coordinator.finish(subtask(0), deltas(0, 2)).is_none());
        assert_eq!(coordinator.abort(), Some(CheckpointId(4)));
        assert_eq!(coordinator.abort(), None);
        coordinator.trigger(CheckpointId(5), 9).expect("nothing pending");
        assert_eq!(coordinator.pending_since_ms(), Some(9));
        assert!(coordinator.acknowledge(subtask(1), CheckpointId(4), deltas(1, 3), 0).is_none(), "late");
        assert!(coordinator.acknowledge(subtask(1), CheckpointId(5), deltas(1, 4), 0).is_none());
        let fifth = coordinator.acknowledge(subtask(2), CheckpointId(5), deltas(2, 5), 0).expect("all have answered");
        assert_eq!(fifth.parent, Some(CheckpointId(3)), "the last that is durable");
        assert_eq!(entries(&fifth, true), [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)]);
        assert_eq!(entries(&fifth, false), [(0, 2), (1, 4), (2, 5)]);
    }

    #[test]
    fn what_could_not_be_written_is_part_of_the_next() {
        let mut coordinator = Coordinator::new([subtask(0), subtask(1)], Some(CheckpointId(3)));
        coordinator.trigger(CheckpointId(4), 0).expect("nothing pending");
        assert!(coordinator.acknowledge(subtask(0), CheckpointId(4), deltas(0, 1), 0).is_none());
        let fourth = coordinator.acknowledge(subtask(1), CheckpointId(4), deltas(1, 2), 0).expect("all have answered");
        assert!(coordinator.finish(subtask(0), deltas(0, 3)).is_none());
        coordinator.give_back(fourth);
        coordinator.trigger(CheckpointId(5), 0).expect("nothing pending");
        let fifth = coordinator.finish(subtask(1), deltas(1, 4)).expect("all have answered");
        assert_eq!(fifth.parent, Some(CheckpointId(3)));
        assert_eq!(entries(&fifth, true), [(0, 1), (0, 3), (1, 2), (1, 4)]);
        assert_eq!(entries(&fifth, false), [(0, 3), (1, 4)]);
        coordinator.give_back(fifth);
        let last = coordinator.last(CheckpointId(6), 0).expect("all have finished");
        assert_eq!(entries(&last, true), [(0, 1), (0, 3), (1, 2), (1, 4)]);
        assert_eq!(entries(&last, false), [(0, 3), (1, 4)]);
    }

    /// One subtask as the coordinator meets it: barriers come to it in order, it acknowledges them or passes over those
    /// that were aborted meanwhile.
    #[derive(Debug, Default)]
    struct Model {
        /// Barriers on their way.
        barriers: std::collections::VecDeque<u64>,
        /// The newest state it has handed over for each checkpoint, and what it has handed over in all by then.
        cuts: BTreeMap<u64, (u8, usize)>,
        given: Vec<u8>,
    }

    /// Whatever the order of triggers, acknowledgements, aborts, failed writes and ends.
    struct World {
        coordinator: Coordinator,
        models: Vec<Model>,
        /// The number of the last checkpoint, and whether it was aborted.
        id: u64,
        aborted: bool,
        moment: u8,
        /// Commit entries in durable checkpoints, by subtask, in order.
        durable: Vec<Vec<u8>>,
        last_durable: Option<CheckpointId>,
        in_flight: Option<Completed>,
    }

    impl World {
        fn new(subtasks: usize) -> Self {
            Self {
                coordinator: Coordinator::new((0..subtasks).map(subtask), None),
                models: (0..subtasks).map(|_| Model::default()).collect(),
                id: 0,
                aborted: false,
                moment: 0,
                durable: vec![Vec::new(); subtasks],
                last_durable: None,
                in_flight: None,
            }
        }

        fn give(&mut self, index: usize) -> (u8, Vec<OperatorDelta>) {
            self.moment += 1;
            self.models[index].given.push(self.moment);
            (self.moment, deltas(index, self.moment))
        }

        fn step(&mut self, index: usize, what: u8) -> Result<(), TestCaseError> {
            let live = self.coordinator.is_live(subtask(index));
            let completed = match what {
                0 if live => self.finish(index),
                1..4 if self.in_flight.is_none() && self.coordinator.pending().is_none() => {
                    if self.coordinator.trigger(CheckpointId(self.id + 1), 0).is_ok() {
                        self.id += 1;
                        self.aborted = false;
                        let live = self.models.iter_mut().enumerate();
                        live.filter(|(index, _)| self.coordinator.is_live(subtask(*index)))
                            .for_each(|(_, model)| model.barriers.push_back(self.id));
                    }
                    None
                }
                4 if self.coordinator.abort().is_some() => {
                    self.aborted = true;
                    None
                }
                5 | 6 => {
                    self.written(what == 5)?;
                    None
                }
                _ if live => self.barrier(index, what == 7),
                _ => None,
            };
            self.in_flight = self.in_flight.take().or(completed);
            Ok(())
        }

        fn finish(&mut self, index: usize) -> Option<Completed> {
            let (moment, deltas) = self.give(index);
            // The end stands for every barrier that has not come; a checkpoint that begins later finds it as well.
            let cut = (moment, self.models[index].given.len());
            for id in 1..=u64::from(u8::MAX) {
                self.models[index].cuts.entry(id).or_insert(cut);
            }
            self.models[index].barriers.clear();
            self.coordinator.finish(subtask(index), deltas)
        }

        fn barrier(&mut self, index: usize, told: bool) -> Option<Completed> {
            let id = self.models[index].barriers.pop_front()?;
            if told && (id < self.id || self.aborted) {
                // It has heard of the abort.
                return None;
            }
            let (moment, deltas) = self.give(index);
            let cut = (moment, self.models[index].given.len());
            self.models[index].cuts.insert(id, cut);
            self.coordinator.acknowledge(subtask(index), CheckpointId(id), deltas, 0)
        }

        /// The write of the checkpoint under way ends.
        fn written(&mut self, well: bool) -> Result<(), TestCaseError> {
            let Some(completed) = self.in_flight.take() else { return Ok(()) };
            prop_assert_eq!(completed.parent, self.last_durable);
            let state = entries(&completed, false);
            prop_assert_eq!(state.len(), self.models.len());
            for (index, moment) in state {
                prop_assert_eq!(moment, self.models[index].cuts[&completed.id.0].0, "subtask {}", index);
            }
            if !well {
                self.coordinator.give_back(completed);
                return Ok(());
            }
            self.last_durable = Some(completed.id);
            for delta in &completed.deltas {
                for change in &delta.delta.changes {
                    if let StateChange::Commit { entry } = change {
                        self.durable[delta.subtask].push(entry[0]);
                    }
                }
            }
            for (model, durable) in self.models.iter().zip(&self.durable) {
                let (_, cut) = model.cuts[&completed.id.0];
                prop_assert_eq!(&model.given[..cut], durable, "all that stands before the cut, once and in order");
            }
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn every_checkpoint_is_whole_and_nothing_is_lost_or_committed_twice(
            subtasks in 1_usize..5,
            picks in prop::collection::vec((any::<u16>(), 0_u8..24), 0..200),
        ) {
            let mut world = World::new(subtasks);
            for (pick, what) in picks {
                world.step(usize::from(pick) % subtasks, what)?;
            }
            for index in 0..subtasks {
                if world.coordinator.is_live(subtask(index)) {
                    let completed = world.finish(index);
                    world.in_flight = world.in_flight.take().or(completed);
                }
            }
            world.written(false)?;
            world.coordinator.abort();
            for well in [false, true] {
                world.id += 1;
                let last = world.coordinator.last(CheckpointId(world.id), 0);
                prop_assert!(last.is_ok());
                world.in_flight = last.ok();
                world.written(well)?;
            }
            let given: Vec<_> = world.models.into_iter().map(|model| model.given).collect();
            prop_assert_eq!(given, world.durable);
        }
    }
}
