//! Finds the patterns that may overlap another one, without looking at all of them.

use std::collections::HashMap;

use crate::topic::pattern::Pattern;

/// Patterns by their tokens; each stands for its place in a list.
#[derive(Default)]
pub(crate) struct Patterns {
    here: Vec<usize>,
    next: HashMap<String, Self>,
}

impl Patterns {
    pub(crate) fn insert(&mut self, pattern: &Pattern, place: usize) {
        let mut node = self;
        for token in pattern.as_str().split('.') {
            node = node.next.entry(token.to_owned()).or_default();
        }
        node.here.push(place);
    }

    /// The places of all patterns that overlap `pattern`, and perhaps of some that do not.
    pub(crate) fn candidates(&self, pattern: &Pattern) -> Vec<usize> {
        let tokens: Vec<_> = pattern.as_str().split('.').collect();
        let mut found = Vec::new();
        self.walk(&tokens, &mut found);
        found
    }

    fn walk(&self, tokens: &[&str], found: &mut Vec<usize>) {
        for open_ended in [">", "**"] {
            if let Some(node) = self.next.get(open_ended) {
                found.extend(&node.here);
            }
        }
        let Some((token, rest)) = tokens.split_first() else {
            found.extend(&self.here);
            return;
        };
        match *token {
            ">" | "**" => self.all(found),
            "*" => {
                let others = self
                    .next
                    .iter()
                    .filter(|(name, _)| !matches!(&***name, ">" | "**"));
                others.for_each(|(_, node)| node.walk(rest, found));
            }
            _ => {
                for name in [token, "*"] {
                    if let Some(node) = self.next.get(name) {
                        node.walk(rest, found);
                    }
                }
            }
        }
    }

    fn all(&self, found: &mut Vec<usize>) {
        found.extend(&self.here);
        self.next.values().for_each(|node| node.all(found));
    }
}

#[cfg(test)]
mod tests {
    use super::Patterns;
    use crate::topic::pattern::Pattern;

    /// Every pattern of up to three tokens out of five, against every other.
    #[test]
    fn no_overlapping_pattern_is_missed() {
        let tokens = ["a", "b", "*", ">", "**"];
        let mut texts: Vec<String> = tokens.map(String::from).to_vec();
        for _ in 0..2 {
            let longer: Vec<_> = texts
                .iter()
                .flat_map(|text| tokens.map(|token| format!("{text}.{token}")))
                .collect();
            texts.extend(longer);
        }
        texts.sort();
        texts.dedup();
        let patterns: Vec<_> = texts
            .iter()
            .filter_map(|text| Pattern::new(text).ok())
            .collect();
        let mut index = Patterns::default();
        for (place, pattern) in patterns.iter().enumerate() {
            index.insert(pattern, place);
        }
        for pattern in &patterns {
            let candidates = index.candidates(pattern);
            for (place, other) in patterns.iter().enumerate() {
                assert!(
                    !other.overlaps(pattern) || candidates.contains(&place),
                    "{pattern:?} {other:?}"
                );
            }
        }
    }
}
