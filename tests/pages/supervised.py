"""A tiny program for the supervisor's tests: two children that write down their process ids and wait."""

import sys
import textwrap

from pages.supervisor import Supervisor

CHILD = textwrap.dedent(
    """
    import os, subprocess, sys, time
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()} {grandchild.pid}\\n")
    time.sleep(300)
    """
)

if __name__ == "__main__":
    folder = sys.argv[1]
    commands = {name: [sys.executable, "-c", CHILD, f"{folder}/{name}"] for name in ("web", "worker")}
    Supervisor(commands).run(when_started=lambda: print("started", flush=True))
