"""Who does what during an incident."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from incidents import changes
from incidents.models import Incident, IncidentRole
from teams.access import role_in
from teams.actors import Actor
from teams.models import User
from teams.refusals import Refused

# One person at a time; the others may be held by several.
ALONE = {IncidentRole.Role.COMMANDER}


def assign(incident: Incident, user: User, role: str, *, actor: Actor, now: datetime) -> IncidentRole:
    """Give a member of the team a role. A new commander takes over from the one before. Twice is once."""
    if role not in IncidentRole.Role.values:
        raise Refused(f"“{role[:20]}” is not a role.", "role")
    if role_in(user, incident.team) is None:
        raise Refused(f"{user} is not a member of {incident.team}.", "user")
    with transaction.atomic():
        Incident.objects.select_for_update().get(pk=incident.pk)  # of two new commanders at once the later one stays
        current = incident.roles.filter(role=role, until=None)
        already = current.filter(user=user).first()
        if already is not None:
            return already
        if role in ALONE:
            current.update(until=now)
        assigned = IncidentRole.objects.create(incident=incident, user=user, role=role, since=now)
        changes.record(
            incident,
            "role.assigned",
            f"{assigned.get_role_display()}: {user}",
            actor=actor,
            now=now,
            after={"role": role, "user": user.pk},
        )
    return assigned


def end(assignment: IncidentRole, *, actor: Actor, now: datetime) -> None:
    """The person no longer has the role."""
    with transaction.atomic():
        if IncidentRole.objects.filter(pk=assignment.pk, until=None).update(until=now):
            changes.record(
                assignment.incident,
                "role.ended",
                f"No longer {assignment.get_role_display().lower()}: {assignment.user}",
                actor=actor,
                now=now,
                before={"role": assignment.role, "user": assignment.user_id},
            )
