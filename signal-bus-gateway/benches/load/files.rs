//! How many files, and so connections, a process may have open.

use anyhow::anyhow;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes room for so many open files, as far as the hard limit allows; returns how many there may be.
pub(crate) fn room_for(files: u64) -> anyhow::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let (current, maximum) = (
        limit.current.unwrap_or(u64::MAX),
        limit.maximum.unwrap_or(u64::MAX),
    );
    if files <= current {
        return Ok(current);
    }
    let raised = files.min(maximum);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        },
    )
    .map_err(|error| anyhow!("the limit on open files stays as it is: {error}"))?;
    if raised < files {
        eprintln!(
            "at most {maximum} files may be open, and {files} are wanted: \
             what takes more is skipped; as root, `ulimit -Hn {files}` raises the limit"
        );
    }
    Ok(raised)
}
