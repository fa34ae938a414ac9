"""What every change of an incident writes beside itself: a history row, and a new live version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F

from incidents.models import Incident
from teams import audit
from teams.actors import Actor
from teams.refusals import Refused


def record(
    incident: Incident,
    action: str,
    summary: str,
    *,
    actor: Actor,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write the history row and count the live version up. Call inside the transaction that makes the change."""
    audit.record(
        action,
        actor=actor,
        subject=incident.key,
        summary=summary,
        now=now,
        team=incident.team,
        before=before,
        after=after,
    )
    Incident.objects.filter(pk=incident.pk).update(live_version=F("live_version") + 1)


TEXT_MAX_CHARACTERS = 100_000


def check_text(text: str, field: str = "text", *, required: bool = True, what: str = "The text") -> str:
    """The text without blanks around it. Raises `Refused` when it is empty though needed, too long, or unstorable."""
    text = text.replace("\r\n", "\n").strip()
    if required and not text:
        raise Refused(f"{what} is empty.", field)
    if len(text) > TEXT_MAX_CHARACTERS:
        raise Refused(
            f"{what} has {len(text):,} characters; at most {TEXT_MAX_CHARACTERS:,} fit. "
            "Shorten it, or attach it as a file.",
            field,
        )
    if "\x00" in text:
        raise Refused(f"{what} holds a NUL character, which cannot be stored.", field)
    return text
