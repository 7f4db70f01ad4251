//! Which groups of an operator are in memory, and which have left it.
//!
//! An operator with a budget keeps as many groups as fit. Room for others is made by those that were not used since the hand
//! last came by: the clock algorithm of F. Corbató, "A Paging Experiment with the Multics System", 1968. The hand goes by
//! the hash of keys, as the file is ordered, so that groups that leave together are written to few blocks.

use std::cmp::Reverse;

use arrow_array::{ArrayRef, RecordBatch};

use crate::operators::flags::Flags;
use crate::operators::group_table::GroupTable;
use crate::state::{Found, ManagedMemory, Mark, Spill, StateChange, StateDescriptor};
use crate::types::{Result, key_group};

/// Groups whose keys are looked at together.
const CHUNK: usize = 8_192;
/// With so many groups the hand goes by a part of the hashes at a time: what it is about to visit is a list.
const LARGE: usize = 1 << 16;
/// The parts.
const PARTS: u32 = 8;
/// Of the budget, groups get so many quarters; the rest is for the file's directory, and for what is on its way.
const QUARTERS: usize = 3;

/// The groups of an operator instance, by the numbers that its [`GroupTable`] has given them, and the entries of those
/// that have none any more.
pub(in crate::operators) struct Cold {
    state: &'static str,
    partition: Vec<usize>,
    spill: Spill,
    /// Bytes for all.
    budget: usize,
    /// Bytes of each group, whatever its key and values are.
    fixed: usize,
    /// Groups that memory has room for.
    limit: usize,
    /// Whether tables have been given that room.
    settled: bool,
    /// Groups that tables have room for.
    room: usize,
    /// Bytes that stay though groups leave.
    stays: usize,
    held: Flags,
    /// Used since the hand came by.
    used: Flags,
    /// Other than the file has them.
    changed: Flags,
    /// The file has an entry of theirs.
    filed: Flags,
    filed_groups: u64,
    /// The groups that go next, hash and number, the last one first.
    hand: Vec<u64>,
    part: u32,
}

impl Cold {
    /// No group yet. `fixed` are the bytes that a group takes whatever its key and values are.
    pub(in crate::operators) fn new(
        memory: &ManagedMemory,
        state: &StateDescriptor,
        max_parallelism: u16,
        fixed: usize,
    ) -> Result<Self> {
        Ok(Self {
            state: state.name,
            partition: state.partition.clone(),
            spill: Spill::new(memory.clone(), state, max_parallelism)?,
            budget: memory.bytes,
            fixed,
            limit: memory.bytes / 4 * QUARTERS / fixed.max(1),
            settled: false,
            room: 0,
            stays: 0,
            held: Flags::default(),
            used: Flags::default(),
            changed: Flags::default(),
            filed: Flags::default(),
            filed_groups: 0,
            hand: Vec::new(),
            part: 0,
        })
    }

    /// Whether [`make_room`](Self::make_room) has still to know how much is held.
    pub(in crate::operators) const fn is_growing(&self, numbers: usize) -> bool {
        !self.settled && numbers * 4 > self.limit
    }

    /// The number of groups that there should be room for, with `numbers` in use that hold `bytes`: it doubles up to a quarter
    /// of what fits, then all of it is there at once, and nothing is ever copied into more than that.
    pub(in crate::operators) fn make_room(&mut self, numbers: usize, bytes: usize) -> usize {
        if self.is_growing(numbers) {
            let more = bytes.saturating_sub(self.room * self.fixed) / numbers.max(1);
            self.limit = self.budget / 4 * QUARTERS / (self.fixed + more).max(1);
            self.settled = true;
            self.room = self.room.max(self.limit);
        }
        if numbers > self.room {
            self.room = if self.settled { numbers } else { numbers.max(2 * self.room) };
        }
        for flags in [&mut self.held, &mut self.used, &mut self.changed, &mut self.filed] {
            flags.resize(self.room);
        }
        self.room
    }

    /// The number of groups that must leave before `more` come.
    pub(in crate::operators) fn surplus(&self, table: &GroupTable, more: usize) -> usize {
        (table.len() + more).saturating_sub(self.limit).min(table.len())
    }

    /// Whether groups must leave because what they hold by themselves has grown: of `bytes` in all.
    pub(in crate::operators) fn is_overweight(&mut self, bytes: usize) -> bool {
        let over = bytes > self.budget;
        if !over {
            self.stays = 0;
        }
        over && bytes > self.stays
    }

    /// Notes that as many `bytes` are held after groups have left as before, those of tables that only grow: so there will
    /// not be more than the `groups` that are left.
    pub(in crate::operators) fn stay(&mut self, bytes: usize, groups: usize) {
        self.stays = bytes;
        self.limit = self.limit.min(groups);
    }

    /// Notes that groups are used; those that were not held before are pushed to `fresh` by their position.
    pub(in crate::operators) fn touch(&mut self, groups: &[u32], fresh: &mut Vec<u32>) {
        for (at, &group) in (0_u32..).zip(groups) {
            self.used.set(group);
            if !self.held.is_set(group) {
                self.held.set(group);
                fresh.push(at);
            }
        }
    }

    /// Notes that groups are other than the file has them.
    pub(in crate::operators) fn change(&mut self, groups: &[u32]) {
        self.changed.set_all(groups);
    }

    /// The entries of these keys, which are not held, as far as they have any.
    pub(in crate::operators) fn find(&mut self, keys: &[ArrayRef]) -> Result<Found> {
        self.spill.find(keys)
    }

    /// Notes that groups have been read from the file.
    pub(in crate::operators) fn loaded(&mut self, groups: &[u32]) {
        self.filed_groups += groups.len() as u64;
        self.filed.set_all(groups);
    }

    /// Whether the file has an entry of `group`, so that it can't be forgotten without a word.
    pub(in crate::operators) fn is_filed(&self, group: u32) -> bool {
        self.filed.is_set(group)
    }

    /// Groups that are to leave, about `count` unless so many are not there; none of `pinned`.
    pub(in crate::operators) fn choose(
        &mut self,
        table: &GroupTable,
        count: usize,
        pinned: &[u32],
    ) -> Result<Vec<u32>> {
        let mut chosen = Vec::with_capacity(count.min(CHUNK));
        let mut turns = 0;
        while chosen.len() < count.min(CHUNK) {
            if let Some(next) = self.hand.pop() {
                #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
                let group = next as u32;
                if self.held.is_set(group) && !self.used.is_set(group) {
                    self.held.clear(group);
                    chosen.push(group);
                }
            } else if turns > 2 * parts(table) {
                break;
            } else {
                turns += 1;
                self.turn(table)?;
                self.used.set_all(pinned);
            }
        }
        // Those that were taken out of the hand are held until they have left.
        self.held.set_all(&chosen);
        Ok(chosen)
    }

    /// Moves the hand over the next part of the hashes: groups that were used get another turn.
    fn turn(&mut self, table: &GroupTable) -> Result<()> {
        let parts = parts(table);
        self.part = (self.part + 1) % parts;
        let mut numbers = self.held.iter();
        loop {
            let groups: Vec<u32> = numbers.by_ref().take(CHUNK).collect();
            if groups.is_empty() {
                break;
            }
            let keys = table.keys(&groups)?;
            let routing: Vec<ArrayRef> = self.partition.iter().map(|&key| keys[key].clone()).collect();
            let mut hashes = Vec::new();
            key_group::hash_keys(&routing, &mut hashes)?;
            for (&group, hash) in groups.iter().zip(hashes) {
                let hash = hash >> 32;
                if (hash * u64::from(parts)) >> 32 != u64::from(self.part) {
                    continue;
                }
                if self.used.is_set(group) {
                    self.used.clear(group);
                } else {
                    self.hand.push(hash << 32 | u64::from(group));
                }
            }
        }
        self.hand.sort_unstable_by_key(|&next| Reverse(next));
        Ok(())
    }

    /// Those of `groups`, which are to leave, that the file does not have as they are.
    pub(in crate::operators) fn unfiled(&self, groups: &[u32]) -> Vec<u32> {
        let same = |group: u32| self.filed.is_set(group) && !self.changed.is_set(group);
        groups.iter().copied().filter(|&group| !same(group)).collect()
    }

    /// Files entries of these keys, of groups or of none.
    pub(in crate::operators) fn file(&mut self, keys: &[ArrayRef], values: &[ArrayRef], marks: &[Mark]) -> Result<()> {
        self.spill.put(keys, values, marks)
    }

    /// Notes that `group` is there no more, or elsewhere.
    pub(in crate::operators) fn forget(&mut self, group: u32) {
        if self.filed.is_set(group) {
            self.filed_groups -= 1;
        }
        for flags in [&mut self.held, &mut self.used, &mut self.changed, &mut self.filed] {
            flags.clear(group);
        }
    }

    /// What left memory since the last snapshot and had changed.
    pub(in crate::operators) fn take_changed(&mut self) -> Option<StateChange> {
        let rows = self.spill.take_changed()?;
        Some(StateChange::Deferred { state: self.state, namespace: 0, rows })
    }

    /// The number of entries that are in the file alone.
    pub(in crate::operators) fn filed_only(&self) -> u64 {
        self.spill.len().saturating_sub(self.filed_groups)
    }

    /// Whether memory has no room for `more` groups.
    pub(in crate::operators) const fn is_full(&self, groups: usize, more: usize) -> bool {
        groups + more > self.limit
    }

    /// All entries of the file, some at a time; those of groups that are held may be out of date.
    pub(in crate::operators) fn scan(&self, visit: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        self.spill.scan(visit)
    }

    /// Bytes in memory.
    pub(in crate::operators) fn bytes(&self) -> usize {
        let flags = [&self.held, &self.used, &self.changed, &self.filed];
        self.spill.bytes() + self.hand.capacity() * 8 + flags.iter().map(|flags| flags.bytes()).sum::<usize>()
    }
}

fn parts(table: &GroupTable) -> u32 {
    if table.len() < LARGE { 1 } else { PARTS }
}
