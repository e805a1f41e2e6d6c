//! What transports promise that have leases.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use crate::{
    testing::transport::{
        Check,
        stage::{Party, Stage, answer},
    },
    transport::{Holding, Lease, LeaseRequest, Mark},
};

/// The scope of all leases of the suite: where it stands for something of the server, that is there only once.
const SCOPE: &str = "conformance";

pub(super) fn checks() -> Vec<Check> {
    let all = [
        Check::of_all(
            "one_holder",
            "of many who ask for a lease at once, on their own connections, one has it, and the others are told who",
            |stage| Box::pin(one_holder(stage)),
        ),
        Check::of_all(
            "renewed",
            "a lease is its holder's for as long as he asks for it again in time",
            |stage| Box::pin(renewed(stage)),
        ),
        Check::of_all(
            "left_alone",
            "a lease is free for another when its time is over, and not before",
            |stage| Box::pin(left_alone(stage)),
        ),
        Check::of_all(
            "given_back",
            "a lease that is released is free at once, and who waits for it is told",
            |stage| Box::pin(given_back(stage)),
        ),
        Check::of_all(
            "not_given_away",
            "a lease is not released by whoever has not got it",
            |stage| Box::pin(not_given_away(stage)),
        ),
        Check::of_all(
            "marked",
            "the mark of a lease stays as it was set, with its age, whoever has the lease",
            |stage| Box::pin(marked(stage)),
        ),
        Check::of_all(
            "leases_apart",
            "leases of other names have other holders and marks",
            |stage| Box::pin(leases_apart(stage)),
        ),
    ];
    let leasing = all.map(|check| check.if_promised(|features| features.leases));
    leasing.into()
}

/// One who asks for a lease.
struct Asker {
    lease: Arc<dyn Lease>,
    name: String,
    limit: Duration,
}

impl Asker {
    async fn ask(&self, mark: Option<u64>) -> anyhow::Result<Holding> {
        let held = answer("to ask for a lease", self.limit, self.lease.hold(mark)).await?;
        held.context("to ask for a lease failed")
    }

    /// Asks for what is free, or his own.
    async fn gets(&self, mark: Option<u64>) -> anyhow::Result<Option<Mark>> {
        match self.ask(mark).await? {
            Holding::Ours { marked } => Ok(marked),
            Holding::Theirs { holder, .. } => {
                bail!("`{}` does not get it, for `{holder}` has it", self.name)
            }
        }
    }

    /// Asks for what another has; how long that is his.
    async fn must_wait(&self, other: &Self) -> anyhow::Result<Duration> {
        match self.ask(Some(u64::MAX)).await? {
            Holding::Ours { .. } => bail!("`{}` gets it, and `{}` has it", self.name, other.name),
            Holding::Theirs { holder, free_in } => {
                let name = &other.name;
                ensure!(
                    holder == *name,
                    "`{name}` has it, and `{holder}` is said to"
                );
                Ok(free_in)
            }
        }
    }

    async fn gives_back(&self) -> anyhow::Result<()> {
        let released = answer("to release a lease", self.limit, self.lease.release()).await?;
        released.context("to release a lease failed")
    }
}

/// The time of a lease: long beside a glance, and short beside the limit.
fn time_of(stage: &Stage<'_>) -> Duration {
    stage.limit / 8
}

impl Party<'_> {
    /// One who asks over this connection.
    async fn asker(&self, lease: &str, name: &str) -> anyhow::Result<Asker> {
        let stage = self.stage;
        let lease = format!("{}::{lease}", stage.root.replace('.', "::"));
        let request = LeaseRequest::new(SCOPE, lease, time_of(stage));
        let request = request.held_by(name);
        let lease = self.connection.lease(&request);
        let lease = answer("to prepare for a lease", stage.limit, lease).await?;
        Ok(Asker {
            lease: lease.context("to prepare for a lease failed")?,
            name: name.to_owned(),
            limit: stage.limit,
        })
    }
}

/// Two who ask for one lease, on connections of their own.
async fn two(stage: &Stage<'_>) -> anyhow::Result<[Asker; 2]> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    Ok([
        here.asker("it", "ann").await?,
        there.asker("it", "bob").await?,
    ])
}

async fn one_holder(stage: &Stage<'_>) -> anyhow::Result<()> {
    const ASKERS: usize = 8;
    let mut askers = JoinSet::new();
    for number in 0..ASKERS {
        let asker = stage.connect().await?;
        let asker = asker.asker("it", &number.to_string()).await?;
        askers.spawn(async move {
            let held = asker.ask(None).await;
            (asker.name, held)
        });
    }
    let (mut holders, mut told) = (Vec::new(), Vec::new());
    while let Some(asked) = askers.join_next().await {
        let (name, held) = asked.context("to ask for a lease panicked")?;
        match held? {
            Holding::Ours { marked: None } => holders.push(name),
            Holding::Ours { marked } => bail!("nobody has set a mark, and it is {marked:?}"),
            Holding::Theirs { holder, .. } => told.push(holder),
        }
    }
    ensure!(holders.len() == 1, "{holders:?} have it");
    let wrong = told.iter().find(|holder| **holder != holders[0]);
    ensure!(
        wrong.is_none(),
        "{wrong:?} is said to have it, and {holders:?} does"
    );
    Ok(())
}

async fn renewed(stage: &Stage<'_>) -> anyhow::Result<()> {
    let [ann, bob] = two(stage).await?;
    ann.gets(None).await?;
    for _ in 0..6 {
        bob.must_wait(&ann).await?;
        time::sleep(time_of(stage) / 2).await;
        ann.gets(None).await?;
    }
    bob.must_wait(&ann).await?;
    Ok(())
}

async fn left_alone(stage: &Stage<'_>) -> anyhow::Result<()> {
    let [ann, bob] = two(stage).await?;
    let time = time_of(stage);
    for (holder, other) in [(&ann, &bob), (&bob, &ann)] {
        let asked = Instant::now();
        holder.gets(None).await?;
        let held_at = Instant::now();
        let free_in = other.must_wait(holder).await?;
        ensure!(
            free_in <= time,
            "a lease of {time:?} is said to be free in {free_in:?}"
        );
        loop {
            let looked = Instant::now();
            if let Holding::Ours { .. } = other.ask(None).await? {
                break;
            }
            let late = looked.saturating_duration_since(held_at + time);
            ensure!(
                late < stage.limit,
                "a lease of {time:?} is not free {late:?} after that"
            );
            time::sleep(time / 20).await;
        }
        let kept = asked.elapsed();
        ensure!(
            time <= kept,
            "a lease of {time:?} was given to another after {kept:?}"
        );
        holder.must_wait(other).await?;
        // Then the next round begins as the first one has.
        other.gives_back().await?;
    }
    Ok(())
}

async fn given_back(stage: &Stage<'_>) -> anyhow::Result<()> {
    let [ann, bob] = two(stage).await?;
    ann.gets(None).await?;
    let free_in = bob.must_wait(&ann).await?;
    ann.gives_back().await?;
    let asked = Instant::now();
    // It need not be told, but what is told must not come late.
    drop(time::timeout(free_in, bob.lease.released()).await);
    let told = asked.elapsed();
    bob.gets(None).await?;
    ann.must_wait(&bob).await?;
    ensure!(
        told < free_in,
        "who waits was not told for {told:?}, which is until it would have been free anyway"
    );
    Ok(())
}

async fn not_given_away(stage: &Stage<'_>) -> anyhow::Result<()> {
    let [ann, bob] = two(stage).await?;
    ann.gets(None).await?;
    bob.gives_back().await?;
    bob.must_wait(&ann).await?;
    bob.gives_back().await?;
    bob.must_wait(&ann).await?;
    ann.gets(None).await?;
    Ok(())
}

async fn marked(stage: &Stage<'_>) -> anyhow::Result<()> {
    let [ann, bob] = two(stage).await?;
    // As large as any, and the clocks of an engine may be coarse.
    let (number, grain) = (u64::MAX - 7, Duration::from_millis(5));
    let before = Instant::now();
    ann.gets(Some(number)).await?;
    let after = Instant::now();
    // Who must wait sets no mark.
    bob.must_wait(&ann).await?;
    time::sleep(time_of(stage) / 2).await;
    for (asker, gives_back) in [(&ann, true), (&bob, false), (&bob, true), (&ann, false)] {
        let least = after.elapsed();
        let mark = asker.gets(None).await?;
        let mark = mark.with_context(|| format!("`{}` sees no mark", asker.name))?;
        let most = before.elapsed();
        ensure!(
            mark.number == number,
            "the mark was {number} and is {}",
            mark.number
        );
        ensure!(
            least <= mark.ago + grain && mark.ago <= most + grain,
            "the mark was set {least:?} to {most:?} ago, and is said to be of {:?} ago",
            mark.ago
        );
        if gives_back {
            asker.gives_back().await?;
        }
        time::sleep(time_of(stage) / 4).await;
    }
    let mark = ann.gets(Some(1)).await?;
    ensure!(
        mark.is_some_and(|mark| mark.number == 1 && mark.ago <= time_of(stage)),
        "a mark was set anew, and is {mark:?}"
    );
    Ok(())
}

async fn leases_apart(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let names = ["a", "a::b", "a_b", "A", "a::Ünï<T>", "a.b"];
    for name in names {
        let ann = here.asker(name, "ann").await?;
        let mark = ann.gets(None).await?;
        ensure!(
            mark.is_none(),
            "nobody has set a mark of `{name}`, and it is {mark:?}"
        );
        ann.gets(Some(7)).await?;
    }
    let bob = there.asker("b", "bob").await?;
    let mark = bob.gets(None).await?;
    ensure!(
        mark.is_none(),
        "nobody has set a mark of `b`, and it is {mark:?}"
    );
    Ok(())
}
