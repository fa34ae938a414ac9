"""What the end-to-end tests have in common: the sample data in the test's database, aimed at a replay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from replays.sample_data.loading import MOVE, load_sample
from replays.sample_data.people import TEAM_SLUG
from replays.vm_migration import VmMigration
from runbooks.generation import generate
from runbooks.models import Maintenance, Runbook
from teams.actors import Actor
from teams.models import Team, User
from tests.servers import PROJECT_FOLDER


def load(now: datetime, folder: Path) -> Team:
    """The sample data, its sign-in kept in `folder`."""
    assert load_sample(now, folder / "sample_sign_in")
    return Team.objects.get(slug=TEAM_SLUG)


def person(email_start: str) -> User:
    """One of the sample team's people: admin, jonas (maintainer) or mei (responder)."""
    return User.objects.get(email=f"{email_start}@hindsight.example")


def aimed_at(replay: VmMigration, team: Team, now: datetime) -> Maintenance:
    """The sample's maintenance again, on the ports on which this replay listens."""
    runbook = Runbook.objects.select_related("current").get(team=team, slug=MOVE)
    assert runbook.current is not None
    known = {variable.name for variable in runbook.current.document.variables}
    variables: dict[str, Any] = {**replay.variables(), "name_servers": replay.ports.resolvers}
    return generate(
        runbook.current,
        team=team,
        services=[team.services.get(name="Chat")],
        environment=team.environments.get(is_production=True),
        starts_at=now + timedelta(days=1),
        ends_at=now + timedelta(days=1, minutes=90),
        time_zone=team.time_zone,
        variables={name: value for name, value in variables.items() if name in known},
        title="Move chat, aimed at the test's replay",
        requested_by=person("jonas"),
        actor=Actor.person(person("jonas")),
        now=now,
    )


def manage(
    *arguments: str, environment: Mapping[str, str], timeout_seconds: float = 90
) -> subprocess.CompletedProcess[str]:
    """`manage.py …` as a process of its own on the test's database."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**os.environ, **environment},
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )
