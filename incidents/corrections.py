"""Key timestamps set by a person against what the entries say. The reason is kept and shown."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from incidents import changes
from incidents.changes import check_text
from incidents.entry_times import as_json, from_json
from incidents.figures import refresh_summaries
from incidents.key_timestamps import FIELD_LABELS, PER_ENVIRONMENT_FIELDS
from incidents.models import Incident, TimestampOverride
from incidents.written_times import WrittenTime
from teams import audit
from teams.actors import Actor
from teams.models import Environment
from teams.refusals import Refused


def override(
    incident: Incident,
    field: str,
    written: WrittenTime,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
    environment: Environment | None = None,
) -> TimestampOverride:
    """Set one key timestamp, replacing an earlier correction. Raises `Refused` without a reason or environment."""
    if field not in FIELD_LABELS:
        raise Refused(f"“{field[:30]}” is not a key timestamp.", "field")
    reason = check_text(reason, "reason", what="The reason")
    if len(reason) > 400:
        raise Refused(f"The reason has {len(reason)} characters; at most 400 fit.", "reason")
    if field in PER_ENVIRONMENT_FIELDS and environment is None:
        raise Refused(f"Which environment was it {FIELD_LABELS[field].lower()} in?", "environment")
    if environment is not None and environment.team_id != incident.team_id:
        raise Refused("That environment belongs to another team.", "environment")
    if written.precision == "unknown":
        raise Refused("Write a date, or a date and a time.", "when")
    with transaction.atomic():
        old = incident.overrides.filter(field=field, environment=environment).first()
        row, _ = TimestampOverride.objects.update_or_create(
            incident=incident,
            field=field,
            environment=environment,
            defaults={"written": as_json(written), "reason": reason, "by": actor.user, "at": now},
        )
        refresh_summaries(incident)
        changes.record(
            incident,
            "timestamp.overridden",
            f"{FIELD_LABELS[field]} corrected",
            actor=actor,
            now=now,
            before={"written": _shown(old)},
            after={"written": _shown(row), "reason": audit.free_text(reason)},
        )
    return row


def withdraw(row: TimestampOverride, *, actor: Actor, now: datetime) -> None:
    """Let the entries speak again."""
    with transaction.atomic():
        deleted, _ = TimestampOverride.objects.filter(pk=row.pk).delete()
        if deleted:
            refresh_summaries(row.incident)
            changes.record(
                row.incident,
                "timestamp.withdrawn",
                f"Correction of {FIELD_LABELS.get(row.field, row.field).lower()} withdrawn",
                actor=actor,
                now=now,
                before={"written": _shown(row)},
            )


def _shown(row: TimestampOverride | None) -> str | None:
    written = from_json(row.written) if row else None
    return written.as_written() if written else None
