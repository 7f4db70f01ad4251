//! The lessons of the tutorial: the sessions inside the binary, one line each.

/// A session inside the binary.
#[derive(Debug)]
pub struct Tutorial {
    /// The name that `tutorial NAME` takes.
    pub name: &'static str,
    /// The session file.
    pub text: &'static str,
}

macro_rules! tutorials {
    ($($name:literal),+ $(,)?) => {
        &[$(Tutorial { name: $name, text: include_str!(concat!("../../sessions/", $name, ".lotic")) },)+]
    };
}

/// Every lesson, in the order to take them.
pub const TUTORIALS: &[Tutorial] = tutorials![
    "first_pipeline",
    "event_time",
    "windows",
    "changelog",
    "checkpoints",
    "rescaling",
    "four_levels",
    "fraud",
    "sessions",
    "idle",
    "pattern",
    "model",
    "rides",
    "rates",
    "rules",
    "components",
];
