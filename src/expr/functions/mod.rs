//! The scalar functions, one file a family. A new function is one entry in its family's slice.

mod args;
mod body;
mod call;
mod collection;
mod conditional;
mod lists;
mod math;
mod regexp;
mod round;
mod spec;
mod string;
mod temporal;

pub(super) use args::{Args, Prepared};
pub(super) use body::{Body, Function};
pub(super) use call::{call, kernel, literal_text, takes_nothing, unit};
pub(super) use collection::{ARRAY, ITEM, MAP, ROW};
pub(super) use spec::{Binding, Param};
pub(super) use string::CONCAT;
pub(super) use temporal::EXTRACT;

pub use spec::{Family, FunctionSpec};

const FAMILIES: [&[FunctionSpec]; 6] = [
    string::FUNCTIONS,
    regexp::FUNCTIONS,
    math::FUNCTIONS,
    temporal::FUNCTIONS,
    conditional::FUNCTIONS,
    collection::FUNCTIONS,
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
