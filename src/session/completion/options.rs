//! The values of options and targets, as far as their help enumerates them.

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
