//! What fails is tried again, as often and as long as was said, in its place; then it is a dead letter that says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Bus, CloseOutcome, DeadLetter, DeadReason, Jitter, MarkPermanent, Permanent, Retry, Signal,
    StartError, inject, permanent, publisher, subscriber,
};
use tokio::time::Instant;

use crate::ledger::assert_adds_up;

/// What handlers saw, each line with the time since the beginning.
#[derive(Debug)]
struct Seen {
    begun: Instant,
    lines: Mutex<Vec<(Duration, String)>>,
}

impl Seen {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            lines: Mutex::default(),
        })
    }

    fn note(&self, what: impl Into<String>) {
        let line = (self.begun.elapsed(), what.into());
        self.lines.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(_, line)| line.clone()).collect()
    }

    fn times(&self) -> Vec<u128> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(at, _)| at.as_millis()).collect()
    }
}

/// Describes a bus of what stands in a module below this one.
fn bus(module: &str, seen: &Arc<Seen>) -> Bus {
    let module = format!("{}::{module}", module_path!());
    let bus = Bus::new().within(&module).on_error(|_, _| {});
    bus.provide_arc(Arc::clone(seen))
}

mod mended {
    use super::*;

    #[subscriber("retry.mended", retry(attempts = 3))]
    pub(super) async fn store(order: Signal<String>, #[inject] seen: &Seen) -> anyhow::Result<()> {
        seen.note(format!("{} {}", *order, order.attempt()));
        anyhow::ensure!(3 <= order.attempt(), "the store is away");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_retried_until_it_is_mended() -> anyhow::Result<()> {
    let seen = Seen::new();
    let bus = bus("mended", &seen)
        .on_error(|_, _| panic!("nothing has failed for good"))
        .start()
        .await?;
    bus.publish("retry.mended", "tea".to_owned()).await?;
    let stats = bus.close().await?.stats;
    assert_eq!(seen.lines(), ["tea 1", "tea 2", "tea 3"]);
    assert_eq!((stats.total.done, stats.total.dead), (1, 0));
    assert_eq!((stats.retries, stats.failures), (2, 0));
    assert_adds_up(&stats);
    Ok(())
}

mod hopeless {
    use super::*;

    #[subscriber("retry.hopeless", retry(attempts = 4, jitter = none, cap = "300ms"))]
    pub(super) async fn store(order: u32, #[inject] seen: &Seen) -> anyhow::Result<()> {
        seen.note("tried");
        anyhow::bail!("no room for {order}")
    }
}

mod letters {
    use super::*;

    #[subscriber("$bus.dead")]
    pub(super) async fn bury(letter: &DeadLetter, #[inject] letters: &Letters) {
        letters.0.lock().unwrap().push(letter.clone());
    }

    #[derive(Default)]
    pub(super) struct Letters(Mutex<Vec<DeadLetter>>);

    impl Letters {
        pub(super) fn verdicts(&self) -> Vec<(u32, DeadReason)> {
            let letters = self.0.lock().unwrap();
            let verdict = |letter: &DeadLetter| (letter.attempts(), letter.reason());
            letters.iter().map(verdict).collect()
        }

        pub(super) fn texts(&self) -> Vec<String> {
            let letters = self.0.lock().unwrap();
            letters.iter().map(ToString::to_string).collect()
        }
    }
}

/// The bus of a module, with a subscriber that collects dead letters.
fn bus_with_letters(module: &str, seen: &Arc<Seen>) -> (Bus, Arc<letters::Letters>) {
    let letters = Arc::<letters::Letters>::default();
    let bus = bus(module, seen).with::<letters::bury>();
    (bus.provide_arc(Arc::clone(&letters)), letters)
}

#[tokio::test(start_paused = true)]
async fn what_fails_each_time_is_one_dead_letter_and_told_of_once() -> anyhow::Result<()> {
    let seen = Seen::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let (bus, letters) = bus_with_letters("hopeless", &seen);
    let bus = bus.on_error(move |_, error| hears.lock().unwrap().push(error.to_string()));
    let bus = bus.start().await?;
    bus.publish("retry.hopeless", 7_u32).await?;
    let stats = bus.close().await?.stats;
    assert_eq!(
        seen.times(),
        [0, 100, 300, 600],
        "100, 200, and at most 300 ms"
    );
    assert_eq!(letters.verdicts(), [(4, DeadReason::Exhausted)]);
    let text = letters.texts().remove(0);
    let expected = "no room for 7 (4 attempts: there are no attempts left)";
    assert!(
        text.contains("::hopeless::store (tests/behaviour/retries.rs:"),
        "{text}"
    );
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(*told.lock().unwrap(), ["no room for 7"]);
    assert_eq!((stats.retries, stats.failures), (3, 1));
    assert_adds_up(&stats);
    Ok(())
}

mod kinds {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    pub(super) enum StoreError {
        #[error("the store is away")]
        Away,
        #[error("the order is wrong")]
        Wrong(#[from] Permanent),
    }

    #[subscriber("retry.kinds", retry(attempts = 2))]
    pub(super) async fn plain_error(kind: &str, #[inject] seen: &Seen) -> Result<(), StoreError> {
        seen.note(format!("plain {kind}"));
        kind.parse::<u32>().permanent()?;
        Err(StoreError::Away)
    }

    #[subscriber("retry.kinds", retry(attempts = 2))]
    pub(super) async fn any_error(kind: &str, #[inject] seen: &Seen) -> anyhow::Result<()> {
        seen.note(format!("any {kind}"));
        if kind == "wrong" {
            return Err(permanent(anyhow::anyhow!("it is wrong")).into());
        }
        anyhow::bail!("the store is away")
    }
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_not_retried() -> anyhow::Result<()> {
    let seen = Seen::new();
    let (bus, letters) = bus_with_letters("kinds", &seen);
    let bus = bus.start().await?;
    for kind in ["wrong", "7"] {
        bus.publish("retry.kinds", kind.to_owned()).await?;
        bus.settled().await;
    }
    bus.close().await?;
    let mut lines = seen.lines();
    lines.sort();
    let expected = [
        "any 7",
        "any 7",
        "any wrong",
        "plain 7",
        "plain 7",
        "plain wrong",
    ];
    assert_eq!(lines, expected);
    let verdicts = letters.verdicts();
    assert_eq!(verdicts[..2], [(1, DeadReason::Permanent); 2]);
    assert_eq!(verdicts[2..], [(2, DeadReason::Exhausted); 2]);
    let marked = &letters.texts()[..2];
    let words = "(attempt 1: another attempt cannot mend it)";
    assert!(
        marked.iter().all(|text| text.ends_with(words)),
        "{marked:?}"
    );
    Ok(())
}

mod counted {
    use super::*;

    /// How many signals of each subscriber took so many attempts.
    #[derive(Debug, Default)]
    pub(super) struct Attempts(Mutex<BTreeMap<(&'static str, u32), u32>>);

    impl Attempts {
        fn count(&self, what: &'static str, attempts: u32) {
            *self.0.lock().unwrap().entry((what, attempts)).or_default() += 1;
        }

        pub(super) fn counts(&self) -> Vec<((&'static str, u32), u32)> {
            self.0.lock().unwrap().clone().into_iter().collect()
        }
    }

    #[subscriber("retry.counted", retry(attempts = 5))]
    pub(super) async fn always(number: u32) -> anyhow::Result<()> {
        anyhow::bail!("no room for {number}")
    }

    /// Fails with one in three, and once.
    #[subscriber("retry.counted", retry(attempts = 5))]
    pub(super) async fn at_times(
        number: Signal<u32>,
        #[inject] attempts: &Attempts,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(*number % 3 != 0 || number.attempt() == 2, "not now");
        attempts.count("at times", number.attempt());
        Ok(())
    }

    #[subscriber("retry.counted", retry(attempts = 5))]
    pub(super) async fn for_good(number: u32) -> anyhow::Result<()> {
        Err(permanent(anyhow::anyhow!("{number} is wrong")).into())
    }

    #[subscriber("$bus.dead")]
    pub(super) async fn bury(letter: &DeadLetter, #[inject] attempts: &Attempts) {
        let function = letter.at().site.function;
        attempts.count(function, letter.attempts());
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_takes_as_many_attempts_as_its_policy_says() -> anyhow::Result<()> {
    let attempts = Arc::new(counted::Attempts::default());
    let bus = Bus::new().within(concat!(module_path!(), "::counted"));
    let bus = bus.on_error(|_, _| {}).provide_arc(Arc::clone(&attempts));
    let bus = bus.start().await?;
    for number in 0..300_u32 {
        bus.publish("retry.counted", number).await?;
    }
    bus.settled().await;
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    let counts = attempts.counts();
    println!("attempts of 300 signals each: {counts:?}");
    let expected = [
        (("always", 5), 300),
        (("at times", 1), 200),
        (("at times", 2), 100),
        (("for_good", 1), 300),
    ];
    assert_eq!(counts, expected);
    assert_eq!((stats.failures, stats.retries), (600, 4 * 300 + 100));
    Ok(())
}

mod rough {
    use super::*;

    async fn ends_roughly(how: &str) {
        match how {
            "panic" => panic!("as asked"),
            _ => std::future::pending().await,
        }
    }

    #[subscriber("retry.rough", timeout = "1s", retry(attempts = 2))]
    pub(super) async fn only_errors(how: &str, #[inject] seen: &Seen) {
        seen.note(format!("only errors {how}"));
        ends_roughly(how).await;
    }

    #[subscriber("retry.rough", timeout = "1s", retry(attempts = 2, panics, timeouts))]
    pub(super) async fn everything(how: &str, #[inject] seen: &Seen) {
        seen.note(format!("everything {how}"));
        ends_roughly(how).await;
    }
}

#[tokio::test(start_paused = true)]
async fn panics_and_timeouts_are_retried_only_where_that_is_said() -> anyhow::Result<()> {
    let seen = Seen::new();
    let (bus, letters) = bus_with_letters("rough", &seen);
    let bus = bus.start().await?;
    for how in ["panic", "hang"] {
        bus.publish("retry.rough", how.to_owned()).await?;
    }
    bus.close().await?;
    let mut lines = seen.lines();
    lines.sort();
    let expected = [
        "everything hang",
        "everything hang",
        "everything panic",
        "everything panic",
    ];
    assert_eq!(lines[..4], expected);
    assert_eq!(lines[4..], ["only errors hang", "only errors panic"]);
    let mut verdicts = letters.verdicts();
    verdicts.sort_by_key(|(attempts, _)| *attempts);
    assert_eq!(verdicts[..2], [(1, DeadReason::NotRetried); 2]);
    assert_eq!(verdicts[2..], [(2, DeadReason::Exhausted); 2]);
    Ok(())
}

mod ordered {
    use super::*;

    fn fails_first(number: &Signal<u32>, seen: &Seen) -> anyhow::Result<()> {
        anyhow::ensure!(**number % 2 == 0 || number.attempt() == 2, "not at first");
        seen.note(number.to_string());
        Ok(())
    }

    #[subscriber("retry.serial", retry, capacity = 2)]
    pub(super) async fn one_by_one(
        number: &Signal<u32>,
        #[inject] seen: &Seen,
    ) -> anyhow::Result<()> {
        fails_first(number, seen)
    }

    #[subscriber(
        "retry.keyed",
        concurrency = 2,
        key = |number: &u32| number / 10,
        retry(base = "1s", jitter = none)
    )]
    pub(super) async fn key_by_key(
        number: &Signal<u32>,
        #[inject] seen: &Seen,
    ) -> anyhow::Result<()> {
        fails_first(number, seen)
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_in_place_keeps_the_order_and_the_room() -> anyhow::Result<()> {
    let seen = Seen::new();
    let bus = bus("ordered", &seen).start().await?;
    bus.publish("retry.serial", 1_u32).await?;
    bus.publish("retry.serial", 2_u32).await?;
    while bus.stats().retries == 0 {
        assert_eq!(bus.stats().total.outstanding, 2);
        let refused = bus.try_publish("retry.serial", 3_u32);
        assert!(
            refused.is_err(),
            "one waits for its retry, and one for that"
        );
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    for number in 3..=5_u32 {
        bus.publish("retry.serial", number).await?;
    }
    assert_adds_up(&bus.close().await?.stats);
    assert_eq!(seen.lines(), ["1", "2", "3", "4", "5"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_retry_keeps_the_order_of_its_key_and_lets_others_pass() -> anyhow::Result<()> {
    let seen = Seen::new();
    let bus = bus("ordered", &seen).start().await?;
    for number in [11_u32, 12, 20, 22] {
        bus.publish("retry.keyed", number).await?;
    }
    bus.close().await?;
    assert_eq!(seen.lines(), ["20", "22", "11", "12"]);
    Ok(())
}

mod bounded {
    use super::*;

    #[subscriber("retry.bounded", retry(attempts = 100, base = "1s", factor = 1, jitter = none, budget = "5s"))]
    pub(super) async fn store(_order: u32, #[inject] seen: &Seen) -> anyhow::Result<()> {
        seen.note("tried");
        tokio::time::sleep(Duration::from_millis(500)).await;
        anyhow::bail!("the store is away")
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_budget() -> anyhow::Result<()> {
    let seen = Seen::new();
    let (bus, letters) = bus_with_letters("bounded", &seen);
    let bus = bus.start().await?;
    bus.publish("retry.bounded", 7_u32).await?;
    bus.settled().await;
    assert_eq!(seen.times(), [0, 1500, 3000, 4500]);
    assert_eq!(letters.verdicts(), [(4, DeadReason::OutOfTime)]);
    bus.close().await?;
    Ok(())
}

mod patient {
    use super::*;

    #[subscriber("retry.patient", retry(base = "20s", jitter = none))]
    pub(super) async fn store(order: Signal<u32>, #[inject] seen: &Seen) -> anyhow::Result<()> {
        seen.note(format!("{} {}", *order, order.attempt()));
        anyhow::ensure!(*order == 1 && order.attempt() == 2, "the store is away");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_no_attempt_that_would_come_too_late() -> anyhow::Result<()> {
    let seen = Seen::new();
    let (bus, letters) = bus_with_letters("patient", &seen);
    let bus = bus.close_timeout(Duration::from_secs(30)).start().await?;
    bus.publish("retry.patient", 1_u32).await?;
    bus.publish("retry.patient", 2_u32).await?;
    let begun = Instant::now();
    let report = bus.close().await?;
    // The first is mended 20 s later; the second would be tried again after 40 s.
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_eq!(seen.lines(), ["1 1", "1 2", "2 1"]);
    assert_eq!(letters.verdicts(), [(1, DeadReason::Closing)]);
    let text = letters.texts().remove(0);
    assert!(text.contains("the bus is closing"), "{text}");
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_has_begun_ends_when_the_close_cannot_wait_for_it() -> anyhow::Result<()> {
    let seen = Seen::new();
    let (bus, letters) = bus_with_letters("patient", &seen);
    let bus = bus.close_timeout(Duration::from_secs(10)).start().await?;
    bus.publish("retry.patient", 1_u32).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let begun = Instant::now();
    let report = bus.close().await?;
    assert_eq!(begun.elapsed().as_secs(), 0);
    assert_eq!(letters.verdicts(), [(1, DeadReason::Closing)]);
    assert_eq!(
        (report.stats.total.dead, report.stats.total.abandoned),
        (1, 0)
    );
    Ok(())
}

mod shapes {
    use super::*;

    #[subscriber("retry.stage", retry)]
    #[publisher("retry.stage.out")]
    pub(super) async fn stage(number: Signal<u32>) -> anyhow::Result<u32> {
        anyhow::ensure!(number.attempt() == 2, "not at first");
        Ok(*number * 10)
    }

    #[subscriber("retry.stage.out")]
    pub(super) async fn after(number: Signal<u32>, #[inject] seen: &Seen) {
        assert_eq!(number.attempt(), 1, "it is a new signal");
        seen.note(format!("stage {}", *number));
    }

    #[subscriber("retry.blocking", blocking, retry)]
    pub(super) fn block(number: &Signal<u32>, #[inject] seen: &Seen) -> anyhow::Result<()> {
        anyhow::ensure!(number.attempt() == 3, "not at first");
        seen.note(format!("blocking {}", **number));
        Ok(())
    }

    #[subscriber("retry.batch", batch = 3, within = "1s", retry(attempts = 2))]
    pub(super) async fn batch(
        numbers: Vec<Signal<u32>>,
        #[inject] seen: &Seen,
    ) -> anyhow::Result<()> {
        let attempt = numbers[0].attempt();
        let all: Vec<_> = numbers.iter().map(|number| **number).collect();
        seen.note(format!("batch {all:?} {attempt}"));
        anyhow::bail!("never")
    }
}

#[tokio::test(start_paused = true)]
async fn stages_blocking_functions_and_batches_are_retried_as_well() -> anyhow::Result<()> {
    let seen = Seen::new();
    let (bus, letters) = bus_with_letters("shapes", &seen);
    let bus = bus.start().await?;
    bus.publish("retry.stage", 1_u32).await?;
    bus.settled().await;
    bus.publish("retry.blocking", 2_u32).await?;
    bus.settled().await;
    for number in [3_u32, 4, 5] {
        bus.publish("retry.batch", number).await?;
    }
    assert_adds_up(&bus.close().await?.stats);
    let expected = [
        "stage 10",
        "blocking 2",
        "batch [3, 4, 5] 1",
        "batch [3, 4, 5] 2",
    ];
    assert_eq!(seen.lines(), expected);
    assert_eq!(letters.verdicts(), [(2, DeadReason::Exhausted); 3]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_listener_retries_as_it_was_told() -> anyhow::Result<()> {
    let seen = Seen::new();
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    let retry = Retry::new().attempts(3).jitter(Jitter::None);
    let inside = Arc::clone(&seen);
    let listener = bus.subscription::<u32>("retry.listened").retry(retry);
    let listener = listener.listen(move |number: Signal<u32>| {
        inside.note(number.attempt().to_string());
        Err::<(), _>(anyhow::anyhow!("never"))
    })?;
    bus.publish("retry.listened", 7_u32).await?;
    listener.close().await?;
    assert_eq!(seen.lines(), ["1", "2", "3"]);
    assert_eq!(seen.times(), [0, 100, 300]);
    assert_eq!(bus.close().await?.stats.total.dead, 1);
    Ok(())
}

#[tokio::test]
#[should_panic(expected = "`retry` has at least one attempt, and this one has `attempts = 0`")]
async fn a_listener_has_at_least_one_attempt() {
    let bus = Bus::empty().start().await.unwrap();
    let options = bus.subscription::<u32>("retry.never");
    drop(options.retry(Retry::new().attempts(0)));
}

mod faulty {
    use super::*;

    const NEVER: u32 = 0;
    const SHRINKING: f64 = 0.5;

    #[subscriber("retry.faulty", retry(attempts = NEVER))]
    pub(super) async fn never(_number: u32) {}

    #[subscriber("retry.faulty", retry(factor = SHRINKING))]
    pub(super) async fn shrinking(_number: u32) {}
}

#[test]
fn a_retry_that_cannot_be_meant_is_refused_before_the_start() {
    let bus = Bus::empty()
        .with::<faulty::never>()
        .with::<faulty::shrinking>();
    let StartError { findings, .. } = bus.check().unwrap_err();
    let messages: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(
        messages
            .iter()
            .any(|text| text.contains("has `attempts = 0`")),
        "{messages:?}"
    );
    assert!(
        messages
            .iter()
            .any(|text| text.contains("has `factor = 0.5`")),
        "{messages:?}"
    );
}
