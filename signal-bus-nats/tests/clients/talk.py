"""Hears two signals of a bus, and answers each: talk.py URL core|jetstream."""

import asyncio
import json
import sys

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy


async def main(url, kind):
    client = await nats.connect(url)
    stream = client.jetstream()
    if kind == "core":
        heard = await client.subscribe("talk.rust")
        await client.flush()
    else:
        config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
        heard = await stream.pull_subscribe("talk.rust", durable="python", config=config)
    print("ready", flush=True)
    for _ in range(2):
        if kind == "core":
            message = await heard.next_msg(timeout=30)
        else:
            [message] = await heard.fetch(1, timeout=30)
            await message.ack()
        assert message.headers["Content-Type"] == 'application/json; type="u32"', message.headers
        assert message.headers["Nats-Msg-Id"], message.headers
        number = json.loads(message.data)
        headers = {"Nats-Msg-Id": f"python-{number}", "Trace": message.headers["Trace"]}
        answer = json.dumps(number + 1).encode()
        if kind == "core":
            await client.publish("talk.python", answer, headers=headers)
        else:
            stored = await stream.publish("talk.python", answer, headers=headers)
            again = await stream.publish("talk.python", answer, headers=headers)
            assert not stored.duplicate and again.duplicate
    await client.drain()


asyncio.run(main(*sys.argv[1:]))
