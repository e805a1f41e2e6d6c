//! Names that are no topics: an answer with position and reason wherever a name can be given, and never a panic.

use std::time::{Duration, Instant};

use signal_bus::{Bus, BusGuard, InvalidTopic, PublishError, SubscribeError, Topic, TopicFault};

use crate::random::Random;
use crate::rates::Rate;
use crate::sizes::size;

async fn bus() -> BusGuard {
    Bus::empty().start().await.unwrap()
}

fn told<T>(error: PublishError<T>) -> InvalidTopic {
    match error {
        PublishError::InvalidTopic { error, .. } => error,
        error => panic!("{error}"),
    }
}

fn told_of_pattern(error: SubscribeError) -> InvalidTopic {
    match error {
        SubscribeError::InvalidPattern { error, .. } => error,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_wrong_topic_is_refused_at_every_way_in_and_the_signal_given_back() -> anyhow::Result<()>
{
    let bus = bus().await;
    let long = "x".repeat(65_536);
    let deep = vec!["x"; 33].join(".");
    let cases = [
        ("", 0, TopicFault::Empty),
        (".", 0, TopicFault::EmptyToken),
        ("a..b", 2, TopicFault::EmptyToken),
        ("a.", 2, TopicFault::EmptyToken),
        ("a b", 1, TopicFault::WhiteSpace),
        ("a\r\nb", 1, TopicFault::WhiteSpace),
        ("a\0b", 1, TopicFault::Control),
        ("a\u{1b}[2J", 1, TopicFault::Control),
        ("orders\u{2024}eu", 6, TopicFault::LookAlike),
        ("orders.\u{FF0A}", 7, TopicFault::LookAlike),
        ("orders.\u{203A}", 7, TopicFault::LookAlike),
        ("orders\u{200B}", 6, TopicFault::Invisible),
        ("\u{202E}orders", 0, TopicFault::Invisible),
        (&long, 256, TopicFault::TooLong),
        (&deep, 64, TopicFault::TooManyTokens),
    ];
    for (name, position, reason) in cases {
        let expected = (position, reason);
        let refused = bus.publish(name, 7_u32).await.unwrap_err();
        if let PublishError::InvalidTopic { signal, .. } = &refused {
            assert_eq!(*signal, 7, "{name:?}");
        }
        let mut told = vec![
            told(refused),
            told(bus.try_publish(name, 7_u32).unwrap_err()),
            told(bus.publish_after(Duration::ZERO, name, 7_u32).unwrap_err()),
            told_of_pattern(bus.subscribe::<u32>(name).unwrap_err()),
            told_of_pattern(bus.subscribe_any(["fine", name]).unwrap_err()),
            told_of_pattern(
                bus.listen(name, |_: signal_bus::Signal<u32>| {})
                    .unwrap_err(),
            ),
            told_of_pattern(bus.once::<u32>(name).unwrap_err()),
            bus.close_topic(name).unwrap_err(),
        ];
        if !name.is_empty() {
            told.push(self::told(
                bus.publisher("").publish(name, 7_u32).await.unwrap_err(),
            ));
        }
        for error in told {
            assert_eq!((error.position, error.reason), expected, "{name:?}");
        }
        assert!(!bus.has_subscribers(name));
        assert!(bus.queue_lengths(name).is_empty());
    }
    let below = bus.publisher("a..b").publish("c", 7_u32).await.unwrap_err();
    assert_eq!(told(below).position, 2, "prefixes are checked as well");
    Ok(())
}

#[tokio::test]
async fn wildcards_are_for_patterns_and_stand_where_they_may() -> anyhow::Result<()> {
    let bus = bus().await;
    for (name, position) in [("a.*", 2), (">", 0), ("a.**", 2), ("a.x*", 3)] {
        let error = told(bus.publish(name, 7_u32).await.unwrap_err());
        assert_eq!(
            (error.position, error.reason),
            (position, TopicFault::Wildcard)
        );
    }
    let error = told(bus.publish("a.{b}.c", 7_u32).await.unwrap_err());
    assert_eq!((error.position, error.reason), (2, TopicFault::Hole));
    assert!(bus.subscribe::<u32>("a.{b}.c").is_ok());
    for (name, position, reason) in [
        (">.a", 0, TopicFault::TailNotLast),
        ("a.>.b", 2, TopicFault::TailNotLast),
        ("a.**.b", 2, TopicFault::TailNotLast),
        ("a.x*", 3, TopicFault::WildcardMixed),
        ("a.***", 2, TopicFault::WildcardMixed),
    ] {
        let error = told_of_pattern(bus.subscribe::<u32>(name).unwrap_err());
        assert_eq!((error.position, error.reason), (position, reason), "{name}");
    }
    let error = told(bus.publish("$bus.dead", 7_u32).await.unwrap_err());
    assert_eq!(error.reason, TopicFault::Reserved);
    let text = bus.subscribe::<u32>("a.>.b").unwrap_err().to_string();
    assert_eq!(
        text,
        r#"cannot subscribe to "a.>.b": invalid topic at byte 2: `>` and `**` must be the last token"#
    );
    Ok(())
}

/// Names are bytes: what looks or reads the same is not, and the limits are those that are said.
#[tokio::test]
async fn names_that_look_alike_are_apart_and_the_longest_are_heard() -> anyhow::Result<()> {
    let bus = bus().await;
    let (longest, deepest) = ("x".repeat(256), vec!["x"; 32].join("."));
    let names = [
        "caf\u{e9}",
        "cafe\u{301}",
        "a",
        "A",
        "\u{1F600}",
        "\u{1F468}\u{1F469}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "\u{645}\u{631}\u{62d}\u{628}\u{627}",
        &longest,
        &deepest,
    ];
    let mut heard = Vec::new();
    for name in names {
        heard.push(bus.subscribe::<usize>(name)?);
    }
    for (number, name) in names.into_iter().enumerate() {
        assert_eq!(bus.publish(name, number).await?.receivers, 1, "{name}");
    }
    for (number, heard) in heard.iter_mut().enumerate() {
        let signal = heard.try_recv().expect("it was published");
        assert_eq!((signal.topic(), *signal), (names[number], number));
        assert!(heard.try_recv().is_none());
    }
    println!("names that look alike: {} heard, each once", names.len());
    Ok(())
}

#[test]
#[should_panic(expected = "invalid topic: longer than 256 bytes")]
fn a_typed_topic_is_checked_where_it_is_made() {
    static LONG: [u8; 257] = [b'x'; 257];
    let long = std::str::from_utf8(&LONG).unwrap();
    assert!(Topic::<u32>::new(long).name().is_empty(), "never reached");
}

/// Random names from an alphabet of trouble: what is refused can be cut at the position, what is accepted arrives.
#[tokio::test]
async fn no_name_makes_it_panic() -> anyhow::Result<()> {
    const ALPHABET: [char; 24] = [
        '.',
        '.',
        '*',
        '>',
        '$',
        'a',
        'b',
        'é',
        '😀',
        '\u{200D}',
        '\0',
        ' ',
        '\u{a0}',
        '\n',
        '\r',
        '\\',
        '{',
        '}',
        '\u{202E}',
        '\u{2024}',
        '\u{FF0A}',
        '\u{FF1E}',
        '\u{10FFFF}',
        'ı',
    ];
    let bus = bus().await;
    let mut all = bus.subscribe_any("**")?;
    let (mut accepted, mut random) = (0, Random(1));
    let (begun, names) = (Instant::now(), size("NAMES", 50_000));
    for _ in 0..names {
        let longest = if random.below(100) == 0 { 400 } else { 9 };
        let length = random.below(longest);
        let mut name: String = (0..length)
            .map(|_| ALPHABET[random.below(ALPHABET.len())])
            .collect();
        if random.below(8) == 0 {
            name.push_str(".{hole}");
        }
        match bus.publish(&name, 7_u32).await {
            Ok(_) => {
                accepted += 1;
                assert_eq!(all.try_recv().unwrap().topic(), name);
            }
            Err(error) => {
                let position = told(error).position;
                assert!(name.is_char_boundary(position), "{name:?} at {position}");
            }
        }
        match bus.subscribe_any(&name) {
            Ok(subscription) => drop(subscription),
            Err(SubscribeError::InvalidPattern { error, .. }) => {
                assert!(name.is_char_boundary(error.position), "{name:?}");
            }
            Err(error) => panic!("{name:?}: {error}"),
        }
        assert!(bus.subscriber_count(&name) <= 1);
        drop(bus.queue_lengths(&name));
    }
    println!("names: {}, {accepted} fine", Rate::since(begun, names));
    assert!(names / 100 < accepted, "{accepted} were fine");
    Ok(())
}
