"""Replies to two requests of a bus, and asks it in turn: ask.py URL."""

import asyncio
import json
import sys

import nats
from nats.errors import NoRespondersError


async def reply(message):
    number = json.loads(message.data)
    assert message.headers["Content-Type"].startswith("application/json"), message.headers
    if number == 13:
        headers = {"Nats-Service-Error": "not that one", "Nats-Service-Error-Code": "400"}
        await CLIENT.publish(message.reply, b"", headers=headers)
    else:
        await message.respond(json.dumps(f"Python says {number}").encode())


async def main(url):
    global CLIENT
    CLIENT = client = await nats.connect(url)
    await client.subscribe("request.ask.python", queue="responders", cb=reply)
    await client.flush()
    print("ready", flush=True)
    # Until the bus replies.
    for _ in range(500):
        try:
            answer = await client.request("request.ask.rust", b"7", timeout=10)
            break
        except NoRespondersError:
            await asyncio.sleep(0.02)
    assert json.loads(answer.data) == "Rust says 7", answer.data
    assert answer.headers["Content-Type"].startswith("application/json"), answer.headers
    failed = await client.request("request.ask.rust", b"13", timeout=10)
    assert failed.headers["Signal-Error"] == "not here", failed.headers
    assert failed.headers["Nats-Service-Error"] == "not here", failed.headers
    print("asked", flush=True)
    # Until the bus has asked, too.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await client.drain()


asyncio.run(main(*sys.argv[1:]))
