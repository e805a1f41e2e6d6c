//! A bus is a description: every start is an instance of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use signal_bus::{Bus, BusName, InCurrentBus, inject, publisher, subscriber};

#[derive(Debug, Default)]
struct Heard(AtomicUsize);

#[publisher("instances")]
async fn say(number: usize) -> usize {
    number
}

#[subscriber("instances")]
async fn hear(number: usize, #[inject] heard: &Heard) {
    heard.0.fetch_add(number, Ordering::Relaxed);
}

fn bus(heard: &Arc<Heard>) -> Bus {
    Bus::new()
        .within(module_path!())
        .provide_arc(Arc::clone(heard))
}

#[tokio::test]
async fn one_description_runs_again_and_again() -> anyhow::Result<()> {
    let heard = Arc::new(Heard::default());
    let bus = bus(&heard);
    for round in 1..=3 {
        bus.run(async { say(1).await }).await?;
        assert_eq!(heard.0.load(Ordering::Relaxed), round);
    }
    Ok(())
}

#[test]
fn one_description_runs_on_two_runtimes_at_once() {
    let heard = Arc::new(Heard::default());
    let together = Arc::new(Barrier::new(2));
    let threads = [1, 10].map(|number| {
        let (bus, together) = (bus(&heard), Arc::clone(&together));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let bus = bus.start().await?;
                together.wait();
                // Found by its runtime: a plain spawn belongs to this thread's bus.
                tokio::spawn(say(number)).await?;
                let report = bus.close().await?;
                anyhow::Ok(report.stats.total.done)
            })
        })
    });
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap(), 1);
    }
    assert_eq!(heard.0.load(Ordering::Relaxed), 11);
}

#[tokio::test]
async fn two_buses_of_one_description_hear_nothing_of_each_other() -> anyhow::Result<()> {
    let heard = [(); 2].map(|()| Arc::new(Heard::default()));
    let [one, two] = [bus(&heard[0]), bus(&heard[1])];
    let (one, two) = tokio::join!(
        one.run(async {
            say(1).await;
            tokio::task::yield_now().await;
            tokio::spawn(say(2).in_current_bus()).await
        }),
        two.run(async {
            tokio::task::yield_now().await;
            say(10).await;
            signal_bus::spawn(say(20)).await
        }),
    );
    one??;
    two??;
    assert_eq!(heard.map(|heard| heard.0.load(Ordering::Relaxed)), [3, 30]);
    Ok(())
}

#[tokio::test]
async fn a_task_of_no_bus_reaches_nobody_where_two_run() -> anyhow::Result<()> {
    let heard = Arc::new(Heard::default());
    let (one, two) = (bus(&heard).start().await?, bus(&heard).start().await?);
    assert_eq!(tokio::spawn(say(1)).await?, 1);
    one.scope(say(10)).await;
    two.close().await?;
    say(100).await;
    one.close().await?;
    assert_eq!(heard.0.load(Ordering::Relaxed), 110);
    Ok(())
}

static NORTH: BusName = BusName::new("north");
static SOUTH: BusName = BusName::new("south");

#[tokio::test]
async fn a_report_begins_with_the_names_of_its_bus() -> anyhow::Result<()> {
    let north = Bus::named(&NORTH);
    let united = north.clone().connect(Bus::named(&SOUTH));
    for (bus, begin) in [
        (north.clone(), "bus `north`: drained after "),
        (
            united.connect(north),
            "bus `north`, `south`: drained after ",
        ),
        (Bus::empty(), "drained after "),
    ] {
        let report = bus.start().await?.close().await?;
        assert!(report.to_string().starts_with(begin), "{report}");
    }
    Ok(())
}
