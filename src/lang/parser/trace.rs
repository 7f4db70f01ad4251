//! The trace of how far parsing got, and what was looked for there.

use std::cell::{Cell, RefCell};

use super::expected::{Expected, Kind};

/// The furthest place any parser failed at, and what was looked for there.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    furthest: Cell<usize>,
    expected: RefCell<Vec<Expected>>,
    /// Words that would have been right, though not listed one by one: offered when what was typed is near.
    near: RefCell<Vec<&'static str>>,
    /// The label of everything expected at a place: `an expression` for each of its beginnings.
    label: Cell<Option<(usize, Kind)>>,
}

impl Trace {
    /// The label of whatever is expected at token `at`, if anything has one.
    pub(crate) fn label(&self, at: usize) -> Option<Kind> {
        self.label.get().filter(|&(place, _)| place == at).map(|(_, label)| label)
    }

    /// Notes that `expected` was looked for at token `at`.
    pub(crate) fn note(&self, at: usize, expected: Expected) {
        if !self.reaches(at) {
            return;
        }
        let noted = match self.label(at) {
            Some(label) => {
                if let Expected::Exactly(word) = expected {
                    self.near.borrow_mut().push(word);
                }
                Expected::Kind(label)
            }
            None => expected,
        };
        let mut all = self.expected.borrow_mut();
        if !all.contains(&noted) {
            all.push(noted);
        }
    }

    /// Notes words that would have been right at `at` without listing them.
    pub(crate) fn note_near(&self, at: usize, words: &[&'static str]) {
        if self.reaches(at) {
            self.near.borrow_mut().extend_from_slice(words);
        }
    }

    /// From here on `label` stands for everything expected at token `at`, unless another one does already; gives back what
    /// stood before, for [`leave`](Self::leave).
    pub(crate) fn enter(&self, at: usize, label: Kind) -> Option<(usize, Kind)> {
        let outer = self.label.get();
        if outer.is_none_or(|(place, _)| place != at) {
            self.label.set(Some((at, label)));
        }
        outer
    }

    /// Ends what [`enter`](Self::enter) began.
    pub(crate) fn leave(&self, outer: Option<(usize, Kind)>) {
        self.label.set(outer);
    }

    fn reaches(&self, at: usize) -> bool {
        if at > self.furthest.get() {
            self.furthest.set(at);
            self.expected.borrow_mut().clear();
            self.near.borrow_mut().clear();
        }
        at == self.furthest.get()
    }

    /// The furthest token, what was expected there, and the near words.
    pub(crate) fn read(&self) -> (usize, Vec<Expected>, Vec<&'static str>) {
        (self.furthest.get(), self.expected.borrow().clone(), self.near.borrow().clone())
    }

    /// Forgets everything before token `at`, where a new statement begins.
    pub(crate) fn restart(&self, at: usize) {
        self.furthest.set(at);
        self.expected.borrow_mut().clear();
        self.near.borrow_mut().clear();
        self.label.set(None);
    }
}
