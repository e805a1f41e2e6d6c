//! Whether somebody still fetches.

use tokio::sync::watch;

/// How far somebody who fetches has gone: `Here ──▶ Leaves ──▶ Gone`.
#[derive(Debug)]
pub(super) struct Going(watch::Sender<Stage>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Here,
    /// Nobody reads any more, and the server may not know it yet.
    Leaves,
    /// The server sends nothing more.
    Gone,
}

impl Default for Going {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::Here))
    }
}

impl Going {
    pub(super) fn leave(&self) {
        self.advance(Stage::Leaves);
    }

    pub(super) fn ended(&self) {
        self.advance(Stage::Gone);
    }

    /// Waits until nobody reads any more.
    pub(super) async fn leaves(&self) {
        self.reaches(Stage::Leaves).await;
    }

    /// Waits while the server may still send what nobody would read.
    ///
    /// What goes back just then could be sent here once more. A server 2.9 also forgets one that goes back while it knows of no request but
    /// those of somebody who has left, and that one waits for the server's patience.
    pub(super) async fn is_settled(&self) {
        if *self.0.borrow() == Stage::Leaves {
            self.reaches(Stage::Gone).await;
        }
    }

    async fn reaches(&self, stage: Stage) {
        let mut stages = self.0.subscribe();
        // It is kept by whoever waits.
        drop(stages.wait_for(|now| stage <= *now).await);
    }

    fn advance(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let further = *now < stage;
            *now = stage.max(*now);
            further
        });
    }
}
