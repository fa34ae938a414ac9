"""Worker processes as the ledger knows them: their names, heartbeats and locations."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta

from runbooks import bell
from runbooks.models import Worker

SILENT_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(days=1)
_QUEUE_PREFIX = bell.queue_name("")

_name = f"{socket.gethostname()}:{os.getpid()}"


def this_worker() -> str:
    """The name under which this process claims: its Celery node name, once the worker has started."""
    return _name


def call_this_worker(name: str) -> None:
    global _name
    _name = name[:120]


def locations_of(queues: Sequence[str]) -> tuple[str, ...]:
    """The locations whose checks a worker with these queues runs."""
    return tuple(sorted(queue.removeprefix(_QUEUE_PREFIX) for queue in queues if queue.startswith(_QUEUE_PREFIX)))


def beat(queues: Sequence[str], *, started_at: datetime, now: datetime) -> None:
    """This process is alive. Rows of workers silent for a day are put away."""
    Worker.objects.update_or_create(
        name=this_worker(), defaults={"queues": sorted(queues), "started_at": started_at, "last_seen_at": now}
    )
    Worker.objects.filter(last_seen_at__lt=now - FORGOTTEN_AFTER).delete()


def sign_off() -> None:
    """This process stops as it should: it is not missed."""
    Worker.objects.filter(name=this_worker()).delete()


def locations_with_a_worker(now: datetime) -> set[str]:
    """Locations for which a worker was heard within the last 30 s."""
    heard = Worker.objects.filter(last_seen_at__gte=now - SILENT_AFTER).values_list("queues", flat=True)
    return {location for queues in heard for location in locations_of(queues)}
