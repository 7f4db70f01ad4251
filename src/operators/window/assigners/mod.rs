//! Window functions, one file each. The registry is [`window_functions`].

mod arguments;
mod cumulate;
mod hop;
mod tumble;

pub(in crate::operators) use arguments::show;
pub use cumulate::{CUMULATE, Cumulate};
pub use hop::{HOP, Hop};
pub use tumble::{TUMBLE, Tumble};

use crate::api::WindowFnSpec;

/// Every window function.
#[must_use]
pub fn window_functions() -> &'static [&'static WindowFnSpec] {
    static ALL: &[&WindowFnSpec] = &[&TUMBLE, &HOP, &CUMULATE];
    ALL
}
