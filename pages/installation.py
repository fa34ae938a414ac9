"""What the System page shows about this installation."""

from __future__ import annotations

import shutil
import sys
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count

from notifications.models import Delivery, DeliveryState
from runbooks.models import CheckRun, RunState, Tick

LOST_WITHIN = timedelta(days=7)
LOW_DISK_BYTES = 1024**3


@dataclass(frozen=True)
class Disk:
    path: str
    free_bytes: int
    total_bytes: int

    @property
    def used_percent(self) -> int:
        return round(100 * (1 - self.free_bytes / self.total_bytes))

    @property
    def is_low(self) -> bool:
        return self.free_bytes < LOW_DISK_BYTES


def versions() -> list[tuple[str, str]]:
    """Name and version of what it is made of."""
    return [
        ("Hindsight", own_version()),
        ("Python", sys.version.split()[0]),
        ("Django", django.get_version()),
        ("Celery", _version("celery")),
        ("Database", database_version()),
        ("Broker", settings.CELERY_BROKER_URL.partition("://")[0]),
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def own_version() -> str:
    """Of the installed package, or else as pyproject.toml says, beside which the code then lies."""
    try:
        return version("hindsight")
    except PackageNotFoundError:
        with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])


def database_version() -> str:
    """Such as "SQLite 3.53.0, journal mode wal" or "PostgreSQL 15.8"."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
            number = cursor.fetchone()[0]
            cursor.execute("PRAGMA journal_mode")
            return f"SQLite {number}, journal mode {cursor.fetchone()[0]}"
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0].split()[0]}"


def disk() -> Disk:
    usage = shutil.disk_usage(settings.STATE_DIR)
    return Disk(str(Path(settings.STATE_DIR).name), usage.free, usage.total)


def queues() -> list[tuple[str, int]]:
    """Queued runs by location, fullest first."""
    rows = CheckRun.objects.filter(state=RunState.QUEUED).values_list("location")
    return list(rows.annotate(total=Count("pk")).order_by("-total"))


def quarantined_runs() -> int:
    """Runs that are tried alone because a worker died under them."""
    return CheckRun.objects.filter(runs_alone=True, state__in=[RunState.QUEUED, RunState.CLAIMED]).count()


def lost_runs(now: datetime) -> int:
    """Runs given up within the last 7 days: their result is unknown."""
    return CheckRun.objects.filter(state=RunState.LOST, scheduled_for__gte=now - LOST_WITHIN).count()


def deliveries() -> dict[str, int]:
    """How many mails wait (queued or being sent), and how many were given up."""
    rows = Delivery.objects.exclude(state=DeliveryState.SENT).values_list("state")
    totals = dict(rows.annotate(total=Count("pk")))
    failed = totals.pop(DeliveryState.FAILED, 0)
    return {"waiting": sum(totals.values()), "failed": failed}


def ticks() -> list[tuple[str, datetime]]:
    """The clock's jobs in words, and when each last went well."""
    rows = Tick.objects.exclude(name="backup").order_by("name").values_list("name", "last_good_at")
    return [(name.replace("_", " ").capitalize(), at) for name, at in rows]


def last_backup() -> datetime | None:
    return Tick.objects.filter(name="backup").values_list("last_good_at", flat=True).first()
