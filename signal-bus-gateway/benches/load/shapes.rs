//! What is asked of a server.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    client::{Publisher, Streams, open, request},
    report::Figure,
    server::{Kind, Server},
};

/// What comes before the measuring.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long events may be on their way after the last one was published.
const LATE_MAX: Duration = Duration::from_secs(90);
/// Letters in an event, unless they matter.
const FILLING: usize = 50;
/// 20 events a second.
const PERIOD: Duration = Duration::from_millis(50);

type Figures<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Vec<Figure>>> + 'a>>;

/// One kind of load.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Open files, of the server and of the client each.
    pub(crate) files: u64,
    run: for<'a> fn(&'a Server, Duration) -> Figures<'a>,
}

pub(crate) const SHAPES: [Shape; 6] = [
    Shape {
        name: "deliveries",
        files: 1_100,
        run: |server, time| Box::pin(deliveries(server, time)),
    },
    Shape {
        name: "publishes",
        files: 200,
        run: |server, time| Box::pin(publishes(server, time)),
    },
    Shape {
        name: "latency",
        files: 1_100,
        run: |server, time| Box::pin(latency(server, time)),
    },
    Shape {
        name: "topics",
        files: 1_100,
        run: |server, time| Box::pin(topics(server, time)),
    },
    Shape {
        name: "stalled",
        files: 300,
        run: |server, time| Box::pin(stalled(server, time)),
    },
    Shape {
        name: "idle",
        files: 18_100,
        run: |server, time| Box::pin(idle(server, time)),
    },
];

impl Shape {
    /// Runs the shape on a server that has seen nothing else.
    pub(crate) async fn run(&self, kind: &Kind, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let server = Server::start(kind).await?;
        (self.run)(&server, time).await
    }
}

fn paths(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|_| "/load".to_owned())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure has three digits that matter"
)]
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What a counter counts in a while, per second.
async fn rate_of(counter: &AtomicU64, time: Duration) -> f64 {
    sleep(WARM_UP).await;
    let (before, start) = (counter.load(Ordering::Relaxed), Instant::now());
    sleep(time).await;
    rate(counter.load(Ordering::Relaxed) - before, start.elapsed())
}

async fn deliveries(server: &Server, time: Duration) -> anyhow::Result<Vec<Figure>> {
    const STREAMS: u32 = 1_000;
    const TOGETHER: u64 = 8;
    let mut streams = Streams::new(false);
    streams.open(server.address, paths(STREAMS)).await?;
    let mut publisher = Publisher::connect(server.address).await?;
    let requests = vec![request("/load", 0, FILLING); usize::try_from(TOGETHER)?];
    let publish = async {
        let mut sent = 0;
        loop {
            publisher.publish(&requests).await?;
            sent += TOGETHER * u64::from(STREAMS);
            streams
                .until_behind(sent, 4 * TOGETHER * u64::from(STREAMS))
                .await;
        }
    };
    let value = tokio::select! {
        failed = publish => { let failed: anyhow::Result<()> = failed; failed?; unreachable!("it goes on") }
        rate = rate_of(&streams.heard.events, time) => rate,
    };
    Ok(vec![Figure {
        what: "1,000 streams: deliveries",
        unit: "1/s",
        value,
    }])
}

async fn publishes(server: &Server, time: Duration) -> anyhow::Result<Vec<Figure>> {
    let alone = publish_rate(server, time).await?;
    let mut streams = Streams::new(false);
    streams.open(server.address, paths(1)).await?;
    let heard = publish_rate(server, time).await?;
    Ok(vec![
        Figure {
            what: "8 publishers, no stream: publishes",
            unit: "1/s",
            value: alone,
        },
        Figure {
            what: "8 publishers, 1 stream: publishes",
            unit: "1/s",
            value: heard,
        },
    ])
}

async fn publish_rate(server: &Server, time: Duration) -> anyhow::Result<f64> {
    let accepted = Arc::new(AtomicU64::new(0));
    let mut publishers = JoinSet::<anyhow::Result<()>>::new();
    for _ in 0..8 {
        let mut publisher = Publisher::connect(server.address).await?;
        let accepted = Arc::clone(&accepted);
        publishers.spawn(async move {
            let requests = [request("/load", 0, FILLING)];
            loop {
                publisher.publish(&requests).await?;
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let rate = rate_of(&accepted, time).await;
    if let Some(failed) = publishers.try_join_next() {
        failed??;
    }
    Ok(rate)
}

async fn latency(server: &Server, time: Duration) -> anyhow::Result<Vec<Figure>> {
    let mut streams = Streams::new(true);
    streams.open(server.address, paths(1_000)).await?;
    steady(server, &streams, WARM_UP, FILLING).await?;
    streams.heard.take_latencies();
    steady(server, &streams, time, FILLING).await?;
    let latencies = streams.heard.take_latencies();
    Ok(vec![
        Figure {
            what: "1,000 streams, 20 events a second: p50",
            unit: "ms",
            value: quantile(&latencies, 50),
        },
        Figure {
            what: "1,000 streams, 20 events a second: p99",
            unit: "ms",
            value: quantile(&latencies, 99),
        },
    ])
}

/// Publishes 20 events a second, and waits until all have come.
async fn steady(
    server: &Server,
    streams: &Streams,
    time: Duration,
    filling: usize,
) -> anyhow::Result<()> {
    let mut publisher = Publisher::connect(server.address).await?;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let opened = streams.heard.opened.load(Ordering::Relaxed);
    let mut sent = streams.heard.events.load(Ordering::Relaxed);
    let start = Instant::now();
    while start.elapsed() < time {
        ticks.tick().await;
        let request = request("/load", streams.heard.now(), filling);
        publisher.publish(&[request]).await?;
        sent += opened;
    }
    // What is late counts most, and comes last.
    let all = timeout(LATE_MAX, streams.until_behind(sent, 0));
    if all.await.is_err() {
        eprintln!("  not all events have come {} s later", LATE_MAX.as_secs());
    }
    Ok(())
}

/// Of sorted microseconds, in milliseconds.
fn quantile(sorted: &[u64], percent: usize) -> f64 {
    let place = sorted.len() * percent / 100;
    let found = sorted.get(place.min(sorted.len().saturating_sub(1)));
    found.map_or(f64::NAN, |found| {
        Duration::from_micros(*found).as_secs_f64() * 1e3
    })
}

async fn topics(server: &Server, time: Duration) -> anyhow::Result<Vec<Figure>> {
    const TOPICS: u64 = 1_000;
    const TOGETHER: usize = 50;
    let mut streams = Streams::new(false);
    let path = |number| format!("/topic{number}");
    streams.open(server.address, (0..TOPICS).map(path)).await?;
    let mut publisher = Publisher::connect(server.address).await?;
    let requests: Vec<_> = (0..TOPICS)
        .map(|number| request(&path(number), 0, FILLING))
        .collect();
    let publish = async {
        let mut sent = 0;
        for requests in requests.chunks(TOGETHER).cycle() {
            publisher.publish(requests).await?;
            sent += u64::try_from(requests.len())?;
            streams.until_behind(sent, 2 * TOPICS).await;
        }
        Ok(())
    };
    let value = tokio::select! {
        failed = publish => { let failed: anyhow::Result<()> = failed; failed?; unreachable!("it goes on") }
        rate = rate_of(&streams.heard.events, time) => rate,
    };
    Ok(vec![Figure {
        what: "1,000 topics, a stream each: deliveries",
        unit: "1/s",
        value,
    }])
}

/// Beside the same number of streams that read, for they take their share of the machine as well.
async fn stalled(server: &Server, time: Duration) -> anyhow::Result<Vec<Figure>> {
    const LETTERS: usize = 45_000;
    const OTHERS: u32 = 100;
    let mut streams = Streams::new(true);
    streams.open(server.address, paths(20)).await?;
    let mut readers = Streams::new(false);
    readers.open(server.address, paths(OTHERS)).await?;
    steady(server, &streams, time, LETTERS).await?;
    let beside_readers = streams.heard.take_latencies();
    drop(readers);
    let mut stalled = Vec::new();
    for _ in 0..OTHERS {
        stalled.push(open(server.address, "/load", Some(4096)).await?);
    }
    // Long enough for their buffers to fill, several times.
    steady(server, &streams, 3 * time, LETTERS).await?;
    let beside_stalled = streams.heard.take_latencies();
    drop(stalled);
    Ok(vec![
        Figure {
            what: "20 streams, 45 kB, beside 100 that read: p99",
            unit: "ms",
            value: quantile(&beside_readers, 99),
        },
        Figure {
            what: "20 streams, 45 kB, beside 100 that do not: p99",
            unit: "ms",
            value: quantile(&beside_stalled, 99),
        },
    ])
}

async fn idle(server: &Server, time: Duration) -> anyhow::Result<Vec<Figure>> {
    // Two periods of signs of life, at least.
    let time = time.max(Duration::from_secs(10));
    let before = server.memory()?;
    let mut streams = Streams::new(false);
    streams.open(server.address, paths(10_000)).await?;
    sleep(WARM_UP).await;
    let memory = (server.memory()? - before) / 10_000.0;
    let (cpu, start) = (server.cpu_seconds()?, Instant::now());
    sleep(time).await;
    let cpu = (server.cpu_seconds()? - cpu) / start.elapsed().as_secs_f64();
    eprintln!("  and 8,000 more ..");
    streams.open(server.address, paths(8_000)).await?;
    sleep(time).await;
    let ended = streams.heard.ended.load(Ordering::Relaxed);
    let opened = streams.heard.opened.load(Ordering::Relaxed);
    Ok(vec![
        Figure {
            what: "10,000 idle streams: memory of each",
            unit: "KiB",
            value: memory,
        },
        Figure {
            what: "10,000 idle streams: CPU",
            unit: "% of a core",
            value: cpu * 100.0,
        },
        Figure {
            what: "streams held, of 18,000",
            unit: "streams",
            value: rate(opened - ended, Duration::from_secs(1)),
        },
    ])
}
