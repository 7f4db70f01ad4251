//! Aggregate functions: columns of state indexed by group. One file a family; the registry is [`aggregates`].

mod accumulator;
mod avg;
mod bag;
mod call;
mod count;
mod distinct;
mod encoded;
mod first_last;
mod kernel;
mod listagg;
mod min_max;
mod spec;
mod sum;
mod variance;

pub use accumulator::{Accumulator, Running, RunningEmit};
pub use call::{AggregateCall, bind_aggregate};
pub use spec::AggregateSpec;

/// Every aggregate function.
#[must_use]
pub fn aggregates() -> &'static [&'static AggregateSpec] {
    static ALL: &[&AggregateSpec] = &[
        &count::COUNT,
        &sum::SUM,
        &min_max::MIN,
        &min_max::MAX,
        &avg::AVG,
        &first_last::FIRST_VALUE,
        &first_last::LAST_VALUE,
        &listagg::LISTAGG,
        &variance::STDDEV_POP,
        &variance::STDDEV_SAMP,
        &variance::VAR_POP,
        &variance::VAR_SAMP,
    ];
    ALL
}

/// Whether `name` is an aggregate function.
#[must_use]
pub fn is_aggregate(name: &str) -> bool {
    spec::find(name).is_some()
}

#[cfg(test)]
mod tests;
