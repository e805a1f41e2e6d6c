//! What a transport keeps of what it promises.

use std::fmt;

/// What the suite has found, promise by promise.
///
/// Its `Display` has a line for each promise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What the transport is called.
    pub transport: String,
    /// All promises that the suite knows, in the order in which it has checked them.
    pub checks: Vec<Checked>,
}

/// One promise, and what was found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// What the check is called.
    pub name: &'static str,
    /// What is promised.
    pub promise: &'static str,
    /// What was found.
    pub found: Found,
}

/// What was found of a promise.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Found {
    /// It is kept, as far as the suite can see.
    Kept,
    /// The [features](crate::transport::Features) of the connection do not promise it.
    NotPromised,
    /// It is promised, and cannot be checked here; the text says why.
    NotChecked(String),
    /// It is broken; the text says what was seen.
    Broken(String),
}

impl Report {
    /// The promises that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Checked> {
        let checks = self.checks.iter();
        checks.filter(|check| matches!(check.found, Found::Broken(_)))
    }

    /// Whether none is broken.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.broken().next().is_none()
    }

    /// What was found of a promise; `None` if there is no check of that name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Found> {
        let mut checks = self.checks.iter();
        Some(&checks.find(|check| check.name == name)?.found)
    }

    /// Ends a test well if no promise is broken.
    ///
    /// # Panics
    ///
    /// If a promise is broken: with all that are, and what was seen of each.
    #[track_caller]
    pub fn assert(&self) {
        let broken: Vec<_> = self.broken().map(|check| format!("\n- {check}")).collect();
        assert!(
            broken.is_empty(),
            "{} breaks {} of its promises:{}",
            self.transport,
            broken.len(),
            broken.concat()
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.broken().count();
        let all = self.checks.len();
        write!(f, "{}: {broken} of {all} promises broken", self.transport)?;
        self.checks
            .iter()
            .try_for_each(|check| write!(f, "\n- {check}"))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            promise,
            found,
        } = self;
        match found {
            Found::Kept => write!(f, "kept: {name}: {promise}"),
            Found::NotPromised => write!(f, "not promised: {name}: {promise}"),
            Found::NotChecked(why) => write!(f, "not checked: {name}: {promise}; {why}"),
            Found::Broken(seen) => write!(f, "BROKEN: {name}: {promise}; but {seen}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Checked, Found, Report};

    fn report(found: Found) -> Report {
        let check = Checked {
            name: "order",
            promise: "all come in in their order",
            found,
        };
        Report {
            transport: "pigeons".into(),
            checks: vec![check],
        }
    }

    #[test]
    fn what_is_not_broken_is_well() {
        for found in [
            Found::Kept,
            Found::NotPromised,
            Found::NotChecked("x".into()),
        ] {
            let report = report(found.clone());
            report.assert();
            assert_eq!(report.of("order"), Some(&found));
            assert_eq!(report.to_string().lines().count(), 2);
        }
    }

    #[test]
    #[should_panic(
        expected = "pigeons breaks 1 of its promises:\n- BROKEN: order: all come in in their order; but 2 came before 1"
    )]
    fn what_is_broken_is_told_with_what_was_seen() {
        report(Found::Broken("2 came before 1".into())).assert();
    }
}
