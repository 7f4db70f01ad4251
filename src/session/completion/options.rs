//! Options where they may stand, and their values, as far as their help enumerates them.

use crate::api::Registries;
use crate::api::{ConnectorSpec, OptionSpec};
use crate::lang::Frame;
use crate::lang::lower::{JOB_OPTIONS, SOURCE_OPTIONS};

/// The connector called `name`.
pub(super) fn connector(registries: &Registries, name: &str) -> Option<&'static ConnectorSpec> {
    registries.connectors.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
}

/// The options of the list that the parser is in the middle of.
pub(super) fn options_of(registries: &Registries, within: &[Frame]) -> Vec<&'static OptionSpec> {
    let owner = within.iter().rev().find(|frame| matches!(frame, Frame::Connector { .. } | Frame::Arguments { .. }));
    match owner {
        Some(Frame::Connector { name, sink }) => {
            let own = connector(registries, name).map(|spec| spec.options).unwrap_or_default();
            own.iter().chain(if *sink { &[] } else { SOURCE_OPTIONS }).collect()
        }
        Some(Frame::Arguments { command: false, .. }) => Vec::new(),
        _ => JOB_OPTIONS.iter().collect(),
    }
}

/// The option called `name` of that list.
pub(super) fn option_of(registries: &Registries, within: &[Frame], name: &str) -> Option<&'static OptionSpec> {
    options_of(registries, within).into_iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
}

/// The values that a description such as `'json' | 'csv'`, `true | false` or `'bid', 'auction' or 'person'` lists, each
/// without quotes and whether it is a text. Nothing when it describes them in words.
pub(super) fn enumerated(values: &str) -> Vec<(String, bool)> {
    let quoted: Vec<&str> = values.split('\'').skip(1).step_by(2).collect();
    if !quoted.is_empty() {
        let plain = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        return quoted.into_iter().filter(plain).map(|text| (text.to_owned(), true)).collect();
    }
    if values.contains('|') {
        let words = values.split('|').map(str::trim);
        let plain = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        return words.filter(plain).map(|word| (word.to_owned(), false)).collect();
    }
    Vec::new()
}

/// Whether a description asks for a path.
pub(super) fn is_path(values: &str) -> bool {
    ["path", "file", "directory", "glob"].iter().any(|word| values.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_description_lists() {
        let texts = |values: &str| enumerated(values).into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        assert_eq!(texts("'json' | 'csv'"), ["json", "csv"]);
        assert_eq!(texts("'bid', 'auction' or 'person'"), ["bid", "auction", "person"]);
        assert_eq!(texts("true | false"), ["true", "false"]);
        assert!(texts("a whole number").is_empty());
        assert!(texts("a path or glob; for a sink a directory").is_empty());
        assert!(is_path("a path or glob; for a sink a directory"));
    }
}
