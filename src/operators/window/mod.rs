//! Windows: their assigners, the `window` stage, and the aggregate that they are for.

pub mod assigners;
mod general;
mod operator;
mod planned;
mod slice;
mod spec;
mod stage;
mod table_function;
mod tree;

pub(super) use general::{
    Contents, Elements, Fired, Function, Incremental, OverRows, Panes, Results, SideRows, WindowInput, WindowOperator,
    WindowReduce, element_states, find, window_join,
};
pub use spec::WindowAggregate;
pub(super) use stage::{WINDOW, apply_window, takes_both, two_sided};
pub use table_function::WindowTableFunction;
pub(super) use table_function::in_windows;

#[cfg(test)]
mod tests;
