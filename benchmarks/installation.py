"""A scratch installation: a state folder, a migrated database, and processes that work in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import PROJECT, Form, stop
from tests import servers

SETTINGS_TO_FORGET = frozenset(
    {
        "DATABASE_URL",
        "CELERY_BROKER_URL",
        "BROKER_KEY_PREFIX",
        "PUBLIC_URL",
        "DEBUG",
        "EGRESS_DENY",
        "STATIC_ROOT",
        "MEDIA_ROOT",
        "CACHE_URL",
        "EMAIL_URL",
    }
)
"""Of the shell that starts a benchmark: they belong to another installation."""


class Inside:
    """A process with this installation's settings that obeys the commands of one module of `benchmarks.inside`."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.inside", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=PROJECT,
        )

    def do(self, command: str, **arguments: Any) -> Any:
        """Carry out a command; returns its answer. Raises RuntimeError when the process ended instead."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{command} failed, see what its process said above")
        return json.loads(answer)


@dataclass(frozen=True)
class Installation:
    folder: Path
    environment: dict[str, str]

    @contextlib.contextmanager
    def inside(self, module: str) -> Iterator[Inside]:
        inside = Inside(module, self.environment)
        try:
            yield inside
        finally:
            stop(inside.process)

    @contextlib.contextmanager
    def check_worker(self, inside: Inside) -> Iterator[None]:
        """One check worker, started with the supervisor's command line; `inside` obeys `benchmarks.inside.runs`."""
        log_path = self.folder / "worker.log"
        with log_path.open("wb") as log:
            worker = subprocess.Popen(
                inside.do("worker_command"), env=self.environment, stdout=log, stderr=log, cwd=PROJECT
            )
        try:
            servers.wait_until(lambda: worker.poll() is not None or inside.do("worker_is_up"), 60, "the worker is up")
            if worker.poll() is not None:
                raise RuntimeError(f"the worker ended with {worker.returncode} before it was up")
            yield
        except Exception:
            print(log_path.read_text(errors="replace")[-3000:], file=sys.stderr)
            raise
        finally:
            stop(worker)


@contextlib.contextmanager
def installation(form: Form | None = None) -> Iterator[Installation]:
    """An empty, migrated installation of that form (None: the embedded default); thrown away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hindsight-bench-"))
    (folder / "static").mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS_TO_FORGET}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STATE_DIR": str(folder),
        "EGRESS_ZONES": "127.0.0.0/8",
        "LISTEN_ADDRESS": f"127.0.0.1:{servers.free_port()}",
        "PLAIN_STATIC": "1",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }
    if form and form.database_url:
        environment |= {"DATABASE_URL": form.database_url, "CELERY_BROKER_URL": form.broker_url}
    try:
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
        subprocess.run(migrate, env=environment, cwd=PROJECT, check=True)
        yield Installation(folder, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
