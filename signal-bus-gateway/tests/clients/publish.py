"""Publishes with `requests`: publish.py URL COUNT."""

import sys

import requests

with requests.Session() as session:
    for number in range(int(sys.argv[2])):
        answer = session.put(sys.argv[1], json={"n": number})
        assert answer.status_code == 202, answer
        assert answer.text == "Payload received, thank you very much!\n", answer.text
