//! Layer 5: one person's session: the registries, the catalog, the jobs, the settings. No terminal.

pub mod completion;
mod definitions;
mod file_rows;
mod listing;
pub mod listings;
mod outcome;
mod preview;
mod registries;
mod results;
mod run;
#[expect(clippy::module_inception, reason = "the session is what this layer is")]
mod session;
mod settings;

pub use file_rows::FileRows;
pub use listing::{Align, Column, Listing};
pub use outcome::{Cells, Failure, Outcome, ShellRequest, WaitRequest, WaitUntil};
pub use preview::Preview;
pub use registries::registries;
pub use results::JobResults;
pub use run::{JobEntry, explained};
pub use session::Session;
pub use settings::{RestoreFrom, Settings};
