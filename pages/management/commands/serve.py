"""`manage.py serve`: Hindsight on one machine with one command. What `make run` calls."""

from __future__ import annotations

import json
import os
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from pages.supervisor import say
from teams import first_admin
from teams.models import User


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
        if not _static_files_are_collected():
            call_command("collectstatic", interactive=False, verbosity=0)
        if os.environ.get("SAMPLE", "1") != "0" and not User.objects.exists():
            call_command("load_sample_data")
        if first_admin.is_needed():
            first_admin.setup_code()  # printed once the site answers
        _become_the_supervisor(listen)


def _become_the_supervisor(listen: str) -> None:
    """Replace this process: what stays for weeks need not hold Django in memory.

    Loopback becomes a zone, so that the replays of this machine can be probed.
    """
    public_url = os.environ.get("PUBLIC_URL", f"http://{listen}").rstrip("/")
    environment = {
        **os.environ,
        "LISTEN_ADDRESS": listen,
        "PUBLIC_URL": public_url,
        "EGRESS_ZONES": os.environ.get("EGRESS_ZONES", "127.0.0.0/8"),
    }
    order = json.dumps({"listen": listen, "public_url": public_url, "state_dir": str(settings.STATE_DIR)})
    os.chdir(settings.BASE_DIR)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "pages.serving", order], environment)  # noqa: S606 - no shell


def _static_files_are_collected() -> bool:
    """Whether nothing is newer than the last collection, which takes a second or two."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not manifest.exists():
        return False
    sources = (storage.path(name) for finder in get_finders() for name, storage in finder.list([]))
    return all(Path(source).stat().st_mtime < manifest.stat().st_mtime for source in sources)


def _refuse_taken_address(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    try:
        with socket.create_server((host, int(port))):
            pass
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot listen on {listen}: {error}. Set LISTEN_ADDRESS to another address:port.") from None
