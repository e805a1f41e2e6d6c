//! One at a time and in order, unless the subscriber says otherwise.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, inject, publisher, subscriber};
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug)]
struct Job {
    key: u32,
    number: u32,
}

#[derive(Debug, Default)]
struct Work(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: usize,
    most: usize,
    running_by_key: HashMap<u32, usize>,
    done: Vec<(u32, u32)>,
}

impl Work {
    async fn work(&self, job: &Job, key_is_exclusive: bool) {
        {
            let mut state = self.0.lock().unwrap();
            state.running += 1;
            state.most = state.most.max(state.running);
            let of_key = state.running_by_key.entry(job.key).or_default();
            *of_key += 1;
            assert!(
                !key_is_exclusive || *of_key == 1,
                "two signals of key {}",
                job.key
            );
        }
        // Later signals would overtake earlier ones, if they could.
        sleep(Duration::from_millis(u64::from(100 - job.number % 100))).await;
        let mut state = self.0.lock().unwrap();
        state.running -= 1;
        *state.running_by_key.entry(job.key).or_default() -= 1;
        state.done.push((job.key, job.number));
    }
}

#[publisher("jobs")]
async fn order(key: u32, number: u32) -> Job {
    Job { key, number }
}

#[subscriber("jobs")]
async fn one_at_a_time(job: &Job, #[inject] work: &Work) {
    work.work(job, true).await;
}

#[subscriber("jobs", concurrency = 4)]
async fn four_at_a_time(job: &Job, #[inject] work: &Work) {
    work.work(job, false).await;
}

#[subscriber("jobs", concurrency = unbounded)]
async fn all_at_once(job: &Job, #[inject] work: &Work) {
    work.work(job, false).await;
}

#[subscriber("jobs", concurrency = 4, key = |job: &Job| job.key)]
async fn in_order_by_key(job: &Job, #[inject] work: &Work) {
    work.work(job, true).await;
}

#[subscriber("jobs", filter = |job: &Job| job.key == 3)]
async fn only_key_three(job: &Job, #[inject] work: &Work) {
    work.work(job, true).await;
}

/// Runs one subscriber with 40 jobs of 8 keys; how long it took in paused time, and what it did.
async fn run(bus: Bus) -> anyhow::Result<(Duration, State)> {
    let work = Arc::new(Work::default());
    let begun = Instant::now();
    bus.provide_arc(Arc::clone(&work))
        .run(async {
            for number in 0..40 {
                order(number % 8, number).await;
            }
        })
        .await?;
    let state = std::mem::take(&mut *work.0.lock().unwrap());
    Ok((begun.elapsed(), state))
}

#[tokio::test(start_paused = true)]
async fn by_default_signals_are_handled_one_at_a_time_in_order() -> anyhow::Result<()> {
    let (_, state) = run(Bus::empty().with::<one_at_a_time>()).await?;
    assert_eq!(state.most, 1);
    assert!(state.done.is_sorted_by_key(|(_, number)| *number));
    assert_eq!(state.done.len(), 40);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn concurrency_handles_that_many_at_once() -> anyhow::Result<()> {
    let (_, state) = run(Bus::empty().with::<four_at_a_time>()).await?;
    assert_eq!((state.most, state.done.len()), (4, 40));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn unbounded_concurrency_begins_each_at_once() -> anyhow::Result<()> {
    let (elapsed, state) = run(Bus::empty().with::<all_at_once>()).await?;
    assert_eq!((state.most, state.done.len()), (40, 40));
    assert_eq!(elapsed.as_millis(), 100, "as long as the longest");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn signals_of_one_key_are_handled_in_order() -> anyhow::Result<()> {
    let (_, state) = run(Bus::empty().with::<in_order_by_key>()).await?;
    assert_eq!((state.most, state.done.len()), (4, 40));
    let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, number) in state.done {
        by_key.entry(key).or_default().push(number);
    }
    for (key, numbers) in by_key {
        assert!(numbers.is_sorted(), "key {key}: {numbers:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_filter_takes_what_it_wants_and_counts_nothing_else() -> anyhow::Result<()> {
    let work = Arc::new(Work::default());
    let bus = Bus::empty()
        .with::<only_key_three>()
        .provide_arc(Arc::clone(&work));
    let bus = bus.start().await?;
    for number in 0..40 {
        order(number % 8, number).await;
    }
    let report = bus.close().await?;
    assert_eq!(report.stats.total.accepted, 5);
    assert!(work.0.lock().unwrap().done.iter().all(|(key, _)| *key == 3));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn concurrent_handlers_never_hold_more_than_the_capacity() -> anyhow::Result<()> {
    let work = Arc::new(Work::default());
    let bus = Bus::empty()
        .with::<all_at_once>()
        .provide_arc(Arc::clone(&work));
    let bus = bus.capacity(5).start().await?;
    for number in 0..40 {
        order(0, number).await;
        assert!(bus.stats().total.outstanding <= 5);
    }
    bus.close().await?;
    assert_eq!(work.0.lock().unwrap().most, 5);
    Ok(())
}
