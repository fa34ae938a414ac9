"""The two forms, and what every test may use.

A pytest session runs on one form. `pytest` alone: SQLite and Celery's filesystem transport, every test. With
DATABASE_URL and CELERY_BROKER_URL in the environment, `pytest -m both_forms`: what touches database or broker again,
on PostgreSQL and Redis; `python -m tests.second_form` starts throwaway servers and does that.

Each pytest process (with xdist: each of its workers) has a state folder, a test database and, on Redis, a key prefix
of its own, so that they never meet, and nothing of a user's is ever touched. The SQLite test database is a file and not
memory, because real worker processes look at it: a test that starts one (`celery_worker`, `start_worker`) needs its
rows committed and therefore uses `transactional_db`. A worker's environment is `worker_environment`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLiteConnection

from runbooks import bell
from runbooks.models import Worker
from tests import servers

XDIST_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
_in_memory = Path("/dev/shm")
STATE_FOLDER = Path(
    tempfile.mkdtemp(prefix=f"hindsight-tests-{XDIST_WORKER}-", dir=_in_memory if _in_memory.is_dir() else None)
)
DATABASE_PATH = STATE_FOLDER / "test.sqlite3"
KEY_PREFIX = f"hindsight-tests-{os.getpid()}-"


def _use_state_folder() -> None:
    for name in ("messages", "control"):
        (STATE_FOLDER / "broker" / name).mkdir(parents=True)
    for name in ("media", "static"):
        (STATE_FOLDER / name).mkdir()
    settings.STATE_DIR = STATE_FOLDER
    settings.MEDIA_ROOT = str(STATE_FOLDER / "media")
    settings.STATIC_ROOT = str(STATE_FOLDER / "static")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The manifest of hashed names exists in an installation only.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    # Celery reads its settings late, and this very dictionary.
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    if settings.ON_FILESYSTEM_BROKER:
        options["data_folder_in"] = options["data_folder_out"] = str(STATE_FOLDER / "broker" / "messages")
        options["control_folder"] = str(STATE_FOLDER / "broker" / "control")
    else:
        options["global_keyprefix"] = KEY_PREFIX
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = (
        str(DATABASE_PATH) if settings.ON_SQLITE else f"test_hindsight_{os.getpid()}"
    )


_use_state_folder()


def pytest_unconfigure() -> None:
    shutil.rmtree(STATE_FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """The test database's name is set above; pytest-django's suffixes are not needed."""


SQLiteOperations = SQLiteConnection.ops_class
_flush = SQLiteOperations.execute_sql_flush


def _flush_around_triggers(self: Any, sql_list: Any) -> None:
    """The audit log's triggers refuse DELETE, which is how a test database is emptied after a transactional test."""
    with self.connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'teams_auditevent'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
    _flush(self, sql_list)
    with self.connection.cursor() as cursor:
        for _, statement in triggers:
            cursor.execute(statement)


SQLiteOperations.execute_sql_flush = _flush_around_triggers  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _fresh_bell() -> Iterator[None]:
    bell.forget_failures()
    yield
    bell.forget_failures()


@pytest.fixture
def now() -> datetime:
    """A fixed instant for what is handed the time."""
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def worker_environment() -> dict[str, str]:
    """The environment of a process that works on this test's database and broker. Short leases, loopback allowed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STATE_DIR": str(STATE_FOLDER),
        "SECRET_KEY": settings.SECRET_KEY,
        "AUDIT_KEY": settings.AUDIT_KEY,
        "PUBLIC_URL": settings.PUBLIC_URL,
        "LISTEN_ADDRESS": "127.0.0.1:9",
        "EGRESS_ZONES": "127.0.0.0/8",
        "LEASE_GRACE_SECONDS": "2",
        "PLAIN_STATIC": "1",
        "PYTHONUNBUFFERED": "1",
    }
    name = str(connection.settings_dict["NAME"])
    if settings.ON_SQLITE:
        environment["DATABASE_URL"] = f"sqlite:///{name}"
    else:
        environment["DATABASE_URL"] = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    environment["CELERY_BROKER_URL"] = settings.CELERY_BROKER_URL
    environment["BROKER_KEY_PREFIX"] = KEY_PREFIX
    return environment


_numbers = itertools.count(1)


@pytest.fixture
def start_worker(
    transactional_db: None, worker_environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., servers.WorkerProcess]]:
    """`start_worker(queues="checks.default", wait=True, **environment)`: a real worker process; ended with the test."""
    started: list[servers.WorkerProcess] = []

    def start(queues: str = "checks.default", *, wait: bool = True, **environment: str) -> servers.WorkerProcess:
        worker = servers.start_worker(
            worker_environment | environment, tmp_path, name=f"w{next(_numbers)}@{XDIST_WORKER}", queues=queues
        )
        started.append(worker)
        if wait:
            servers.wait_until(lambda: _has_beaten(worker), 60, f"the worker is up: {worker.log[-3000:]}")
        return worker

    yield start
    for worker in started:
        worker.stop()


def _has_beaten(worker: servers.WorkerProcess) -> bool:
    assert worker.process.poll() is None, f"the worker ended: {worker.log[-3000:]}"
    return Worker.objects.filter(name=worker.name, last_seen_at__gte=datetime.now(UTC) - timedelta(seconds=30)).exists()


@pytest.fixture
def celery_worker(start_worker: Callable[..., servers.WorkerProcess]) -> servers.WorkerProcess:
    """One worker for the location `default`, on the test's database and broker."""
    return start_worker()


@pytest.fixture
def http_target() -> Iterator[servers.HttpTarget]:
    """A web server on loopback, see `tests.servers.HttpTarget`."""
    with servers.http_target() as target:
        yield target
