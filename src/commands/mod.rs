//! Layer 6.
