//! The backlog on the disk, in a redb database.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{Database, Durability, ReadableTable as _, ReadableTableMetadata as _, TableDefinition};
use tokio::task::spawn_blocking;

use crate::{
    backlog::{
        Backlog, legacy,
        line::{Keep, Line},
        record,
    },
    config::BacklogConfig,
    cursor::{Cursor, Epoch},
    event::Event,
};

const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
const MARKS: TableDefinition<'_, &str, u64> = TableDefinition::new("marks");
const EPOCH: &str = "epoch";
/// Numbers that are left out at each start: without `fsync` a crash takes events whose cursors somebody has.
const GAP: u64 = 1 << 20;

/// A backlog file that is open for writing.
#[derive(Debug)]
pub(crate) struct Store {
    database: Arc<Database>,
    size: u64,
    is_synced: bool,
}

/// What was found in a backlog file.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) backlog: Backlog,
    /// Events that were torn, and are left out.
    pub(crate) torn_count: u64,
}

impl Store {
    /// Opens a backlog file, or makes one. What is broken is put aside, and never keeps the gateway from starting.
    pub(crate) fn open(path: &Path, config: &BacklogConfig) -> io::Result<(Self, Restored)> {
        let legacy = if is_database(path)? {
            Vec::new()
        } else {
            import(path)?
        };
        let database = open_or_replace(path)?;
        let size = u64::try_from(config.size).unwrap_or(u64::MAX);
        let restored = restore(&database, config, legacy).map_err(|error| other(&error))?;
        let store = Self {
            database: Arc::new(database),
            size,
            is_synced: config.fsync,
        };
        Ok((store, restored))
    }
}

impl Keep for Store {
    async fn keep(&mut self, lines: Vec<Line>) -> bool {
        let (database, size) = (Arc::clone(&self.database), self.size);
        let durability = if self.is_synced {
            Durability::Immediate
        } else {
            Durability::Eventual
        };
        let kept = spawn_blocking(move || {
            let kept = append(&database, &lines, size, durability);
            kept.map_err(|error| error.to_string())
        });
        let failure = match kept.await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error,
            Err(error) => error.to_string(),
        };
        tracing::error!("the backlog cannot be stored: {failure}");
        false
    }

    fn is_awaited(&self) -> bool {
        self.is_synced
    }
}

#[expect(clippy::result_large_err, reason = "the error of redb, which is rare")]
fn append(
    database: &Database,
    lines: &[Line],
    size: u64,
    durability: Durability,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability);
    {
        let mut events = transaction.open_table(EVENTS)?;
        for line in lines {
            events.insert(line.sequence, record::write(line).as_slice())?;
        }
        for _ in size..events.len()? {
            events.pop_first()?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Reads what is there into memory, together with what another program has left.
#[expect(clippy::result_large_err, reason = "the error of redb, which is rare")]
fn restore(
    database: &Database,
    config: &BacklogConfig,
    legacy: Vec<legacy::Kept>,
) -> Result<Restored, redb::Error> {
    let transaction = database.begin_write()?;
    let (mut lines, mut torn_count) = (Vec::new(), 0);
    let (epoch, mut next);
    {
        let mut marks = transaction.open_table(MARKS)?;
        let marked = marks.get(EPOCH)?.map(|epoch| epoch.value());
        epoch = marked.map_or_else(Epoch::random, Epoch::from_bits);
        marks.insert(EPOCH, epoch.bits())?;
        let events = transaction.open_table(EVENTS)?;
        next = events
            .last()?
            .map_or(0, |(sequence, _)| sequence.value() + 1 + GAP);
        for event in events.iter()? {
            let (sequence, bytes) = event?;
            match record::read(sequence.value(), bytes.value()) {
                Some(line) => lines.push(line),
                None => torn_count += 1,
            }
        }
    }
    transaction.commit()?;
    let mut imported = Vec::new();
    for kept in legacy {
        let cursor = Cursor {
            epoch,
            sequence: next,
        };
        imported.push(kept.into_line(cursor));
        next += 1;
    }
    let size = u64::try_from(config.size).unwrap_or(u64::MAX);
    append(database, &imported, size, Durability::Immediate)?;
    lines.extend(imported);
    let surplus = lines.len().saturating_sub(config.size);
    let mut backlog = Backlog::new(epoch, next, config.size, config.max_age);
    for line in lines.into_iter().skip(surplus) {
        let cursor = Cursor {
            epoch,
            sequence: line.sequence,
        };
        let event = Event::restored(cursor, line.timestamp, &line.path, &line.line);
        backlog.push(Arc::new(event));
    }
    Ok(Restored {
        backlog,
        torn_count,
    })
}

/// Whether a file is a database, or is not there.
fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = [0; 4];
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    let length = file.take(4).read(&mut start)?;
    Ok(&start[..length] == b"redb")
}

/// Takes over what PyPubSub has stored, and puts its file aside.
fn import(path: &Path) -> io::Result<Vec<legacy::Kept>> {
    let text = fs::read(path)?;
    let (kept, torn_count) = legacy::read(&String::from_utf8_lossy(&text));
    let aside = put_aside(path, "pypubsub")?;
    let (count, path, aside) = (kept.len(), path.display(), aside.display());
    tracing::info!(
        "took {count} events over from {path}, left out {torn_count} torn ones; the file is {aside} now"
    );
    Ok(kept)
}

/// Opens a database; one that is broken is put aside.
fn open_or_replace(path: &Path) -> io::Result<Database> {
    let error = match Database::create(path) {
        Ok(database) => return Ok(database),
        Err(redb::DatabaseError::Storage(redb::StorageError::Io(error)))
            if !is_of_the_content(&error) =>
        {
            return Err(error);
        }
        Err(redb::DatabaseError::DatabaseAlreadyOpen) => {
            return Err(other(&redb::DatabaseError::DatabaseAlreadyOpen));
        }
        Err(error) => error,
    };
    let aside = put_aside(path, "broken")?;
    let (path_shown, aside) = (path.display(), aside.display());
    tracing::error!(
        "the backlog {path_shown} is broken and begins anew: {error}; the file is {aside} now"
    );
    Database::create(path).map_err(|error| other(&error))
}

/// Whether an error is no error of the disk, but of what lies there.
fn is_of_the_content(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

/// Gives a file a name that nothing has yet.
fn put_aside(path: &Path, why: &str) -> io::Result<PathBuf> {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 0 {
            format!(".{why}")
        } else {
            format!(".{why}.{number}")
        });
        PathBuf::from(name)
    };
    let free = (0..1000).map(name).find(|aside| !aside.exists());
    let free =
        free.ok_or_else(|| io::Error::other("a thousand broken backlogs lie there already"))?;
    fs::rename(path, &free)?;
    Ok(free)
}

fn other(error: &impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}
