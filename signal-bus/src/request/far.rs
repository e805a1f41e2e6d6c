//! Requests that are asked elsewhere, because nobody here replies.

use std::sync::Arc;

use crate::{
    error::publish::Refusal,
    link::{links::Link, replies::Said},
    publish::Manner,
    request::{NoReply, Question},
    scope::running::Running,
    signal::{AnyValue, Kind, label::Label},
    transport::{Message, TransportError, TransportFault},
};

/// How many who have just left are asked, one after the other.
const ASKED_MAX: u32 = 16;

impl Running {
    /// Asks where nobody here replies: elsewhere, if the topic travels so far.
    pub(super) async fn asks_far(
        self: &Arc<Self>,
        question: Question,
        wants: Kind,
    ) -> Result<Arc<AnyValue>, NoReply> {
        let about = &question.route.about;
        let travels = question.route.travels.is_some() && !question.local;
        let link = self.links.of(&about.topic);
        let Some(link) = link.filter(|link| travels && link.features.requests) else {
            return Err(self.nobody(question));
        };
        let link = Arc::clone(link);
        let message = match self.written(&link, &question, wants) {
            Ok(message) => message,
            Err(error) => return Err(NoReply::Refused(Refusal::Transport(error), question.value)),
        };
        let said = tokio::select! {
            biased;
            said = self.said(&link, &message, wants) => said,
            _ = self.ending.ended() => return Err(NoReply::Closed),
        };
        match said {
            Ok(Said::Value(value)) => Ok(value),
            Ok(Said::Failed(reason)) => Err(NoReply::Failed(reason)),
            Ok(Said::OtherType(name)) => Err(NoReply::OtherType(name)),
            Ok(Said::Gone) => Err(self.nobody(question)),
            Err(error) if error.fault() == TransportFault::NoResponders => {
                Err(self.nobody(question))
            }
            Err(error) => Err(NoReply::Refused(Refusal::Transport(error), question.value)),
        }
    }

    /// Asks, and asks somebody else while whoever got it has just left.
    async fn said(
        &self,
        link: &Link,
        message: &Message,
        wants: Kind,
    ) -> Result<Said, TransportError> {
        let mut times = 0;
        loop {
            let reply = link.connection.request(message).await?;
            let said = self.links.said(&reply, wants)?;
            times += 1;
            if times == ASKED_MAX || !matches!(said, Said::Gone) {
                return Ok(said);
            }
        }
    }

    /// The request as a message; nothing is sent whose reply could not be read.
    fn written(
        &self,
        link: &Link,
        question: &Question,
        wants: Kind,
    ) -> Result<Message, TransportError> {
        let reads = format_args!("be read from a reply");
        self.links.codecs.needed(wants, reads)?;
        let manner = Manner::inside(question.inside);
        let signal = self.labelled(&question.route, Arc::clone(&question.value), manner);
        let Label { about, stamp } = signal.label();
        let written = self.links.message(link, about, stamp, &**signal.as_arc());
        let (message, _) = written?;
        Ok(message)
    }
}
