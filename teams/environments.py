"""The stages of a team on the way to production, in order. A gate may ask that the one below has passed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from teams import audit
from teams.actors import Actor
from teams.models import Environment, Team
from teams.refusals import Refused


@transaction.atomic
def add(
    team: Team, *, name: str, short_name: str, is_production: bool, actor: Actor, now: datetime, position: int = 0
) -> Environment:
    """Put it at the end, or at `position` (from 1; what stands there and after moves down)."""
    _lock(team)
    _refuse_taken(team, short_name)
    last = team.environments.aggregate(last=Max("position"))["last"] or 0
    if 0 < position <= last:
        team.environments.filter(position__gte=position).update(position=F("position") + 1)
    environment = Environment.objects.create(
        team=team, name=name, short_name=short_name, is_production=is_production, position=position or last + 1
    )
    _record(environment, "environment.added", f"Environment {short_name} added", actor, now, after=facts(environment))
    return environment


@transaction.atomic
def edit(
    environment: Environment, *, name: str, short_name: str, is_production: bool, actor: Actor, now: datetime
) -> None:
    """Raises Refused when another environment of the team has the short name."""
    _lock(environment.team)
    _refuse_taken(environment.team, short_name, besides=environment)
    before = facts(environment)
    environment.name, environment.short_name, environment.is_production = name, short_name, is_production
    environment.save(update_fields=["name", "short_name", "is_production"])
    _record(
        environment,
        "environment.changed",
        f"Environment {short_name} changed",
        actor,
        now,
        before=before,
        after=facts(environment),
    )


@transaction.atomic
def move(environment: Environment, *, up: bool, actor: Actor, now: datetime) -> None:
    """One place up or down; at the end of the row nothing happens."""
    _lock(environment.team)
    environment.refresh_from_db()
    row = list(environment.team.environments.order_by("position", "pk"))
    here = row.index(environment)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(row):
        return
    row[here], row[there] = row[there], row[here]
    for position, each in enumerate(row, start=1):
        each.position = position
    Environment.objects.bulk_update(row, ["position"])
    order = [each.short_name for each in row]
    _record(environment, "environment.moved", "Environments in order: " + ", ".join(order), actor, now)


@transaction.atomic
def remove(environment: Environment, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """Remove one that nothing names; returns what `add` needs to bring it back. Raises Refused when it is in use."""
    _lock(environment.team)
    if is_in_use(environment):
        raise Refused(f"{environment.short_name} is named by incidents or maintenance. Rename it instead.")
    before = facts(environment)
    _record(
        environment, "environment.removed", f"Environment {environment.short_name} removed", actor, now, before=before
    )
    environment.delete()
    return before


def facts(environment: Environment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "short_name": environment.short_name,
        "is_production": environment.is_production,
        "position": environment.position,
    }


def is_in_use(environment: Environment) -> bool:
    """Whether any row of any floor names it; the floors above are found through their foreign keys."""
    fields = Environment._meta.get_fields(include_hidden=True)
    related = (field for field in fields if (field.one_to_many or field.one_to_one) and field.auto_created)
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: environment}).exists()  # type: ignore[union-attr]
        for relation in related
    )


def _lock(team: Team) -> None:
    Team.objects.select_for_update().get(pk=team.pk)


def _refuse_taken(team: Team, short_name: str, besides: Environment | None = None) -> None:
    others = team.environments.filter(short_name__iexact=short_name)
    if any(other != besides for other in others):
        raise Refused(f"There is an environment {short_name} already.", "short_name")


def _record(
    environment: Environment,
    action: str,
    summary: str,
    actor: Actor,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        action,
        actor=actor,
        subject=f"team:{environment.team.slug}",
        summary=summary,
        now=now,
        team=environment.team,
        before=before,
        after=after,
    )
