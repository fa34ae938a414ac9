"""The states of an incident and of its postmortem. Each change is one transaction with its history row."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from incidents import changes, timeline
from incidents.changes import check_text
from incidents.figures import refresh_summaries
from incidents.models import EntryKind, Incident, IncidentStatus, PostmortemState
from incidents.written_times import WrittenTime
from teams.access import may
from teams.actors import Actor
from teams.refusals import Refused
from teams.roles import Role

S, P = IncidentStatus, PostmortemState

# Forward by any stride; back when what was believed turns out wrong; out of resolved and closed only by reopening.
NEXT: dict[str, tuple[IncidentStatus, ...]] = {
    S.INVESTIGATING: (S.IDENTIFIED, S.MITIGATED, S.RESOLVED),
    S.IDENTIFIED: (S.MITIGATED, S.RESOLVED, S.INVESTIGATING),
    S.MITIGATED: (S.RESOLVED, S.IDENTIFIED, S.INVESTIGATING),
    S.RESOLVED: (S.CLOSED, S.INVESTIGATING),
    S.CLOSED: (S.INVESTIGATING,),
}
OVER = (S.RESOLVED, S.CLOSED)
_ENTRY_OF = {S.IDENTIFIED: EntryKind.IDENTIFIED, S.MITIGATED: EntryKind.MITIGATED, S.RESOLVED: EntryKind.RESOLVED}

NEXT_OF_POSTMORTEM: dict[str, tuple[PostmortemState, ...]] = {
    P.DRAFT: (P.IN_REVIEW,),
    P.IN_REVIEW: (P.REVIEWED, P.DRAFT),
    P.REVIEWED: (P.PUBLISHED, P.DRAFT),
    P.PUBLISHED: (),
}


def is_reopening(current: str, to: str) -> bool:
    return current in OVER and to == S.INVESTIGATING


def change_status(
    incident: Incident,
    to: str,
    *,
    actor: Actor,
    now: datetime,
    note: str = "",
    log_it: bool = True,
    is_unexplained: bool = False,
) -> None:
    """Move the incident to another status.

    `log_it` writes a timeline entry of now, with `note` as its text (reopening and a close with a note are always
    logged). `is_unexplained` marks a close without an explanation; reopening clears the mark. Raises `Refused` for a
    step that the lifecycle does not have, and when somebody else changed the status first.
    """
    current = incident.status
    if to not in NEXT.get(current, ()):
        raise Refused(_no_such_step(incident, to), "status")
    note = check_text(note, "note", required=False, what="The note")
    if is_unexplained and to != S.CLOSED:
        raise Refused("Only a closed incident can be marked as unexplained.", "is_unexplained")
    target = IncidentStatus(to)
    closed_at = now if target == S.CLOSED else None
    with transaction.atomic():
        moved = Incident.objects.filter(pk=incident.pk, status=current).update(
            status=target,
            status_changed_at=now,
            closed_at=closed_at,
            is_unexplained=is_unexplained,
            version=F("version") + 1,
        )
        if not moved:
            latest = Incident.objects.get(pk=incident.pk)
            raise Refused(f"Somebody else just set the status to {latest.get_status_display().lower()}.", "status")
        incident.status, incident.status_changed_at, incident.closed_at = target, now, closed_at
        incident.is_unexplained = is_unexplained
        incident.version += 1
        reopened = is_reopening(current, target)
        if log_it or note or reopened:
            _log(incident, target, note, reopened, actor, now)
        refresh_summaries(incident)
        words = "Reopened" if reopened else f"Status: {target.label.lower()}"
        changes.record(
            incident,
            "incident.reopened" if reopened else "incident.status",
            words + (", unexplained" if is_unexplained else ""),
            actor=actor,
            now=now,
            before={"status": current},
            after={"status": to, "is_unexplained": is_unexplained},
        )


def change_postmortem_state(incident: Incident, to: str, *, actor: Actor, now: datetime) -> None:
    """Move the postmortem on, or back to draft. Publishing needs a maintainer. Raises `Refused`."""
    current = incident.postmortem_state
    if to not in NEXT_OF_POSTMORTEM.get(current, ()):
        label = incident.get_postmortem_state_display().lower()
        raise Refused(f"A postmortem that is {label} cannot become “{to[:20].replace('_', ' ')}”.", "state")
    if to == P.PUBLISHED and (actor.user is None or not may(actor.user, incident.team, Role.MAINTAINER)):
        raise Refused("Publishing needs the role maintainer or higher.", "state")
    with transaction.atomic():
        moved = Incident.objects.filter(pk=incident.pk, postmortem_state=current).update(postmortem_state=to)
        if not moved:
            raise Refused("Somebody else just changed the state of this postmortem.", "state")
        incident.postmortem_state = to
        changes.record(
            incident,
            "postmortem.state",
            f"Postmortem: {PostmortemState(to).label.lower()}",
            actor=actor,
            now=now,
            before={"state": current},
            after={"state": to},
        )


def _log(incident: Incident, to: IncidentStatus, note: str, reopened: bool, actor: Actor, now: datetime) -> None:
    text = note or ("Reopened" if reopened else f"Status set to {to.label.lower()}")
    if to == S.CLOSED and incident.is_unexplained and not note:
        text = "Closed without an explanation"
    timeline.add_entry(
        incident,
        text=text,
        # When impact began again is never filled in: a reopening is a note until a person says so.
        kind=_ENTRY_OF.get(to, EntryKind.NOTE),
        start=WrittenTime.from_instant(now.replace(second=0, microsecond=0), incident.time_zone or "UTC"),
        actor=actor,
        now=now,
    )


def _no_such_step(incident: Incident, to: str) -> str:
    label = incident.get_status_display().lower()
    if to == incident.status:
        return f"The incident is {label} already."
    if to == S.CLOSED:
        return f"An incident that is {label} cannot be closed; resolve it first."
    return f"An incident that is {label} cannot become “{to[:20]}”."
