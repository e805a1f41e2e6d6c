//! Whatever a panic carries and wherever it happens: one dead letter, and the next signal is handled.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use signal_bus::{Bus, CloseOutcome, CloseReport, DeadLetter, Signal, inject, subscriber};

use crate::ledger::assert_adds_up;

/// Signals of which each second one panics.
const SIGNALS: u32 = 20;

fn is_bad(number: u32) -> bool {
    number % 2 == 0
}

mod payloads {
    use super::{is_bad, panic_any, subscriber};

    #[subscriber("panics.payload")]
    async fn text(number: u32) {
        if is_bad(number) {
            panic!("a text");
        }
    }

    #[subscriber("panics.payload")]
    async fn formatted(number: u32) {
        assert!(!is_bad(number), "{number} is formatted");
    }

    #[subscriber("panics.payload")]
    async fn any(number: u32) {
        if is_bad(number) {
            panic_any(number);
        }
    }

    #[subscriber("panics.payload")]
    async fn later(number: u32) {
        tokio::task::yield_now().await;
        assert!(!is_bad(number), "after a wait");
    }

    #[subscriber("panics.payload", blocking)]
    fn blocking(number: u32) {
        assert!(!is_bad(number), "on another thread");
    }

    /// A panic before there is a future.
    #[subscriber("panics.payload")]
    fn plain(number: u32) {
        assert!(!is_bad(number), "in a plain function");
    }
}

/// Publishes to the functions of a module, of whom nobody rests, and closes.
async fn run(module: &str, topic: &str) -> anyhow::Result<CloseReport> {
    let bus = Bus::new().within(&format!("{}::{module}", module_path!()));
    let bus = bus.panic_limit(usize::MAX, std::time::Duration::ZERO);
    let bus = bus.provide(AtomicU32::new(0)).on_error(|_, _| {});
    let bus = bus.start().await?;
    for number in 0..SIGNALS {
        bus.publish(topic, number).await?;
    }
    let report = bus.close().await?;
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_adds_up(&report.stats);
    println!("{module}: {}", report.stats.total);
    Ok(report)
}

/// Each subscription has failed with every second signal, and done the others.
#[track_caller]
fn assert_half_are_dead(report: &CloseReport, subscriptions: usize) {
    let half = u64::from(SIGNALS / 2);
    assert_eq!(report.stats.subscriptions.len(), subscriptions);
    for one in &report.stats.subscriptions {
        assert_eq!(
            (one.tally.done, one.tally.dead),
            (half, half),
            "{}",
            one.site
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_panic_carries_it_is_one_dead_letter() -> anyhow::Result<()> {
    let report = run("payloads", "panics.payload").await?;
    assert_half_are_dead(&report, 6);
    let told = report.failures.iter().map(|failure| failure.error.as_str());
    let told: std::collections::BTreeSet<_> = told.collect();
    for text in [
        "panicked: a text",
        "panicked: 0 is formatted",
        "panicked: with a value that is not text",
        "panicked: after a wait",
        "panicked: on another thread",
        "panicked: in a plain function",
    ] {
        assert!(told.contains(text), "{text}: {told:?}");
    }
    Ok(())
}

mod injected {
    use super::{AtomicU32, Ordering, inject, is_bad, subscriber};

    /// Panics at each second call.
    #[inject]
    pub(super) async fn bad_at_times(#[inject] calls: &AtomicU32) -> u32 {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        assert!(!is_bad(number), "the factory of {number}");
        number
    }

    #[subscriber("panics.injected")]
    #[inject(made = bad_at_times)]
    async fn take(_number: u32, made: u32) {
        assert!(!is_bad(made));
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_costs_the_signal_it_was_called_for() -> anyhow::Result<()> {
    let report = run("injected", "panics.injected").await?;
    assert_half_are_dead(&report, 1);
    assert_eq!(report.failures[0].error, "panicked: the factory of 0");
    Ok(())
}

mod chosen {
    use super::{is_bad, subscriber};

    fn choose(number: &u32) -> bool {
        assert!(!is_bad(*number), "the filter of {number}");
        true
    }

    fn key(number: &u32) -> u32 {
        assert!(!is_bad(*number), "the key of {number}");
        *number
    }

    #[subscriber("panics.chosen", filter = choose)]
    async fn filtered(_number: u32) {}

    #[subscriber("panics.chosen", concurrency = 2, key = key)]
    async fn keyed(_number: u32) {}

    #[subscriber("panics.chosen")]
    async fn beside(_number: u32) {}
}

#[tokio::test(start_paused = true)]
async fn a_filter_or_a_key_that_panics_keeps_the_signal_from_nobody() -> anyhow::Result<()> {
    let report = run("chosen", "panics.chosen").await?;
    assert_eq!(report.stats.subscriptions.len(), 3);
    for one in &report.stats.subscriptions {
        assert_eq!(one.tally.done, u64::from(SIGNALS), "{}", one.site);
    }
    Ok(())
}

/// A value that does not let itself be cloned, shown, or compared.
struct Stubborn(u32);

impl Clone for Stubborn {
    fn clone(&self) -> Self {
        assert!(!is_bad(self.0), "no copy of {}", self.0);
        Self(self.0)
    }
}

impl std::fmt::Debug for Stubborn {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("{} does not show itself", self.0)
    }
}

mod stubborn {
    use super::{Signal, Stubborn, subscriber};

    #[subscriber("panics.stubborn")]
    pub(super) async fn owns(_stubborn: Stubborn) {}

    #[subscriber("panics.stubborn")]
    pub(super) async fn borrows(_stubborn: &Stubborn) {}

    #[subscriber("panics.stubborn")]
    pub(super) async fn shows(stubborn: Signal<Stubborn>) {
        drop(format!("{:?}", *stubborn));
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_whose_clone_or_debug_panics_fails_those_only_who_ask() -> anyhow::Result<()> {
    let bus = Bus::new().within(concat!(module_path!(), "::stubborn"));
    let bus = bus.panic_limit(usize::MAX, std::time::Duration::ZERO);
    let bus = bus.on_error(|_, _| {}).start().await?;
    for number in 0..SIGNALS {
        bus.publish("panics.stubborn", Stubborn(number)).await?;
    }
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let mut dead: Vec<_> = report
        .stats
        .subscriptions
        .iter()
        .map(|one| (one.site.function, one.tally.dead))
        .collect();
    dead.sort_unstable();
    let (half, all) = (u64::from(SIGNALS / 2), u64::from(SIGNALS));
    println!("stubborn: {}, dead {dead:?}", report.stats.total);
    assert_eq!(dead, [("borrows", 0), ("owns", half), ("shows", all)]);
    Ok(())
}

mod poisoned {
    use super::{AtomicU32, DeadLetter, Ordering, inject, subscriber};

    #[subscriber("panics.poison")]
    async fn always(_number: u32) {
        panic!("poison");
    }

    #[subscriber("$bus.dead")]
    async fn bury(_letter: &DeadLetter, #[inject] letters: &AtomicU32) {
        letters.fetch_add(1, Ordering::Relaxed);
        panic!("poison for whoever buries it, too");
    }
}

/// Nobody mourns a letter about a letter; it is counted, told of, and that is the end of it.
#[tokio::test(start_paused = true)]
async fn a_burial_that_panics_is_counted_and_not_buried() -> anyhow::Result<()> {
    let letters = Arc::new(AtomicU32::new(0));
    let told = Arc::new(AtomicU32::new(0));
    let tells = Arc::clone(&told);
    let bus = Bus::new().within(concat!(module_path!(), "::poisoned"));
    let bus = bus.keep_dead_letters(5).provide_arc(Arc::clone(&letters));
    let bus = bus.on_error(move |_, _| {
        tells.fetch_add(1, Ordering::Relaxed);
    });
    let bus = bus.start().await?;
    for number in 0..SIGNALS {
        bus.publish("panics.poison", number).await?;
    }
    bus.settled().await;
    let letters_kept = bus.dead_letters();
    let (kept, gone) = (letters_kept.len(), letters_kept.dropped());
    assert_eq!((kept, gone), (5, 15), "the newest are kept");
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let dead = |function| {
        let mut all = report.stats.subscriptions.iter();
        all.find(|one| one.site.function == function)
            .unwrap()
            .tally
            .dead
    };
    println!(
        "poison: {} dead, {} burials failed, {kept} letters kept and {gone} gone",
        dead("always"),
        dead("bury")
    );
    assert_eq!(letters.load(Ordering::Relaxed), SIGNALS, "one for each");
    assert_eq!(
        (dead("always"), dead("bury")),
        (u64::from(SIGNALS), u64::from(SIGNALS))
    );
    assert_eq!(
        told.load(Ordering::Relaxed),
        2 * SIGNALS,
        "nothing is silent"
    );
    Ok(())
}
