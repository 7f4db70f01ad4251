//! The completer: from a text and a place in it to what may stand there.

use super::candidate::Completions;
use super::cursor::{Cursor, Part, floor};
use super::known::Known;
use super::offer::Offer;
use super::usage;
use crate::lang::{Expectation, Expectations, Expected, Kind, expectations};
use crate::session::Session;

/// Completes what is typed, by what the session knew when it was made. It can be sent to another thread.
#[derive(Clone)]
pub struct Completer {
    pub(super) known: Known,
}

impl std::fmt::Debug for Completer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entries: Vec<&str> = self.known.catalog.iter().map(crate::plan::Item::name).collect();
        f.debug_struct("Completer").field("entries", &entries).field("jobs", &self.known.jobs).finish_non_exhaustive()
    }
}

impl Completer {
    /// A completer that knows what `session` knows now.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        Self { known: Known::of(session) }
    }

    /// The completions that may stand at byte `pos` of `text`. Any text and any position are allowed; where nothing can
    /// be said there are no candidates.
    #[must_use]
    pub fn complete(&self, text: &str, pos: usize) -> Completions {
        let Some(cursor) = Cursor::at(text, pos, &self.known.registries) else {
            return Completions { start: floor(text, pos), candidates: Vec::new() };
        };
        Offer::of(&self.known, &cursor, &self.expectations(&cursor))
    }

    /// The text that is still to be typed behind byte `pos`, in words: `WINDOW(…) [lateness DURATION] [late_to NAME]`.
    /// Only where a word has just ended.
    #[must_use]
    pub fn hint(&self, text: &str, pos: usize) -> Option<String> {
        let cursor = Cursor::at(text, pos, &self.known.registries)?;
        let ended = cursor.before.ends_with([' ', '\n', '(', ',']);
        if !cursor.typed.is_empty() || cursor.part == Part::Text || cursor.part == Part::Quoted || !ended {
            return None;
        }
        usage::of(&self.known.registries, &self.expectations(&cursor).items)
    }

    /// The rest of the word at `pos`, if what is typed of it can only be one thing.
    #[must_use]
    pub fn suffix(&self, text: &str, pos: usize) -> Option<String> {
        let cursor = Cursor::at(text, pos, &self.known.registries)?;
        if cursor.typed.len() < 2 || cursor.part == Part::Text {
            return None;
        }
        let completions = Offer::of(&self.known, &cursor, &self.expectations(&cursor));
        let [only] = &completions.candidates[..] else { return None };
        let rest = only.replacement.strip_prefix(cursor.typed)?;
        (!rest.is_empty()).then(|| rest.to_owned())
    }

    fn expectations(&self, cursor: &Cursor<'_>) -> Expectations {
        let mut found = expectations(cursor.before, &cursor.tokens, &self.known.registries);
        if cursor.fresh_line && cursor.part == Part::Bare {
            found.items.push(Expectation { expected: Expected::Kind(Kind::Statement), within: Vec::new() });
        }
        found
    }
}
