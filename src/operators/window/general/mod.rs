//! Windows of any kind, trigger, evictor and function, each key's by itself: Flink's `WindowOperator`. Windows of slices
//! that only fire at their end stay with the [sliced operator](super::operator).
//!
//! What is made of the rows of a window is a [`Function`](function::Function): one file each.

mod elements;
mod function;
mod incremental;
mod join;
mod moments;
mod operator;
mod panes;
mod planned;
mod reduce;
mod spec;
mod view;

#[cfg(test)]
mod tests;

pub(in crate::operators) use elements::{Elements, element_states, find};
pub(in crate::operators) use function::{Contents, Fired, Function, OverRows, Results, SideRows, WindowInput};
pub(in crate::operators) use incremental::Incremental;
pub(in crate::operators) use join::window_join;
pub(in crate::operators) use panes::Panes;
pub(in crate::operators) use reduce::WindowReduce;
pub(in crate::operators) use spec::WindowOperator;
