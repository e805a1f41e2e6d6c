//! The backlog on the disk, in a redb database.

use std::{
    fs, io,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use redb::{Database, Durability, ReadableTable as _, ReadableTableMetadata as _, TableDefinition};
use tokio::{task::spawn_blocking, time::Instant};

use crate::{
    backlog::{
        Backlog,
        ground::{self, Ground},
        legacy,
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
/// Holds something for a moment, to see that there is room again.
const TRIAL: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("trial");
/// Numbers that are left out at each start: without `fsync` a crash takes events whose cursors somebody has.
const GAP: u64 = 1 << 20;

/// For so long nothing is tried after an error: to open a large file again takes time, in which others would wait.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// A backlog file that is open for writing.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// Nothing after an error: redb wants to be opened again then.
    database: Option<Database>,
    /// The last error, if nothing was kept since.
    failure: Option<Failure>,
    size: u64,
    is_synced: bool,
}

#[derive(Debug)]
struct Failure {
    since: Instant,
    text: String,
    /// So much could not be kept.
    bytes: usize,
}

/// What was found in a backlog file.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) backlog: Backlog,
    pub(crate) damage: Damage,
}

/// What could not be read of a backlog file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Damage {
    /// Events that were torn, and are left out.
    pub(crate) torn_count: u64,
    /// The whole file was broken; it is put aside.
    pub(crate) is_put_aside: bool,
}

impl Store {
    /// Opens a backlog file, or makes one. What is broken is put aside, and never keeps the gateway from starting; what is no
    /// backlog at all is left alone, and does.
    pub(crate) fn open(path: &Path, config: &BacklogConfig) -> io::Result<(Self, Restored)> {
        let (legacy, torn_count) = match ground::look(path)? {
            Ground::Free | Ground::Database => (Vec::new(), 0),
            Ground::Legacy => import(path)?,
        };
        let mut is_put_aside = false;
        let (database, mut restored) = match attempt(path, config, &legacy) {
            Ok(opened) => opened,
            Err(Fault::Disk(error)) => return Err(error),
            Err(Fault::Content(error)) => {
                let aside = put_aside(path, "broken")?;
                is_put_aside = true;
                let (name, aside) = (path.display(), aside.display());
                tracing::error!(
                    "the backlog {name} is broken and begins anew: {error}; the file is {aside} now"
                );
                attempt(path, config, &legacy).map_err(Fault::into_error)?
            }
        };
        restored.damage.torn_count += torn_count;
        restored.damage.is_put_aside = is_put_aside;
        if config.fsync {
            sync_folder(path)?;
        }
        let size = u64::try_from(config.size).unwrap_or(u64::MAX);
        let store = Self {
            path: path.to_owned(),
            database: Some(database),
            failure: None,
            size,
            is_synced: config.fsync,
        };
        Ok((store, restored))
    }
}

impl Keep for Store {
    async fn keep(&mut self, lines: Vec<Line>) -> Result<(), String> {
        let failure = self.failure.as_ref();
        if let Some(failure) = failure.filter(|failure| failure.since.elapsed() < REOPEN_PAUSE) {
            return Err(failure.text.clone());
        }
        let size = self.size;
        let durability = if self.is_synced {
            Durability::Immediate
        } else {
            Durability::Eventual
        };
        let bytes = lines.iter().map(|line| line.line.len()).sum();
        let append = move |database: &Database| {
            let appended = append(database, &lines, size, durability);
            appended.map_err(|error| error.to_string())
        };
        self.with_database(bytes, append).await
    }

    async fn try_out(&mut self) -> Result<(), String> {
        let bytes = self.failure.as_ref().map_or(0, |failure| failure.bytes);
        let trial = move |database: &Database| {
            let written = write_for_a_moment(database, bytes);
            written.map_err(|error| error.to_string())
        };
        self.with_database(bytes, trial).await
    }

    fn is_awaited(&self) -> bool {
        self.is_synced
    }
}

impl Store {
    /// Does something of so many bytes with the database, which is opened if it is not.
    async fn with_database(
        &mut self,
        bytes: usize,
        act: impl FnOnce(&Database) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let (path, database) = (self.path.clone(), self.database.take());
        let acted = spawn_blocking(move || {
            let opened = database.map_or_else(|| Database::create(path), Ok);
            let database = opened.map_err(|error| error.to_string())?;
            act(&database)?;
            Ok(database)
        });
        let text = match acted.await {
            Ok(Ok(database)) => {
                self.database = Some(database);
                if self.failure.take().is_some() {
                    tracing::info!("the backlog can be stored again");
                }
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(error) => error.to_string(),
        };
        let before = self.failure.as_ref();
        // Said once, however often it is tried.
        if before.is_none_or(|before| before.text != text) {
            tracing::error!("the backlog cannot be stored: {text}");
        }
        let bytes = bytes.max(before.map_or(0, |before| before.bytes));
        let since = Instant::now();
        let failure = Failure { since, text, bytes };
        Err(self.failure.insert(failure).text.clone())
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

/// Writes as much as could not be kept, and takes it away again.
#[expect(clippy::result_large_err, reason = "the error of redb, which is rare")]
fn write_for_a_moment(database: &Database, bytes: usize) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let filling = vec![0; bytes];
    transaction
        .open_table(TRIAL)?
        .insert("", filling.as_slice())?;
    transaction.commit()?;
    let transaction = database.begin_write()?;
    transaction.open_table(TRIAL)?.remove("")?;
    transaction.commit()?;
    Ok(())
}

/// Reads what is there into memory, together with what another program has left.
#[expect(clippy::result_large_err, reason = "the error of redb, which is rare")]
fn restore(
    database: &Database,
    config: &BacklogConfig,
    legacy: &[legacy::Kept],
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
        imported.push(kept.line(cursor));
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
    let damage = Damage {
        torn_count,
        is_put_aside: false,
    };
    Ok(Restored { backlog, damage })
}

/// Takes over what PyPubSub has stored, and puts its file aside; says how many events were torn.
fn import(path: &Path) -> io::Result<(Vec<legacy::Kept>, u64)> {
    let text = fs::read(path)?;
    let (kept, torn_count) = legacy::read(&String::from_utf8_lossy(&text));
    let aside = put_aside(path, "pypubsub")?;
    let (count, path, aside) = (kept.len(), path.display(), aside.display());
    tracing::info!("took {count} events over from {path}; the file is {aside} now");
    Ok((kept, torn_count))
}

/// Why a file cannot be used.
enum Fault {
    /// It is not where it should be, or the disk is full: for a person to see to.
    Disk(io::Error),
    /// What lies there is no backlog, or not any more.
    Content(String),
}

impl Fault {
    fn into_error(self) -> io::Error {
        match self {
            Self::Disk(error) => error,
            Self::Content(error) => io::Error::other(error),
        }
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        let of_the_content = [
            io::ErrorKind::InvalidData,
            io::ErrorKind::UnexpectedEof,
            io::ErrorKind::InvalidInput,
        ];
        match error {
            redb::Error::Io(error) if !of_the_content.contains(&error.kind()) => Self::Disk(error),
            redb::Error::DatabaseAlreadyOpen => Self::Disk(io::ErrorKind::ResourceBusy.into()),
            error => Self::Content(error.to_string()),
        }
    }
}

/// Opens a database, or makes one, and reads it.
fn attempt(
    path: &Path,
    config: &BacklogConfig,
    legacy: &[legacy::Kept],
) -> Result<(Database, Restored), Fault> {
    let opening = || {
        let database = Database::create(path).map_err(redb::Error::from)?;
        let restored = restore(&database, config, legacy)?;
        Ok((database, restored))
    };
    // redb asserts what a torn file breaks.
    let opened = panic::catch_unwind(AssertUnwindSafe(opening));
    opened.unwrap_or_else(|_| Err(Fault::Content("it is torn".to_owned())))
}

/// Without it, a power cut may take the name of a file that is new, and with it all that is in it.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::{Restored, Store};
    use crate::{
        backlog::line::{Keep as _, Line},
        config::BacklogConfig,
    };

    const EVENTS: u64 = 60;

    fn config() -> BacklogConfig {
        BacklogConfig {
            size: 1000,
            fsync: true,
            ..BacklogConfig::default()
        }
    }

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap_or_default();
        }
    }

    /// Whatever is written over, wherever: the gateway starts, and what it has restored is what was stored.
    #[tokio::test]
    async fn a_file_that_is_written_over_keeps_nobody_from_starting() {
        let folder =
            std::env::temp_dir().join(format!("signal-bus-gateway-store-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is room for a folder");
        let folder = Folder(folder);
        let path = folder.0.join("backlog");
        let (mut store, _) = Store::open(&path, &config()).expect("it is new");
        for sequence in 0..EVENTS {
            let line = Line {
                sequence,
                timestamp: 1.0,
                path: "/a".into(),
                line: format!("{{\"n\": {sequence}, \"x\": \"{}\"}}\n", "x".repeat(100)).into(),
            };
            assert_eq!(store.keep(vec![line]).await, Ok(()));
        }
        drop(store);
        let whole = fs::read(&path).expect("it is there");
        let used = whole
            .iter()
            .rposition(|byte| *byte != 0)
            .expect("it is not empty")
            + 1;
        let (mut complete, mut partial, mut anew) = (0, 0, 0);
        for (number, at) in (0..used)
            .step_by(used / 30 + 1)
            .chain((0..320).step_by(16))
            .enumerate()
        {
            let mut broken = whole.clone();
            let end = (at + 1 + number % 40).min(used);
            broken[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
            if number % 7 == 0 {
                broken.truncate(at);
            }
            fs::write(&path, &broken).expect("there is room for a file");
            let (_, restored) = Store::open(&path, &config()).expect("it starts");
            let Restored { backlog, damage } = restored;
            match u64::try_from(backlog.len()).expect("few") {
                EVENTS => complete += 1,
                0 => anew += 1,
                some => {
                    assert!(some <= EVENTS);
                    partial += 1;
                }
            }
            assert!(damage.torn_count <= EVENTS);
            for entry in fs::read_dir(&folder.0).expect("it is there") {
                fs::remove_file(entry.expect("it is there").path()).expect("it is ours");
            }
        }
        println!("{complete} complete, {partial} in part, {anew} anew");
        assert!(0 < complete && 0 < anew);
    }
}
