"""A broker that accepts and never answers: saving and "run now" on the pages still answer within 3 seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.access_matrix import furnished_world
from tests.servers import PROJECT_FOLDER, silent_listener

pytestmark = [pytest.mark.both_forms, pytest.mark.timeout(120), pytest.mark.django_db(transaction=True)]
SIGNED_IN = """
import sys, time, django
django.setup()
from django.test import Client
from teams.models import User
client = Client(headers={"Host": "127.0.0.1"})
client.force_login(User.objects.get(email="admin@example.org"), backend="django.contrib.auth.backends.ModelBackend")
client.get("/maintenance/" + sys.argv[1] + "/")
for path, form in (
    ("/maintenance/" + sys.argv[1] + "/run/", {"phase": "before"}),
    ("/incidents/declare/", {"title": "It is slow", "severity": "unknown", "when": "now"}),
    (sys.argv[2] + "exports/", {"paper": "A4"}),
):
    started = time.monotonic()
    response = client.post(path, form)
    print(path, response.status_code, time.monotonic() - started)
"""


def test_pages_answer_in_time(worker_environment: dict[str, str]) -> None:
    """In a process of its own: the application connects to its broker with the first message, once."""
    world = furnished_world()
    maintenance, incident = world.made["maintenance"].key, f"/incidents/{world.made['incident'].key}/"
    with silent_listener() as port:
        done = subprocess.run(
            [sys.executable, "-c", SIGNED_IN, maintenance, incident],
            env=worker_environment | {"CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0", "DEBUG": "1"},
            cwd=PROJECT_FOLDER,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = [line.split() for line in done.stdout.splitlines() if line.startswith("/")]
    assert [status for _, status, _ in answers] == ["302"] * 3
    assert all(float(seconds) < 3 for *_, seconds in answers), answers
