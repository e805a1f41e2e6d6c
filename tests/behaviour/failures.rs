//! A handler's error or panic touches that signal only, and is told of: function, file, line, topic, signal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, CloseOutcome, DeadLetter, inject, publisher, subscriber};

use crate::ledger::assert_adds_up;

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<String>>);

impl Seen {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[publisher("failures")]
async fn publish(number: u32) -> u32 {
    number
}

#[subscriber("failures")]
async fn fails_sometimes(number: u32, #[inject] seen: &Seen) -> anyhow::Result<()> {
    anyhow::ensure!(number % 3 != 0, "{number} is a multiple of three");
    seen.note(format!("fails {number}"));
    Ok(())
}

#[subscriber("failures")]
async fn panics_sometimes(number: u32, #[inject] seen: &Seen) {
    assert!(number % 4 != 0, "{number} is a multiple of four");
    seen.note(format!("panics {number}"));
}

#[subscriber("failures", timeout = "1s")]
async fn hangs_sometimes(number: u32, #[inject] seen: &Seen) {
    if number % 5 == 0 {
        std::future::pending::<()>().await;
    }
    seen.note(format!("hangs {number}"));
}

#[subscriber("$bus.dead")]
async fn bury(letter: &DeadLetter, #[inject] seen: &Seen) {
    let number = letter
        .signal()
        .downcast_ref::<u32>()
        .expect("failures carries u32");
    seen.note(format!("dead {number} in {}", letter.at().site.function));
}

#[tokio::test(start_paused = true)]
async fn the_other_signals_are_handled_and_the_report_names_the_place() -> anyhow::Result<()> {
    let (seen, errors) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let told = Arc::clone(&errors);
    let bus = Bus::empty()
        .with::<fails_sometimes>()
        .with::<panics_sometimes>()
        .with::<hangs_sometimes>()
        .with::<bury>()
        .provide_arc(Arc::clone(&seen))
        .on_error(move |at, error| told.note(format!("{at}: {error}")));
    let bus = bus.start().await?;
    for number in 1..=60 {
        publish(number).await;
    }
    let report = bus.close().await?;

    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_adds_up(&report.stats);
    println!("error, panic, timeout: {}", report.stats.total);
    assert_eq!(report.stats.total.dead, 20 + 15 + 12);
    assert_eq!(report.stats.failures, 47);
    let seen = seen.take();
    for (word, count) in [("fails", 40), ("panics", 45), ("hangs", 48), ("dead", 47)] {
        let noted = seen.iter().filter(|line| line.starts_with(word)).count();
        assert_eq!(noted, count, "{word}");
    }
    let errors = errors.take();
    assert_eq!(errors.len(), 47, "`on_error` is called once per failure");
    for (function, text) in [
        ("fails_sometimes", "3 is a multiple of three"),
        ("panics_sometimes", "panicked: 4 is a multiple of four"),
        ("hangs_sometimes", "timed out after 1s"),
    ] {
        let error = errors
            .iter()
            .find(|error| error.contains(text))
            .expect(text);
        let place = format!("behaviour::failures::{function} (tests/behaviour/failures.rs:");
        assert!(error.starts_with(&place), "{error}");
        assert!(error.contains(") on `failures` #"), "{error}");
        let report = report.to_string();
        assert!(report.contains(&place) && report.contains(text), "{report}");
    }
    Ok(())
}

#[derive(Clone, Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the bomb went off");
        }
    }
}

mod bombs {
    use super::{Bomb, subscriber};

    #[subscriber("bombs")]
    pub(super) async fn drops_late(_bomb: Arc<Bomb>) {}

    #[subscriber("bombs.value")]
    pub(super) async fn panics_with_a_bomb(_number: u32) {
        std::panic::panic_any(Bomb);
    }

    #[subscriber("bombs.future")]
    pub(super) async fn holds_a_bomb_while_it_ends(_number: u32) {
        let _bomb = Bomb;
        tokio::task::yield_now().await;
    }

    #[subscriber("bombs.future")]
    pub(super) async fn survives(_number: u32) {}

    use std::sync::Arc;
}

#[tokio::test(start_paused = true)]
async fn values_and_futures_that_panic_in_drop_stop_nothing() -> anyhow::Result<()> {
    let bus = Bus::new()
        .within(concat!(module_path!(), "::bombs"))
        .on_error(|_, _| {});
    let bus = bus.close_timeout(Duration::from_secs(1)).start().await?;
    for number in 0..3_u32 {
        bus.publish("bombs", Bomb).await?;
        bus.publish("bombs.value", number).await?;
        bus.publish("bombs.future", number).await?;
    }
    let report = bus.close().await?;
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_adds_up(&report.stats);
    assert_eq!(report.stats.total.outstanding, 0);
    println!("bombs: {}", report.stats.total);
    assert_eq!(report.stats.total.accepted, 12);
    let mut subscriptions = report.stats.subscriptions.iter();
    let survivor = subscriptions.find(|one| one.site.function == "survives");
    assert_eq!(survivor.unwrap().tally.done, 3);
    Ok(())
}

#[tokio::test]
async fn an_on_error_that_panics_stops_nothing() -> anyhow::Result<()> {
    let seen = Arc::new(Seen::default());
    let bus = Bus::empty()
        .with::<fails_sometimes>()
        .provide_arc(Arc::clone(&seen))
        .on_error(|_, _| panic!("even this"));
    bus.run(async {
        for number in [3, 6, 7] {
            publish(number).await;
        }
    })
    .await?;
    assert_eq!(seen.take(), ["fails 7"]);
    Ok(())
}

mod overwhelmed {
    use super::*;

    #[subscriber("overwhelmed")]
    pub(super) async fn fail(number: u32) -> anyhow::Result<()> {
        anyhow::bail!("{number}")
    }

    /// Slower than the letters come: the oldest that wait have to go, and nobody waits for it.
    #[subscriber("$bus.dead", capacity = 3)]
    pub(super) async fn bury(letter: &DeadLetter, #[inject] seen: &Seen) -> anyhow::Result<()> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seen.note(letter.failure().to_string());
        anyhow::bail!("a letter about a letter would never end")
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_make_nobody_wait_and_make_no_dead_letters() -> anyhow::Result<()> {
    let seen = Arc::new(Seen::default());
    let bus = Bus::new()
        .within(concat!(module_path!(), "::overwhelmed"))
        .on_error(|_, _| {});
    let bus = bus.provide_arc(Arc::clone(&seen)).start().await?;
    for number in 0..10_u32 {
        bus.publish("overwhelmed", number).await?;
    }
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let tally = |function| {
        let mut subscriptions = report.stats.subscriptions.iter();
        subscriptions
            .find(|one| one.site.function == function)
            .unwrap()
            .tally
    };
    assert_eq!((tally("fail").dead, tally("bury").accepted), (10, 10));
    let seen = seen.take();
    assert_eq!(tally("bury").dropped, 10 - seen.len() as u64);
    assert!(
        seen.len() <= 4 && seen.ends_with(&["8".into(), "9".into()]),
        "{seen:?}"
    );
    Ok(())
}
