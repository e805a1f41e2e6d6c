//! House rules that no compiler holds: who may use whom, how long is too long, what the README lists.

mod source;
mod paths;
mod rooms;
mod limits;
mod notes;
mod examples;
mod faults;
mod links;

use crate::source::{Finding, Source};

/// Fails with one line for each finding.
fn assert_tidy(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} findings\n{}\n",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    assert_tidy(&rooms::check(&Source::read_all("signal-bus/src", &["rs"])));
}

#[test]
fn a_room_of_a_crate_uses_only_rooms_above_it() {
    for folder in ["signal-bus-gateway/src", "signal-bus-nats/src"] {
        let mut files = Source::read_all(folder, &["rs"]);
        // The program knows its library as everybody else does.
        files.retain(|file| !file.path.ends_with("src/main.rs"));
        for file in &mut files {
            // There the bus is another crate, and no name for the root.
            file.text = file.text.replace("signal_bus::", "the_bus::");
        }
        assert_tidy(&rooms::check(&files));
    }
}

#[test]
fn a_file_holds_one_concept() {
    let mut files = Vec::new();
    for folder in [
        "signal-bus/src",
        "signal-bus-macros/src",
        "signal-bus-gateway/src",
        "signal-bus-nats/src",
        "xtask/src",
        "examples/crates",
    ] {
        files.extend(Source::read_all(folder, &["rs"]));
    }
    assert_tidy(&limits::check(&files));
}

#[test]
fn what_is_left_to_do_names_its_issue() {
    assert_tidy(&notes::check(&Source::read_all(".", &["rs", "toml", "md"])));
}

#[test]
fn an_example_is_short_says_its_idea_and_is_found_in_the_readme() {
    let programs = Source::read_folder("examples", &["rs"]);
    let manifest = Source::read("examples/Cargo.toml");
    assert_tidy(&examples::check(
        &programs,
        &manifest,
        &Source::read("README.md"),
    ));
}

#[test]
fn a_link_of_the_readme_leads_somewhere_from_the_documentation_too() {
    assert_tidy(&links::check(
        &Source::read("README.md"),
        &Source::read("signal-bus/docs/links.md"),
    ));
}

#[test]
fn a_test_that_the_page_of_faults_names_is_there() {
    let mut files = Source::read_all("tests", &["rs"]);
    files.extend(Source::read_all("signal-bus-gateway", &["rs"]));
    files.extend(Source::read_all("signal-bus-nats", &["rs"]));
    assert_tidy(&faults::check(&Source::read("docs/faults.md"), &files));
}
