//! Each expansion, pretty-printed, is what the committed file says.

use std::path::Path;
use std::{env, fs};

use quote::quote;

use crate::tests::Source;
use crate::tests::sample::{SAMPLES, Sample};

const UPDATE: &str = "UPDATE_SNAPSHOTS=1 cargo test -p signal-bus-macros snapshots";

#[test]
fn expansions_are_as_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let mut differing = Vec::new();
    for sample in SAMPLES {
        let file = folder.join(format!("{}.rs", sample.name));
        let printed = print(sample);
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::create_dir_all(&folder).expect("the folder can be made");
            fs::write(&file, printed).expect("the file can be written");
        } else if fs::read_to_string(&file).unwrap_or_default() != printed {
            differing.push(sample.name);
        }
    }
    assert!(
        differing.is_empty(),
        "these expansions changed: {differing:?}\nto accept them: {UPDATE}"
    );
}

#[test]
fn no_snapshot_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let file = entry.expect("the entry can be read").path();
        let known = |sample: &Sample| file.file_stem().is_some_and(|stem| stem == sample.name);
        assert!(
            SAMPLES.iter().any(known),
            "{} has no sample",
            file.display()
        );
    }
}

fn print(sample: &Sample) -> String {
    let expansion = Source::parse(sample.source).expand();
    let printable = if sample.method {
        quote! { impl Owner { #expansion } }
    } else {
        expansion
    };
    let file = syn::parse2(printable)
        .unwrap_or_else(|error| panic!("{} does not parse: {error}", sample.name));
    let input = sample.source.lines().map(|line| {
        let line = line.strip_prefix("        ").unwrap_or(line);
        format!("// {line}").trim_end().to_owned() + "\n"
    });
    let input: String = input.collect();
    format!("{input}\n{}", prettyplease::unparse(&file))
}
