//! Figures: a line of JSON for each as it comes, and a table at the end.

use std::{collections::BTreeMap, fmt};

/// What was measured.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

/// All figures, in the order in which they came first.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(Figure, BTreeMap<&'static str, f64>)>,
}

impl Report {
    pub(crate) fn add(&mut self, server: &'static str, figure: Figure) {
        let Figure { what, unit, value } = figure;
        println!(
            "{{\"server\": \"{server}\", \"what\": \"{what}\", \"unit\": \"{unit}\", \"value\": {value:.3}}}"
        );
        let row = self.rows.iter_mut().find(|(row, _)| row.what == what);
        match row {
            Some((_, values)) => drop(values.insert(server, value)),
            None => self.rows.push((figure, BTreeMap::from([(server, value)]))),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| what | PyPubSub | gateway | ratio |\n|---|--:|--:|--:|"
        )?;
        for (Figure { what, unit, .. }, values) in &self.rows {
            let (theirs, ours) = (values.get("PyPubSub"), values.get("gateway"));
            let ratio = theirs.zip(ours).map(|(theirs, ours)| ours / theirs);
            let [theirs, ours] = [theirs, ours].map(|value| shown(value.copied()));
            writeln!(
                f,
                "| {what}, {unit} | {theirs} | {ours} | {} |",
                shown(ratio)
            )?;
        }
        Ok(())
    }
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value < 0.1 => format!("{value:.3}"),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}
