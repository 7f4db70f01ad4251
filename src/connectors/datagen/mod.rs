//! `datagen`: rows made up by column.

mod field;
mod settings;
mod source;

pub(super) use source::SPEC;
