//! The page of faults says which test shows what, and each of these tests is there.

use std::path::PathBuf;

use crate::source::{Finding, Source};

/// Crates with tests of their own: what stands before the name of one of them.
const CRATES: [&str; 2] = ["gateway", "nats"];

/// Checks the tests that the tables of the page name against the files below `tests`, and those of the crates.
pub(crate) fn check(page: &Source, tests: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        let rows = line.strip_prefix('|').into_iter();
        let spans = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
        for name in spans.filter(|span| names_a_test(span)) {
            if !tests.iter().any(|file| holds(file, name)) {
                found.push(page.finding(index + 1, format!("no such test: `{name}`")));
            }
        }
    }
    found
}

/// Whether a span of code is a test, `module::name`, or a program, `ui/fail/name.rs`.
fn names_a_test(span: &str) -> bool {
    let is_path = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_:".contains(letter)
    };
    span.starts_with("ui/") || span.contains("::") && span.chars().all(is_path)
}

/// Whether the file is what `name` says, or has a function of that name.
fn holds(file: &Source, name: &str) -> bool {
    let own = CRATES.iter().find_map(|one| {
        let name = name.strip_prefix(one)?.strip_prefix("::")?;
        Some((*one, name))
    });
    if let Some((one, name)) = own {
        return crate_holds(one, file, name);
    }
    let is_at = |path: String| file.path == PathBuf::from("tests").join(path);
    let Some((module, function)) = name.split_once("::") else {
        return is_at(name.to_owned());
    };
    let function = function.rsplit("::").next().unwrap_or(function);
    let is_there = is_at(format!("behaviour/{module}.rs"))
        || is_at(format!("{module}/main.rs"))
        || is_at(format!("{module}.rs"));
    is_there && file.text.contains(&format!("fn {function}("))
}

/// As `holds`, for a test beside the code of a crate, or in its folder of tests.
fn crate_holds(one: &str, file: &Source, name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let module = module.replace("::", "/");
    let is_there = [
        format!("tests/{one}/{module}.rs"),
        format!("src/{module}.rs"),
        format!("src/{module}/mod.rs"),
        format!("src/{module}/tests.rs"),
    ];
    let root = PathBuf::from(format!("signal-bus-{one}"));
    is_there.iter().any(|path| file.path == root.join(path))
        && file.text.contains(&format!("fn {function}("))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source::{Finding, Source};

    fn findings(row: &str) -> Vec<String> {
        let files = [
            Source::of("tests/behaviour/close.rs", "async fn it_closes() {}"),
            Source::of("tests/scale/main.rs", "fn it_is_large() {}"),
            Source::of("tests/abort.rs", "fn it_aborts() {}"),
            Source::of("tests/ui/fail/zero.rs", ""),
            Source::of(
                "signal-bus-gateway/tests/gateway/tls.rs",
                "fn it_talks() {}",
            ),
            Source::of("signal-bus-nats/tests/nats/kill.rs", "fn it_lives() {}"),
            Source::of("signal-bus-gateway/src/hub/tests.rs", "fn it_waits() {}"),
            Source::of("signal-bus-gateway/src/a/acl.rs", "fn it_reads() {}"),
        ];
        let found = check(&Source::of("docs/faults.md", row), &files);
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn tests_and_programs_that_are_there_are_fine() {
        let row = "| B1 | `Bus::new`, `cargo test` | `close::it_closes`, `scale::it_is_large`, `abort::it_aborts`, `ui/fail/zero.rs` |";
        assert_eq!(findings(row), [""; 0]);
        let row = "| G1 | `gateway::tls::it_talks`, `gateway::hub::it_waits`, `gateway::a::acl::it_reads`, `nats::kill::it_lives` |";
        assert_eq!(findings(row), [""; 0]);
        assert_eq!(findings("Not of a table: `tokio::spawn`."), [""; 0]);
    }

    #[test]
    fn each_test_that_is_not_there_is_found_at_its_line() {
        let found = findings(
            "\n| B1 | `close::it_opens`, `drain::it_closes` | `ui/fail/one.rs`, `gateway::tls::it_reads`, `nats::tls::it_talks` |",
        );
        let expected = [
            "docs/faults.md:2: no such test: `close::it_opens`",
            "docs/faults.md:2: no such test: `drain::it_closes`",
            "docs/faults.md:2: no such test: `ui/fail/one.rs`",
            "docs/faults.md:2: no such test: `gateway::tls::it_reads`",
            "docs/faults.md:2: no such test: `nats::tls::it_talks`",
        ];
        assert_eq!(found, expected);
    }
}
