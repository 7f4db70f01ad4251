//! The completer: a snapshot of all that can be named.

use std::path::PathBuf;

use super::candidate::Completions;
use super::cursor::{Cursor, Part, floor};
use super::offer::Offer;
use super::usage;
use crate::lang::{Expectation, Expectations, Expected, Kind, expectations};
use crate::plan::Catalog;
use crate::session::{Session, SessionRegistries};

/// Completes what is typed, by what the session knew when it was made. It holds no job and no terminal, and can be sent
/// to another thread.
#[derive(Clone)]
pub struct Completer {
    pub(super) registries: SessionRegistries,
    pub(super) catalog: Catalog,
    pub(super) jobs: Vec<KnownJob>,
    pub(super) base_dir: PathBuf,
}

/// What is known of a job.
#[derive(Debug, Clone)]
pub(super) struct KnownJob {
    pub(super) name: String,
    pub(super) status: String,
    /// Number, name and subtasks of each vertex, while it runs.
    pub(super) vertices: Vec<(usize, String, usize)>,
    /// Its completed checkpoints.
    pub(super) checkpoints: Vec<u64>,
}

impl std::fmt::Debug for Completer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entries: Vec<&str> = self.catalog.iter().map(crate::plan::Entry::name).collect();
        f.debug_struct("Completer").field("entries", &entries).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

impl Completer {
    /// A snapshot of `session`.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let jobs = session.jobs().map(|entry| {
            let view = entry.job.view();
            let completed = view.checkpoints.iter().filter(|checkpoint| checkpoint.status == "completed");
            KnownJob {
                name: entry.name.clone(),
                status: format!("{:?}", view.status).to_lowercase(),
                vertices: view
                    .vertices
                    .iter()
                    .map(|vertex| (vertex.id, vertex.name.clone(), vertex.subtasks.len()))
                    .collect(),
                checkpoints: completed.map(|checkpoint| checkpoint.id).collect(),
            }
        });
        Self {
            registries: session.registries().clone(),
            catalog: session.catalog().clone(),
            jobs: jobs.collect(),
            base_dir: session.settings().base_dir.clone(),
        }
    }

    /// What may stand at byte `pos` of `text`. Any text and any position are allowed; where nothing can be said there are
    /// no candidates.
    #[must_use]
    pub fn complete(&self, text: &str, pos: usize) -> Completions {
        let grammar = self.registries.grammar();
        let Some(cursor) = Cursor::at(text, pos, &grammar) else {
            return Completions { start: floor(text, pos), candidates: Vec::new() };
        };
        Offer::of(self, &cursor, &self.expectations(&cursor))
    }

    /// What is still to be typed behind byte `pos`, in words: `WINDOW(…) [lateness DURATION] [late_to NAME]`. Only where a
    /// word has just ended.
    #[must_use]
    pub fn hint(&self, text: &str, pos: usize) -> Option<String> {
        let cursor = Cursor::at(text, pos, &self.registries.grammar())?;
        let ended = cursor.before.ends_with([' ', '\n', '(', ',']);
        if !cursor.typed.is_empty() || cursor.part == Part::Text || cursor.part == Part::Quoted || !ended {
            return None;
        }
        usage::of(&self.registries, &self.expectations(&cursor).items)
    }

    /// The rest of the word at `pos`, if what is typed of it can only be one thing.
    #[must_use]
    pub fn suffix(&self, text: &str, pos: usize) -> Option<String> {
        let cursor = Cursor::at(text, pos, &self.registries.grammar())?;
        if cursor.typed.len() < 2 || cursor.part == Part::Text {
            return None;
        }
        let completions = Offer::of(self, &cursor, &self.expectations(&cursor));
        let [only] = &completions.candidates[..] else { return None };
        let rest = only.replacement.strip_prefix(cursor.typed)?;
        (!rest.is_empty()).then(|| rest.to_owned())
    }

    fn expectations(&self, cursor: &Cursor<'_>) -> Expectations {
        let mut found = expectations(cursor.before, &cursor.tokens, &self.registries.grammar());
        if cursor.fresh_line && cursor.part == Part::Bare {
            found.items.push(Expectation { expected: Expected::Kind(Kind::Statement), within: Vec::new() });
        }
        found
    }
}
