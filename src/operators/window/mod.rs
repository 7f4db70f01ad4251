//! Windows: their assigners, the `window` stage, and the aggregate that they are for.

pub mod assigners;
mod general;
mod late_rows;
mod operator;
mod planned;
mod slice;
mod spec;
mod stage;
mod tree;

pub(super) use general::{
    Contents, Elements, Fired, Function, Incremental, OverRows, Panes, Results, SideRows, WindowInput, WindowOperator,
    WindowReduce, element_states, find, window_join,
};
pub use spec::WindowAggregate;
pub(super) use stage::{WINDOW, apply_window, takes_both, two_sided};

#[cfg(test)]
mod tests;
