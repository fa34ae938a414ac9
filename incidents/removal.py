"""Removing parts of an incident, and bringing them back. Nothing is deleted: undo instead of "are you sure?"."""

from __future__ import annotations

from datetime import datetime

from django.db import models, transaction

from incidents import changes, timeline
from incidents.models import (
    ActionItem,
    Attachment,
    ContributingFactor,
    Evidence,
    Hypothesis,
    Incident,
    SilentCheck,
    TimelineEntry,
)
from teams.actors import Actor

Removable = TimelineEntry | ContributingFactor | Hypothesis | Evidence | SilentCheck | ActionItem | Attachment

REMOVABLE: dict[str, type[models.Model]] = {
    "entry": TimelineEntry,
    "factor": ContributingFactor,
    "hypothesis": Hypothesis,
    "evidence": Evidence,
    "silence": SilentCheck,
    "action": ActionItem,
    "attachment": Attachment,
}
NAMES = {
    "entry": "Entry",
    "factor": "Contributing factor",
    "hypothesis": "Hypothesis",
    "evidence": "Evidence",
    "silence": "Silent check",
    "action": "Action item",
    "attachment": "Attachment",
}


def find(incident: Incident, kind: str, row_id: int) -> models.Model | None:
    """The removable row of this incident, removed or not."""
    model = REMOVABLE.get(kind)
    if model is None:
        return None
    path = "hypothesis__incident" if model is Evidence else "incident"
    return model._default_manager.filter(pk=row_id, **{path: incident}).first()


def remove(incident: Incident, kind: str, row_id: int, *, actor: Actor, now: datetime) -> bool:
    """Take a part out of sight. True if it was there to be removed; a second time does nothing."""
    return _set(incident, kind, row_id, now, "removed", actor, now)


def restore(incident: Incident, kind: str, row_id: int, *, actor: Actor, now: datetime) -> bool:
    """Bring back a removed part. True if it was removed."""
    return _set(incident, kind, row_id, None, "restored", actor, now)


def _set(
    incident: Incident, kind: str, row_id: int, deleted_at: datetime | None, done: str, actor: Actor, now: datetime
) -> bool:
    row = find(incident, kind, row_id)
    if row is None:
        return False
    with transaction.atomic():
        rows = REMOVABLE[kind]._default_manager.filter(pk=row_id, deleted_at__isnull=deleted_at is not None)
        if not rows.update(deleted_at=deleted_at):
            return False
        if isinstance(row, TimelineEntry):
            row.incident = incident
            timeline.after_removal(row)
        number = row.number if isinstance(row, ActionItem) else row_id
        changes.record(incident, f"{kind}.{done}", f"{NAMES[kind]} {number} {done}", actor=actor, now=now)
    return True
