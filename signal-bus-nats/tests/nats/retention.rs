//! Streams that delete what was handled: work queues, and those that keep what somebody is interested in.

use async_nats::jetstream::{
    self,
    stream::{Config, RetentionPolicy},
};

use crate::{connected, jetstream, nats, noting, server::Server, stored, until};

/// A stream `JOBS` of that kind, made by somebody else.
async fn stream(server: &Server, retention: RetentionPolicy) -> jetstream::Context {
    let jetstream = jetstream(server).await;
    let config = Config {
        name: "JOBS".into(),
        subjects: vec!["jobs.>".into()],
        retention,
        ..Config::default()
    };
    jetstream.create_stream(config).await.unwrap();
    jetstream
}

/// Waits until a stream is empty: what was handled is acknowledged a little later.
async fn emptied(jetstream: &jetstream::Context) {
    while stored(jetstream, "JOBS").await != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_group_works_a_work_queue_off_from_its_begin() -> anyhow::Result<()> {
    let server = Server::start();
    let jetstream = stream(&server, RetentionPolicy::WorkQueue).await;
    let nats = nats(&server);
    let here = connected(&nats, &["jobs.>"]).await;
    // Before anybody works.
    for x in 0..50_u32 {
        here.publish("jobs.a", x).await?;
    }
    let (one, two) = (
        connected(&nats, &["jobs.>"]).await,
        connected(&nats, &["jobs.>"]).await,
    );
    let workers = [
        noting(&one, "jobs.a", Some("workers"))?,
        noting(&two, "jobs.a", Some("workers"))?,
    ];
    one.connected().await;
    two.connected().await;
    for x in 50..100_u32 {
        here.publish("jobs.a", x).await?;
    }
    let done = || -> Vec<u32> {
        let mut done: Vec<_> = workers.iter().flat_map(|(_, noted)| noted.all()).collect();
        done.sort_unstable();
        done
    };
    until(|| done().len() == 100).await;
    assert_eq!(done(), (0..100).collect::<Vec<_>>());
    emptied(&jetstream).await;
    let lost = one.stats().lost_on_the_way + two.stats().lost_on_the_way;
    assert_eq!(lost, 0, "what was handled is not lost");
    drop(workers);
    for bus in [here, one, two] {
        bus.close().await?;
    }
    Ok(())
}

mod alone {
    #[signal_bus::subscriber("jobs.a")]
    pub(super) async fn works(_number: u32) {}
}

#[tokio::test]
async fn a_second_one_that_wants_all_of_a_work_queue_is_refused() -> anyhow::Result<()> {
    let server = Server::start();
    stream(&server, RetentionPolicy::WorkQueue).await;
    let start = || {
        let bus = signal_bus::Bus::empty().with::<alone::works>();
        bus.connect_to(nats(&server), ["jobs.>"]).start()
    };
    let first = start().await?;
    let refused = start().await.unwrap_err().to_string();
    let says = "cannot subscribe to `jobs.a`: its stream `JOBS` is a work queue";
    assert!(refused.contains(says), "{refused}");
    first.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_all_that_are_interested_have_handled_is_deleted_and_not_lost() -> anyhow::Result<()> {
    let server = Server::start();
    let jetstream = stream(&server, RetentionPolicy::Interest).await;
    let nats = nats(&server);
    let (here, there) = (
        connected(&nats, &["jobs.>"]).await,
        connected(&nats, &["jobs.>"]).await,
    );
    let heard = [
        noting(&there, "jobs.a", None)?,
        noting(&there, "jobs.a", Some("group"))?,
    ];
    there.connected().await;
    for x in 0..100_u32 {
        here.publish("jobs.a", x).await?;
    }
    for (_, noted) in &heard {
        until(|| noted.all() == (0..100).collect::<Vec<_>>()).await;
    }
    emptied(&jetstream).await;
    assert_eq!(there.stats().lost_on_the_way, 0);
    drop(heard);
    here.close().await?;
    there.close().await?;
    Ok(())
}
