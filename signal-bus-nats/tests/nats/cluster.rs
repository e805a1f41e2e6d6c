//! Three servers that are one.

use std::{collections::BTreeSet, time::Duration};

use async_nats::jetstream::stream::Config;
use signal_bus::Signal;
use signal_bus_nats::{Nats, Streams};

use crate::{
    Noted, connected, jetstream, published_by_eight,
    server::{Server, free_port},
    until,
};

/// A cluster, once it has agreed on who leads.
async fn cluster() -> Vec<Server> {
    let ports: Vec<_> = (0..3).map(|_| free_port()).collect();
    let routes: Vec<_> = ports
        .iter()
        .map(|port| format!("nats://127.0.0.1:{port}"))
        .collect();
    let routes = routes.join(", ");
    let start = |(number, port): (usize, &u16)| {
        let cluster = format!(
            "name: three, listen: \"127.0.0.1:{port}\", routes: [{routes}], no_advertise: true"
        );
        let config = format!("server_name: n{number}\ncluster {{ {cluster} }}");
        Server::with(&config, &["-js"])
    };
    let servers: Vec<_> = ports.iter().enumerate().map(start).collect();
    let context = jetstream(&servers[0]).await;
    // Who leads may not know all of the others yet.
    let everywhere = Config {
        name: "READY".into(),
        num_replicas: 3,
        ..Config::default()
    };
    while context.create_stream(everywhere.clone()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    servers
}

/// Which of the servers leads the stream `TEST`.
async fn leader(servers: &[Server]) -> usize {
    let context = jetstream(&servers[0]).await;
    let mut stream = context.get_stream("TEST").await.unwrap();
    let cluster = stream.info().await.unwrap().cluster.clone();
    let name = cluster.and_then(|cluster| cluster.leader).unwrap();
    name.trim_start_matches('n').parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_server_is_killed_that_leads_a_stream() -> anyhow::Result<()> {
    const SIGNALS: u32 = 2_000;
    let mut servers = cluster().await;
    let urls: Vec<_> = servers.iter().map(Server::url).collect();
    let nats = Nats::at(&urls.join(","))?
        .create_streams(Streams::named("TEST").replicas(3))
        .publish_timeout(Duration::from_secs(60));
    let (here, there) = (
        connected(&nats, &["led"]).await,
        connected(&nats, &["led"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("led", move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    there.connected().await;
    let mut publishing = published_by_eight(&here, "led", SIGNALS);
    until(|| 100 < noted.all().len()).await;
    let leads = leader(&servers).await;
    servers[leads].kill();
    while let Some(published) = publishing.join_next().await {
        published??;
    }
    let all = (0..SIGNALS).collect::<BTreeSet<_>>();
    until(|| BTreeSet::from_iter(noted.all()) == all).await;
    assert_eq!(there.stats().lost_on_the_way, 0);
    println!("{} of {SIGNALS} came twice", noted.all().len() - all.len());
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}
