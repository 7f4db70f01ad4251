//! The `lotic` binary.

fn main() {}
