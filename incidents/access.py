"""Who may see or change an incident and what belongs to it. Everything goes by the incident's team."""

import re
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.http import Http404

from incidents.models import ActionItem, Attachment, Incident, PostmortemSection, TimelineEntry
from teams.access import require_role
from teams.models import User
from teams.roles import Role

Part = TypeVar("Part", bound=models.Model)
_KEY = re.compile(r"INC-([1-9]\d{0,8})")
NOT_HERE = "There is no such incident, or you are not a member of its team."


def incident_for(user: User | AnonymousUser, key: str, minimum: Role = Role.VIEWER) -> Incident:
    """The incident with this key. Raises Http404 for outsiders, PermissionDenied below `minimum`."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise Http404(NOT_HERE)
    incident = Incident.objects.select_related("team").filter(number=int(match[1])).first()
    if incident is None:
        raise Http404(NOT_HERE)
    require_role(user, incident.team, minimum)
    return incident


def entry_for(user: User | AnonymousUser, key: str, entry_id: int, minimum: Role = Role.VIEWER) -> TimelineEntry:
    """An entry of this incident, removed ones included."""
    return part_of(TimelineEntry, incident_for(user, key, minimum), pk=entry_id)


def action_for(user: User | AnonymousUser, key: str, number: int, minimum: Role = Role.VIEWER) -> ActionItem:
    """An action item by its number within this incident, removed ones included."""
    return part_of(ActionItem, incident_for(user, key, minimum), number=number)


def attachment_for(user: User | AnonymousUser, key: str, attachment_id: int, minimum: Role = Role.VIEWER) -> Attachment:
    """An attachment of this incident that was not removed."""
    return part_of(Attachment, incident_for(user, key, minimum), pk=attachment_id, deleted_at=None)


def section_for(
    user: User | AnonymousUser, key: str, section_key: str, minimum: Role = Role.VIEWER
) -> PostmortemSection:
    """A section of this incident's postmortem."""
    # PostgreSQL cannot even be asked for a text with a NUL.
    return part_of(PostmortemSection, incident_for(user, key, minimum), key=section_key.replace("\x00", ""))


def part_of(model: type[Part], incident: Incident, **which: object) -> Part:
    """The row of `model` that belongs to this incident, which it then carries. Raises Http404."""
    row = model._default_manager.filter(incident=incident, **which).first()
    if row is None:
        raise Http404("There is no such part of this incident.")
    row.incident = incident  # type: ignore[attr-defined]  # every model asked for here has it; spares a query
    return row
