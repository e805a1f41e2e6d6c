//! The gateway and PyPubSub under the same load, side by side: `cargo bench -p signal-bus-gateway --bench load -- --help`.
//!
//! A benchmark, and no command of xtask's: cargo builds the gateway for release and says where it is, and xtask stays
//! without a runtime. Servers are processes of their own, or their memory and CPU time would be the client's.

mod options;
mod files;
mod server;
mod client;
mod report;
mod shapes;

use std::process::ExitCode;

use crate::{
    files::room_for,
    options::{HELP, Options},
    report::Report,
    server::Kind,
    shapes::{SHAPES, Shape},
};

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("load: {error}\nTry `--help`.");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs each shape on each server in turns, so that what disturbs the machine disturbs both.
fn run(options: &Options) -> anyhow::Result<()> {
    let shapes: Vec<&Shape> = SHAPES
        .iter()
        .filter(|shape| options.wants(shape.name))
        .collect();
    // Servers inherit it.
    let files_max = room_for(shapes.iter().map(|shape| shape.files).max().unwrap_or(0))?;
    let mut kinds = vec![Kind::Gateway];
    if let Some(checkout) = &options.original {
        kinds.push(Kind::Original(checkout.clone()));
    }
    let mut report = Report::default();
    for shape in shapes {
        for kind in &kinds {
            if files_max < shape.files {
                eprintln!(
                    "{}: skipped, it takes {} open files",
                    shape.name, shape.files
                );
                continue;
            }
            eprintln!("{}: {} ..", shape.name, kind.name());
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let figures = runtime.block_on(shape.run(kind, options.seconds))?;
            runtime.shutdown_background();
            for figure in figures {
                report.add(kind.name(), figure);
            }
        }
    }
    eprint!("\n{report}");
    Ok(())
}
