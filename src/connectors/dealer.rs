//! How readers that run in parallel share out one input, exactly, under checkpoints.
//!
//! Splits are dealt in the input's order to whichever reader asks next, so that event time advances together. One rule
//! makes the readers' snapshots fit each other: **a reader that has taken snapshot *n* is dealt nothing until every
//! reader has taken *n*** (or has ended). The last split dealt before the cut was then dealt to a reader whose snapshot
//! came after it, so among the entries of one checkpoint the one with the most deals knows how far dealing had got, and
//! together with every entry's own unfinished split they say exactly what is left.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::types::{CheckpointId, Error, Result};

/// The splits of an input, in its order.
pub(super) trait Splits: Send {
    /// A part of the input, with how far it has been read.
    type Split: Clone + Ord + Send + Serialize + DeserializeOwned;

    /// The next split; `None` at the end of the input.
    fn take(&mut self) -> Option<Self::Split>;

    /// Where the next split begins.
    fn position(&self) -> u64;
}

/// The answer to a reader that wants work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deal<S> {
    /// Read this.
    Split(S),
    /// Ask again: a checkpoint is under way.
    Wait,
    /// Nothing ever again.
    End,
}

/// Deals the splits of one input to its readers. Touched once a split, not once a batch.
pub(super) struct Dealer<S: Splits> {
    state: Mutex<State<S>>,
}

struct State<S: Splits> {
    splits: S,
    /// Unfinished splits of the run that was restored; dealt before anything new.
    returned: VecDeque<S::Split>,
    deals: u64,
    readers: Vec<Reader>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Reader {
    taken: u64,
    ended: bool,
}

/// What a checkpoint says of one reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReaderPosition<S> {
    version: u32,
    /// Names the input, so that positions in another are refused.
    input: String,
    deals: u64,
    next: u64,
    returned: Vec<S>,
    current: Option<S>,
}

/// What a checkpoint says of all readers together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remaining<S> {
    /// Nothing from here on has been dealt.
    pub(super) next: u64,
    /// Dealt and not finished, in the input's order.
    pub(super) unfinished: Vec<S>,
}

const VERSION: u32 = 1;

impl<S: Splits> Dealer<S> {
    /// A dealer for `readers` readers that deals `unfinished`, then the rest of `splits`.
    pub(super) fn new(splits: S, unfinished: Vec<S::Split>, readers: usize) -> Self {
        let state = State { splits, returned: unfinished.into(), deals: 0, readers: vec![Reader::default(); readers] };
        Self { state: Mutex::new(state) }
    }

    /// Asks for a split on behalf of a reader that has none.
    pub(super) fn deal(&self, reader: usize) -> Deal<S::Split> {
        let mut state = self.lock();
        let taken = state.readers[reader].taken;
        if state.readers.iter().any(|other| !other.ended && other.taken < taken) {
            return Deal::Wait;
        }
        let split = match state.returned.pop_front() {
            Some(split) => Some(split),
            None => state.splits.take(),
        };
        state.deals += 1;
        if let Some(split) = split {
            return Deal::Split(split);
        }
        state.readers[reader].ended = true;
        Deal::End
    }

    /// `reader` will neither ask nor be asked again; the others no longer wait for it.
    pub(super) fn end(&self, reader: usize) {
        self.lock().readers[reader].ended = true;
    }

    /// The entry of `reader`, which is at `current`, in `checkpoint`.
    ///
    /// A reader that has ended counts as having taken every snapshot; asked again, it says that it has nothing in
    /// flight.
    pub(super) fn snapshot(
        &self,
        reader: usize,
        checkpoint: CheckpointId,
        input: &str,
        current: Option<S::Split>,
    ) -> Result<Vec<u8>> {
        let mut state = self.lock();
        state.readers[reader].taken = state.readers[reader].taken.max(checkpoint.0);
        let position = ReaderPosition {
            version: VERSION,
            input: input.to_owned(),
            deals: state.deals,
            next: state.splits.position(),
            returned: state.returned.iter().cloned().collect(),
            current,
        };
        drop(state);
        serde_json::to_vec(&position).map_err(Error::state)
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // A panic elsewhere can't leave the state half changed: no call of foreign code happens under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the fingerprint of the content begins in the description of an input, which may be without: positions that were
/// written before there was one.
pub(super) const CONTENT: &str = " content ";

/// What the readers of a checkpoint had left, whatever their number was.
///
/// # Errors
/// When an entry is damaged, of a later version, or speaks of another input than `input`.
pub(super) fn remaining<S: Clone + Ord + DeserializeOwned>(entries: &[Vec<u8>], input: &str) -> Result<Remaining<S>> {
    let mut latest: Option<ReaderPosition<S>> = None;
    let mut unfinished = Vec::new();
    for entry in entries {
        let mut position = parse(entry)?;
        let same = position.input == input
            || input.strip_prefix(&position.input).is_some_and(|rest| rest.starts_with(CONTENT));
        if !same {
            return Err(Error::state(format!(
                "the input is not the one that was checkpointed: then {}, now {input}; bring it back as it was, or start \
                 without a restore",
                position.input
            )));
        }
        unfinished.extend(position.current.take());
        if latest.as_ref().is_none_or(|latest| latest.deals < position.deals) {
            latest = Some(position);
        }
    }
    let latest = latest.ok_or_else(|| Error::state("a source's checkpoint has no positions"))?;
    unfinished.extend(latest.returned);
    unfinished.sort_unstable();
    Ok(Remaining { next: latest.next, unfinished })
}

fn parse<S: DeserializeOwned>(entry: &[u8]) -> Result<ReaderPosition<S>> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let damaged = |error: serde_json::Error| Error::state(format!("a source's position is damaged: {error}"));
    let Version { version } = serde_json::from_slice(entry).map_err(damaged)?;
    if version != VERSION {
        return Err(Error::state(format!("a source's position is of version {version}; this build reads {VERSION}")));
    }
    serde_json::from_slice(entry).map_err(damaged)
}

#[cfg(test)]
mod tests;
