"""`manage.py serve`: Hindsight on one machine with one command. What `make run` calls."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from pages.supervisor import Supervisor, say
from teams.models import User

SAMPLE_SIGN_IN = "sample_sign_in"


class Command(BaseCommand):
    help = "Migrates, loads the sample data on the first start, then serves web and workers until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--listen", default=settings.LISTEN_ADDRESS, help="address:port (default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        listen = options["listen"]
        _refuse_taken_address(listen)
        if settings.ON_SQLITE and not settings.SQLITE_WAL_IS_SAFE:
            say("This SQLite has a corruption bug in WAL mode: journal_mode=DELETE is used (slower, safe).")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        first_start = not User.objects.exists()
        if first_start and os.environ.get("SAMPLE", "1") != "0":
            call_command("load_sample_data")
        commands = {
            "web": _web_command(listen),
            "check worker": worker_command("checks.default", "checks"),
            "document worker": worker_command("documents", "documents"),
        }
        Supervisor(commands, _environment(listen)).run(when_started=lambda: _announce(listen))
        say("Stopped.")


def _environment(listen: str) -> dict[str, str]:
    """What the children see. Loopback is a zone here, so that the replays of this machine can be probed."""
    return {
        "LISTEN_ADDRESS": listen,
        "EGRESS_ZONES": os.environ.get("EGRESS_ZONES", "127.0.0.0/8"),
        "PUBLIC_URL": os.environ.get("PUBLIC_URL", f"http://{listen}"),
    }


def _web_command(listen: str) -> list[str]:
    options = ["--bind", listen, "--workers", "1", "--threads", "8", "--timeout", "60", "--graceful-timeout", "5"]
    quiet = ["--log-level", "warning", "--no-control-socket"]
    return [sys.executable, "-m", "gunicorn", *options, *quiet, "config.wsgi:application"]


def worker_command(queue: str, name: str) -> list[str]:
    """A Celery worker of one thread: it drains the ledger on one asyncio loop, or makes one document at a time."""
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    celery = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", queue, "-n", f"{name}@%h"]
    return [*celery, "--pool", "threads", "--concurrency", "1", *lean]


def _refuse_taken_address(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    try:
        with socket.create_server((host, int(port))):
            pass
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot listen on {listen}: {error}. Set LISTEN_ADDRESS to another address:port.") from None


def _announce(listen: str, patience_seconds: float = 60.0) -> None:
    """Wait until the site answers, then say where it is and how to sign in."""
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://{listen}/healthz", timeout=2):
                break
        except urllib.error.HTTPError:
            break  # it answers; what is not healthy is on the System page
        except OSError:
            time.sleep(0.1)
    else:
        say(f"The site does not answer on http://{listen}/ yet.")
        return
    print(f"Hindsight is at {os.environ.get('PUBLIC_URL', f'http://{listen}')}/", flush=True)
    sample = Path(settings.STATE_DIR) / SAMPLE_SIGN_IN
    setup_code = Path(settings.STATE_DIR) / "setup_code"
    if sample.exists():
        account = json.loads(sample.read_text())
        print(f"Sign in as {account['email']} with the password {account['password']}", flush=True)
    elif setup_code.exists():
        print(f"Make the first admin at /welcome/ with the setup code {setup_code.read_text().strip()}", flush=True)
    say("Ctrl-C stops it.")
