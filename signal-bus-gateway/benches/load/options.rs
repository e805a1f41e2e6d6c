//! The command line.

use std::{path::PathBuf, time::Duration};

use lexopt::prelude::{Long, Value, ValueExt as _};

use crate::shapes::SHAPES;

pub(crate) const HELP: &str = "\
The gateway under load, beside PyPubSub. Progress and a table go to standard
error, a line of JSON for each figure to standard output.

usage: cargo bench -p signal-bus-gateway --bench load -- [OPTIONS] [SHAPE]..

shapes (default: all of them, some minutes):
  deliveries  1,000 streams, as many events as they take
  publishes   8 publishers, each with one request at a time; without and with a stream
  latency     1,000 streams, 20 events a second
  topics      1,000 streams, each of a topic of its own
  stalled     20 streams, 20 events of 45 kB a second, beside 100 more that read,
              and then beside 100 that read nothing
  idle        10,000 streams without events, then 18,000

options:
  --original CHECKOUT  runs PyPubSub as well: a clone of
                       https://github.com/apache/infrastructure-pypubsub,
                       whose packages come from PyPI
  --seconds N          how long to measure (default: 5)
  --help               shows this page
";

/// What a command line asks for.
pub(crate) struct Options {
    pub(crate) original: Option<PathBuf>,
    pub(crate) seconds: Duration,
    shapes: Vec<String>,
}

impl Options {
    /// Reads the command line; nothing if it asks for help.
    pub(crate) fn read() -> Result<Option<Self>, lexopt::Error> {
        let mut parser = lexopt::Parser::from_env();
        let mut options = Self {
            original: None,
            seconds: Duration::from_secs(5),
            shapes: Vec::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("original") => options.original = Some(parser.value()?.into()),
                Long("seconds") => options.seconds = Duration::from_secs(parser.value()?.parse()?),
                Long("help") => return Ok(None),
                // Cargo says so to every benchmark.
                Long("bench") => {}
                Value(shape) if SHAPES.iter().any(|known| shape == known.name) => {
                    options.shapes.push(shape.string()?);
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }

    pub(crate) fn wants(&self, shape: &str) -> bool {
        self.shapes.is_empty() || self.shapes.iter().any(|wanted| wanted == shape)
    }
}
