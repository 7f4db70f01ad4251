//! Layer 6: the live dashboard. It draws [`inspect`](crate::inspect) snapshots and holds nothing of a job; what a person
//! asks for in it leaves as a statement of the shell.

mod app;
mod draw;
mod export;
mod field;
mod header;
mod input;
mod keys;
mod layout;
mod leave;
mod model;
mod overlay;
mod panel;
mod panels;
mod plots;
mod screen;
mod statement;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod theme;

pub use app::{Answer, App, AppOptions, Caption, Effect, JobFacts, JobLine, Look};
pub use export::Export;
pub use leave::Leave;
pub use model::{Load, Model, Rates, lag_ms};
pub use overlay::Complete;
pub use panel::{Panel, PanelSpec, Reaction};
pub use panels::panels;
pub use theme::{Theme, load_mark};
