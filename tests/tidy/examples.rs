//! An example holds one idea, says it first, is short, is built, and is found in the README.

use crate::source::{Finding, Source};

/// An example has fewer lines than this.
const LINES_END: usize = 60;

/// Checks the programs against the manifest that builds them and the page that lists them.
pub(crate) fn check(programs: &[Source], manifest: &Source, readme: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for program in programs {
        let path = program.path.to_string_lossy();
        let file = program
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let lines = program.text.lines().count();
        if !program.text.starts_with("//! ") {
            found.push(program.finding(1, "say the idea in the first line: `//! ..`"));
        }
        if LINES_END <= lines {
            let sentence = format!("{lines} lines, an example has fewer than {LINES_END}");
            found.push(program.finding(LINES_END, sentence));
        }
        if !manifest.text.contains(&format!("path = \"{file}\"")) {
            let sentence = format!("no `[[example]]` in {} builds it", manifest.path.display());
            found.push(program.finding(1, sentence));
        }
        if !readme.text.contains(&*path) {
            let sentence = format!("{} does not list `{path}`", readme.path.display());
            found.push(program.finding(1, sentence));
        }
    }
    found.extend(dead_mentions(programs, readme));
    found
}

/// Finds what the README calls an example though there is no such file.
fn dead_mentions(programs: &[Source], readme: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in readme.text.lines().enumerate() {
        for rest in line.split("examples/").skip(1) {
            let name_end = |letter: char| !(letter.is_alphanumeric() || "_./".contains(letter));
            let name = rest.split(name_end).next().unwrap_or_default();
            let is_program = name.ends_with(".rs") && !name.contains('/');
            if is_program && !programs.iter().any(|program| program.path.ends_with(name)) {
                found.push(readme.finding(index + 1, format!("no such file: `examples/{name}`")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source::{Finding, Source};

    const MANIFEST: &str = "[[example]]\nname = \"hello\"\npath = \"hello.rs\"\n";
    const README: &str = "| say hello | [hello](examples/hello.rs) |\n";

    fn findings(text: &str, manifest: &str, readme: &str) -> Vec<String> {
        let programs = [Source::of("examples/hello.rs", text)];
        let manifest = Source::of("examples/Cargo.toml", manifest);
        let found = check(&programs, &manifest, &Source::of("README.md", readme));
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_short_listed_example_with_an_idea_is_fine() {
        assert_eq!(
            findings("//! Says hello.\nfn main() {}\n", MANIFEST, README),
            [""; 0]
        );
    }

    #[test]
    fn an_example_that_breaks_every_rule_is_told_every_rule() {
        let found = findings(&"\n".repeat(60), "", "");
        let expected = [
            "examples/hello.rs:1: say the idea in the first line: `//! ..`",
            "examples/hello.rs:60: 60 lines, an example has fewer than 60",
            "examples/hello.rs:1: no `[[example]]` in examples/Cargo.toml builds it",
            "examples/hello.rs:1: README.md does not list `examples/hello.rs`",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_readme_lists_no_example_that_is_gone() {
        let readme = format!("{README}\n[bye](examples/bye.rs), examples/crates/mail/src/lib.rs\n");
        let found = findings("//! Says hello.\n", MANIFEST, &readme);
        assert_eq!(found, ["README.md:3: no such file: `examples/bye.rs`"]);
    }
}
