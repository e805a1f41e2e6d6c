//! Types that travel, and those that cannot.

use signal_bus::{
    Bus, PublishError,
    transport::{LoopbackNetwork, TransportFault},
};

#[derive(Clone)]
struct Opaque;

mod unfit {
    use super::Opaque;
    use signal_bus::{publisher, subscriber};

    #[publisher("opaque.made")]
    pub(super) async fn make() -> Opaque {
        Opaque
    }

    #[subscriber("opaque.made")]
    pub(super) async fn take(_: &Opaque) {}

    #[publisher("opaque.kept", local)]
    pub(super) async fn keep() -> Opaque {
        Opaque
    }

    #[subscriber("opaque.other")]
    async fn look(_: &std::time::Instant) {}
}

mod meant {
    use signal_bus::{Topic, publisher, subscriber};

    pub(super) static MEANT: Topic<u32> = Topic::new("meant.far").travelling();

    #[publisher(MEANT)]
    pub(super) async fn send() -> u32 {
        7
    }

    #[subscriber(MEANT)]
    async fn hear(_: u32) {}
}

#[tokio::test]
async fn a_topic_that_is_meant_to_travel_and_stays_is_told_where_there_is_a_connection() {
    let bus = || Bus::empty().within("transports::types::meant").strict();
    let connected = bus().connect_to(LoopbackNetwork::new(), ["other.>"]);
    let error = connected.start().await.unwrap_err().to_string();
    let said = "`meant.far` is meant to travel, and no connection carries it";
    assert!(error.contains(said), "{error}");
    assert!(
        error.contains("send (tests/transports/types.rs:"),
        "{error}"
    );
    for connected in [bus(), bus().connect_to(LoopbackNetwork::new(), ["meant.*"])] {
        let guard = connected.start().await.unwrap();
        meant::send().await;
        guard.close().await.unwrap();
    }
}

#[tokio::test]
async fn all_that_cannot_travel_is_told_at_start_in_one_error() {
    let bus = Bus::empty().within("transports::types::unfit");
    let bus = bus.connect_to(LoopbackNetwork::new(), ["opaque.>"]);
    let error = bus.start().await.unwrap_err().to_string();
    assert!(error.contains("Opaque` cannot travel"), "{error}");
    assert!(
        error.contains("make (tests/transports/types.rs:"),
        "{error}"
    );
    assert!(
        error.contains("take (tests/transports/types.rs:"),
        "{error}"
    );
    assert!(error.contains("Instant` cannot travel"), "{error}");
    assert!(!error.contains("keep ("), "{error}");
}

#[tokio::test]
async fn topics_that_stay_need_nothing() -> anyhow::Result<()> {
    let bus = Bus::empty().within("transports::types::unfit");
    let bus = bus
        .connect_to(LoopbackNetwork::new(), ["other.>"])
        .start()
        .await?;
    unfit::make().await;
    unfit::keep().await;
    bus.settled().await;
    assert_eq!(bus.stats().total.done, 1);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_type_that_is_only_used_by_hand_is_named() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let bus = Bus::empty()
        .connect_to(network.clone(), ["by_hand"])
        .start()
        .await?;
    match bus.publish("by_hand", 7_i16).await {
        Err(PublishError::Transport { signal: 7, error }) => {
            assert_eq!(error.fault(), TransportFault::Unfit);
            assert!(error.to_string().contains("Bus::carry::<i16>()"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    bus.close().await?;
    Ok(())
}
