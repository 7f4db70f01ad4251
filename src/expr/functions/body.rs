//! The body of a call: what it runs, once its arguments are typed.

use std::fmt;

use arrow_array::ArrayRef;

use super::args::{Args, Prepared};
use crate::expr::time::Zone;
use crate::types::Result;

/// A function as typed expressions hold it.
#[derive(Clone, Copy)]
pub(in crate::expr) struct Function {
    /// The function's name in the registry, by which it is known.
    pub(in crate::expr) name: &'static str,
    pub(in crate::expr) body: &'static Body,
    /// The zone in which instants are read as dates and times of day.
    pub(in crate::expr) zone: Zone,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.zone == other.zone
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The body of a function: what it does.
#[derive(Debug)]
pub(in crate::expr) struct Body {
    /// Some row can fail.
    pub(in crate::expr) fallible: bool,
    /// Depends on more than its arguments, so it is no constant.
    pub(in crate::expr) volatile: bool,
    /// Another value in every row, even of constants.
    pub(in crate::expr) per_row: bool,
    /// Compiles what is constant; the error is one in what was typed.
    pub(in crate::expr) prepare: Option<Prepare>,
    pub(in crate::expr) run: fn(&mut Args<'_>) -> Result<ArrayRef>,
}

/// The arguments, `None` for what is not constant.
pub(in crate::expr) type Prepare = fn(&[Option<&ArrayRef>]) -> Result<Option<Prepared>, String>;
