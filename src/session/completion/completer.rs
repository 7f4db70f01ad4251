//! The completer: a snapshot of all that can be named.

use std::path::PathBuf;

use super::candidate::Completions;
use super::cursor::{Cursor, Part, floor};
use super::offer::Offer;
use super::walk::Walk;
use super::want::{Place, Want};
use crate::api::Registries;
use crate::plan::Catalog;
use crate::session::Session;

/// Completes what is typed, by what the session knew when it was made. It holds no job and no terminal, and can be sent
/// to another thread.
#[derive(Clone)]
pub struct Completer {
    pub(super) registries: Registries,
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
            registries: *session.registries(),
            catalog: session.catalog().clone(),
            jobs: jobs.collect(),
            base_dir: session.settings().base_dir.clone(),
        }
    }

    /// What may stand at byte `pos` of `text`. Any text and any position are allowed; where nothing can be said there are
    /// no candidates.
    #[must_use]
    pub fn complete(&self, text: &str, pos: usize) -> Completions {
        let Some(cursor) = Cursor::at(text, pos, &self.registries) else {
            return Completions { start: floor(text, pos), candidates: Vec::new() };
        };
        let place = self.place(&cursor);
        Offer::of(self, &cursor, &place)
    }

    /// What is still to be typed behind byte `pos`, in words: `WINDOW(…) [lateness DURATION] [late_to NAME]`. Only where a
    /// word has just ended.
    #[must_use]
    pub fn hint(&self, text: &str, pos: usize) -> Option<String> {
        let cursor = Cursor::at(text, pos, &self.registries)?;
        let ended = cursor.before.ends_with([' ', '\n', '(', ',']);
        if !cursor.typed.is_empty() || cursor.part == Part::Text || cursor.part == Part::Quoted || !ended {
            return None;
        }
        self.place(&cursor).usage
    }

    /// The rest of the word at `pos`, if what is typed of it can only be one thing.
    #[must_use]
    pub fn suffix(&self, text: &str, pos: usize) -> Option<String> {
        let cursor = Cursor::at(text, pos, &self.registries)?;
        if cursor.typed.len() < 2 || cursor.part == Part::Text {
            return None;
        }
        let completions = Offer::of(self, &cursor, &self.place(&cursor));
        let [only] = &completions.candidates[..] else { return None };
        let rest = only.replacement.strip_prefix(cursor.typed)?;
        (!rest.is_empty()).then(|| rest.to_owned())
    }

    fn place(&self, cursor: &Cursor<'_>) -> Place {
        let mut place = Walk::over(&self.registries, cursor.before, &cursor.tokens);
        if cursor.fresh_line && cursor.part == Part::Bare {
            place.wants.push(Want::Statement);
        }
        place
    }
}
