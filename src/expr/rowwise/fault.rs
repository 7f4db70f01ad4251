//! Why a row has no value.

use std::fmt;

/// The failure of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Box<(String, Option<usize>)>);

impl Fault {
    /// The failure that `message` tells.
    #[must_use]
    #[cold]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new((message.into(), None)))
    }

    /// The same on this line of what was typed, unless the line is known already.
    #[must_use]
    pub fn on_line(mut self, line: usize) -> Self {
        self.0.1.get_or_insert(line);
        self
    }

    /// The line of what was typed.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.1
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl From<crate::types::Error> for Fault {
    fn from(error: crate::types::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<arrow_schema::ArrowError> for Fault {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::new(error.to_string())
    }
}

/// A value or null, unless the row fails.
pub type Eval<T> = Result<Option<T>, Fault>;
