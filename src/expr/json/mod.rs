//! JSON: texts as trees, paths into them, and values written as it.

mod path;
mod tree;
mod write;

pub(super) use path::{Found, Path};
pub(super) use tree::{Json, escape, quote, separate};
pub(super) use write::{is_key, raw_type, writable, write_json};
