//! Where the backlog's file lies, and whether it can lie there.

use std::{
    fs,
    io::{self, ErrorKind, Read as _, Seek as _},
    path::Path,
};

use rustix::fs::{Access, FlockOperation, access, flock};

use crate::backlog::legacy;

/// What lies where the backlog's file is to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Nothing, and there is room for a file.
    Free,
    /// A database, or what is left of one.
    Database,
    /// PyPubSub's own file.
    Legacy,
}

/// Looks whether a file can be the backlog's, and changes nothing.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    look(path).map(drop)
}

/// What is there; the error says why it cannot be used, by its kind: see [`advice`].
pub(super) fn look(path: &Path) -> io::Result<Ground> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return free(path),
        Err(error) => return Err(error),
    };
    if found.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut file = fs::File::options().read(true).write(true).open(path)?;
    // The lock of redb; it is let go of at once, together with the file.
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let mut start = Vec::new();
    (&file).take(4).read_to_end(&mut start)?;
    if start == b"redb" {
        return Ok(Ground::Database);
    }
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if legacy::is_legacy(&bytes) {
        Ok(Ground::Legacy)
    } else if is_torn_database(&bytes) {
        Ok(Ground::Database)
    } else {
        Err(ErrorKind::InvalidData.into())
    }
}

/// Whether a file can be made.
fn free(path: &Path) -> io::Result<Ground> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !fs::metadata(folder)?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    Ok(Ground::Free)
}

/// A database whose first page is broken is known by the names of its tables.
fn is_torn_database(bytes: &[u8]) -> bool {
    let holds = |name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
    bytes.len() % 4096 == 0 && holds(b"events") && holds(b"marks")
}

/// What to do about a file that cannot be used.
pub(crate) fn advice(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!(
                "expected a file in a folder that is there, found {path}; make the folder, or name another file"
            )
        }
        ErrorKind::IsADirectory => {
            format!("expected a file, {path} is a folder; name a file in it")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!(
                "expected a file that this user may read and write, in a folder where it may make files, found {path}; allow it, or name another file"
            )
        }
        ErrorKind::WouldBlock | ErrorKind::ResourceBusy => {
            format!(
                "another process has {path} open; stop that gateway, or name a file of its own for each"
            )
        }
        ErrorKind::InvalidData => {
            format!(
                "expected a backlog, of a gateway or of PyPubSub, {path} is something else, and stays as it is; name another file"
            )
        }
        _ => format!("{path} cannot be used for the backlog: {error}"),
    }
}
