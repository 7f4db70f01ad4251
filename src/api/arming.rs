//! The work that an operator asks for when it can't, or need not, do all of it within one call.

use std::fmt;

/// Some inputs of an operator, by their number. Inputs from 63 on count as one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Inputs(u64);

impl Inputs {
    /// No input.
    pub const NONE: Self = Self(0);
    /// Every input.
    pub const ALL: Self = Self(u64::MAX);

    /// Input `input` alone.
    #[must_use]
    pub const fn one(input: usize) -> Self {
        Self(1 << if input < 63 { input } else { 63 })
    }

    /// The inputs of either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `input` is among them.
    #[must_use]
    pub const fn contains(self, input: usize) -> bool {
        self.0 & Self::one(input).0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("all"),
            some => f.debug_set().entries((0..64).filter(|&input| some.contains(input))).finish(),
        }
    }
}

/// When an operator wants to be [advanced](super::Operator::advance), and what it can't take until then. Given to
/// [`Output::arm`](super::Output::arm), where it replaces what was asked for before; used up when the operator is advanced.
/// What is not asked for costs nothing: an operator that never arms itself is never looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub struct Armed {
    /// The operator has more to give: it is advanced as soon as what it gives finds room.
    pub more: bool,
    /// The inputs of which it takes no rows before it was advanced: they wait, in order, and with [`Inputs::ALL`] watermarks
    /// too. Barriers do not wait: an operator that is full can still give its snapshot.
    pub full: Inputs,
    /// The operator is advanced when the watermark has reached this event time (epoch milliseconds), before the watermark
    /// is passed on, as often as it asks for an event time that has been reached; its inputs wait meanwhile.
    pub event_time: Option<i64>,
    /// The operator is advanced when the clock has reached this processing time (epoch milliseconds).
    pub processing_time_ms: Option<i64>,
    /// The operator is advanced when somebody has woken [`OperatorContext::waker`](super::OperatorContext::waker).
    pub woken: bool,
    /// The operator's work is not done at the end of its inputs: what is behind it is not ended before it arms itself
    /// without this. Having more to give says the same.
    pub unfinished: bool,
    /// A barrier waits until the operator says so no more: what it has yet to give can't be dealt out to other instances,
    /// where changes of one row might overtake each other, or hold back event time.
    pub indivisible: bool,
}

impl Armed {
    /// Nothing is asked for.
    pub const NOTHING: Self = Self {
        more: false,
        full: Inputs::NONE,
        event_time: None,
        processing_time_ms: None,
        woken: false,
        unfinished: false,
        indivisible: false,
    };
}

/// When an operator is advanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The watermark that has reached it, [`MIN_WATERMARK`](crate::types::MIN_WATERMARK) before the first.
    pub watermark: i64,
    /// Processing time, epoch milliseconds.
    pub now_ms: i64,
}

/// The outcome of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The checkpoint is durable: what is only needed to do its work again may be dropped.
    Durable,
    /// The checkpoint will never be. What was handed over for it is part of the next one.
    Aborted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_a_set() {
        assert!(Inputs::NONE.is_empty() && !Inputs::ALL.is_empty());
        let some = Inputs::one(0).and(Inputs::one(2));
        assert!(some.contains(0) && !some.contains(1) && some.contains(2));
        assert!(Inputs::one(70).contains(63) && Inputs::ALL.contains(1_000));
        assert_eq!(format!("{some:?} {:?} {:?}", Inputs::ALL, Armed::NOTHING.full), "{0, 2} all {}");
    }
}
