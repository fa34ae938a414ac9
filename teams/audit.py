"""The audit log: every change by a person, in a hash chain that shows tampering.

hash = HMAC-SHA-256(key, previous hash ‖ canonical JSON of the event). The key is `AUDIT_KEY`. Whoever holds both
the key and the database can forge a chain: it is tamper-evident, no more. A daily head written elsewhere
(`verify_audit_log --head`) closes the gap of a cut tail.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from teams.actors import Actor
from teams.models import AuditEvent, AuditHead, Team

FIRST_HASH = "0" * 64


def free_text(text: str) -> dict[str, Any]:
    """What the log keeps of somebody's words: their digest and length in characters."""
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "characters": len(text)}


def record(
    action: str,
    *,
    actor: Actor,
    subject: str,
    summary: str,
    now: datetime,
    team: Team | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Append one event. Call inside the transaction that makes the change, so that both stand or neither.

    `summary`, `before` and `after` hold states, names of fields, times and ids; anybody's free text goes through
    `free_text` first.
    """
    with transaction.atomic():
        AuditHead.objects.get_or_create(pk=1, defaults={"hash": FIRST_HASH})
        head = AuditHead.objects.select_for_update().get(pk=1)
        event = AuditEvent(
            sequence=head.sequence + 1,
            at=now,
            team=team,
            actor=actor.user,
            actor_name=actor.name[:200],
            address=actor.address[:64],
            action=action,
            subject=subject,
            summary=summary[:200],
            before=_as_json(before),
            after=_as_json(after),
            previous_hash=head.hash,
        )
        event.hash = hash_of(event)
        event.save(force_insert=True)
        head.sequence, head.hash = event.sequence, event.hash
        head.save(update_fields=["sequence", "hash"])
    return event


def _as_json(values: Mapping[str, Any] | None) -> Any:
    return None if values is None else json.loads(json.dumps(dict(values), cls=DjangoJSONEncoder))


def hash_of(event: AuditEvent) -> str:
    """The event's hash over its content and the hash before it."""
    content = json.dumps(
        {
            "sequence": event.sequence,
            "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "team": event.team_id,
            "actor": event.actor_id,
            "actor_name": event.actor_name,
            "address": event.address,
            "action": event.action,
            "subject": event.subject,
            "summary": event.summary,
            "before": event.before,
            "after": event.after,
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    return hmac.new(settings.AUDIT_KEY.encode(), event.previous_hash.encode() + content.encode(), "sha256").hexdigest()


@dataclass(frozen=True)
class ChainBreak:
    sequence: int
    problem: str


def breaks() -> Iterator[ChainBreak]:
    """Walk the chain from the start; yield every event that does not fit. Reads in chunks of 2,000 rows."""
    previous_hash, expected = FIRST_HASH, 1
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000):
        if event.sequence != expected:
            yield ChainBreak(expected, f"events {expected} to {event.sequence - 1} are missing")
        if event.previous_hash != previous_hash and event.sequence == expected:
            yield ChainBreak(event.sequence, "does not follow the event before it")
        if event.hash != hash_of(event):
            yield ChainBreak(event.sequence, "its content was changed after it was written")
        previous_hash, expected = event.hash, event.sequence + 1
    head = AuditHead.objects.filter(pk=1).first()
    if head is not None and head.sequence != expected - 1:
        yield ChainBreak(head.sequence, f"the chain ends at {expected - 1}, its head says {head.sequence}")
    if head is not None and head.sequence == expected - 1 and head.hash != previous_hash:
        yield ChainBreak(head.sequence, "the last event is not the one the head names")
