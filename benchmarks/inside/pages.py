"""Pages through Django's test client, on a database with few or many other rows."""

from __future__ import annotations

import time
from typing import Any

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


def ask(url_name: str, arguments: list[str], requests: int) -> dict[str, Any]:
    """Ask for a page as an admin; the seconds of each request, and how many queries the last one made."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.earliest("pk"))
    url = reverse(url_name, args=arguments)
    seconds = []
    for _ in range(requests):
        started = time.perf_counter()
        response = client.get(url)
        assert response.status_code == 200, f"{url}: {response.status_code}"
        seconds.append(time.perf_counter() - started)
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    return {"seconds": seconds, "queries": len(queries)}


COMMANDS = {"furnish": furnish, "ask": ask}
