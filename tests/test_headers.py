"""Headers of every answer, error pages and refusals before any view included."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client

from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/accounts/login/", "elsewhere.example", 400),
        ("/healthz", "localhost", 200),
        ("/no-such-page", "localhost", 404),
    ],
)
def test_every_answer_has_its_policy(path: str, host: str, status: int) -> None:
    World.create()  # else an empty installation leads to its welcome
    client = Client(raise_request_exception=False, headers={"Host": host})
    response = client.get(path, follow=host == "localhost" and status == 200)
    assert response.status_code in (status, 302)
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_refused_form_token_has_its_policy() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x"})
    assert response.status_code == 403
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_a_database_that_is_away_before_the_view_is_told_as_503() -> None:
    world = World.create()
    client = Client(raise_request_exception=False)
    client.force_login(world.people["viewer"], backend="django.contrib.auth.backends.ModelBackend")

    def away(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(away):
        response = client.get("/incidents/")
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
