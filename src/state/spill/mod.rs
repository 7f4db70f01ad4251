//! Keyed state that has left memory: the working file of one operator instance.
//!
//! Entries are filed by the upper half of their key's hash, which is the order of key groups, in blocks of a few KiB. In
//! memory are the directory of the blocks and a filter of each ([`directory`]), so that a key that was never there costs no
//! read, and another costs one. Whoever puts entries puts many at once: those of one block are written together.
//!
//! The file holds nothing that lasts: it has no name, is never synced, and is not checked byte by byte, as memory is not.
//! What lasts are checkpoints, which take what has changed here out of the file while the job goes on ([`changed`]): what
//! they have yet to read is not written over.

mod block;
mod changed;
mod codec;
mod directory;
mod file;
mod log;
#[cfg(test)]
mod tests;
mod window;

pub use file::{Found, ManagedMemory, Mark, Spill};
