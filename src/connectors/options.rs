//! Options that connectors share.

use crate::api::{OptionSpec, Options};
use crate::types::{Diagnostic, Span};

/// The options that every source takes. The plan acts on them; a connector only lists them.
pub const SOURCE_OPTIONS: [OptionSpec; 4] = [
    OptionSpec {
        name: "on_error",
        values: "'fail' | 'skip' | 'dead_letter'",
        help: "what becomes of a row that can't be read; default: 'fail' in a job, while a preview shows the first \
               such rows and goes on",
    },
    OptionSpec {
        name: "dead_letter",
        values: "a path in quotes",
        help: "with on_error = 'dead_letter', the directory that takes such rows, each with its place and error; default \
               'dead_letters/SOURCE'",
    },
    OptionSpec {
        name: "pace",
        values: "'10x'",
        help: "rows flow as fast as they happened, times this; default: as fast as it goes",
    },
    OptionSpec {
        name: "idle_timeout",
        values: "a duration such as 30s",
        help: "a reader that had no rows for this long does not hold back the watermark; default: never",
    },
];

/// A connector's own options and behind them those of every source.
pub(super) const fn source_options<const OWN: usize, const ALL: usize>(own: [OptionSpec; OWN]) -> [OptionSpec; ALL] {
    assert!(ALL == OWN + SOURCE_OPTIONS.len(), "one place an option");
    let mut all = [SOURCE_OPTIONS[0]; ALL];
    let mut i = 0;
    while i < ALL {
        all[i] = if i < OWN { own[i] } else { SOURCE_OPTIONS[i - OWN] };
        i += 1;
    }
    all
}

/// The place where option `name` was typed, else the whole statement.
pub(super) fn place(options: &Options, name: &str, statement: Span) -> Span {
    options.get(name).map_or(statement, |value| value.span)
}

/// A whole number of at least `least`.
///
/// # Errors
/// When the option is no whole number, or less.
pub(super) fn count(options: &Options, name: &str, least: u64) -> Result<Option<u64>, Diagnostic> {
    let Some(number) = options.integer(name)? else { return Ok(None) };
    match u64::try_from(number) {
        Ok(number) if number >= least => Ok(Some(number)),
        _ => Err(Diagnostic::at(
            place(options, name, Span::default()),
            format!("option `{name}` takes a whole number of at least {least}, not {number}"),
        )),
    }
}

/// Rows a second; 0, and nothing typed, mean as fast as it goes.
///
/// # Errors
/// When the option is no number, negative, or not finite.
pub(super) fn rate(options: &Options, name: &str) -> Result<Option<f64>, Diagnostic> {
    let Some(rate) = options.double(name)? else { return Ok(None) };
    if rate.is_finite() && rate >= 0.0 {
        return Ok((rate > 0.0).then_some(rate));
    }
    Err(Diagnostic::at(
        place(options, name, Span::default()),
        format!("option `{name}` takes a number of rows a second, 0 for as fast as it goes"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OptionValue;
    use crate::types::Spanned;

    fn options(name: &str, value: OptionValue) -> Options {
        Options::new(vec![(name.to_owned(), Spanned::new(value, Span::new(3, 5)))])
    }

    #[test]
    fn numbers_out_of_range_are_refused_at_their_place() {
        let error = count(&options("events", OptionValue::Integer(-1)), "events", 0).unwrap_err();
        assert_eq!(error.span, Some(Span::new(3, 5)));
        insta::assert_snapshot!(error, @"option `events` takes a whole number of at least 0, not -1");
        assert!(rate(&options("rate", OptionValue::Double(f64::INFINITY)), "rate").is_err());
        assert_eq!(rate(&options("rate", OptionValue::Integer(0)), "rate"), Ok(None));
        assert_eq!(rate(&options("rate", OptionValue::Integer(3)), "rate"), Ok(Some(3.0)));
    }
}
