//! If it starts, every signal has a reader of the right type: what does not fit is said at start, all at once.

#![allow(dead_code, reason = "what is only checked need not be called")]

use signal_bus::{Bus, FindingKind, StartError, Topology, inject, provider, publisher, subscriber};

fn bus(module: &str) -> Bus {
    Bus::new().within(&format!("{}::{module}", module_path!()))
}

fn errors(module: &str) -> StartError {
    bus(module).check().unwrap_err()
}

mod types {
    use super::{publisher, subscriber};

    #[publisher("types.a")]
    async fn text() -> String {
        String::new()
    }

    #[subscriber("types.a")]
    async fn number(_number: u32) {}

    #[publisher("types.{region}.b")]
    async fn template(region: &str) -> u8 {
        0
    }

    #[subscriber("types.eu.b")]
    async fn exact(_number: u16) {}

    #[subscriber("types.>")]
    async fn typed_pattern(_number: u32) {}
}

#[test]
fn two_types_on_one_topic_are_refused_with_both_places() {
    let error = errors("types");
    assert!(
        error
            .findings
            .iter()
            .all(|finding| finding.kind == FindingKind::TypeMismatch)
    );
    let text = error.to_string();
    assert!(text.contains("topic `types.a` carries two types"), "{text}");
    assert!(
        text.contains("::text (tests/behaviour/wiring.rs:19) publishes `alloc::string::String`"),
        "{text}"
    );
    assert!(
        text.contains("::number (tests/behaviour/wiring.rs:24) subscribes to `u32`"),
        "{text}"
    );
    assert!(
        text.contains("topic `types.eu.b` carries two types"),
        "{text}"
    );
    assert!(
        text.contains("topic `types.*.b` carries two types"),
        "{text}"
    );
}

mod needs {
    use super::{inject, provider, subscriber};

    pub(super) struct A;
    pub(super) struct B;
    pub(super) struct Missing;

    #[provider]
    fn a(_b: &B) -> A {
        A
    }

    #[provider]
    fn b(_a: &A) -> B {
        B
    }

    #[inject]
    async fn factory(#[inject] _missing: &Missing) -> u8 {
        0
    }

    #[subscriber("wiring.needs")]
    #[inject(number = factory)]
    async fn cyclic(_signal: (), number: u8, #[inject] _a: &A, #[inject] _missing: &Missing) {
        let _ = number;
    }

    #[provider]
    fn one() -> u64 {
        1
    }

    #[provider]
    fn two() -> u64 {
        2
    }

    #[subscriber("wiring.needs")]
    async fn twice(_signal: (), #[inject] _number: u64) {}
}

#[test]
fn missing_doubled_and_circular_providers_come_in_one_error() {
    let begun = std::time::Instant::now();
    let error = errors("needs");
    println!("needs: refused after {:?}", begun.elapsed());
    let kinds: Vec<_> = error.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(
        kinds,
        [
            FindingKind::MissingProvider,
            FindingKind::ProviderCycle,
            FindingKind::DuplicateProvider
        ]
    );
    let text = error.to_string();
    assert!(
        text.starts_with("the bus cannot start, for 3 reasons:"),
        "{text}"
    );
    assert!(
        text.contains(
            "nothing provides `behaviour::wiring::needs::Missing`: add `.provide(value)`"
        ),
        "{text}"
    );
    assert!(
        text.contains("needs::A -> behaviour::wiring::needs::B -> behaviour::wiring::needs::A"),
        "{text}"
    );
    assert!(text.contains("`u64` has 2 providers"), "{text}");
    let missing = &error.findings[0].places;
    let functions: Vec<_> = missing.iter().map(|(site, _)| site.function).collect();
    assert_eq!(functions, ["factory", "cyclic"]);
}

#[test]
fn a_value_a_replacement_or_a_choice_heals_it() {
    use needs::{A, Missing};
    let healed = bus("needs").provide(A).provide(Missing).provide(7_u64);
    assert!(healed.check().is_ok(), "{:?}", healed.check());
}

mod lonely {
    use super::{publisher, subscriber};

    #[publisher("wiring.unheard")]
    async fn speak() -> u8 {
        0
    }

    #[subscriber("wiring.unfed")]
    async fn wait(_number: u8) {}

    #[subscriber("$bus.dead")]
    async fn bury(_letter: &signal_bus::DeadLetter) {}

    #[publisher("wiring.{region}.fed")]
    async fn feed(region: &str) -> u8 {
        0
    }

    #[subscriber("wiring.eu.fed", "wiring.*.fed")]
    async fn eat(_number: u8) {}
}

#[test]
fn who_has_no_counterpart_is_warned_of_and_refused_if_strict() {
    let topology = bus("lonely").check().unwrap();
    let kinds: Vec<_> = topology
        .warnings()
        .iter()
        .map(|finding| finding.kind)
        .collect();
    assert_eq!(kinds, [FindingKind::Unheard, FindingKind::Unfed]);
    let error = bus("lonely").strict().check().unwrap_err().to_string();
    assert!(error.contains("nobody hears `wiring.unheard`"), "{error}");
    assert!(
        error.contains("no publisher feeds `wiring.unfed`"),
        "{error}"
    );
    assert!(
        error.contains("::speak (tests/behaviour/wiring.rs:"),
        "{error}"
    );
}

mod circle {
    use super::{publisher, subscriber};

    #[subscriber("wiring.circle.a")]
    #[publisher("wiring.circle.b")]
    async fn there(number: u8) -> u8 {
        number
    }

    #[subscriber("wiring.circle.*")]
    #[publisher("wiring.circle.a")]
    async fn back(number: u8) -> Option<u8> {
        number.checked_sub(1)
    }
}

#[test]
fn circles_of_topics_are_reported_and_not_refused() {
    let topology = bus("circle").strict().check().unwrap();
    let circles: Vec<_> = topology
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(circles.len(), 2, "{circles:?}");
    assert!(
        circles[0].contains("topics feed each other in a circle: wiring.circle"),
        "{circles:?}"
    );
}

#[test]
fn the_topology_reads_as_text_and_guards_itself_by_a_file() {
    let topology: Topology = bus("lonely").check().unwrap();
    let lock = topology.to_lock();
    let expected = "\
$bus.dead: signal_bus::observe::letters::DeadLetter
    heard by behaviour::wiring::lonely::bury
wiring.*.fed: u8
    heard by behaviour::wiring::lonely::eat
";
    assert!(lock.contains(expected), "{lock}");
    assert!(
        !lock.contains(".rs:"),
        "lines of files change too often: {lock}"
    );
    assert!(
        topology
            .to_string()
            .contains("::bury (tests/behaviour/wiring.rs:"),
        "{topology}"
    );

    let folder = std::env::temp_dir().join(format!("signal-bus-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("topology.lock");
    let error = topology.check_lock(&file).unwrap_err().to_string();
    assert!(
        error.contains("SIGNAL_BUS_LOCK=update creates it"),
        "{error}"
    );
    std::fs::write(
        &file,
        lock.replace("u8\n    heard by behaviour::wiring::lonely::wait", "u16"),
    )
    .unwrap();
    let error = topology.check_lock(&file).unwrap_err().to_string();
    assert!(
        error.contains("\n- wiring.unfed: u16\n+ wiring.unfed: u8\n+     heard by"),
        "{error}"
    );
    std::fs::write(&file, lock).unwrap();
    topology.check_lock(&file).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

mod own {
    use signal_bus::{DeadLetter, subscriber};

    #[subscriber("$bus.dead")]
    async fn another_type(_letter: &u32) {}

    #[subscriber("$bus.ded")]
    async fn misspelt(_letter: &DeadLetter) {}

    #[subscriber("$bus.>")]
    async fn one_of_them(_letter: &DeadLetter) {}
}

#[tokio::test]
async fn the_bus_s_own_topics_are_known_and_so_are_their_types() -> anyhow::Result<()> {
    let bus = Bus::new().within(concat!(module_path!(), "::own"));
    let text = bus.start().await.unwrap_err().to_string();
    for part in [
        "3 reasons",
        "`$bus.dead` carries `signal_bus::observe::letters::DeadLetter`, not `u32`\n    behaviour::wiring::own::another_type",
        "the bus has no topic of its own like `$bus.ded`; it has `$bus.dead`, `$bus.subscriber.added.>`",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let bus = Bus::empty().start().await?;
    let error = bus.subscribe::<u32>("$bus.subscriber.added.a.>");
    assert!(matches!(
        error,
        Err(signal_bus::SubscribeError::OwnTopic { .. })
    ));
    assert!(bus.subscribe::<signal_bus::DeadLetter>("$bus.>").is_ok());
    Ok(())
}

mod nearly {
    use super::{publisher, subscriber};

    #[publisher("nearly.text")]
    async fn borrowed() -> &'static str {
        "text"
    }

    #[subscriber("nearly.text")]
    async fn owned(_text: String) {}

    #[publisher("nearly.rows")]
    async fn row() -> u32 {
        1
    }

    #[subscriber("nearly.rows")]
    async fn rows(_rows: Vec<u32>) {}
}

#[tokio::test]
async fn types_that_are_often_mixed_up_are_told_what_to_write() -> anyhow::Result<()> {
    let text = errors("nearly").to_string();
    for message in [
        "topic `nearly.text` carries two types; publish a `String`: `\"text\".to_owned()`\n",
        "topic `nearly.rows` carries two types; to take several at once, write `batch = 100` in `#[subscriber(..)]`\n",
    ] {
        assert!(text.contains(message), "{text}");
    }
    let bus = Bus::empty().start().await?;
    let _reader = bus.subscribe::<String>("nearly.by_hand")?;
    let refused = bus.publish("nearly.by_hand", "text").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "topic `nearly.by_hand` carries `alloc::string::String`, not `&str`; publish a `String`: `\"text\".to_owned()`"
    );
    let refused = bus.subscribe::<&'static str>("nearly.by_hand").unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("; take a `String`, not a `&'static str`"),
        "{refused}"
    );
    Ok(())
}

mod namesakes {
    use super::{publisher, subscriber};

    const _: () = {
        #[derive(Clone)]
        struct Order;

        #[publisher("wiring.namesakes")]
        async fn order() -> Order {
            Order
        }
    };

    const _: () = {
        struct Order;

        #[subscriber("wiring.namesakes")]
        async fn store(_order: &Order) {}
    };
}

/// As those of two versions of a crate: their names alone would say nothing.
#[test]
fn two_types_of_one_name_are_called_so() {
    let text = errors("namesakes").to_string();
    let expected = "topic `wiring.namesakes` carries two types; these are two types of one name";
    assert!(text.contains(expected), "{text}");
}
