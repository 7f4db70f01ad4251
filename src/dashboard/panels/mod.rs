//! The panels, one file each. A new one is a file with a `SPEC` and a line in [`panels`].

use super::PanelSpec;

/// Every panel, in the order of the tab bar.
#[must_use]
pub const fn panels() -> &'static [&'static PanelSpec] {
    &[]
}
