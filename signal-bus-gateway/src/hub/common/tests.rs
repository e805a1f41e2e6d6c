use std::sync::Arc;

use tokio::{sync::watch, task::yield_now, time::timeout};
use tokio_util::task::TaskTracker;

use super::{Asked, Common, Extent, Heard, Reading};
use crate::{
    backlog::{Backlog, Since},
    cursor::{Cursor, Epoch},
    event::Draft,
    hub::{
        Behind, Hub, Refused, Seat,
        stream::{End, QueueLimits},
    },
    json::Object,
    topic::Wanted,
};

const LIMITS: QueueLimits = QueueLimits {
    events: 100_000,
    bytes: usize::MAX,
};
const SIZE: usize = 10;

/// A row in memory.
#[derive(Debug, Clone)]
struct State {
    epoch: u64,
    first: u64,
    messages: Vec<String>,
    /// So many of the last ones were deleted.
    deleted: u64,
    is_up: bool,
}

#[derive(Debug)]
struct Memory(watch::Sender<State>);

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(State {
            epoch: 1,
            first: 1,
            messages: Vec::new(),
            deleted: 0,
            is_up: true,
        })))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.0.send_modify(change);
    }

    /// What somebody else publishes.
    fn add(&self, message: &str) {
        self.change(|state| state.messages.push(message.to_owned()));
    }

    fn add_numbers(&self, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            self.add(&draft("/a", number).message());
        }
    }

    fn extent(&self) -> Extent {
        let state = self.0.borrow();
        Extent {
            epoch: Epoch::from_bits(state.epoch),
            first: state.first,
            last: length(&state) + state.deleted,
        }
    }
}

fn length(state: &State) -> u64 {
    state.messages.len().try_into().expect("few")
}

impl Common for Memory {
    fn publish(&self, draft: Draft) -> Asked<'_, u64, Refused> {
        Box::pin(async move {
            if !self.0.borrow().is_up {
                return Err(Refused::NotShared);
            }
            self.add(&draft.message());
            Ok(self.extent().last)
        })
    }

    fn last(&self) -> Asked<'_, u64, String> {
        Box::pin(async {
            let is_up = self.0.borrow().is_up;
            is_up
                .then(|| self.extent().last)
                .ok_or_else(|| "it is away".to_owned())
        })
    }
}

/// Reads a row, as far as it is let.
struct Reader {
    row: Arc<Memory>,
    states: watch::Receiver<State>,
    allowed: watch::Receiver<u64>,
    after: u64,
    is_joined: bool,
    is_current: bool,
}

impl Reading for Reader {
    async fn next(&mut self) -> Heard {
        loop {
            let state = self.states.borrow_and_update().clone();
            let allowed = *self.allowed.borrow_and_update();
            if !state.is_up && self.is_joined {
                self.is_joined = false;
                return Heard::Trouble("it is away".to_owned());
            }
            if state.is_up && !self.is_joined {
                (self.is_joined, self.is_current) = (true, false);
                return Heard::Joined(self.row.extent());
            }
            let number = self.after + 1;
            if state.is_up && number <= length(&state).min(allowed) {
                self.after = number;
                let message = &state.messages[usize::try_from(number).expect("few") - 1];
                let draft = Draft::of_message(message.as_bytes(), 0.0);
                return Heard::Placed {
                    number,
                    draft: draft.map_err(str::to_owned),
                    is_last: false,
                };
            }
            if state.is_up && !self.is_current && length(&state) < number {
                self.is_current = true;
                return Heard::Current;
            }
            tokio::select! {
                _ = self.states.changed() => {}
                _ = self.allowed.changed() => {}
            }
        }
    }

    fn go_on_after(&mut self, number: u64) {
        self.after = number;
    }
}

/// One of several gateways.
struct Gateway {
    hub: Hub,
    bus: signal_bus::BusGuard,
    /// How far it is let read.
    allowed: watch::Sender<u64>,
}

impl Gateway {
    async fn start(row: &Arc<Memory>) -> Self {
        let extent = row.extent();
        let backlog = Backlog::common(extent.epoch, extent.first, extent.last, SIZE, None);
        let allowed = watch::Sender::new(u64::MAX);
        let reader = Reader {
            row: Arc::clone(row),
            states: row.0.subscribe(),
            allowed: allowed.subscribe(),
            after: backlog.next().sequence - 1,
            is_joined: false,
            is_current: false,
        };
        let started = Hub::start_common(backlog, LIMITS, row.clone(), reader);
        let (hub, bus, placing) = started.await.expect("it starts");
        drop(TaskTracker::new().spawn(placing));
        hub.caught_up().await;
        Self { hub, bus, allowed }
    }

    async fn seat(&self, since: Since) -> Result<Seat, Behind> {
        let wanted = Wanted::of_path("/").expect("few topics");
        self.hub
            .subscribe(wanted, Arc::default(), None, since)
            .await
    }

    async fn open(&self, since: Since) -> Seat {
        self.seat(since).await.expect("it knows enough")
    }

    /// Waits until so much was read.
    async fn reads(&self, number: u64) {
        self.hub.reaches(number).await;
    }
}

fn draft(path: &str, number: u64) -> Draft {
    let payload = Object::read(&format!("{{\"n\": {number}}}")).expect("an object");
    Draft::new(payload, path, 1.5)
}

fn after(epoch: u64, sequence: u64) -> Since {
    Since {
        cursor: Some(Cursor {
            epoch: Epoch::from_bits(epoch),
            sequence,
        }),
        else_all: true,
        ..Since::default()
    }
}

const ALL: Since = Since {
    time: Some(0.0),
    cursor: None,
    else_all: false,
};

/// The lines of the past.
async fn past(seat: &mut Seat) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(events) = seat.take_past().await {
        lines.extend(events.iter().map(|event| event.line().to_owned()));
    }
    lines
}

/// The next lines of the present.
async fn present(seat: &Seat, count: usize) -> Result<Vec<String>, End> {
    let mut taken = Vec::new();
    while taken.len() < count {
        std::future::poll_fn(|context| seat.poll_take(&mut taken, 40, context)).await?;
    }
    Ok(taken.iter().map(|event| event.line().to_owned()).collect())
}

fn numbers(lines: &[String]) -> Vec<u64> {
    let number = |line: &String| {
        let rest = line.strip_prefix("{\"n\": ")?;
        rest.split(',').next()?.parse().ok()
    };
    lines.iter().map(|line| number(line).expect(line)).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_was_there_and_whoever_comes_late_answers_the_same_bytes() {
    let row = Memory::new();
    row.add_numbers(1..=3);
    let early = Gateway::start(&row).await;
    let live = early.open(Since::default()).await;
    for number in 4..=30 {
        // Those that are no events count as well: each gateway keeps the same numbers.
        if number % 4 == 0 {
            row.add("no event");
        } else {
            row.add_numbers(number..=number);
        }
    }
    early.reads(30).await;
    let late = Gateway::start(&row).await;
    let lines = present(&live, 20).await.expect("it is open");
    let expected: Vec<u64> = (4..=30).filter(|number| number % 4 != 0).collect();
    assert_eq!(numbers(&lines), expected);
    let unreadable = |gateway: &Gateway| {
        let unreadable = &gateway.hub.tally().unreadable;
        unreadable.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!((unreadable(&early), unreadable(&late)), (7, 2));
    for since in (0..=32)
        .map(|number| after(1, number))
        .chain([ALL, after(2, 25)])
    {
        let mut answers = Vec::new();
        for gateway in [&early, &late] {
            let mut seat = gateway.open(since).await;
            let is_stale = seat.is_stale;
            answers.push((past(&mut seat).await, is_stale));
        }
        let (lines, is_stale) = &answers[0];
        assert_eq!(answers[0], answers[1], "{since:?}");
        let number = since.cursor.map_or(0, |cursor| cursor.sequence);
        let is_known = (20..=30).contains(&number) && since != after(2, 25);
        assert_eq!(*is_stale, since.cursor.is_some() && !is_known, "{since:?}");
        let start = if is_known { number + 1 } else { 21 };
        let expected: Vec<u64> = (start..=30).filter(|number| number % 4 != 0).collect();
        assert_eq!(numbers(lines), expected, "{since:?}");
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_more_elsewhere_waits_and_misses_nothing() {
    let row = Memory::new();
    let gateway = Gateway::start(&row).await;
    gateway.allowed.send_replace(3);
    row.add_numbers(1..=6);
    gateway.reads(3).await;
    let coming = gateway.seat(after(1, 5));
    tokio::pin!(coming);
    for _ in 0..100 {
        assert!(futures_util::poll!(coming.as_mut()).is_pending());
        yield_now().await;
    }
    gateway.allowed.send_replace(u64::MAX);
    let mut seat = coming.await.expect("it knows enough now");
    gateway.reads(6).await;
    let mut lines = past(&mut seat).await;
    if lines.is_empty() {
        lines = present(&seat, 1).await.expect("it is open");
    }
    assert_eq!((numbers(&lines), seat.is_stale), (vec![6], false));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_has_seen_what_was_never_there_is_told() {
    let row = Memory::new();
    row.add_numbers(1..=3);
    let gateway = Gateway::start(&row).await;
    let mut seat = gateway.open(after(1, 9)).await;
    assert!(seat.is_stale);
    assert_eq!(numbers(&past(&mut seat).await), [1, 2, 3]);
    // While nobody knows whether it was there, it is neither told nor shown everything again.
    row.change(|state| state.is_up = false);
    assert_eq!(gateway.seat(after(1, 9)).await.err(), Some(Behind));
    assert!(!gateway.open(after(1, 3)).await.is_stale);
    row.change(|state| state.is_up = true);
    gateway.allowed.send_replace(3);
    row.add_numbers(4..=9);
    assert_eq!(gateway.seat(after(1, 9)).await.err(), Some(Behind));
}

#[tokio::test(start_paused = true)]
async fn streams_stay_open_while_the_row_is_away_and_go_on() {
    let row = Memory::new();
    let gateway = Gateway::start(&row).await;
    let seat = gateway.open(Since::default()).await;
    assert_eq!(gateway.hub.publish(draft("/a", 1)).await, Ok(()));
    gateway.reads(1).await;
    row.change(|state| state.is_up = false);
    while gateway.hub.store_fault().is_none() {
        yield_now().await;
    }
    assert_eq!(gateway.hub.store_fault().as_deref(), Some("it is away"));
    assert_eq!(
        gateway.hub.publish(draft("/a", 9)).await,
        Err(Refused::NotShared)
    );
    assert_eq!(gateway.hub.store_failures(), 1);
    row.add_numbers(2..=40);
    // It is not ready before all is shown.
    gateway.allowed.send_replace(39);
    row.change(|state| state.is_up = true);
    gateway.reads(39).await;
    assert!(gateway.hub.store_fault().is_some());
    gateway.allowed.send_replace(u64::MAX);
    gateway.hub.caught_up().await;
    let lines = present(&seat, 40).await.expect("it is open");
    assert_eq!(numbers(&lines), (1..=40).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_end_was_deleted_is_shown_up_to_there() {
    let row = Memory::new();
    row.add_numbers(1..=3);
    row.change(|state| state.deleted = 2);
    let started = timeout(std::time::Duration::from_secs(60), Gateway::start(&row)).await;
    let gateway = started.expect("it does not wait for what is not there");
    assert_eq!(gateway.hub.newest(), Some(5));
    let mut seat = gateway.open(after(1, 5)).await;
    assert!(!seat.is_stale && past(&mut seat).await.is_empty());
    let mut seat = gateway.open(after(1, 2)).await;
    assert_eq!(numbers(&past(&mut seat).await), [3]);
}

#[tokio::test]
async fn what_was_accepted_is_the_past_of_whoever_asks_then() {
    let row = Memory::new();
    let gateway = Gateway::start(&row).await;
    for number in 1..=50 {
        assert_eq!(gateway.hub.publish(draft("/a", number)).await, Ok(()));
        let mut seat = gateway.open(ALL).await;
        assert_eq!(numbers(&past(&mut seat).await).last(), Some(&number));
    }
    timeout(std::time::Duration::from_secs(10), gateway.hub.settle())
        .await
        .expect("all of it has its place");
    gateway.bus.close().await.expect("it closes");
}

/// What happens to a row, its epoch after that, and what is there to be read.
type Change = (fn(&mut State), u64, &'static [u64]);

/// Whoever read on would not know that something is missing.
#[tokio::test(start_paused = true)]
async fn readers_come_again_when_the_row_does_not_go_on_where_it_was() {
    let changes: [Change; 3] = [
        // It was made anew.
        (
            |state| (state.epoch, state.messages) = (2, vec![draft("/a", 21).message()]),
            2,
            &[21],
        ),
        // It has lost its end.
        (|state| state.messages.truncate(4), 1, &[1, 2, 3, 4]),
        // It has forgotten what was not read.
        (
            |state| {
                state
                    .messages
                    .extend((8..=40).map(|number| draft("/a", number).message()));
                state.first = 39;
            },
            1,
            &[39, 40],
        ),
    ];
    for (change, epoch, expected) in changes {
        let row = Memory::new();
        row.add_numbers(1..=7);
        let gateway = Gateway::start(&row).await;
        let seat = gateway.open(Since::default()).await;
        row.change(|state| state.is_up = false);
        while gateway.hub.store_fault().is_none() {
            yield_now().await;
        }
        row.change(|state| {
            change(state);
            state.is_up = true;
        });
        assert_eq!(present(&seat, 1).await, Err(End::Closed));
        gateway.hub.caught_up().await;
        let late = Gateway::start(&row).await;
        for gateway in [&gateway, &late] {
            let mut seat = gateway.open(after(1, 7)).await;
            assert!(seat.is_stale);
            assert_eq!(numbers(&past(&mut seat).await), expected);
        }
        row.add_numbers(50..=50);
        let last = row.extent().last;
        let mut next = gateway.open(after(epoch, last - 1)).await;
        gateway.reads(last).await;
        let mut lines = past(&mut next).await;
        if lines.is_empty() {
            lines = present(&next, 1).await.expect("it is open");
        }
        assert_eq!((numbers(&lines), next.is_stale), (vec![50], false));
    }
}
