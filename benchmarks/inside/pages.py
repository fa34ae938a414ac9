"""Pages through Django's test client, on a database with few or many other rows."""

from __future__ import annotations

import functools
import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.inside.furnishing import (
    make_checklists,
    make_full_incident,
    make_incidents,
    make_maintenance,
    make_team,
)
from teams.models import User

FIRST_OTHER = 10
"""Numbers below are those of the measured incidents and maintenances."""


def furnish(incidents: int, entries: int, steps: int) -> None:
    """So many incidents and a tenth as many maintenances with ten steps each; among them, for each kind of page, one
    with everything (INC-1, MNT-1) and one with a tenth of it (INC-2, MNT-2)."""
    team = make_team()
    make_full_incident(team, 1, entries, 5)
    make_full_incident(team, 2, max(1, entries // 10), 1)
    make_checklists([make_maintenance(team, 1)], steps)
    make_checklists([make_maintenance(team, 2)], max(1, steps // 10))
    make_incidents(team, range(FIRST_OTHER, FIRST_OTHER + incidents))
    others = range(FIRST_OTHER, FIRST_OTHER + max(1, incidents // 10))
    make_checklists([make_maintenance(team, number) for number in others], 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@functools.cache
def _client() -> Client:
    """An admin's."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.earliest("pk"))
    return client


def ask(url_name: str, arguments: list[str]) -> float:
    """Ask for a page; returns the seconds it took. AssertionError when it is not shown."""
    url = reverse(url_name, args=arguments)
    client, started = _client(), time.perf_counter()
    response = client.get(url)
    assert response.status_code == 200, f"{url}: {response.status_code}"
    return time.perf_counter() - started


def count_queries(url_name: str, arguments: list[str]) -> int:
    """Ask for a page; returns how many queries it made."""
    with CaptureQueriesContext(connection) as queries:
        ask(url_name, arguments)
    return len(queries)


COMMANDS = {"furnish": furnish, "ask": ask, "count_queries": count_queries}
