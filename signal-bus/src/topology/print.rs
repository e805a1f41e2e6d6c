//! The topology as people read it, and as a file that is committed.

use std::{collections::BTreeMap, fmt, fmt::Write as _, fs, path::Path};

use crate::{
    error::Finding,
    registry::{provider::Provider, subscriber::Concurrency},
    site::Site,
    topology::select::Chosen,
};

/// Who publishes and who hears what: the checked wiring of a bus.
///
/// Its `Display` is for people, with file and line. [`Topology::check_lock`] compares it with a committed file, so
/// that a function that gets lost (a crate that nothing references registers nothing) is a failing test.
#[derive(Clone, Debug)]
pub struct Topology {
    /// By topic: what it carries, and its functions on both sides.
    topics: BTreeMap<String, Ends>,
    others: Vec<(Site, String)>,
    findings: Vec<Finding>,
}

#[derive(Clone, Default, Debug)]
struct Ends {
    carries: Option<&'static str>,
    publishers: Vec<Site>,
    subscribers: Vec<(Site, String)>,
}

impl Topology {
    pub(crate) fn new(chosen: &Chosen, providers: &[Provider], findings: Vec<Finding>) -> Self {
        let mut topics: BTreeMap<String, Ends> = BTreeMap::new();
        for (publisher, _) in chosen.publishers.iter().filter(|(_, taken)| *taken) {
            let ends = topics.entry(publisher.written.to_owned()).or_default();
            ends.carries = ends.carries.or(publisher.kind.map(|kind| kind.name));
            ends.publishers.push(publisher.site);
        }
        for subscriber in &chosen.subscribers {
            let mut options = options(subscriber.concurrency, subscriber.blocking);
            if let Some((kind, _)) = subscriber.replies {
                options.push_str(&format!(", replies with `{}`", kind.name));
            }
            for topic in &subscriber.topics {
                let ends = topics.entry((*topic).to_owned()).or_default();
                ends.carries = ends.carries.or(subscriber.kind.map(|kind| kind.name));
                ends.subscribers.push((subscriber.site, options.clone()));
            }
        }
        let periodics = chosen.periodics.iter();
        let mut others: Vec<_> = periodics
            .map(|one| (one.site, format!("runs {}", one.schedule)))
            .collect();
        let provided = providers.iter();
        others.extend(provided.map(|one| (one.site, format!("provides `{}`", one.provides.name))));
        Self {
            topics,
            others,
            findings,
        }
    }

    /// What is noteworthy but does not keep the bus from starting.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.findings
    }

    /// The topology as text without file and line, so that it changes only when the wiring does.
    #[must_use]
    pub fn to_lock(&self) -> String {
        let head = "# The topology of a signal-bus. A test compares it; SIGNAL_BUS_LOCK=update rewrites it.\n";
        let mut text = head.to_owned();
        self.write(&mut text, |site| {
            format!("{}::{}", site.module, site.function)
        });
        text
    }

    /// Compares the topology with the committed file at `path`.
    ///
    /// Where the environment has `SIGNAL_BUS_LOCK=update`, the file is written instead. In a test:
    ///
    /// ```no_run
    /// # use signal_bus::Bus;
    /// Bus::new().check()?.check_lock("topology.lock")?;
    /// # Ok::<_, anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LockError`] if the file cannot be read or written, or differs; it shows the lines that do.
    pub fn check_lock(&self, path: impl AsRef<Path>) -> Result<(), LockError> {
        let path = path.as_ref();
        let now = self.to_lock();
        let failed = |source| LockError::Io {
            path: path.display().to_string(),
            source,
        };
        if std::env::var_os("SIGNAL_BUS_LOCK").is_some_and(|value| value == "update") {
            return fs::write(path, now).map_err(failed);
        }
        let committed = fs::read_to_string(path).map_err(failed)?;
        if committed.lines().eq(now.lines()) {
            return Ok(());
        }
        Err(LockError::Differs {
            path: path.display().to_string(),
            lines: difference(&committed, &now),
        })
    }

    fn write(&self, to: &mut impl fmt::Write, name: impl Fn(&Site) -> String) {
        // Writing into a `String` or a formatter that accepts everything cannot fail.
        let mut line = |text: String| writeln!(to, "{text}").unwrap_or_default();
        for (topic, ends) in &self.topics {
            line(format!("{topic}: {}", ends.carries.unwrap_or("any type")));
            for site in &ends.publishers {
                line(format!("    published by {}", name(site)));
            }
            for (site, options) in &ends.subscribers {
                line(format!("    heard by {}{options}", name(site)));
            }
        }
        for (site, what) in &self.others {
            line(format!("{} {what}", name(site)));
        }
    }
}

fn options(concurrency: Concurrency, blocking: bool) -> String {
    let mut text = match concurrency {
        Concurrency::At(limit) if limit.get() == 1 => String::new(),
        Concurrency::At(limit) => format!(", {limit} at once"),
        Concurrency::Unbounded => ", each at once".to_owned(),
    };
    if blocking {
        text.push_str(", blocking");
    }
    text
}

/// The lines that only one of the two texts has.
fn difference(committed: &str, now: &str) -> String {
    let mut text = String::new();
    for (sign, these, those) in [('-', committed, now), ('+', now, committed)] {
        for line in these
            .lines()
            .filter(|line| !those.lines().any(|other| other == *line))
        {
            write!(text, "\n{sign} {line}").unwrap_or_default();
        }
    }
    if text.is_empty() {
        text.push_str("\n  the same lines in another order");
    }
    text
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, ToString::to_string);
        f.write_str(text.trim_end())?;
        for finding in &self.findings {
            write!(f, "\nnote: {finding}")?;
        }
        Ok(())
    }
}

/// A committed topology that is not the program's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file cannot be read or written.
    #[error("cannot use `{path}` (SIGNAL_BUS_LOCK=update creates it): {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The wiring has changed.
    #[error("the topology differs from `{path}` (SIGNAL_BUS_LOCK=update accepts it):{lines}")]
    Differs {
        /// The file.
        path: String,
        /// The lines that differ: `-` committed, `+` now.
        lines: String,
    },
}
