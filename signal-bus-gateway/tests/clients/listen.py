"""Prints each event that asfpy's async `listen()` yields, one line each: listen.py URL [USER PASSWORD]."""

import asyncio
import json
import sys

from asfpy.pubsub import listen


async def main():
    async for payload in listen(*sys.argv[1:]):
        print(json.dumps(payload), flush=True)


asyncio.run(main())
