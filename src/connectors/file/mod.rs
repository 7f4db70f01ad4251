//! `file`: NDJSON and CSV files, read in parallel in byte ranges, written exactly once.

mod buffer;
mod commit;
mod discover;
mod fingerprint;
mod format;
mod lines;
mod parts;
mod reader;
mod sink;
mod source;
mod spec;
mod splits;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text;

pub(super) use spec::SPEC;
