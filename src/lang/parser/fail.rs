//! The failure of a parser.

use crate::types::Diagnostic;

/// A failure: soft without a diagnostic.
#[derive(Debug)]
pub(crate) struct Fail(pub(crate) Option<Box<Diagnostic>>);

/// A failure that ends parsing with this message.
pub(crate) fn refuse<T>(diagnostic: Diagnostic) -> Result<T, nom::Err<Fail>> {
    Err(nom::Err::Failure(Fail(Some(Box::new(diagnostic)))))
}

/// A failure that lets another alternative try.
pub(crate) fn soft<T>() -> Result<T, nom::Err<Fail>> {
    Err(nom::Err::Error(Fail(None)))
}
