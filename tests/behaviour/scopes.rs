//! Which functions a bus takes, and which bus a function finds.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, BusName, current, inject, publisher, subscriber};
use tokio::time::timeout;

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        let mut heard = std::mem::take(&mut *self.0.lock().unwrap());
        heard.sort();
        heard
    }
}

static BILLING: BusName = BusName::new("billing");

mod shop {
    use super::*;

    #[publisher("scopes.order")]
    pub(super) async fn order(number: u32) -> u32 {
        number
    }

    #[subscriber("scopes.order")]
    pub(super) async fn pack(number: u32, #[inject] heard: &Heard) {
        heard.note(format!("pack {number}"));
    }
}

mod billing {
    use super::*;

    #[publisher("scopes.order", bus = BILLING)]
    pub(super) async fn invoice(number: u32) -> u32 {
        number
    }

    #[subscriber("scopes.order", bus = BILLING)]
    pub(super) async fn book(number: u32, #[inject] heard: &Heard) {
        heard.note(format!("book {number}"));
        // The default bus, if it is in scope.
        if number < 100 {
            shop::order(number + 100).await;
        }
    }
}

fn default(heard: &Arc<Heard>) -> Bus {
    Bus::new()
        .within(concat!(module_path!(), "::shop"))
        .provide_arc(Arc::clone(heard))
}

fn named(heard: &Arc<Heard>) -> Bus {
    Bus::named(&BILLING)
        .within(module_path!())
        .provide_arc(Arc::clone(heard))
}

#[tokio::test]
async fn a_bus_takes_the_functions_of_its_name() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let both = async {
        shop::order(1).await;
        billing::invoice(2).await;
    };
    default(&heard).run(both).await?;
    assert_eq!(heard.take(), ["pack 1"]);
    let both = async {
        shop::order(1).await;
        billing::invoice(2).await;
    };
    named(&heard).run(both).await?;
    assert_eq!(heard.take(), ["book 2"]);
    Ok(())
}

#[tokio::test]
async fn scopes_nest_and_each_function_finds_its_own() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let inner = named(&heard);
    default(&heard)
        .run(async {
            inner
                .run(async {
                    shop::order(1).await;
                    billing::invoice(2).await;
                })
                .await
        })
        .await??;
    assert_eq!(heard.take(), ["book 2", "pack 1", "pack 102"]);
    Ok(())
}

#[tokio::test]
async fn connected_descriptions_are_one_bus_in_any_order() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let descriptions = [
        default(&heard).connect(named(&heard)),
        named(&heard).connect(default(&heard).connect(Bus::empty())),
        default(&heard)
            .connect(default(&heard))
            .connect(named(&heard)),
    ];
    for bus in descriptions {
        bus.run(async {
            shop::order(1).await;
        })
        .await?;
        // One topic of one bus: both hear it.
        assert_eq!(heard.take(), ["book 1", "book 101", "pack 1", "pack 101"]);
    }
    Ok(())
}

#[tokio::test]
async fn functions_can_be_picked_by_name() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let bus = Bus::empty()
        .with::<shop::pack>()
        .provide_arc(Arc::clone(&heard));
    bus.run(async {
        shop::order(5).await;
    })
    .await?;
    assert_eq!(heard.take(), ["pack 5"]);
    Bus::empty()
        .run(async {
            shop::order(5).await;
        })
        .await?;
    assert!(heard.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn the_handle_of_the_current_bus_is_there_and_goes() -> anyhow::Result<()> {
    assert!(signal_bus::current().is_none());
    Bus::empty()
        .run(async {
            assert!(signal_bus::current().is_some());
            tokio::spawn(async { assert!(signal_bus::current().is_some()) })
                .await
                .unwrap();
            tokio::task::spawn_blocking(|| assert!(signal_bus::current().is_some()))
                .await
                .unwrap();
        })
        .await?;
    assert!(signal_bus::current().is_none());
    Ok(())
}

/// Notes which bus is current where it is dropped.
struct Noted<'heard>(&'heard Heard);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.note(format!("{:?}", current()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_short_is_dropped_in_its_scope() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let inner = named(&heard).start().await?;
    let outer = default(&heard).start().await?;
    let nested = async {
        let waits = inner.scope(async {
            let _noted = Noted(&heard);
            pending::<()>().await;
        });
        timeout(Duration::from_secs(1), waits).await.unwrap_err();
        assert_eq!(heard.take(), ["Some(BusHandle(billing))"]);
        drop(Noted(&heard));
        assert_eq!(heard.take(), ["Some(BusHandle(default))"]);
    };
    outer.scope(nested).await;
    inner.close().await?;
    outer.close().await?;
    Ok(())
}
