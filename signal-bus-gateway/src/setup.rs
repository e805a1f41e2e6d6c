//! What a gateway is started with: two files, and how closely PyPubSub is followed.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    access::acl,
    backlog::ground,
    config::{self, Compat, Config, EMBEDDED, Written},
    login::directory,
    problem::{self, Problem, Problems, Weight},
    serve::{
        door::{self, Part},
        tls,
    },
};

/// PyPubSub's own names for its files.
const CONFIG_FILE: &str = "pypubsub.yaml";
const ACL_FILE: &str = "pypubsub_acl.yaml";

/// Everything that a gateway is started with.
///
/// ```
/// use signal_bus_gateway::{Compat, Setup};
///
/// let setup = Setup::of_text("here.yaml", "server: {port: htp}\nclients: {}\n").compat(Compat::Upstream);
/// let problems = setup.check();
/// assert_eq!(problems[0].to_string(), "here.yaml:1: server.port: expected a number from 0 to 65535, found `htp`");
/// ```
#[derive(Debug, Clone)]
pub struct Setup {
    name: String,
    text: String,
    acl: PathBuf,
    compat: Compat,
}

impl Setup {
    /// Reads a configuration file, PyPubSub's own if none is named; where there is none either, an embedded one.
    ///
    /// The embedded one listens on port 2069, and lets this machine publish.
    ///
    /// # Errors
    ///
    /// The error of reading a file that was named, or that is there.
    pub fn of_file(config: Option<&Path>) -> io::Result<Self> {
        let path = config.unwrap_or(Path::new(CONFIG_FILE));
        match problem::read_text(path) {
            Ok(text) => Ok(Self::of_text(&path.display().to_string(), &text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && config.is_none() => {
                tracing::info!(
                    "no {CONFIG_FILE} here: port 2069 on all addresses, and this machine may publish"
                );
                Ok(Self::of_text("embedded", EMBEDDED))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a configuration that stands in a text; problems call it by this name.
    #[must_use]
    pub fn of_text(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            acl: ACL_FILE.into(),
            compat: Compat::default(),
        }
    }

    /// Names the ACL file; `pypubsub_acl.yaml` unless set. It need not be there.
    #[must_use]
    pub fn acl(mut self, file: impl Into<PathBuf>) -> Self {
        self.acl = file.into();
        self
    }

    /// Says how closely PyPubSub is followed where that is not safe; [`Compat::Strict`] unless set.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// Everything that is wrong in both files, and in what they name: addresses, the files of TLS and of the backlog, the LDAP
    /// server, the stream of NATS; warnings as well.
    ///
    /// Nothing is changed by it, and nothing made. It reads files, and tries for 3 s at most whether the LDAP server is there, and NATS; so
    /// it is not for a thread of an async runtime.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let (config, mut problems) = config::examine(&self.name, &self.text, self.compat);
        if let Some(config) = &config {
            self.try_out(config, &mut problems);
        }
        let mut problems = problems.into_found();
        let name = self.acl.display().to_string();
        match problem::read_text(&self.acl) {
            Ok(text) => problems.extend(acl::read(&name, &text, self.compat == Compat::Upstream).1),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Whoever has named a file means it to be there.
                if self.acl != Path::new(ACL_FILE) {
                    problems.push(Problem {
                        file: name,
                        line: 1,
                        key: String::new(),
                        text: "not found, private events will not be broadcast".to_owned(),
                        weight: Weight::Warned,
                    });
                }
            }
            Err(error) => problems.push(Problem::of_file(&name, &error)),
        }
        problems
    }

    /// Tries what a configuration names.
    fn try_out(&self, config: &Config, problems: &mut Problems) {
        let tls = config.tls.as_ref();
        if let Some(tls) = tls {
            drop(tls::acceptor(tls, problems));
        }
        let doors = [("server", &config.port)].into_iter();
        for (section, port) in doors.chain(tls.map(|tls| ("server.tls", &tls.port))) {
            if let Err(error) = door::check(&config.bind.value, port.value) {
                problems.add(self.door_problem(&config.bind, port, section, &error));
            }
        }
        if let Some(storage) = &config.backlog.storage {
            self.try_storage(storage, problems);
        }
        if let Some(directory) = &config.directory {
            try_directory(&directory.uri, problems);
        }
        #[cfg(feature = "nats")]
        if let Some(nats) = &config.nats {
            crate::nats::check(config, nats, problems);
        }
    }

    fn try_storage(&self, storage: &Written<PathBuf>, problems: &mut Problems) {
        let Written { value: path, line } = storage;
        if let Err(error) = ground::check(path) {
            let problem = self.storage_problem(path, *line, &error);
            // Most often it is the gateway that this one replaces.
            let is_busy = error.kind() == io::ErrorKind::WouldBlock;
            let weight = if is_busy {
                Weight::Warned
            } else {
                problem.weight
            };
            problems.add(Problem { weight, ..problem });
        }
    }

    pub(crate) fn read(&self) -> (Option<Config>, Vec<Problem>) {
        config::read(&self.name, &self.text, self.compat)
    }

    pub(crate) fn acl_file(&self) -> &Path {
        &self.acl
    }

    pub(crate) fn compat_mode(&self) -> Compat {
        self.compat
    }

    /// A problem of something that the configuration names.
    pub(crate) fn problem(&self, line: usize, key: &str, text: String) -> Problem {
        Problem {
            file: self.name.clone(),
            line,
            key: key.to_owned(),
            text,
            weight: Weight::Refused,
        }
    }

    /// Why nobody can come in at an address; its port stands in this section.
    pub(crate) fn door_problem(
        &self,
        host: &Written<String>,
        port: &Written<u16>,
        section: &str,
        error: &io::Error,
    ) -> Problem {
        match door::advice(&host.value, port.value, error) {
            (Part::Host, text) => self.problem(host.line, "server.bind", text),
            (Part::Port, text) => self.problem(port.line, &format!("{section}.port"), text),
        }
    }

    /// Why a file cannot be the backlog's.
    pub(crate) fn storage_problem(&self, path: &Path, line: usize, error: &io::Error) -> Problem {
        self.problem(line, "server.backlog.storage", ground::advice(path, error))
    }

    /// Where problems of the things that the configuration names are put together.
    pub(crate) fn problems(&self) -> Problems {
        Problems::new(&self.name, self.compat == Compat::Upstream)
    }
}

fn try_directory(uri: &Written<String>, problems: &mut Problems) {
    let Written { value: uri, line } = uri;
    if let Err(error) = directory::reach(uri) {
        let text = format!(
            "nobody listens at {uri}: {error}; start it, or users whom only it knows stay anonymous"
        );
        problems.warn(*line, "clients.ldap.uri", text);
    }
}
