//! The scalar functions, one file a family. A new function is one entry in its family's slice.

mod args;
mod bitmap;
mod body;
mod call;
mod collection;
mod conditional;
mod draws;
mod encoding;
mod hash;
mod java_regex;
mod json;
mod lists;
mod math;
mod printf;
mod random;
mod regexp;
mod round;
mod spec;
mod string;
mod temporal;
mod url;

pub(super) use args::{Args, Prepared};
pub(super) use body::Function;
pub(super) use call::{call, kernel, literal_text, takes_nothing, unit};
pub(super) use collection::{ARRAY, ITEM, MAP, ROW};
pub(super) use draws::Draws;
pub(super) use spec::{Binding, Param};
pub(super) use string::CONCAT;
pub(super) use temporal::EXTRACT;

pub use spec::{Family, FunctionSpec};

const FAMILIES: [&[FunctionSpec]; 13] = [
    string::FUNCTIONS,
    encoding::FUNCTIONS,
    printf::FUNCTIONS,
    url::FUNCTIONS,
    hash::FUNCTIONS,
    regexp::FUNCTIONS,
    json::FUNCTIONS,
    math::FUNCTIONS,
    random::FUNCTIONS,
    temporal::FUNCTIONS,
    conditional::FUNCTIONS,
    collection::FUNCTIONS,
    bitmap::FUNCTIONS,
];

/// Every function, family by family.
pub fn functions() -> impl Iterator<Item = &'static FunctionSpec> {
    FAMILIES.iter().copied().flatten()
}

/// The function called `name`, in any case, by its name or an alias.
#[must_use]
pub fn function(name: &str) -> Option<&'static FunctionSpec> {
    functions().find(|spec| {
        spec.name.eq_ignore_ascii_case(name) || spec.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    })
}

/// Every name that a function can be called by: for completion, and to find the near name of a wrong one.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    functions().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()))
}
