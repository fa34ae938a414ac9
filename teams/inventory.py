"""The services a team runs: made, edited, put away and brought back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from teams import audit
from teams.actors import Actor
from teams.models import Service, Team
from teams.versions import save_if_unchanged


@transaction.atomic
def create_service(team: Team, *, name: str, description: str, actor: Actor, now: datetime) -> Service:
    """The address comes from the name and stays when the name changes, so that links keep working."""
    Team.objects.select_for_update().get(pk=team.pk)  # two of one name get two addresses
    service = Service.objects.create(team=team, name=name, slug=_free_slug(team, name), description=description)
    _record(service, "service.created", f"Service {name} added", actor, now)
    return service


@transaction.atomic
def edit_service(
    service: Service, expected_version: int, *, name: str, description: str, actor: Actor, now: datetime
) -> None:
    """Raises EditConflict, with nothing written, when somebody else saved first."""
    before = {"name": service.name, "description": audit.free_text(service.description)}
    save_if_unchanged(service, expected_version, name=name, description=description)
    after = {"name": name, "description": audit.free_text(description)}
    audit.record(
        "service.changed",
        actor=actor,
        subject=subject_of(service),
        summary=f"Service {name} changed",
        now=now,
        team=service.team,
        before=before,
        after=after,
    )


@transaction.atomic
def archive_service(service: Service, *, actor: Actor, now: datetime) -> None:
    """Put it away: it is offered nowhere, its incidents and runbooks stay."""
    if Service.objects.filter(pk=service.pk, archived_at=None).update(archived_at=now):
        _record(service, "service.archived", f"Service {service.name} archived", actor, now)


@transaction.atomic
def restore_service(service: Service, *, actor: Actor, now: datetime) -> None:
    if Service.objects.filter(pk=service.pk, archived_at__isnull=False).update(archived_at=None):
        _record(service, "service.restored", f"Service {service.name} brought back", actor, now)


def subject_of(service: Service) -> str:
    return f"service:{service.team.slug}/{service.slug}"[:80]


def _free_slug(team: Team, name: str) -> str:
    wanted = slugify(name)[:70] or "service"
    taken = set(Service.objects.filter(team=team, slug__startswith=wanted).values_list("slug", flat=True))
    number, slug = 1, wanted
    while slug in taken or slug == "new":  # "new" is the address of the form
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _record(service: Service, action: str, summary: str, actor: Actor, now: datetime) -> None:
    audit.record(action, actor=actor, subject=subject_of(service), summary=summary, now=now, team=service.team)
