//! The state of an aggregate call, and its accumulators.

use super::distinct::Distinct;
use super::registry::find;
use super::{Accumulator, AggregateCall};
use crate::types::{Error, Field, Result};

impl AggregateCall {
    /// The columns of its state over rows that are only added, names distinct within the call: `sum`, `count`.
    #[must_use]
    pub fn state_fields(&self) -> Vec<Field> {
        self.state_fields_for(false)
    }

    /// The columns of its state; with `changelog_input`, when rows are taken back too.
    #[must_use]
    pub fn state_fields_for(&self, changelog_input: bool) -> Vec<Field> {
        if self.deduplicates() {
            return Distinct::state_fields(self, changelog_input);
        }
        find(self.function).map_or_else(Vec::new, |spec| (spec.state)(self, changelog_input))
    }

    /// Accumulators for no groups yet, over rows that are only added.
    ///
    /// # Errors
    /// When the arguments' types can't be held: a defect of ours, as binding has checked them.
    pub fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.accumulator_for(false)
    }

    /// Accumulators for no groups yet; with `changelog_input` such that every row can be taken back, for which a
    /// minimum, say, must keep all its values.
    ///
    /// # Errors
    /// As [`Self::accumulator`].
    pub fn accumulator_for(&self, changelog_input: bool) -> Result<Box<dyn Accumulator>> {
        let spec = find(self.function)
            .ok_or_else(|| Error::state(format!("there is no aggregate function `{}`", self.function)))?;
        let plain = (spec.make)(self, changelog_input)?;
        if self.deduplicates() { Ok(Box::new(Distinct::new(self, plain, changelog_input)?)) } else { Ok(plain) }
    }

    /// `distinct` changes nothing for a minimum or maximum, and what says when values came keeps the distinct ones itself.
    fn deduplicates(&self) -> bool {
        self.distinct && !self.by_arrival && !matches!(self.function, "min" | "max")
    }
}
