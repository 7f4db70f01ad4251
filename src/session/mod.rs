//! Layer 5.
