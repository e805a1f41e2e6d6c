//! Publishing by hand: a refusal gives the signal back and says why.

use std::sync::Arc;

use signal_bus::{Bus, PublishError, Topic, TopicFault, inject, subscriber};

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

#[tokio::test]
async fn every_wrong_topic_is_refused_with_position_and_reason() -> anyhow::Result<()> {
    let bus = bus().start().await?;
    let long = "x".repeat(65_536);
    let cases = [
        ("", 0, TopicFault::Empty),
        ("a..b", 2, TopicFault::EmptyToken),
        ("a.", 2, TopicFault::EmptyToken),
        ("a b", 1, TopicFault::WhiteSpace),
        ("a\r\n", 1, TopicFault::WhiteSpace),
        ("a\0b", 1, TopicFault::Control),
        ("a.*", 2, TopicFault::Wildcard),
        (">", 0, TopicFault::Wildcard),
        ("$bus.dead", 0, TopicFault::Reserved),
        (&long, 256, TopicFault::TooLong),
    ];
    for (topic, position, reason) in cases {
        match bus.publish(topic, Parcel(1)).await {
            Err(PublishError::InvalidTopic { error, signal, .. }) => {
                assert_eq!(
                    (error.position, error.reason, signal.0),
                    (position, reason, 1)
                );
            }
            other => panic!("{topic:?}: {other:?}"),
        }
    }
    bus.close().await?;
    Ok(())
}

/// Random names from an alphabet of trouble: an answer always, a panic never.
#[tokio::test]
async fn no_name_makes_it_panic() -> anyhow::Result<()> {
    const ALPHABET: [char; 16] = [
        '.', '*', '>', '$', 'a', 'é', '😀', '\u{200D}', '\0', ' ', '\u{a0}', '\n', '\\', '{', '}',
        '\u{202E}',
    ];
    let bus = bus().start().await?;
    let mut seed = 1_u32;
    for _ in 0..20_000 {
        let mut name = String::new();
        for _ in 0..seed % 9 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            name.push(ALPHABET[(seed >> 16) as usize % ALPHABET.len()]);
        }
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if let Err(PublishError::InvalidTopic { error, .. }) = bus.publish(&name, Parcel(0)).await {
            assert!(name.is_char_boundary(error.position), "{name:?} {error:?}");
        }
    }
    bus.close().await?;
    Ok(())
}
