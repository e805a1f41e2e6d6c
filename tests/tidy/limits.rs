//! How long a file may be before one looks for the second concept in it.

use std::ffi::OsStr;

use crate::paths::Names;
use crate::source::{Finding, Source};

const LINES_MAX: usize = 400;

/// Checks files of any crate; the tests inside of one do not count.
pub(crate) fn check(files: &[Source]) -> Vec<Finding> {
    files.iter().filter_map(too_long).collect()
}

fn too_long(file: &Source) -> Option<Finding> {
    let tests = Names::read(&file.text, 1).test_lines_count;
    let lines = file.text.lines().count() - tests;
    let for_tests = |name: &OsStr| name == "tests" || name == "tests.rs" || name == "loom.rs";
    if file.path.iter().any(for_tests) || lines <= LINES_MAX {
        return None;
    }
    let sentence = format!(
        "{lines} lines without the tests, at most {LINES_MAX} are read with pleasure; \
         look for the second concept and give it a file"
    );
    Some(file.finding(LINES_MAX + 1, sentence))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source::Source;

    #[test]
    fn one_line_over_the_limit_is_too_long() {
        let lines = |count| "use a;\n".repeat(count);
        assert!(check(&[Source::of("a/src/b.rs", &lines(400))]).is_empty());
        let found = check(&[Source::of("a/src/b.rs", &lines(401))]);
        assert!(
            found[0]
                .to_string()
                .starts_with("a/src/b.rs:401: 401 lines"),
            "{found:?}"
        );
    }

    #[test]
    fn tests_inside_a_file_do_not_count() {
        let text = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "use a;\n".repeat(500));
        assert!(check(&[Source::of("a/src/b.rs", &text)]).is_empty());
        let text = "use a;\n".repeat(500);
        assert!(check(&[Source::of("a/src/b/tests.rs", &text)]).is_empty());
        assert!(check(&[Source::of("a/src/tests/b.rs", &text)]).is_empty());
    }
}
