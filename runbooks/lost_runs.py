"""Tell who runs the installation that a run was given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from notifications.outbox import tell
from runbooks.models import CheckRun
from teams.models import User
from teams.roles import Role


def tell_operator(run_ids: Sequence[int], *, now: datetime) -> None:
    """One message per lost run, to the operators and the admins of its team. Call inside the transaction."""
    if not run_ids:
        return
    runs = CheckRun.objects.filter(pk__in=run_ids).select_related("check_definition__team")
    for run in runs:
        team = run.check_definition.team
        tell(
            team,
            key=f"lost:{run.pk}",
            subject=f"Check given up: {run.check_definition.name}"[:200],
            body=(
                f"The process that ran the check “{run.check_definition.name}” at {run.location} died three times "
                "while it ran. Its result is unknown and it is not tried again. The worker's log says more."
            ),
            path=f"/runs/{run.pk}/",
            to=User.objects.filter(
                Q(is_superuser=True) | Q(memberships__team=team, memberships__role=Role.ADMIN), is_active=True
            ).distinct(),
            now=now,
        )
