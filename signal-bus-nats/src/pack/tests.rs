//! Packs come back as they were, and what is none harms nobody.

use bytes::Bytes;
use proptest::prelude::*;
use signal_bus::{
    Headers,
    transport::{Message, header},
};

use super::{
    BEFORE, CONTENT_TYPE, COUNT, FAULT, Sent, VERSIONED, Writer, headers, open, reach,
    writing::WRITTEN_MAX,
};
use crate::wire;

/// What a pack is on the wire.
fn pack(payload: impl Into<Bytes>, count: &str) -> Message {
    let headers = Headers::new().with(header::CONTENT_TYPE, VERSIONED);
    Message::new("t", payload, headers.with(COUNT, count))
}

fn packed(messages: &[Message]) -> Message {
    let mut writer = Writer::default();
    messages.iter().for_each(|message| writer.write(message));
    pack(writer.take(), &messages.len().to_string())
}

fn opened(message: Message) -> Vec<Message> {
    let mut all = vec![(Message::new("before", "", Headers::new()), 1)];
    open(message, 7, &mut all);
    let mut all = all.into_iter().map(|(message, _)| message);
    assert_eq!(&*all.next().unwrap().topic, "before", "others stay");
    all.collect()
}

/// Why a pack is none; it is as it was, otherwise.
fn fault(pack: &Message) -> String {
    let mut all = opened(pack.clone());
    let dead = all.pop().expect("it is a message");
    assert!(all.is_empty(), "{all:?}");
    assert_eq!(dead.payload, pack.payload);
    let content_type = pack.headers.get(header::CONTENT_TYPE);
    assert_eq!(dead.headers.get(header::CONTENT_TYPE), content_type);
    dead.headers.get(FAULT).expect("it says why").to_owned()
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let name = prop_oneof![
        Just(header::ID.to_owned()),
        "[A-Ca-c!-9]{1,3}",
        "[a-z]{150}"
    ];
    let text = prop_oneof!["[^\r\n\0]{0,8}", "same", "s[a-z]{140}e"];
    let headers = prop::collection::vec((name, text), 0..12);
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    let message = (headers, payload)
        .prop_map(|(headers, payload)| Message::new("t", payload, headers.into_iter().collect()));
    prop::collection::vec(message, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signals_come_out_as_they_went_in(messages in messages()) {
        let pack = packed(&messages);
        let reach: usize = messages.iter().map(reach).sum();
        prop_assert!(pack.payload.len() <= reach);
        for message in &messages {
            let alone = wire::size(&wire::headers(message), &message.payload);
            prop_assert!(alone <= 3 * super::reach(message));
        }
        prop_assert_eq!(opened(pack), messages);
    }

    #[test]
    fn whatever_comes_as_a_pack_harms_nobody(
        payload in prop::collection::vec(any::<u8>(), 0..600),
        count in 0_usize..200,
    ) {
        opened(pack(payload, &count.to_string()));
    }

    #[test]
    fn a_pack_with_a_wrong_byte_harms_nobody(
        messages in messages(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let good = packed(&messages);
        let mut payload = good.payload.to_vec();
        let at = at.index(payload.len());
        payload[at] = byte;
        let bad = Message::new("t", payload, good.headers);
        let all = opened(bad);
        prop_assert!(all.len() == 1 || all.len() == messages.len());
    }

    #[test]
    fn a_pack_that_is_cut_off_is_none(messages in messages(), at in any::<prop::sample::Index>()) {
        let good = packed(&messages);
        let cut = good.payload.slice(..at.index(good.payload.len()));
        fault(&Message::new("t", cut, good.headers));
    }
}

#[test]
fn what_is_the_same_stands_once() {
    let content_type = "application/json; type=\"a::long::name::of::a::Type\"";
    let node = "98ab33398942614c41bd5020418ddc60";
    let signal = |number: usize| {
        let headers = Headers::new()
            .with(header::CONTENT_TYPE, content_type)
            .with(header::ID, format!("{node}-1795301472896484-{number}"))
            .with(header::PARENT, format!("{node}-1795301472896484-7"))
            .with(header::ROOT, format!("{node}-1795301472896484-7"));
        Message::new("t", "12345", headers)
    };
    let all: Vec<_> = (1000..1100).map(signal).collect();
    let pack = packed(&all);
    // Three lengths, three digits, and the payload with its own.
    assert!(
        pack.payload.len() < 100 * 14 + 300,
        "{}",
        pack.payload.len()
    );
    assert_eq!(opened(pack), all);
}

#[test]
fn a_payload_is_not_copied() {
    let all = vec![Message::new("t", "a payload", Headers::new()); 3];
    let pack = packed(&all);
    let within = pack.payload.as_ptr_range();
    for message in opened(pack) {
        assert!(within.contains(&message.payload.as_ptr()));
    }
}

#[test]
fn what_is_no_pack_stays_as_it_is() {
    let plain = Message::new("t", "7", Headers::new().with("A", "b"));
    assert_eq!(opened(plain.clone()), [plain]);
    let other = Headers::new().with(header::CONTENT_TYPE, format!("{CONTENT_TYPE}s"));
    let other = Message::new("t", "7", other);
    assert_eq!(opened(other.clone()), [other]);
}

#[test]
fn a_pack_in_a_pack_is_a_message_that_nobody_can_read() {
    let inner = packed(&[Message::new("t", "7", Headers::new())]);
    assert_eq!(opened(packed(std::slice::from_ref(&inner))), [inner]);
}

#[test]
fn a_pack_that_claims_what_cannot_be_is_none() {
    let one = packed(&[Message::new("t", "7", Headers::new().with("A", "b"))]).payload;
    let two = [&one[..], &one[..]].concat();
    for count in ["", "0", "-1", "1e3", "16385", "99999999999999999999"] {
        let fault = fault(&pack(two.clone(), count));
        assert!(
            fault.contains("no number that could be"),
            "{count}: {fault}"
        );
    }
    let too_short = fault(&pack(vec![0; 7], "2"));
    assert!(too_short.contains("no number"), "{too_short}");
    assert_eq!(fault(&pack(two, "1")), "bytes follow the last signal");
    assert!(fault(&pack(Bytes::new(), "1")).contains("no number"));
    let newer = Headers::new().with(header::CONTENT_TYPE, format!("{CONTENT_TYPE}; version=2"));
    assert!(fault(&Message::new("t", one.clone(), newer)).contains("version 1"));
    for (payload, said) in [
        // A length that is far beyond the end, and one of five bytes.
        (
            &[0, 0, 0xff, 0xff, 0xff, 0x7f, 1][..],
            "the headers are cut off, of signal 1",
        ),
        (
            &[0, 0, 0x80, 0x80, 0x80, 0x80, 1],
            "the headers are cut off, of signal 1",
        ),
        (&[0, 0, 0, 9, 1], "the payload is cut off, of signal 1"),
        (
            &[1, 0, 0, 0],
            "the headers begin as none before, of signal 1",
        ),
        (&[0, 1, 0, 0], "the headers end as none before, of signal 1"),
        (&[0, 0, 2, 1, b'A', 0], "the headers are none, of signal 1"),
        // Names and texts that could not stand on lines of their own.
        (
            &[0, 0, 4, 1, b':', 1, b'b', 0],
            "the headers are none, of signal 1",
        ),
        (
            &[0, 0, 3, 0, 1, b'b', 0],
            "the headers are none, of signal 1",
        ),
        (
            &[0, 0, 4, 1, b'A', 1, b'\n', 0],
            "the headers are none, of signal 1",
        ),
        (
            &[0, 0, 4, 1, b'A', 1, 0xff, 0],
            "the headers are none, of signal 1",
        ),
    ] {
        assert_eq!(fault(&pack(payload.to_vec(), "1")), said, "{payload:?}");
    }
    // What begins and ends as the one before must not be more than that.
    let more = [&one[..], &[3, 3, 0, 0]].concat();
    assert!(fault(&pack(more, "2")).contains("of signal 2"));
}

#[test]
fn a_small_pack_cannot_make_much_of_itself() {
    let large = Message::new("t", "", Headers::new().with("A", "b".repeat(10_000)));
    let mut payload = packed(std::slice::from_ref(&large)).payload.to_vec();
    let length = 10_000 + 4;
    for _ in 0..200 {
        super::number::put(&mut payload, length);
        payload.extend([0, 0, 0]);
    }
    let fault = fault(&pack(payload, "201"));
    assert!(
        fault.starts_with("the headers are too much for a pack"),
        "{fault}"
    );
}

#[test]
fn a_writer_has_room_for_what_can_be_read() {
    let mut writer = Writer::default();
    let small = Message::new("t", "7", Headers::new());
    while writer.has_room(reach(&small), usize::MAX) {
        writer.write(&small);
    }
    assert_eq!(
        opened(pack(writer.take(), &WRITTEN_MAX.to_string())).len(),
        WRITTEN_MAX
    );
    let large = Message::new("t", "", Headers::new().with("A", "b".repeat(100_000)));
    let mut count = 0;
    while writer.has_room(reach(&large), usize::MAX) {
        writer.write(&large);
        count += 1;
    }
    assert_eq!(opened(pack(writer.take(), &count.to_string())).len(), count);
    writer.write(&small);
    assert!(!writer.has_room(reach(&small), reach(&small)));
}

#[test]
fn the_headers_of_a_pack_are_no_larger_than_they_may_be() {
    let mut sent = Sent::default();
    sent.count("t", usize::MAX);
    let headers = headers(WRITTEN_MAX, sent.count("t", 0));
    assert!(wire::size(&headers, &Bytes::new()) <= super::FRAME);
    assert_eq!(
        headers.get(header::CONTENT_TYPE).unwrap().as_str(),
        VERSIONED
    );
    assert!(headers.get(BEFORE).is_some() && headers.get(COUNT).is_some());
}
