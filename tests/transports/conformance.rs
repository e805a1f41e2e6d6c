//! The suite that says whether a transport keeps its promises.

use std::{sync::Arc, time::Duration};

use signal_bus::{
    testing::transport::{Conformance, Found, Report, conformance},
    transport::{
        Connection, Deliveries, Features, Interest, LoopbackNetwork, Message, Transport,
        TransportError, TransportFault, TransportFuture,
    },
};

use crate::{
    broken::{Broken, Flaw},
    fake::Fake,
};

#[tokio::test(start_paused = true)]
async fn the_network_in_memory_keeps_all_it_promises_twice_over() {
    let network = LoopbackNetwork::patient_for(Duration::from_secs(2));
    for _ in 0..2 {
        let report = conformance(&network, "conformance").await;
        report.assert();
        let unkept = report.checks.iter().filter(|one| one.found != Found::Kept);
        let unkept: Vec<_> = unkept.map(|one| (one.name, one.found.clone())).collect();
        assert_eq!(unkept, [("durable", Found::NotPromised)]);
    }
}

#[test]
fn it_holds_on_several_threads_and_by_the_true_clock() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let network = LoopbackNetwork::patient_for(Duration::from_millis(200));
    let suite = Conformance::below("two.tokens").limit(Duration::from_secs(2));
    runtime.block_on(suite.check(&network)).assert();
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_to_wait_for_is_not_checked_and_that_is_said() {
    let report = conformance(&LoopbackNetwork::new(), "conformance").await;
    report.assert();
    for name in ["dropped", "extended", "left_to_others"] {
        match report.of(name) {
            Some(Found::NotChecked(why)) => assert!(why.contains("30s is too long"), "{why}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_said_once() {
    let report = conformance(&Fake::default().nowhere(), "conformance").await;
    assert_eq!(report.checks.len(), 1);
    assert!(report.to_string().contains("nobody listens"), "{report}");
}

/// A transport that promises nothing but what all do, and keeps that.
#[derive(Debug, Default)]
struct Modest(LoopbackNetwork);

#[derive(Debug)]
struct ModestConnection(Arc<dyn Connection>);

impl Transport for Modest {
    fn name(&self) -> String {
        "modest".into()
    }

    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        Box::pin(async {
            let connection = ModestConnection(self.0.connect(patterns).await?);
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }
}

impl Connection for ModestConnection {
    fn features(&self) -> Features {
        Features::none()
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        self.0.publish(message)
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(async {
            if interest.group.is_some() {
                let reason = "there are no groups here";
                return Err(TransportError::new(TransportFault::Refused, reason));
            }
            self.0.subscribe(interest).await
        })
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.0.drain()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_promised_is_not_asked_for() {
    let report = conformance(&Modest::default(), "conformance").await;
    report.assert();
    for name in [
        "ordered",
        "again",
        "one_member",
        "replayed",
        "stored_once",
        "replied",
    ] {
        assert_eq!(report.of(name), Some(&Found::NotPromised), "{name}");
    }
    assert_eq!(report.of("everyone"), Some(&Found::Kept));
}

async fn report(flaw: Flaw) -> Report {
    let suite = Conformance::below("conformance").limit(Duration::from_secs(4));
    suite.check(&Broken::new(flaw)).await
}

/// A flaw, the promise that it breaks, and what is said of it.
const FLAWS: &[(Flaw, &str, &str)] = &[
    (Flaw::LosesSome, "everyone", "only 198 of 200 came"),
    (Flaw::LosesSome, "ordered", "only 9"),
    (Flaw::SwapsTwo, "ordered", "message 5 came before message 4"),
    (Flaw::Duplicates, "everyone", "came more than once"),
    (Flaw::TrimsHeaders, "as_it_was", "the header \"spaces\" was"),
    (Flaw::CutsPayloads, "as_it_was", "65536 bytes came as 32768"),
    (Flaw::HearsTooMuch, "patterns", "to `a.*`"),
    (Flaw::BeginsTooEarly, "from_now", "\"before\""),
    (Flaw::LosesInACrowd, "at_once", "of 400 came"),
    (Flaw::IgnoresGroups, "one_member", "came as well"),
    (Flaw::ForgetsGroups, "kept_for_the_next", "only 0 of 5 came"),
    (Flaw::MixesGroups, "each_group", "of 40 came"),
    (Flaw::KeepsWhatComesBack, "again", "it did not come again"),
    (Flaw::CountsNoAttempts, "again", "attempt 1 after attempt 1"),
    (Flaw::HurriesBack, "again_later", "it was to rest for 400ms"),
    (Flaw::ForgetsVerdicts, "over", "after Done: \"it\" came"),
    (Flaw::ForgetsDead, "over", "after Dead"),
    (Flaw::KeepsWhatIsDropped, "dropped", "did not come again"),
    (Flaw::KeepsWhatIsDropped, "left_to_others", "only 7 of 9"),
    (
        Flaw::ExtendsNothing,
        "extended",
        "though its handler still ran",
    ),
    (Flaw::CannotBeAcknowledged, "over", "cannot be acknowledged"),
    (Flaw::StoresTwice, "stored_once", "came more than once"),
    (Flaw::ReplaysNothing, "replayed", "came"),
    (Flaw::LosesTheSeam, "replayed", "after 199 with sequence"),
    (Flaw::HasNoSequence, "replayed", "without a sequence"),
    (Flaw::GoesOnTooEarly, "replayed_after", "after sequence"),
    (Flaw::PublishesAfterDrain, "drained", "taken as if"),
    (Flaw::RefusesOddly, "drained", "refused as Refused: no"),
    (Flaw::NeverEnds, "drained", "a stream had not ended"),
    (Flaw::KeepsWhatItFetched, "handed_back", "patience"),
    (Flaw::ForgetsLastWords, "left_before", "only 47 of 50 came"),
    (Flaw::EndsOthersToo, "dropped_stream", "a stream ended"),
    (Flaw::StumblesOverGivenUp, "cancelled", "had not ended"),
    (Flaw::NeverAnswers, "everyone", "a publish had not ended"),
    (Flaw::Panics, "everyone", "it panicked: not today"),
    (Flaw::ChangesItsMind, "connecting", "and another one"),
    (Flaw::LeasesToAll, "one_holder", "have it"),
    (Flaw::LeasesToAll, "renewed", "`bob` gets it, and `ann` has"),
    (Flaw::NamesNobody, "one_holder", "is said to have it"),
    (Flaw::LeasesForEver, "left_alone", "is said to be free in"),
    (
        Flaw::LeasesTooBriefly,
        "left_alone",
        "was given to another after 375ms",
    ),
    (
        Flaw::RenewsNothing,
        "renewed",
        "`bob` gets it, and `ann` has",
    ),
    (
        Flaw::ReleasesNothing,
        "given_back",
        "who waits was not told",
    ),
    (Flaw::TellsNobody, "given_back", "who waits was not told"),
    (
        Flaw::ReleasesForOthers,
        "not_given_away",
        "`bob` gets it, and",
    ),
    (Flaw::ForgetsMarks, "marked", "`ann` sees no mark"),
    (Flaw::ForgetsItsAge, "marked", "said to be of 0ns ago"),
    (Flaw::MarksForAll, "marked", "and is 18446744073709551615"),
    (
        Flaw::MixesLeases,
        "leases_apart",
        "a mark of `A`, and it is",
    ),
    (Flaw::MixesReplies, "replied", "`one` got"),
    (Flaw::WaitsForNobody, "nobody_replies", "had not ended"),
    (Flaw::AsksEverybody, "one_responder", "came as well"),
    (Flaw::PublishesRequests, "requests_apart", "came as well"),
    (
        Flaw::StumblesOverGivenUpRequests,
        "given_up_requests",
        "no request came",
    ),
    (Flaw::ServesAfterDrain, "requests_drained", "as if nothing"),
    (Flaw::DropsAtOnce, "handed_over", "only 29"),
    (Flaw::TakesAndSaysNo, "handed_over", "came more than once"),
    (Flaw::HandsOverLate, "handed_over", "came in that order"),
    (
        Flaw::TakesAfterDrain,
        "handed_over",
        "after the drain something was handed over",
    ),
];

#[tokio::test(start_paused = true)]
async fn each_broken_promise_is_told_by_name_with_what_was_seen() {
    let mut wrong = Vec::new();
    let mut flaw = None;
    let mut seen = None;
    for (next, name, said) in FLAWS {
        if flaw != Some(*next) {
            (flaw, seen) = (Some(*next), Some(report(*next).await));
        }
        let report = seen.as_ref().unwrap();
        match report.of(name) {
            Some(Found::Broken(text)) if text.contains(said) => {}
            other => wrong.push(format!("{next:?}: {name}: {other:?}, not {said:?}")),
        }
        assert!(!report.is_kept(), "{next:?}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_flaw_breaks_what_it_breaks_and_nothing_else() {
    for (flaw, names) in [
        (Flaw::SwapsTwo, &["ordered"][..]),
        (Flaw::HurriesBack, &["again_later"]),
        (Flaw::PublishesAfterDrain, &["drained"]),
        (Flaw::ExtendsNothing, &["extended"]),
        (Flaw::TrimsHeaders, &["as_it_was"]),
        (Flaw::StoresTwice, &["stored_once"]),
        (Flaw::GoesOnTooEarly, &["replayed_after"]),
    ] {
        let report = report(flaw).await;
        let broken: Vec<_> = report.broken().map(|check| check.name).collect();
        assert!(names.iter().all(|name| broken.contains(name)), "{report}");
        let others = broken.iter().filter(|name| !names.contains(name));
        // Two that are swapped may be the last of a check, too.
        assert!(flaw == Flaw::SwapsTwo || others.count() == 0, "{report}");
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "BROKEN: ordered: messages of one sender on one topic come in in their order; but message 5 came before"
)]
async fn a_test_fails_with_the_promise_and_what_was_seen() {
    report(Flaw::SwapsTwo).await.assert();
}
