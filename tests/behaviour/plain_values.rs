//! Values that have nothing to drop lie in place among others; whoever hears them notices nothing of that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, Signal, publisher, subscriber};

/// Small, and nothing in it to drop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reading {
    sensor: u32,
    value: u32,
}

const fn reading(value: u32) -> Reading {
    Reading { sensor: 7, value }
}

type Heard<T> = Mutex<Vec<T>>;

fn take<T>(heard: &Heard<T>) -> Vec<T> {
    std::mem::take(&mut *heard.lock().unwrap())
}

mod forms {
    use super::*;

    static HEARD: Heard<(&str, u32)> = Mutex::new(Vec::new());

    fn hear(how: &'static str, reading: Reading) {
        assert_eq!(reading.sensor, 7);
        HEARD.lock().unwrap().push((how, reading.value));
    }

    #[publisher("plain.forms")]
    async fn measure(value: u32) -> Reading {
        reading(value)
    }

    #[subscriber("plain.forms")]
    async fn borrow(reading: &Reading) {
        hear("borrow", *reading);
    }

    #[subscriber("plain.forms")]
    async fn own(reading: Reading) {
        hear("own", reading);
    }

    #[subscriber("plain.forms")]
    async fn share(reading: Arc<Reading>) {
        hear("share", *reading);
    }

    #[subscriber("plain.forms")]
    async fn label(reading: Signal<Reading>) {
        assert_eq!(reading.topic(), "plain.forms");
        hear("label", *reading);
    }

    #[subscriber("plain.forms")]
    async fn any(reading: Signal) {
        hear("any", *reading.downcast_ref().unwrap());
    }

    #[subscriber("plain.forms", blocking)]
    fn elsewhere(reading: &Reading) {
        hear("elsewhere", *reading);
    }

    #[subscriber("plain.forms", concurrency = 4, key = |reading: &Reading| reading.sensor)]
    async fn keyed(reading: &Reading) {
        hear("keyed", *reading);
    }

    #[tokio::test(start_paused = true)]
    async fn each_form_hears_each_value_once_and_in_order() {
        let bus = Bus::empty().with::<borrow>().with::<own>().with::<share>();
        let bus = bus
            .with::<label>()
            .with::<any>()
            .with::<elsewhere>()
            .with::<keyed>();
        let drained = bus.run(async {
            for value in 0..200 {
                assert_eq!(measure(value).await, reading(value));
            }
        });
        drained.await.unwrap();
        let heard = take(&HEARD);
        for form in [
            "borrow",
            "own",
            "share",
            "label",
            "any",
            "elsewhere",
            "keyed",
        ] {
            let values = heard.iter().filter(|(how, _)| *how == form);
            let values: Vec<_> = values.map(|(_, value)| *value).collect();
            assert_eq!(values, (0..200).collect::<Vec<_>>(), "{form}");
        }
    }
}

mod mixed {
    use super::*;

    static HEARD: Heard<u32> = Mutex::new(Vec::new());

    #[publisher("plain.mixed")]
    async fn plain(value: u32) -> Reading {
        reading(value)
    }

    #[publisher("plain.mixed")]
    async fn shared(value: &Arc<Reading>) -> Arc<Reading> {
        Arc::clone(value)
    }

    #[subscriber("plain.mixed")]
    async fn hear(reading: &Reading) {
        HEARD.lock().unwrap().push(reading.value);
    }

    #[subscriber("plain.mixed")]
    async fn keep(reading: Arc<Reading>) {
        drop(reading);
    }

    #[tokio::test(start_paused = true)]
    async fn values_in_place_and_shared_ones_keep_their_order() {
        let kept = Arc::new(reading(1_000));
        let bus = Bus::empty().with::<hear>().with::<keep>();
        let bus = bus.start().await.unwrap();
        let mut expected = Vec::new();
        for value in 0..50 {
            plain(value).await;
            shared(&kept).await;
            bus.publish("plain.mixed", reading(2_000 + value))
                .await
                .unwrap();
            expected.extend([value, 1_000, 2_000 + value]);
        }
        bus.close().await.unwrap();
        assert_eq!(take(&HEARD), expected);
        assert_eq!(Arc::strong_count(&kept), 1, "nothing is kept of it");
    }
}

mod failing {
    use super::*;

    static HEARD: Heard<u32> = Mutex::new(Vec::new());

    #[publisher("plain.failing")]
    async fn send(value: u32) -> Reading {
        reading(value)
    }

    #[subscriber("plain.failing", retry(attempts = 2))]
    async fn fail(reading: Reading) -> anyhow::Result<()> {
        HEARD.lock().unwrap().push(reading.value);
        anyhow::ensure!(reading.value % 2 == 0, "odd");
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_is_tried_again_and_kept_as_it_was() {
        let bus = Bus::empty().with::<fail>().start().await.unwrap();
        for value in 0..4 {
            send(value).await;
        }
        bus.settled().await;
        assert_eq!(take(&HEARD), [0, 1, 1, 2, 3, 3]);
        let letters = bus.dead_letters();
        let dead = letters
            .iter()
            .map(|letter| *letter.signal().downcast_ref::<Reading>().unwrap());
        assert_eq!(dead.collect::<Vec<_>>(), [reading(1), reading(3)]);
        bus.close().await.unwrap();
    }
}

mod shy {
    use super::*;

    static HEARD: Heard<u32> = Mutex::new(Vec::new());

    /// Lets itself be copied by its publisher, and by nobody else.
    struct Shy {
        number: u32,
        copies: u32,
    }

    impl Clone for Shy {
        fn clone(&self) -> Self {
            assert!(self.copies == 0, "no copy of a copy");
            Self {
                number: self.number,
                copies: 1,
            }
        }
    }

    #[publisher("plain.shy")]
    async fn send(number: u32) -> Shy {
        Shy { number, copies: 0 }
    }

    #[subscriber("plain.shy")]
    async fn fail(shy: &Shy) -> anyhow::Result<()> {
        anyhow::ensure!(shy.number % 2 == 0, "odd");
        Ok(())
    }

    #[subscriber("plain.shy")]
    async fn keep(_shy: Arc<Shy>) {}

    #[subscriber("plain.shy")]
    async fn hear(shy: &Shy) {
        HEARD.lock().unwrap().push(shy.number);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_that_panics_for_a_dead_letter_stops_nobody() {
        let bus = Bus::empty().with::<fail>().with::<keep>().with::<hear>();
        let bus = bus.panic_limit(usize::MAX, Duration::ZERO);
        let bus = bus.start().await.unwrap();
        // Found out with the first one: how such values lie.
        send(0).await;
        bus.settled().await;
        for number in 1..20 {
            send(number).await;
        }
        let report = bus.close().await.unwrap();
        assert_eq!(take(&HEARD), (0..20).collect::<Vec<_>>());
        let [failing, keeping, hearing] = &report.stats.subscriptions[..] else {
            panic!("{report}")
        };
        let told = [failing, keeping, hearing].map(|one| (one.tally.done, one.tally.dead));
        assert_eq!(told, [(10, 10), (1, 19), (20, 0)], "{report}");
    }
}

mod full {
    use super::*;

    static HEARD: Heard<u32> = Mutex::new(Vec::new());

    #[publisher("plain.full")]
    async fn send(value: u32) -> Reading {
        reading(value)
    }

    #[subscriber("plain.full", capacity = 4)]
    async fn slow(reading: &Reading) {
        tokio::task::yield_now().await;
        HEARD.lock().unwrap().push(reading.value);
    }

    #[subscriber("plain.full", capacity = 1, overflow = drop_oldest)]
    async fn lossy(_reading: &Reading) {}

    #[tokio::test(start_paused = true)]
    async fn a_publisher_that_had_to_wait_comes_in_its_turn() {
        let bus = Bus::empty().with::<slow>().with::<lossy>();
        let publishing = bus.run(async {
            for value in 0..100 {
                send(value).await;
            }
        });
        publishing.await.unwrap();
        assert_eq!(take(&HEARD), (0..100).collect::<Vec<_>>());
    }
}
