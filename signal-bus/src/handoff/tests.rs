#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, whose tasks end with them"
)]

use std::{
    future::{pending, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{Notify, mpsc},
    task::{self, JoinHandle, yield_now},
    time::timeout,
};

use super::{Driver, LONG, LOOKED_AFTER, LOOKED_EACH, Patience, Rider, SLOW, TURNS_MAX};
use crate::caller::Caller;

/// What was done, in its order.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<&'static str>>>);

impl Order {
    fn note(&self, done: &'static str) {
        self.0.lock().unwrap().push(done);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Two that wake each other.
#[derive(Default)]
struct Pair {
    there: Notify,
    back: Notify,
}

impl Pair {
    async fn calls(&self) {
        self.there.notify_one();
        self.back.notified().await;
    }

    /// Answers a call; whether that was another one's turn.
    async fn answers(&self) -> bool {
        self.there.notified().await;
        let rides = Caller::here() != Caller::Task(task::id());
        self.back.notify_one();
        rides
    }
}

fn ride(future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(Rider::new(&Handle::current(), future))
}

fn drive<R: Send + 'static>(future: impl Future<Output = R> + Send + 'static) -> JoinHandle<R> {
    tokio::spawn(Driver::new(&Handle::current(), Box::pin(future)))
}

/// Answers until it has had its turn where it was woken, and then does something, there.
fn answers_and_then(
    pair: &Arc<Pair>,
    then: impl FnOnce() + Send + 'static,
) -> (JoinHandle<()>, Arc<AtomicBool>) {
    let (pair, rode) = (Arc::clone(pair), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&rode);
    let rider = ride(async move {
        while !pair.answers().await {}
        told.store(true, Ordering::Relaxed);
        pair.there.notified().await;
        then();
    });
    (rider, rode)
}

/// Calls until the other one has had its turn here, and once more.
async fn calls_until(pair: &Pair, rode: &AtomicBool) {
    let calls = async {
        while !rode.load(Ordering::Relaxed) {
            pair.calls().await;
        }
    };
    timeout(Duration::from_secs(20), calls).await.unwrap();
    pair.there.notify_one();
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test]
async fn who_is_woken_goes_on_before_other_tasks_and_then_who_waits_for_that() {
    let (order, pair) = (Order::default(), Arc::new(Pair::default()));
    let (noted, answering) = (order.clone(), Arc::clone(&pair));
    let rider = ride(async move {
        answering.answers().await;
        noted.note("rider");
    });
    yield_now().await;
    let noted = order.clone();
    let driver = drive(async move {
        pair.calls().await;
        noted.note("driver");
    });
    let noted = order.clone();
    let other = tokio::spawn(async move { noted.note("other") });
    let ended = tokio::join!(rider, driver, other);
    assert!(ended.0.is_ok() && ended.1.is_ok() && ended.2.is_ok());
    assert_eq!(order.take(), ["rider", "driver", "other"]);
}

#[tokio::test]
async fn several_who_are_woken_go_on_in_their_order_behind_others() {
    let order = Order::default();
    let wakes = Arc::new([Notify::new(), Notify::new(), Notify::new()]);
    let ended = Arc::new(Notify::new());
    let riders = ["first", "second", "third"].into_iter().enumerate();
    let riders: Vec<_> = riders
        .map(|(at, name)| {
            let (order, wakes) = (order.clone(), Arc::clone(&wakes));
            let ended = Arc::clone(&ended);
            ride(async move {
                wakes[at].notified().await;
                order.note(name);
                ended.notify_one();
            })
        })
        .collect();
    yield_now().await;
    let driver = drive(async move {
        wakes.iter().for_each(Notify::notify_one);
        ended.notified().await;
    });
    let noted = order.clone();
    let other = tokio::spawn(async move { noted.note("other") });
    driver.await.unwrap();
    other.await.unwrap();
    for rider in riders {
        rider.await.unwrap();
    }
    assert_eq!(order.take(), ["other", "first", "second", "third"]);
}

#[tokio::test]
async fn a_driver_that_another_one_wakes_has_its_turn_as_any_task() {
    let (order, wakes) = (Order::default(), Arc::new([Notify::new(), Notify::new()]));
    let (noted, waits) = (order.clone(), Arc::clone(&wakes));
    let woken = drive(async move {
        waits[0].notified().await;
        noted.note("first");
        waits[1].notify_one();
    });
    yield_now().await;
    let (noted, waits) = (order.clone(), Arc::clone(&wakes));
    let plain = tokio::spawn(async move {
        waits[1].notified().await;
        noted.note("second");
    });
    yield_now().await;
    drive(async move {
        wakes[0].notify_one();
        wakes[1].notify_one();
    })
    .await
    .unwrap();
    woken.await.unwrap();
    plain.await.unwrap();
    assert_eq!(order.take(), ["first", "second"]);
}

#[tokio::test]
async fn who_wakes_itself_lets_others_run() {
    let ends = Arc::new(AtomicBool::new(false));
    let waits = |ends: &Arc<AtomicBool>| {
        let (ends, mut polls) = (Arc::clone(ends), 0);
        poll_fn(move |context| {
            polls += 1;
            match ends.load(Ordering::Relaxed) {
                true => Poll::Ready(polls),
                false => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        })
    };
    let (driver, in_rider) = (drive(waits(&ends)), waits(&ends));
    let polls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&polls);
    let rider = ride(async move { counted.store(in_rider.await, Ordering::Relaxed) });
    tokio::spawn(async move { ends.store(true, Ordering::Relaxed) });
    assert_eq!(driver.await.unwrap(), 2);
    rider.await.unwrap();
    assert_eq!(polls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn two_who_wake_each_other_for_ever_let_others_run() {
    let pair = Arc::new(Pair::default());
    let answering = Arc::clone(&pair);
    let rider = ride(async move {
        loop {
            answering.answers().await;
        }
    });
    // What costs tokio's budget ends it sooner.
    let driver = drive(task::coop::unconstrained(async move {
        loop {
            pair.calls().await;
        }
    }));
    (0..10).for_each(|_| drop(tokio::spawn(async {})));
    tokio::spawn(async {}).await.unwrap();
    rider.abort();
    driver.abort();
    assert!(rider.await.unwrap_err().is_cancelled());
    assert!(driver.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_panic_is_that_of_the_task_it_is_in() {
    let pair = Arc::new(Pair::default());
    let (rider, rode) = answers_and_then(&pair, || panic!("in its turn"));
    yield_now().await;
    let driver = drive(async move {
        calls_until(&pair, &rode).await;
        yield_now().await;
        "goes on"
    });
    assert_eq!(driver.await.unwrap(), "goes on");
    assert!(rider.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn what_has_ended_in_another_ones_turn_is_over_and_dropped() {
    let (pair, held) = (Arc::new(Pair::default()), Arc::new(()));
    let (answering, holds) = (Arc::clone(&pair), Arc::clone(&held));
    let rider = Rider::new(&Handle::current(), async move {
        let _holds = holds;
        answering.answers().await;
    });
    let mount = Arc::downgrade(&rider.0);
    let rider = tokio::spawn(rider);
    yield_now().await;
    let calling = Arc::clone(&pair);
    let counted = Arc::clone(&held);
    let driver = drive(async move {
        calling.calls().await;
        Arc::strong_count(&counted)
    });
    assert_eq!(driver.await.unwrap(), 2, "it held one, and is over");
    rider.await.unwrap();
    assert!(mount.upgrade().is_none());
}

#[test]
fn what_waits_when_its_runtime_ends_is_dropped() {
    let runtime = one_thread();
    let (held, pair) = (Arc::new(()), Arc::new(Pair::default()));
    let holds = Arc::clone(&held);
    let answering = Arc::clone(&pair);
    let mount = runtime.block_on(async move {
        let rider = Rider::new(&Handle::current(), async move {
            let _holds = holds;
            loop {
                answering.answers().await;
            }
        });
        let mount = Arc::downgrade(&rider.0);
        drop(tokio::spawn(rider));
        let driver = drive(async move {
            for _ in 0..100 {
                pair.calls().await;
            }
        });
        driver.await.unwrap();
        mount
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(mount.upgrade().is_none());
}

/// How many turns there are in a row that take so long each after so many that take no time, and whether those are slow.
async fn turns_of(took: Duration, quick: u32) -> (u32, bool) {
    let (mut patience, mut turns) = (Patience::default(), 0);
    while !patience.is_over() {
        turns += 1;
        if quick < turns {
            tokio::time::advance(took).await;
        }
    }
    (turns, patience.slow)
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_not_gone_on_with() {
    assert_eq!(turns_of(Duration::ZERO, 0).await, (TURNS_MAX, false));
    assert_eq!(turns_of(LONG * 2, 0).await, (LOOKED_AFTER * 2, true));
    let (turns, slow) = turns_of(SLOW / 2, 0).await;
    assert!(
        LONG <= SLOW / 2 * turns && SLOW / 2 * turns <= LONG * 3,
        "{turns}"
    );
    assert!(!slow);
    for quick in 0..200 {
        let (turns, _) = turns_of(LONG * 20, quick).await;
        assert!(turns <= quick + LOOKED_EACH, "{turns} after {quick}");
    }
}

#[tokio::test]
async fn who_rests_leaves_those_he_wakes_to_the_runtime() {
    let (order, pair) = (Order::default(), Arc::new(Pair::default()));
    let (noted, answering) = (order.clone(), Arc::clone(&pair));
    let rider = ride(async move {
        answering.answers().await;
        noted.note("rider");
        answering.answers().await;
        noted.note("rider");
    });
    yield_now().await;
    let noted = order.clone();
    let driver = Driver::new(
        &Handle::current(),
        Box::pin(async move {
            pair.calls().await;
            noted.note("driver");
            pair.calls().await;
        }),
    );
    driver
        .mount
        .iter()
        .for_each(|(mount, _)| mount.rests_for(1));
    let driver = tokio::spawn(driver);
    let noted = order.clone();
    let other = tokio::spawn(async move { noted.note("other") });
    let ended = tokio::join!(rider, driver, other);
    assert!(ended.0.is_ok() && ended.1.is_ok() && ended.2.is_ok());
    assert_eq!(order.take(), ["other", "rider", "driver", "rider"]);
}

/// Who is given up within a turn has nobody after that who could drop it.
#[test]
fn what_is_given_up_in_its_turn_is_dropped_after_it() {
    let runtime = one_thread();
    runtime.block_on(async {
        let (pair, held) = (Arc::new(Pair::default()), Arc::new(()));
        let gives_up: Arc<Mutex<Option<Rider>>> = Arc::default();
        let (answering, holds, within) =
            (Arc::clone(&pair), Arc::clone(&held), Arc::clone(&gives_up));
        let mut rider = Rider::new(&Handle::current(), async move {
            let _holds = holds;
            answering.there.notified().await;
            drop(within.lock().unwrap().take());
            answering.back.notify_one();
            pending::<()>().await;
        });
        // It has its first turn as a task has, and then this holds it.
        let begins = drive(poll_fn(move |context| {
            assert!(Pin::new(&mut rider).poll(context).is_pending());
            Poll::Ready(std::mem::replace(
                &mut rider,
                Rider::new(&Handle::current(), async {}),
            ))
        }));
        *gives_up.lock().unwrap() = Some(begins.await.unwrap());
        let counted = Arc::clone(&held);
        let driver = drive(async move {
            pair.calls().await;
            Arc::strong_count(&counted)
        });
        assert_eq!(driver.await.unwrap(), 2, "what it held is gone");
    });
}

/// Whoever is woken by another runtime, or by none, goes on in his own.
#[test]
fn who_is_woken_from_elsewhere_goes_on_at_home() {
    const WORDS: u32 = 5_000;
    let (says, mut hears) = mpsc::channel::<u32>(8);
    let (echoes, mut heard) = mpsc::channel::<u32>(8);
    let home = thread::spawn(move || {
        one_thread().block_on(async move {
            let here = thread::current().id();
            let rider = ride(async move {
                while let Some(word) = hears.recv().await {
                    assert_eq!(thread::current().id(), here);
                    echoes.send(word).await.unwrap();
                }
            });
            rider.await
        })
    });
    let sum = one_thread().block_on(async move {
        let talks = drive(async move {
            for word in 0..WORDS {
                says.send(word).await.unwrap();
            }
        });
        let listens = drive(async move {
            let mut sum = 0;
            while let Some(word) = heard.recv().await {
                sum += word;
            }
            sum
        });
        talks.await.unwrap();
        listens.await.unwrap()
    });
    home.join().unwrap().unwrap();
    assert_eq!(sum, (0..WORDS).sum::<u32>());
}
