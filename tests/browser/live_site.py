"""`manage.py serve` as people start it, with a state folder and a port of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.servers import PROJECT_FOLDER, free_port, wait_until

START_SECONDS = 120
STOP_SECONDS = 40
SIGN_IN = re.compile(r"Sign in as (\S+) with the password (\S+)")
SETUP_CODE = re.compile(r"setup code (\S+)")
# What a developer may have set, and what this test session has: the site under test is an installation by itself.
NOT_INHERITED = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "AUDIT_KEY", "PUBLIC_URL", "DEBUG", "PLAIN_STATIC")


@dataclass
class LiveSite:
    """A running installation. `said` is what it printed, both streams, line by line."""

    url: str
    state_folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    @property
    def sign_in(self) -> tuple[str, str]:
        """Mail address and password, as printed at the start."""
        email, password = self._printed(SIGN_IN)
        return email, password

    @property
    def setup_code(self) -> str:
        return self._printed(SETUP_CODE)[0]

    def _printed(self, pattern: re.Pattern[str]) -> tuple[str, ...]:
        wait_until(lambda: any(pattern.search(line) for line in self.said), 10, f"{pattern.pattern} in {self.said}")
        return next(found.groups() for line in self.said if (found := pattern.search(line)))

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything it has started."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def manage(self, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """`manage.py …` on this installation."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.environment,
            cwd=PROJECT_FOLDER,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )

    def stop(self) -> int:
        """SIGTERM, as `make run` gets it; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for process in self.processes():
                process.kill()
            raise


@contextlib.contextmanager
def live_site(**settings: str) -> Iterator[LiveSite]:
    """Start it, wait until it has said where it is, stop it. `settings` go into its environment: `SAMPLE="0"`."""
    with tempfile.TemporaryDirectory(prefix="hindsight-site-", dir=_fast_folder()) as folder:
        listen = f"127.0.0.1:{free_port()}"
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment |= {"STATE_DIR": folder, "LISTEN_ADDRESS": listen, "PYTHONUNBUFFERED": "1", **settings}
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--listen", listen],
            env=environment,
            cwd=PROJECT_FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        site = LiveSite(f"http://{listen}", Path(folder), environment, process)
        reader = threading.Thread(target=_listen_to, args=(site,), daemon=True)
        reader.start()
        try:
            wait_until(lambda: _has_announced(site), START_SECONDS, f"the site is announced: {site.said}")
            yield site
        finally:
            site.stop()
            reader.join(5)


def _fast_folder() -> str | None:
    """In memory where there is such a folder: SQLite syncs to disk with every commit."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _listen_to(site: LiveSite) -> None:
    assert site.process.stdout is not None
    for line in site.process.stdout:
        site.said.append(line.rstrip())


def _has_announced(site: LiveSite) -> bool:
    assert site.process.poll() is None, "\n".join(site.said)
    return any(f"Hindsight is at {site.url}" in line for line in site.said)
