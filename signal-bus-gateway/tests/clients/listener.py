"""Prints each event that asfpy's sync `Listener` passes on, one line each: listener.py URL [SINCE]."""

import json
import sys

from asfpy.pubsub import Listener


def show(payload):
    print(json.dumps(payload), flush=True)


since = int(sys.argv[2]) if 2 < len(sys.argv) else None
Listener(sys.argv[1]).attach(show, raw=True, since=since)
