//! Makes a picture and a table of the figures that benchmarks have left in `docs/`.

use crate::failure::Failure;
use crate::generated::put;
use crate::picture::{self, figure};
use crate::results::{Contestant, Results, Shape};
use crate::workspace;

const NO_FIGURES: &str = "\
docs/benchmarks.jsonl has no figures; on a machine that does nothing else, type:
  cargo bench -p benches --features frameworks -- --keep
  python3 benches/ancestors.py > docs/benchmarks-python.jsonl";

/// Reads `docs/benchmarks*.jsonl`, writes `docs/benchmarks.svg` and `docs/benchmarks.md`.
pub(crate) fn make() -> Result<(), Failure> {
    let folder = workspace::root().join("docs");
    let results = Results::read(&folder.join("benchmarks.jsonl"))?;
    let alone = Results::read(&folder.join("benchmarks-alone.jsonl"))?;
    let ancestors = Results::read(&folder.join("benchmarks-python.jsonl"))?;
    if results.shapes.is_empty() {
        return Err(Failure::missing(NO_FIGURES.to_owned()));
    }
    for (name, text) in [
        ("benchmarks.svg", picture::draw(&results, &ancestors)),
        ("benchmarks.md", page(&results, &alone, &ancestors)),
    ] {
        put(&folder.join(name), &text)?;
        println!("wrote docs/{name}");
    }
    Ok(())
}

/// Everything in nanoseconds, for those who want to calculate.
fn page(results: &Results, alone: &Results, ancestors: &Results) -> String {
    let mut page = format!(
        "# Figures\n\n\
         Nanoseconds, {}. Throughput: per delivery; one at a time: per signal, until all subscribers have handled it.\n\
         `–`: it cannot, or was not asked to; \\*: it may lose signals. Who takes part and how stands in\n\
         [benches/README.md](../benches/README.md). `cargo xtask bench-picture` writes this page.\n",
        results.run.join(", ")
    );
    for (title, shapes) in results.groups() {
        page.push_str(&format!("\n## {title}\n\n"));
        page.push_str(&table(results, &shapes));
    }
    for (shape, title) in alone.shapes.iter().filter_map(titled) {
        page.push_str(&format!(
            "\n## {title}, one thread\n\n| | ns |\n|---|--:|\n"
        ));
        for contestant in &alone.contestants {
            if let Some(nanoseconds) = alone.nanoseconds(shape, contestant) {
                let (name, nanoseconds) = (&contestant.name, figure(nanoseconds));
                page.push_str(&format!("| {name} | {nanoseconds} |\n"));
            }
        }
    }
    if !ancestors.shapes.is_empty() {
        let run = ancestors.run.join(", ");
        page.push_str(&format!(
            "\n## Python, CPU time per delivery\n\n{run}; throughput, one thread.\n\n"
        ));
        let shapes: Vec<&Shape> = ancestors.shapes.iter().collect();
        page.push_str(&table(ancestors, &shapes));
    }
    page
}

/// What has no peers, under its title.
fn titled(shape: &Shape) -> Option<(&Shape, &'static str)> {
    let title = match shape.name.as_str() {
        "call current" => "A call that delivers nothing",
        "growth current" => "A publish by hand, until all have handled it",
        "routes current" => "A topic for the first time, among 100,000 patterns",
        _ => return None,
    };
    Some((shape, title))
}

fn table(results: &Results, shapes: &[&Shape]) -> String {
    let name = |contestant: &Contestant| {
        let star = if contestant.lossy { "\\*" } else { "" };
        format!("{}{star}", contestant.name)
    };
    let names: Vec<String> = results.contestants.iter().map(name).collect();
    let mut table = format!(
        "| | {} |\n|---|{}\n",
        names.join(" | "),
        "--:|".repeat(names.len())
    );
    for shape in shapes {
        let cell = |contestant| {
            let nanoseconds = results.nanoseconds(shape, contestant);
            nanoseconds.map_or_else(|| "–".to_owned(), figure)
        };
        let cells: Vec<String> = results.contestants.iter().map(cell).collect();
        table.push_str(&format!("| {} | {} |\n", shape.label(), cells.join(" | ")));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::results::{Results, tests::sample};

    #[test]
    fn the_table_says_what_was_not_measured() {
        let page = page(&sample(), &Results::default(), &Results::default());
        assert!(
            page.contains("| | signal-bus | kanal | tokio broadcast\\* |\n|---|--:|--:|--:|\n"),
            "{page}"
        );
        assert!(page.contains("| 1→1, 64 B | 100 | 200 | – |\n"), "{page}");
    }
}
