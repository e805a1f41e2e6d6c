//! The README is a page of the documentation as well, from where its paths lead nowhere: there `links.md` leads elsewhere.

use crate::source::{Finding, Source};

/// Checks that each link of the README leads somewhere from both places.
pub(crate) fn check(readme: &Source, links: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in readme.text.lines().enumerate() {
        let inline = line.split("](").skip(1);
        for path in inline.filter(|rest| !rest.starts_with("http")) {
            let path = path.split(')').next().unwrap_or_default();
            let sentence = format!("define `[..]: {path}` at the end, so that it can be replaced");
            found.push(readme.finding(index + 1, sentence));
        }
        if let Some(label) = defined(line) {
            if !links.text.lines().any(|line| defined(line) == Some(label)) {
                let sentence = format!("{} does not say where it leads", links.path.display());
                found.push(readme.finding(index + 1, sentence));
            }
        }
    }
    found
}

/// What a line defines, if it is the definition of a link.
fn defined(line: &str) -> Option<&str> {
    let (label, _) = line.strip_prefix('[')?.split_once("]: ")?;
    Some(label)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source::{Finding, Source};

    fn findings(readme: &str, links: &str) -> Vec<String> {
        let links = Source::of("docs/links.md", links);
        let found = check(&Source::of("README.md", readme), &links);
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_link_that_is_defined_twice_is_fine() {
        let readme = "See [a] and [b](https://b).\n\n[a]: a.rs\n";
        assert_eq!(findings(readme, "[a]: https://a.rs\n"), [""; 0]);
    }

    #[test]
    fn a_path_that_leads_nowhere_from_the_documentation_is_found() {
        let found = findings("See [a](a.rs).\n\n[b]: b.rs\n", "[c]: https://c.rs\n");
        let expected = [
            "README.md:1: define `[..]: a.rs` at the end, so that it can be replaced",
            "README.md:3: docs/links.md does not say where it leads",
        ];
        assert_eq!(found, expected);
    }
}
