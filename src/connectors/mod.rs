//! Layer 3: connectors. One file or folder each, and one line here.

mod blackhole;
mod datagen;
mod dealer;
mod demo;
mod file;
mod generator;
mod nexmark;
mod options;
mod print;
mod random;
#[cfg(test)]
mod testing;
mod values;

pub use options::SOURCE_OPTIONS;

use crate::api::ConnectorSpec;

/// Every connector, in the order of listings.
#[must_use]
pub fn connectors() -> &'static [ConnectorSpec] {
    const ALL: [ConnectorSpec; 7] =
        [file::SPEC, nexmark::SPEC, datagen::SPEC, demo::SPEC, values::SPEC, print::SPEC, blackhole::SPEC];
    &ALL
}
