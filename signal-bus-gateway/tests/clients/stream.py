"""Reads two events of the stream of the gateways, and publishes events and what is none: stream.py URL."""

import asyncio
import sys

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy

# Two events, and eight messages that are none.
MESSAGES = [
    ("public", b"{"),
    ("public", '{"n": 2, "pubsub_path": "/fruits/\u00e9"}'.encode()),
    ("public", b""),
    ("public", b"[1]"),
    ("public", b"\xff\x00"),
    ("public", b'{"n": 9}'),
    ("public", b'{"n": 9, "pubsub_path": "fruits"}'),
    ("public", b'{"n": 9, "pubsub_path": "/private/git"}'),
    ("private", b'{"n": 9, "pubsub_path": "/git"}'),
    ("private", b'{"n": 3, "pubsub_path": "/private/git"}'),
]


async def main(url):
    client = await nats.connect(url)
    stream = client.jetstream()
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    events = await stream.subscribe("pubsub.*", stream="PUBSUB", config=config, ordered_consumer=True)
    for _ in range(2):
        message = await events.next_msg(timeout=30)
        print(message.data.decode(), flush=True)
    for subject, message in MESSAGES:
        await stream.publish(f"pubsub.{subject}", message)
    await client.close()


asyncio.run(main(*sys.argv[1:]))
