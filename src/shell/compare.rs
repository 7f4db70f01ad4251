//! The comparison of what a session was to show with what it has shown.

use super::cells::ELLIPSIS;
use super::lesson::Step;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// As expected; the line as the session has it, placeholders and all.
    Same(String),
    /// Expected, and not shown.
    Missing(String),
    /// Shown, and not expected.
    New(String),
}

impl Line {
    /// With the sign that diffs put in front.
    pub(super) fn signed(&self) -> String {
        match self {
            Self::Same(line) => format!("  {line}").trim_end().to_owned(),
            Self::Missing(line) => format!("- {line}"),
            Self::New(line) => format!("+ {line}"),
        }
    }
}

/// The lines in which `shown` differs from what `step` expects; `None` when it does not.
pub(super) fn difference(step: &Step, shown: &str) -> Option<Vec<Line>> {
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let expected: Vec<&str> = step.expected.iter().map(|line| line.trim_end()).collect();
    if step.any_order { in_any_order(&expected, &shown) } else { in_order(&expected, &shown) }
}

/// The lines that a session should have for what was shown: placeholders stay where they still fit.
pub(super) fn blessed(difference: &[Line]) -> Vec<String> {
    let kept = |line: &Line| match line {
        Line::Same(line) | Line::New(line) => Some(line.clone()),
        Line::Missing(_) => None,
    };
    difference.iter().filter_map(kept).collect()
}

/// Whether `line` is what `pattern` says, `…` standing for anything.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split(ELLIPSIS);
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether a line stands for any lines.
fn is_any(pattern: &str) -> bool {
    pattern.trim().chars().eq([ELLIPSIS])
}

fn in_any_order(expected: &[&str], shown: &[&str]) -> Option<Vec<Line>> {
    let mut left: Vec<&str> = shown.to_vec();
    let mut lines = Vec::new();
    let mut any = false;
    for &pattern in expected {
        if is_any(pattern) {
            any = true;
            lines.push(Line::Same(pattern.to_owned()));
        } else if let Some(at) = left.iter().position(|line| matches(pattern, line)) {
            left.remove(at);
            lines.push(Line::Same(pattern.to_owned()));
        } else {
            lines.push(Line::Missing(pattern.to_owned()));
        }
    }
    if !any {
        lines.extend(left.into_iter().map(|line| Line::New(line.to_owned())));
    }
    lines.iter().any(|line| !matches!(line, Line::Same(_))).then_some(lines)
}

/// A longest common subsequence, in which a line of `…` takes any number of lines.
fn in_order(expected: &[&str], shown: &[&str]) -> Option<Vec<Line>> {
    let (rows, columns) = (expected.len(), shown.len());
    // `best[i][j]`: the fewest lines that differ between `expected[i..]` and `shown[j..]`.
    let mut best = vec![vec![0_usize; columns + 1]; rows + 1];
    for i in (0..=rows).rev() {
        for j in (0..=columns).rev() {
            best[i][j] = match (expected.get(i), shown.get(j)) {
                (None, _) => columns - j,
                (Some(pattern), None) => best[i + 1][j] + usize::from(!is_any(pattern)),
                (Some(pattern), Some(_)) if is_any(pattern) => best[i + 1][j].min(best[i][j + 1]),
                (Some(pattern), Some(line)) if matches(pattern, line) => best[i + 1][j + 1],
                (Some(_), Some(_)) => 1 + best[i + 1][j].min(best[i][j + 1]),
            };
        }
    }
    if best[0][0] == 0 {
        return None;
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < rows || j < columns {
        match (expected.get(i), shown.get(j)) {
            (Some(&pattern), line) if is_any(pattern) => {
                if line.is_none() || best[i + 1][j] <= best[i][j + 1] {
                    lines.push(Line::Same(pattern.to_owned()));
                    i += 1;
                } else {
                    j += 1;
                }
            }
            (Some(&pattern), Some(&line)) if matches(pattern, line) => {
                lines.push(Line::Same(pattern.to_owned()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(&pattern), line) if line.is_none() || best[i + 1][j] <= best[i][j + 1] => {
                lines.push(Line::Missing(pattern.to_owned()));
                i += 1;
            }
            (_, Some(&line)) => {
                lines.push(Line::New(line.to_owned()));
                j += 1;
            }
            (_, None) => break,
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(expected: &[&str], any_order: bool) -> Step {
        Step {
            prose: Vec::new(),
            statement: String::new(),
            line: 1,
            shown: 0..0,
            expected: expected.iter().map(|&line| line.to_owned()).collect(),
            any_order,
        }
    }

    fn diff(expected: &[&str], shown: &str) -> Option<String> {
        let lines = difference(&step(expected, false), shown)?;
        Some(lines.iter().map(Line::signed).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn an_ellipsis_is_anything_within_a_line() {
        assert!(matches("took … ms, … bytes", "took 12 ms, 3,400 bytes"));
        assert!(matches("…", "") && matches("a…", "a") && matches("…b", "aab"));
        assert!(!matches("took … ms", "took 12 s") && !matches("a", "ab") && !matches("a…a", "a"));
    }

    #[test]
    fn lines_are_compared_in_order_and_a_difference_is_shown_at_its_place() {
        assert_eq!(diff(&["a", "b"], "a\nb\n"), None);
        assert_eq!(diff(&["a ", "b"], "a\nb  \n"), None, "spaces at the end of a line are nothing");
        assert_eq!(diff(&["a", "…", "z"], "a\nb\nc\nz\n"), None);
        assert_eq!(diff(&["a", "…"], "a\n"), None);
        assert_eq!(diff(&[], "a\n").as_deref(), Some("+ a"));
        assert_eq!(diff(&["a"], "").as_deref(), Some("- a"));
        assert_eq!(diff(&["a", "b", "c"], "a\nx\nc\n").as_deref(), Some("  a\n- b\n+ x\n  c"));
        assert_eq!(diff(&["a", "…", "y"], "a\nb\nz\n").as_deref(), Some("  a\n  …\n- y"), "z is one of any lines");
    }

    #[test]
    fn in_any_order_each_line_counts_once() {
        let differs = |expected: &[&str], shown| difference(&step(expected, true), shown).is_some();
        assert!(!differs(&["a", "b", "a"], "b\na\na\n"));
        assert!(differs(&["a", "b"], "b\na\na\n") && differs(&["a", "a"], "a\n"));
        assert!(!differs(&["n = …", "x"], "x\nn = 5\n"));
    }

    #[test]
    fn blessing_keeps_the_placeholders_that_fit() {
        let lines = difference(&step(&["took … ms", "old"], false), "took 5 ms\nnew\n");
        assert_eq!(lines.map(|lines| blessed(&lines)), Some(vec!["took … ms".to_owned(), "new".to_owned()]));
    }
}
