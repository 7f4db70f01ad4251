//! Window functions, one file each. The registry is [`window_functions`].

mod arguments;
mod count;
mod cumulate;
mod global;
mod hop;
mod session;
mod tumble;

pub use count::COUNT;
pub use cumulate::{CUMULATE, Cumulate};
pub use global::GLOBAL;
pub use hop::{HOP, Hop};
pub use session::SESSION;
pub use tumble::{TUMBLE, Tumble};

use crate::api::WindowFnSpec;

/// Every window function.
#[must_use]
pub fn window_functions() -> &'static [&'static WindowFnSpec] {
    static ALL: &[&WindowFnSpec] = &[&TUMBLE, &HOP, &CUMULATE, &SESSION, &COUNT, &GLOBAL];
    ALL
}
