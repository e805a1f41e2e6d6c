use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use signal_bus::{
    Headers,
    transport::{Incoming, Message},
};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time,
};

use super::{BYTES_MAX, COUNT_MAX, PATIENCE, READ_AT_ONCE, Reading, Source, open};

/// What a client holds for a subscription.
struct Client {
    messages: Receiver<(Message, usize)>,
    gone: Arc<Gone>,
}

/// What has not come.
#[derive(Default)]
struct Gone {
    dropped: AtomicU64,
    missing: AtomicU64,
}

impl Stream for Client {
    type Item = (Message, usize);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

impl Source for Client {
    fn take_dropped(&mut self) -> u64 {
        self.gone.dropped.swap(0, Ordering::Relaxed)
    }

    fn take_missing(&mut self) -> u64 {
        self.gone.missing.swap(0, Ordering::Relaxed)
    }
}

type Sends = Sender<(Message, usize)>;

fn client() -> (Sends, Arc<Gone>, Reading<Client>) {
    let (sends, messages) = mpsc::channel(COUNT_MAX + 10);
    let gone = Arc::<Gone>::default();
    let reading = open(Client {
        messages,
        gone: Arc::clone(&gone),
    });
    (sends, gone, reading)
}

fn send(to: &Sends, topics: std::ops::Range<usize>, bytes: usize) {
    for topic in topics {
        let message = Message::new(topic.to_string(), "", Headers::new());
        to.try_send((message, bytes)).unwrap();
    }
}

fn topic(incoming: Incoming) -> String {
    match incoming {
        Incoming::Message(delivery) => delivery.message.topic.to_string(),
        Incoming::Lost { count, .. } => format!("{count} lost"),
        other => format!("{other:?}"),
    }
}

fn topics(reading: &mut Reading<Client>) -> Vec<String> {
    let mut topics = Vec::new();
    // A task gets so much at once, and this is a task that would wait.
    let mut next = || tokio::task::unconstrained(reading.next()).now_or_never();
    while let Some(Some(incoming)) = next() {
        topics.push(topic(incoming));
    }
    topics
}

/// Waits until nobody has anything to do.
async fn idle() {
    time::sleep(10 * PATIENCE).await;
}

#[tokio::test(start_paused = true)]
async fn messages_come_in_order_until_the_end() {
    let (sends, gone, mut reading) = client();
    send(&sends, 0..2, 1);
    assert_eq!(topics(&mut reading), ["0", "1"]);
    send(&sends, 2..3, 1);
    gone.dropped.store(7, Ordering::Relaxed);
    gone.missing.store(3, Ordering::Relaxed);
    drop(sends);
    assert_eq!(topics(&mut reading), ["7 lost", "2", "3 lost"]);
    assert!(reading.next().now_or_never().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_counted_and_what_was_read_makes_room() {
    for (bytes, most) in [(1, COUNT_MAX), (BYTES_MAX / 2, 2)] {
        let (sends, _gone, mut reading) = client();
        for _ in 0..2 {
            // Who waits reads by himself; who has begun, and does not come again, does not.
            send(&sends, 0..1, bytes);
            assert_eq!(topic(reading.next().await.unwrap()), "0");
            send(&sends, 1..most + 3, bytes);
            idle().await;
            let read = topics(&mut reading);
            assert_eq!((read.len(), &*read[0]), (most, "3 lost"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_reads_in_the_place_of_a_bus_that_does_not_come() {
    let (sends, _gone, mut reading) = client();
    let room = sends.capacity();
    let is_read = || sends.capacity() == room;
    let many = 3 * READ_AT_ONCE;
    send(&sends, 0..many, 1);
    assert_eq!(topic(reading.next().await.unwrap()), "0");
    assert!(!is_read(), "the bus takes some at once");
    idle().await;
    assert!(is_read());
    send(&sends, many..many + 1, 1);
    idle().await;
    assert!(is_read());
    let all: Vec<_> = (1..=many).map(|topic| topic.to_string()).collect();
    assert_eq!(topics(&mut reading), all);
    // It has come, and waits: it reads by itself.
    idle().await;
    send(&sends, 7..8, 1);
    idle().await;
    assert!(!is_read());
    assert_eq!(topics(&mut reading), ["7"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_no_more_lets_go_at_once() {
    for waits in [true, false] {
        let (sends, _gone, mut reading) = client();
        idle().await;
        send(&sends, 0..1, 1);
        let read = topics(&mut reading);
        assert_eq!(read, ["0"]);
        if !waits {
            send(&sends, 1..3, 1);
            reading.next().await.unwrap();
            idle().await;
        }
        drop(reading);
        assert!(sends.is_closed());
    }
}
