//! Aggregate functions: columns of state indexed by group. One file a family; the registry is [`aggregates`].

mod accumulator;
mod arrivals;
mod avg;
mod bag;
mod bind;
mod call;
mod collected;
mod count;
mod distinct;
mod encoded;
mod first_last;
mod kernel;
mod listagg;
mod make;
mod min_max;
mod numbered;
mod registry;
mod spec;
mod sum;
mod variance;

pub use accumulator::{Accumulator, Running, RunningEmit};
pub use bind::bind_aggregate;
pub use call::AggregateCall;
pub use registry::{aggregates, is_aggregate};
pub use spec::AggregateSpec;

#[cfg(test)]
mod tests;
