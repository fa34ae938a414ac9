"""`python -m benchmarks.inside MODULE`: obey commands, one JSON line each, until standard input ends.

A module holds its commands in `COMMANDS`. Benchmarks themselves know no Django: they work with several databases.
"""

from __future__ import annotations

import importlib
import json
import sys

import django

if __name__ == "__main__":
    django.setup()
    commands = importlib.import_module(f"benchmarks.inside.{sys.argv[1]}").COMMANDS
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(commands[order["command"]](**order["arguments"])), flush=True)
