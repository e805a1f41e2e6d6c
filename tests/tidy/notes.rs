//! What is left to do names the issue in which it is done; what is broken is not left at all.

use crate::source::{Finding, Source};

// Put together from halves, or this file would find itself.
const LATER: &str = concat!("TO", "DO");
const BROKEN: &str = concat!("FIX", "ME");

/// Checks files of any kind.
pub(crate) fn check(files: &[Source]) -> Vec<Finding> {
    files.iter().flat_map(findings).collect()
}

fn findings(file: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.split(LATER).skip(1).any(|rest| !names_an_issue(rest)) {
            found.push(file.finding(index + 1, format!("name the issue: `{LATER}(#12)`")));
        }
        if line.contains(BROKEN) {
            found.push(file.finding(index + 1, format!("mend it, or open an issue: `{BROKEN}`")));
        }
    }
    found
}

/// Tells whether `(#12)` stands at the start of `rest`.
fn names_an_issue(rest: &str) -> bool {
    let number = rest
        .strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(digits, _)| digits.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{BROKEN, LATER, check};
    use crate::source::{Finding, Source};

    fn findings(text: &str) -> Vec<String> {
        let found = check(&[Source::of("a.rs", text)]);
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_note_without_an_issue_is_refused_at_its_line() {
        let text = format!("// {LATER}(#12): wake\n// {LATER}: wake\n// {LATER}(#): wake\n");
        let found = findings(&text);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a.rs:2: name the issue"), "{found:?}");
    }

    #[test]
    fn what_is_broken_is_refused() {
        assert_eq!(findings(&format!("// {BROKEN}(#12): wake")).len(), 1);
        assert_eq!(findings("todo!()").len(), 0);
    }
}
