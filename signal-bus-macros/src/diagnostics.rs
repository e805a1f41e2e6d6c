//! Errors are collected, not thrown: the user sees all of them at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// All errors found so far, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Adds an error that points at `place`.
    pub(crate) fn at(&mut self, place: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(place, message));
    }

    /// Adds an error that points at `span`.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.found.push(syn::Error::new(span, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Adds what went wrong, or returns what went right.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.found.push(error)).ok()
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns one `compile_error!` for each error.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.found
            .into_iter()
            .map(syn::Error::into_compile_error)
            .collect()
    }

    /// Returns the messages, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.found
            .iter()
            .flatten()
            .map(|error| error.to_string())
            .collect()
    }
}

/// Says that `name` is not known, and which known word is near.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let list = known
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ");
    match nearest(name, known) {
        Some(word) => format!("unknown {what} `{name}`, did you mean `{word}`? (known: {list})"),
        None if known.is_empty() => format!("unknown {what} `{name}`"),
        None => format!("unknown {what} `{name}` (known: {list})"),
    }
}

/// Returns the known word that `name` probably meant: at most two letters differ.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance_max = if name.len() < 4 { 1 } else { 2 };
    known
        .iter()
        .map(|word| (distance(name, word), *word))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, word)| word)
}

/// Counts the letters to insert, delete, replace or swap to get from `from` to `to`.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=to.len()).collect();
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            rows[i][j] = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if 1 < i && 1 < j && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::{nearest, unknown};

    #[test]
    fn a_near_word_is_suggested() {
        assert_eq!(
            nearest("concurency", &["capacity", "concurrency"]),
            Some("concurrency")
        );
        assert_eq!(nearest("ulr", &["url"]), Some("url"));
        assert_eq!(nearest("speed", &["capacity"]), None);
        assert_eq!(
            unknown("option", "speed", &["bus"]),
            "unknown option `speed` (known: `bus`)"
        );
    }
}
