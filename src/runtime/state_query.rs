//! Keyed state as people browse it: asked of the running subtasks, or read from the last checkpoint.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take;

use super::deploy::AttemptControl;
use super::mailbox::{Message, StateQuestion};
use super::storage::CheckpointStorage;
use crate::api::{StateRead, StateReader};
use crate::inspect::{StateOrigin, StateQuery, StateView};
use crate::state::{Namespace, StateDescriptor};
use crate::types::{Clock, Error, Result, key_group};

/// The longest wait for all subtasks when a checkpoint can be shown in their place, milliseconds.
const ANSWER_MS: u64 = 1_000;
/// The longest wait for all subtasks when there is nothing else to show, milliseconds.
const ONLY_ANSWER_MS: u64 = 15_000;
/// An operator with keyed state that is asked for.
struct Asked {
    vertex: usize,
    /// The operator's position in the chain.
    operator: usize,
    uid: String,
    name: String,
    parallelism: usize,
}

/// The operators with keyed state that `query` is about, in the order of the job graph.
fn asked(control: &AttemptControl, query: &StateQuery) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (vertex, job_vertex) in control.graph.vertices.iter().enumerate() {
        for (operator, chained) in job_vertex.operators.iter().enumerate() {
            let uid = chained.uid.as_str().to_owned();
            if query.operator.as_ref().is_none_or(|wanted| *wanted == uid) && !chained.operator.states().is_empty() {
                let (name, parallelism) = (chained.operator.name().to_owned(), job_vertex.parallelism);
                asked.push(Asked { vertex, operator, uid, name, parallelism });
            }
        }
    }
    asked
}

/// The time that [`live`] shall wait, milliseconds: longer when no completed checkpoint could be shown in its place.
pub(super) fn patience_ms(storage: Option<&dyn CheckpointStorage>) -> u64 {
    let stored = storage.and_then(|storage| storage.checkpoints().ok()).is_some_and(|stored| !stored.is_empty());
    if stored { ANSWER_MS } else { ONLY_ANSWER_MS }
}

/// The state in the running operators, by operator in the order of the job graph; `None` for one that can't show it.
/// Nothing when a subtask is over or does not answer within `patience_ms`.
///
/// # Errors
/// When an operator can't show its state.
pub(super) fn live(
    control: &AttemptControl,
    query: &StateQuery,
    clock: &dyn Clock,
    patience_ms: u64,
) -> Result<Option<Vec<Option<Vec<StateView>>>>> {
    let operators = asked(control, query);
    let vertices: Vec<usize> = {
        let mut vertices: Vec<usize> = operators.iter().map(|asked| asked.vertex).collect();
        vertices.dedup();
        vertices
    };
    let subtasks: Vec<_> = vertices.iter().flat_map(|&vertex| &control.mailboxes[vertex]).collect();
    let (reply, answers) = sync_channel(subtasks.len());
    let query = Arc::new(query.clone());
    for subtask in &subtasks {
        let question = StateQuestion { query: Arc::clone(&query), reply: reply.clone() };
        if !subtask.put(Message::Question(question)) {
            return Ok(None);
        }
    }
    drop(reply);
    control.wake_to_look();
    let mut found: Vec<Option<Vec<StateRead>>> = operators.iter().map(|_| Some(Vec::new())).collect();
    let until_ns = clock.nanos().saturating_add(patience_ms * 1_000_000);
    for _ in &subtasks {
        let left = Duration::from_nanos(until_ns.saturating_sub(clock.nanos()));
        let Ok((subtask, read)) = answers.recv_timeout(left) else { return Ok(None) };
        let mut read = read?;
        for (asked, found) in operators.iter().zip(&mut found).filter(|(asked, _)| asked.vertex == subtask.vertex.0) {
            match (read.get_mut(asked.operator).and_then(Option::take), found.as_mut()) {
                (Some(read), Some(found)) => found.extend(read),
                (None, _) => *found = None,
                (Some(_), None) => {}
            }
        }
    }
    let max = control.graph.max_parallelism;
    let views = operators.iter().zip(found).map(|(asked, found)| {
        let owner = |group| key_group::subtask_of(group, asked.parallelism, max);
        found.map(|reads| by_state(&reads, (&asked.uid, &asked.name), StateOrigin::Live, &owner))
    });
    Ok(Some(views.collect()))
}

/// One view a state, of what all instances have read.
fn by_state(
    reads: &[StateRead],
    name: (&str, &str),
    origin: StateOrigin,
    owner: &dyn Fn(u16) -> usize,
) -> Vec<StateView> {
    let mut states: Vec<&'static str> = reads.iter().map(StateRead::state).collect();
    states.sort_unstable();
    states.dedup();
    let of = |state: &str| reads.iter().filter(|read| read.state() == state).cloned().collect();
    states.into_iter().filter_map(|state| StateRead::view(of(state), name, origin, owner)).collect()
}

/// The uids of the operators that `query` is about.
pub(super) fn uids(control: &AttemptControl, query: &StateQuery) -> Vec<String> {
    asked(control, query).into_iter().map(|asked| asked.uid).collect()
}

/// The state in the last completed checkpoint. Reads a snapshot: whatever writes goes on.
///
/// # Errors
/// When there is no checkpoint, or what is stored is damaged.
pub(super) fn checkpointed(
    storage: &dyn CheckpointStorage,
    control: Option<&AttemptControl>,
    query: &StateQuery,
) -> Result<Vec<StateView>> {
    let last = || {
        let last = storage.checkpoints()?.last().copied();
        last.ok_or_else(|| Error::state("the job has no completed checkpoint yet"))
    };
    let id = last()?;
    // It may be forgotten for a newer one just now.
    let point = match storage.restore(id) {
        Ok(point) => point,
        Err(_) if last()? != id => storage.restore(last()?)?,
        Err(error) => return Err(error),
    };
    let mut views = Vec::new();
    for (uid, states) in point.operators()? {
        if query.operator.as_ref().is_some_and(|wanted| wanted != uid.as_str()) {
            continue;
        }
        let operator = point.manifest().operators.iter().find(|operator| operator.uid == uid);
        let name = operator.map_or("", |operator| operator.name.as_str());
        let max = point.manifest().max_parallelism;
        let written = operator.map_or(1, |operator| operator.parallelism);
        let parallelism = control.and_then(|control| parallelism_of(control, uid.as_str())).unwrap_or(written).max(1);
        let owner = |group| key_group::subtask_of(group, parallelism, max);
        let origin = StateOrigin::Checkpoint(point.id().0);
        for state in states {
            let Some(mut reader) = StateReader::new(query, state.clone(), max)? else { continue };
            let of_group = |group: u16| point.operator(&uid, (group..group + 1).into());
            match reader.key()? {
                Some((group, key)) => add(&mut reader, &state, of_group(group).lookup(&state, group, &key)?)?,
                // A key group at a time, so that no more than one is in memory.
                None => (0..max).try_for_each(|group| add(&mut reader, &state, of_group(group).keyed(&state)?))?,
            }
            views.extend(StateRead::view(vec![reader.finish()], (uid.as_str(), name), origin, &owner));
        }
    }
    Ok(views)
}

fn add(reader: &mut StateReader, state: &StateDescriptor, entries: Vec<(Namespace, RecordBatch)>) -> Result<()> {
    for (namespace, rows) in entries {
        let (keys, values) = rows.columns().split_at(state.key_columns);
        let bytes: usize = rows.columns().iter().map(|c| c.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        let mut pick = |picked: &[u32]| {
            let picked = UInt32Array::from(picked.to_vec());
            Ok(values.iter().map(|column| take(column, &picked, None)).collect::<Result<_, _>>()?)
        };
        reader.add(namespace, keys, rows.num_rows(), bytes as u64, &mut pick)?;
    }
    Ok(())
}

fn parallelism_of(control: &AttemptControl, uid: &str) -> Option<usize> {
    let own = |vertex: &&crate::plan::JobVertex| vertex.operators.iter().any(|chained| chained.uid.as_str() == uid);
    control.graph.vertices.iter().find(own).map(|vertex| vertex.parallelism)
}
