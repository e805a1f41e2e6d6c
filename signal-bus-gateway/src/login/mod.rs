//! Who a client is: the ACL file knows, or an LDAP server does.

mod memory;
pub(crate) mod directory;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use crate::{
    access::{
        acl::{self, Acl, Rights, Verdict},
        basic::{self, Login},
    },
    config::{Compat, DirectoryConfig},
    hub::stream::Stream,
    login::directory::Directory,
    mutex::lock,
    problem::{self, Problem},
};

/// All who can log in.
#[derive(Debug)]
pub(crate) struct Logins {
    file: PathBuf,
    compat: Compat,
    acl: Mutex<Arc<Acl>>,
    directory: Option<Directory>,
    /// Streams of users of the ACL file, each with the login that opened it.
    streams: Mutex<Vec<(std::sync::Weak<Stream>, Arc<Login>)>>,
}

/// A client, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) rights: Arc<Rights>,
    /// The login, if the ACL file knows it.
    login: Option<Arc<Login>>,
}

/// What has come of reading the ACL file.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// With this many users.
    Users(usize, Vec<Problem>),
    /// There is no such file: no users, or those of before.
    Missing,
    /// What was there before stays.
    Broken(Vec<Problem>),
}

impl Logins {
    pub(crate) fn new(file: PathBuf, compat: Compat, directory: Option<DirectoryConfig>) -> Self {
        Self {
            file,
            compat,
            acl: Mutex::default(),
            directory: directory.map(Directory::new),
            streams: Mutex::default(),
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the ACL file, again. Nothing is opened by a file that is broken, empty, or gone.
    pub(crate) fn load(&self) -> Loaded {
        let name = self.file.display().to_string();
        let text = match problem::read_text(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Loaded::Missing,
            Err(error) => return Loaded::Broken(vec![Problem::of_file(&name, &error)]),
        };
        let (acl, problems) = acl::read(&name, &text, self.compat == Compat::Upstream);
        let Some(acl) = acl else {
            return Loaded::Broken(problems);
        };
        let users_count = acl.users_count();
        *lock(&self.acl) = Arc::new(acl);
        if self.compat == Compat::Strict {
            self.revise_streams();
        }
        Loaded::Users(users_count, problems)
    }

    /// How often the LDAP server has not answered.
    pub(crate) fn directory_failures(&self) -> u64 {
        self.directory.as_ref().map_or(0, Directory::failures)
    }

    /// Finds out who sends an `Authorization` header. Whoever cannot be known is anonymous.
    pub(crate) async fn client(&self, header: Option<&str>) -> Client {
        let Some(login) = header.and_then(basic::read) else {
            return Client::default();
        };
        let acl = Arc::clone(&lock(&self.acl));
        match (acl.judge(&login.user, &login.password), &self.directory) {
            (Verdict::Known(rights), _) => Client {
                rights,
                login: Some(Arc::new(login)),
            },
            (Verdict::Unknown, Some(directory)) => Client {
                rights: directory.rights(&login).await,
                login: None,
            },
            (Verdict::Unknown | Verdict::Wrong, _) => Client::default(),
        }
    }

    /// Remembers whose stream it is, so that a new ACL reaches it.
    pub(crate) fn note_stream(&self, client: &Client, stream: &Arc<Stream>) {
        let Some(login) = &client.login else {
            return;
        };
        if self.compat == Compat::Upstream {
            return;
        }
        let mut streams = lock(&self.streams);
        if streams.len() == streams.capacity() {
            // Where it would grow, first who has left goes.
            streams.retain(|(stream, _)| 0 < stream.strong_count());
        }
        streams.push((Arc::downgrade(stream), Arc::clone(login)));
        drop(streams);
        // The ACL may have changed since the login was judged.
        stream.revise(self.rights_of(login));
    }

    fn rights_of(&self, login: &Login) -> Arc<Rights> {
        let acl = Arc::clone(&lock(&self.acl));
        match acl.judge(&login.user, &login.password) {
            Verdict::Known(rights) => rights,
            Verdict::Wrong | Verdict::Unknown => Arc::default(),
        }
    }

    fn revise_streams(&self) {
        lock(&self.streams).retain(|(stream, login)| {
            let stream = stream.upgrade();
            if let Some(stream) = &stream {
                stream.revise(self.rights_of(login));
            }
            stream.is_some()
        });
    }
}
