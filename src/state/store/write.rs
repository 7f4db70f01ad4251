//! A checkpoint made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use redb::{Durability, ReadableTable, Table, WriteTransaction};

use super::block::Block;
use super::changes::{self, NamespaceChange};
use super::commit::{Commit, CommitStats};
use super::database::StateStore;
use super::key::{BlockKey, Group};
use super::lineage::Lineage;
use super::read::BlockReader;
use super::record::{
    CheckpointRecord, PurgeRecord, SchemaRecord, StateRecord, encode_entries, entries_context, to_json,
};
use super::stored_state::StoredState;
use super::tables::{
    CHECKPOINTS, ENTRIES, FORMAT, LAST_ID, MANIFESTS, META, PURGES, SCHEMAS, SIZES, VERSION, db, record,
};
use crate::state::seal::seal;
use crate::state::{OperatorEntry, StateDescriptor, StateSnapshot};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

type States = Vec<Arc<StoredState>>;

/// The states of a checkpoint that is written.
#[derive(Default)]
struct Stated {
    states: States,
    /// The states that the store did not know yet.
    added: States,
    /// The states that take up one of the parent, which had other columns, windows or another uid: from which, by number.
    taken_up: Vec<(Arc<StoredState>, StateRecord)>,
}

/// The head of a checkpoint: what is known of it before its blocks are written.
struct Head<'a> {
    id: u64,
    record: CheckpointRecord,
    /// Bytes of the parent's blocks.
    parent_bytes: u64,
    entries: &'a BTreeMap<&'a str, Vec<OperatorEntry>>,
    manifest: &'a [u8],
}

impl StateStore {
    /// Creates `directory/state.redb` with a first checkpoint in it: the file is synced once less than by
    /// [`open`](Self::open) and then [`commit`](Self::commit), which a short job notices. The directory must be there: one
    /// that was removed under a running job is not this process's any more.
    ///
    /// In one durable step the database of an earlier run gives way to it, which is then kept as
    /// `directory/runs/<n>/state.redb` until a few later ones are there: a run that came to nothing hides no checkpoint.
    ///
    /// # Errors
    /// As those have. Nothing has changed then.
    pub fn create_with(directory: &Path, commit: &Commit<'_>) -> Result<(Self, CommitStats)> {
        let store = Self::unfinished(directory, Durability::None)?;
        let stats = store.commit(commit)?;
        Ok((store.finished(directory)?, stats))
    }

    /// As [`create_with`](Self::create_with), with all of `snapshot` as its first checkpoint: how a job takes over a
    /// savepoint.
    ///
    /// # Errors
    /// As that has, and when the snapshot can't be read. Nothing has changed then.
    pub fn create_from(directory: &Path, snapshot: &StateSnapshot) -> Result<(Self, CheckpointId)> {
        let (store, id) = (Self::unfinished(directory, Durability::None)?, CheckpointId(1));
        store.import(snapshot, id)?;
        Ok((store.finished(directory)?, id))
    }

    /// Makes a checkpoint durable in one two-phase-committed transaction: after `Ok` it survives anything, before that
    /// it does not exist.
    ///
    /// # Errors
    /// When the id was used before, the parent is not held, a delta does not fit its state's descriptor, or the file
    /// can't be written. Nothing has changed then.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<CommitStats> {
        self.try_commit(commit).map_err(|error| self.uncommitted(commit.id, error))
    }

    /// Writes all of `snapshot` as checkpoint `id`, one without ancestors: how a job's own store takes over a savepoint
    /// or another job's checkpoint.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and when the snapshot can't be read.
    pub fn import(&self, snapshot: &StateSnapshot, id: CheckpointId) -> Result<CommitStats> {
        self.try_import(snapshot, id).map_err(|error| self.uncommitted(id, error))
    }

    fn try_commit(&self, commit: &Commit<'_>) -> Result<CommitStats> {
        self.check_place()?;
        let transaction = self.begin_write()?;
        let parent =
            commit.parent.map(|CheckpointId(parent)| parent_record(&transaction, commit.id.0, parent)).transpose()?;
        let Stated { states, added, taken_up } = self.stored_states(commit.states, commit.renamed, parent.as_ref())?;
        write_schemas(&transaction, &added)?;
        let changes = changes::keyed(commit.deltas, &states)?;
        let entries = changes::entries(commit.deltas);
        let mut parent_bytes = parent.as_ref().map_or(0, |parent| parent.bytes);
        if let Some(parent) = &parent {
            for (state, from) in &taken_up {
                let (held, taken) = self.take_up(&transaction, parent, state, *from)?;
                parent_bytes = parent_bytes.saturating_sub(held) + taken;
            }
        }
        let record = next_record(&transaction, commit.id.0, parent.as_ref(), &states, &taken_up, &entries)?;
        let head = Head { id: commit.id.0, record, parent_bytes, entries: &entries, manifest: commit.manifest };
        let mut writer = BlockWriter::new(&transaction, commit.id.0);
        for (state, namespaces) in states.iter().zip(&changes).filter(|(_, namespaces)| !namespaces.is_empty()) {
            let mut table = transaction.open_table(state.blocks()).map_err(db)?;
            for (namespace, change) in namespaces {
                writer.namespace(state, &mut table, *namespace, change)?;
            }
        }
        let written = writer.finish();
        self.finish(transaction, &head, &written, added)
    }

    fn try_import(&self, snapshot: &StateSnapshot, id: CheckpointId) -> Result<CommitStats> {
        self.check_place()?;
        let source = snapshot.source();
        let transaction = self.begin_write()?;
        let Stated { states, added, .. } = self.stored_states(source.operators(), &[], None)?;
        write_schemas(&transaction, &added)?;
        let mut entries = BTreeMap::new();
        for (uid, _) in source.operators() {
            let own = source.entries(uid)?;
            if !own.is_empty() {
                entries.insert(uid.as_str(), own);
            }
        }
        let record = next_record(&transaction, id.0, None, &states, &[], &entries)?;
        let head = Head { id: id.0, record, parent_bytes: 0, entries: &entries, manifest: source.manifest() };
        let mut writer = BlockWriter::new(&transaction, id.0);
        for state in &states {
            let mut table = transaction.open_table(state.blocks()).map_err(db)?;
            source.scan(&state.uid, &state.descriptor, 0..u16::MAX, &mut |key_group, namespace, entries| {
                let block = Block { distinct: true, entries, ..state.layout.empty() };
                writer.block(state, &mut table, Group { key_group, namespace }, &block)
            })?;
        }
        let written = writer.finish();
        self.finish(transaction, &head, &written, added)
    }

    /// The stored form of `states`. One that the parent has in another layout is stored anew, never in a table that holds
    /// blocks already: what it takes up must not meet what another branch of checkpoints has written.
    fn stored_states(
        &self,
        states: &[(OperatorUid, Vec<StateDescriptor>)],
        renamed: &[(OperatorUid, OperatorUid)],
        parent: Option<&Parent>,
    ) -> Result<Stated> {
        let held = parent.iter().flat_map(|parent| &parent.record.states);
        let held = held.map(|state| Ok((self.schema(state.schema)?, *state))).collect::<Result<Vec<_>>>()?;
        let known = self.schemas();
        let mut next = known.last().map_or(0, |state| state.number + 1);
        let mut found = Stated::default();
        for (uid, descriptors) in states {
            for descriptor in descriptors {
                let same = |state: &StoredState| state.uid == *uid && state.descriptor.same_layout(descriptor);
                let of = |uid: &OperatorUid| {
                    held.iter().find(|(s, _)| s.uid == *uid && s.descriptor.name == descriptor.name)
                };
                let earlier = || renamed.iter().find(|(now, _)| now == uid).and_then(|(_, earlier)| of(earlier));
                let of_parent = of(uid).or_else(earlier);
                let stored = match of_parent {
                    Some((state, _)) => Some(state).filter(|state| same(state)),
                    None => known.iter().find(|state| same(state)),
                };
                let state = if let Some(state) = stored {
                    Arc::clone(state)
                } else {
                    let state = Arc::new(StoredState::new(next, uid.clone(), descriptor.clone())?);
                    next += 1;
                    found.added.push(Arc::clone(&state));
                    found.taken_up.extend(of_parent.map(|(_, from)| (Arc::clone(&state), *from)));
                    state
                };
                if found.states.iter().any(|other| other.uid == state.uid && other.descriptor.name == descriptor.name) {
                    return Err(Error::state(format!("operator `{uid}` declares state `{}` twice", descriptor.name)));
                }
                found.states.push(state);
            }
        }
        Ok(found)
    }

    /// Writes what the parent holds of the state `from` as blocks of the parent in the layout of `state`, so that the
    /// checkpoint's own changes come on top. Returns the bytes of the blocks read and written.
    fn take_up(
        &self,
        transaction: &WriteTransaction,
        parent: &Parent,
        state: &StoredState,
        from: StateRecord,
    ) -> Result<(u64, u64)> {
        let held = self.schema(from.schema)?;
        let taken = state.descriptor.take_up(&held.descriptor);
        let taken = taken.map_err(|differs| differs.error(&state.uid, state.descriptor.name))?;
        let read = self.begin_read()?;
        let lineage = &parent.record.lineage;
        let reader = BlockReader { transaction: &read, state: &held, lineage, since: from.since };
        let mut writer = BlockWriter::new(transaction, parent.id);
        let mut table = transaction.open_table(state.blocks()).map_err(db)?;
        let read_bytes = reader.scan(&(0..u16::MAX), &mut |key_group, namespace, rows| {
            let entries = taken.rows(&state.descriptor, &rows)?;
            let block = Block { distinct: true, entries, ..state.layout.empty() };
            writer.block(state, &mut table, Group { key_group, namespace }, &block)
        })?;
        Ok((read_bytes, writer.finish().bytes))
    }

    /// Writes what is not blocks, and commits.
    fn finish(
        &self,
        transaction: WriteTransaction,
        head: &Head<'_>,
        written: &Written,
        added: Vec<Arc<StoredState>>,
    ) -> Result<CommitStats> {
        let id = head.id;
        let mut other_bytes = head.manifest.len() as u64;
        let block_bytes = head.parent_bytes + written.bytes;
        {
            let mut table = transaction.open_table(ENTRIES).map_err(db)?;
            for (uid, entries) in head.entries {
                let sealed = seal(&entries_context(id, uid), &encode_entries(entries)?);
                other_bytes += sealed.len() as u64;
                table.insert((id, *uid), sealed.as_slice()).map_err(db)?;
            }
            let mut table = transaction.open_table(MANIFESTS).map_err(db)?;
            table.insert(id, seal(&id.to_be_bytes(), head.manifest).as_slice()).map_err(db)?;
            let mut table = transaction.open_table(CHECKPOINTS).map_err(db)?;
            table.insert(id, seal(&id.to_be_bytes(), &to_json(&head.record)?).as_slice()).map_err(db)?;
            let mut table = transaction.open_table(SIZES).map_err(db)?;
            table.insert(id, block_bytes).map_err(db)?;
            let mut table = transaction.open_table(META).map_err(db)?;
            table.insert(LAST_ID, id).map_err(db)?;
            // A database of an earlier version is of this one from here on.
            table.insert(VERSION, FORMAT).map_err(db)?;
        }
        // Held across the commit: the next commit, waiting for this one, must find the schemas that it added.
        let mut schemas = self.schemas();
        transaction.commit().map_err(db)?;
        schemas.extend(added);
        drop(schemas);
        let mut work = self.work();
        work.touched.extend(written.touched.iter().copied());
        work.bytes += written.bytes;
        Ok(CommitStats { delta_bytes: written.bytes + other_bytes, full_bytes: block_bytes + other_bytes })
    }
}

fn write_schemas(transaction: &WriteTransaction, added: &[Arc<StoredState>]) -> Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(SCHEMAS).map_err(db)?;
    for state in added {
        let record = SchemaRecord { uid: state.uid.clone(), state: (&state.descriptor).into() };
        let sealed = seal(&state.number.to_be_bytes(), &to_json(&record)?);
        table.insert(state.number, sealed.as_slice()).map_err(db)?;
    }
    Ok(())
}

/// The checkpoint that one is taken on top of.
struct Parent {
    id: u64,
    record: CheckpointRecord,
    /// The number of bytes of the parent's blocks.
    bytes: u64,
}

fn parent_record(transaction: &WriteTransaction, id: u64, parent: u64) -> Result<Parent> {
    let table = transaction.open_table(CHECKPOINTS).map_err(db)?;
    let value = table.get(parent).map_err(db)?.ok_or_else(|| {
        Error::state(format!("checkpoint {id} can't be written: its parent {parent} is not held any more"))
    })?;
    let record = record(parent, value.value())?;
    let sizes = transaction.open_table(SIZES).map_err(db)?;
    let bytes = sizes.get(parent).map_err(db)?.map_or(0, |bytes| bytes.value());
    Ok(Parent { id: parent, record, bytes })
}

/// The record of the next checkpoint.
fn next_record(
    transaction: &WriteTransaction,
    id: u64,
    parent: Option<&Parent>,
    states: &[Arc<StoredState>],
    taken_up: &[(Arc<StoredState>, StateRecord)],
    entries: &BTreeMap<&str, Vec<OperatorEntry>>,
) -> Result<CheckpointRecord> {
    let last = transaction.open_table(META).map_err(db)?.get(LAST_ID).map_err(db)?.map_or(0, |last| last.value());
    if id <= last {
        return Err(Error::state(format!("checkpoint {id} can't be written: {last} was written before")));
    }
    let since = |schema: u32| {
        let taken_up = taken_up.iter().any(|(state, _)| state.number == schema);
        let states = parent.iter().flat_map(|parent| &parent.record.states);
        let before = states.into_iter().find(|state| state.schema == schema);
        match parent {
            Some(parent) if taken_up => parent.id,
            _ => before.map_or(id, |state| state.since),
        }
    };
    let mut operators: Vec<OperatorUid> = Vec::new();
    let stateful = states.iter().map(|state| state.uid.clone());
    for uid in stateful.chain(entries.keys().map(OperatorUid::new)) {
        if !operators.contains(&uid) {
            operators.push(uid);
        }
    }
    Ok(CheckpointRecord {
        parent: parent.map(|parent| parent.id),
        lineage: parent.map_or_else(|| Lineage::root(id), |parent| parent.record.lineage.child(id, last)),
        states: states.iter().map(|state| StateRecord { schema: state.number, since: since(state.number) }).collect(),
        operators,
    })
}

/// The result of writing a checkpoint's blocks.
struct Written {
    bytes: u64,
    touched: Vec<(u32, Group)>,
}

/// Writes the blocks of one checkpoint.
struct BlockWriter<'t> {
    transaction: &'t WriteTransaction,
    id: u64,
    purges: u32,
    scratch: Vec<u8>,
    written: Written,
}

type Blocks<'t> = Table<'t, &'static BlockKey, &'static [u8]>;

impl<'t> BlockWriter<'t> {
    fn new(transaction: &'t WriteTransaction, id: u64) -> Self {
        Self { transaction, id, purges: 0, scratch: Vec::new(), written: Written { bytes: 0, touched: Vec::new() } }
    }

    fn finish(self) -> Written {
        self.written
    }

    fn block(&mut self, state: &StoredState, table: &mut Blocks<'_>, group: Group, block: &Block) -> Result<()> {
        let key = group.block(self.id);
        block.encode(&state.table, &key, &mut self.scratch)?;
        table.insert(&key, self.scratch.as_slice()).map_err(db)?;
        self.written.bytes += (key.len() + self.scratch.len()) as u64;
        self.written.touched.push((state.number, group));
        Ok(())
    }

    fn namespace(
        &mut self,
        state: &StoredState,
        table: &mut Blocks<'_>,
        namespace: i64,
        change: &NamespaceChange<'_>,
    ) -> Result<()> {
        let mut dropped_groups = BTreeSet::new();
        for dropped in &change.drops {
            let mut any = false;
            for key_group in dropped.clone() {
                // A mark is needed only where there is something older to hide.
                let group = Group { key_group, namespace };
                let older = table.range::<&BlockKey>(&group.block(0)..&group.block(self.id)).map_err(db)?.next();
                if older.transpose().map_err(db)?.is_some() {
                    dropped_groups.insert(key_group);
                    any = true;
                }
            }
            if any {
                self.purge(state, namespace, dropped)?;
            }
        }
        for in_order in &change.in_order {
            in_order.blocks(state, &mut |key_group, mut block| {
                block.drop = dropped_groups.remove(&key_group);
                self.block(state, table, Group { key_group, namespace }, &block)
            })?;
        }
        change.each(state, &mut |key_group, mut block| {
            block.drop = dropped_groups.remove(&key_group);
            self.block(state, table, Group { key_group, namespace }, &block)
        })?;
        for key_group in dropped_groups {
            let block = Block { drop: true, ..state.layout.empty() };
            self.block(state, table, Group { key_group, namespace }, &block)?;
        }
        Ok(())
    }

    fn purge(&mut self, state: &StoredState, namespace: i64, groups: &Range<u16>) -> Result<()> {
        let record = PurgeRecord { schema: state.number, namespace, first: groups.start, end: groups.end };
        let mut table = self.transaction.open_table(PURGES).map_err(db)?;
        table.insert((self.id, self.purges), to_json(&record)?.as_slice()).map_err(db)?;
        self.purges += 1;
        Ok(())
    }
}
