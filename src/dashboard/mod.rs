//! Layer 6: the live dashboard. It draws [`inspect`](crate::inspect) snapshots and holds nothing of a job; what a person
//! asks for in it leaves as a statement of the shell.

mod draw;
mod model;
mod panel;
mod panels;
#[cfg(test)]
mod testing;
mod theme;

pub use model::{Load, Model, Rates, lag_ms};
pub use panel::{Panel, PanelSpec, Reaction};
pub use panels::panels;
pub use theme::{Theme, load_mark};
