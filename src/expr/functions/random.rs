//! Random numbers, from a generator that is seeded: a run that is repeated draws the same.

use std::fmt::Write;

use arrow_array::ArrayRef;
use arrow_array::types::{Float64Type, Int32Type};

use super::args::Args;
use super::draws::{Java, unit};
use super::spec::{Family, FunctionSpec, Kernel, Nulls, Param, gives_double, gives_int, gives_string};
use crate::types::Result;

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    FunctionSpec::new(
        Family::Math,
        "rand",
        "rand([seed int]) -> double",
        "a random number from 0 to below 1, another in every row; with a seed, those of Java's generator",
        &[("rand(42)", "0.7275636800328681")],
        Kernel::new(&[Param::Int], gives_double, rand).least(0).per_row().bind(),
    ),
    FunctionSpec::new(
        Family::Math,
        "rand_integer",
        "rand_integer(bound int) or rand_integer(seed int, bound int) -> int",
        "a random whole number from 0 to below `bound`, another in every row; with a seed, those of Java's generator",
        &[("rand_integer(42, 100)", "30")],
        Kernel::new(&[Param::Int, Param::Int], gives_int, rand_integer).least(1).per_row().fallible().bind(),
    ),
    FunctionSpec::new(
        Family::String,
        "uuid",
        "uuid() -> string",
        "a random UUID (RFC 4122, version 4), another in every row",
        &[("char_length(uuid())", "36")],
        Kernel::new(&[], gives_string, uuid).per_row().nulls(Nulls::Never).bind(),
    ),
];

fn rand(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (draws, place, now_ms) = (args.draws, args.seed, args.now_ms);
    let Some(seeds) = args.optional(0, Args::int)? else {
        return args.numbers::<Float64Type>(|_| Some(unit(draws.next(place, now_ms))));
    };
    let constant = seeds.constant().is_some();
    args.numbers::<Float64Type>(|row| Some(draws.java(seeds.get(row)?, constant, Java::double)))
}

fn rand_integer(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (draws, place, now_ms) = (args.draws, args.seed, args.now_ms);
    let (first, second) = (args.int(0)?, args.optional(1, Args::int)?);
    let constant = second.is_some() && first.constant().is_some();
    let mut failures = Vec::new();
    let result = args.numbers::<Int32Type>(|row| {
        let (seed, bound) = match &second {
            Some(second) => (Some(first.get(row)?), second.get(row)?),
            None => (None, first.get(row)?),
        };
        let Some(below) = u64::try_from(bound).ok().filter(|&bound| bound > 0) else {
            failures.push((row, format!("the bound of a random number must be positive, not {bound}")));
            return None;
        };
        i32::try_from(match seed {
            Some(seed) => draws.java(seed, constant, |generator| generator.below(below)),
            None => draws.next(place, now_ms) % below,
        })
        .ok()
    });
    args.failures.extend(failures);
    result
}

fn uuid(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (draws, place, now_ms) = (args.draws, args.seed, args.now_ms);
    args.strings(|_, out| {
        let (high, low) = (draws.next(place, now_ms), draws.next(place, now_ms));
        let (version, variant) = (0x4000 | high & 0xfff, 0x8000 | low >> 48 & 0x3fff);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "{:08x}-{:04x}-{version:04x}-{variant:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            low & 0xffff_ffff_ffff
        );
        Some(())
    })
}
