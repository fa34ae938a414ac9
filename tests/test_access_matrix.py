"""Every URL × every role. A route without a row fails.

Routes that only MFA or OIDC_SERVER_URL bring are tried by `tests.teams.test_sign_in_switches`.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access_matrix import ROLES, Row, Values, all_rows, furnished_world
from tests.world import World

ROWS = all_rows()


def routes(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[tuple[str, str]]:
    """(name with namespaces, pattern) of every route; a route without a name is named by its pattern."""
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inside = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from routes(entry.url_patterns, inside)
        else:
            yield (f"{namespace}{entry.name}" if entry.name else f"nameless {entry.pattern}"), str(entry.pattern)


def named_routes() -> set[str]:
    return {name for name, _ in routes(get_resolver().url_patterns)}


def test_every_route_has_a_row() -> None:
    missing = sorted(named_routes() - set(ROWS))
    assert not missing, f"routes without a row in any tests/<app>/access_rows.py: {', '.join(missing)}"


def test_every_row_has_its_route() -> None:
    gone = sorted(set(ROWS) - named_routes())
    assert not gone, f"rows of routes that do not exist: {', '.join(gone)}"


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(ROWS) & named_routes()))
def test_each_role_gets_what_its_row_says(name: str) -> None:
    world = furnished_world()
    wrong = []
    for row in ROWS[name]:
        for role in ROLES:
            status = status_for(world, name, row, role)
            if status != row.expected[role]:
                wrong.append(f"{row.method} {name} as {role}: {status}, expected {row.expected[role]}")
    assert not wrong, "\n".join(wrong)


def status_for(world: World, name: str, row: Row, role: str) -> int:
    """The answer's status; what the request changed is rolled back, so that each role finds the same world."""
    cache.clear()  # the sign-in's rate limits
    client = Client(headers=dict(row.headers))
    with transaction.atomic():
        if role != "anonymous":
            client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
        url = reverse(name, kwargs=filled(row.kwargs, world))
        response = client.generic(row.method, url) if row.method not in ("GET", "POST") else None
        if response is None:
            send = client.post if row.method == "POST" else client.get
            response = send(url, filled(row.data, world))
        if getattr(response, "streaming", False):
            list(response)  # read to its end: the client then closes it without closing the database's connection
        transaction.set_rollback(True)
    return int(response.status_code)


def filled(values: Values, world: World) -> dict[str, Any]:
    return dict(values(world) if callable(values) else values)
