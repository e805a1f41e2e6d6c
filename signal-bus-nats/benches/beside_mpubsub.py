#!/usr/bin/env python3
"""mpubsub with its broker: one publisher, and subscribers in processes of their own.

Called by the benchmark `remote` as `beside_mpubsub.py SUBSCRIBERS MESSAGES TEXT`, with a Python that has mpubsub 0.0.1. Prints how many
seconds passed from the first publish until the last subscriber had all messages. Used as its demo does.
"""

import multiprocessing
import sys
import time

from mpubsub.broker import Broker
from mpubsub.net import PubSub


def run_broker(address, authkey):
    broker = Broker(authkey=authkey, backlog=64)
    address.send(broker.address)
    broker.start()


def run_subscriber(broker, authkey, messages, parent):
    left = messages

    def count(_topic, text):
        nonlocal left
        left -= 1

    pubsub = PubSub(broker, authkey)
    pubsub.add_subscriber("bench", count)
    pubsub.connect()
    parent.send("ready")
    while left:
        pubsub.poll(None)
    parent.send("done")
    # The broker ends with the benchmark; it would stumble over who leaves before.
    time.sleep(3600)


def main():
    subscribers, messages, text = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    authkey = b"benchmark"
    here, there = multiprocessing.Pipe()
    processes = [multiprocessing.Process(target=run_broker, args=(there, authkey), daemon=True)]
    processes[0].start()
    address = here.recv()
    readers = []
    for _ in range(subscribers):
        here, there = multiprocessing.Pipe()
        arguments = (address, authkey, messages, there)
        processes.append(multiprocessing.Process(target=run_subscriber, args=arguments, daemon=True))
        processes[-1].start()
        assert here.recv() == "ready"
        readers.append(here)
    publisher = PubSub(address, authkey)
    publisher.connect()
    begun = time.perf_counter()
    for _ in range(messages):
        publisher.publish("bench", text=text)
    for reader in readers:
        assert reader.recv() == "done"
    print(time.perf_counter() - begun, flush=True)
    for process in processes:
        process.kill()


if __name__ == "__main__":
    main()
