#!/usr/bin/env python3
"""Measures the Python packages that this bus descends from: CPU time per delivery.

It makes a virtual environment in target/ancestors on its first run, installs asyncio-signal-bus, aiopubsub and mpubsub
from PyPI there, and prints lines of JSON of the form that the benchmarks write, under the same names of shapes.
Handlers count and do nothing else. CPU time, because asyncio-signal-bus sleeps while it waits.
"""

import argparse
import asyncio
import datetime
import gc
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import venv

PACKAGES = {"asyncio-signal-bus": "1.6.0", "aiopubsub": "3.0.0", "mpubsub": "0.0.1"}
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "target" / "ancestors"
SUBSCRIBERS = (1, 10, 100)
DELIVERIES = 20_000


class Tally:
    """What all handlers of a run count down."""

    def __init__(self, expected):
        self.left = expected


async def asyncio_signal_bus(signals, subscribers, tally):
    """A task per signal and subscriber; queues without a bound."""
    from asyncio_signal_bus import SignalBus

    bus = SignalBus()

    @bus.publisher(topic_name="bench")
    async def publish(number):
        return number

    for _ in range(subscribers):

        @bus.subscriber(topic_name="bench")
        async def read(_number):
            tally.left -= 1

    async with bus:
        for number in range(signals):
            await publish(number)


async def aiopubsub_async(signals, subscribers, tally):
    """`add_async_listener`: a queue without a bound and a task per subscriber."""
    import aiopubsub

    over = asyncio.Event()
    hub = aiopubsub.Hub()
    readers = [aiopubsub.Subscriber(hub, str(number)) for number in range(subscribers)]

    async def read(_key, _number):
        tally.left -= 1
        if tally.left == 0:
            over.set()

    for reader in readers:
        reader.add_async_listener(aiopubsub.Key("bench"), read)
    publisher, key = aiopubsub.Publisher(hub, aiopubsub.Key()), aiopubsub.Key("bench")
    for number in range(signals):
        publisher.publish(key, number)
    await over.wait()
    for reader in readers:
        await reader.remove_all_listeners()


async def aiopubsub_sync(signals, subscribers, tally):
    """`add_sync_listener`: plain calls inside `publish`."""
    import aiopubsub

    hub = aiopubsub.Hub()

    for number in range(subscribers):

        # A new one each time: the hub takes a callback once only.
        def read(_key, _number):
            tally.left -= 1

        reader = aiopubsub.Subscriber(hub, str(number))
        reader.add_sync_listener(aiopubsub.Key("bench"), read)
    publisher, key = aiopubsub.Publisher(hub, aiopubsub.Key()), aiopubsub.Key("bench")
    for number in range(signals):
        publisher.publish(key, number)


async def mpubsub(signals, subscribers, tally):
    """`PubSub`, inside one process: plain calls inside `publish`."""
    from mpubsub import PubSub

    bus = PubSub()

    def read(_topic, number):
        tally.left -= 1

    for _ in range(subscribers):
        bus.add_subscriber("bench", read)
    for number in range(signals):
        bus.publish("bench", number=number)


CONTESTANTS = {
    "asyncio-signal-bus": asyncio_signal_bus,
    "aiopubsub": aiopubsub_async,
    "aiopubsub sync": aiopubsub_sync,
    "mpubsub": mpubsub,
}


def nanoseconds(run, subscribers):
    """Runs once; returns the CPU time per delivery, setting up and closing included."""
    signals = DELIVERIES // subscribers
    tally = Tally(signals * subscribers)
    gc.collect()
    begun = time.process_time_ns()
    asyncio.run(run(signals, subscribers, tally))
    elapsed = time.process_time_ns() - begun
    assert tally.left == 0, f"{tally.left} deliveries are missing"
    return elapsed / (signals * subscribers)


def measure(turns):
    run = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "packages": PACKAGES,
    }
    print(json.dumps({"run": run}, ensure_ascii=False), flush=True)
    for subscribers in SUBSCRIBERS:
        figures = {name: [] for name in CONTESTANTS}
        for turn in range(turns + 1):
            for name, contestant in CONTESTANTS.items():
                figure = nanoseconds(contestant, subscribers)
                # In the first turn caches are cold.
                if turn > 0:
                    figures[name].append(figure)
        for name, of_name in figures.items():
            of_name.sort()
            line = {
                "shape": f"throughput 1→{subscribers} u64 current",
                "contestant": name,
                "lossy": False,
                "cpu": True,
                "median_ns": round(statistics.median_low(of_name), 1),
                "quartiles_ns": [round(of_name[turns // 4], 1), round(of_name[turns * 3 // 4], 1)],
                "turns": turns,
            }
            print(json.dumps(line, ensure_ascii=False), flush=True)


def inside():
    """Makes the environment if it is not there, and returns its Python."""
    python = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = [f"{name}=={version}" for name, version in PACKAGES.items()]
    done = FOLDER / "installed.txt"
    if not done.exists() or done.read_text().split() != packages:
        print(f"installing {' '.join(packages)} in {FOLDER}", file=sys.stderr)
        venv.create(FOLDER, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", *packages]
        if subprocess.run(install, stdout=sys.stderr).returncode != 0:
            sys.exit("cannot install them: is PyPI, or the index that pip is configured for, in reach?")
        done.write_text("\n".join(packages))
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7, help="turns that count (default: 7)")
    arguments = parser.parse_args()
    if arguments.turns < 1:
        parser.error("--turns needs one at least")
    if pathlib.Path(sys.prefix).resolve() != FOLDER:
        again = [inside(), __file__, "--turns", str(arguments.turns)]
        sys.exit(subprocess.run(again).returncode)
    measure(arguments.turns)


if __name__ == "__main__":
    main()
