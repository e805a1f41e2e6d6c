"""Hears numbers of a bus that packs them: unpack.py URL COUNT. Reads packs by what README.md says of them."""

import asyncio
import json
import sys

import nats


def signals(message):
    """Headers and payload of each signal of a message."""
    headers = message.headers or {}
    if not headers["Content-Type"].startswith("application/vnd.signal-bus.pack"):
        yield headers, message.data
        return
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message.data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def piece():
        nonlocal at
        length = number()
        at += length
        return message.data[at - length : at]

    block = b""
    for _ in range(int(headers["Signal-Count"])):
        begin, end = number(), number()
        block = block[:begin] + piece() + block[len(block) - end :]
        yield dict(pairs(block)), piece()
    assert at == len(message.data)


def pairs(block):
    """Names and texts, each behind its length; those of this test are below 128."""
    texts = []
    while block:
        texts.append(block[1 : block[0] + 1].decode())
        block = block[block[0] + 1 :]
    return zip(texts[::2], texts[1::2])


async def main(url, count):
    client = await nats.connect(url)
    heard = await client.subscribe("talk.rust")
    await client.flush()  # nats-py waits for the server here
    print("ready", flush=True)
    expected = packs = 0
    series = None
    while expected < int(count):
        message = await heard.next_msg(timeout=30)
        if before := message.headers.get("Signal-Before"):
            assert series in (None, before.split("-")[0])
            series, sent = before.split("-")
            assert int(sent) == expected
            packs += 1
        for headers, payload in signals(message):
            assert json.loads(payload) == expected
            assert headers["Content-Type"] == 'application/json; type="u32"', headers
            assert headers["Nats-Msg-Id"], headers
            assert headers["Trace"] == f"of-{expected}", headers
            expected += 1
    assert packs
    await client.drain()


asyncio.run(main(*sys.argv[1:]))
