//! The dashboard without a terminal: what it draws and what its keys do.

mod draw;
mod keys;
