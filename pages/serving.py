"""The process that stays: `manage.py serve` becomes it when everything is prepared. It holds no Django.

Run as ``python -m pages.serving '{"listen": …, "public_url": …, "state_dir": …}'``.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from pages.supervisor import Supervisor, say

SAMPLE_SIGN_IN = "sample_sign_in"
SETUP_CODE = "setup_code"


def commands(listen: str) -> dict[str, list[str]]:
    """Name and command line of each process of an installation on one machine."""
    return {
        "web": web_command(listen),
        "check worker": worker_command("checks.default", "checks"),
        "document worker": worker_command("documents", "documents"),
    }


def web_command(listen: str) -> list[str]:
    options = ["--bind", listen, "--workers", "1", "--threads", "8", "--timeout", "60", "--graceful-timeout", "5"]
    quiet = ["--log-level", "warning", "--no-control-socket"]
    return [sys.executable, "-m", "gunicorn", *options, *quiet, "config.wsgi:application"]


def worker_command(queue: str, name: str) -> list[str]:
    """A Celery worker. One thread drains the ledger or makes a document; the other takes bells that ring meanwhile."""
    celery = [sys.executable, "-m", "celery", "-A", "config", "--skip-checks", "--quiet", "worker"]
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    return [*celery, "-Q", queue, "-n", f"{name}@%h", "--pool", "threads", "--concurrency", "2", *lean]


def announce(listen: str, public_url: str, state_dir: Path, patience_seconds: float = 60.0) -> None:
    """Wait until the site answers, then say where it is and how to sign in."""
    if not _answers(f"http://{listen}/healthz", patience_seconds):
        say(f"The site does not answer on http://{listen}/ yet.")
        return
    print(f"Hindsight is at {public_url}/", flush=True)
    sample, setup_code = state_dir / SAMPLE_SIGN_IN, state_dir / SETUP_CODE
    if sample.exists():
        account = json.loads(sample.read_text())
        print(f"Sign in as {account['email']} with the password {account['password']}", flush=True)
    elif setup_code.exists():
        code = setup_code.read_text().strip()
        print(f"Make the first admin at {public_url}/welcome/ with the setup code {code}", flush=True)
    say("Ctrl-C stops it.")


def _answers(address: str, patience_seconds: float) -> bool:
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own address
                return True
        except urllib.error.HTTPError:
            return True  # it answers; what is not healthy is on the System page
        except OSError:
            time.sleep(0.1)
    return False


def main(order: Mapping[str, str]) -> None:
    listen, public_url, state_dir = order["listen"], order["public_url"], Path(order["state_dir"])
    supervisor = Supervisor(commands(listen))
    supervisor.run(when_started=lambda: announce(listen, public_url, state_dir))
    say("Stopped.")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
