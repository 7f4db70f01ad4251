//! The dealer, by which readers that run in parallel share out one input, exactly, under checkpoints.
//!
//! Splits are dealt in the input's order to whichever reader asks next, so that event time advances together. One rule
//! makes the readers' snapshots fit each other: **a reader that has taken snapshot *n* is dealt nothing until every
//! reader has taken *n*** (or has ended). The last split dealt before the cut was then dealt to a reader whose snapshot
//! came after it, so among the entries of one checkpoint the one with the most deals knows how far dealing had got, and
//! together with every entry's own unfinished split they say exactly what is left.
//!
//! A restored reader goes on with the split that it had begun, so that rows meet the event time that their own reader had
//! reached. Every other reader is dealt its first split at once: who gets none is known, before anything runs, to have
//! nothing to hold event time back for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::types::{CheckpointId, Error, Result};

/// The splits of an input, in its order.
pub(super) trait Splits: Send {
    /// A part of the input, with how far it has been read.
    type Split: Clone + Send + Serialize + DeserializeOwned;

    /// The next split; `None` at the end of the input.
    fn take(&mut self) -> Option<Self::Split>;

    /// The position where the next split begins.
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
    /// Unfinished splits that no reader of the restored run had begun again; dealt before anything new.
    returned: VecDeque<S::Split>,
    deals: u64,
    readers: Vec<Reader<S::Split>>,
}

#[derive(Debug, Clone)]
struct Reader<S> {
    taken: u64,
    ended: bool,
    /// Dealt to it when the dealer was made, and not asked for yet.
    first: Option<S>,
    /// Whether it ends with its first split. As long as others are dealt splits it does not count as having ended: they
    /// wait for its snapshots until it is dropped.
    finishes: bool,
}

/// The position of one reader in a checkpoint.
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

/// The rest of an input by a checkpoint's entries of all readers together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remaining<S> {
    /// Nothing from here on has been dealt.
    pub(super) next: u64,
    /// The split that each reader had begun and not finished.
    pub(super) begun: Vec<Option<S>>,
    /// Dealt in an earlier run and not begun again since, in the input's order.
    pub(super) returned: Vec<S>,
}

impl<S> Remaining<S> {
    /// All of an input.
    pub(super) const fn all() -> Self {
        Self { next: 0, begun: Vec::new(), returned: Vec::new() }
    }

    /// The splits that have been dealt and are not finished.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &S> {
        self.begun.iter().flatten().chain(&self.returned)
    }

    /// The number of readers that go on from here, for this many subtasks: each that was restored, and one a subtask at
    /// least.
    pub(super) fn readers(&self, parallelism: usize) -> usize {
        self.begun.len().max(parallelism)
    }
}

const VERSION: u32 = 1;

impl<S: Splits> Dealer<S> {
    /// A dealer of what remains of an input, for the [`Remaining::readers`] of `parallelism` subtasks. `splits` begins
    /// at `remaining.next`. When there are more readers than subtasks, only the last `parallelism` of them are dealt
    /// more than what they had begun.
    pub(super) fn new(splits: S, remaining: Remaining<S::Split>, parallelism: usize) -> Self {
        let readers = remaining.readers(parallelism);
        let mut begun = remaining.begun;
        begun.resize(readers, None);
        let mut state = State { splits, returned: remaining.returned.into(), deals: 0, readers: Vec::new() };
        for (index, begun) in begun.into_iter().enumerate() {
            let finishes = index < readers - parallelism;
            let first = if finishes { begun } else { begun.or_else(|| state.next()) };
            state.readers.push(Reader { taken: 0, ended: first.is_none() && !finishes, first, finishes });
        }
        Self { state: Mutex::new(state) }
    }

    /// Asks for a split on behalf of a reader that has none.
    pub(super) fn deal(&self, reader: usize) -> Deal<S::Split> {
        let mut state = self.lock();
        let own = &mut state.readers[reader];
        if let Some(split) = own.first.take() {
            return Deal::Split(split);
        }
        if own.ended || own.finishes {
            return Deal::End;
        }
        let taken = own.taken;
        if state.readers.iter().any(|other| !other.ended && other.taken < taken) {
            return Deal::Wait;
        }
        state.deals += 1;
        if let Some(split) = state.next() {
            return Deal::Split(split);
        }
        state.readers[reader].ended = true;
        Deal::End
    }

    /// Whether `reader` is dealt nothing more, and was dealt nothing that it has not asked for.
    pub(super) fn has_ended(&self, reader: usize) -> bool {
        let own = &self.lock().readers[reader];
        own.ended || own.finishes && own.first.is_none()
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
        let own = &mut state.readers[reader];
        own.taken = own.taken.max(checkpoint.0);
        let current = current.or_else(|| own.first.clone());
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

impl<S: Splits> State<S> {
    fn next(&mut self) -> Option<S::Split> {
        self.returned.pop_front().or_else(|| self.splits.take())
    }
}

/// The splits that the readers of a checkpoint had left, in the order of their entries.
///
/// # Errors
/// When an entry is damaged, of a later version, or speaks of an input that is not the `same` as `input`.
pub(super) fn remaining<S: DeserializeOwned>(
    entries: &[Vec<u8>],
    input: &str,
    same: fn(&str, &str) -> bool,
) -> Result<Remaining<S>> {
    let mut latest: Option<ReaderPosition<S>> = None;
    let mut begun = Vec::new();
    for entry in entries {
        let mut position: ReaderPosition<S> = parse(entry)?;
        if !same(&position.input, input) {
            return Err(another_input(&position.input, input));
        }
        begun.push(position.current.take());
        if latest.as_ref().is_none_or(|latest| latest.deals < position.deals) {
            latest = Some(position);
        }
    }
    let latest = latest.ok_or_else(|| Error::state("a source's checkpoint has no positions"))?;
    Ok(Remaining { next: latest.next, begun, returned: latest.returned })
}

/// The error of an input that is not the one of the checkpoint, in words: the hashes of a fingerprint say nothing to people.
fn another_input(then: &str, now: &str) -> Error {
    let [then, now] = [then, now].map(|input| {
        let words = input.split_once(" [").map_or(input, |(words, _)| words);
        words.replacen("1 file(s)", "1 file", usize::from(words.starts_with("1 "))).replacen("file(s)", "files", 1)
    });
    let what = if then == now { format!("{now} of another content") } else { now };
    Error::state(format!(
        "the input is not the one that was checkpointed: then {then}, now {what}; bring it back as it was, or start the job anew"
    ))
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
