//! Names as they must be typed.

use super::parser::RESERVED;

/// `name` as it must be typed: in backquotes unless it is a plain word.
#[must_use]
pub fn typed_name(name: &str) -> String {
    let plain = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name));
    if plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

#[cfg(test)]
mod tests {
    use super::typed_name;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(typed_name("price"), "price");
        assert_eq!(typed_name("event time"), "`event time`");
        assert_eq!(typed_name("case"), "`case`");
        assert_eq!(typed_name("a`b"), "`a``b`");
    }
}
