//! Layer 5: one person's session: the registries, the catalog, the jobs, the settings. No terminal.

pub mod completion;
mod definitions;
mod demo_data;
mod file_rows;
mod kept;
mod late_rows;
mod lessons;
mod listing;
pub mod listings;
mod outcome;
mod preview;
mod registries;
mod remembered;
mod results;
mod run;
mod sample;
#[expect(clippy::module_inception, reason = "the session is what this layer is")]
mod session;
mod settings;

pub use file_rows::{FileRows, create_rows_file};
pub use kept::{KeptJob, ago};
pub use late_rows::{WholeRow, WholeRows};
pub use lessons::{TUTORIALS, Tutorial};
pub use listing::{Align, Column, Listing};
pub use outcome::{Cells, Display, Failure, Outcome, ShellRequest, WaitRequest, WaitUntil};
pub use preview::Preview;
pub use registries::registries;
pub use results::JobResults;
pub use run::{JobEntry, explained};
pub use sample::Sample;
pub use session::Session;
pub use settings::{Memory, RestoreFrom, Settings};
