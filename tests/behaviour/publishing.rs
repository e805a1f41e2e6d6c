//! Publishing by hand: a refusal gives the signal back and says why.

use std::sync::Arc;

use signal_bus::{Bus, PublishError, Topic, inject, subscriber};

use crate::ledger::Ledger;

/// A signal without `Debug` and without `Clone`.
struct Parcel(u32);

static PARCELS: Topic<Parcel> = Topic::new("publishing.typed");

#[subscriber("publishing", capacity = 2)]
async fn receive(parcel: &Parcel, #[inject] ledger: &Ledger) {
    ledger.handle((0, parcel.0));
}

#[subscriber(PARCELS)]
async fn receive_typed(parcel: Arc<Parcel>, #[inject] ledger: &Ledger) {
    ledger.handle((1, parcel.0));
}

fn bus() -> Bus {
    Bus::new().within(module_path!()).provide(Ledger::default())
}

#[tokio::test]
async fn a_refused_publish_gives_the_signal_back() -> anyhow::Result<()> {
    let bus = bus().start().await?;
    let refused = bus.publish("publishing", "text").await.unwrap_err();
    let text = refused.to_string();
    assert!(
        text.starts_with("topic `publishing` carries `") && text.ends_with("::Parcel`, not `&str`"),
        "{text}"
    );
    assert_eq!(refused.into_signal(), "text");

    for number in 0..2 {
        bus.try_publish("publishing", Parcel(number))?;
    }
    let full = bus.try_publish("publishing", Parcel(7)).unwrap_err();
    assert!(matches!(full, PublishError::Full(Parcel(7))), "{full:?}");

    assert_eq!(bus.publish(PARCELS, Parcel(1)).await?.receivers, 1);
    assert_eq!(
        bus.publish_shared(&PARCELS, Arc::new(Parcel(2)))
            .await?
            .receivers,
        1
    );
    assert_eq!(
        bus.publish("publishing.unheard", Parcel(3))
            .await?
            .receivers,
        0
    );

    bus.close().await?;
    let closed = bus.publish("publishing", Parcel(9)).await.unwrap_err();
    assert!(matches!(closed, PublishError::Closed(Parcel(9))));
    assert_eq!(bus.stats().refused, 3);
    Ok(())
}

/// Of a full bus and of a closed one, by a call that waits and by one that does not.
#[tokio::test]
async fn all_that_is_refused_comes_back_and_nobody_hears_it() -> anyhow::Result<()> {
    const EACH: u32 = 10_000;
    let ledger = Arc::new(Ledger::default());
    let bus = Bus::new().within(module_path!());
    let bus = bus.provide_arc(Arc::clone(&ledger)).start().await?;
    let (mut full, mut closed) = (0_u64, 0_u64);
    for number in 0..EACH {
        match bus.try_publish("publishing", Parcel(number)) {
            Ok(_) => ledger.accept((0, number)),
            Err(PublishError::Full(Parcel(back))) => {
                assert_eq!(back, number);
                ledger.refuse((0, back));
                full += 1;
            }
            Err(error) => panic!("{error}"),
        }
        if number % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let report = bus.close().await?;
    for number in EACH..2 * EACH {
        let refused = match number % 2 {
            0 => bus.try_publish("publishing", Parcel(number)),
            _ => bus.publish("publishing", Parcel(number)).await,
        };
        let Err(PublishError::Closed(Parcel(back))) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(back, number);
        ledger.refuse((0, back));
        closed += 1;
    }
    let refused = bus.stats().refused;
    println!("refused {refused}, returned {full} of a full bus and {closed} of a closed one");
    assert_eq!(refused, full + closed);
    assert!(u64::from(EACH / 2) < full && full < u64::from(EACH));
    ledger.balance(&report.stats).assert_clean();
    Ok(())
}

/// As those of two versions of a crate: their names alone would say nothing.
#[tokio::test]
async fn two_types_of_one_name_are_refused_and_called_so() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let _heard = {
        struct Order;
        bus.subscribe::<Order>("publishing.namesakes")?
    };
    struct Order;
    let refused = bus.publish("publishing.namesakes", Order).await;
    let text = refused.unwrap_err().to_string();
    println!("{text}");
    assert!(text.contains("; these are two types of one name"), "{text}");
    let refused = bus.subscribe::<Order>("publishing.namesakes");
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("; these are two types of one name"), "{text}");
    Ok(())
}

#[tokio::test]
async fn what_an_annotated_plain_function_cannot_place_goes_to_on_error() -> anyhow::Result<()> {
    #[signal_bus::publisher("publishing.plain")]
    fn publish(number: u32) -> u32 {
        number
    }

    #[subscriber("publishing.plain", capacity = 3)]
    async fn hear(_number: u32) {}

    let errors = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&errors);
    let bus = Bus::empty().with::<hear>();
    let bus = bus.on_error(move |at, error| told.lock().unwrap().push(format!("{at}: {error}")));
    let bus = bus.start().await?;
    for number in 0..5 {
        assert_eq!(publish(number), number, "the value returns in any case");
    }
    let report = bus.close().await?;
    assert_eq!((report.stats.total.done, report.stats.refused), (3, 2));
    let errors = errors.lock().unwrap();
    assert_eq!(errors.len(), 2);
    assert!(
        errors[0].ends_with("its value was not published: a subscription is full"),
        "{errors:?}"
    );
    Ok(())
}
