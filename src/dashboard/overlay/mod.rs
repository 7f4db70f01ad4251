//! The overlays, which lie over the panels while they are open: one thing at a time.

mod ask;
mod choose;
mod command;
mod confirm;
mod help;
mod popup;
mod step;

pub(super) use ask::Ask;
pub(super) use choose::{Choice, Choose, Then};
pub(super) use command::CommandLine;
pub use command::Complete;
pub(super) use confirm::Confirm;
pub(super) use help::Help;
pub(super) use popup::{Popup, text_width};
pub(super) use step::Step;

/// The overlay that is open.
#[derive(Debug)]
pub(super) enum Overlay {
    /// Help with a search.
    Help(Help),
    /// The line behind `:`.
    Command(CommandLine),
    /// A list to choose from.
    Choose(Choose),
    /// A question to be answered with yes or no.
    Confirm(Confirm),
    /// A question to be answered with a text.
    Ask(Ask),
    /// The answer of a statement.
    Popup(Popup),
}
