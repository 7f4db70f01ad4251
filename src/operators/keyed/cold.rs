//! Which groups of an operator are in memory, and which have left it.
//!
//! An operator with a budget keeps as many groups as fit. Room for others is made by those that were not used since the hand
//! last came by: the clock algorithm of F. Corbató, "A Paging Experiment with the Multics System", 1968. Those used often
//! are passed some times, those used only when they came not once (A. Smith, "Sequentiality and Prefetching in Database
//! Systems", 1978). The hand goes by the hash of keys, as the file is ordered, so that groups that leave together are
//! written to few blocks.

use std::cmp::Reverse;

use arrow_array::{ArrayRef, RecordBatch};

use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::state::{Found, ManagedMemory, Mark, Spill, StateChange, StateDescriptor};
use crate::types::{Result, key_group};

/// Groups whose keys are looked at together.
const CHUNK: usize = 8_192;
/// With so many groups the hand goes by a part of the hashes at a time: what it is about to visit is a list.
const LARGE: usize = 1 << 16;
/// The parts.
const PARTS: u32 = 8;
/// Blocks of the file that are swept in a call.
const SWEPT: usize = 256;
/// Of the budget, groups get so many parts of sixteen; the rest is for the file's directory, and for what is on its way.
const SIXTEENTHS: usize = 12;

/// The group is in memory.
const HELD: u8 = 1;
/// It is other than the file has it.
const CHANGED: u8 = 2;
/// The file has an entry of it.
const FILED: u8 = 4;
/// It was used; so many times the hand passes it.
const USE: u8 = 8;
const USES: u8 = 3;

const fn used(mark: u8) -> u8 {
    if mark < USES * USE { mark + USE } else { mark }
}

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
    /// What is to be known of each group.
    marks: Vec<u8>,
    filed_groups: u64,
    /// The groups that go next, hash and number, the last one first.
    hand: Vec<u64>,
    part: u32,
    /// When the file is swept next, and from which hash on.
    sweep_ms: Option<i64>,
    swept_to: u32,
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
            limit: memory.bytes / 16 * SIXTEENTHS / fixed.max(1),
            settled: false,
            room: 0,
            stays: 0,
            marks: Vec::new(),
            filed_groups: 0,
            hand: Vec::new(),
            part: 0,
            sweep_ms: None,
            swept_to: 0,
        })
    }

    /// Whether [`make_room`](Self::make_room) has still to know how much is held.
    pub(in crate::operators) const fn is_growing(&self, numbers: usize) -> bool {
        !self.settled && numbers * 4 > self.limit
    }

    /// The number of groups that there should be room for, with `numbers` in use soon, where `groups` hold `bytes`: it doubles
    /// up to a quarter of what fits, then all of it is there at once, and nothing is ever copied into more than that.
    pub(in crate::operators) fn make_room(&mut self, numbers: usize, groups: usize, bytes: usize) -> usize {
        if self.is_growing(numbers) {
            let more = bytes.saturating_sub(self.room * self.fixed).checked_div(groups).unwrap_or(0);
            self.limit = self.budget / 16 * SIXTEENTHS / (self.fixed + more).max(1);
            self.settled = true;
            self.room = self.room.max(self.limit);
        }
        if numbers > self.room {
            self.room = if self.settled { numbers } else { numbers.max(2 * self.room) };
        }
        self.marks.reserve_exact(self.room - self.marks.len());
        self.marks.resize(self.room, 0);
        self.room
    }

    /// The number of groups that must leave before `more` come.
    pub(in crate::operators) fn surplus(&self, table: &GroupTable, more: usize) -> usize {
        (table.len() + more).saturating_sub(self.limit).min(table.len())
    }

    /// Whether groups must leave because what they hold by themselves has grown: of `bytes` in all. Of what is the same however
    /// many there are, none would get less.
    pub(in crate::operators) fn is_overweight(&mut self, bytes: usize) -> bool {
        let same = self.room * self.fixed + self.bytes();
        let over = bytes > self.budget && bytes.saturating_sub(same) > self.budget / 16;
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

    /// Notes that groups are used; the positions of those that are none are pushed to `missing`.
    pub(in crate::operators) fn touch(&mut self, groups: &[u32], missing: &mut Vec<u32>) {
        for (at, &group) in (0_u32..).zip(groups) {
            if group == NO_GROUP {
                missing.push(at);
            } else {
                self.marks[group as usize] = used(self.marks[group as usize]);
            }
        }
    }

    /// Notes that groups are held; the positions of those that were not before are pushed to `fresh`. Of keys that are seen
    /// once most are not seen again soon: it takes a second time to be passed by the hand.
    pub(in crate::operators) fn hold(&mut self, groups: &[u32], fresh: &mut Vec<u32>) {
        for (at, &group) in (0_u32..).zip(groups) {
            let mark = &mut self.marks[group as usize];
            if *mark & HELD == 0 {
                *mark |= HELD;
                fresh.push(at);
            } else {
                *mark = used(*mark);
            }
        }
    }

    /// Notes that groups are other than the file has them.
    pub(in crate::operators) fn change(&mut self, groups: &[u32]) {
        for &group in groups {
            self.marks[group as usize] |= CHANGED;
        }
    }

    /// The entries of these keys, which are not held, as far as they have any.
    pub(in crate::operators) fn find(&mut self, keys: &[ArrayRef]) -> Result<Found> {
        self.spill.find(keys)
    }

    /// Notes that groups have been read from the file.
    pub(in crate::operators) fn loaded(&mut self, groups: &[u32]) {
        self.filed_groups += groups.len() as u64;
        for &group in groups {
            self.marks[group as usize] |= FILED;
        }
    }

    /// Whether the file has an entry of `group`, so that it can't be forgotten without a word.
    pub(in crate::operators) fn is_filed(&self, group: u32) -> bool {
        self.marks[group as usize] & FILED != 0
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
                let mark = &mut self.marks[group as usize];
                if *mark & HELD != 0 && *mark < USE {
                    *mark &= !HELD;
                    chosen.push(group);
                }
            } else if turns > 2 * parts(table) * u32::from(USES) {
                break;
            } else {
                turns += 1;
                self.turn(table)?;
                for &group in pinned.iter().filter(|&&group| group != NO_GROUP) {
                    self.marks[group as usize] = used(self.marks[group as usize]);
                }
            }
        }
        // Those that were taken out of the hand are held until they have left.
        for &group in &chosen {
            self.marks[group as usize] |= HELD;
        }
        Ok(chosen)
    }

    /// Moves the hand over the next part of the hashes: groups that were used get another turn.
    fn turn(&mut self, table: &GroupTable) -> Result<()> {
        let parts = parts(table);
        self.part = (self.part + 1) % parts;
        let mut from = 0;
        while from < self.marks.len() {
            let numbers = from..self.marks.len().min(from + CHUNK);
            from = numbers.end;
            let held = numbers.filter(|&number| self.marks[number] & HELD != 0);
            let groups: Vec<u32> = held.map(|number| u32::try_from(number).unwrap_or(NO_GROUP)).collect();
            let keys = table.keys(&groups)?;
            let routing: Vec<ArrayRef> = self.partition.iter().map(|&key| keys[key].clone()).collect();
            let mut hashes = Vec::new();
            key_group::hash_keys(&routing, &mut hashes)?;
            for (&group, hash) in groups.iter().zip(hashes) {
                let hash = hash >> 32;
                if (hash * u64::from(parts)) >> 32 != u64::from(self.part) {
                    continue;
                }
                let mark = &mut self.marks[group as usize];
                if *mark < USE {
                    self.hand.push(hash << 32 | u64::from(group));
                } else {
                    *mark -= USE;
                }
            }
        }
        self.hand.sort_unstable_by_key(|&next| Reverse(next));
        Ok(())
    }

    /// Those of `groups`, which are to leave, that the file does not have as they are.
    pub(in crate::operators) fn unfiled(&self, groups: &[u32]) -> Vec<u32> {
        let same = |group: u32| self.marks[group as usize] & (FILED | CHANGED) == FILED;
        groups.iter().copied().filter(|&group| !same(group)).collect()
    }

    /// Files entries of these keys, of groups or of none.
    pub(in crate::operators) fn file(&mut self, keys: &[ArrayRef], values: &[ArrayRef], marks: &[Mark]) -> Result<()> {
        self.spill.put(keys, values, marks)
    }

    /// Removes entries from the file that have expired, which they have `ttl_ms` milliseconds after they were written: all
    /// are looked at once in that time, some in a call. `expired` says which of some entries have, and are in the file alone.
    pub(in crate::operators) fn sweep(
        &mut self,
        now_ms: i64,
        ttl_ms: i64,
        expired: &mut dyn FnMut(&RecordBatch) -> Result<Option<RecordBatch>>,
    ) -> Result<()> {
        if self.spill.is_empty() {
            self.sweep_ms = None;
        } else if *self.sweep_ms.get_or_insert(now_ms.saturating_add(ttl_ms)) <= now_ms {
            let mut gone = Vec::new();
            self.swept_to = self.spill.scan_from(self.swept_to, SWEPT, &mut |entries| {
                gone.extend(expired(&entries)?);
                Ok(())
            })?;
            for entries in gone {
                let (keys, values) = entries.columns().split_at(self.spill.key_columns());
                let mark = Mark { changed: true, gone: true };
                self.spill.put(keys, values, &vec![mark; entries.num_rows()])?;
            }
            let pause_ms = if self.swept_to == 0 { ttl_ms } else { 1 };
            self.sweep_ms = Some(now_ms.saturating_add(pause_ms));
        }
        Ok(())
    }

    /// When there is something to sweep, epoch milliseconds of processing time.
    pub(in crate::operators) const fn next_sweep_ms(&self) -> Option<i64> {
        self.sweep_ms
    }

    /// Notes that `group` is there no more, or elsewhere.
    pub(in crate::operators) fn forget(&mut self, group: u32) {
        let mark = std::mem::take(&mut self.marks[group as usize]);
        self.filed_groups -= u64::from(mark & FILED != 0);
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
        self.spill.bytes() + self.hand.capacity() * 8 + self.marks.capacity()
    }
}

fn parts(table: &GroupTable) -> u32 {
    if table.len() < LARGE { 1 } else { PARTS }
}
