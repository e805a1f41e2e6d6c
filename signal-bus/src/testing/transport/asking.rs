//! What transports promise that carry requests.

use std::{future::poll_fn, time::Duration};

use anyhow::{Context as _, bail, ensure};
use tokio::time::timeout;

use crate::{
    signal::headers::Headers,
    testing::transport::{
        Check, same,
        stage::{Party, Stage, answer, text},
    },
    transport::{Message, Request, Requests, TransportError, TransportFault, header},
};

pub(super) fn checks() -> Vec<Check> {
    let checks = vec![
        Check::of_all(
            "replied",
            "a reply comes back to whoever has asked, as it was sent, and to nobody else",
            |stage| Box::pin(replied(stage)),
        ),
        Check::of_all(
            "nobody_replies",
            "where nobody serves a topic, a request fails at once and says so",
            |stage| Box::pin(nobody_replies(stage)),
        ),
        Check::of_all(
            "one_responder",
            "of all that serve a topic, by whatever pattern and on whatever connection, one gets each request",
            |stage| Box::pin(one_responder(stage)),
        ),
        Check::of_all(
            "requests_apart",
            "a request reaches no subscription, and a message nobody who serves",
            |stage| Box::pin(apart(stage)),
        ),
        Check::of_all(
            "given_up_requests",
            "a request that is given up on disturbs no other",
            |stage| Box::pin(given_up(stage)),
        ),
        Check::of_all(
            "requests_drained",
            "after the drain nothing is asked or served any more, and streams of requests have ended",
            |stage| Box::pin(drained(stage)),
        ),
    ];
    let promised = |check: Check| check.if_promised(|features| features.requests);
    checks.into_iter().map(promised).collect()
}

/// Takes requests.
struct Desk<'a> {
    stage: &'a Stage<'a>,
    requests: Requests,
}

impl Desk<'_> {
    async fn next(&mut self) -> anyhow::Result<Request> {
        let limit = self.stage.limit;
        let next = self.next_within(limit).await?;
        next.with_context(|| format!("no request came for {limit:?}"))
    }

    async fn next_within(&mut self, wait: Duration) -> anyhow::Result<Option<Request>> {
        let next = poll_fn(|context| self.requests.as_mut().poll_next(context));
        match timeout(wait, next).await {
            Ok(None) => {
                bail!("a stream of requests ended although nobody had drained its connection")
            }
            Ok(request) => Ok(request),
            Err(_) => Ok(None),
        }
    }

    /// Replies to the next request with what is made of its text.
    async fn reply(&mut self, make: impl Fn(&str) -> String) -> anyhow::Result<()> {
        let request = self.next().await?;
        let reply = self
            .stage
            .message(&request.message.topic, &make(&text(&request.message)));
        send(self.stage, &request, &reply).await
    }

    /// Holds that no request comes.
    async fn stays_quiet(&mut self) -> anyhow::Result<()> {
        let next = self.next_within(self.stage.quiet()).await?;
        let came = next.map(|request| text(&request.message));
        ensure!(came.is_none(), "{came:?} came as well");
        Ok(())
    }
}

async fn send(stage: &Stage<'_>, request: &Request, reply: &Message) -> anyhow::Result<()> {
    let sent = answer("a reply", stage.limit, request.reply.send(reply)).await?;
    sent.context("a reply failed")
}

impl Party<'_> {
    async fn serve(&self, pattern: &str) -> anyhow::Result<Desk<'_>> {
        let what = format!("to serve `{pattern}`");
        let served = answer(&what, self.stage.limit, self.connection.serve(pattern)).await?;
        Ok(Desk {
            stage: self.stage,
            requests: served.with_context(|| format!("{what} failed"))?,
        })
    }

    async fn ask(&self, request: &Message) -> anyhow::Result<Result<Message, TransportError>> {
        let asked = self.connection.request(request);
        answer("a request", self.stage.limit, asked).await
    }

    /// Asks with a text, and returns that of the reply.
    async fn reply_to(&self, topic: &str, text_of: &str) -> anyhow::Result<String> {
        let request = self.stage.message(topic, text_of);
        let reply = self.ask(&request).await?.context("a request failed")?;
        Ok(text(&reply))
    }
}

async fn replied(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("price");
    let mut desk = there.serve(&topic).await?;
    let headers = Headers::new()
        .with(header::ID, format!("{topic}-asked"))
        .with(
            header::CONTENT_TYPE,
            "application/json; type=\"a::Type<'_>\"",
        )
        .with("Tenant", "acme");
    let request = Message::new(&*topic, "\"tea\"", headers.clone());
    let reply = Message::new(
        &*topic,
        vec![0_u8, 255, 10],
        headers.with("More", "than that"),
    );
    let serves = async {
        let request = desk.next().await?;
        send(stage, &request, &reply).await?;
        Ok(request)
    };
    let (came, back) = tokio::join!(serves, here.ask(&request));
    let came: anyhow::Result<Request> = came;
    let (came, back) = (came?.message, back?.context("a request failed")?);
    for (what, sent, came) in [("request", &request, &came), ("reply", &reply, &back)] {
        ensure!(
            came.topic == sent.topic,
            "a {what} on `{}` came on `{}`",
            sent.topic,
            came.topic
        );
        ensure!(
            came.payload == sent.payload,
            "a {what} of {:?} came as {:?}",
            sent.payload,
            came.payload
        );
        for (name, text) in sent.headers.iter() {
            let came = came.headers.get(name);
            ensure!(
                came == Some(text),
                "of a {what} the header {name:?} was {text:?} and came as {came:?}"
            );
        }
    }
    each_its_own(&here, &mut desk, &topic).await
}

/// Several requests at once get each its own reply, whatever the order.
async fn each_its_own(party: &Party<'_>, desk: &mut Desk<'_>, topic: &str) -> anyhow::Result<()> {
    let stage = party.stage;
    let serves = async {
        let (one, two) = (desk.next().await?, desk.next().await?);
        for request in [two, one] {
            let reply = format!("to {}", text(&request.message));
            let reply = stage.message(&request.message.topic, &reply);
            send(stage, &request, &reply).await?;
        }
        Ok(())
    };
    let (served, one, two) = tokio::join!(
        serves,
        party.reply_to(topic, "one"),
        party.reply_to(topic, "two")
    );
    let served: anyhow::Result<()> = served;
    served?;
    let (one, two) = (one?, two?);
    ensure!(
        one == "to one" && two == "to two",
        "`one` got {one:?}, and `two` got {two:?}"
    );
    Ok(())
}

async fn nobody_replies(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    // Somebody who serves another topic, and somebody who only listens, do not count.
    let _desk = there.serve(&stage.topic("other")).await?;
    let topic = stage.topic("nobody");
    let _reader = there.hear(&topic).await?;
    is_told(&here, &topic).await?;
    let desk = there.serve(&topic).await?;
    drop(desk);
    tokio::time::sleep(stage.quiet()).await;
    is_told(&here, &topic).await
}

async fn is_told(party: &Party<'_>, topic: &str) -> anyhow::Result<()> {
    let request = party.stage.message(topic, "anybody?");
    match party.ask(&request).await? {
        Err(error) if error.fault() == TransportFault::NoResponders => Ok(()),
        Err(error) => bail!(
            "a request that nobody serves was refused as {:?}: {error}",
            error.fault()
        ),
        Ok(reply) => bail!(
            "a request that nobody serves was replied to with {:?}",
            text(&reply)
        ),
    }
}

async fn one_responder(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there, asks) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("work.a");
    let mut desks = [
        here.serve(&topic).await?,
        there.serve(&topic).await?,
        there.serve(&stage.topic("work.*")).await?,
    ];
    for number in 0..30 {
        let number = number.to_string();
        let [one, two, three] = &mut desks;
        let serves = async {
            let request = tokio::select! {
                request = one.next() => request?,
                request = two.next() => request?,
                request = three.next() => request?,
            };
            let came = text(&request.message);
            ensure!(came == number, "{came:?} came as well");
            let reply = stage.message(&topic, &format!("to {came}"));
            send(stage, &request, &reply).await
        };
        let reply = asks.reply_to(&topic, &number);
        let reply = async {
            let reply = reply.await?;
            ensure!(reply == format!("to {number}"), "{number:?} got {reply:?}");
            Ok(())
        };
        tokio::try_join!(serves, reply)?;
    }
    for desk in &mut desks {
        desk.stays_quiet().await?;
    }
    Ok(())
}

async fn apart(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("price");
    let mut desk = there.serve(&topic).await?;
    let mut reader = there.hear(&topic).await?;
    here.publish(&topic, "published").await?;
    same(reader.texts(1).await?, ["published".to_owned()])?;
    desk.stays_quiet().await?;
    let serves = desk.reply(str::to_owned);
    let (served, reply) = tokio::join!(serves, here.reply_to(&topic, "asked"));
    served?;
    reply?;
    reader.stays_quiet(stage.quiet()).await
}

async fn given_up(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("price");
    let mut desk = there.serve(&topic).await?;
    let request = stage.message(&topic, "given up");
    let gives_up = timeout(stage.quiet(), here.connection.request(&request)).await;
    ensure!(
        gives_up.is_err(),
        "a request ended to which nobody had replied"
    );
    let late = desk.next().await?;
    let serves = async {
        let next = desk.next().await?;
        for request in [&late, &next] {
            let reply = format!("to {}", text(&request.message));
            let reply = stage.message(&topic, &reply);
            // To a reply for which nobody waits a transport may say what it likes.
            let sent = answer("a reply", stage.limit, request.reply.send(&reply)).await?;
            drop(sent);
        }
        anyhow::Ok(())
    };
    let (served, reply) = tokio::join!(serves, here.reply_to(&topic, "kept"));
    served?;
    let reply = reply?;
    ensure!(reply == "to kept", "`kept` got {reply:?}");
    Ok(())
}

async fn drained(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("price");
    let mut desk = there.serve(&topic).await?;
    there.drain().await?;
    let limit = stage.limit;
    let ends = async {
        while poll_fn(|context| desk.requests.as_mut().poll_next(context))
            .await
            .is_some()
        {}
    };
    let ended = timeout(limit, ends).await;
    ended
        .with_context(|| format!("a stream of requests had not ended {limit:?} after the drain"))?;
    is_told(&here, &topic).await?;
    let request = stage.message(&topic, "after the drain");
    for (what, refused) in [
        ("asked", there.ask(&request).await?.err()),
        (
            "served",
            answer("to serve", limit, there.connection.serve(&topic))
                .await?
                .err(),
        ),
    ] {
        match refused {
            Some(error) if error.fault() == TransportFault::Closed => {}
            Some(error) => bail!(
                "after the drain nothing is {what}, but that was refused as {:?}: {error}",
                error.fault()
            ),
            None => bail!("after the drain something was {what} as if nothing had happened"),
        }
    }
    Ok(())
}
