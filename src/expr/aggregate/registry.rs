//! The registry of aggregate functions.

use super::AggregateSpec;
use super::{avg, collected, count, first_last, listagg, min_max, sum, variance};

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
        &collected::ARRAY_AGG,
        &collected::COLLECT,
        &collected::PERCENTILE,
        &collected::JSON_ARRAYAGG,
        &collected::JSON_ARRAYAGG_NULL,
        &collected::JSON_OBJECTAGG,
        &collected::JSON_OBJECTAGG_ABSENT,
    ];
    ALL
}

/// Whether `name` is an aggregate function.
#[must_use]
pub fn is_aggregate(name: &str) -> bool {
    find(name).is_some()
}

/// The function called `name`, in any case.
pub(super) fn find(name: &str) -> Option<&'static AggregateSpec> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    aggregates().iter().find(|spec| is(spec.name) || spec.aliases.iter().any(|alias| is(alias))).copied()
}
