//! `file`: NDJSON and CSV files, read in parallel in byte ranges, written exactly once.

mod buffer;
mod commit;
mod discover;
mod fingerprint;
mod follow;
mod format;
mod lines;
mod parts;
mod pipe;
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
